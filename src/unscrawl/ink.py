"""Picture → ink: the one way from pixels to strokes, used by reading, training and teaching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import OptionError
from unscrawl.image import Picture
from unscrawl.page import Box
from unscrawl.tilt import rotate, tilt

__all__ = ["LAYOUTS", "Ink", "extract"]

LAYOUTS: Final = ("page", "line", "word", "glyph")

_PROBE: Final = 2_000_000  # pixels of the first look at a page
_MOST: Final = 12_000_000  # pixels of the working frame at most
_HEIGHT: Final = 48.0  # px: components are reduced to this typical height, about 1.5 x-heights
_FAINTEST: Final = 20  # least absorbance (of 255) that can be ink: below lie paper grain and folds


@dataclass(frozen=True)
class Ink:
    """The ink of a picture in a level working frame.

    `strength` is uint8 [h, w], 0 paper to 255 full ink, anti-aliased; `mask` is uint8 [h, w], 1 where ink.
    `to_picture` [2, 3] takes a point (x, y) of the working frame to the upright picture; both count in pixels
    from the top left corner of the frame, so that the centre of the first pixel is (0.5, 0.5).
    """

    strength: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    to_picture: NDArray[np.float64]
    size: tuple[int, int]  # width and height of the upright picture

    def box(self, x: float, y: float, w: float, h: float) -> Box:
        """Return the upright box, in pixels of the picture, around a rectangle of the working frame."""
        corners = np.array([[x, x + w, x, x + w], [y, y, y + h, y + h], [1, 1, 1, 1]], np.float64)
        (left, top), (right, bottom) = (f(self.to_picture @ corners, axis=1) for f in (np.min, np.max))
        x0, x1 = (int(np.clip(v, 0, self.size[0])) for v in (np.floor(left + 1e-6), np.ceil(right - 1e-6)))
        y0, y1 = (int(np.clip(v, 0, self.size[1])) for v in (np.floor(top + 1e-6), np.ceil(bottom - 1e-6)))
        return Box(x0, y0, x1 - x0, y1 - y0)


def extract(picture: Picture, *, layout: str = "page") -> Ink:
    """Find the ink in `picture`.

    Args:
        layout: "page", "line" and "word" are levelled (up to 15°); "glyph" is one character, left as it stands,
            but cleaned of what lies at its border.

    Raises:
        OptionError: no such layout.
    """
    if layout not in LAYOUTS:
        raise OptionError(f"unknown layout {layout!r}: choose one of {', '.join(LAYOUTS)}")
    height, width = picture.rgb.shape[:2]
    factor = max(1.0, (width * height / _PROBE) ** 0.5)
    strength, mask = _ink(_reduced(picture.rgb, factor), layout)
    wanted = max(1.0, factor * _typical_height(mask) / _HEIGHT, (width * height / _MOST) ** 0.5)
    if wanted < 0.8 * factor or wanted > 1.25 * factor:
        factor = wanted
        strength, mask = _ink(_reduced(picture.rgb, factor), layout)
    h, w = strength.shape
    to_picture = np.array([[width / w, 0, 0], [0, height / h, 0]], np.float64)
    if layout == "glyph":
        mask = _without_border(mask)
        strength = strength * mask_near(mask)
    elif angle := tilt(mask, _typical_height(mask)):
        strength, back = rotate(strength, angle)
        mask, _ = rotate(mask * np.uint8(255), angle)
        mask = (mask > 127).astype(np.uint8)
        to_picture = to_picture @ np.vstack([back, [0, 0, 1]])
    return Ink(strength, mask, to_picture, (width, height))


def _reduced(rgb: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    if factor <= 1:
        return rgb
    size = (max(3, round(rgb.shape[1] / factor)), max(3, round(rgb.shape[0] / factor)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _typical_height(mask: NDArray[np.uint8]) -> float:
    """Return the height of a typical piece of ink: the median over components, weighted by width."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    stats = stats[1:]
    stats = stats[stats[:, cv2.CC_STAT_HEIGHT] < 0.9 * mask.shape[0] + 20]
    if not len(stats):
        return _HEIGHT
    order = np.argsort(stats[:, cv2.CC_STAT_HEIGHT])
    weight = np.cumsum(stats[order, cv2.CC_STAT_AREA])
    return float(stats[order[np.searchsorted(weight, weight[-1] / 2)], cv2.CC_STAT_HEIGHT])


