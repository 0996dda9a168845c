"""Distorts a line as hands, pens, crops and cameras do: one warp for all geometry, then ink and noise."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.strip import HEIGHT

__all__ = ["distort", "plain"]

Ink = NDArray[np.uint8]
_WIDEST: Final = 1500  # columns of a training line at most


def plain(ink: Ink, rows: tuple[float, float]) -> Ink:
    """Cut `rows` out of ink [h, w] and bring them to the network's height, undistorted."""
    top, bottom = rows
    cut = cv2.warpAffine(
        ink, np.array([[1.0, 0, 0], [0, 1, -top]]), (ink.shape[1], max(1, round(bottom - top)))
    )
    zoom = HEIGHT / (bottom - top)
    wide = int(np.clip(round(ink.shape[1] * zoom), 16, _WIDEST))
    return _ink(
        cv2.resize(cut, (wide, HEIGHT), interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    )


def distort(ink: Ink, rows: tuple[float, float], rng: np.random.Generator, strength: float = 1.0) -> Ink:
    """Return a random variant of a line, uint8 [40, W].

    Args:
        ink: uint8 [h, w], 255 full ink.
        rows: where the writing lies in it.
        strength: 0 changes nothing but the ink's look, 1 is made for many hands.
    """
    top, bottom = rows
    middle, half = (top + bottom) / 2, (bottom - top) / 2
    half *= np.exp(rng.normal(0.03, 0.10) * strength)
    middle += rng.normal(0, 0.06) * half * strength
    zoom = HEIGHT / (2 * half)  # strip pixels a pixel of ink
    stretch = np.exp(rng.normal(0, 0.13) * strength)
    pad = int(rng.integers(0, 12))
    wide = int(np.clip(round(ink.shape[1] * zoom * stretch) + 2 * pad, 16, _WIDEST))
    shear = rng.normal(0, 0.16) * strength
    slope = rng.normal(0, 0.012) * strength * min(1.0, 300 / wide)
    x = np.arange(wide, dtype=np.float32)[None, :]
    y = np.arange(HEIGHT, dtype=np.float32)[:, None] - HEIGHT / 2
    dx, dy = _waves(wide, rng, strength)
    map_x = (x - pad + shear * y + dx) / np.float32(zoom * stretch)
    map_y = (y + slope * (x - wide / 2) + dy) / np.float32(zoom) + np.float32(middle)
    ink = _pen(ink, rng) if rng.random() < 0.4 else ink
    if zoom < 0.8:
        ink = _ink(cv2.GaussianBlur(ink, (0, 0), 0.3 / zoom))
    out = cv2.remap(ink, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR)
    return _look(_ink(out), rng)


def _waves(wide: int, rng: np.random.Generator, strength: float) -> tuple[NDArray[np.float32], Any]:
    """Smooth displacements [40, W]: letters sway over about their own size, the baseline over words."""
    cells = max(3, wide // 14)
    fine = rng.normal(0, rng.uniform(0, 1.5) * strength, (2, 4, cells)).astype(np.float32)
    dx, dy = (cv2.resize(f, (wide, HEIGHT), interpolation=cv2.INTER_CUBIC) for f in fine)
    coarse = rng.normal(0, 1.0 * strength, (1, max(3, wide // 120))).astype(np.float32)
    sway = rng.normal(0, 3.0 * strength, (1, max(3, wide // 100))).astype(np.float32)  # uneven spacing
    dy = dy + cv2.resize(coarse, (wide, 1), interpolation=cv2.INTER_CUBIC)
    dx = dx + cv2.resize(sway, (wide, 1), interpolation=cv2.INTER_CUBIC)
    return np.asarray(dx, np.float32), dy


def _pen(ink: Ink, rng: np.random.Generator) -> Ink:
    """A broader or a finer pen, by a share of one step of grey dilation or erosion."""
    step = cv2.dilate if rng.random() < 0.5 else cv2.erode
    other = step(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    share = float(rng.uniform(0.2, 1.0))
    return _ink(cv2.addWeighted(ink, 1 - share, other, share, 0))


def _look(ink: Ink, rng: np.random.Generator) -> Ink:
    """Focus, contrast, uneven ink, grain, and now and then a gap."""
    if rng.random() < 0.3:
        ink = _ink(cv2.GaussianBlur(ink, (0, 0), float(rng.uniform(0.3, 1.1))))
    value = ink.astype(np.float32)
    if rng.random() < 0.5:
        value = cv2.pow(value / np.float32(255), float(np.exp(rng.normal(0, 0.35)))) * np.float32(255)
    if rng.random() < 0.3:
        fade = rng.uniform(0.45, 1.1, (2, max(2, ink.shape[1] // 80))).astype(np.float32)
        value = value * cv2.resize(fade, (ink.shape[1], HEIGHT), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.4:
        value += rng.normal(0, rng.uniform(2, 14), ink.shape).astype(np.float32)
    if rng.random() < 0.15:
        x, w = int(rng.integers(0, ink.shape[1])), int(rng.integers(2, 9))
        value[:, x : x + w] = 0
    return np.clip(value, 0, 255).astype(np.uint8)


def _ink(array: Any) -> Ink:
    """Tell the type checker what OpenCV's annotations leave open."""
    ink: Ink = array
    return ink
