"""How far to teach: as long as writing that was held out is read better, and no further."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from unscrawl import ctc
from unscrawl.alphabet import LINE
from unscrawl.teach.adapt import Anchors, Replay, Student, log_softmax
from unscrawl.teach.posteriors import posteriors

__all__ = ["LOOKS", "Lesson", "Outcome", "choose", "greedy", "look", "teach_head"]

_FOLDS: Final = 4
LOOKS: Final = (2, 4, 7, 11)
"""Steps after which what was held out is read."""
_PULL: Final = 0.03  # weight of a base frame's shifted answers beside one of the writer's frames
_MEANS: Final = 0.3  # weight of a character's mean frame, for each line taught
_SHORTEST: Final = 8  # characters of a part of a line that is cut off to be held out
_SPACE: Final = 1 + LINE.index(" ")

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Lesson:
    """A line as the base sees it: `features` [T, D], `log_p` [T, C], and the classes of its characters."""

    features: Floats
    log_p: Floats
    text: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of teaching: what to add to the head (None: the base is as good), and error rates.

    `before` and `after` are shares of wrong characters in lines held out, without a language model; `after`
    is of the taught layer even where it was not better. None where there was too little to hold any out.
    """

    weight: Floats | None
    bias: Floats | None
    before: float | None
    after: float | None


def teach_head(lessons: Sequence[Lesson], head: tuple[Floats, Floats], replay: Replay | None) -> Outcome:
    """Teach the last layer; keep it only where held-out lines of the same writer are read better.

    Args:
        lessons: at least one.
        head: the base's layer, weight [D, C] and bias [C], in the scale of the lessons' `log_p`.
        replay: statistics of the base's training, if there are any.
    """
    lessons = [_squeezed(lesson) for lesson in lessons]
    units = _units(lessons)
    if len(units) < 2:
        return Outcome(None, None, None, None)
    folds = min(_FOLDS, len(units))
    looks = np.zeros((len(LOOKS) + 1, 2))
    for fold in range(folds):
        held = units[fold::folds]
        group = _Class([u for i, u in enumerate(units) if i % folds != fold], head, replay)
        looks += look(group.step, partial(_measure, held, group.layer))
    length = max(1, sum(len(u.text) for u in units))
    steps, good = choose(looks)
    before, after = (float(v) / length for v in (looks[0, 0], looks[LOOKS.index(steps) + 1, 0]))
    if not good:
        return Outcome(None, None, before, after)
    group = _Class(lessons, head, replay)
    for _ in range(steps):
        group.step()
    return Outcome(group.layer.weight, group.layer.bias, before, after)


def look(step: Callable[[], None], measure: Callable[[], tuple[int, float]]) -> NDArray[np.float64]:
    """Return errors and loss as measured before the first step and at each look, [looks + 1, 2]."""
    found = [measure()]
    for taken in range(1, LOOKS[-1] + 1):
        step()
        if taken in LOOKS:
            found.append(measure())
    return np.array(found, np.float64)


def choose(looks: NDArray[np.float64]) -> tuple[int, bool]:
    """Return the number of steps with the fewest errors, and whether it is in no respect worse than none."""
    good = [i for i in range(1, len(looks)) if looks[i, 0] <= looks[0, 0] and looks[i, 1] < looks[0, 1]]
    best = min(good or range(1, len(looks)), key=lambda i: (looks[i, 0], looks[i, 1]))
    return LOOKS[best - 1], bool(good)


class _Class:
    """Lines being taught: the layer, and which of its frames are whose."""

    def __init__(self, lessons: Sequence[Lesson], head: tuple[Floats, Floats], replay: Replay | None) -> None:
        x = np.concatenate([u.features for u in lessons])
        self.layer = Student(
            x, np.concatenate([u.log_p for u in lessons]), _anchors(x, len(lessons), head, replay)
        )
        self._texts = [u.text for u in lessons]
        self._ends = np.cumsum([len(u.features) for u in lessons])[:-1]

    def step(self) -> None:
        """Take one step of CTC's gradient."""
        wanted, _ = posteriors(np.split(self.layer.now, self._ends), self._texts)
        self.layer.step(np.concatenate(wanted))


def _anchors(x: Floats, lines: int, head: tuple[Floats, Floats], replay: Replay | None) -> Anchors:
    if replay is None:  # the lines themselves must do
        ones = np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)
        none = x[:0]
        return Anchors(none, none @ head[0], 0.0, ones.T @ ones / np.float32(len(x)), _PULL * len(x))
    means = replay.mean[replay.count > 0]
    answers = log_softmax(means @ head[0] + head[1])
    return Anchors(means, answers, _MEANS * lines, replay.moments(), _PULL * len(x))


def _measure(lessons: Sequence[Lesson], layer: Student) -> tuple[int, float]:
    """Return wrong characters and CTC loss of lines as the layer reads them."""
    log_p = [layer.log_p(u.features, u.log_p) for u in lessons]
    wrong = sum(Levenshtein.distance(greedy(p), u.text) for u, p in zip(lessons, log_p, strict=True))
    _, likelihood = posteriors(log_p, [u.text for u in lessons])
    return wrong, -float(likelihood.sum())


def greedy(log_p: Floats) -> tuple[int, ...]:
    """Return the classes on the best path, repeats joined and blanks dropped."""
    best = log_p.argmax(axis=1)
    best = best[np.diff(best, prepend=-1) != 0]
    return tuple(best[best > 0].tolist())


def _squeezed(lesson: Lesson) -> Lesson:
    """Leave out the frames that nobody doubts to be blank."""
    kept = ctc.squeeze(lesson.log_p)
    if len(kept) < 2 * len(lesson.text) + 1:
        return lesson
    return Lesson(lesson.features[kept], lesson.log_p[kept], lesson.text)


def _units(lessons: Sequence[Lesson]) -> list[Lesson]:
    """Return the lines; where they are few, cut between words, the longest first."""
    units = list(lessons)
    while len(units) < _FOLDS:
        longest = max(range(len(units)), key=lambda i: len(units[i].text))
        halves = _halves(units[longest])
        if not halves:
            break
        units[longest : longest + 1] = halves
    return units


def _halves(lesson: Lesson) -> list[Lesson]:
    """Cut a line at the space nearest to its middle; nothing where there is none."""
    text, frames = lesson.text, ctc.align(lesson.log_p, lesson.text)
    spaces = [i for i in range(_SHORTEST, len(text) - _SHORTEST) if text[i] == _SPACE]
    if not spaces or frames is None:
        return []
    i = min(spaces, key=lambda i: abs(i - len(text) / 2))
    at = frames[i][0], frames[i][1]
    return [
        Lesson(lesson.features[: at[0]], lesson.log_p[: at[0]], text[:i]),
        Lesson(lesson.features[at[1] :], lesson.log_p[at[1] :], text[i + 1 :]),
    ]
