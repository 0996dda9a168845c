"""One line's components → baseline, x-height, and pieces: whole marks joined, touching letters over-cut."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.lines import Component

__all__ = ["Atom", "fit_baseline", "fit_x_height", "join_stacked", "overcut", "samples"]

# Heights of letters above the baseline in x-heights: (share, mean of log, spread of log).
_LOWER = ((0.60, 0.0, 0.13), (0.33, np.log(1.6), 0.16))
_UPPER = ((0.93, np.log(1.5), 0.13),)
_STRAY = 0.07  # share of anything else: marks, broken strokes
_ALL_CAPITALS = 0.15  # prior share of lines in capitals or digits alone


@dataclass
class Atom:
    """A piece before its ink is drawn: label numbers with their common box."""

    labels: tuple[int, ...]
    x: int
    y: int
    w: int
    h: int
    area: int
    cut: float = -1.0  # cost in stroke widths of the cut before this atom; -1 where there is white paper

    @property
    def cx(self) -> float:
        """Middle of the box across, px."""
        return self.x + self.w / 2


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
    best = np.argmax(odds - 0.5 * ((np.log(grid) - centre) / 0.15) ** 2, axis=1)
    return np.asarray(grid[best])


def join_stacked(parts: Sequence[Component], x_height: float) -> list[Atom]:
    """Join components that stand over one another into one atom: dots, double strokes, broken letters."""
    atoms = [Atom((p.label,), p.x, p.y, p.w, p.h, p.area) for p in sorted(parts, key=lambda p: p.cx)]
    while True:
        best: tuple[float, int, int] | None = None
        for i, a in enumerate(atoms):
            for j in range(i + 1, min(i + 5, len(atoms))):
                score = _stacked(a, atoms[j], x_height)
                if score > 0 and (best is None or score > best[0]):
                    best = (score, i, j)
        if best is None:
            return atoms
        _, i, j = best
        atoms[i] = _union(atoms[i], atoms[j])
        del atoms[j]
        atoms.sort(key=lambda a: a.cx)


def _union(a: Atom, b: Atom) -> Atom:
    x, y = min(a.x, b.x), min(a.y, b.y)
    w, h = max(a.x + a.w, b.x + b.w) - x, max(a.y + a.h, b.y + b.h) - y
    return Atom(a.labels + b.labels, x, y, w, h, a.area + b.area)


def _stacked(a: Atom, b: Atom, x_height: float) -> float:
    """Return how surely two atoms are one character standing over itself, 0 for no."""
    overlap = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    narrow = min(a.w, b.w)
    share = overlap / max(narrow, 1)
    apart = max(a.y, b.y) - min(a.y + a.h, b.y + b.h)  # white between them, down; negative: side by side
    if max(a.x + a.w, b.x + b.w) - min(a.x, b.x) > 2.2 * x_height and narrow > 0.5 * x_height:
        return 0.0
    low = min(max(a.w, a.h), max(b.w, b.h)) < 0.45 * x_height  # one of them is a dot or a mark
    if low and apart > -0.1 * x_height:
        off = abs(a.cx - b.cx) / x_height
        if apart < 1.3 * x_height and off < 0.45 and share > 0.3:
            return 2.0 - off
        return 0.0
    return share if share > 0.75 else 0.0


def overcut(
    atom: Atom,
    labels: NDArray[np.int32],
    strength: NDArray[np.uint8],
    x_height: float,
    stroke: float,
    fresh: Iterator[int],
) -> list[Atom]:
    """Cut a wide atom at every thin join, left to right.

    A cut is the path from top to bottom that crosses least ink (a seam, as in drop-fall cutting), so
    slanted and interlocked letters come apart too. An atom of about one letter's width is returned whole.
    `labels` is changed in place: parts take their numbers from `fresh`.
    """
    if atom.w < 1.15 * x_height or atom.w < 0.75 * atom.h:
        return [atom]
    view = labels[atom.y : atom.y + atom.h, atom.x : atom.x + atom.w]
    own = np.isin(view, atom.labels)
    near = strength[atom.y : atom.y + atom.h, atom.x : atom.x + atom.w]
    ink = (near * own).astype(np.float32) / np.float32(255)
    down, back = _paths(ink)
    up, forth = _paths(ink[::-1])
    middle = min(max(atom.h // 2, 0), atom.h - 1)
    total = (down[middle] + up[::-1][middle] - ink[middle]) / max(stroke, 1.0)
    seams = []
    for x in _minima(total, x_height):
        seam = np.concatenate([_trace(back, middle, x)[::-1], _trace(forth, atom.h - 1 - middle, x)[1:]])
        seams.append((float(total[x]), seam))
    return _apart(atom, view, own, seams, 0.2 * stroke * x_height, fresh)


def _paths(ink: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Return the least ink [h, w] on any path from the top to each pixel, and each pixel's step back."""
    h, w = ink.shape
    cost = ink.copy()
    back = np.zeros((h, w), dtype=np.int8)
    aside = np.float32(0.06)  # px of ink that a sideways step is worth: keeps seams upright
    padded = np.full(w + 2, np.inf, dtype=np.float32)
    for y in range(1, h):
        padded[1:-1] = cost[y - 1]
        choices = np.stack([padded[1:-1], padded[:-2] + aside, padded[2:] + aside])
        step = choices.argmin(axis=0)
        cost[y] += choices[step, np.arange(w)]
        back[y] = np.array([0, -1, 1], dtype=np.int8)[step]
    return cost, back


