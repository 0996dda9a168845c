"""Makes each writing of a character a little different, as a hand does."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.synth.hands import Drawn
from unscrawl.synth.options import Style

__all__ = ["noise", "repen", "stroke_width", "vary"]

_SLIM: Final = 0.55  # a stroke is never worn down to less than this share of its width: it would break


def noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> NDArray[np.float32]:
    """Return smooth noise float32 [h, w], standard deviation about 1, with waves of about `cell` pixels."""
    height, width = shape
    if cell >= 16:
        # Waves so long are as smooth when drawn at a quarter of the size, and sixteen times as quick.
        small = noise(rng, (height // 4 + 1, width // 4 + 1), cell / 4)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    coarse = rng.standard_normal((int(height / cell) + 2, int(width / cell) + 2)).astype(np.float32)
    grid = np.asarray(cv2.resize(coarse, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC), np.float32)
    y, x = (int(rng.integers(grid.shape[i] - shape[i] + 1)) for i in (0, 1))
    return np.ascontiguousarray(grid[y : y + height, x : x + width])


def stroke_width(ink: NDArray[np.uint8]) -> float:
    """Return the usual width of the strokes in pixels, uint8 [h, w]; 0 where there is no ink.

    A stroke of width w has twice its area over w as outline, so w is twice the area over the outline.
    """
    contours, _ = cv2.findContours((ink > 127).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    outline = sum(cv2.arcLength(c, True) for c in contours)
    return 2 * float((ink > 127).sum()) / outline if outline else 0.0


def repen(ink: NDArray[np.uint8], grow: NDArray[np.float32] | float) -> NDArray[np.uint8]:
    """Move the edge of the ink outwards by `grow` pixels (inwards where negative), anti-aliased."""
    inside = cv2.distanceTransform((ink > 127).astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((ink <= 127).astype(np.uint8), cv2.DIST_L2, 5)
    # A distance transform measures to pixel centres: the edge lies half a pixel before them.
    signed = np.where(inside > 0, inside - 0.5, 0.5 - outside)
    return (np.clip(signed + grow + 0.5, 0, 1) * 255).astype(np.uint8)


def vary(drawn: Drawn, style: Style, x_height: float, rng: np.random.Generator) -> Drawn:
    """Write a character anew: turned, sized, slanted, wobbled, and with the style's pen.

    `x_height` is the size in pixels at which the character was drawn. The ink keeps its foot on the
    baseline; `left` and `top` follow it.
    """
    pad = int(0.5 * x_height) + 2
    height, width = (side + 2 * pad for side in drawn.ink.shape)
    scale = float(np.clip(rng.normal(1, style.scale), 0.7, 1.3))
    stretch = float(np.clip(rng.normal(1, style.scale), 0.7, 1.3))
    turn = np.deg2rad(rng.normal(0, style.rotation))
    shear = np.tan(np.deg2rad(style.slant))
    forward = (
        np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        @ np.array([[1, -shear], [0, 1]])
        @ np.diag([scale * stretch, scale])
    )
    # Turned about the middle of its foot on the baseline, in the padded picture.
    pivot = np.array([width / 2, pad - drawn.top])
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    inverse = np.linalg.inv(forward)
    from_x = inverse[0, 0] * (xs - pivot[0]) + inverse[0, 1] * (ys - pivot[1]) + pivot[0]
    from_y = inverse[1, 0] * (xs - pivot[0]) + inverse[1, 1] * (ys - pivot[1]) + pivot[1]
    if style.wobble:
        reach, cell = style.wobble * x_height, 0.6 * x_height
        from_x += reach * noise(rng, (height, width), cell)
        from_y += reach * noise(rng, (height, width), cell)
    padded = cv2.copyMakeBorder(drawn.ink, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    moved = cv2.remap(padded, from_x.astype(np.float32), from_y.astype(np.float32), cv2.INTER_LINEAR)
    ink = np.asarray(moved, np.uint8)
    if style.pen is not None:
        own = stroke_width(drawn.ink)
        wanted = max(style.pen * x_height * float(rng.normal(1, 0.05)), _SLIM * own)
        swell = 0.1 * style.pressure * wanted * noise(rng, (height, width), 0.7 * x_height)
        ink = repen(ink, (wanted - own) / 2 + swell)
    return Drawn(ink, drawn.left - pad, drawn.top - pad, drawn.advance * scale * stretch)
