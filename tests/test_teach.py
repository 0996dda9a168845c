"""Teaching a hand: what is learnt reads held-out writing better, what is doubtful is left out and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from unscrawl.alphabet import LINE
from unscrawl.errors import OptionError
from unscrawl.glyph import prepare
from unscrawl.hand import Character, GlyphHead, Hand, Sample
from unscrawl.recogniser import JUNK, Recogniser
from unscrawl.synth.hands import FontHand, bundled_fonts
from unscrawl.teach import again, teach
from unscrawl.teach.glyphs import adapt_characters
from unscrawl.teach.symbols import learn_symbols, redraw
from unscrawl.teach.trial import greedy

Floats = NDArray[np.float32]
C = len(LINE) + 1
TEXTS = [
    "the age of wisdom",
    "it was the age of",
    "season of light",
    "winter of despair",
    "we had nothing",
    "before us we were",
    "all going direct",
    "to heaven we were",
    "the other way in",
    "short the period",
]


class Made:
    """A line recogniser of made-up strips: a character is four columns whose first two rows tell its class.

    Each class has a random feature. This writer's features lie half-way to other classes', so that the base
    mistakes a part of the characters.
    """

    classes, temperature, replay, fingerprint = LINE, 1.0, None, "made"

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        looks = rng.normal(0, 1, (C, 32)).astype(np.float32)
        self.head = (looks.T.copy(), (-0.5 * (looks**2).sum(axis=1)).astype(np.float32))
        self._written = looks + np.float32(0.5) * (looks[rng.permutation(C)] - looks)
        self._written[0] = looks[0]

    def features(self, strips: Sequence[NDArray[np.uint8]]) -> list[Floats]:
        found = []
        for strip in strips:
            rng = np.random.default_rng(int(strip[2:].astype(int).sum()))
            written = self._written[strip[0, ::4].astype(int) // 17 * 16 + strip[1, ::4] // 17]
            found.append((written + rng.normal(0, 0.5, written.shape)).astype(np.float32))
        return found

    def log_probabilities(self, features: Floats, head: tuple[Floats, Floats] | None = None) -> Floats:
        weight, bias = head or self.head
        z = features @ weight + bias
        return np.asarray(z - np.logaddexp.reduce(z, axis=1, keepdims=True), np.float32)


def written(text: str, name: str = "", says: str = "", seed: int = 0) -> Sample:
    """A strip of `Made` that shows `says`, or `text` itself, given with the text `text`."""
    columns = np.array([v for c in says or text for v in (0, LINE.index(c) + 1)] + [0]).repeat(4)
    noise = np.random.default_rng([len(text), seed]).integers(0, 16, (38, len(columns)))
    strip = np.concatenate([[columns // 16, columns % 16], noise]) * 17
    return Sample(strip.astype(np.uint8), text, name)


def lines(n: int) -> list[Sample]:
    return [written(TEXTS[i % len(TEXTS)], f"{i}.png", seed=i) for i in range(n)]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder for hands."""
    monkeypatch.setenv("UNSCRAWL_HANDS", str(tmp_path))


@pytest.fixture(scope="module")
def made() -> Any:
    return Made()


@pytest.fixture(scope="module")
def glyphs() -> Recogniser:
    return Recogniser(threads=1)


def test_held_out_lines_are_read_better(made: Any) -> None:
    report = teach("andrew", lines(10), recogniser=made)
    assert report.kept
    assert report.lines_used == 10
    assert report.cer_before is not None
    assert report.cer_after is not None
    assert report.cer_after < 0.8 * report.cer_before


def mistakes(made: Any, hand: Hand) -> int:
    """Wrong characters of ten lines that nobody taught, read without a language."""
    unknown = [written(text, seed=100 + i) for i, text in enumerate(TEXTS)]
    head = hand.line.on(made.head) if hand.line else None
    log_p = [made.log_probabilities(x, head) for x in made.features([s.strip for s in unknown])]
    read = ["".join(LINE[c - 1] for c in greedy(p)) for p in log_p]
    return sum(Levenshtein.distance(text, line.text) for text, line in zip(read, unknown, strict=True))


