"""The word list learns a writer's words without forgetting any, and never in place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET, LINE
from unscrawl.language import Edge, Language
from unscrawl.language.fold import SYMBOLS
from unscrawl.language.wordlist import WordList, parts


@pytest.fixture(scope="module")
def english() -> Language:
    return Language.load("en")


@pytest.fixture(scope="module")
def french() -> Language:
    return Language.load("fr")


def probability(words: WordList, text: str) -> float:
    """P(word), text without case."""
    node, log = np.zeros(1, np.int32), 0.0
    for c in text:
        node = words.trie.child(node, np.array([SYMBOLS.index(c)]))
        log += float(words.log[node[0]])
    return float(np.exp(log + words.end[node[0]]))


LETTERS = np.array([c.isalpha() for c in SYMBOLS])


def test_new_words_share_with_the_old(english: Language) -> None:
    base = english.model.words
    mixed = base.joined({"Brzezin": 3, "the": 1}, LETTERS, doubt=12.0)
    assert probability(mixed, "brzezin") == pytest.approx(3 / 16, rel=0.01)
    assert probability(mixed, "the") == pytest.approx(12 / 16 * probability(base, "the") + 1 / 16, rel=0.01)
    for word in ("house", "thee", "zoo", "brother", "br"):
        assert probability(mixed, word) == pytest.approx(12 / 16 * probability(base, word), rel=0.01)


def test_words_that_were_never_seen_are_not_learnt(english: Language) -> None:
    base = english.model.words
    mixed = base.joined({"Qworx": 0.0, "qwerx": 5e-324, "the": 1.0}, LETTERS, doubt=12.0)
    assert mixed.trie.nowhere == base.trie.nowhere


def test_words_beyond_reason_are_not_learnt(english: Language) -> None:
    base = english.model.words
    mixed = base.joined({"x" * 2000: 1.0, "the": 1.0}, LETTERS, doubt=12.0)
    assert mixed.trie.nowhere == base.trie.nowhere


def test_words_that_are_known_add_no_nodes(english: Language) -> None:
    base = english.model.words
    mixed = base.joined({"the": 3, "House": 1}, LETTERS, doubt=12.0)
    assert mixed.trie.nowhere == base.trie.nowhere
    assert probability(mixed, "house") > 10 * probability(base, "house")


def test_what_follows_a_prefix_adds_up_as_before(english: Language) -> None:
    base = english.model.words
    mixed = base.joined(dict.fromkeys(["Brzezin", "Brz", "qqq", "thehouse", "zyzzyva"], 2.0), LETTERS, 5.0)

    def total(words: WordList, node: int) -> float:
        first = words.trie.first[node]
        return float(
            np.exp(words.log[first : first + words.trie.counts[node]]).sum() + np.exp(words.end[node])
        )

    assert [total(mixed, node) for node in range(500)] == pytest.approx([1.0] * 500, abs=0.15)
    assert total(mixed, 0) == pytest.approx(total(base, 0), abs=0.01)


def test_a_word_is_capitalised_as_it_was_seen(english: Language) -> None:
    mixed = english.model.words.joined({"Qworx": 8, "qwerx": 8, "QWURX": 8}, LETTERS, 10.0)

    def title(word: str) -> int:
        node = np.zeros(1, np.int32)
        for c in word:
            node = mixed.trie.child(node, np.array([SYMBOLS.index(c)]))
        return int(mixed.title[node[0]])

    assert title("qworx") > 200
    assert 0 < title("qwerx") < 20
    assert 0 < title("qwurx") < 20
    assert title("qwo") == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [("L'Hôte", ["l", "hôte"]), ("Saint-Brieuc", ["saint", "brieuc"]), ("24 Xé~z", ["xé", "z"]), ("", [])],
)
def test_a_text_falls_into_words(text: str, words: Sequence[str]) -> None:
    assert ["".join(SYMBOLS[s] for s in word) for word, _ in parts(text, LETTERS)] == words


def test_a_writers_name_is_read_once_it_is_known(english: Language) -> None:
    rows = []
    for c in "from Mrs Vorreys":
        p = np.full(len(LINE) + 1, 1e-6)
        p[LINE.index(c) + 1] = 0.3 if c in "ey" else 0.97
        for other in {"e": "c", "y": "g"}.get(c, ""):
            p[LINE.index(other) + 1] = 0.66
        silence = np.full(len(LINE) + 1, 1e-6)
        silence[0] = 1.0
        rows += [p, silence]
    frames = np.log(np.array(rows) / np.sum(rows, axis=1, keepdims=True)).astype(np.float32)

    def read(language: Language) -> str:
        return "".join(s.char for s in language.decode_ctc([frames])[0])

    assert read(english) != "from Mrs Vorreys"
    assert read(english.with_words(["Vorreys"] * 5)) == "from Mrs Vorreys"


def test_a_writers_name_is_read_character_by_character(english: Language) -> None:
    def scores(c: str) -> NDArray[np.float32]:
        p = np.full(len(ALPHABET), 1e-6)
        p[ALPHABET.index(c)] = 0.3 if c in "ey" else 1.0
        for other in {"e": "c", "y": "g"}.get(c, ""):
            p[ALPHABET.index(other)] = 0.7
        log_p: NDArray[np.float32] = np.log(p).astype(np.float32)
        return log_p

    edges = [Edge(i, i + 1, scores(c), 0.0) for i, c in enumerate("Vorreys")]
    breaks = np.full(len(edges), 0.01, np.float32)

    def read(language: Language) -> str:
        return " ".join("".join(c.char for c in word) for word in language.decode(edges, breaks))

    assert read(english) != "Vorreys"
    assert read(english.with_words({"Vorreys": 5.0})) == "Vorreys"


def test_the_language_itself_learns_nothing(english: Language) -> None:
    before = english.score("Mrs Vorreys")
    assert english.with_words(["Vorreys"]).score("Mrs Vorreys") > before + 2
    assert english.score("Mrs Vorreys") == before


def test_no_words_change_nothing(french: Language) -> None:
    assert french.with_words([]).score("l'été à la mer") == french.score("l'été à la mer")
    assert french.with_words(["24", "…"]).score("l'été à la mer") == french.score("l'été à la mer")


def test_words_behind_an_apostrophe_are_french_words(french: Language) -> None:
    own = french.with_words(["l'Yzengremer"] * 3)
    assert own.score("à Yzengremer") > french.score("à Yzengremer") + 2
