"""The language: it mends English, leaves codes, names and numbers to the ink, and invents nothing."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET, LOWER, UPPER
from unscrawl.errors import DataError, ModelError
from unscrawl.language import Choice, Edge, Language

_INDEX = {c: i for i, c in enumerate(ALPHABET)}


@pytest.fixture(scope="module")
def language() -> Language:
    return Language.load("en")


def ink(seen: dict[str, float], mass: float = 1.0) -> NDArray[np.float32]:
    """Scores [84] of a classifier that believes in the characters of `seen` by these shares."""
    p = np.full(len(ALPHABET), 1e-7)
    for c, share in seen.items():
        p[_INDEX[c]] = share
    return np.log(mass * p / p.sum()).astype(np.float32)


def line(text: str, doubts: dict[str, str] | None = None) -> tuple[list[Edge], NDArray[np.float32]]:
    """One piece a character; a character among `doubts` looks a little more like something else."""
    edges, breaks = [], []
    for word in text.split():
        for k, c in enumerate(word):
            other = (doubts or {}).get(c)
            edges.append(
                Edge(len(edges), len(edges) + 1, ink({c: 0.4, other: 0.6} if other else {c: 1.0}), 0.0)
            )
            breaks.append(0.97 if k == 0 and len(breaks) else 0.02)
    return edges, np.array(breaks, np.float32)


def text_of(words: list[list[Choice]]) -> str:
    return " ".join("".join(c.char for c in word) for word in words)


def test_doubtful_letters_are_mended_from_context(language: Language) -> None:
    edges, breaks = line("the quick brown fox", {"e": "c", "u": "v", "o": "0", "i": "1"})
    assert text_of(language.decode(edges, breaks)) == "the quick brown fox"


def test_weight_zero_believes_the_ink(language: Language) -> None:
    edges, breaks = line("the quick brown fox", {"e": "c", "u": "v", "o": "0", "i": "1"})
    assert text_of(language.decode(edges, breaks, weight=0)) == "thc qv1ck br0wn f0x"


def test_same_shape_case_follows_the_rest_of_the_word(language: Language) -> None:
    edges, breaks = line("and we saw SOCKS", {"w": "W", "s": "S", "O": "o", "C": "c", "K": "k"})
    assert text_of(language.decode(edges, breaks)) == "and we saw SOCKS"


@pytest.mark.parametrize("text", ["and I saw him", "with Mrs Brown", "in London again"])
def test_words_with_a_case_of_their_own(language: Language, text: str) -> None:
    edges, breaks = line(text, {"I": "i", "M": "m", "L": "l"})
    assert text_of(language.decode(edges, breaks)) == text


@pytest.mark.parametrize("text", ["QX17 KZ9 4TRW", "xqzk vvjw", "254 504 1791", "£39.11 13:04", "Xh7pQ 8fLz"])
def test_clear_ink_is_never_overruled(language: Language, text: str) -> None:
    assert text_of(language.decode(*line(text))) == text


def test_random_groups_are_read_no_worse_than_without_language(language: Language) -> None:
    rng, noise = random.Random(3), np.random.default_rng(3)
    wrong = {0.0: 0, 1.0: 0}
    for _ in range(20):
        text = " ".join("".join(rng.choices(rng.choice((LOWER, UPPER)), k=5)) for _ in range(4))
        edges = []
        for c in text.replace(" ", ""):
            z = noise.normal(0, 1.0, len(ALPHABET))
            z[_INDEX[c]] += 4.2
            edges.append(
                Edge(len(edges), len(edges) + 1, ink(dict(zip(ALPHABET, np.exp(2 * z), strict=True))), 0.0)
            )
        breaks = np.array([0.95 if i % 5 == 0 and i else 0.03 for i in range(20)], np.float32)
        for weight in wrong:
            read = text_of(language.decode(edges, breaks, weight=weight))
            wrong[weight] += sum(a != b for a, b in zip(read, text, strict=False)) + abs(
                len(read) - len(text)
            )
    assert wrong[0.0] > 0
    assert wrong[1.0] <= wrong[0.0]


def test_characters_without_support_never_appear(language: Language) -> None:
    edges, breaks = line("thx houzz")
    assert text_of(language.decode(edges, breaks)) == "thx houzz"


def test_fold_case_gives_small_letters(language: Language) -> None:
    edges, breaks = line("dEAr lAuReNce 24", {"l": "I", "u": "v"})
    assert text_of(language.decode(edges, breaks, fold_case=True)) == "dear laurence 24"


def test_fold_case_adds_up_both_cases(language: Language) -> None:
    scores = ink({"5": 0.4, "S": 0.3, "s": 0.3})
    words = language.decode([Edge(0, 1, scores, 0.0)], np.zeros(1, np.float32), fold_case=True, weight=0)
    assert words[0][0].alternatives[0] == ("s", pytest.approx(0.6, abs=0.01))


def test_competing_cuts_are_settled_by_the_word(language: Language) -> None:
    edges, breaks = line("co")
    edges += [
        Edge(2, 3, ink({"r": 1.0}, 0.7), np.log(0.5)),
        Edge(3, 4, ink({"n": 1.0}, 0.7), np.log(0.5)),
        Edge(2, 4, ink({"m": 1.0}, 0.7), np.log(0.5)),
        Edge(4, 5, ink({"e": 1.0}), 0.0),
    ]
    words = language.decode(edges, np.append(breaks, [0.02] * 3).astype(np.float32))
    assert text_of(words) == "come"
    assert [c.edge for c in words[0]] == [0, 1, 4, 5]


def test_doubtful_space_is_decided_by_the_words(language: Language) -> None:
    edges, breaks = line("for the house")
    breaks[3] = 0.4
    breaks[[5, 8]] = 0.4, 0.4
    assert text_of(language.decode(edges, breaks)) == "for the house"


def test_alternatives_are_a_distribution_with_the_choice_in_it(language: Language) -> None:
    for weight in (0.0, 1.0):
        for word in language.decode(*line("a cat", {"c": "e"}), weight=weight):
            for choice in word:
                characters = [c for c, _ in choice.alternatives]
                p = [share for _, share in choice.alternatives]
                assert len(p) >= 5
                assert len(set(characters)) == len(characters)
                assert choice.char in characters
                assert p == sorted(p, reverse=True)
                assert 0.9 < sum(p) <= 1.0001


def test_context_changes_the_posterior(language: Language) -> None:
    edges, breaks = line("because of", {"e": "c"})
    alone = dict(language.decode(edges, breaks, weight=0)[0][1].alternatives)
    inside = dict(language.decode(edges, breaks)[0][1].alternatives)
    assert alone["e"] < 0.5 < 0.9 < inside["e"]


def test_no_pieces_no_words(language: Language) -> None:
    assert language.decode([], np.zeros(0, np.float32)) == []


def test_a_gap_in_the_lattice_is_named(language: Language) -> None:
    edges = [Edge(0, 1, ink({"a": 1.0}), 0.0)]
    with pytest.raises(DataError, match="do not lead"):
        language.decode(edges, np.zeros(2, np.float32))


def test_pieces_without_hypotheses_are_named(language: Language) -> None:
    with pytest.raises(DataError, match="do not lead"):
        language.decode([], np.zeros(2, np.float32))


def test_an_edge_outside_the_line_is_named(language: Language) -> None:
    with pytest.raises(DataError, match="does not fit 1 pieces"):
        language.decode([Edge(0, 2, ink({"a": 1.0}), 0.0)], np.zeros(1, np.float32))


def test_unknown_language_is_named() -> None:
    with pytest.raises(ModelError, match="no language 'xx'"):
        Language.load("xx")


def test_one_line_takes_milliseconds(language: Language) -> None:
    edges, breaks = line("it was a bright cold day in April", {"a": "o", "i": "l", "d": "c"})
    edges += [Edge(i, i + 2, ink({"m": 0.6, "w": 0.4}, 0.1), -2.0) for i in range(len(breaks) - 1)]
    began = time.process_time()
    for _ in range(3):
        language.decode(edges, breaks)
    assert time.process_time() - began < 1.0  # about 0.05 s when nothing else runs