def test_other_lines_of_the_hand_teach_it_too(made: Any) -> None:
    others = [line.strip for line in lines(30)[10:]]
    alone = teach(Hand("andrew"), lines(4), recogniser=made)
    beside = teach(Hand("andrew"), lines(4), recogniser=made, others=others)
    assert mistakes(made, beside.hand) < mistakes(made, alone.hand)


def test_other_lines_are_not_kept(made: Any) -> None:
    report = teach("andrew", lines(4), recogniser=made, others=[lines(6)[5].strip])
    assert report.lines_used == 4
    assert [line.text for line in Hand.load("andrew").lines] == TEXTS[:4]


def test_other_lines_that_say_nothing_change_nothing(made: Any) -> None:
    alone = teach(Hand("andrew"), lines(10), recogniser=made)
    blank = np.zeros_like(lines(1)[0].strip)
    beside = teach(Hand("andrew"), lines(10), recogniser=made, others=[blank])
    assert mistakes(made, beside.hand) == mistakes(made, alone.hand)


def test_what_was_taught_is_kept_under_the_name(made: Any) -> None:
    report = teach("andrew", lines(8), recogniser=made)
    hand = Hand.load("andrew")
    assert hand == report.hand
    assert hand.line is not None
    assert hand.line.base == "made"
    assert [s.text for s in hand.lines] == TEXTS[:8]
    assert hand.words["were"] == 2


def test_teaching_goes_on_where_it_stopped(made: Any) -> None:
    teach("andrew", lines(8)[:3], recogniser=made)
    teach("andrew", lines(8)[3:], recogniser=made)
    apart = Hand.load("andrew")
    teach("bert", lines(8), recogniser=made)
    together = Hand.load("bert")
    assert apart.line is not None
    assert together.line is not None
    np.testing.assert_array_equal(apart.line.weight, together.line.weight)


def test_a_line_taught_again_gets_its_new_text(made: Any) -> None:
    line = written("the age of wisdom")
    teach("andrew", [replace(line, text="the age of wisdon")], recogniser=made)
    teach("andrew", [line], recogniser=made)
    assert [s.text for s in Hand.load("andrew").lines] == ["the age of wisdom"]


def test_a_hand_that_learnt_nothing_better_keeps_the_base(made: Any) -> None:
    class Perfect(Made):
        def __init__(self) -> None:
            super().__init__()
            self._written = self.head[0].T

    report = teach("andrew", lines(6), recogniser=Perfect())  # type: ignore[arg-type]
    assert report.cer_before == 0
    assert report.cer_after is not None
    assert report.hand.line is None or report.cer_after == 0


def test_what_is_read_worse_in_its_language_is_given_up(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(spelt: Any, log_p: Any, texts: Sequence[tuple[int, ...]], known: Any = ()) -> int:
        return len(texts) if known else 0

    monkeypatch.setattr("unscrawl.teach.trial.Spelt.wrong", wrong)
    report = teach("andrew", lines(10), recogniser=made)
    assert not report.kept
    assert report.hand.line is None
    assert (report.lines_used, report.cer_before) == (10, 0)
    assert report.cer_after is not None
    assert report.cer_after > 0


def test_one_short_word_is_kept_though_nothing_can_be_held_out(made: Any) -> None:
    report = teach("andrew", [written("wisdom")], recogniser=made)
    assert (report.lines_used, report.kept, report.cer_before) == (1, False, None)


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        ([written("", "a.png", says="the age of wisdom")], "empty"),
        ([written("  ", "a.png", says="the age of wisdom")], "empty"),
        ([written("мир и война", "a.png", says="the age of wisdom")], "does not know"),
        ([written("quick brown foxes", "a.png", says="the age of wisdom")], "does not fit"),
        ([written("the age of wisdom " * 9, "a.png", says="the age of wisdom")], "does not fit"),
    ],
)
def test_what_cannot_be_taught_is_named(made: Any, samples: list[Sample], why: str) -> None:
    report = teach("andrew", samples, recogniser=made)
    assert report.lines_used == 0
    assert [name for name, _ in report.left_out] == ["a.png"]
    assert why in report.left_out[0][1]
    assert Hand.names() == []


