"""Another hand for the same character: strokes thicker or thinner, sheared, turned, stretched, wavering.

Works on one character at full size before `glyph.prepare`, where a stroke can be widened without
melting into its neighbour; the whole-batch augmentation of the loop comes on top.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["another_hand", "beside", "thicken"]

Ink = NDArray[np.uint8]


def thicken(ink: Ink, by: float) -> Ink:
    """Move every stroke's edge outwards by `by` pixels (inwards when negative), keeping its middle line.

    Uses the signed distance to the edge, so that the width changes evenly whatever the direction.
    """
    solid = (ink >= 128).astype(np.uint8)
    inside = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 3)
    if by < 0:  # never thinner than a hair, or the stroke breaks up
        half_width = float(np.quantile(inside[solid > 0], 0.8)) if solid.any() else 0.0
        by = max(by, min(0.0, 0.8 - half_width))
    edge = np.where(solid > 0, inside - 0.5, 0.5 - outside) + by
    return np.asarray(np.clip(edge + 0.5, 0, 1) * 255, np.uint8)


def another_hand(ink: Ink, rng: np.random.Generator, strength: float = 1.0) -> Ink:
    """Return the character as somebody else might have written it.

    Args:
        ink: uint8 [h, w], about 40 to 120 px high.
        rng: source of every choice.
        strength: 0 leaves it almost as it is, 1 is as far as people still agree on the label.

    Returns:
        uint8 [H, W] with room around.
    """
    h, w = ink.shape
    pad = max(h, w) // 3 + 4
    ink = np.pad(ink, pad)
    h, w = ink.shape
    size = float(max(h, w) - 2 * pad)
    shear, turn = rng.normal(0, 0.16) * strength, rng.normal(0, 5.0) * strength
    wide, high = np.exp(rng.normal(0, 0.13, 2) * strength)
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    A = np.array([[c, -s], [s, c]]) @ np.array([[wide, shear], [0, high]])
    A *= min(1.0, (h - pad) / h / max(np.abs(A).sum(axis=1)) * 1.4)
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    grid = np.linalg.inv(A) @ np.stack([xx.ravel() - w / 2, yy.ravel() - h / 2])
    # A wavering pen: a displacement field that changes over about a third of the character (Simard 2003).
    cells = int(rng.integers(3, 6))
    field = rng.normal(0, 0.035 * size * strength, (2, cells, cells)).astype(np.float32)
    wave = [cv2.resize(f, (w, h), interpolation=cv2.INTER_CUBIC) for f in field]
    mx = np.asarray(grid[0].reshape(h, w) + w / 2 + wave[0], np.float32)
    my = np.asarray(grid[1].reshape(h, w) + h / 2 + wave[1], np.float32)
    moved = np.asarray(cv2.remap(ink, mx, my, cv2.INTER_LINEAR), np.uint8)
    return thicken(moved, rng.normal(0, 0.022) * size * strength) if rng.random() < 0.75 else moved


def beside(left: Ink, right: Ink, gap: int, drop: int) -> Ink:
    """Set two characters side by side, `gap` px apart (negative: touching), `right` lower by `drop` px."""
    h = max(left.shape[0], right.shape[0] + abs(drop)) + abs(drop)
    gap = max(gap, 2 - min(left.shape[1], right.shape[1]))
    out = np.zeros((h, left.shape[1] + right.shape[1] + max(gap, 0)), np.uint8)
    y, x = max(0, -drop), left.shape[1] + gap
    out[y : y + left.shape[0], : left.shape[1]] = left
    there = out[y + drop : y + drop + right.shape[0], x : x + right.shape[1]]
    np.maximum(there, right[: there.shape[0], : there.shape[1]], out=there)
    return out
