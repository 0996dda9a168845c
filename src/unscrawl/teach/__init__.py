"""Teaches a hand: lines and characters of one writer → what makes the next reading of that hand better.

All that was ever taught is learnt anew together with what is added, on the base there is, so that order does
not matter and a better base can be taught the same hand again. What a thorough teaching made of the whole
network stays as it is until the next one: quick teachings build on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl import shelf
from unscrawl.errors import OptionError
from unscrawl.hand import Character, Hand, Sample
from unscrawl.handfile import coarse
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.recogniser import JUNK, Recogniser
from unscrawl.teach.glyphs import adapt_characters
from unscrawl.teach.lines import How, LeftOut, teach_lines_of
from unscrawl.teach.pupil import QUICK, THOROUGH
from unscrawl.teach.symbols import learn_symbols
from unscrawl.teach.threads import one_thread
from unscrawl.teach.wording import spell, words_of

__all__ = ["Character", "Report", "Sample", "again", "teach"]

_MOST_BYTES: Final = 1_000_000  # of a hand's file: beyond that the lines taught first go
_EACH: Final = 32  # characters kept of one label


@dataclass(frozen=True)
class Report:
    """What came of a teaching.

    `left_out` names what was not taken, and why. Error rates, 0 to 1, are of lines, read in their language,
    and of single characters held out of the teaching; None where there were too few to tell. `kept` says that
    the hand reads better than the base; where it is False the base is used, and the material is kept.
    `shallower` says that the whole network had been taught, on another base, and now only its last layers
    are; `dropped` lines, taught first, are no longer kept as the file would be too large.
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
    shallower: bool = False
    dropped: int = 0


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
        thorough: teach the whole network, for minutes, where there are eight lines; else go through the
            lines more often, on more distorted copies. What a quick teaching adds later builds on it.
        others: lines of the same hand whose text is not known, uint8 [40, W] each, say the rest of the
            letter: they are learnt from as they are read, and not kept. Only the last layers learn then.

    Raises:
        OptionError: no such name can be, or the hand has the other kind of alphabet.
        ModelError: the hand's file is damaged.
        OutputError: the hand cannot be kept; nothing is changed then.
    """
    lines = How(recogniser, (QUICK, THOROUGH) if thorough else (QUICK,), watch, others)
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
        lines = How(recogniser, (QUICK, THOROUGH) if thorough else (QUICK,), watch)
        report = _teach(Hand.load(name), (), (), lines, glyphs, False, ())
        return replace(report, hand=report.hand.save())


def _teach(
    hand: Hand,
    samples: Sequence[Sample],
    characters: Sequence[Character],
    lines: How,
    glyphs: Recogniser | None,
    own_alphabet: bool,
    already: Sequence[LeftOut],
) -> Report:
    began, former = time.perf_counter(), hand
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
    with one_thread():
        if lines.recogniser is not None and (samples or hand.lines):
            hand, lines_used = teach_lines_of(
                hand, _readable(samples, left_out), lines.recogniser, lines, left_out
            )
        if glyphs is not None and (characters or hand.characters):
            hand, characters_used = _teach_characters(hand, characters, glyphs, left_out)
    words = {**hand.words, **words_of(line.text for line in hand.lines)}
    whole = replace(hand, words=words)
    hand = _within_limit(whole)
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
        _is_deep(former) and not _is_deep(hand),
        len(whole.lines) - len(hand.lines),
    )


def _is_deep(hand: Hand) -> bool:
    return hand.line is not None and bool(hand.line.deep)


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
