"""A found line → its grey crop: straightened, and freed of its neighbours' strokes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.ink import extract
from unscrawl.ink.levels import quantiles
from unscrawl.layout import LineInk, find_lines
from unscrawl.page import Box

if TYPE_CHECKING:
    from unscrawl.image import Picture
    from unscrawl.ink import Ink

__all__ = ["Crop", "crop_of", "find_crops"]

_ABOVE: Final = (1.7, 3.2)  # x-heights above the baseline that a crop shows at least, and at most
_BELOW: Final = (0.8, 2.2)  # and below it
_MARGIN: Final = 0.25  # x-heights of paper around the line's own ink
_HALO: Final = 2  # px around a neighbour's stroke that are painted over with it
_WIDEST: Final = 16_000  # px: no line is longer
_PAPER: Final = 0.75  # of the pixels around a line are darker than what is taken for its paper


@dataclass(frozen=True)
class Crop:
    """One line of writing, its baseline level and straight.

    `grey` is uint8 [h, w], ink dark on light paper. `base` [w + 1, 2] is where the baseline lies in the
    upright picture at the left edge of each column, and `down` (x, y) the step in the picture from one row to
    the next; `row` is the baseline's row. `x_height` is in rows.
    """

    grey: NDArray[np.uint8]
    base: NDArray[np.float64]
    down: tuple[float, float]
    row: float
    x_height: float
    size: tuple[int, int]  # width and height of the picture, which boxes are clipped to

    def to_picture(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take points [n, 2] (x, y) of the crop to the upright picture; both count from the corner."""
        columns = np.arange(len(self.base))
        x = np.clip(points[:, 0], 0, columns[-1])
        base = np.stack([np.interp(x, columns, self.base[:, k]) for k in (0, 1)], axis=1)
        return np.asarray(base + (points[:, 1:2] - self.row) * np.array(self.down))

    def box(self, x: float, y: float, w: float, h: float) -> Box:
        """Return the upright box, in pixels of the picture, around a rectangle of the crop."""
        across = np.linspace(x, x + w, 5)
        edge = np.stack([across, np.full(5, y)], axis=1)
        points = self.to_picture(np.concatenate([edge, edge + np.array([0.0, h])]))
        left, top = np.clip(np.floor(points.min(axis=0) + 1e-6), 0, self.size).astype(int).tolist()
        right, bottom = np.clip(np.ceil(points.max(axis=0) - 1e-6), 0, self.size).astype(int).tolist()
        return Box(left, top, right - left, bottom - top)


def find_crops(picture: Picture, *, layout: str = "page") -> list[Crop]:
    """Return the lines of a picture in reading order.

    `layout` "page" looks for any number of lines; "line" and "word" give at most one.

    Raises:
        OptionError: no such layout.
    """
    ink = extract(picture, layout=layout)
    return [crop_of(ink, line) for line in find_lines(ink, layout=layout)]


def crop_of(ink: Ink, line: LineInk, *, bare: bool = False) -> Crop:
    """Cut a line that `find_lines` found in `ink` out of its page.

    Columns follow the baseline and stand square on its mean direction. Ink of other lines is painted over
    with paper; a `bare` crop shows nothing but ink, neither the paper nor its rules.
    """
    own, (x0, y0) = _own_ink(line)
    ys, xs = (at + start for at, start in zip(np.nonzero(own), (y0, x0), strict=True))
    left, right = float(xs.min()), float(xs.max() + 1)
    start, stop = line.course(np.array([left, right])).tolist()
    along = np.array([right - left, stop - start]) / np.hypot(right - left, stop - start)
    down = np.array([-along[1], along[0]])
    over = (line.course(np.asarray(xs + 0.5, np.float64)) - ys) * along[0] / line.x_height
    above = float(np.clip(over.max() + _MARGIN, *_ABOVE)) * line.x_height
    below = float(np.clip(_MARGIN - over.min(), *_BELOW)) * line.x_height
    margin = 2 * _MARGIN * line.x_height
    wide = int(np.clip(round((right - left + 2 * margin) / along[0]), 1, _WIDEST))
    columns = left - margin + along[0] * np.arange(wide + 1)
    base = np.stack([columns, line.course(columns)], axis=1)
    rows = np.arange(max(1, round(above + below)))[:, None] + 0.5 - above
    x, y = (((base[:-1, k] + base[1:, k]) / 2 + rows * down[k]).astype(np.float32) for k in (0, 1))
    grey = _sample(ink, own, (x0, y0), x, y, bare=bare)
    turn, shift = ink.to_picture[:, :2], ink.to_picture[:, 2]
    step = turn @ down
    size = ink.size or (ink.mask.shape[1], ink.mask.shape[0])
    return Crop(grey, base @ turn.T + shift, (float(step[0]), float(step[1])), above, line.x_height, size)


def _own_ink(line: LineInk) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return where a line's ink is in the box around it, uint8 [h, w], 1 where ink, and the box's corner."""
    x0, y0 = (min(start) for start in zip(*((p.x, p.y) for p in line.pieces), strict=True))
    ends = ((p.x + p.ink.shape[1], p.y + p.ink.shape[0]) for p in line.pieces)
    x1, y1 = (max(stop) for stop in zip(*ends, strict=True))
    own = np.zeros((y1 - y0, x1 - x0), np.uint8)
    for p in line.pieces:
        own[p.y - y0 : p.y - y0 + p.ink.shape[0], p.x - x0 : p.x - x0 + p.ink.shape[1]] |= p.ink > 0
    return own, (x0, y0)


def _sample(
    ink: Ink,
    own: NDArray[np.uint8],
    corner: tuple[int, int],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    *,
    bare: bool,
) -> NDArray[np.uint8]:
    """Return the grey of the working frame at points (x, y), [h, w] each, without others' ink."""
    h, w = own.shape
    reach = [(int(v.min()) - _HALO, int(v.max()) + 1 + _HALO) for v in (x, y)]
    left, top = (max(0, min(start, c)) for (start, _), c in zip(reach, corner, strict=True))
    right, bottom = (
        min(most, max(stop, c + n))
        for (_, stop), c, n, most in zip(reach, corner, (w, h), ink.mask.shape[::-1], strict=True)
    )
    area = slice(top, bottom), slice(left, right)
    grey, mask = np.bitwise_not(ink.strength[area]) if bare else ink.grey[area], ink.mask[area]
    here = np.zeros_like(mask)
    here[corner[1] - top :, corner[0] - left :][:h, :w] = own
    others = cv2.dilate(mask & (1 - here), np.ones((2 * _HALO + 1, 2 * _HALO + 1), np.uint8))
    clear = np.asarray((others == 0) | (cv2.dilate(here, np.ones((3, 3), np.uint8)) > 0), np.uint8)
    paper = int(quantiles(grey, _PAPER, where=clear)[0])
    grey = np.where(clear, grey, np.uint8(paper))
    border = cv2.BORDER_CONSTANT
    x, y = x - np.float32(left + 0.5), y - np.float32(top + 0.5)
    return np.asarray(cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=border, borderValue=paper), np.uint8)
