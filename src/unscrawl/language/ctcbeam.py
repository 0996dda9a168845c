"""CTC prefix beam search with the language, several lines at a time (Hannun et al. 2014, algorithm 1).

A prefix is a text that may have been written up to a frame; its probability is the sum over its paths, kept
apart by whether they end in a blank. A prefix ranks by

    log P(prefix | frames) + weight · (log p(prefix) + BONUS · characters + SPACE_BONUS · spaces),

log p by `textmodel`. Of prefixes with an equal future only the best stays. Runs of frames that are all but
certainly blank count once, and the language is asked only for characters that may stay in the beam. What
all lines ask of the language is answered together: one call of NumPy serves hundreds.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.ctc import squeeze
from unscrawl.language.textmodel import State, TextModel

__all__ = ["BONUS", "SPACE_BONUS", "Found", "search"]

BEAM: Final = 64
BONUS: Final = 3.0
"""Nats given back for every character of a reading, times the language's weight."""
SPACE_BONUS: Final = 0.0
"""The same for every space."""
CANDIDATES: Final = 8
SUPPORT: Final = 0.002
"""Probability below which a frame does not support a character."""
SILENT: Final = 0.99
"""Probability of the blank from which a frame says nothing but that characters are apart."""
LOST: Final = 8.0
"""Nats below the best prefix of a line beyond which a prefix is given up."""
MARGIN: Final = 6.0
"""The same for one that would have a character more, before the language has seen it."""
WORTH: Final = 4.0
"""How near one such must be for the language to be asked at all."""
TOGETHER: Final = 64
"""Lines that are searched together, which bounds memory."""
_C: Final = len(LINE)
_FAINT: Final = 1e-30  # in place of probabilities still smaller
_SPARE: Final = 1024  # rows that a tree has room for, beyond doubling


@dataclass(frozen=True)
class Found:
    """A text that was read, as places in LINE.

    `states` is the model before each character, a row each; `rank` is what texts were ranked by.
    """

    text: list[int]
    states: State
    rank: float


class _Tree:
    """Every prefix that was tried: node 0 is the empty one, each other a character behind its parent."""

    def __init__(self, model: TextModel, weight: float) -> None:
        self._model, self._weight = model, weight
        self._state = model.start()
        self._bonus = [0.0]
        self.parent, self.last = [-1], [-1]
        self.key = [0]
        """Equal for prefixes with an equal future."""
        self.score = [0.0]
        """The language's part of the rank."""

    def grow(self, pairs: Sequence[int]) -> range:
        """Return the nodes of new prefixes `pairs`, each a parent · C + character."""
        rows, chars = np.divmod(np.array(pairs), _C)
        n, last = len(self.parent), chars.tolist()
        longer = self._model.follow(self._state, self._model.extend(self._state, rows, chars))
        bonus = (
            np.array([self._bonus[parent] for parent in rows.tolist()]) + BONUS + SPACE_BONUS * (chars == 0)
        )
        if n + len(pairs) > len(self._state.key):
            self._state = State.join([self._state, self._state.take(np.zeros(n + _SPARE, np.int64))])
        self._state.put(slice(n, n + len(pairs)), longer)
        self._bonus += bonus.tolist()
        self.parent += rows.tolist()
        self.last += last
        self.key += [key * _C + char for key, char in zip(longer.key.tolist(), last, strict=True)]
        self.score += (self._weight * (longer.total + bonus)).tolist()
        return range(n, n + len(pairs))

    def found(self, node: int, rank: float) -> Found:
        """Return the prefix at `node`, of that rank."""
        path = [node]
        while path[-1]:
            path.append(self.parent[path[-1]])
        path.reverse()
        states = self._state.take(np.array(path[:-1], np.int64))
        return Found([self.last[n] for n in path[1:]], states, rank)


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
    found = []
    for start in range(0, len(lines), TOGETHER):
        tree = _Tree(model, weight)
        some = lines[start : start + TOGETHER]
        readings = [_read(line, tree, weight, beam) for line in some]
        asked = {i: next(reading) for i, reading in enumerate(readings)}
        ends: dict[int, tuple[int, float]] = {}
        while asked:
            nodes = iter(tree.grow([pair for pairs in asked.values() for pair in pairs]))
            for i, pairs in list(asked.items()):
                try:
                    asked[i] = readings[i].send(list(islice(nodes, len(pairs))))
                except StopIteration as end:
                    ends[i] = end.value
                    del asked[i]
        found += [tree.found(*ends[i]) for i in range(len(some))]
    return found


