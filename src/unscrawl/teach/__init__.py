"""Teaches a hand: lines and characters of one writer → what makes the next reading of that hand better.

All that was ever taught is learnt anew together with what is added, on the base there is, so that order does
not matter and a better base can be taught the same hand again. Needs no torch; a thorough teaching uses it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from unscrawl import shelf
from unscrawl.errors import OptionError
from unscrawl.hand import Character, Hand, LineHead, Sample
from unscrawl.handfile import coarse
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.recogniser import JUNK, Recogniser
from unscrawl.teach.adapt import Replay
from unscrawl.teach.deeply import teach_deeply
from unscrawl.teach.glyphs import adapt_characters
from unscrawl.teach.lessons import lessons_of
from unscrawl.teach.others import read_others
from unscrawl.teach.pupil import QUICK, THOROUGH, Base, Effort, Lesson
from unscrawl.teach.symbols import learn_symbols
from unscrawl.teach.tail import Tail
from unscrawl.teach.trial import Outcome, fits, teach_lines
from unscrawl.teach.wording import classes, spell, words_of

__all__ = ["Character", "Report", "Sample", "again", "teach"]

_MOST_BYTES: Final = 1_000_000  # of a hand's file: beyond that the lines taught first go
_EACH: Final = 32  # characters kept of one label

LeftOut = tuple[str, str]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Report:
    """What came of a teaching.

    `left_out` names what was not taken, and why. Error rates, 0 to 1, are of lines, read in their language,
    and of single characters held out of the teaching; None where there were too few to tell. `kept` says that
    the hand reads better than the base; where it is False the base is used, and the material is kept.
    """

    hand: Hand
    lines_used: int
    characters_used: int
    left_out: tuple[LeftOut, ...]
    cer_before: float | None
    cer_after: float | None
    characters_before: float | None
    characters_after: float | None
    kept: bool
    seconds: float


def teach(
    hand: str | Hand,
    samples: Sequence[Sample] = (),
    characters: Sequence[Character] = (),
    *,
    recogniser: LineRecogniser | None,
    glyphs: Recogniser | None = None,
    own_alphabet: bool = False,
    left_out: Sequence[LeftOut] = (),
    watch: Callable[[float], None] | None = None,
    thorough: bool = False,
    others: Sequence[NDArray[np.uint8]] = (),
) -> Report:
    """Teach a hand lines and characters, beside all that it was taught before.

    Args:
        hand: a name: the hand is loaded, or made, and saved; or a `Hand`, which is not saved.
        samples: lines; one that was taught before gets its new text.
        characters: of the known alphabet, or with `own_alphabet` any symbols with labels of the user's.
        recogniser: the base that reads lines; None leaves lines out.
        glyphs: the base that reads characters; None leaves characters out.
        own_alphabet: the hand has an alphabet of its own; a hand that has one keeps it.
        left_out: what was left out before, to be reported too.
        watch: told the share of the work that is done.
        thorough: teach the whole network, for minutes, where torch is installed; else go through the lines
            more often, on more distorted copies. What a quick teaching adds later builds on it.
        others: lines of the same hand whose text is not known, uint8 [40, W] each, say the rest of the
            letter: they are learnt from as they are read, and not kept. Only the last layers learn then.

    Raises:
        OptionError: no such name can be, or the hand has the other kind of alphabet.
        ModelError: the hand's file is damaged.
        OutputError: the hand cannot be kept; nothing is changed then.
    """
    lines = _Lines(recogniser, (QUICK, THOROUGH) if thorough else (QUICK,), watch, others)
    if isinstance(hand, Hand):
        return _teach(hand, samples, characters, lines, glyphs, own_alphabet, left_out)
    with shelf.locked(hand):
        known = Hand.load(hand) if shelf.states(hand) else Hand(hand, own_alphabet=own_alphabet)
        report = _teach(known, samples, characters, lines, glyphs, own_alphabet, left_out)
        new = report.lines_used + report.characters_used > 0
        return replace(report, hand=report.hand.save()) if new else report


def again(
    name: str,
    *,
    recogniser: LineRecogniser | None,
    glyphs: Recogniser | None,
    watch: Callable[[float], None] | None = None,
    thorough: bool = False,
) -> Report:
    """Teach a hand all that it keeps once more, on the base there is now; arguments are those of `teach`.

    Raises:
        OptionError: there is no such hand.
        ModelError: its file is damaged.
        OutputError: it cannot be kept.
    """
    with shelf.locked(name):
        lines = _Lines(recogniser, (QUICK, THOROUGH) if thorough else (QUICK,), watch)
        report = _teach(Hand.load(name), (), (), lines, glyphs, False, ())
        return replace(report, hand=report.hand.save())


@dataclass(frozen=True)
class _Lines:
    """The base that is to be taught lines, and how."""

    recogniser: LineRecogniser | None
    efforts: Sequence[Effort]
    watch: Callable[[float], None] | None
    others: Sequence[NDArray[np.uint8]] = ()

    @property
    def deep(self) -> bool:
        """Whether the whole network is to be taught, where that can be; other lines teach the last layers."""
        return THOROUGH in self.efforts and not self.others


def _teach(
    hand: Hand,
    samples: Sequence[Sample],
    characters: Sequence[Character],
    lines: _Lines,
    glyphs: Recogniser | None,
    own_alphabet: bool,
    already: Sequence[LeftOut],
) -> Report:
    began = time.perf_counter()
    if own_alphabet and not hand.own_alphabet and (hand.lines or hand.characters):
        raise OptionError(f"the hand {hand.name!r} writes the known alphabet: give the new one another name")
    hand = replace(hand, own_alphabet=hand.own_alphabet or own_alphabet)
    left_out = list(already)
    if hand.own_alphabet and samples:
        left_out += [
            (s.name, "a hand with an alphabet of its own learns from characters alone") for s in samples
        ]
        samples = ()
    lines_used = characters_used = 0
    with threadpool_limits(limits=1, user_api="blas"):  # small matrices: a second thread slows all down
        if lines.recogniser is not None and (samples or hand.lines):
            hand, lines_used = _teach_lines(
                hand, _readable(samples, left_out), lines.recogniser, lines, left_out
            )
        if glyphs is not None and (characters or hand.characters):
            hand, characters_used = _teach_characters(hand, characters, glyphs, left_out)
    words = {**hand.words, **words_of(line.text for line in hand.lines)}
    hand = _within_limit(replace(hand, words=words))
    return Report(
        hand,
        lines_used,
        characters_used,
        tuple(left_out),
        hand.figures.get("cer_before"),
        hand.figures.get("cer_after"),
        hand.figures.get("characters_before"),
        hand.figures.get("characters_after"),
        hand.line is not None or hand.glyph is not None,
        time.perf_counter() - began,
    )


def _readable(samples: Sequence[Sample], left_out: list[LeftOut]) -> list[Sample]:
    """Return the lines that can be taught: with a text in the alphabet, and one text for one picture."""
    texts: dict[bytes, set[str]] = {}
    for sample in samples:
        texts.setdefault(sample.strip.tobytes(), set()).add(spell(sample.text)[0])
    good: dict[bytes, Sample] = {}
    for sample in samples:
        key = sample.strip.tobytes()
        text, unknown = spell(sample.text)
        if unknown:
            left_out.append((sample.name, f"the line recogniser does not know {' '.join(unknown)}"))
        elif not text:
            left_out.append((sample.name, "its text is empty"))
        elif len(texts[key]) > 1:
            left_out.append((sample.name, "the same line was given with different texts"))
        else:
            good[key] = Sample(coarse(sample.strip), text, sample.name)
    return list(good.values())


def _teach_lines(
    hand: Hand,
    new: Sequence[Sample],
    recogniser: LineRecogniser,
    how: _Lines,
    left_out: list[LeftOut],
) -> tuple[Hand, int]:
    """Teach all lines, those kept and the new ones; return the hand and how many of the new were taken."""
    fresh = {s.strip.tobytes() for s in new}
    lines = [s for s in hand.lines if s.strip.tobytes() not in fresh] + list(new)
    own, deep = recogniser, _deep_of(hand, recogniser, how)
    recogniser = own.adapted(deep) if deep else own
    features = recogniser.features([s.strip for s in lines])
    kept, seen, taken = [], [], 0
    for line, frames in zip(lines, features, strict=True):
        new_one = line.strip.tobytes() in fresh
        if new_one and not fits(recogniser.log_probabilities(frames), classes(line.text)):
            left_out.append((line.name, "its text does not fit the picture"))
            continue
        kept.append(line)
        seen.append(frames)
        taken += new_one
    if not kept:
        return replace(hand, lines=(), line=None), 0
    scale = np.float32(recogniser.temperature)
    head = recogniser.head[0] / scale, recogniser.head[1] / scale
    figures = {**hand.figures, "lines": len(kept)}
    found = teach_deeply(kept, seen, Base(head), recogniser, how.watch) if how.deep else None
    if found and found.changes:
        line_head: LineHead | None = _nothing_but(found.changes, own)
        figures |= {"cer_before": found.before, "cer_after": found.after}
        return replace(hand, lines=tuple(kept), line=line_head, figures=figures), taken
    tail = Tail.of(recogniser)
    base = Base(head, Replay(*recogniser.replay) if recogniser.replay else None, tail)
    lessons = lessons_of(kept, seen, tail, max(effort.copies for effort in how.efforts))
    outcome = _learn(lessons, base, recogniser, how)
    line_head = _nothing_but(deep, own) if deep else None
    if outcome.learnt is not None:
        learnt = outcome.learnt
        line_head = LineHead(learnt.weight * scale, learnt.bias * scale, own.fingerprint, learnt.given, deep)
    if not deep:  # which has seen the lines that are held out here
        figures |= {"cer_before": outcome.before, "cer_after": outcome.after}
    return replace(hand, lines=tuple(kept), line=line_head, figures=figures), taken


def _deep_of(hand: Hand, recogniser: LineRecogniser, how: _Lines) -> Mapping[str, Floats]:
    """Return what a thorough teaching left in the hand, to be built on; nothing where that is done anew."""
    if THOROUGH in how.efforts or hand.line is None or hand.line.base != recogniser.fingerprint:
        return {}
    return hand.line.deep


def _nothing_but(deep: Mapping[str, Floats], recogniser: LineRecogniser) -> LineHead:
    weight, bias = recogniser.head
    return LineHead(np.zeros_like(weight), np.zeros_like(bias), recogniser.fingerprint, deep=deep)


def _learn(lessons: Sequence[Lesson], base: Base, recogniser: LineRecogniser, how: _Lines) -> Outcome:
    """Teach the base the lines, then once more with the other lines beside them, where there are any."""
    if not how.others:
        return teach_lines(lessons, base, how.efforts, how.watch)
    watch = how.watch
    first = teach_lines(lessons, base, how.efforts, watch and (lambda share: watch(share / 2)))
    known = [lesson.text for lesson in lessons]
    beside = read_others(how.others, known, recogniser, base, first.learnt, QUICK.copies)
    second = teach_lines(lessons, base, how.efforts, watch and (lambda share: watch((1 + share) / 2)), beside)
    return second if second.learnt is not None else first


def _teach_characters(
    hand: Hand, new: Sequence[Character], recogniser: Recogniser, left_out: list[LeftOut]
) -> tuple[Hand, int]:
    """Teach all characters, those kept and the new ones; of one label the last are kept."""
    taken = []
    for character in new:
        if not hand.own_alphabet and character.label not in recogniser.classes:
            why = f"{character.label!r} is no character that is known: teach it with --alphabet new"
            left_out.append((character.name, why))
        elif hand.own_alphabet and character.label == JUNK:
            left_out.append((character.name, f"{JUNK!r} cannot be a label"))
        else:
            taken.append(Character(coarse(character.picture), character.label, character.name))
    by_label: dict[str, dict[bytes, Character]] = {}
    for character in (*hand.characters, *taken):
        same = by_label.setdefault(character.label, {})
        same[character.picture.tobytes()] = character
    every = tuple(c for same in by_label.values() for c in list(same.values())[-_EACH:])
    if hand.own_alphabet and len(by_label) < 2:
        raise OptionError(f"the alphabet of {hand.name!r} needs at least two symbols to tell apart")
    if hand.own_alphabet:
        learnt = learn_symbols(every, recogniser)
        rate = 1 - learnt.right / learnt.tried if learnt.tried else None
        figures = {**hand.figures, "characters_before": None, "characters_after": rate}
        return replace(hand, characters=every, glyph=learnt.head, figures=figures), len(taken)
    if not every:
        return hand, 0
    adapted = adapt_characters(every, recogniser)
    tried = adapted.tried or None
    figures = {
        **hand.figures,
        "characters_before": adapted.before / tried if tried else None,
        "characters_after": adapted.after / tried if tried else None,
    }
    return replace(hand, characters=every, glyph=adapted.head, figures=figures), len(taken)


def _within_limit(hand: Hand) -> Hand:
    """Let the lines taught first go until the hand's file is small enough."""
    while len(hand.lines) > 1 and len(hand.to_bytes()) > _MOST_BYTES:
        hand = replace(hand, lines=hand.lines[max(1, len(hand.lines) // 16) :])
    return hand
