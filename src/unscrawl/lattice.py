"""Pieces → competing glyph hypotheses: every way to read a few neighbouring pieces as one character."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.layout import LineInk, Piece

__all__ = ["CUTS", "Hypothesis", "hypotheses"]

_MOST_PIECES = 5
_WIDEST = 2.3  # x-heights: m, w, W, M, @ by a broad hand
_WIDEST_GAP = 1.0  # x-heights of white inside one character
_FLOOR = 1e-4  # probability; keeps every path possible


CUTS: Final = 0.35
"""Weight of the cuts' odds beside a network's; found on lines of held-back characters."""


@dataclass(frozen=True)
class Hypothesis:
    """pieces[start:stop] of a line taken as one character.

    `x`, `y`: top left corner in the working frame; `ink` [h, w] strength. `top`, `bottom`: heights of the
    ink's edges above the baseline in x-heights. `prior`: log probability of cutting at both ends and
    nowhere inside; each boundary is shared by its two neighbours, so that priors add up along a path.
    """

    start: int
    stop: int
    x: int
    y: int
    ink: NDArray[np.uint8]
    top: float
    bottom: float
    prior: float


def hypotheses(line: LineInk) -> list[Hypothesis]:
    """Return the hypotheses of a line, sorted by start, then stop.

    Every piece alone is one, so that a path always exists; runs of up to five pieces are others, where
    their width is that of a character and no wide gap lies inside.
    """
    n = len(line.pieces)
    cuts = np.clip(line.cuts.astype(np.float64), _FLOOR, 1 - _FLOOR)
    cut, whole = np.log(np.append(cuts, 1.0)), np.log(1 - cuts)
    cut[0] = 0.0
    found = []
    for start in range(n):
        for stop in range(start + 1, min(start + _MOST_PIECES, n) + 1):
            run = line.pieces[start:stop]
            if stop > start + 1 and not _plausible(run, line.x_height):
                break
            prior = 0.5 * (cut[start] + cut[stop]) + whole[start + 1 : stop].sum()
            found.append(_merge(run, start, stop, line, float(prior)))
    return found


def _plausible(run: tuple[Piece, ...], x_height: float) -> bool:
    """Tell whether pieces may be one character by width and by the white inside."""
    right = run[0].x + run[0].ink.shape[1]
    for p in run[1:]:
        if p.x - right > _WIDEST_GAP * x_height:
            return False
        right = max(right, p.x + p.ink.shape[1])
    left = min(p.x for p in run)
    height = max(p.y + p.ink.shape[0] for p in run) - min(p.y for p in run)
    return bool(right - left <= max(_WIDEST * x_height, min(1.6 * height, 3 * x_height)))


def _merge(run: tuple[Piece, ...], start: int, stop: int, line: LineInk, prior: float) -> Hypothesis:
    """Draw the pieces together and place them on the line."""
    x, y = min(p.x for p in run), min(p.y for p in run)
    w = max(p.x + p.ink.shape[1] for p in run) - x
    h = max(p.y + p.ink.shape[0] for p in run) - y
    ink = np.zeros((h, w), dtype=np.uint8)
    for p in run:
        area = ink[p.y - y : p.y - y + p.ink.shape[0], p.x - x : p.x - x + p.ink.shape[1]]
        np.maximum(area, p.ink, out=area)
    rows = np.flatnonzero((ink > 127).any(axis=1))
    first, last = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, h)
    a, b = line.baseline
    base = a + b * (x + w / 2)
    return Hypothesis(
        start, stop, x, y, ink, (base - y - first) / line.x_height, (base - y - last) / line.x_height, prior
    )