def _trace(back: NDArray[np.int8], y: int, x: int) -> NDArray[np.intp]:
    """Follow the steps back from (y, x) to row 0; return x for rows y, y-1, … 0."""
    path = np.empty(y + 1, dtype=np.intp)
    path[0] = x
    for i in range(y):
        x += int(back[y - i, x])
        path[i + 1] = x
    return path


def _minima(total: NDArray[np.float32], x_height: float) -> list[int]:
    """Return the columns of separate low points of the seam cost, cheapest chosen first, left to right."""
    w = len(total)
    margin = max(2, round(0.2 * x_height))
    spacing = 0.33 * x_height
    cost = cv2.GaussianBlur(total[None, :], (0, 0), max(0.04 * x_height, 0.5))[0]
    inner = np.arange(margin, w - margin)
    if len(inner) == 0:
        return []
    low = cost[inner]
    is_low = (low <= cost[inner - 1]) & (low <= cost[inner + 1]) & (low < 2.6)
    candidates = inner[is_low]
    chosen: list[int] = []
    for x in candidates[np.argsort(cost[candidates], kind="stable")]:
        if all(abs(int(x) - c) >= spacing for c in chosen):
            chosen.append(int(x))
    return sorted(chosen)


def _apart(
    atom: Atom,
    view: NDArray[np.int32],
    own: NDArray[np.bool_],
    seams: Sequence[tuple[float, NDArray[np.intp]]],
    least: float,
    fresh: Iterator[int],
) -> list[Atom]:
    """Relabel the ink between seams and return the parts.

    A part with less than `least` pixels of ink joins its left neighbour.
    """
    columns = np.arange(atom.w)[None, :]
    place = np.zeros(own.shape, dtype=np.intp)
    for _, seam in seams:
        place += columns >= seam[:, None]
    groups: list[tuple[float, NDArray[np.bool_]]] = []
    for k in range(len(seams) + 1):
        part = own & (place == k)
        if groups and part.sum() < least:
            groups[-1] = (groups[-1][0], groups[-1][1] | part)
        else:
            groups.append((seams[k - 1][0] if groups else -1.0, part))
    if len(groups) == 1:
        return [atom]
    parts: list[Atom] = []
    for cost, part in groups:
        label = next(fresh)
        view[part] = label
        ys, xs = np.nonzero(part)
        x, y = int(xs.min()), int(ys.min())
        w, h = int(xs.max()) - x + 1, int(ys.max()) - y + 1
        parts.append(Atom((label,), atom.x + x, atom.y + y, w, h, len(xs), cost))
    return parts
