"""Ink → text lines in reading order, each over-cut into pieces with odds of character and word boundaries."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl import spacing
from unscrawl.lines import Component, Track, assign, components, find_tracks, split_tall, text_size
from unscrawl.pieces import Atom, fit_baseline, fit_x_height, join_stacked, overcut, samples

if TYPE_CHECKING:
    from unscrawl.ink import Ink

__all__ = ["LineInk", "Piece", "find_lines"]

_RIM = 2.0  # px: anti-aliased ink around the mask that belongs to a piece


@dataclass(frozen=True)
class Piece:
    """An atom of ink: a connected component, part of one, or several joined (i and its dot).

    `x`, `y` is the top left corner in the working frame; `ink` [h, w] is strength, all other ink 0.
    """

    x: int
    y: int
    ink: NDArray[np.uint8]


@dataclass(frozen=True)
class LineInk:
    """A text line: n pieces left to right, over-cut so that a character is one to four consecutive pieces.

    `cuts` [n]: probability, from geometry alone, that a character begins at piece i; cuts[0] is 1.
    `breaks` [n]: probability that a space stands before piece i; breaks[0] is 0.
    `baseline`: y = a + b·x in the working frame. `x_height` in px.
    """

    pieces: tuple[Piece, ...]
    cuts: NDArray[np.float32]
    breaks: NDArray[np.float32]
    baseline: tuple[float, float]
    x_height: float


@dataclass
class _Row:
    """A line in the making."""

    parts: list[Component]
    baseline: tuple[float, float] = (0.0, 0.0)
    x_height: float = 0.0


def find_lines(ink: Ink, *, layout: str = "page") -> list[LineInk]:
    """Find the text lines of a levelled picture's ink, in reading order.

    `layout` "page" looks for any number of lines; "line", "word" and "glyph" give at most one, the latter
    two without spaces. No ink gives no lines.
    """
    labels, parts = components(ink.mask)
    parts = [p for p in parts if p.area >= 3]
    if not parts:
        return []
    stroke = _stroke(ink.mask)
    parts = _without_specks(parts, stroke)
    size = text_size(parts)
    fresh = itertools.count(int(labels.max()) + 1)
    rows = _rows(labels, parts, size, fresh) if layout == "page" else [_Row(parts)]
    rows = _measured(rows, labels, size)
    atoms: list[list[Atom]] = []
    for row in rows:
        x_height = row.x_height
        joined = join_stacked(row.parts, x_height)
        atoms.append([b for a in joined for b in overcut(a, labels, ink.strength, x_height, stroke, fresh)])
    gaps = [spacing.measure(line, labels, row.x_height) for line, row in zip(atoms, rows, strict=True)]
    if layout in ("word", "glyph"):
        breaks = [np.zeros(len(line), dtype=np.float32) for line in atoms]
    else:
        breaks = spacing.break_odds(gaps)
    pieces = _draw(atoms, labels, ink)
    return [
        LineInk(p, spacing.cut_odds(g), b, row.baseline, row.x_height)
        for p, g, b, row in zip(pieces, gaps, breaks, rows, strict=True)
    ]


def _stroke(mask: NDArray[np.uint8]) -> float:
    """Return the typical pen width in px: twice the median depth of the ridge of the distance transform."""
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    crest = (depth > 0) & (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)))
    return max(1.0, 2.0 * float(np.median(depth[crest])) - 0.5)


def _without_specks(parts: list[Component], stroke: float) -> list[Component]:
    """Drop components too small to be even a full stop by this pen, unless nothing else is there."""
    least = max(3.0, 0.35 * stroke * stroke)
    return [p for p in parts if p.area >= least] or parts


def _rows(labels: NDArray[np.int32], parts: list[Component], size: float, fresh: Iterator[int]) -> list[_Row]:
    """Group components into lines."""
    letters = np.zeros(int(labels.max()) + 1, dtype=np.uint8)
    for p in parts:
        letters[p.label] = 0.25 * size < max(p.w, p.h) and p.h < 6 * size and p.w < 40 * size
    tracks = find_tracks(letters[labels], size)
    if not tracks:
        tracks = [Track(np.array([p.cx]), np.array([p.cy]), 0.0) for p in parts[:1]]
    parts = split_tall(labels, parts, tracks, size, fresh)
    return [_Row(row) for row in assign(parts, tracks, size) if row]


def _measured(rows: list[_Row], labels: NDArray[np.int32], size: float) -> list[_Row]:
    """Fit each row's baseline and x-height."""
    extents = []
    for row in rows:
        e = samples(row.parts, labels, size)
        if len(e) == 0:
            p = max(row.parts, key=lambda p: p.area)
            e = np.array([[p.cx, p.y, p.y + p.h]], dtype=np.float64)
        extents.append(e)
    lines = [fit_baseline(e, size, 0.0) for e in extents]
    long = [(b, float(np.ptp(e[:, 0]))) for (_, b), e in zip(lines, extents, strict=True) if len(e) > 3]
    slope = float(np.average([b for b, _ in long], weights=[n + 1e-6 for _, n in long])) if long else 0.0
    tops = []
    for row, e in zip(rows, extents, strict=True):
        row.baseline = fit_baseline(e, size, slope)
        a, b = row.baseline
        height = a + b * e[:, 0] - e[:, 1]
        tops.append(height[height > 0.3 * size])
    for row, x_height in zip(rows, fit_x_height(tops, size), strict=True):
        row.x_height = float(x_height)
    return rows


def _draw(atoms: list[list[Atom]], labels: NDArray[np.int32], ink: Ink) -> list[tuple[Piece, ...]]:
    """Draw each atom's own ink: its mask and the anti-aliased rim nearer to it than to any other ink."""
    kept = np.zeros(int(labels.max()) + 2, dtype=np.int32)
    for number, atom in enumerate((a for line in atoms for a in line), start=1):
        kept[list(atom.labels)] = number
    owner = kept[labels]
    distance, nearest = cv2.distanceTransformWithLabels(
        (owner == 0).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    names = np.zeros(int(nearest.max()) + 1, dtype=np.int32)
    names[nearest[owner > 0]] = owner[owner > 0]
    owner = np.where(distance <= _RIM, names[nearest], 0)
    height, width = owner.shape
    rim = int(_RIM)
    drawn: list[tuple[Piece, ...]] = []
    numbers = itertools.count(1)
    for line in atoms:
        pieces = []
        for a in line:
            x, y = max(a.x - rim, 0), max(a.y - rim, 0)
            area = slice(y, min(a.y + a.h + rim, height)), slice(x, min(a.x + a.w + rim, width))
            own = owner[area] == next(numbers)
            pieces.append(Piece(x, y, np.where(own, ink.strength[area], np.uint8(0))))
        drawn.append(tuple(pieces))
    return drawn
