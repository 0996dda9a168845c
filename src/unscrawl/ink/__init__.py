"""Picture → ink: the one way from pixels to strokes, used by reading, training and teaching."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import OptionError
from unscrawl.image import Picture
from unscrawl.ink import crop, paper
from unscrawl.ink.levels import histogram, quantiles
from unscrawl.ink.ruling import without_rules
from unscrawl.ink.sheet import find_sheet, without_desk
from unscrawl.ink.stray import one_character, without_lines
from unscrawl.ink.tilt import rotate, tilt
from unscrawl.ink.turn import back, is_sideways, is_upside_down
from unscrawl.page import Box

__all__ = ["LAYOUTS", "Ink", "extract"]

LAYOUTS: Final = ("page", "line", "word", "glyph")

_Plane = NDArray[np.uint8]
_PROBE: Final = 2_000_000  # pixels of the first look at a page
_MOST: Final = 12_000_000  # pixels of the working frame at most
_HEIGHT: Final = 48.0  # px: components are reduced to this typical height, about 1.5 x-heights
_FAINTEST: Final = 22.0  # least absorbance (of 255) that can be ink: below lie paper grain and folds
_CLEAR: Final = 60.0  # grey levels: what departs from its ground by more tells no more of ink
_DARKEST: Final = 64  # grey level of paper below which contrast is not raised: there is only noise in it
_RULED: Final = 0.01  # of ruled paper is rules: an edge or a fold alone takes less
_NOISY: Final = 0.025  # noise from pixel to pixel, as a share of the ink's contrast, that calls for smoothing


@dataclass(frozen=True)
class Ink:
    """The ink of a picture in a level working frame.

    `strength` is uint8 [h, w], 0 paper to 255 full ink, anti-aliased; `mask` is uint8 [h, w], 1 where ink.
    `to_picture` [2, 3] takes a point (x, y) of the working frame to the upright picture; both count in pixels
    from the top left corner of the frame, so that the centre of the first pixel is (0.5, 0.5). `grey` is
    uint8 [h, w], the frame as photographed but evenly lit: paper about 255, ink darker, rules and all;
    `ruled` tells whether the paper is, which `strength` does without.
    """

    strength: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    to_picture: NDArray[np.float64]
    size: tuple[int, int] | None = None  # width and height of the upright picture, which boxes are clipped to
    grey: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8), repr=False)
    ruled: bool = False

    def __post_init__(self) -> None:
        if self.grey.shape != self.strength.shape:  # ink alone, without the paper it stood on
            object.__setattr__(self, "grey", np.bitwise_not(self.strength))

    def turned(self, quarters: int) -> Ink:
        """Return the same ink in a frame turned by so many quarters to the left; it still leads back."""
        height, width = self.mask.shape
        planes = (np.ascontiguousarray(np.rot90(p, quarters)) for p in (self.strength, self.mask, self.grey))
        strength, mask, grey = planes
        before = np.vstack([back(quarters, width, height), [0, 0, 1]])
        return Ink(strength, mask, self.to_picture @ before, self.size, grey, self.ruled)

    def box(self, x: float, y: float, w: float, h: float) -> Box:
        """Return the upright box, in pixels of the picture, around a rectangle of the working frame."""
        corners = np.array([[x, x + w, x, x + w], [y, y, y + h, y + h], [1, 1, 1, 1]], np.float64)
        (left, top), (right, bottom) = (f(self.to_picture @ corners, axis=1) for f in (np.min, np.max))
        wide, high = self.size or (np.inf, np.inf)
        x0, x1 = (int(np.clip(v, 0, wide)) for v in (np.floor(left + 1e-6), np.ceil(right - 1e-6)))
        y0, y1 = (int(np.clip(v, 0, high)) for v in (np.floor(top + 1e-6), np.ceil(bottom - 1e-6)))
        return Box(x0, y0, x1 - x0, y1 - y0)


def extract(picture: Picture, *, layout: str = "page") -> Ink:
    """Find the ink in `picture`.

    Args:
        layout: "page", "line" and "word" are levelled (up to 15°, a page up to 40°), and a page that clearly
            lies on its side is turned; "glyph" is one character, left as it stands, but cleaned of what lies
            at its border.

    Raises:
        OptionError: no such layout.
    """
    if layout not in LAYOUTS:
        raise OptionError(f"unknown layout {layout!r}: choose one of {', '.join(LAYOUTS)}")
    rgb, corner, outline = _paper(picture.rgb, layout)
    size = rgb.shape[0] * rgb.shape[1]
    factor = max(1.0, (size / _PROBE) ** 0.5)
    absorbed = _absorbance(rgb, factor, outline, layout)
    mask = _ink(absorbed)[1]
    sideways = layout == "page" and is_sideways(mask)
    if sideways:
        absorbed, mask = _on_its_side(absorbed), _on_its_side(mask)
    typical = _typical_height(mask)
    angle = 0.0 if layout == "glyph" else tilt(mask, typical, page=layout == "page")
    full = float(np.median(absorbed[mask > 0])) if mask.any() else 0.0
    wanted = max(1.0, factor * typical / _HEIGHT, (size / _MOST) ** 0.5)
    if not 0.8 * factor < wanted < 1.25 * factor:
        absorbed = _absorbance(rgb, wanted, outline, layout)
        absorbed = _on_its_side(absorbed) if sideways else absorbed
        typical *= factor / wanted
    w, h = absorbed.shape if sideways else absorbed.shape[::-1]
    to_picture = np.array([[rgb.shape[1] / w, 0, corner[0]], [0, rgb.shape[0] / h, corner[1]]], np.float64)
    if sideways:
        to_picture = to_picture @ np.vstack([back(1, w, h), [0, 0, 1]])
    if angle:
        absorbed, level = rotate(absorbed, angle)
        to_picture = to_picture @ np.vstack([level, [0, 0, 1]])
    grey, ruled = np.bitwise_not(absorbed), False
    if layout == "glyph":
        strength, mask = _ink(crop.without_rules(absorbed))
        kept = one_character(strength, mask)
    else:
        faintest = max(_FAINTEST, 0.3 * full)
        cleaned, rules = without_rules(absorbed, typical, full)
        strength, mask = _ink(cleaned, faintest, rules)
        height = _typical_height(mask) if rules.any() else typical
        if height > 1.5 * typical:  # all words stood on rules: it shows only now how high writing is
            typical = height
            cleaned, rules = without_rules(absorbed, typical, full)
            strength, mask = _ink(cleaned, faintest, rules)
        kept, ruled = without_lines(mask, typical), bool(np.count_nonzero(rules) > _RULED * rules.size)
    strength *= _plane(cv2.dilate(kept, np.ones((5, 5), np.uint8))) & (kept | (1 - mask))
    found = Ink(strength, kept, to_picture, (picture.rgb.shape[1], picture.rgb.shape[0]), grey, ruled)
    return found.turned(2) if sideways and is_upside_down(kept) else found


def _on_its_side(plane: _Plane) -> _Plane:
    return np.ascontiguousarray(np.rot90(plane))


def _paper(rgb: _Plane, layout: str) -> tuple[_Plane, tuple[int, int], NDArray[np.float64] | None]:
    """Return the part of the picture around the sheet, its top left corner, and the sheet's outline in it."""
    outline = find_sheet(rgb) if layout == "page" else None
    if outline is None:
        return rgb, (0, 0), None
    left, top = (int(v) for v in np.floor(outline.min(axis=0)))
    right, bottom = (int(v) for v in np.ceil(outline.max(axis=0)))
    return rgb[top:bottom, left:right], (left, top), outline - np.array([left, top])


