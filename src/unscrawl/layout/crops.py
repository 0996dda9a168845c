"""A found line → its grey crop: straightened, and freed of its neighbours' strokes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.ink import extract
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
_BOX: Final = ((0, 0), (1, 1))
_PAPER: Final = 75  # percentile of the grey around a line that is taken for its paper


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


def crop_of(ink: Ink, line: LineInk) -> Crop:
    """Cut a line that `find_lines` found in `ink` out of its page.

    Columns follow the baseline and stand square on its mean direction. Ink of other lines is painted over
    with paper.
    """
    inked = [np.nonzero(p.ink) for p in line.pieces]
    ys = np.concatenate([y + p.y for (y, _), p in zip(inked, line.pieces, strict=True)])
    xs = np.concatenate([x + p.x for (_, x), p in zip(inked, line.pieces, strict=True)])
    left, right = float(xs.min()), float(xs.max() + 1)
    start, stop = line.course(np.array([left, right])).tolist()
    along = np.array([right - left, stop - start]) / np.hypot(right - left, stop - start)
    down = np.array([-along[1], along[0]])
    over = (line.course(xs + 0.5) - ys) * along[0] / line.x_height
    above = float(np.clip(over.max() + _MARGIN, *_ABOVE)) * line.x_height
    below = float(np.clip(_MARGIN - over.min(), *_BELOW)) * line.x_height
    margin = 2 * _MARGIN * line.x_height
    wide = int(np.clip(round((right - left + 2 * margin) / along[0]), 1, _WIDEST))
    columns = left - margin + along[0] * np.arange(wide + 1)
    base = np.stack([columns, line.course(columns)], axis=1)
    rows = np.arange(max(1, round(above + below))) + 0.5 - above
    grid = (base[:-1] + base[1:])[None] / 2 + rows[:, None, None] * down
    grey = _sample(ink, line, grid)
    turn, shift = ink.to_picture[:, :2], ink.to_picture[:, 2]
    step = turn @ down
    size = ink.size or (ink.mask.shape[1], ink.mask.shape[0])
    return Crop(grey, base @ turn.T + shift, (float(step[0]), float(step[1])), above, line.x_height, size)


def _sample(ink: Ink, line: LineInk, grid: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the grey of the working frame at points [h, w, 2], without others' ink."""
    height, width = ink.mask.shape
    corners = [(p.x + dx * p.ink.shape[1], p.y + dy * p.ink.shape[0]) for p in line.pieces for dx, dy in _BOX]
    around = np.concatenate(
        [corners, grid.min(axis=(0, 1))[None] - _HALO, grid.max(axis=(0, 1))[None] + _HALO]
    )
    x0, y0 = np.maximum(np.floor(around.min(axis=0)), 0).astype(int).tolist()
    x1, y1 = np.minimum(np.ceil(around.max(axis=0)), (width, height)).astype(int).tolist()
    grey, mask = ink.grey[y0:y1, x0:x1], ink.mask[y0:y1, x0:x1]
    own = np.zeros_like(mask)
    for p in line.pieces:
        own[p.y - y0 : p.y - y0 + p.ink.shape[0], p.x - x0 : p.x - x0 + p.ink.shape[1]] |= p.ink > 0
    others = cv2.dilate(mask * (1 - own), np.ones((2 * _HALO + 1, 2 * _HALO + 1), np.uint8)) > 0
    others &= cv2.dilate(own, np.ones((3, 3), np.uint8)) == 0
    paper = int(np.percentile(grey[~others], _PAPER))
    grey = np.where(others, np.uint8(paper), grey)
    x, y = np.ascontiguousarray((grid - 0.5 - (x0, y0)).transpose(2, 0, 1), np.float32)
    border = cv2.BORDER_CONSTANT
    return np.asarray(cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=border, borderValue=paper), np.uint8)
