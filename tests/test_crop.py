"""Crops of one character: polarity, and the lines of the paper."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.ink.crop import is_light_on_dark, without_rules


def _four(ground: int, ink: int, size: int = 120) -> NDArray[np.uint8]:
    crop = np.full((size, size), ground, np.uint8)
    s = size / 120
    for a, b in (((60, 20), (60, 100)), ((60, 20), (30, 70)), ((30, 70), (85, 70))):
        cv2.line(crop, *(tuple(round(v * s) for v in p) for p in (a, b)), ink, max(2, round(8 * s)))  # type: ignore[arg-type]
    return crop


@pytest.mark.parametrize("size", [28, 120, 600])
def test_polarity(size: int) -> None:
    assert not is_light_on_dark(_four(220, 40, size))
    assert is_light_on_dark(_four(30, 220, size))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_polarity_under_the_edge_of_a_shadow(share: float) -> None:
    crop = _four(220, 60)
    crop[:, : round(share * 120)] = crop[:, : round(share * 120)] * 0.6
    assert not is_light_on_dark(crop)


def test_polarity_of_a_crop_close_around_a_bold_stroke() -> None:
    crop = np.full((60, 30), 230, np.uint8)
    crop[3:57, 9:21] = 20
    assert not is_light_on_dark(crop)


@pytest.mark.parametrize("slope", [0.0, 0.06])
@pytest.mark.parametrize("both", [False, True])
def test_rules_go_and_strokes_stay(slope: float, both: bool) -> None:
    ink = _four(0, 150)
    ruled = ink.copy()
    for y in (10, 50, 90):
        cv2.line(ruled, (0, round(y - 60 * slope)), (119, round(y + 60 * slope)), 40, 2)
        if both:
            cv2.line(ruled, (round(y + 60 * slope), 0), (round(y - 60 * slope), 119), 40, 2)
    ruled = np.maximum(ruled, ink)
    cleaned = without_rules(ruled)
    away = cv2.dilate(ink, np.ones((9, 9), np.uint8)) == 0
    assert np.percentile(ruled[away], 97) >= 40
    assert np.percentile(cleaned[away], 97) <= 12
    assert cleaned[ink > 0].mean() > 0.8 * 150


def test_long_strokes_of_the_character_stay() -> None:
    tee = np.zeros((100, 100), np.uint8)
    tee[10:20, 3:97] = 180
    tee[10:95, 45:55] = 180
    assert without_rules(tee)[10:20, 3:97].mean() > 150


def test_a_stroke_nearly_from_border_to_border_stays() -> None:
    stem = np.zeros((100, 60), np.uint8)
    stem[8:90, 38:43] = 100
    stem[8:40, 10:43] = 150
    assert np.array_equal(without_rules(stem), stem)


def test_paper_without_rules_is_left_alone() -> None:
    ink = _four(0, 150)
    assert np.array_equal(without_rules(ink), ink)


def test_tiny_crops_are_left_alone() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 40), np.uint8)
    assert np.array_equal(without_rules(noise), noise)
