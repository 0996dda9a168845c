"""CTC prefix beam search with the language, several lines at a time (Hannun et al. 2014, algorithm 1).

A prefix is a text that may have been written up to a frame; its probability is the sum over its paths, kept
apart by whether they end in a blank. A prefix ranks by

    log P(prefix | frames) + weight · (log p(prefix) + BONUS · characters + SPACE_BONUS · spaces),

log p by `textmodel`. Of prefixes with an equal future only the best stays. Runs of frames that are all but
certainly blank count once, and the language is asked only for characters that may stay in the beam. All
prefixes of all lines take a step together: one call of NumPy serves hundreds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.ctc import squeeze
from unscrawl.language.textmodel import KEYS, State, TextModel, logsumexp
from unscrawl.language.trie import Floats, Ints

__all__ = ["BONUS", "SPACE_BONUS", "Found", "search"]

BEAM: Final = 16
BONUS: Final = 2.0
"""Nats given back for every character of a reading, times the language's weight."""
SPACE_BONUS: Final = 0.0
"""The same for every space."""
CANDIDATES: Final = 6
SUPPORT: Final = -5.0
"""Log probability below which a frame does not support a character."""
MARGIN: Final = 8.0
"""Nats below the best prefix of a line beyond which no longer prefix is tried."""
TOGETHER: Final = 20_000
"""Frames of lines that are searched together, which bounds memory."""
_NEVER: Final = -1e9
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio's bits: spreads hashes (Knuth 1998, 6.4)

# Columns of `_Beams.scores`: log P(prefix, last frame is a blank | frames so far), the same for the last
# character, the language's weighted score, log p(prefix).
_BLANK, _LABEL, _WEIGHED, _SPELT = range(4)
# Columns of `_Beams.places`: last character (a place in LINE, -1 at the beginning), place in the history.
_LAST, _NODE = range(2)
# Columns of `_Beams.hashes`: of the prefix, and of the prefix without its last character.
_OWN, _PARENT = range(2)


@dataclass
class _Beams:
    """B prefixes of each of L lines, in L · B rows."""

    scores: NDArray[np.float64]  # [L · B, 4]
    places: Ints  # [L · B, 2]
    hashes: NDArray[np.uint64]  # [L · B, 2]
    state: State

    @property
    def rank(self) -> NDArray[np.float64]:
        """[L · B] what prefixes are ranked by."""
        heard = np.logaddexp(self.scores[:, _BLANK], self.scores[:, _LABEL])
        rank: NDArray[np.float64] = heard + self.scores[:, _WEIGHED]
        return rank

    def take(self, rows: Ints) -> _Beams:
        """Return the prefixes at `rows`."""
        return _Beams(self.scores[rows], self.places[rows], self.hashes[rows], self.state.take(rows))


@dataclass(frozen=True)
class _Growth:
    """Prefixes that one more character makes, n of them; `at` rises and says which: (row · C) + candidate."""

    at: Ints
    rows: Ints  # of the prefix that grows
    chars: Ints
    heard: NDArray[np.float64]  # log P(longer prefix, last frame is its last character | frames so far)
    weighed: NDArray[np.float64]  # the language's score
    experts: Floats


@dataclass(frozen=True)
class _Frames:
    """The frames of L lines that matter, longest line first, padded with silence."""

    log_p: Floats  # [S, L, 129]
    score: NDArray[np.float64]  # [S, L, C] of the characters that a frame supports, best first
    char: Ints  # [S, L, C] those characters
    wide: Ints  # [S, L] how many they are
    steps: Ints  # [L]


@dataclass(frozen=True)
class Found:
    """A text that was read, as places in LINE; `states` is the model before each character, a row each."""

    text: list[int]
    states: State


class _History:
    """All prefixes that were ever kept, as a tree: each node a character behind its parent."""

    def __init__(self, model: TextModel) -> None:
        self._parent: list[Ints] = [np.array([0])]
        self._char: list[Ints] = [np.array([-1])]
        self._state: list[State] = [model.start()]
        self._n = 1

    def add(self, parent: Ints, char: Ints, state: State) -> Ints:
        """Return the nodes of new prefixes; `state` is the model after each."""
        self._parent.append(parent)
        self._char.append(char)
        self._state.append(state)
        self._n += len(parent)
        return np.arange(self._n - len(parent), self._n)

    def found(self, nodes: Sequence[int]) -> list[Found]:
        """Return the prefixes at `nodes`."""
        parent, char = np.concatenate(self._parent), np.concatenate(self._char)
        begins = np.cumsum([0, *map(len, self._char)])
        found = []
        for node in nodes:
            path = [node]
            while path[-1]:
                path.append(int(parent[path[-1]]))
            before = np.array(path[:0:-1], np.int64)
            part = np.searchsorted(begins, before, side="right") - 1
            rows = [self._state[k].take(np.array([n - begins[k]])) for k, n in zip(part, before, strict=True)]
            states = State.join(rows) if rows else self._state[0].take(np.zeros(0, np.int64))
            found.append(Found(char[path[-2::-1]].tolist(), states))
        return found


