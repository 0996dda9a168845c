"""The course of a line's baseline, which in joined writing by hand climbs, sags and bends."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.layout.lines import Track

__all__ = ["fit_course"]

_KNOT: Final = 4.0  # letter heights between knots
_BELOW: Final = 0.5  # letter heights that the baseline usually lies below the middle of the letters
_SHORT: Final = 6.0  # letter heights: a shorter line is taken for straight
_STIFF: Final = 2.0  # letters a knot: how much the neighbouring knots count against the letters themselves
_WIDTHS: Final = (0.6, 0.4, 0.3, 0.2, 0.2, 0.2)  # letter heights: how far from the course letters may stand


def fit_course(
    extents: NDArray[np.float64], size: float, baseline: tuple[float, float], track: Track | None = None
) -> NDArray[np.float64]:
    """Fit a smooth curve through the bottoms of a line's letters; return its points [n, 2] (x, y), px.

    It is a linear spline whose second differences are held small (P-spline, Eilers and Marx 1996), fitted by
    reweighted least squares with a band that narrows, so that descenders and marks lose their say.

    Args:
        extents: [k, 3] x, top and bottom of letters, or of slices of joined ones.
        size: typical letter height, px.
        baseline: the straight baseline y = a + b·x, where the fit starts if there is no `track`.
        track: the course of the middle of the letters.
    """
    a, b = baseline
    x, bottom = extents[:, 0], extents[:, 2]
    left, right = float(x.min()), float(x.max())
    count = round((right - left) / (_KNOT * size)) + 1
    if right - left < _SHORT * size or count < 3:
        ends = np.array([left, max(right, left + 1.0)])
        return np.stack([ends, a + b * ends], axis=1)
    knots = np.linspace(left, right, count)
    height = extents[:, 2] - extents[:, 1]
    weight = np.clip(height / size, 0.3, 1.0)
    curve = a + b * knots
    if track is not None:
        middle = track.course(x)
        below = np.sort(bottom - middle)
        near = np.exp(-0.5 * ((below[:, None] - below[None, :]) / (0.15 * size)) ** 2).sum(axis=1)
        near *= np.exp(-0.5 * ((below / size - _BELOW) / 0.35) ** 2)  # lest tails outvote letters
        curve = track.course(knots) + below[int(np.argmax(near))]
    hats = _hats(x, knots)
    bend = np.diff(np.eye(count), n=2, axis=0)
    stiff = _STIFF * (bend.T @ bend) + 1e-3 * np.eye(count)
    for width in _WIDTHS:
        off = bottom - hats @ curve
        w = weight * np.exp(-0.5 * (off / (width * size)) ** 2)
        normal = (hats.T * w) @ hats + stiff
        curve = np.asarray(np.linalg.solve(normal, (hats.T * w) @ bottom + 1e-3 * curve), np.float64)
    return np.stack([knots, curve], axis=1)


def _hats(x: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights [k, n] of the knots at each x in linear interpolation."""
    step = knots[1] - knots[0]
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(x[:, None] - knots[None, :]) / step))
