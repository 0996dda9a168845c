"""Smooth noise at small cost: along a line, and over a picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.synth.strokes import noise

__all__ = ["Floats", "field", "waves"]

Floats = NDArray[np.float32]


def waves(rng: np.random.Generator, length: int, cell: float) -> Floats:
    """Return smooth noise float32 [length], standard deviation about 0.8, with waves of about `cell`."""
    knots = rng.standard_normal(int(length / cell) + 3).astype(np.float32)
    smooth = cv2.resize(knots[None], (int((len(knots)) * cell) + 1, 1), interpolation=cv2.INTER_CUBIC)[0]
    return np.asarray(smooth[:length], np.float32)


@lru_cache(maxsize=16)
def _bank(cell: float) -> Floats:
    """Return a large field of smooth noise to cut from: drawing one for every line would take longest."""
    return noise(np.random.default_rng(int(1000 * cell)), (288, 2560), cell)


def field(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> Floats:
    """Return smooth noise float32 [h, w] (h at most 256, w at most 2048), standard deviation about 0.7."""
    bank = _bank(cell)
    y, x = (int(rng.integers(bank.shape[i] - shape[i] + 1)) for i in (0, 1))
    return bank[y : y + shape[0], x : x + shape[1]]