def search(
    lines: Sequence[NDArray[np.floating]], model: TextModel, weight: float, *, beam: int = BEAM
) -> list[Found]:
    """Return the best text of each line.

    Args:
        lines: [T, 129] log probabilities of each line; class 0 is the blank, class i + 1 the place i in LINE.
        model: of the language.
        weight: of the model.
        beam: prefixes kept of each line.
    """
    kept = [np.asarray(line, np.float32)[squeeze(line)] for line in lines]
    order = sorted(range(len(kept)), key=lambda i: -len(kept[i]))
    found: dict[int, Found] = {}
    while order:
        n = max(1, TOGETHER // max(1, len(kept[order[0]])))
        some, order = order[:n], order[n:]
        found |= zip(some, _together([kept[i] for i in some], model, weight, beam), strict=True)
    return [found[i] for i in range(len(kept))]


def _together(kept: list[Floats], model: TextModel, weight: float, beam: int) -> list[Found]:
    """Return the best text of each of some lines, the longest first."""
    frames = _frames(kept)
    history = _History(model)
    beams, alive, nodes = _begin(len(kept), beam, model), len(kept), list[int]()
    for step in range(int(frames.steps[0]) + 1):
        going = int((frames.steps > step).sum())
        if going < alive:
            nodes = _finish(beams, going, beam, model, weight) + nodes
            beams, alive = beams.take(np.arange(going * beam)), going
        if alive:
            beams = _advance(beams, frames, step, alive, model, weight, history)
    return history.found(nodes)


def _frames(kept: list[Floats]) -> _Frames:
    steps = np.array([len(k) for k in kept])
    log_p = np.full((int(steps[0]), len(kept), kept[0].shape[1]), _NEVER, np.float32)
    log_p[:, :, 0] = 0.0
    for i, frames in enumerate(kept):
        log_p[: len(frames), i] = frames
    some = np.argpartition(-log_p[:, :, 1:], CANDIDATES, axis=2)[:, :, :CANDIDATES]
    score = np.take_along_axis(log_p[:, :, 1:], some, axis=2).astype(np.float64)
    rank = np.argsort(-score, axis=2, kind="stable")
    score, char = np.take_along_axis(score, rank, axis=2), np.take_along_axis(some, rank, axis=2)
    score[score < SUPPORT] = _NEVER
    return _Frames(log_p, score, char, (score > _NEVER).sum(axis=2), steps)


def _begin(n: int, beam: int, model: TextModel) -> _Beams:
    """Return the beams of `n` lines with the empty prefix alone; the other rows are unused."""
    scores = np.zeros((n, beam, 4))
    scores[:, :, [_BLANK, _LABEL]] = _NEVER
    scores[:, 0, _BLANK] = 0.0
    places = np.zeros((n, beam, 2), np.int64)
    places[:, :, _LAST] = -1
    hashes = np.zeros((n, beam, 2), np.uint64)
    hashes[:, :, _OWN] = np.arange(1, beam + 1)
    state = model.start().take(np.zeros(n * beam, np.int64))
    return _Beams(scores.reshape(-1, 4), places.reshape(-1, 2), hashes.reshape(-1, 2), state)


def _advance(
    beams: _Beams, frames: _Frames, step: int, L: int, model: TextModel, weight: float, history: _History
) -> _Beams:
    """Let the prefixes of `L` lines take one frame."""
    B, C = len(beams.scores) // L, max(1, int(frames.wide[step, :L].max()))
    log_p = frames.log_p[step]
    score, char = frames.score[step, :L, None, :C], frames.char[step, :L, None, :C]
    last = beams.places[:, _LAST].reshape(L, B)
    rested = beams.scores[:, _BLANK].reshape(L, B)
    touching = beams.scores[:, _LABEL].reshape(L, B)
    both = np.logaddexp(rested, touching)
    # A character right behind its equal needs a blank between them.
    longer = np.where(char == last[:, :, None], rested[:, :, None], both[:, :, None]) + score
    label = touching + log_p[np.arange(L)[:, None], last + 1]
    _rejoin(beams, longer, label, char[:, 0], last)
    stay = _Beams(beams.scores.copy(), beams.places, beams.hashes, beams.state)
    stay.scores[:, _BLANK] = (both + log_p[:L, :1]).ravel()
    stay.scores[:, _LABEL] = label.ravel()
    rank = stay.rank
    weighed = beams.scores[:, _WEIGHED].reshape(L, B, 1)
    hope = longer + weighed + weight * (BONUS + max(0.0, SPACE_BONUS))
    ranks = rank.reshape(L, B)
    least = np.maximum(ranks.max(axis=1) - MARGIN, ranks.min(axis=1))
    at = np.flatnonzero(hope > least[:, None, None])
    if not len(at):
        return stay
    rows, place = np.divmod(at, C)
    chars = char[rows // B, 0, place]
    experts = model.extend(beams.state, rows, chars)
    gain = logsumexp(experts) - beams.scores[rows, _SPELT] + BONUS + SPACE_BONUS * (chars == 0)
    grown = beams.scores[rows, _WEIGHED] + weight * gain
    growth = _Growth(at, rows, chars, longer.ravel()[at], grown, experts)
    return _select(stay, rank, growth, C, L, model, history)


def _rejoin(
    beams: _Beams, longer: NDArray[np.float64], label: NDArray[np.float64], char: Ints, last: Ints
) -> None:
    """Where one prefix of a beam grows into another, give the other its share and take it out of `longer`."""
    own = beams.hashes[:, _OWN].reshape(last.shape)
    parent = beams.hashes[:, _PARENT].reshape(last.shape)
    line, child, row = np.nonzero(parent[:, :, None] == own[:, None, :])
    if len(line):
        at, place = np.nonzero(char[line] == last[line, child][:, None])
        line, child, row = line[at], child[at], row[at]
        label[line, child] = np.logaddexp(label[line, child], longer[line, row, place])
        longer[line, row, place] = _NEVER


def _select(
    stay: _Beams,
    rank: NDArray[np.float64],
    growth: _Growth,
    C: int,
    L: int,
    model: TextModel,
    history: _History,
) -> _Beams:
    """Keep the best of the prefixes that stay as they are and of those that grow."""
    B = len(rank) // L
    every = np.full(L * B * C, _NEVER)
    every[growth.at] = growth.heard + growth.weighed
    ranks = np.concatenate([rank.reshape(L, B), every.reshape(L, B * C)], axis=1)
    best = np.argsort(-ranks, axis=1, kind="stable")[:, : 2 * B]
    lines = np.arange(L)[:, None]
    score = ranks[lines, best]
    grown = (best >= B) & (score > _NEVER / 2)
    source = lines * B + np.where(best >= B, (best - B) // C, best)
    pair = np.searchsorted(growth.at, lines * B * C + best - B) * grown
    char = np.where(grown, growth.chars[pair], stay.places[source, _LAST])
    key = stay.state.key[source]
    key = np.where(grown, (key << np.uint64(7)) + KEYS[char], key) * _MIX + (char + 2).astype(np.uint64)
    M = best.shape[1]
    doubled = ((key[:, :, None] == key[:, None, :]) & np.tri(M, k=-1, dtype=bool)).any(axis=2)
    score = np.where(doubled, _NEVER, score)
    keep = (lines * M + np.argsort(-score, axis=1, kind="stable")[:, :B]).ravel()
    return _grow(
        stay,
        source.ravel()[keep],
        grown.ravel()[keep],
        pair.ravel()[keep],
        score.ravel()[keep],
        growth,
        model,
        history,
    )


def _grow(
    stay: _Beams,
    source: Ints,
    grown: NDArray[np.bool_],
    pair: Ints,
    score: NDArray[np.float64],
    growth: _Growth,
    model: TextModel,
    history: _History,
) -> _Beams:
    """Return the rows `source` of `stay`; those `grown` with the character of their `pair`."""
    kept = stay.take(source)
    g = np.flatnonzero(grown)
    pair = pair[g]
    chars = growth.chars[pair]
    kept.scores[g, _BLANK] = _NEVER
    kept.scores[g, _LABEL] = growth.heard[pair]
    kept.scores[g, _WEIGHED] = growth.weighed[pair]
    kept.scores[g, _SPELT] = logsumexp(growth.experts[pair])
    kept.places[g, _LAST] = chars
    hashes = kept.hashes[g, _OWN]
    kept.hashes[g, _PARENT] = hashes
    longer = (hashes ^ (chars + 2).astype(np.uint64)) * _MIX
    kept.hashes[g, _OWN] = longer ^ (longer >> np.uint64(29))
    state = model.follow(stay.state, source[g], chars, growth.experts[pair])
    kept.state.put(g, state)
    kept.places[g, _NODE] = history.add(kept.places[g, _NODE], chars, state)
    unused = np.flatnonzero(score <= _NEVER / 2)
    if len(unused):
        kept.scores[unused, :2] = _NEVER
        kept.hashes[unused, _OWN] = unused + 1
        kept.hashes[unused, _PARENT] = 0
    return kept


def _finish(beams: _Beams, going: int, beam: int, model: TextModel, weight: float) -> list[int]:
    """Close the lines from number `going` on: their last words end; return the nodes of the best texts."""
    ending = beams.take(np.arange(going * beam, len(beams.scores)))
    closing = weight * (model.space(ending.state).total - ending.scores[:, _SPELT])
    rank = (ending.rank + closing).reshape(-1, beam)
    best = rank.argmax(axis=1) + beam * np.arange(len(rank))
    nodes: list[int] = ending.places[best, _NODE].tolist()
    return nodes
