"""Beam search over a lattice of competing characters, with spaces decided on the way.

Position p lies before piece p. At every position live the best texts that account for all pieces to its
left; an edge takes a text from its start to its stop. Of texts with an equal future (`State.key`) only the
best stays (Viterbi recombination). A path's score is

    Σ over edges (prior + log p(character | ink)) + Σ log p(break or none)
    + weight · (log p(text) + BONUS · characters + SPACE_BONUS · spaces),

log p(text) by `textmodel`. The bonuses offset the price that any character has in the model, so
that readings with different numbers of characters compete fairly (the insertion bonus of speech recognition).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError
from unscrawl.language.textmodel import Longer, State, TextModel, logsumexp
from unscrawl.language.trie import Floats, Ints

__all__ = ["BONUS", "Scored", "Step", "candidates", "search"]

BEAM: Final = 24
BONUS: Final = 3.0
"""Nats given back for every character of a reading, times the language's weight."""
SPACE_BONUS: Final = 0.7
"""The same for every space."""
CERTAIN: Final = 5.0
"""Log odds of a space beyond which only one way is followed."""
CANDIDATES: Final = 12
SUPPORT: Final = 9.0
"""Nats below the best character of an edge within which a character counts as supported by the ink."""


class Scored(Protocol):
    """What the search needs of an edge."""

    @property
    def start(self) -> int: ...
    @property
    def stop(self) -> int: ...
    @property
    def scores(self) -> Floats: ...
    @property
    def prior(self) -> float: ...


@dataclass(frozen=True)
class Step:
    """One character of the best path; `state` (one row) is the model just before it, after any space."""

    edge: int
    char: int
    space: bool
    state: State | None


@dataclass(frozen=True)
class _Texts:
    """B texts at one position, each with its last edge."""

    edge: Ints  # [B] the last edge
    char: Ints  # [B] its character
    parent: Ints  # [B] row among the texts where that edge began
    space: NDArray[np.bool_]  # [B] a space follows
    score: Floats  # [B] all but the language's part
    state: State | None  # [B] rows; None without language

    def total(self, weight: float) -> Floats:
        return self.score if self.state is None else self.score + np.float32(weight) * self.state.total

    def take(self, rows: Ints) -> _Texts:
        state = None if self.state is None else self.state.take(rows)
        return _Texts(
            self.edge[rows], self.char[rows], self.parent[rows], self.space[rows], self.score[rows], state
        )


def candidates(scores: Floats) -> Ints:
    """Return the characters (alphabet indices) that the ink supports, best first: at most `CANDIDATES`."""
    order = np.argsort(-scores, kind="stable")[:CANDIDATES]
    best: Ints = order[scores[order] >= scores[order[0]] - SUPPORT]
    return best


def search(edges: Sequence[Scored], odds: Floats, model: TextModel | None, weight: float) -> list[Step]:
    """Return the best path through the lattice, first character first.

    Args:
        edges: each takes a text from piece `start` to piece `stop`.
        odds: [n] log odds of a space before each piece.
        model: None for no language.
        weight: of the model.

    Raises:
        DataError: the edges do not lead from the first piece to the end.
    """
    n = len(odds)
    leaving: list[list[int]] = [[] for _ in range(n + 1)]
    for i, e in enumerate(edges):
        leaving[e.start].append(i)
    arriving: list[list[_Texts]] = [[] for _ in range(n + 1)]
    none = np.full(1, -1)
    nothing = np.zeros(1, np.float32)
    arriving[0].append(_Texts(none, none, none, np.zeros(1, bool), nothing, model.start() if model else None))
    alive: list[_Texts | None] = []
    for p in range(n + 1):
        texts = _merge(arriving[p], weight) if arriving[p] else None
        if texts is not None and p == n:
            texts = _end(texts, model, weight)
        elif texts is not None and p > 0:
            texts = _space(texts, float(odds[p]), model, weight)
        alive.append(texts)
        if texts is not None and leaving[p]:
            for i, longer in _extend(texts, edges, leaving[p], model, weight):
                arriving[edges[i].stop].append(longer)
    if alive[n] is None:
        raise DataError("the character hypotheses do not lead from the first piece of the line to its end")
    return _trace(alive, edges)


