"""Makes a blank sheet of paper and lays ink on it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.synth.options import Paper, Style
from unscrawl.synth.strokes import noise

__all__ = ["lay_ink", "make_paper"]


def make_paper(
    shape: tuple[int, int], baseline: float, pitch: float, paper: Paper, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return a blank sheet, float32 [h, w, 3], 0 to 255.

    Args:
        shape: height and width in pixels.
        baseline: y of the first line of writing, where a rule lies.
        pitch: from one rule to the next, in pixels; squares are half as large.
        paper: what it looks like.
        rng: decides the rest.
    """
    sheet = np.empty((*shape, 3), np.float32)
    sheet[:] = paper.colour
    if paper.kind != "plain":
        lines = _rules(shape, baseline, pitch, squared=paper.kind == "squared")
        faded = lines * float(rng.uniform(0.6, 0.95))
        sheet += (np.array(paper.rule, np.float32) - sheet) * faded[..., None]
    grain = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), 0.8)
    cloud = noise(rng, shape, max(shape) / 6)
    shade = 1 + paper.texture * (0.035 * grain + 0.012 * cloud)
    if paper.fold:
        shade *= _fold(shape, paper.fold, rng)
    sheet *= shade[..., None]
    if paper.stain:
        # Coffee takes away blue more than red.
        sheet *= 1 - _stain(shape, rng)[..., None] * paper.stain * np.array([0.25, 0.42, 0.65], np.float32)
    return sheet


def _rules(shape: tuple[int, int], baseline: float, pitch: float, *, squared: bool) -> NDArray[np.float32]:
    """Return how much rule covers each pixel, float32 [h, w]; lines of about a 30th of the pitch."""
    step = pitch / 2 if squared else pitch
    half = max(pitch / 60, 0.5)

    def cover(size: int, start: float) -> NDArray[np.float32]:
        off = np.abs((np.arange(size) + 0.5 - start + step / 2) % step - step / 2)
        return np.asarray(np.clip(half + 0.5 - off, 0, 1), np.float32)

    down = np.repeat(cover(shape[0], baseline)[:, None], shape[1], axis=1)
    across = cover(shape[1], 0.37 * step) if squared else np.zeros(shape[1], np.float32)
    return np.asarray(np.maximum(down, across), np.float32)


def _fold(shape: tuple[int, int], strength: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Shade of a sheet folded once: one half turned to the light, a bright and dark crease between."""
    across = bool(rng.integers(2))
    size = shape[1] if across else shape[0]
    place = np.arange(size) - size * rng.uniform(0.35, 0.65)
    wide = size / 12
    side = np.sign(rng.uniform(-1, 1)) * np.sign(place) * np.exp(-np.abs(place) / wide)
    crease = np.exp(-((place / max(size / 500, 1.0)) ** 2))
    shade = (1 + strength * (0.07 * side - 0.12 * crease)).astype(np.float32)
    return np.tile(shade, (shape[0], 1)) if across else np.tile(shade[:, None], (1, shape[1]))


def _stain(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """The ring that a cup leaves, 0 to 1, uneven and with a paler inside; float32 [h, w]."""
    height, width = shape
    radius = min(shape) * rng.uniform(0.12, 0.22)
    cx, cy = rng.uniform(0, width), rng.uniform(0, height)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    off = np.hypot(xs - cx, ys - cy) - radius * (1 + 0.03 * noise(rng, shape, radius))
    ring = np.exp(-((off / (0.05 * radius)) ** 2))
    patchy = np.clip(0.6 + 0.4 * noise(rng, shape, radius / 2), 0, 1)
    return np.asarray(np.maximum(ring * patchy, 0.25 * (off < 0)), np.float32)


def lay_ink(
    sheet: NDArray[np.float32], ink: NDArray[np.uint8], style: Style, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Write `ink` uint8 [h, w] onto `sheet` float32 [h, w, 3] and return it as uint8 RGB."""
    shape = ink.shape[0], ink.shape[1]
    speckle = np.abs(rng.standard_normal(shape).astype(np.float32))
    flow = np.clip(0.5 + 0.5 * noise(rng, shape, style.x_height * 0.8), 0, 1)
    cover = ink.astype(np.float32) / 255 * (0.97 - style.pressure * (0.4 * flow + 0.08 * speckle))
    mixed = sheet + (np.array(style.ink, np.float32) - sheet) * np.clip(cover, 0, 1)[..., None]
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)
