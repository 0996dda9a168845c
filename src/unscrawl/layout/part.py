"""Ink that runs through several lines → parts that each belong to one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unscrawl.layout.components import Component, Labelled, components
from unscrawl.layout.lines import FEW_STROKES, Track

__all__ = ["split_tall", "without_offshoots"]

_CLOSEST = 0.5  # letter heights: no two lines are closer than that
_ASIDE = 0.15  # of full ink: what a step up or down costs a seam
_SPARSE = 0.35  # strokes a letter height: letters have about one, tops and tails of long words fewer
_EMPTY = 0.55  # strokes a letter height, down and across: writing has more than one
_ONE_STROKE = 2.5  # pen widths of ink along its length that a single stroke has at most
_HALF = 0.4  # letter heights: half of the height of small letters


def without_offshoots(
    tracks: Sequence[Track], labels: NDArray[np.int32], parts: Sequence[Component], size: float
) -> list[Track]:
    """Drop the courses that only follow loops and tails of words on other lines.

    Such a course meets few strokes, in all or for its length, and nearly all of its ink hangs together with
    more ink on another course.
    """
    if len(tracks) < 2:
        return list(tracks)
    count = int(labels.max()) + 1
    letters = np.zeros(count, bool)
    letters[[p.label for p in parts]] = True
    mass = np.zeros((len(tracks), count))
    strokes = np.zeros(len(tracks))
    across = np.arange(-_HALF * size, _HALF * size + 1)
    for i, track in enumerate(tracks):
        x = np.arange(max(0, int(track.xs[0])), min(labels.shape[1], int(track.xs[-1]) + 1))
        rows = track.course(x.astype(np.float64)) + across[:, None]
        band = labels[np.clip(np.rint(rows).astype(np.intp), 0, len(labels) - 1), x]
        mass[i] = np.bincount(band.ravel(), minlength=count)
        strokes[i] = track.strokes(labels, letters, track.xs[0], track.xs[-1])
    mass[:, ~letters] = 0
    own = np.where(mass >= mass.max(axis=0), mass, 0).sum(axis=1)
    length = np.array([t.xs[-1] - t.xs[0] for t in tracks]) / size
    loose = (own < 0.3 * mass.sum(axis=1)) & (strokes <= np.maximum(FEW_STROKES, _SPARSE * length))
    return [t for t, gone in zip(tracks, loose, strict=True) if not gone]


def split_tall(
    page: Labelled, parts: Sequence[Component], tracks: Sequence[Track], size: float
) -> list[Component]:
    """Cut components that run through several lines between two of them, where that crosses least ink.

    A mere tail that reaches into the next line is left with its word; of a frame drawn around lines only what
    hangs together with words is left.
    """
    done: list[Component] = []
    work = [(p, _is_frame(p, size, page.pen)) for p in parts]
    while work:
        p, framed = work.pop()
        above = _cut(page, p, tracks, size)
        if above is None:
            if not (framed and size < max(p.w, p.h) and p.area < _ONE_STROKE * page.pen * max(p.w, p.h)):
                done.append(p)
            continue
        view = page.labels[p.y : p.y + p.h, p.x : p.x + p.w]
        for side in (above, ~above):
            own = ((view == p.label) & side).astype(np.uint8)
            names, pieces = components(own)
            for q in pieces:
                label = next(page.fresh)
                view[names == q.label] = label
                work.append((Component(label, p.x + q.x, p.y + q.y, q.w, q.h, q.area), framed))
    return done


def _is_frame(p: Component, size: float, pen: float) -> bool:
    """Tell whether a component spans lines but has far less ink than writing would have there."""
    return p.w > 8 * size and p.h > 4 * size and p.area < _EMPTY * pen * p.w * p.h / size


def _cut(page: Labelled, p: Component, tracks: Sequence[Track], size: float) -> NDArray[np.bool_] | None:
    """Return where a component's box lies above the best cut between two lines, or None to leave it whole."""
    if p.h < 1.1 * size:
        return None
    beside = [t for t in tracks if t.xs[0] - 2 * size < p.cx < t.xs[-1] + 2 * size]
    courses = sorted((t.at(p.cx), i) for i, t in enumerate(beside))
    crossed = [beside[i] for y, i in courses if p.y + 0.2 * size < y < p.y + p.h - 0.2 * size]
    if len(crossed) < 2:
        return None
    area = slice(p.y, p.y + p.h), slice(p.x, p.x + p.w)
    own = page.labels[area] == p.label
    xs = np.arange(p.x, p.x + p.w, dtype=np.float64)
    upper, lower = crossed[0].course(xs) - p.y, crossed[1].course(xs) - p.y
    if (lower - upper).min() < _CLOSEST * size:
        return None
    ink = np.where(own, page.strength[area], 0) / 255.0
    seam = _seam(ink, upper, lower)
    above: NDArray[np.bool_] = np.arange(p.h)[:, None] < seam[None, :]
    _return_tails(above, own, upper, lower, size)
    both = own & above, own & ~above
    if any(not side.any() or np.ptp(np.flatnonzero(side.any(axis=1))) < 0.3 * size for side in both):
        return None
    return above


def _seam(
    ink: NDArray[np.float64], upper: NDArray[np.float64], lower: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return for each column the row [w] below the cheapest path from left to right between two lines.

    Ink costs, and so does being near either line; the way goes up or down by at most one pixel a column
    (seam carving, Arvanitopoulos and Süsstrunk 2014).
    """
    h, w = ink.shape
    place = (np.arange(h)[:, None] - upper) / (lower - upper)  # 0 on the upper line, 1 on the lower
    cost = ink + 0.1 * np.abs(place - 0.55)
    cost[(place < 0.2) | (place > 0.85)] += 4.0
    total = cost.copy()
    aside = np.empty(h)
    for x in range(1, w):
        last = total[:, x - 1]
        aside[1:-1] = np.minimum(last[:-2], last[2:])
        aside[0], aside[-1] = last[1], last[-2]
        total[:, x] += np.minimum(last, aside + _ASIDE)
    y = int(np.argmin(total[:, -1]))
    seam = np.empty(w, np.intp)
    for x in range(w - 1, -1, -1):
        seam[x] = y
        if x:
            near = total[max(y - 1, 0) : y + 2, x - 1].copy()
            near[np.arange(max(y - 1, 0), min(y + 2, h)) != y] += _ASIDE
            y = max(y - 1, 0) + int(np.argmin(near))
    return seam


def _return_tails(
    above: NDArray[np.bool_],
    own: NDArray[np.bool_],
    upper: NDArray[np.float64],
    lower: NDArray[np.float64],
    size: float,
) -> None:
    """Give tails and tips of letters that a seam cut off back to their words, in place in `above`."""
    for side, line, sign in ((above.copy(), upper, -1), (~above, lower, 1)):
        names, pieces = components((own & side).astype(np.uint8))
        for q in pieces:
            ys, cols = np.nonzero(names[q.y : q.y + q.h, q.x : q.x + q.w] == q.label)
            reach = float((sign * (ys + q.y - line[cols + q.x])).max())
            if (
                q.h < 0.3 * size
                or (q.w < 0.35 * size and reach < 0.35 * size)
                or (q.w < size and reach < 0.2 * size)
            ):
                above[names == q.label] = sign > 0
