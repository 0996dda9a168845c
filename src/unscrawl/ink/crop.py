"""A crop of one character: which of light and dark is the ink, and which straight lines are none."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["is_light_on_dark", "without_rules"]

_Plane = NDArray[np.uint8]
_SIDE: Final = 96  # px: a crop is judged at this size at most
_DECISIVE: Final = 3.0  # how many times more ink than its opposite there has to be
_SLOPES: Final = np.linspace(-0.12, 0.12, 25)  # of a rule against the crop's own rows
_DARK: Final = 22  # percentile along a row: a rule is dark in all but this share of its columns
_FAINTER: Final = 0.8  # of full ink: what is darker may be a stroke, and is left
_LEAST: Final = 5.0  # absorbance (of 255) a rule has at least
_THICK: Final = 0.07  # of the crop's longer side: what is broader is no rule


def is_light_on_dark(grey: _Plane) -> bool:
    """Tell whether the character of a crop is lighter than its ground.

    Ink departs from the ground round about to one side, far and seldom; a shadow's edge does not, for the
    median follows it. Where that does not decide, in a crop close around bold strokes, ink is what there is
    less of, or else what keeps away from the border.

    Args:
        grey: uint8 [h, w].
    """
    scale = min(1.0, _SIDE / max(grey.shape))
    size = (max(3, round(grey.shape[1] * scale)), max(3, round(grey.shape[0] * scale)))
    small: Any = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    side = max(3, round(0.6 * min(size))) | 1
    away = small.astype(np.float64) - cv2.medianBlur(small, side)
    lighter, darker = (float((np.maximum(a, 0) ** 3).sum()) for a in (away, -away))
    if max(lighter, darker) > _DECISIVE * min(lighter, darker):
        return lighter > darker
    _, light = cv2.threshold(small, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    share = float(np.mean(light))
    if not 0.4 < share < 0.6:
        return share < 0.5
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    return float(np.mean(border)) < 0.5


def without_rules(absorbed: _Plane) -> _Plane:
    """Take ruled and squared paper's lines out of a crop, leaving the strokes that cross them.

    A rule is dark along nearly a whole row of the crop, fainter than ink and thin. Its darkness is taken
    off the row, as if it were part of the paper.

    Args:
        absorbed: uint8 [h, w], share of light that the paper lacks there.

    Returns:
        uint8 [h, w].
    """
    if min(absorbed.shape) < 16:
        return absorbed
    full = float(np.percentile(absorbed, 99.5))
    level = _without_rows(absorbed, full)
    return np.ascontiguousarray(_without_rows(np.ascontiguousarray(level.T), full).T)


def _without_rows(absorbed: _Plane, full: float) -> _Plane:
    """Do so for the lines that run from left to right, at whatever common slope they show best."""
    h, w = absorbed.shape
    best: tuple[float, float, NDArray[np.float64]] = (0.0, 0.0, np.zeros(h))
    for slope in _SLOPES:
        profile = _profile(_sheared(absorbed, slope))
        peaks = np.where(profile > max(_LEAST, 0.06 * full), profile, 0.0)
        value = float((peaks**2).sum())
        if value > 1.02 * best[0]:
            best = (value, float(slope), profile)
    value, slope, profile = best
    if value == 0.0:
        return absorbed
    sheared = _sheared(absorbed, slope).astype(np.float64)
    end = max(2, round(0.06 * w))
    ends = np.minimum(sheared[:, :end].mean(axis=1), sheared[:, -end:].mean(axis=1))
    rule = np.zeros(h)
    dark = profile > max(_LEAST, 0.3 * float(profile.max()))
    for start, stop in _runs(dark):
        thick = stop - start
        darkest = profile[start:stop].max()
        through = ends[start:stop].max() > 0.5 * darkest  # a rule reaches both borders, a stroke seldom
        if through and thick <= max(3, _THICK * max(h, w)) and darkest < _FAINTER * full:
            around = slice(max(0, start - 2), min(h, stop + 2))
            rule[around] = np.maximum(rule[around], profile[around])
    if not rule.any():
        return absorbed
    # Strokes that cross are darker than the rule by about their own darkness: dividing keeps them.
    column = (255 - np.minimum(1.15 * rule, 200))[:, None]
    rest = np.where(rule[:, None] > 0, np.clip(255 - 255 * (255 - sheared) / column, 0, 255), sheared)
    return np.minimum(_sheared(rest.astype(np.uint8), -slope), absorbed)


def _profile(absorbed: _Plane) -> NDArray[np.float64]:
    """Return [h]: how dark each row is along nearly all of its columns, above its neighbourhood."""
    low = np.percentile(absorbed, _DARK, axis=1)
    reach = max(5, round(0.12 * len(low))) | 1
    ground: Any = cv2.morphologyEx(low.reshape(-1, 1), cv2.MORPH_OPEN, np.ones((reach, 1), np.uint8))
    profile: NDArray[np.float64] = low - ground[:, 0]
    return profile


def _sheared(plane: _Plane, slope: float) -> _Plane:
    """Move each column by slope × its distance from the middle, so that lines of that slope become rows."""
    h, w = plane.shape
    if abs(slope) < 1e-6:
        return plane
    matrix = np.array([[1, 0, 0], [-slope, 1, slope * w / 2]])
    moved: Any = cv2.warpAffine(
        plane, matrix, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.uint8)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (start, stop) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
