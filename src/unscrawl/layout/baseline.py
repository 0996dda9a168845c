"""Where a line's letters stand and how tall they are: baseline and x-height from the edges of its ink."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unscrawl.layout.components import Component

__all__ = ["LineShape", "fit_baseline", "fit_x_height", "samples"]

# Heights of letters above the baseline in x-heights: (share, mean of log, spread of log).
_LOWER = ((0.60, 0.0, 0.11), (0.33, np.log(1.5), 0.20))
_UPPER = ((0.93, np.log(1.5), 0.08),)
_STRAY = 0.07  # share of anything else: marks, broken strokes
_ALL_CAPITALS = 0.08  # prior share of lines in capitals or digits alone


@dataclass(frozen=True)
class LineShape:
    """What places letters on their line: y = a + b·x of the baseline, x-height and pen width in px."""

    baseline: tuple[float, float]
    x_height: float
    pen: float


def samples(parts: Sequence[Component], labels: NDArray[np.int32], size: float) -> NDArray[np.float64]:
    """Return letter extents [n, 3]: x, top y, bottom y in px.

    Narrow components give one row each; wide ones (joined letters) one row for every slice of about a letter.
    Marks are left out.
    """
    rows: list[tuple[float, float, float]] = []
    for p in parts:
        if p.h < 0.35 * size:
            continue
        slices = max(1, round(p.w / (0.9 * size))) if p.w > 1.7 * size else 1
        if slices == 1:
            rows.append((p.cx, float(p.y), float(p.y + p.h)))
            continue
        own = labels[p.y : p.y + p.h, p.x : p.x + p.w] == p.label
        edges = np.linspace(0, p.w, slices + 1).astype(int)
        for a, b in itertools.pairwise(edges.tolist()):
            ys = np.flatnonzero(own[:, a:b].any(axis=1))
            if len(ys) and np.ptp(ys) >= 0.35 * size:
                rows.append((p.x + (a + b) / 2, float(p.y + ys[0]), float(p.y + ys[-1] + 1)))
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def fit_baseline(extents: NDArray[np.float64], size: float, slope: float) -> tuple[float, float]:
    """Fit y = a + b·x through the bottoms of letters; descenders and floating marks count for little.

    Finds the densest straight band of bottoms, then refines by least squares inside it. `slope` is the
    expected b, which rules where there are few letters.
    """
    x, bottom = extents[:, 0], extents[:, 2]
    height = extents[:, 2] - extents[:, 1]
    weight = np.clip(height / size, 0.3, 1.0)
    middle = float(x.mean())
    width = 0.12 * size
    best, best_score = (float(np.median(bottom)), slope), -np.inf
    for b in slope + np.linspace(-0.06, 0.06, 13) if len(x) > 3 else (slope,):
        level = bottom - b * (x - middle)
        near = np.exp(-0.5 * ((level[:, None] - level[None, :]) / width) ** 2) @ weight
        score = near - 0.5 * ((b - slope) / 0.02) ** 2
        i = int(np.argmax(score))
        if score[i] > best_score:
            best, best_score = (float(level[i]), float(b)), float(score[i])
    a, b = best
    for _ in range(3):
        off = bottom - (a + b * (x - middle))
        w = weight * np.exp(-0.5 * (off / width) ** 2)
        # The prior on the slope is worth three letters spread over the line.
        u = x - middle
        spread = float((w * u * u).sum())
        calm = 3.0 * (4 * size) ** 2
        mean = float((w * u).sum() / max(w.sum(), 1e-9))
        change = float((w * (u - mean) * off).sum()) + calm * (slope - b)
        step = change / (spread + calm)
        b += step
        a += float((w * off).sum() / max(w.sum(), 1e-9)) - step * mean
    return float(a - b * middle), float(b)


def x_height_odds(tops: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log likelihood [len(grid)] of each x-height for letter heights above the baseline, px."""
    if len(tops) == 0:
        return np.zeros(len(grid))
    r = np.log(np.maximum(tops, 1e-3))[:, None] - np.log(grid)[None, :]

    def mixture(parts: Sequence[tuple[float, float, float]]) -> NDArray[np.float64]:
        total = np.full_like(r, _STRAY / 2.0)
        for share, mean, spread in parts:
            total += share / spread / np.sqrt(2 * np.pi) * np.exp(-0.5 * ((r - mean) / spread) ** 2)
        return np.asarray(np.log(total).sum(axis=0))

    lower, upper = mixture(_LOWER), mixture(_UPPER)
    return np.asarray(np.logaddexp(np.log(1 - _ALL_CAPITALS) + lower, np.log(_ALL_CAPITALS) + upper))


def fit_x_height(lines: Sequence[NDArray[np.float64]], size: float) -> NDArray[np.float64]:
    """Return the x-height [n] in px of each line from its letters' heights above the baseline.

    Small letters and tall ones make two heaps of heights; a line with one heap is all small letters or all
    capitals, and the page's other lines tell which.
    """
    grid = np.geomspace(0.3 * size, 1.8 * size, 73)
    odds = np.stack([x_height_odds(tops, grid) for tops in lines])
    page = odds.sum(axis=0)
    centre = np.log(grid[int(np.argmax(page))])
    best = np.argmax(odds - 0.5 * ((np.log(grid) - centre) / 0.10) ** 2, axis=1)
    return np.asarray(grid[best])
