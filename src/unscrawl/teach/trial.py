"""How far to teach: only what reads writing that was held out better than the base does is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from unscrawl import ctc
from unscrawl.alphabet import LINE
from unscrawl.recogniser import cores
from unscrawl.teach.posteriors import posteriors
from unscrawl.teach.pupil import QUICK, Base, Effort, Learnt, Lesson, blend, learn, read, turns

__all__ = ["Outcome", "fits", "greedy", "room", "teach_lines"]

_FEW: Final = 8  # lines from which half of them, turn about, are enough to learn from for the trial
_FOLDS: Final = 4  # parts that fewer are cut into
_SHARES: Final = (0.5, 0.9)  # of the way from the base to what was learnt that are tried
_MARGIN: Final = 0.25  # by how many standard errors held-out lines must be read better (Poisson)
_SHORTEST: Final = 8  # characters of a part of a line that is cut off to be held out
_OTHERS: Final = 3  # orders of its characters that a text is compared with
_FITTING: Final = 1.0  # nats a character by which it must be more probable
_SPACE: Final = 1 + LINE.index(" ")

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """What came of teaching: None where the base is as good or nothing could be held out; error rates.

    `before` and `after` are shares of wrong characters in lines held out, without a language model; `after`
    is of what was learnt even where it was not better. None where there was too little to hold any out.
    """

    learnt: Learnt | None
    before: float | None
    after: float | None


def teach_lines(
    lessons: Sequence[Lesson],
    base: Base,
    efforts: Sequence[Effort] = (QUICK,),
    watch: Callable[[float], None] | None = None,
) -> Outcome:
    """Teach the base one writer's lines; keep it only where held-out lines are clearly read better.

    Of several efforts the one after which held-out lines are read best is taken. `watch` is told the share of
    the work that is done.

    The lines are cut into parts, and what is learnt without each of them is measured on it. What is kept is
    the mean of all that was learnt.
    """
    units = _units(lessons, base)
    if len(units) < 2:
        return Outcome(None, None, None)
    folds = 2 if len(units) >= _FEW else min(_FOLDS, len(units))
    held = [units[fold::folds] for fold in range(folds)]
    rest = [[u for i, u in enumerate(units) if i % folds != fold] for fold in range(folds)]
    if watch is None:
        with ThreadPoolExecutor(min(folds, cores())) as pool:
            learnt = [list(pool.map(lambda lines, e=e: learn(lines, base, e), rest)) for e in efforts]
    else:  # one after the other, in this thread: Ctrl-C is heard
        step = _counter(sum(turns(len(lines), e) for e in efforts for lines in rest), watch)
        learnt = [[learn(lines, base, e, step) for lines in rest] for e in efforts]
    ways = [(parts, share) for parts in learnt for share in _SHARES]
    looks = np.zeros((1 + len(ways), 2))
    for fold, lines in enumerate(held):
        looks[0] += _measure(lines, read(lines, base))
        for i, (parts, share) in enumerate(ways, start=1):
            looks[i] += _measure(lines, read(lines, base, blend([parts[fold]], share, base)))
    length = max(1, sum(len(u.text) for u in units))
    best = min(range(1, len(looks)), key=lambda i: (looks[i, 1] >= looks[0, 1], looks[i, 0], looks[i, 1]))
    before, after = (float(looks[i, 0]) / length for i in (0, best))
    margin = _MARGIN * np.sqrt(looks[0, 0])
    better = looks[best, 0] < looks[0, 0] - margin and looks[best, 1] < looks[0, 1]
    parts, share = ways[best - 1]
    return Outcome(blend(parts, share, base) if better else None, before, after)


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


def _measure(lessons: Sequence[Lesson], log_p: Sequence[Floats]) -> tuple[int, float]:
    """Return wrong characters and CTC loss of lines as they are read."""
    wrong = sum(Levenshtein.distance(greedy(p), u.text) for u, p in zip(lessons, log_p, strict=True))
    _, likelihood = posteriors(log_p, [u.text for u in lessons])
    return wrong, -float(likelihood.sum())


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
