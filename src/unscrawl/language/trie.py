"""A compact trie whose nodes are looked up many at a time; n-grams and word lists are kept in it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import ModelError

__all__ = ["IMPOSSIBLE", "STEP", "Floats", "Ints", "Trie", "dequantise", "quantise"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

STEP: Final = 1 / 16
"""Nats in one step of a stored 8-bit log probability."""

IMPOSSIBLE: Final = -40.0
"""Log probability of what cannot be; finite, so that sums of it stay numbers."""


_BIT: Final = np.left_shift(np.uint64(1), np.arange(64, dtype=np.uint64))
_BELOW: Final = _BIT - np.uint64(1)


class Trie:
    """A trie in breadth-first order: node 0 is the root, the node after the last is "nowhere".

    Args:
        symbols: uint8 [n] the symbol leading to each node (0 for the root).
        counts: uint8 [n] number of children; children of one node lie side by side, by rising symbol.
    """

    def __init__(self, symbols: NDArray[np.uint8], counts: NDArray[np.uint8]) -> None:
        n = len(symbols)
        if n == 0 or len(counts) != n or int(counts.sum(dtype=np.int64)) != n - 1:
            raise ModelError("language file: broken trie; install unscrawl again")
        self.nowhere = np.int32(n)
        self.symbols = symbols
        self.counts = np.append(counts, np.uint8(0)).astype(np.int32)
        self.first = np.ones(n + 1, np.int32)
        np.cumsum(self.counts[:-1], out=self.first[1:])
        self.first[1:] += 1
        self.mask = np.zeros(n + 1, np.uint64)
        inner = np.flatnonzero(self.counts)
        self.mask[inner] = np.bitwise_or.reduceat(_BIT[symbols], self.first[inner])

    def child(self, nodes: NDArray[np.int32], symbols: Ints) -> NDArray[np.int32]:
        """Return the children of `nodes` along `symbols` (broadcast), `nowhere` where there is none."""
        mask = self.mask[nodes]
        child = self.first[nodes] + np.bitwise_count(mask & _BELOW[symbols])
        return np.where(mask & _BIT[symbols], child, self.nowhere)

    def children(self, nodes: NDArray[np.int32]) -> tuple[Ints, Ints]:
        """Return (row, child) index pairs of all children of `nodes` [B]."""
        counts = self.counts[nodes]
        rows = np.arange(len(nodes)).repeat(counts)
        shift = self.first[nodes] - counts.cumsum() + counts  # first child less the rows before it
        return rows, shift[rows] + np.arange(len(rows))


def quantise(log: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return log probabilities as steps below 0."""
    steps: NDArray[np.uint8] = np.clip(np.rint(log / -STEP), 0, 255).astype(np.uint8)
    return steps


def dequantise(steps: NDArray[np.uint8]) -> Floats:
    """Return the log probabilities of a trie's nodes, with `IMPOSSIBLE` for "nowhere"."""
    return np.append(steps.astype(np.float32) * np.float32(-STEP), np.float32(IMPOSSIBLE))
