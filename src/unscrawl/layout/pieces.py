"""One line's components → atoms: what stands over itself is joined, touching letters are over-cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.layout.baseline import LineShape
from unscrawl.layout.components import Component

__all__ = ["Atom", "join_stacked", "overcut", "seam_odds"]

# Log odds that a seam parts two characters, for the features of `_seam_features`; fitted by bench/layout.py.
_SEAM = np.array([-6.860, -3.359, 3.130, -0.800, 0.535, 2.326, 0.720, 1.247, 1.004])


_ASIDE = np.float32(0.06)  # px of ink that a sideways step costs: keeps seams upright


@dataclass
class Atom:
    """A piece before its ink is drawn: label numbers with their common box."""

    labels: tuple[int, ...]
    x: int
    y: int
    w: int
    h: int
    area: int
    seam: NDArray[np.float64] | None = None  # features of the cut before this atom; None where paper is white

    @property
    def cx(self) -> float:
        """Middle of the box across, px."""
        return self.x + self.w / 2

    def mask(self, labels: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return where the atom's ink is in its box, from the page's label picture."""
        view = labels[self.y : self.y + self.h, self.x : self.x + self.w]
        mask: NDArray[np.bool_] = view == self.labels[0]
        for label in self.labels[1:]:
            mask |= view == label
        return mask


def join_stacked(parts: Sequence[Component], x_height: float) -> list[Atom]:
    """Join components that stand over one another into one atom: dots, double strokes, broken letters."""
    atoms = [Atom((p.label,), p.x, p.y, p.w, p.h, p.area) for p in parts]
    while True:
        atoms.sort(key=lambda a: a.cx)
        pairs = [
            (_stacked(atoms[i], atoms[j], x_height), i, j)
            for i in range(len(atoms))
            for j in range(i + 1, min(i + 5, len(atoms)))
        ]
        gone: set[int] = set()
        merged = []
        for score, i, j in sorted(pairs, reverse=True):
            if score > 0 and i not in gone and j not in gone:
                merged.append(_union(atoms[i], atoms[j]))
                gone |= {i, j}
        if not merged:
            return atoms
        atoms = [a for k, a in enumerate(atoms) if k not in gone] + merged


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
    line: LineShape,
    fresh: Iterator[int],
    least: float,
) -> list[Atom]:
    """Cut a wide atom at every likely join, left to right.

    A cut is the path from top to bottom that crosses least ink (a seam, as in drop-fall cutting), so
    slanted and interlocked letters come apart too. An atom of about one letter's width is returned whole,
    and so is one with no cut at least `least` probable. `labels` is changed in place: parts take their
    numbers from `fresh`.
    """
    x_height = line.x_height
    if atom.w < 0.7 * x_height:
        return [atom]
    view = labels[atom.y : atom.y + atom.h, atom.x : atom.x + atom.w]
    own = atom.mask(labels)
    near = strength[atom.y : atom.y + atom.h, atom.x : atom.x + atom.w]
    ink = (near * own).astype(np.float32) / np.float32(255)
    down, up = _paths(ink)
    middle = atom.h // 2
    total = (down[middle] + up[::-1][middle] - ink[middle]) / line.pen
    at = _minima(total, x_height)
    seams = [
        np.concatenate([_trace(down, middle, x)[::-1], _trace(up, atom.h - 1 - middle, x)[1:]]) for x in at
    ]
    features = _seam_features(atom, ink, at, seams, total, line)
    kept = np.flatnonzero(seam_odds(features) >= least)
    chosen = [(features[i], seams[i]) for i in kept]
    return _apart(atom, view, own, chosen, 0.2 * line.pen * x_height, fresh)


