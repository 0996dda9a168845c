"""One line's components → atoms: what stands over itself is joined, touching letters are over-cut."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.layout.baseline import LineShape
from unscrawl.layout.components import Component, Labelled

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


def overcut(atoms: Sequence[Atom], page: Labelled, line: LineShape, least: float) -> list[Atom]:
    """Cut a line's wide atoms at every likely join, left to right.

    A cut is the path from top to bottom that crosses least ink (a seam, as in drop-fall cutting), so
    slanted and interlocked letters come apart too. An atom of about one letter's width stays whole, and so
    does one with no cut at least `least` probable.
    """
    wide = [i for i, atom in enumerate(atoms) if atom.w >= 0.7 * line.x_height]
    found = {i: [atom] for i, atom in enumerate(atoms)}
    for batch in _batches(wide, [atom.h for atom in atoms]):
        own = [atoms[i].mask(page.labels) for i in batch]
        inks = [_ink(atoms[i], mask, page.strength) for i, mask in zip(batch, own, strict=True)]
        for i, mask, ink, (total, at, seams) in zip(batch, own, inks, _seams(inks, line), strict=True):
            if not at:
                continue
            atom = atoms[i]
            features = _seam_features(atom, ink, at, seams, total, line)
            kept = seam_odds(features) >= least
            view = page.labels[atom.y : atom.y + atom.h, atom.x : atom.x + atom.w]
            dot = 0.2 * line.pen * line.x_height
            found[i] = _apart(atom, view, mask, features[kept], seams[kept], dot, page.fresh)
    return [part for parts in found.values() for part in parts]


def _batches(numbers: Sequence[int], heights: Sequence[int]) -> list[list[int]]:
    """Group numbers so that within a group no height is more than twice another."""
    groups: list[list[int]] = []
    for i in sorted(numbers, key=lambda i: heights[i]):
        if not groups or heights[i] > 2 * heights[groups[-1][0]]:
            groups.append([])
        groups[-1].append(i)
    return groups


def _ink(atom: Atom, own: NDArray[np.bool_], strength: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return an atom's ink alone [h, w], 0 to 1."""
    near = strength[atom.y : atom.y + atom.h, atom.x : atom.x + atom.w]
    return (near * own).astype(np.float32) / np.float32(255)


def _seams(
    inks: Sequence[NDArray[np.float32]], line: LineShape
) -> list[tuple[NDArray[np.float32], list[int], NDArray[np.intp]]]:
    """Return for each ink [h, w] what a seam through each column of its middle row crosses, in pen widths
    [w], the columns of separate low points [n], and the seams through them [n, h]."""
    cost, starts = _paths(inks)
    cuts, rows, columns = [], [], []
    for ink, (down, up) in zip(inks, starts, strict=True):
        high, wide = ink.shape
        middle = high // 2
        above, below = cost[middle, down : down + wide], cost[high - 1 - middle, up : up + wide]
        total = (above + below - ink[middle]) / line.pen
        at = _minima(total, line.x_height)
        cuts.append((total, at))
        rows += [middle] * len(at) + [high - 1 - middle] * len(at)
        columns += [down + x for x in at] + [up + x for x in at]
    ways = _trace(cost, np.array(rows, np.intp), np.array(columns, np.intp))
    found, first = [], 0
    for ink, (down, up), (total, at) in zip(inks, starts, cuts, strict=True):
        middle, n = len(ink) // 2, len(at)
        over = ways[: middle + 1, first : first + n] - down
        under = ways[: len(ink) - 1 - middle, first + n : first + 2 * n] - up
        found.append((total, at, np.concatenate([over, under[::-1]]).T))
        first += 2 * n
    return found