def _extend(
    texts: _Texts, edges: Sequence[Scored], leaving: list[int], model: TextModel | None, weight: float
) -> list[tuple[int, _Texts]]:
    """Extend every text by every supported character of every edge that starts here."""
    chars = [candidates(edges[i].scores) for i in leaving]
    used = np.unique(np.concatenate(chars))
    grown = None if model is None or texts.state is None else _extensions(model, texts.state, used)
    language = None if grown is None else np.float32(weight) * logsumexp(grown.experts).reshape(-1, len(used))
    longer = []
    for i, cs in zip(leaving, chars, strict=True):
        score = texts.score[:, None] + edges[i].scores[cs] + np.float32(edges[i].prior + weight * BONUS)
        columns = np.searchsorted(used, cs)
        total = (score if language is None else score + language[:, columns]).ravel()
        best = np.argpartition(-total, BEAM)[:BEAM] if len(total) > BEAM else np.arange(len(total))
        rows, picked = np.divmod(best, len(cs))
        state = None
        if model and texts.state and grown:
            state = model.follow(texts.state, grown.take(rows * len(used) + columns[picked]))
        edge, space = np.full(len(best), i), np.zeros(len(best), bool)
        longer.append((i, _Texts(edge, cs[picked], rows, space, score.ravel()[best], state)))
    return longer


def _extensions(model: TextModel, state: State, used: Ints) -> Longer:
    """Return every text followed by each of the characters `used` [C], B · C of them."""
    rows = np.arange(len(state.key)).repeat(len(used))
    return model.extend(state, rows, np.tile(used + 1, len(state.key)))


def _merge(arrivals: list[_Texts], weight: float) -> _Texts:
    """Return the best texts of all arrivals, best first, one for each future."""
    texts = _join(arrivals)
    order = np.argsort(-texts.total(weight), kind="stable")
    key = texts.state.key if texts.state else np.zeros(len(order), np.uint64)
    _, first = np.unique(key[order], return_index=True)
    return texts.take(order[np.sort(first)[:BEAM]])


def _join(parts: list[_Texts]) -> _Texts:
    if len(parts) == 1:
        return parts[0]
    states = [t.state for t in parts if t.state is not None]
    return _Texts(
        edge=np.concatenate([t.edge for t in parts]),
        char=np.concatenate([t.char for t in parts]),
        parent=np.concatenate([t.parent for t in parts]),
        space=np.concatenate([t.space for t in parts]),
        score=np.concatenate([t.score for t in parts]),
        state=State.join(states) if states else None,
    )


def _space(texts: _Texts, odds: float, model: TextModel | None, weight: float) -> _Texts:
    """Let every text go on with and without a space; keep the best."""
    joined, spaced = (np.float32(-np.logaddexp(0.0, x)) for x in (odds, -odds))
    options = []
    if odds < CERTAIN:
        options.append(replace(texts, score=texts.score + joined))
    if odds > -CERTAIN:
        state = model.space(texts.state) if model and texts.state else None
        score = texts.score + spaced + np.float32(weight * SPACE_BONUS)
        options.append(replace(texts, space=np.ones(len(score), bool), score=score, state=state))
    both = _join(options)
    return both.take(np.argsort(-both.total(weight), kind="stable")[:BEAM])


def _end(texts: _Texts, model: TextModel | None, weight: float) -> _Texts:
    """Close the last word and put the best text first."""
    if model and texts.state:
        texts = replace(texts, state=model.space(texts.state))
    return texts.take(np.argsort(-texts.total(weight), kind="stable"))


def _trace(alive: list[_Texts | None], edges: Sequence[Scored]) -> list[Step]:
    """Walk back from the best text at the end."""
    steps = []
    p, row = len(alive) - 1, 0
    while p > 0:
        texts = alive[p]
        assert texts is not None
        edge, char, parent = int(texts.edge[row]), int(texts.char[row]), int(texts.parent[row])
        p, row = edges[edge].start, parent
        before = alive[p]
        assert before is not None
        state = before.state.take(np.array([row])) if before.state else None
        steps.append(Step(edge, char, bool(before.space[row]), state))
    return steps[::-1]
