"""Quantiles from counts of levels."""

from __future__ import annotations

import numpy as np
import pytest

from unscrawl.ink.levels import quantiles


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (64, 333)])
def test_quantiles_are_numpys(shape: tuple[int, int]) -> None:
    plane = np.random.default_rng(shape).integers(0, 256, shape).astype(np.uint8)
    shares = (0.0, 0.25, 0.5, 0.995, 1.0)
    assert quantiles(plane, *shares) == pytest.approx(np.quantile(plane, shares))


def test_only_chosen_pixels_count() -> None:
    plane = np.random.default_rng(1).integers(0, 256, (40, 60)).astype(np.uint8)
    where = (plane > 100).astype(np.uint8)
    assert quantiles(plane, 0.3, where=where) == pytest.approx([np.quantile(plane[plane > 100], 0.3)])


def test_no_pixels_have_no_level() -> None:
    plane = np.full((4, 4), 9, np.uint8)
    assert quantiles(plane, 0.5, where=np.zeros_like(plane)) == [0.0]
