"""Components → rows: which ink belongs to which text line, and which to none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unscrawl.layout.components import Component, Labelled, is_bit_of_rule
from unscrawl.layout.lines import FEW_STROKES, Track

__all__ = ["absorb", "assign", "is_edge", "trimmed", "without_smudges"]

_RIM = 1.2  # letter heights from the picture's border
_FLAT = 0.5  # letter heights
_FLATTEST = 0.3  # letter heights: no letter is flatter, though i without its dot, and r, are not high


def assign(parts: Sequence[Component], tracks: Sequence[Track], size: float) -> list[list[Component]]:
    """Give every component to a track; a component far from every track belongs to none and is dropped.

    Letters go to the track nearest the middle of their box; small marks go where the nearest letters go,
    because a dot may float closer to the line above than to its own.
    """
    rows: list[list[Component]] = [[] for _ in tracks]
    if not tracks or not parts:
        return rows
    away = np.stack([_distances(parts, t, size) for t in tracks], axis=1)
    small = np.array([max(p.w, p.h) < 0.4 * size for p in parts])
    for i in np.flatnonzero(~small & (away.min(axis=1) < 1.6 * size)).tolist():
        rows[int(away[i].argmin())].append(parts[i])
    letters = [list(row) for row in rows]
    for i in np.flatnonzero(small & (away.min(axis=1) < 2.2 * size)).tolist():
        near = np.flatnonzero(away[i] < 2.2 * size)
        cost = [_separation(parts[i], letters[t], 2 * size) + 0.5 * away[i, t] for t in near]
        rows[int(near[int(np.argmin(cost))])].append(parts[i])
    return rows


def absorb(
    rows: Sequence[list[Component]], tracks: Sequence[Track], labels: NDArray[np.int32], size: float
) -> list[list[Component]]:
    """Give rows of a few stray strokes close to a fuller row to it: loops, tails, dots in a row.

    A row of more strokes is a word that was added between the lines.
    """
    kept = [list(row) for row in rows]
    ink = [sum(p.area for p in row) for row in rows]
    for i in np.argsort(ink).tolist():
        if not 0 < len(rows[i]) <= 3:
            continue
        x = float(np.mean([p.cx for p in rows[i]]))
        y = float(np.mean([p.cy for p in rows[i]]))
        near = [
            (abs(y - t.at(x)), j)
            for j, t in enumerate(tracks)
            if ink[j] > 3 * ink[i] and t.xs[0] - size < x < t.xs[-1] + size
        ]
        own = np.zeros(int(labels.max()) + 1, bool)
        own[[p.label for p in rows[i]]] = True
        ends = min(p.x for p in rows[i]), max(p.x + p.w for p in rows[i])
        few = tracks[i].strokes(labels, own, *ends) <= FEW_STROKES
        if near and min(near)[0] < 1.1 * size and few:
            kept[min(near)[1]] += kept[i]
            kept[i] = []
    return kept


def without_smudges(rows: Sequence[list[Component]], page: Labelled, size: float) -> list[list[Component]]:
    """Empty rows without any letter, and short ones much fainter than the page: dirt, ink showing through.

    What is left of rules is longer than letters, but flat, or a single stroke.
    """
    shade = []
    for row in rows:
        boxes = [(slice(p.y, p.y + p.h), slice(p.x, p.x + p.w), p.label) for p in row]
        total = sum(int(page.strength[a, b][page.labels[a, b] == label].sum()) for a, b, label in boxes)
        shade.append(total / max(sum(p.area for p in row), 1))
    area = np.array([sum(p.area for p in row) for row in rows], dtype=np.float64)
    usual = float((area * shade).sum() / max(area.sum(), 1.0))
    kept: list[list[Component]] = []
    for row, dark in zip(rows, shade, strict=True):
        high = [p for p in row if max(p.w, p.h) >= 0.45 * size and p.h >= _FLATTEST * size]
        letters = not all(is_bit_of_rule(p, page.pen, size) for p in high)
        kept.append(row if letters and (dark > 0.65 * usual or len(row) > 6) else [])
    return kept if any(kept) else [list(row) for row in rows]


def _distances(parts: Sequence[Component], track: Track, size: float) -> NDArray[np.float64]:
    """Return how far components [n] lie from a track, px: 0 or less on it, more beyond its ends."""
    x, top, h = np.array([(p.cx, p.y, p.h) for p in parts]).T
    y = track.course(x)
    beyond = np.maximum(np.maximum(track.xs[0] - x, x - track.xs[-1]), 0.0)
    inside = np.maximum(np.minimum(top + h, y + 0.5 * size) - np.maximum(top, y - 0.5 * size), 0.0)
    return np.asarray(np.abs(top + h / 2 - y) - 0.5 * inside + 0.1 * np.maximum(beyond - 2 * size, 0.0))


def _separation(p: Component, others: Sequence[Component], most: float) -> float:
    """Return the distance from a mark's box to the nearest of others, px, at most `most`.

    Across counts twice, since marks sit above or below their letter.
    """
    for q in others:
        dx = max(q.x - (p.x + p.w), p.x - (q.x + q.w), 0)
        if 2 * dx < most:
            dy = max(q.y - (p.y + p.h), p.y - (q.y + q.h), 0)
            most = min(most, float(np.hypot(2 * dx, dy)))
    return most


def trimmed(row: Sequence[Component], width: int, size: float) -> list[Component]:
    """Return a row without what lies apart at its ends: specks, and bits of the page's edge.

    Args:
        width: of the picture, px.
    """
    letters = [p for p in row if max(p.w, p.h) >= 0.4 * size]
    for sign in (1, -1):  # from the left, then from the right
        letters.sort(key=lambda p: p.x if sign > 0 else -(p.x + p.w))
        while len(letters) > 1:
            p, q = letters[0], letters[1]
            edge = p.x if sign > 0 else width - (p.x + p.w)
            gap = q.x - (p.x + p.w) if sign > 0 else p.x - (q.x + q.w)
            if edge > size or gap < 1.5 * size:
                break
            letters.pop(0)
    if not letters:
        return list(row)
    left, right = min(p.x for p in letters) - size, max(p.x + p.w for p in letters) + size
    kept = {p.label for p in letters}
    small = (p for p in row if max(p.w, p.h) < 0.4 * size and left < p.cx < right)
    return [p for p in row if p.label in kept] + list(small)


def is_edge(row: Sequence[Component], shape: tuple[int, int], size: float) -> bool:
    """Tell whether a row is no more than a bit of the page's edge, or of what lies beside the page.

    Args:
        shape: of the picture (h, w), px.
    """
    high, wide = shape
    left, right = min(p.x for p in row), max(p.x + p.w for p in row)
    top, bottom = min(p.y for p in row), max(p.y + p.h for p in row)
    beside = right < _RIM * size or wide - left < _RIM * size
    flat = bottom - top < _FLAT * size and (bottom < _RIM * size or high - top < _RIM * size)
    return beside or flat