def _ink(rgb: NDArray[np.uint8], layout: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return strength and mask of ink in the frame of `rgb`."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if _is_light_on_dark(grey, layout):
        grey = cv2.bitwise_not(grey)
    absorbed = _absorbance(grey)
    paper = float(np.median(absorbed))
    below = absorbed[absorbed <= paper]
    noise = 1.4826 * float(np.median(paper - below.astype(np.float32))) if below.size else 0.0
    smooth = cv2.GaussianBlur(absorbed, (0, 0), 1.0) if noise > 2 else absorbed
    faintest = paper + max(6 * noise, _FAINTEST)
    ridges = (smooth == cv2.dilate(smooth, np.ones((5, 5), np.uint8))) & (smooth > faintest)
    if np.count_nonzero(ridges) < 4:
        return np.zeros_like(grey), np.zeros_like(grey)
    full = _full_ink(smooth, ridges)
    low = paper + 1.5 * noise
    strength = np.clip((smooth - low) * (255.0 / np.maximum(0.9 * full - low, 8)), 0, 255).astype(np.uint8)
    mask = _hysteresis(strength, 100, 160)
    return strength * cv2.dilate(mask, np.ones((5, 5), np.uint8)), mask


def _absorbance(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return how much less light comes back than from the bare paper there, 0 to 255.

    The paper's brightness is a closing of a reduced picture: it fills strokes and keeps slopes and the edges
    of broad shadows as they are.
    """
    h, w = grey.shape
    factor = max(1.0, max(h, w) / 600)
    small = cv2.resize(
        grey, (max(1, round(w / factor)), max(1, round(h / factor))), interpolation=cv2.INTER_AREA
    )
    side = int(max(7, 0.7 * min(max(min(small.shape), 30), 60))) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE)
    paper = cv2.GaussianBlur(paper, (0, 0), 2)
    paper = cv2.resize(np.maximum(paper, 1), (w, h), interpolation=cv2.INTER_LINEAR)
    return cv2.bitwise_not(cv2.divide(grey, paper, scale=255)).astype(np.uint8, copy=False)


def _is_light_on_dark(grey: NDArray[np.uint8], layout: str) -> bool:
    small = cv2.resize(
        grey,
        None,
        fx=min(1, 300 / max(grey.shape)),
        fy=min(1, 300 / max(grey.shape)),
        interpolation=cv2.INTER_AREA,
    )
    frame = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    ground = np.median(frame) if layout == "glyph" else np.median(small)
    away = small.astype(np.float64) - ground
    return bool((away**3).sum() > 0)


def _full_ink(smooth: NDArray[np.uint8], ridges: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the absorbance of full ink round about each pixel [h, w]."""
    values = smooth[ridges]
    strong = values[values >= 0.4 * np.percentile(values, 90)]
    typical = float(np.median(strong))
    ridges = ridges & (smooth >= 0.4 * typical)
    h, w = smooth.shape
    factor = max(1.0, max(h, w) / 300)
    size = (max(1, round(w / factor)), max(1, round(h / factor)))
    weight = cv2.resize(ridges.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(np.where(ridges, smooth, 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    sigma = max(2.0, min(size[0] / 10, 12.0))
    weight, total = cv2.GaussianBlur(weight, (0, 0), sigma), cv2.GaussianBlur(total, (0, 0), sigma)
    prior = 0.1 * float(weight.mean()) + 1e-6
    return cv2.resize((total + prior * typical) / (weight + prior), (w, h)).astype(np.float32, copy=False)


def _hysteresis(strength: NDArray[np.uint8], low: int, high: int) -> NDArray[np.uint8]:
    """Return pixels over `low` that hang together with pixels over `high`."""
    count, labels = cv2.connectedComponents((strength > low).astype(np.uint8), connectivity=8)
    seeds = np.bincount(labels[strength > high], minlength=count)
    kept = seeds >= 2
    kept[0] = False
    return kept.astype(np.uint8)[labels]


def mask_near(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.dilate(mask, np.ones((3, 3), np.uint8)).astype(np.uint8, copy=False)


def _without_border(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return mask