def _seam_features(
    atom: Atom,
    ink: NDArray[np.float32],
    at: Sequence[int],
    seams: Sequence[NDArray[np.intp]],
    total: NDArray[np.float32],
    line: LineShape,
) -> NDArray[np.float64]:
    """Describe each seam [n, 9]; lengths in x-heights."""
    x_height, (a, b) = line.x_height, line.baseline
    edges = np.array([0, *at, atom.w]) / x_height
    rows = []
    columns = np.arange(atom.w)
    for k, (x, seam) in enumerate(zip(at, seams, strict=True)):
        crossed = ink[np.arange(atom.h), seam]
        level = float((crossed * np.arange(atom.h)).sum() / max(float(crossed.sum()), 1e-6)) + atom.y
        height = (a + b * (atom.x + x) - level) / x_height
        left, right = edges[k + 1] - edges[k], edges[k + 2] - edges[k + 1]
        heavy = ink[:, np.abs(columns - x) < 0.12 * x_height + 1].sum(axis=0)
        rows.append(
            (
                1.0,
                float(total[x]),
                max(float(total[x]) - 1.2, 0.0),
                abs(height - 0.2),
                min(left, right, 1.0),
                min(left + right, 2.5),
                min(atom.w / x_height, 4.0),
                min(atom.w / atom.h, 1.5),
                float(heavy.mean()) / line.pen,
            )
        )
    return np.array(rows, dtype=np.float64).reshape(-1, _SEAM.size)


def seam_odds(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability [n] that each seam parts two characters."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(features @ _SEAM, -30, 30))))


def _paths(ink: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the least ink [h, w] on any path from the top to each pixel, and that of the ink upside down.

    A path goes down one pixel at a time and at most one aside.
    """
    h, w = ink.shape
    wall = np.full((h, 1), np.inf, dtype=np.float32)
    cost = np.hstack([wall, ink, wall, ink[::-1], wall])  # both at once: half the steps
    aside = np.empty(2 * w + 1, dtype=np.float32)
    for y in range(1, h):
        above = cost[y - 1]
        np.minimum(above[:-2], above[2:], out=aside)
        aside += _ASIDE
        cost[y, 1:-1] += np.minimum(aside, above[1:-1])
    return cost[:, 1 : w + 1], cost[:, w + 2 : -1]


def _trace(cost: NDArray[np.float32], y: int, x: int) -> NDArray[np.intp]:
    """Follow the cheapest path back from (y, x) to row 0; return x for rows y, y-1, … 0."""
    path = [x]
    last = cost.shape[1] - 1
    for row in cost[:y][::-1]:
        here = row[x]
        if x > 0 and row[x - 1] + _ASIDE < here:
            here, step = row[x - 1] + _ASIDE, -1
        else:
            step = 0
        if x < last and row[x + 1] + _ASIDE < here:
            step = 1
        x += step
        path.append(x)
    return np.array(path, dtype=np.intp)


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
    seams: Sequence[tuple[NDArray[np.float64], NDArray[np.intp]]],
    least: float,
    fresh: Iterator[int],
) -> list[Atom]:
    """Relabel the ink between seams and return the parts.

    A part with less than `least` pixels of ink joins its left neighbour, the first its right one.
    """
    columns = np.arange(atom.w)[None, :]
    place = np.zeros(own.shape, dtype=np.intp)
    for _, seam in seams:
        place += columns >= seam[:, None]
    groups: list[tuple[NDArray[np.float64] | None, NDArray[np.bool_]]] = []
    for k in range(len(seams) + 1):
        part = own & (place == k)
        if groups and part.sum() < least:
            groups[-1] = (groups[-1][0], groups[-1][1] | part)
        else:
            groups.append((seams[k - 1][0] if groups else None, part))
    if len(groups) > 1 and groups[0][1].sum() < least:
        groups[:2] = [(None, groups[0][1] | groups[1][1])]
    if len(groups) == 1:
        return [atom]
    parts: list[Atom] = []
    for features, part in groups:
        label = next(fresh)
        view[part] = label
        ys, xs = np.nonzero(part)
        x, y = int(xs.min()), int(ys.min())
        w, h = int(xs.max()) - x + 1, int(ys.max()) - y + 1
        parts.append(Atom((label,), atom.x + x, atom.y + y, w, h, len(xs), features))
    return parts