def _reduced(rgb: _Plane, factor: float) -> _Plane:
    if factor <= 1:
        return rgb
    size = (max(3, round(rgb.shape[1] / factor)), max(3, round(rgb.shape[0] / factor)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _typical_height(mask: _Plane) -> float:
    """Return the height, px, of a typical piece of ink: the median over components by width.

    What is much wider than high, like the pieces of a tilted rule, counts by its height.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    wide, high = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT]
    writing = np.maximum(wide, high) < 0.35 * max(mask.shape)  # no rules, no frames
    if not writing.any():  # a single word, or a blank ruled page
        writing = (stats[1:, cv2.CC_STAT_AREA] > 0.06 * wide * high) & (high < 0.9 * mask.shape[0])
    if not writing.any():
        return _HEIGHT
    wide, high = np.minimum(wide, 3 * high)[writing], high[writing]
    order = np.argsort(high)
    below = np.cumsum(wide[order])
    return float(high[order[np.searchsorted(below, below[-1] / 2)]])


def _ink(absorbed: _Plane, faintest: float = _FAINTEST, rules: _Plane | None = None) -> tuple[_Plane, _Plane]:
    """Return strength and mask of the ink in a plane of absorbance.

    Args:
        faintest: least absorbance above the paper's that can be ink.
        rules: where rules were taken out, if anywhere: what lies all in there is no ink.
    """
    for blur in (0.0, 0.7, 1.0):
        if blur:
            absorbed = _plane(cv2.GaussianBlur(absorbed, (0, 0), blur))
        above, grain = _above_paper(absorbed)
        ridges = _ridges(above, np.maximum(4 * grain.astype(np.uint16), round(faintest)))
        if np.count_nonzero(ridges) < 4:
            return np.zeros_like(absorbed), np.zeros_like(absorbed)
        if _noise(absorbed) < _NOISY * float(np.percentile(above[ridges], 75)):
            break
    # However faint the ink, what the grain of the paper reaches by chance must stay far from full strength.
    span = np.maximum(_plane(cv2.subtract(_full_ink(above, ridges), grain)), np.clip(grain, 2, 36) * 7)
    strength = _plane(cv2.divide(cv2.subtract(above, grain), span, scale=255 / 0.9))
    return strength, _hysteresis(strength, 80, 140, rules)


def _plane(array: Any) -> _Plane:
    """Tell the type checker what OpenCV's annotations leave open."""
    plane: _Plane = array
    return plane


def _above_paper(absorbed: _Plane) -> tuple[_Plane, _Plane]:
    """Return absorbance above that of the bare paper round about, and the spread of the paper's grain there.

    The closing that estimates the paper's brightness errs upwards, the more so the noisier the place.
    """
    h, w = absorbed.shape
    step = max(1, max(h, w) // 500)
    sample = np.ascontiguousarray(absorbed[::step, ::step])
    paper, darkest = quantiles(sample, 0.5, 0.995)
    ink = sample > paper + max(0.3 * (darkest - paper), 10)
    bare = 1 - cv2.dilate(ink.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
    sigma = max(4.0, min(max(sample.shape) / 25, 20.0))
    shrink = sigma / 4  # so wide a blur loses nothing where it is made small
    high, wide = sample.shape
    size = (max(1, round(wide / shrink)), max(1, round(high / shrink)))

    def blurred(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        return cv2.GaussianBlur(small, (0, 0), sigma / shrink).astype(np.float32, copy=False)

    values = sample.astype(np.float32)
    weight = blurred(bare) + np.float32(1e-3)
    level = (blurred(values * bare) + np.float32(1e-3 * paper)) / weight
    away = values - cv2.resize(level, (wide, high))
    spread = np.sqrt(blurred(away * away * bare) / weight)
    level, spread = (_plane(cv2.resize(np.rint(m).astype(np.uint8), (w, h))) for m in (level, spread))
    return _plane(cv2.subtract(absorbed, level)), spread


def _noise(absorbed: _Plane) -> float:
    """Return the noise from pixel to pixel (Immerkær 1996; the median, not the mean, because of the ink)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = cv2.convertScaleAbs(cv2.filter2D(absorbed, cv2.CV_16S, kernel))
    return quantiles(np.ascontiguousarray(rough[::2, ::2]), 0.5)[0] / (6 * 0.6745)


def _ridges(above: _Plane, least: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Return where strokes are darkest across: a maximum along the row or along the column."""
    across = above == cv2.dilate(above, np.ones((1, 5), np.uint8))
    along = above == cv2.dilate(above, np.ones((5, 1), np.uint8))
    ridges: NDArray[np.bool_] = (across | along) & (above > least)
    return ridges


def _absorbance(rgb: _Plane, factor: float, outline: NDArray[np.float64] | None, layout: str) -> _Plane:
    """Return how much less light comes back than from bare paper, uint8 [h, w], reduced by `factor`.

    Light ink on a dark ground is the same with all values turned round.
    """
    reduced = _reduced(rgb, factor)
    grey = _plane(cv2.cvtColor(reduced, cv2.COLOR_RGB2GRAY))
    h, w = grey.shape
    scale = min(1.0, paper.SIDE / max(h, w))
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    small = _plane(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
    if _is_light_on_dark(small, layout):
        grey, small = np.bitwise_not(grey), np.bitwise_not(small)
    colour = _plane(cv2.resize(reduced, size, interpolation=cv2.INTER_AREA)) if layout == "page" else None
    bare = cv2.GaussianBlur(paper.brightness(small, colour, _filled(outline, rgb, size)), (0, 0), 2)
    bare = _plane(cv2.resize(bare, (w, h)))
    absorbed = _plane(cv2.divide(cv2.subtract(bare, grey), np.maximum(bare, _DARKEST), scale=255))
    if layout != "page":
        return absorbed
    if outline is not None:
        absorbed *= _filled(outline, rgb, (w, h))
        outline = outline * np.array([w / rgb.shape[1], h / rgb.shape[0]])
    return without_desk(absorbed, outline)


def _filled(outline: NDArray[np.float64] | None, rgb: _Plane, size: tuple[int, int]) -> _Plane:
    """Return uint8 [h, w], 1 within an outline in pixels of `rgb`, or everywhere."""
    wide, high = size
    if outline is None:
        return np.ones((high, wide), np.uint8)
    corners = np.rint(outline * np.array([wide / rgb.shape[1], high / rgb.shape[0]])).astype(np.int32)
    return _plane(cv2.fillConvexPoly(np.zeros((high, wide), np.uint8), corners, 1))


def _is_light_on_dark(small: _Plane, layout: str) -> bool:
    """Tell whether the ink, what there is less of, is lighter than its ground."""
    if layout == "glyph":
        return crop.is_light_on_dark(small)
    side = max(3, min(min(small.shape) // 8, 60)) | 1
    usual = cv2.medianBlur(np.ascontiguousarray(small), side)
    away = (_plane(cv2.subtract(small, usual)), _plane(cv2.subtract(usual, small)))
    weight = np.minimum(np.arange(256.0), _CLEAR) ** 3  # paper beside a dark desk departs far from the median
    lighter, darker = (float(histogram(a) @ weight) for a in away)
    return lighter > 2 * darker


def _full_ink(absorbed: _Plane, ridges: NDArray[np.bool_]) -> _Plane:
    """Return the absorbance of full ink round about each pixel, uint8 [h, w]."""
    values = absorbed[ridges]
    strong = values[values >= 0.4 * np.percentile(values, 90)]
    typical = float(np.median(strong))
    ridges = ridges & (absorbed >= 0.4 * typical)
    h, w = absorbed.shape
    factor = max(1.0, max(h, w) / 300)
    size = (max(1, round(w / factor)), max(1, round(h / factor)))
    where = ridges.astype(np.uint8)
    weight, total = (
        cv2.GaussianBlur(_local_mean(plane, size), (0, 0), 8.0)
        for plane in (where * np.uint8(255), where * absorbed)
    )
    prior = 0.1 * float(weight.mean()) + 1e-3
    local = 255 * (total + prior / 255 * typical) / (weight + prior)
    return cv2.resize(local.astype(np.uint8), (w, h), interpolation=cv2.INTER_LINEAR).astype(
        np.uint8, copy=False
    )


def _local_mean(plane: _Plane, size: tuple[int, int]) -> NDArray[np.float32]:
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _hysteresis(strength: _Plane, low: int, high: int, rules: _Plane | None) -> _Plane:
    """Return pixels over `low` that hang together with pixels over `high`, not all of them in `rules`."""
    count, labels = cv2.connectedComponents((strength > low).astype(np.uint8), connectivity=8)
    kept = np.bincount(labels[strength > high], minlength=count) >= 2
    if rules is not None and rules.any():
        # What is left of a rule is faint, or a crossing of two, and lies where the rule did.
        size, there, crossing, full = (
            np.bincount(labels[where], minlength=count)
            for where in (labels > 0, rules > 0, rules > 1, strength > 220)
        )
        kept &= (there <= 0.8 * size) | ((full >= 0.35 * size) & (crossing < 0.3 * size))
    kept[0] = False
    mask: _Plane = kept.astype(np.uint8)[labels]
    return mask
