"""The one preparation: MNIST's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unscrawl.glyph import BOX, SIDE, prepare, prepare_all


def _seven(size: int) -> np.ndarray:
    ink = np.zeros((size, size), np.uint8)
    t = max(2, size // 10)
    cv2.line(ink, (size // 5, size // 5), (size * 4 // 5, size // 5), 255, t)
    cv2.line(ink, (size * 4 // 5, size // 5), (size * 2 // 5, size * 4 // 5), 255, t)
    return ink


def test_longest_side_fills_the_box() -> None:
    field = prepare(_seven(200))
    ys, xs = np.nonzero(field)
    assert max(np.ptp(ys), np.ptp(xs)) + 1 == BOX


def test_centre_of_mass_is_mnists() -> None:
    field = prepare(_seven(200)).astype(float)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    assert (field * rows).sum() / field.sum() == pytest.approx(14, abs=0.51)
    assert (field * columns).sum() / field.sum() == pytest.approx(14, abs=0.51)


def test_prepared_picture_is_left_alone() -> None:
    once = prepare(_seven(150))
    assert np.abs(once.astype(int) - prepare(once)).max() < 32  # at most the faintest rim is lost


def test_proportions_are_kept() -> None:
    ink = np.full((100, 20), 255, np.uint8)
    ys, xs = np.nonzero(prepare(ink))
    assert (np.ptp(ys) + 1, np.ptp(xs) + 1) == (20, 4)


def test_thin_strokes_of_large_writing_stay_strong() -> None:
    ink = np.zeros((400, 400), np.uint8)
    cv2.circle(ink, (200, 200), 180, 255, 6, cv2.LINE_AA)
    assert prepare(ink).max() >= 250


@pytest.mark.parametrize("shape", [(0, 0), (5, 0), (1, 1), (30, 3)])
def test_no_ink_gives_a_black_field(shape: tuple[int, int]) -> None:
    assert not prepare(np.zeros(shape, np.uint8)).any()


def test_place_and_size_do_not_matter() -> None:
    small, large = np.zeros((300, 300), np.uint8), np.zeros((300, 300), np.uint8)
    small[200:260, 10:70] = _seven(60)
    large[:240, 60:] = _seven(240)
    assert np.abs(prepare(small).astype(int) - prepare(large)).mean() < 8


def test_prepare_all_stacks() -> None:
    assert prepare_all([_seven(40), _seven(80)]).shape == (2, SIDE, SIDE)
    assert prepare_all([]).shape == (0, SIDE, SIDE)
