"""Teaches a hand its lines: the whole network where that is wanted and can be, else its last layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import ModelError
from unscrawl.hand import Hand, LineHead, Sample
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.teach.adapt import Replay
from unscrawl.teach.deeply import teach_deeply
from unscrawl.teach.lessons import lessons_of
from unscrawl.teach.others import read_others
from unscrawl.teach.pupil import QUICK, THOROUGH, Base, Effort, Lesson
from unscrawl.teach.tail import Tail
from unscrawl.teach.trial import Outcome, fits, teach_lines
from unscrawl.teach.wording import classes

__all__ = ["How", "LeftOut", "teach_lines_of"]

_DEEP: Final = (
    0.9  # share of the work that teaching the whole network is, where the last layers learn after all
)

Floats = NDArray[np.float32]
_T = TypeVar("_T")
LeftOut: TypeAlias = tuple[str, str]
"""What was not taken, and why."""


@dataclass(frozen=True)
class How:
    """The base that is to be taught lines, and how."""

    recogniser: LineRecogniser | None
    efforts: Sequence[Effort]
    watch: Callable[[float], None] | None
    others: Sequence[NDArray[np.uint8]] = ()

    @property
    def deep(self) -> bool:
        """Whether the whole network is to be taught, where that can be; other lines teach the last layers."""
        return THOROUGH in self.efforts and not self.others


def teach_lines_of(
    hand: Hand,
    new: Sequence[Sample],
    recogniser: LineRecogniser,
    how: How,
    left_out: list[LeftOut],
) -> tuple[Hand, int]:
    """Teach all lines, those kept and the new ones; return the hand and how many of the new were taken."""
    fresh = {s.strip.tobytes() for s in new}
    lines = [s for s in hand.lines if s.strip.tobytes() not in fresh] + list(new)
    base, found = recogniser, None
    if how.deep:
        kept, seen, _, unfit = _fitting(lines, fresh, base, None)
        found = teach_deeply(kept, seen, _head(base), base, _part(how.watch, 0, _DEEP))
    deep = found.changes if found else _deep_of(hand, base)
    if not (found and deep):
        recogniser = _adapted(base, deep, hand) if deep else base
        tail = Tail.of(recogniser)
        kept, seen, frames, unfit = _fitting(lines, fresh, recogniser, tail)
    left_out += [(s.name, "its text does not fit the picture") for s in unfit]
    taken = len(new) - len(unfit)
    if not kept:
        return replace(hand, lines=(), line=None), 0
    figures: dict[str, Any] = {**hand.figures, "lines": len(kept)}
    if found and deep:
        if how.watch:
            how.watch(1.0)
        figures |= {"cer_before": found.before, "cer_after": found.after}
        return replace(hand, lines=tuple(kept), line=_nothing_but(deep, base), figures=figures), taken
    told = Base(_head(recogniser), Replay(*recogniser.replay) if recogniser.replay else None, tail)
    lessons = lessons_of(kept, seen, tail, max(effort.copies for effort in how.efforts), frames)
    outcome = _learn(lessons, told, recogniser, replace(how, watch=_part(how.watch, _DEEP * bool(found), 1)))
    line_head = _nothing_but(deep, base) if deep else None
    if outcome.learnt is not None:
        learnt, scale = outcome.learnt, np.float32(recogniser.temperature)
        line_head = LineHead(learnt.weight * scale, learnt.bias * scale, base.fingerprint, learnt.given, deep)
    before, after = (None, None) if deep else (outcome.before, outcome.after)  # deep has seen all lines
    figures |= {"cer_before": before, "cer_after": after}
    return replace(hand, lines=tuple(kept), line=line_head, figures=figures), taken


def _fitting(
    lines: Sequence[Sample], fresh: Set[bytes], recogniser: LineRecogniser, tail: Tail | None
) -> tuple[list[Sample], list[Floats], list[Floats] | None, list[Sample]]:
    """Return the lines to learn from, their features, and the fresh ones whose text is another's.

    Before the last come the frames that the tail sees of those, where there is a tail.
    """
    strips = [s.strip for s in lines]
    features, frames = tail.seen(strips) if tail else (recogniser.features(strips), None)
    fitting = [
        line.strip.tobytes() not in fresh or fits(recogniser.log_probabilities(f), classes(line.text))
        for line, f in zip(lines, features, strict=True)
    ]

    def chosen(values: Sequence[_T]) -> list[_T]:
        return [value for value, good in zip(values, fitting, strict=True) if good]

    unfit = [line for line, good in zip(lines, fitting, strict=True) if not good]
    return chosen(lines), chosen(features), chosen(frames) if frames is not None else None, unfit


def _part(watch: Callable[[float], None] | None, start: float, stop: float) -> Callable[[float], None] | None:
    """Return `watch` for a part of the work."""
    return watch and (lambda share: watch(start + (stop - start) * share))


def _head(recogniser: LineRecogniser) -> tuple[Floats, Floats]:
    """Return the last layer, the temperature taken in."""
    scale = np.float32(recogniser.temperature)
    return recogniser.head[0] / scale, recogniser.head[1] / scale


def _deep_of(hand: Hand, recogniser: LineRecogniser) -> Mapping[str, Floats]:
    """Return what a thorough teaching left in the hand, to be built on."""
    return hand.line.deep if hand.line and hand.line.base == recogniser.fingerprint else {}


def _adapted(recogniser: LineRecogniser, deep: Mapping[str, Floats], hand: Hand) -> LineRecogniser:
    try:
        return recogniser.adapted(deep)
    except ModelError as error:
        raise ModelError(
            f"the hand {hand.name!r} is damaged, `unscrawl teach {hand.name} --undo` goes back: {error}"
        ) from None


def _nothing_but(deep: Mapping[str, Floats], recogniser: LineRecogniser) -> LineHead:
    weight, bias = recogniser.head
    return LineHead(np.zeros_like(weight), np.zeros_like(bias), recogniser.fingerprint, deep=deep)


def _learn(lessons: Sequence[Lesson], base: Base, recogniser: LineRecogniser, how: How) -> Outcome:
    """Teach the base the lines, then once more with the other lines beside them, where there are any."""
    if not how.others:
        return teach_lines(lessons, base, how.efforts, how.watch)
    first = teach_lines(lessons, base, how.efforts, _part(how.watch, 0, 0.5))
    known = [lesson.text for lesson in lessons]
    beside = read_others(how.others, known, recogniser, base, first.learnt, QUICK.copies)
    second = teach_lines(lessons, base, how.efforts, _part(how.watch, 0.5, 1), beside)
    return second if second.learnt is not None else first
