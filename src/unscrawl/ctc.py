"""From frames to text: what a network trained with CTC says about a line, and how surely.

Connectionist temporal classification (Graves et al. 2006): every frame has a probability of each class;
class 0 is the blank. Paths that are equal once repeats are joined and blanks dropped spell the same text.
Here are the best path, forced alignment, the likelihood of a text, and the odds of characters against rivals.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Span", "align", "best_path", "greedy", "log_likelihood", "ranked", "rivals", "squeeze"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

QUIET: Final = 0.999
"""Probability of the blank beyond which a frame says nothing but that characters are apart."""
RIVALS: Final = 8
"""Characters that compete for a place."""
_PART: Final = 128  # characters weighed at once: bounds memory
_LAP: Final = 8  # characters on either side that are weighed with them
_FLOOR: Final = -30.0  # log probability below which classes are all alike: keeps products of frames finite


@dataclass(frozen=True)
class Span:
    """One character of a line: frames [start, stop), its log probability, what else it may be.

    `alternatives` holds (character, probability), most probable first, at least five, `char` among them; what
    they lack to one is the probability that there is no character at all.
    """

    char: str
    start: int
    stop: int
    log_p: float
    alternatives: tuple[tuple[str, float], ...]


def best_path(log_p: NDArray[np.floating], classes: str) -> list[Span]:
    """Read a line without any language: the most probable class of every frame.

    Args:
        log_p: [T, C] log probabilities; class 0 is the blank, class i + 1 is `classes[i]`.
        classes: the C - 1 characters.
    """
    best = log_p.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    stops = np.append(starts[1:], len(best))[: len(starts)]
    runs = [(int(best[a]), int(a), int(b)) for a, b in zip(starts, stops, strict=True) if best[a]]
    frames = [(start, stop) for _, start, stop in runs]
    text = np.array([c for c, _, _ in runs], np.int64)
    chars, odds, gone = rivals(log_p, text, frames)
    p = np.exp(odds)
    p /= p.sum(axis=1, keepdims=True) + np.exp(gone)[:, None]
    return [
        Span(classes[c - 1], start, stop, float(np.log(row[who == c][0])), ranked(who, row, classes))
        for (c, start, stop), who, row in zip(runs, chars, p, strict=True)
    ]


def greedy(log_p: NDArray[np.floating], classes: str) -> str:
    """Read the best class of every frame: repeats count once, blanks not at all."""
    best = log_p.argmax(axis=1)
    kept = best[np.insert(best[1:] != best[:-1], 0, True)] if len(best) else best
    return " ".join("".join(classes[c - 1] for c in kept if c).split())


def ranked(chars: Ints, p: Floats, classes: str) -> tuple[tuple[str, float], ...]:
    """Return (character, probability) of the classes `chars`, most probable first."""
    order = np.argsort(-p, kind="stable")
    return tuple((classes[chars[i] - 1], float(p[i])) for i in order)


def squeeze(log_p: NDArray[np.floating], quiet: float = QUIET) -> Ints:
    """Return the frames that matter, rising: of every run of blanks surer than `quiet` only the first."""
    silent = log_p[:, 0] > np.log(quiet)
    silent[1:] &= silent[:-1].copy()
    silent[:1] = False
    return np.flatnonzero(~silent)


def align(log_p: NDArray[np.floating], text: Sequence[int] | Ints) -> list[tuple[int, int]] | None:
    """Return the frames [start, stop) of every character of `text` on its most probable path (Viterbi).

    Args:
        log_p: [T, C] log probabilities, class 0 the blank.
        text: classes, none of them the blank.

    Returns:
        One pair a character, or None if the text needs more frames than there are.
    """
    states, skip = _states(text)
    n = len(states)
    if len(log_p) < _shortest(text):
        return None
    if n == 1:
        return []
    emit = log_p[:, states]
    seen = np.empty((len(log_p), n))
    score = np.full(n + 2, -np.inf)  # two places before the first state, so that slices can look back
    score[2:4] = emit[0, :2]
    barred = np.where(skip, 0.0, -np.inf)
    for t, row in enumerate(emit):
        if t:
            best = np.maximum(score[2:], score[1:-1])
            np.maximum(best, score[:-2] + barred, out=best)
            np.add(best, row, out=score[2:])
        seen[t] = score[2:]
    state = n - 1 if score[-1] >= score[-2] else n - 2
    path = np.empty(len(log_p), np.int64)
    path[-1] = state
    for t in range(len(log_p) - 2, -1, -1):
        came = seen[t, max(0, state - 1 - skip[state]) : state + 1]
        state -= int(came[::-1].argmax())
        path[t] = state
    labels = np.arange(1, n, 2)
    starts, stops = np.searchsorted(path, labels), np.searchsorted(path, labels, side="right")
    return [(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]


def log_likelihood(log_p: NDArray[np.floating], text: Sequence[int] | Ints) -> float:
    """Return log P(text | frames), the sum over all paths that spell it (Graves et al. 2006, section 4.1).

    Args:
        log_p: [T, C] log probabilities, class 0 the blank.
        text: classes, none of them the blank.

    Returns:
        Minus infinity if the text needs more frames than there are.
    """
    if len(log_p) < _shortest(text):
        return -np.inf
    if not len(log_p):
        return 0.0
    states, skip = _states(text)
    emit = log_p[:, states].astype(np.float64)
    barred = np.where(skip, 0.0, -np.inf)
    score = np.full(
        len(states) + 2, -np.inf
    )  # two places before the first state, so that slices can look back
    score[2] = 0.0
    for row in emit:
        near = np.logaddexp(score[2:], score[1:-1])
        score[2:] = np.logaddexp(near, score[:-2] + barred) + row
    return float(np.logaddexp(score[-1], score[-2] if len(text) else -np.inf))


def rivals(
    log_p: NDArray[np.floating],
    text: Sequence[int] | Ints,
    frames: Sequence[tuple[int, int]],
    n: int = RIVALS,
) -> tuple[Ints, Floats, Floats]:
    """Weigh every character of a text against what else could stand in its place.

    Sums over all paths: with forward and backward variables of `text`, one more pass gives the likelihood of
    the text with any one character replaced or left out. Very long texts are taken in overlapping parts.

    Args:
        log_p: [T, C] log probabilities, class 0 the blank.
        text: [U] classes.
        frames: the frames [start, stop) of every character, as from `align`.
        n: rivals of each place, the character itself among them.

    Returns:
        chars: [U, n] classes; odds: [U, n] log P(text with that character here) - log P(text), so 0 for the
        character itself; gone: [U] the same for the text without the character.
    """
    text = np.asarray(text, np.int64)
    if not len(text):
        return np.zeros((0, n), np.int64), np.zeros((0, n)), np.zeros(0)
    chars = _contenders(log_p, text, frames, n)
    odds, gone = np.zeros(chars.shape), np.zeros(len(text))
    for i in range(0, len(text), _PART):
        first, last = max(0, i - _LAP), min(len(text), i + _PART + _LAP)
        start = frames[first][0] if first else 0
        stop = frames[last - 1][1] if last < len(text) else len(log_p)
        some, none = _odds(log_p[start:stop], text[first:last], chars[first:last])
        odds[i : i + _PART], gone[i : i + _PART] = some[i - first :][:_PART], none[i - first :][:_PART]
    return chars, odds, gone


def _odds(log_p: NDArray[np.floating], text: Ints, chars: Ints) -> tuple[Floats, Floats]:
    """[U, n] log odds of `chars` and [U] of no character, each in the place of that of `text`."""
    kept = squeeze(log_p)
    p = np.exp(np.maximum(log_p[kept], _FLOOR).astype(np.float64))
    states, skip = _states(text)
    emit = p[:, states]
    alpha, scale = _forward(emit, skip)
    beta = _backward(emit, skip, scale)
    T, U = len(p), len(text)
    # Before frame t: in the blank before character i, or still in the character before that.
    resting, touching = np.zeros((T, U)), np.zeros((T, U))
    resting[0, 0] = 1.0
    resting[1:] = alpha[:-1, 0:-1:2]
    touching[1:, 1:] = alpha[:-1, 1:-2:2]
    # What follows if the character ends at frame t: the blank behind it, or the next character at once.
    entered = emit * beta / scale[:, None]
    rest, next_ = np.zeros((T, U)), np.zeros((T, U))
    rest[-1, -1] = 1.0
    rest[:-1] = entered[1:, 2::2]
    next_[:-1, :-1] = entered[1:, 3::2]
    before = np.concatenate([[-1], text[:-1]])[:, None]
    after = np.concatenate([text[1:], [-1]])[:, None]
    enter = resting[:, :, None] + touching[:, :, None] * (chars != before)
    leave = rest[:, :, None] + next_[:, :, None] * (chars != after)
    here = p[:, chars] / scale[:, None, None]
    inside, total = np.zeros(chars.shape), np.zeros(chars.shape)
    for t in range(T):
        inside = (inside + enter[t]) * here[t]
        total += inside * leave[t]
    gone = _left_out(text, resting, touching, entered, alpha)
    spelt, tiny = max(alpha[-1, -2:].sum(), np.finfo(np.float64).tiny), np.exp(_FLOOR)
    return np.log(np.maximum(total / spelt, tiny)), np.log(np.maximum(gone / spelt, tiny))


def _left_out(text: Ints, resting: Floats, touching: Floats, entered: Floats, alpha: Floats) -> Floats:
    """[U] P(text without character i) / P(text)."""
    gone = np.zeros(len(text))
    differs = np.concatenate([[True], text[:-2] != text[2:]])[: len(text) - 1]
    arrive = resting[:, :-1] + touching[:, :-1] * differs
    gone[:-1] = (arrive * entered[:, 3::2]).sum(axis=0)
    gone[-1] = alpha[-1, -3] + (alpha[-1, -4] if len(text) > 1 else 0.0)
    return gone


def _contenders(log_p: NDArray[np.floating], text: Ints, frames: Sequence[tuple[int, int]], n: int) -> Ints:
    """[U, n] the classes with the highest peaks around each character, the character itself first."""
    middle = [(a[1] + b[0]) // 2 for a, b in itertools.pairwise(frames)]
    bounds = np.maximum.accumulate([0, *middle])
    peaks = np.maximum.reduceat(log_p[:, 1:], np.minimum(bounds, len(log_p) - 1), axis=0).astype(np.float64)
    peaks[np.arange(len(text)), text - 1] = np.inf
    chars: Ints = np.argsort(-peaks, axis=1, kind="stable")[:, :n] + 1
    return chars


def _states(text: Sequence[int] | Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """[2U + 1] the class of each state, blanks between characters; which may be reached past a blank."""
    states = np.zeros(2 * len(text) + 1, np.int64)
    states[1::2] = text
    skip = np.zeros(len(states), bool)
    skip[3::2] = states[3::2] != states[1:-2:2]
    return states, skip


def _shortest(text: Sequence[int] | Ints) -> int:
    """Return the number of frames that `text` needs: one a character, a blank between equal neighbours."""
    text = np.asarray(text, np.int64)
    return len(text) + int((text[1:] == text[:-1]).sum())


def _forward(emit: Floats, skip: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """[T, S] forward variables, each frame scaled to sum one, and the scales [T] (Rabiner 1989, V.A)."""
    T, S = emit.shape
    alpha, scale = np.zeros((T, S)), np.zeros(T)
    padded = np.zeros(S + 2)
    padded[2] = 1.0
    may = skip.astype(np.float64)
    for t in range(T):
        reach = padded[2:] + padded[1:-1] + padded[:-2] * may
        reach *= emit[t]
        scale[t] = total = reach.sum()
        reach /= total
        padded[2:] = alpha[t] = reach
    return alpha, scale


def _backward(emit: Floats, skip: NDArray[np.bool_], scale: Floats) -> Floats:
    """[T, S] backward variables, scaled as the forward ones are."""
    T, S = emit.shape
    beta = np.zeros((T, S))
    beta[-1, -2:] = 1.0
    padded = np.zeros(S + 2)
    may = np.zeros(S)
    may[:-2] = skip[2:]
    for t in range(T - 1, 0, -1):
        padded[:-2] = beta[t] * emit[t] / scale[t]
        beta[t - 1] = padded[:-2] + padded[1:-1] + padded[2:] * may
    return beta
