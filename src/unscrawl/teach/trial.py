"""How far to teach: only what reads writing that was held out no worse than the base does is kept.

How probable held-out text is tells more than the few errors in it do, so that chooses; errors, of lines as a
reader gives them, only forbid.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from unscrawl import ctc
from unscrawl.alphabet import LINE
from unscrawl.recogniser import cores
from unscrawl.teach.posteriors import posteriors
from unscrawl.teach.pupil import QUICK, Base, Effort, Learnt, Lesson, blend, learn, read, turns
from unscrawl.teach.spelt import Spelt

__all__ = ["Outcome", "Trial", "fits", "greedy", "room", "teach_lines"]

_FEW: Final = 8  # lines from which half of them, turn about, are enough to learn from for the trial
_FOLDS: Final = 4  # parts that fewer are cut into
_SHARES: Final = (0.5, 0.9)  # of the way from the base to what was learnt that are tried
_SHORTEST: Final = 8  # characters of a part of a line that is cut off to be held out
_OTHERS: Final = 3  # orders of its characters that a text is compared with
_FITTING: Final = 1.0  # nats a character by which it must be more probable
_SPACE: Final = 1 + LINE.index(" ")

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """What came of teaching: None where the base is as good or nothing could be held out; error rates.

    `before` and `after` are shares of wrong characters in lines held out, read in their language; `after` is
    of what was learnt even where it was not better. None where there was too little to hold any out.
    """

    learnt: Learnt | None
    before: float | None
    after: float | None


class _Way(NamedTuple):
    """What was learnt without each part of the lines, and the share of the way to there that is gone."""

    parts: Sequence[Learnt]
    share: float


def teach_lines(
    lessons: Sequence[Lesson],
    base: Base,
    efforts: Sequence[Effort] = (QUICK,),
    watch: Callable[[float], None] | None = None,
    beside: Sequence[Lesson] = (),
) -> Outcome:
    """Teach the base one writer's lines; keep it only where held-out lines are read no worse.

    The lines are cut into parts, and what is learnt without each of them is measured on it. What is kept is
    the mean of all that was learnt. Of several efforts the one after which held-out lines are most probable
    is taken. `watch` is told the share of the work that is done. Lines `beside` are learnt from every time
    and never measured on: their texts are but how they were read.
    """
    units = _units(lessons, base)
    if len(units) < 2:
        return Outcome(None, None, None)
    folds = 2 if len(units) >= _FEW else min(_FOLDS, len(units))
    trial = Trial(units, folds, base, beside)
    if watch is None:
        with ThreadPoolExecutor(min(folds, cores())) as pool:
            learnt = [list(pool.map(lambda lines, e=e: learn(lines, base, e), trial.rest)) for e in efforts]
    else:  # one after the other, in this thread: Ctrl-C is heard
        step = _counter(sum(turns(len(lines), e) for e in efforts for lines in trial.rest), watch)
        learnt = [[learn(lines, base, e, step) for lines in trial.rest] for e in efforts]
    way, before, after = trial.best([_Way(parts, share) for parts in learnt for share in _SHARES])
    return Outcome(blend(way.parts, way.share, base) if way else None, before, after)


class Trial:
    """Lines of one writer, cut into `folds`; each is held out once, and learnt from otherwise: `rest`."""

    def __init__(
        self, units: Sequence[Lesson], folds: int, base: Base, beside: Sequence[Lesson] = ()
    ) -> None:
        self._base, self._folds = base, range(folds)
        self.held = [units[fold::folds] for fold in self._folds]
        self._known = [[u for i, u in enumerate(units) if i % folds != fold] for fold in self._folds]
        self.rest = [[*known, *beside] for known in self._known]
        self._spelt = Spelt([u.text for u in units])
        self._length = max(1, sum(len(u.text) for u in units))

    def best(self, ways: Sequence[_Way]) -> tuple[_Way | None, float, float]:
        """Return the way by which held-out lines are most probable, and error rates before and after it.

        It must read them no worse, with a language or without; None where there is none such.
        """
        with ThreadPoolExecutor(min(len(ways), cores())) as pool:
            found = list(pool.map(self._read, ways))
        best, before, after = self.choose(found)
        return None if best is None else ways[best], before, after

    def choose(self, found: Sequence[Sequence[Sequence[Floats]]]) -> tuple[int | None, float, float]:
        """Return which of several readings of the lines held out, fold by fold, is the best, as `best` does.

        Each line is log probabilities [T, C].
        """
        base = [read(lines, self._base) for lines in self.held]
        errors, loss = self._measure(base)
        measured = [self._measure(frames) for frames in found]
        order = sorted(range(len(found)), key=lambda i: measured[i][1])
        before = self._misspelt(base, known=False)
        for i in order:
            if measured[i][0] <= errors and measured[i][1] < loss:
                after = self._misspelt(found[i])
                if after <= before:
                    return i, before / self._length, after / self._length
        return None, before / self._length, self._misspelt(found[order[0]]) / self._length

    def _read(self, way: _Way) -> list[list[Floats]]:
        return [
            read(lines, self._base, blend([part], way.share, self._base))
            for lines, part in zip(self.held, way.parts, strict=True)
        ]

    def _measure(self, found: Sequence[Sequence[Floats]]) -> tuple[int, float]:
        """Return wrong characters and CTC loss of the lines held out, as they are read without a language."""
        lines = [u for held in self.held for u in held]
        log_p = [p for frames in found for p in frames]
        wrong = sum(Levenshtein.distance(greedy(p), u.text) for u, p in zip(lines, log_p, strict=True))
        _, likelihood = posteriors(log_p, [u.text for u in lines])
        return wrong, -float(likelihood.sum())

    def _misspelt(self, found: Sequence[Sequence[Floats]], *, known: bool = True) -> int:
        """Return the wrong characters of the lines held out in their language, the others' words `known`."""
        return sum(
            self._spelt.wrong(frames, [u.text for u in held], [u.text for u in rest] if known else ())
            for frames, held, rest in zip(found, self.held, self._known, strict=True)
        )