def _seam_features(
    atom: Atom,
    ink: NDArray[np.float32],
    at: Sequence[int],
    seams: NDArray[np.intp],
    total: NDArray[np.float32],
    line: LineShape,
) -> NDArray[np.float64]:
    """Describe each seam [n, 9]; lengths in x-heights."""
    x_height, (a, b) = line.x_height, line.baseline
    x = np.array(at, np.intp)
    edges = np.array([0, *at, atom.w]) / x_height
    rows = np.arange(atom.h)
    crossed = ink[rows, seams]
    level = (crossed * rows).sum(axis=1) / np.maximum(crossed.sum(axis=1), 1e-6) + atom.y
    height = (a + b * (atom.x + x) - level) / x_height
    left, right = edges[1:-1] - edges[:-2], edges[2:] - edges[1:-1]
    reach = int(np.ceil(0.12 * x_height))  # columns to either side
    first, last = np.maximum(x - reach, 0), np.minimum(x + reach + 1, atom.w)
    heavy = np.append(0.0, np.cumsum(ink.sum(axis=0)))
    features = np.ones((len(at), _SEAM.size))
    features[:, 1] = total[x]
    features[:, 2] = np.maximum(total[x] - 1.2, 0.0)
    features[:, 3] = np.abs(height - 0.2)
    features[:, 4] = np.minimum(np.minimum(left, right), 1.0)
    features[:, 5] = np.minimum(left + right, 2.5)
    features[:, 6] = min(atom.w / x_height, 4.0)
    features[:, 7] = min(atom.w / atom.h, 1.5)
    features[:, 8] = (heavy[last] - heavy[first]) / (last - first) / line.pen
    return features


def seam_odds(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability [n] that each seam parts two characters."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(features @ _SEAM, -30, 30))))


def _paths(inks: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
    """Return the least ink on any path from the top to each pixel of inks [h, w] side by side, and the
    columns that each begins at, as it is and upside down.

    A path goes down one pixel at a time and at most one aside; it does not leave its ink.
    """
    widths = np.array([ink.shape[1] for ink in inks for _ in range(2)])
    starts = np.cumsum(widths + 1) - widths  # a wall between any two
    cost = np.full((max(map(len, inks)), int(starts[-1] + widths[-1]) + 1), np.inf, np.float32)
    for ink, down, up in zip(inks, starts[::2], starts[1::2], strict=True):
        cost[: len(ink), down : down + ink.shape[1]] = ink
        cost[: len(ink), up : up + ink.shape[1]] = ink[::-1]
    aside = np.empty(cost.shape[1] - 2, dtype=np.float32)
    for above, row in itertools.pairwise(cost):
        np.minimum(above[:-2], above[2:], out=aside)
        aside += _ASIDE
        row[1:-1] += np.minimum(aside, above[1:-1])
    return cost, list(zip(starts[::2].tolist(), starts[1::2].tolist(), strict=True))


def _trace(cost: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """Follow the cheapest paths back from pixels (rows [n], columns [n]) to the top.

    Returns:
        The column of each path in each row, [h, n]; below its start, the start's.
    """
    ways = np.broadcast_to(columns, (len(cost), len(columns))).copy()
    x = columns.copy()
    for y in range(int(rows.max(initial=0)), 0, -1):
        above = cost[y - 1]
        here, left, right = above[x], above[x - 1] + _ASIDE, above[x + 1] + _ASIDE
        step = np.where(right < np.minimum(here, left), 1, np.where(left < here, -1, 0))
        x += step * (y <= rows)
        ways[y - 1] = x
    return ways


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
    features: NDArray[np.float64],
    seams: NDArray[np.intp],
    least: float,
    fresh: Iterator[int],
) -> list[Atom]:
    """Relabel the ink between seams [n, h] and return the parts.

    A part with less than `least` pixels of ink joins its left neighbour, the first its right one.
    """
    ys, xs = np.nonzero(own)
    place = (seams[:, ys] <= xs).sum(axis=0)
    areas: list[int] = []
    opened: list[int] = []  # the first place of each part
    for k, area in enumerate(np.bincount(place, minlength=len(seams) + 1).tolist()):
        if areas and area < least:
            areas[-1] += area
        else:
            areas.append(area)
            opened.append(k)
    if len(areas) > 1 and areas[0] < least:
        del opened[1]
    if len(opened) == 1:
        return [atom]
    part = np.searchsorted(opened, place, "right") - 1
    names = np.array([next(fresh) for _ in opened], np.int32)
    view[ys, xs] = names[part]
    order = np.argsort(part, kind="stable")
    first = np.searchsorted(part[order], np.arange(len(opened)))
    left, top = (np.minimum.reduceat(v[order], first) for v in (xs, ys))
    right, bottom = (np.maximum.reduceat(v[order], first) + 1 for v in (xs, ys))
    boxes = np.stack([atom.x + left, atom.y + top, right - left, bottom - top], axis=1).tolist()
    cuts = [None, *(features[k - 1] for k in opened[1:])]
    parts = zip(names.tolist(), boxes, np.bincount(part).tolist(), cuts, strict=True)
    return [Atom((name,), x, y, w, h, area, cut) for name, (x, y, w, h), area, cut in parts]