def _read(
    line: NDArray[np.floating], tree: _Tree, weight: float, beam: int
) -> Generator[list[int], list[int], tuple[int, float]]:
    """Return the best text of a line, a node, with its rank.

    Yields pairs by which `tree` is to grow, each a parent · C + character; is sent their nodes.
    """
    behind = 0.0  # what was taken off all ranks
    alive = [(0.0, 0, 1.0, 0.0)]  # rank, prefix, P(it and its last frame is a blank), P(… its last character)
    children: dict[int, int] = {}  # node of each pair
    last_of, score = tree.last, tree.score
    hope = weight * (BONUS + max(0.0, SPACE_BONUS))
    for frame, chars in _frames(line):
        silence = frame[0]
        rested: dict[int, float] = {}
        spoken: dict[int, float] = {n: t * frame[last_of[n] + 1] for _, n, _, t in alive}
        new: dict[int, float] = {}
        for rank, node, rest, touching in alive:
            both, last = rest + touching, last_of[node]
            rested[node] = both * silence
            for char, p, least in chars:
                if rank < least:
                    break
                # A character right behind its equal needs a blank between them.
                heard = (rest if char == last else both) * p
                if heard:
                    pair = node * _C + char
                    child = children.get(pair)
                    if child is None:
                        new[pair] = heard
                    else:
                        spoken[child] = spoken.get(child, 0.0) + heard
        ranked = sorted(
            ((log(p + rested.get(n, 0.0)) + score[n], n) for n, p in spoken.items()), reverse=True
        )
        if new:
            tried = [(log(p) + score[pair // _C] + hope, pair) for pair, p in new.items()]
            least = ranked[beam - 1][0] if len(ranked) >= beam else -inf
            if max(tried)[0] > max(ranked[0][0] - WORTH, least):
                least = max(ranked[0][0] - MARGIN, least)
                wanted = [pair for rank, pair in tried if rank > least]
                nodes = yield wanted
                children.update(zip(wanted, nodes, strict=True))
                spoken.update((node, new[pair]) for pair, node in zip(wanted, nodes, strict=True))
                ranked += [(log(spoken[node]) + score[node], node) for node in nodes]
                ranked.sort(reverse=True)
        first = ranked[0][1]
        here = rested.get(first, 0.0) + spoken[first]
        behind += log(here)
        alive = _best(ranked, rested, spoken, 1 / here, tree.key, beam)
    closed = yield [node * _C for _, node, _, _ in alive]  # a space closes the last word
    ranks = [log(rest + touching) + score[c] for c, (_, _, rest, touching) in zip(closed, alive, strict=True)]
    rank, node = max(zip(ranks, (node for _, node, _, _ in alive), strict=True))
    return node, rank + behind


def _best(
    ranked: Sequence[tuple[float, int]],
    rested: Mapping[int, float],
    spoken: Mapping[int, float],
    scale: float,
    key: Sequence[int],
    beam: int,
) -> list[tuple[float, int, float, float]]:
    """Return the best prefixes, one for each future: with rank below the best, scaled probabilities."""
    best: list[tuple[float, int, float, float]] = []
    futures = set[int]()
    top = ranked[0][0]
    for rank, node in ranked:
        if rank < top - LOST or len(best) == beam:
            break
        if key[node] not in futures:
            futures.add(key[node])
            best.append((rank - top, node, rested.get(node, 0.0) * scale, spoken[node] * scale))
    return best


def _frames(line: NDArray[np.floating]) -> Iterator[tuple[list[float], list[tuple[int, float, float]]]]:
    """Yield the probabilities of each frame that matters, and the characters that it supports, best first.

    Each has its probability, and the rank from which it is tried behind a prefix.
    """
    p = np.maximum(np.exp(np.asarray(line, np.float64)[squeeze(line, SILENT)]), _FAINT)
    supported: list[list[tuple[int, float, float]]] = [[] for _ in p]
    frame, char = np.nonzero(p[:, 1:] > SUPPORT)
    here = p[frame, char + 1]
    least = np.log(p.max(axis=1)[frame] / here) - MARGIN
    for t, *one in zip(frame.tolist(), char.tolist(), here.tolist(), least.tolist(), strict=True):
        supported[t].append(tuple(one))
    for row, chars in zip(p.tolist(), supported, strict=True):
        chars.sort(key=lambda one: one[2])
        yield row, chars[:CANDIDATES]