def test_one_line_with_two_texts_is_left_out_twice(made: Any) -> None:
    line = written("the age of wisdom", "a.png")
    report = teach("andrew", [line, replace(line, text="the age of wisdon", name="b.png")], recogniser=made)
    assert [name for name, _ in report.left_out] == ["a.png", "b.png"]


def test_typographic_marks_are_taken_for_plain_ones(made: Any) -> None:
    line = written("it's the age of", says="it's the age of")
    report = teach("andrew", [replace(line, text="it’s  the age of")], recogniser=made)
    assert report.hand.lines[0].text == "it's the age of"


def test_a_hand_is_taught_again_on_another_base(made: Any) -> None:
    teach("andrew", lines(8), recogniser=made)
    other = Made()
    other.fingerprint = "other"
    report = again("andrew", recogniser=other, glyphs=None)  # type: ignore[arg-type]
    assert report.hand.line is not None
    assert report.hand.line.base == "other"
    assert len(report.hand.lines) == 8


def test_a_hand_given_as_such_is_not_saved(made: Any) -> None:
    report = teach(Hand("andrew"), lines(4), recogniser=made)
    assert len(report.hand.lines) == 4
    assert Hand.names() == []


def test_teaching_at_the_same_time_loses_nothing(made: Any) -> None:
    every = lines(8)
    threads = [
        Thread(target=teach, args=("andrew", every[i::4]), kwargs={"recogniser": made}) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {s.name for s in Hand.load("andrew").lines} == {s.name for s in every}


def test_a_full_hand_lets_its_first_lines_go(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unscrawl.teach._MOST_BYTES", 30_000)
    report = teach("andrew", lines(10), recogniser=made)
    assert len(report.hand.to_bytes()) <= 30_000
    assert report.hand.lines[-1].name == "9.png"


def drawn(characters: str, font: int = 0, copies: int = 5, seed: int = 0) -> list[Character]:
    """Characters of a handwriting font, each redrawn a few times."""
    hand = FontHand(bundled_fonts()[font], 40)
    rng = np.random.default_rng(seed)
    found = []
    for c in characters:
        picture = prepare(hand.draw(c, rng).ink)
        found += [Character(p, c, c) for p in redraw(picture[None], copies + 1, rng)[0, 1:]]
    return found


def _pictures(characters: Sequence[Character]) -> NDArray[np.uint8]:
    return np.stack([c.picture for c in characters])


def look(characters: Sequence[Character], head: GlyphHead, glyphs: Recogniser) -> NDArray[np.float32]:
    """What a hand makes of characters, [N, C]."""
    pictures = _pictures(characters)
    return head.log_probabilities(glyphs.logits(pictures), pictures)


def read(characters: Sequence[Character], head: GlyphHead | None, glyphs: Recogniser) -> NDArray[np.str_]:
    """What characters are read as by a hand, or by the base."""
    log_p = look(characters, head, glyphs) if head else glyphs.log_probabilities(_pictures(characters))
    return np.array([glyphs.classes[i] for i in log_p.argmax(axis=1)])


def test_a_new_alphabet_is_read_with_its_labels(glyphs: Recogniser) -> None:
    names = {c: f"<{c}>" for c in "ABCDEFGHKLMNPRSTUWXZ"}
    samples = [replace(c, label=names[c.label]) for c in drawn("".join(names))]
    learnt = learn_symbols(samples, glyphs)
    assert learnt.right >= 0.92 * learnt.tried
    held = drawn("".join(names), seed=1)
    log_p = look(held, learnt.head, glyphs)
    best = [learnt.head.classes[i] for i in log_p[:, :-1].argmax(axis=1)]
    right = [names[c.label] == label for c, label in zip(held, best, strict=True)]
    assert np.mean(right) >= 0.92
    assert learnt.head.classes[-1] == JUNK


def test_two_symbols_in_one_are_no_character(glyphs: Recogniser) -> None:
    learnt = learn_symbols(drawn("ABCDEFGH"), glyphs)
    one, other = (c.picture[:, 4:24] for c in drawn("CE", copies=1, seed=2))
    both = prepare(np.concatenate([one, other], axis=1))
    log_p = learnt.head.log_probabilities(glyphs.logits(both[None]), both[None])
    assert learnt.head.classes[int(log_p.argmax())] == JUNK


def test_an_alphabet_of_one_symbol_is_refused(glyphs: Recogniser) -> None:
    with pytest.raises(OptionError, match="at least two"):
        teach("runes", (), drawn("A"), recogniser=None, glyphs=glyphs, own_alphabet=True)


def test_a_hand_of_the_known_alphabet_takes_no_other(glyphs: Recogniser) -> None:
    teach("andrew", (), drawn("ab"), recogniser=None, glyphs=glyphs)
    with pytest.raises(OptionError, match="another name"):
        teach("andrew", (), drawn("ab"), recogniser=None, glyphs=glyphs, own_alphabet=True)


def test_a_writer_who_swaps_two_letters_is_understood(glyphs: Recogniser) -> None:
    swapped = [replace(c, label="h" if c.label == "n" else c.label) for c in drawn("nhabc", copies=6)]
    swapped = [c for c in swapped if c.name != "h"]
    adapted = adapt_characters(swapped, glyphs)
    assert adapted.after < adapted.before
    assert adapted.head is not None
    held = drawn("n", seed=1)
    log_p = look(held, adapted.head, glyphs)
    assert [adapted.head.classes[i] for i in log_p.argmax(axis=1)] == ["h"] * len(held)


def test_characters_that_were_not_taught_are_read_as_before(glyphs: Recogniser) -> None:
    adapted = adapt_characters([replace(c, label="h") for c in drawn("n", copies=8)] + drawn("ab"), glyphs)
    assert adapted.head is not None
    others = drawn("defgkpqstwxyzDEFGKQR2345678", copies=2, seed=3)
    before, after = read(others, None, glyphs), read(others, adapted.head, glyphs)
    right = before == np.array([c.label for c in others])
    assert np.mean(after[right] == before[right]) >= 0.95


def test_who_writes_small_letters_has_others_of_them_read_as_such(glyphs: Recogniser) -> None:
    taught = drawn("aeinrtuoc", copies=3)
    adapted = adapt_characters(taught, glyphs)
    assert adapted.head is not None
    others = drawn("swxzvpk", copies=4, seed=3)
    labels = np.array([c.label for c in others])
    before, after = (np.mean(read(others, head, glyphs) == labels) for head in (None, adapted.head))
    assert after > before


def test_who_writes_capitals_has_others_of_them_read_as_such(glyphs: Recogniser) -> None:
    adapted = adapt_characters(drawn("AEINRTUOC", copies=3), glyphs)
    assert adapted.head is not None
    others = drawn("SWXZVPK", copies=4, seed=3)
    labels = np.array([c.label for c in others])
    before, after = (np.mean(read(others, head, glyphs) == labels) for head in (None, adapted.head))
    assert after >= before


def test_an_unknown_character_is_named(glyphs: Recogniser) -> None:
    odd = [replace(c, label="ж") for c in drawn("a", copies=1)]
    report = teach("andrew", (), [*odd, *drawn("bc")], recogniser=None, glyphs=glyphs)
    assert report.characters_used == 10
    assert "no character that is known" in report.left_out[0][1]