def _counter(steps: int, watch: Callable[[float], None]) -> Callable[[], None]:
    done = itertools.count(1)
    return lambda: watch(next(done) / steps)


def fits(log_p: Floats, text: tuple[int, ...]) -> bool:
    """Tell whether a text is that of the line: far more probable than its characters in any other order.

    Of 150 held-back lines 4 % do not fit by this measure, and of as many wrong texts of that length 4 % do.
    """
    if len(log_p) < room(text):
        return False
    rng = np.random.default_rng(0)
    others = [tuple(rng.permutation(text).tolist()) for _ in range(_OTHERS)]
    others = [t for t in others if t != text and room(t) <= len(log_p)]
    if not others:  # one character, or one repeated
        return True
    _, likelihood = posteriors([log_p] * (1 + len(others)), [text, *others])
    return bool(likelihood[0] - likelihood[1:].max() >= _FITTING * len(text))


def room(text: Sequence[int]) -> int:
    """Return the frames that CTC needs to spell `text`: a blank goes between equal neighbours."""
    return len(text) + sum(a == b for a, b in itertools.pairwise(text))


def greedy(log_p: Floats) -> tuple[int, ...]:
    """Return the classes on the best path, repeats joined and blanks dropped."""
    best = log_p.argmax(axis=1)
    best = best[np.diff(best, prepend=-1) != 0]
    return tuple(best[best > 0].tolist())


def _units(lessons: Sequence[Lesson], base: Base) -> list[Lesson]:
    """Return the lines; where they are few, cut between words, the longest first."""
    units = list(lessons)
    while len(units) < _FOLDS:
        longest = max(range(len(units)), key=lambda i: len(units[i].text))
        halves = _halves(units[longest], base)
        if not halves:
            break
        units[longest : longest + 1] = halves
    return units


def _halves(lesson: Lesson, base: Base) -> list[Lesson]:
    """Cut a line at the space nearest to its middle; nothing where there is none."""
    text, places = lesson.text, ctc.align(read([lesson], base)[0], lesson.text)
    spaces = [i for i in range(_SHORTEST, len(text) - _SHORTEST) if text[i] == _SPACE]
    if not spaces or places is None:
        return []
    i = min(spaces, key=lambda i: abs(i - len(text) / 2))
    left, right = slice(places[i][0]), slice(places[i][1], None)
    own = lesson.views[:1]  # where a copy would have to be cut is not known
    return [
        Lesson(
            lesson.features[part], words, tuple((frames[part], len(frames[:n][part])) for frames, n in own)
        )
        for part, words in ((left, text[:i]), (right, text[i + 1 :]))
    ]
