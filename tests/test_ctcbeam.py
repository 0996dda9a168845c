"""The CTC search: it mends text, leaves strange words to the ink, and says how sure it is."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.ctc import Span
from unscrawl.errors import DataError
from unscrawl.language import Language, choose, decode_in_best


@pytest.fixture(scope="module")
def english() -> Language:
    return Language.load("en")


@pytest.fixture(scope="module")
def french() -> Language:
    return Language.load("fr")


def frames(text: str, doubts: dict[str, str] | None = None, sure: float = 0.96) -> NDArray[np.float32]:
    """A frame a character and one of silence; a character among `doubts` looks a little more like another."""
    rows = []
    for c in text:
        p = np.full(len(LINE) + 1, 1e-6)
        other = (doubts or {}).get(c)
        p[LINE.index(c) + 1] = 0.42 * sure if other else sure
        if other:
            p[LINE.index(other) + 1] = 0.58 * sure
        p[0] = 1 - sure
        silence = np.full(len(LINE) + 1, 1e-6)
        silence[0] = 1.0
        rows += [p, silence]
    table = np.array(rows).reshape(-1, len(LINE) + 1)
    return np.log(table / table.sum(axis=1, keepdims=True)).astype(np.float32)


def text_of(spans: list[Span]) -> str:
    return "".join(s.char for s in spans)


def test_doubtful_letters_are_mended_from_context(english: Language) -> None:
    log_p = frames("the quick brown fox", {"e": "c", "u": "v", "o": "0", "i": "1"})
    assert text_of(english.decode_ctc([log_p])[0]) == "the quick brown fox"


def test_weight_zero_believes_the_ink(english: Language) -> None:
    log_p = frames("the quick brown fox", {"e": "c", "u": "v", "o": "0", "i": "1"})
    assert text_of(english.decode_ctc([log_p], weight=0)[0]) == "thc qv1ck br0wn f0x"


def test_french_accents_follow_the_word(french: Language) -> None:
    log_p = frames("l'été où il va à la forêt", {"é": "e", "ê": "é", "à": "a", "ù": "u"})
    assert text_of(french.decode_ctc([log_p])[0]) == "l'été où il va à la forêt"


@pytest.mark.parametrize(
    "text",
    [
        "QX17 KZ9 4TRW",
        "xqzk vvjw",
        "254 504 1791",
        "£39.11 13:04",
        "Mrs Brzezinskova",
        "aabb ccdd",
        "Vereruysse Lejuez",
    ],
)
def test_clear_ink_is_never_overruled(english: Language, text: str) -> None:
    assert text_of(english.decode_ctc([frames(text, sure=0.99)])[0]) == text


def test_characters_without_support_never_appear(english: Language) -> None:
    assert text_of(english.decode_ctc([frames("thx houzz")])[0]) == "thx houzz"


def test_lines_together_read_as_lines_alone(english: Language) -> None:
    texts = ["a short one", "", "and then a rather longer line of text", "x"]
    lines = [frames(t, {"e": "c", "o": "a"}) for t in texts]
    together = english.decode_ctc(lines)
    assert [text_of(s) for s in together] == texts
    for spans, line in zip(together, lines, strict=True):
        alone = english.decode_ctc([line])[0]
        assert [(s.char, s.start, s.stop) for s in spans] == [(s.char, s.start, s.stop) for s in alone]
        for one, other in zip(spans, alone, strict=True):  # sums in another order: the last digits differ
            assert one.log_p == pytest.approx(other.log_p, abs=1e-6)
            assert dict(one.alternatives) == pytest.approx(dict(other.alternatives), abs=1e-6)


def test_characters_lie_where_their_frames_are(english: Language) -> None:
    spans = english.decode_ctc([frames("we all", {"e": "c"})])[0]
    assert [(s.start, s.stop) for s in spans] == [(2 * i, 2 * i + 1) for i in range(6)]


def test_long_silence_keeps_places(english: Language) -> None:
    silence = frames("a")[1:].repeat(40, axis=0)
    log_p = np.concatenate([silence, frames("to"), silence, frames("be"), silence])
    assert [(s.char, s.start) for s in english.decode_ctc([log_p])[0]] == [
        ("t", 40), ("o", 42), ("b", 84), ("e", 86)
    ]  # fmt: skip


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_alternatives_are_ranked_and_hold_the_character(english: Language, weight: float) -> None:
    for span in english.decode_ctc([frames("a cat", {"c": "e"})], weight=weight)[0]:
        characters, p = zip(*span.alternatives, strict=True)
        assert len(characters) >= 5
        assert len(set(characters)) == len(characters)
        assert list(p) == sorted(p, reverse=True)
        assert 0.5 < sum(p) <= 1.0001
        assert dict(span.alternatives)[span.char] == pytest.approx(np.exp(span.log_p), abs=1e-6)


def test_context_changes_the_posterior(english: Language) -> None:
    log_p = frames("because of", {"e": "c"})
    alone = dict(english.decode_ctc([log_p], weight=0)[0][1].alternatives)
    inside = dict(english.decode_ctc([log_p])[0][1].alternatives)
    assert alone["e"] < 0.5 < 0.9 < inside["e"]


def test_silence_reads_as_nothing(english: Language) -> None:
    assert english.decode_ctc([frames("a")[1:], np.zeros((0, 129), np.float32)]) == [[], []]
    assert english.decode_ctc([]) == []


def test_frames_of_noise_do_no_harm(english: Language) -> None:
    z = np.random.default_rng(0).normal(0, 1, (60, 129))
    log_p = (z - np.log(np.exp(z).sum(axis=1, keepdims=True))).astype(np.float32)
    for span in english.decode_ctc([log_p])[0]:
        assert 0 <= np.exp(span.log_p) <= 1
        assert 0 <= span.start < span.stop <= 60


def test_wrong_classes_are_named(english: Language) -> None:
    with pytest.raises(DataError, match="129 classes"):
        english.decode_ctc([np.zeros((4, 85), np.float32)])


def test_text_scores_higher_in_its_own_language(english: Language, french: Language) -> None:
    languages = {"en": english, "fr": french}
    assert choose(languages, ["We arrived late", "and went to bed"]) == "en"
    assert choose(languages, ["Ma chère mère, je suis", "bien arrivé hier"]) == "fr"
    assert choose(languages, ["Je suis bien arrive hier soir"]) == "fr"
    assert choose(languages, []) == "en"


def test_the_likelier_reading_tells_the_language(english: Language, french: Language) -> None:
    languages = {"en": english, "fr": french}
    doubts = {"e": "c", "u": "v", "n": "r", "s": "5", "h": "b"}
    for name, text in (("en", "we have the honour"), ("fr", "nous avons une mule")):
        log_p = frames(text, doubts)
        told, (spans,) = decode_in_best(languages, [log_p])
        assert (told, text_of(spans)) == (name, text)
        assert spans == languages[name].decode_ctc([log_p])[0]


def test_all_lines_of_a_page_tell_its_language(english: Language, french: Language) -> None:
    page = [frames(text) for text in ("12 30", "Paris", "nous sommes arrivés hier soir", "OK")]
    told, spans = decode_in_best({"en": english, "fr": french}, page)
    assert told == "fr"
    assert spans == french.decode_ctc(page)


def test_without_language_the_ink_alone_is_read(english: Language, french: Language) -> None:
    log_p = frames("nous avons", {"n": "r"})
    told, (spans,) = decode_in_best({"en": english, "fr": french}, [log_p], weight=0)
    assert text_of(spans) == "rous avors"
    assert told in ("en", "fr")


def test_of_nothing_the_first_language_is_told(english: Language, french: Language) -> None:
    assert decode_in_best({"en": english, "fr": french}, []) == ("en", [])
    assert decode_in_best({"fr": french, "en": english}, [frames("a")[1:]])[0] == "fr"


def test_score_is_per_text(english: Language) -> None:
    assert english.score("the house") > english.score("teh huose") > english.score("xq$z 7kJ&")


def test_one_line_takes_milliseconds(english: Language) -> None:
    log_p = frames("it was a bright cold day in April, and the clocks", {"a": "o", "i": "l", "d": "c"})
    began = time.process_time()
    for _ in range(3):
        english.decode_ctc([log_p])
    assert time.process_time() - began < 1.0  # about 0.06 s when nothing else runs


def test_a_very_long_line_takes_bounded_memory(english: Language) -> None:
    log_p = frames("and so on " * 40)
    tracemalloc.start()
    spans, short = english.decode_ctc([log_p, frames("a cat")])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert text_of(spans) == "and so on " * 40
    assert text_of(short) == "a cat"
    assert peak < 40e6
