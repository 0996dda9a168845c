"""Ink → text lines in reading order, each over-cut into pieces with odds of character and word boundaries."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.layout import spacing
from unscrawl.layout.baseline import LineShape, fit_baseline, fit_x_height, samples
from unscrawl.layout.blocks import small_blocks
from unscrawl.layout.components import (
    Component,
    Labelled,
    components,
    is_bit_of_rule,
    pen_width,
    text_size,
    without_specks,
)
from unscrawl.layout.course import fit_course
from unscrawl.layout.holes import without_holes
from unscrawl.layout.lines import Track, find_tracks
from unscrawl.layout.part import split_tall, without_offshoots
from unscrawl.layout.pieces import Atom, join_stacked, overcut
from unscrawl.layout.rows import absorb, assign, is_edge, trimmed, without_smudges

if TYPE_CHECKING:
    from unscrawl.ink import Ink

__all__ = ["LineInk", "Piece", "find_lines"]

# Neighbours, nearest first, up to 2 px away: anti-aliased ink around the mask that belongs to a piece.
_RIMS = (
    ((0, 1, 0), (1, 0, 1), (0, 1, 0)),
    ((1, 0, 1), (0, 0, 0), (1, 0, 1)),
    ((0, 0, 1, 0, 0), (0, 0, 0, 0, 0), (1, 0, 0, 0, 1), (0, 0, 0, 0, 0), (0, 0, 1, 0, 0)),
)


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
    `baseline`: y = a + b·x in the working frame. `x_height` in px. `curve` [k, 2]: points (x, y), px, of the
    baseline where it is known better than as a straight line.
    """

    pieces: tuple[Piece, ...]
    cuts: NDArray[np.float32]
    breaks: NDArray[np.float32]
    baseline: tuple[float, float]
    x_height: float
    curve: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))

    def course(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return y of the baseline at each x; beyond the curve's ends it goes on straight."""
        a, b = self.baseline
        if not len(self.curve):
            return np.asarray(a + b * x)
        xs, ys = self.curve.T
        return np.asarray(np.interp(x, xs, ys - b * xs) + b * x)


@dataclass
class Row:
    """A line in the making: its components, then its atoms."""

    parts: list[Component]
    track: Track | None = None
    shape: LineShape = field(default_factory=lambda: LineShape((0.0, 0.0), 1.0, 1.0))
    curve: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    atoms: list[Atom] = field(default_factory=list)


def find_lines(ink: Ink, *, layout: str = "page") -> list[LineInk]:
    """Find the text lines of a levelled picture's ink, in reading order.

    `layout` "page" looks for any number of lines; "line", "word" and "glyph" give at most one, the latter
    two without spaces. No ink gives no lines.
    """
    labels, rows = find_rows(ink, layout)
    gaps = [spacing.measure(row.atoms, labels, row.shape.x_height) for row in rows]
    breaks = spacing.break_odds(gaps)
    if layout in ("word", "glyph"):
        breaks = [np.zeros_like(b) for b in breaks]
    pieces = _draw([row.atoms for row in rows], labels, ink)
    return [
        LineInk(p, spacing.cut_odds(g), b, row.shape.baseline, row.shape.x_height, row.curve)
        for p, g, b, row in zip(pieces, gaps, breaks, rows, strict=True)
    ]


def find_rows(ink: Ink, layout: str = "page", least: float = 0.02) -> tuple[NDArray[np.int32], list[Row]]:
    """Return the label picture and the rows of atoms; cuts less probable than `least` are not made."""
    labels, parts = components(ink.mask)
    if not parts:
        return labels, []
    pen = pen_width(ink.mask)
    parts = without_specks(parts, pen)
    size = text_size(ink.mask, parts)
    page = Labelled(labels, ink.strength, pen, itertools.count(int(labels.max()) + 1))
    if layout == "page":
        rows = _page(page, without_holes(parts, size), size)
    else:
        rows = [Row(parts)]
        _place(rows, page, size)
    for row in rows:
        row.atoms = overcut(join_stacked(row.parts, row.shape.x_height), page, row.shape, least)
    return labels, rows


def _page(page: Labelled, parts: list[Component], size: float) -> list[Row]:
    """Find the lines of a page; those of a block of small print come before the first line below its top."""
    blocks = small_blocks(parts, size, page.labels.shape)
    small = {p.label for block in blocks for p in block}
    rows = _rows(page, [p for p in parts if p.label not in small], size)
    tops = [min(p.y for p in row.parts) for row in rows]
    placed: list[tuple[int, int, list[Row]]] = [(i, -1, [row]) for i, row in enumerate(rows)]
    for block in blocks:
        x, y = min(p.x for p in block), min(p.y for p in block)
        before = next((i for i, top in enumerate(tops) if top > y), len(rows))
        own = float(np.median([p.h for p in block]))
        placed.append((before - 1, x, _rows(page, block, own)))
    return [row for *_, lines in sorted(placed, key=lambda place: place[:2]) for row in lines]


def _rows(page: Labelled, parts: list[Component], size: float) -> list[Row]:
    """Group components into lines."""
    if not parts:
        return []
    labels = page.labels
    letters = np.zeros(int(labels.max()) + 1, dtype=np.uint8)
    for p in parts:
        letters[p.label] = 0.25 * size < max(p.w, p.h) and p.h < 6 * size and p.w < 40 * size
    x0, y0 = min(p.x for p in parts), min(p.y for p in parts)
    x1, y1 = max(p.x + p.w for p in parts), max(p.y + p.h for p in parts)
    words = letters.copy()
    words[[p.label for p in parts if is_bit_of_rule(p, page.pen, size)]] = 0
    here = labels[y0:y1, x0:x1]
    tracks = [t.moved(x0, y0) for t in find_tracks(letters[here], size, words[here])]
    if not tracks:
        tracks = [Track(np.array([p.cx]), np.array([p.cy]), 0.0) for p in parts[:1]]
    tracks = without_offshoots(tracks, labels, parts, size)
    parts = split_tall(page, parts, tracks, size)
    kept = absorb(assign(parts, tracks, size), tracks, labels, size)
    kept = without_smudges(kept, page, size)
    height, width = labels.shape
    rows = [Row(trimmed(row, width, size), track) for row, track in zip(kept, tracks, strict=True) if row]
    rows = [row for row in rows if not is_edge(row.parts, (height, width), size)] or rows
    _place(rows, page, size)
    return rows


def _place(rows: list[Row], page: Labelled, size: float) -> None:
    """Fit each row's baseline and x-height."""
    extents = []
    for row in rows:
        e = samples(row.parts, page.labels, size)
        if len(e) == 0:
            p = max(row.parts, key=lambda p: p.area)
            e = np.array([[p.cx, p.y, p.y + p.h]], dtype=np.float64)
        extents.append(e)
    long = [(fit_baseline(e, size, 0.0)[1], float(np.ptp(e[:, 0]))) for e in extents if len(e) > 3]
    slope = float(np.average([b for b, _ in long], weights=[n + 1e-6 for _, n in long])) if long else 0.0
    baselines = [fit_baseline(e, size, slope) for e in extents]
    tops = [a + b * e[:, 0] - e[:, 1] for e, (a, b) in zip(extents, baselines, strict=True)]
    x_heights = fit_x_height([t[t > 0.3 * size] for t in tops], size)
    for row, e, baseline, x_height in zip(rows, extents, baselines, x_heights.tolist(), strict=True):
        row.shape = LineShape(baseline, x_height, page.pen)
        row.curve = fit_course(e, size, baseline, row.track)


def _draw(atoms: list[list[Atom]], labels: NDArray[np.int32], ink: Ink) -> list[tuple[Piece, ...]]:
    """Draw each atom's own ink: its mask and the anti-aliased rim nearer to it than to any other ink."""
    kept = np.zeros(int(labels.max()) + 2, dtype=np.float32)
    for number, atom in enumerate((a for line in atoms for a in line), start=1):
        kept[list(atom.labels)] = number
    owner = kept[labels]
    rims = [cv2.dilate(owner, np.array(rim, np.uint8)) for rim in _RIMS]
    for grown in rims:
        np.copyto(owner, grown, where=owner == 0)
    height, width = owner.shape
    rim = len(_RIMS[-1]) // 2
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
