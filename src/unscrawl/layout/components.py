"""Connected components of the ink, and what they tell of the hand: letter size and pen width in px."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Component",
    "Labelled",
    "components",
    "is_bit_of_rule",
    "pen_width",
    "text_size",
    "without_specks",
]


_FRAME = 0.35  # of the picture's longer side: what is larger is a frame or a fold, no word
_TIGHTEST = 0.55  # of the distance between lines: letters are hardly ever taller
_BIT = 3.0  # letter heights: no stroke of a letter runs level for so long
_RISES = 0.25  # of its length that a bent rule rises or falls at most
_SPECK = 0.15  # of the height of most ink: what is smaller says nothing of how tall letters are


class Component(NamedTuple):
    """One connected component of the mask: its number in the label picture, box, and ink area."""

    label: int
    x: int
    y: int
    w: int
    h: int
    area: int

    @property
    def cx(self) -> float:
        """Middle of the box across, px."""
        return self.x + self.w / 2

    @property
    def cy(self) -> float:
        """Middle of the box down, px."""
        return self.y + self.h / 2


@dataclass(frozen=True)
class Labelled:
    """A picture's ink and which component each pixel is of, [h, w] both; `pen` is the stroke width in px.

    `labels` is changed in place when a component is cut: its parts get numbers from `fresh`.
    """

    labels: NDArray[np.int32]
    strength: NDArray[np.uint8]
    pen: float
    fresh: Iterator[int]


def components(mask: NDArray[np.uint8]) -> tuple[NDArray[np.int32], list[Component]]:
    """Label the mask (8-connected). Return the label picture and its components."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    parts = [Component(i, *stats[i].tolist()) for i in range(1, count)]
    return labels.astype(np.int32, copy=False), parts


def pen_width(mask: NDArray[np.uint8]) -> float:
    """Return the typical stroke width in px: twice the median depth along the middle of the ink."""
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    middle = (depth > 0) & (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)))
    return max(1.0, 2.0 * float(np.median(depth[middle])) - 0.5)


def without_specks(parts: list[Component], pen: float) -> list[Component]:
    """Drop components too small to be even a full stop by this pen, unless nothing else is there."""
    least = max(3.0, 0.35 * pen * pen)
    return [p for p in parts if p.area >= least] or parts


def text_size(mask: NDArray[np.uint8], parts: Sequence[Component]) -> float:
    """Return a typical letter height in px: the median height of components that are not specks or blots.

    The first guess weighs components by their ink, so that a few letters outvote many specks; what is small
    beside that, like the weave of the paper, has no say. Components of joined writing are words, tall with
    ascenders and descenders and sometimes hooked to the next line; there the distance between lines gives a
    better guess.
    """
    parts = [p for p in parts if max(p.w, p.h) < _FRAME * max(mask.shape)] or list(parts)
    heights = np.array([max(p.h, min(p.w, p.h * 4)) for p in parts], dtype=np.float64)
    ink = np.array([p.area for p in parts], dtype=np.float64)
    letters = heights > _SPECK * weighted_median(heights, ink)
    parts = [p for p, letter in zip(parts, letters.tolist(), strict=True) if letter]
    heights, ink = heights[letters], ink[letters]
    size = weighted_median(heights, np.sqrt(ink))
    for _ in range(2):
        keep = (heights > 0.3 * size) & (heights < 4.0 * size)
        size = float(np.median(heights[keep]))
    if len(parts) < 4:
        return size
    joined = weighted_median(np.array([p.w / p.h for p in parts]), ink) > 1.3
    tall = weighted_median(np.array([p.h for p in parts], dtype=np.float64), ink)
    pitch = _line_pitch(mask, tall)
    if joined:
        return min(size, 0.45 * pitch if pitch else 0.6 * tall)
    return min(size, _TIGHTEST * pitch) if pitch else size


def is_bit_of_rule(part: Component, pen: float, size: float) -> bool:
    """Tell whether a component is long, rather level and a single thin stroke: a bit of a bent rule, mostly.

    Args:
        pen: stroke width, px.
        size: typical letter height, px.
    """
    long = part.w > _BIT * size and part.h < _RISES * part.w
    return long and part.area < 1.5 * pen * float(np.hypot(part.w, part.h))


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the value at which half of the weight is reached."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _line_pitch(mask: NDArray[np.uint8], tall: float) -> float | None:
    """Return the distance between lines in px, or None where the page shows no regular one.

    It is the first strong peak of the autocorrelation of the ink's vertical profile, summed over strips
    narrow enough that slope and curvature do not matter. `tall` is the height of words.
    """
    scale = min(1.0, 16.0 / tall)
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    small = cv2.resize(mask * np.uint8(255), size, interpolation=cv2.INTER_AREA).astype(np.float64)
    unit = tall * scale
    strip = max(1, round(6 * unit))
    total = np.zeros(size[1])
    for x in range(0, size[0], strip):
        profile = small[:, x : x + strip].mean(axis=1)[None, :]
        band = cv2.GaussianBlur(profile, (0, 0), 0.12 * unit) - cv2.GaussianBlur(profile, (0, 0), 1.5 * unit)
        power = np.abs(np.fft.rfft(band[0], 2 * size[1])) ** 2
        total += np.fft.irfft(power)[: size[1]]
    first, last = max(2, round(0.35 * unit)), min(round(2.5 * unit), size[1] - 2)
    if last <= first or total[0] <= 0:
        return None
    lags = np.arange(first, last)
    tops = (total[lags] > total[lags - 1]) & (total[lags] >= total[lags + 1]) & (total[lags] > 0.1 * total[0])
    peaks = lags[tops]
    if len(peaks) == 0:
        return None
    strong = peaks[total[peaks] > 0.6 * total[peaks].max()]
    return float(strong[0] / scale)
