"""Counts, smooths and prunes the character n-gram of a language file.

Counts c(h, w) of every order; interpolated absolute discounting (Ney, Essen & Kneser 1994)

    P(w | h) = (c(h, w) - D(c)) / c(h) + γ(h) P(w | h'),   h' = h without its first symbol,

with D for counts 1, 2, 3+ by the estimates of Chen & Goodman 1998, eq. 26. Lower orders keep plain counts,
for continuation counts suffer under pruning (Chelba et al. 2010). An n-gram stays if c(h, w) · log(P(w | h)
/ P'(w | h)), P' being the estimate without it, exceeds a threshold (Seymore & Rosenfeld 1996); back-off
weights are then set so that every P(· | h) sums to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from unscrawl.language.fold import SYMBOLS, fold_text
from unscrawl.language.trie import STEP, quantise

__all__ = ["count_grams", "gram_arrays"]

_BITS: Final = 6  # of one symbol in a packed n-gram

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]


def gram_arrays(
    texts: Sequence[tuple[str, int]], order: int, threshold: float
) -> dict[str, NDArray[np.uint8]]:
    """Return the n-gram arrays of a language file.

    Args:
        texts: clean texts, each with how many times it counts.
        order: length of the longest n-grams.
        threshold: nats that an n-gram must gain over all its occurrences.
    """
    symbols = [(fold_text(f" {text} "), times) for text, times in texts]
    with Progress(transient=True) as progress:
        levels = _smooth(symbols, order, progress)
    return _arrays(_back_off(_prune(levels, threshold)))


@dataclass(frozen=True)
class Grams:
    """N-grams of one order: packed keys (rising), log probabilities, back-off weights as contexts."""

    keys: Keys
    log: Floats
    back: Floats


def count_grams(symbols: NDArray[np.uint8], order: int) -> tuple[Keys, NDArray[np.int64]]:
    """Return packed n-grams of `order` symbols, rising, and how often each occurs."""
    keys = np.zeros(len(symbols) - order + 1, np.uint64)
    for i in range(order):
        keys = (keys << np.uint64(_BITS)) | symbols[i : i + len(keys)].astype(np.uint64)
    return np.unique(keys, return_counts=True)


def _discounts(counts: NDArray[np.int64]) -> Floats:
    """D(0) … D(3+) from the numbers of n-grams seen once to four times."""
    n1, n2, n3, n4 = (max(1, int((counts == k).sum())) for k in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    d = [0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.clip(d, 0.0, [0.0, 0.9, 1.8, 2.7])


def _suffix(keys: Keys, order: int) -> Keys:
    return keys & np.uint64((1 << (_BITS * (order - 1))) - 1)


def _find(table: Keys, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    at = np.minimum(np.searchsorted(table, keys), max(len(table) - 1, 0))
    return at, (table[at] == keys) if len(table) else np.zeros(len(keys), bool)


def _count_all(parts: Sequence[tuple[NDArray[np.uint8], int]], order: int) -> tuple[Keys, NDArray[np.int64]]:
    """Count the n-grams of several texts together, each text as many times as given."""
    counted = [(*count_grams(symbols, order), times) for symbols, times in parts]
    keys, group = np.unique(np.concatenate([k for k, _, _ in counted]), return_inverse=True)
    times = np.concatenate([n * times for _, n, times in counted])
    return keys, np.bincount(group, times).astype(np.int64)


def _smooth(
    parts: Sequence[tuple[NDArray[np.uint8], int]], order: int, progress: Progress
) -> list[tuple[Keys, Floats, Floats]]:
    """Return for each order 1 … `order`: keys, P(w | h), and the gain in nats of keeping each."""
    task = progress.add_task("counting", total=order)
    levels: list[tuple[Keys, Floats, Floats]] = []
    for n in range(1, order + 1):
        keys, counts = _count_all(parts, n)
        if n == 1:
            full = np.arange(len(SYMBOLS), dtype=np.uint64)
            p: Floats = np.ones(len(SYMBOLS))
            p[keys.astype(int)] += counts
            levels.append((full, p / p.sum(), np.full(len(full), np.inf)))
        else:
            context = keys >> np.uint64(_BITS)
            _, group = np.unique(context, return_inverse=True)
            total = np.bincount(group, counts)
            d = _discounts(counts)[np.minimum(counts, 3)]
            spare = np.bincount(group, d) / total
            at, _ = _find(levels[-1][0], _suffix(keys, n))
            lower = spare[group] * levels[-1][1][at]
            p = (counts - d) / total[group] + lower
            gain = counts.astype(np.float64) * np.log(p / lower)
            levels.append((keys, p, gain))
        progress.advance(task)
    return levels


def _prune(levels: list[tuple[Keys, Floats, Floats]], threshold: float) -> list[tuple[Keys, Floats]]:
    """Keep n-grams that gain more than `threshold`, and the prefixes of what is kept."""
    kept: list[tuple[Keys, Floats]] = []
    needed = np.zeros(0, np.uint64)
    for keys, p, gain in reversed(levels):
        keep = gain > threshold
        at, found = _find(keys, needed)
        keep[at[found]] = True
        kept.append((keys[keep], p[keep]))
        needed = np.unique(keys[keep] >> np.uint64(_BITS))
    return kept[::-1]


def _back_off(kept: list[tuple[Keys, Floats]]) -> list[Grams]:
    """Set α(h) so that each P(· | h) sums to one, from short contexts to long ones."""
    done: list[Grams] = []

    def log_p(keys: Keys, n: int) -> Floats:
        at, found = _find(done[n - 1].keys, keys)
        out = np.where(found, done[n - 1].log[at], 0.0)
        if n > 1 and not found.all():
            missing = keys[~found]
            c_at, c_found = _find(done[n - 2].keys, missing >> np.uint64(_BITS))
            alpha = np.where(c_found, done[n - 2].back[c_at], 0.0)
            out[~found] = alpha + log_p(_suffix(missing, n), n - 1)
        return out

    for n, (keys, p) in enumerate(kept, start=1):
        if n > 1:
            before = done[-1]
            context, group = np.unique(keys >> np.uint64(_BITS), return_inverse=True)
            lower = np.exp(log_p(_suffix(keys, n), n - 1))
            alpha = np.log1p(-np.minimum(np.bincount(group, p), 0.9999))
            alpha -= np.log1p(-np.minimum(np.bincount(group, lower), 0.9999))
            before.back[_find(before.keys, context)[0]] = alpha
        done.append(Grams(keys, np.log(p), np.zeros(len(keys))))
    return done


def _arrays(grams: list[Grams]) -> dict[str, NDArray[np.uint8]]:
    symbol, count, log, back = ([np.zeros(1, np.uint8)] for _ in range(4))
    back[0][0] = 128
    count[0][0] = len(grams[0].keys)
    for level, below in zip(grams, [*grams[1:], None], strict=True):
        children = np.zeros(len(level.keys), np.int64)
        if below is not None:
            at, _ = _find(level.keys, below.keys >> np.uint64(_BITS))
            children = np.bincount(at, minlength=len(level.keys))
        symbol.append((level.keys & np.uint64((1 << _BITS) - 1)).astype(np.uint8))
        count.append(children.astype(np.uint8))
        log.append(quantise(level.log))
        back.append(np.clip(np.rint(level.back / STEP) + 128, 0, 255).astype(np.uint8))
    names = ("gram_symbol", "gram_count", "gram_log", "gram_back")
    return {
        name: np.concatenate(parts) for name, parts in zip(names, (symbol, count, log, back), strict=True)
    }
