"""A line's picture for the network: the same for any light, paper and size, and of bounded size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lines_made import line
from unscrawl.strip import HEIGHT, absorbance, band, prepare

TEXT = "Dear Andrew, hello"


def test_strip_is_ink_on_nothing() -> None:
    strip = prepare(line(TEXT)).image
    assert strip.dtype == np.uint8
    assert strip.shape[0] == HEIGHT
    assert strip.max() > 230
    assert np.percentile(strip, 70) < 10


@pytest.mark.parametrize(("ink", "paper"), [(10, 250), (30, 120), (120, 200)], ids=["black", "dark", "faint"])
def test_light_and_pen_do_not_matter(ink: int, paper: int) -> None:
    usual, other = prepare(line(TEXT)).image, prepare(line(TEXT, ink=ink, paper=paper)).image
    assert other.shape == usual.shape
    assert np.abs(other.astype(int) - usual).mean() < 8


def test_shadow_across_the_line_is_taken_off() -> None:
    grey = line(TEXT)
    shadow = np.linspace(1.0, 0.5, grey.shape[1])[None, :]
    shaded = prepare((grey * shadow).astype(np.uint8)).image
    assert np.abs(shaded.astype(int) - prepare(grey).image).mean() < 10


@pytest.mark.parametrize("size", [0.5, 2.0, 3.0])
def test_size_of_the_picture_does_not_matter(size: float) -> None:
    grey = line(TEXT, height=80)
    scaled = cv2.resize(
        grey, None, fx=size, fy=size, interpolation=cv2.INTER_AREA if size < 1 else cv2.INTER_CUBIC
    )
    one, other = prepare(grey).image, prepare(np.asarray(scaled, np.uint8)).image
    assert other.shape[1] == pytest.approx(one.shape[1], rel=0.03)
    other = np.asarray(cv2.resize(other, one.shape[::-1]))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


def test_some_room_above_and_below_does_not_matter() -> None:
    grey = line(TEXT, height=90)
    rows = np.flatnonzero(grey.min(axis=1) < 128)
    crops = [grey[rows[0] - room : rows[-1] + 1 + room] for room in (10, 16)]
    heights = [np.ptp(np.flatnonzero(prepare(crop).image.max(axis=1) > 128)) for crop in crops]
    assert heights[1] == pytest.approx(heights[0], abs=1)


def test_blank_paper_has_no_ink() -> None:
    paper = np.random.default_rng(0).normal(230, 2, (70, 400)).clip(0, 255).astype(np.uint8)
    assert np.percentile(prepare(paper).image, 95) < 64


@pytest.mark.parametrize("size", [1.0, 2.7], ids=["small", "reduced"])
def test_places_lead_back_to_the_crop(size: float) -> None:
    grey = np.full((round(60 * size), round(500 * size)), 235, np.uint8)
    marks = [(round(x * size), round(y * size)) for x, y in ((60, 20), (250, 30), (440, 38))]
    for at in marks:
        cv2.circle(grey, at, round(4 * size), 30, -1, cv2.LINE_AA)
    strip = prepare(grey)
    _, _, _, centres = cv2.connectedComponentsWithStats((strip.image > 128).astype(np.uint8))
    found = sorted(tuple(strip.to_crop @ (x + 0.5, y + 0.5, 1)) for x, y in centres[1:])
    assert np.abs(np.array(found) - np.array(marks) - 0.5).max() < 1.5 * size


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 20_000), (4000, 1), (4, 20), (4000, 300), (40, 20_000), (4000, 4)]
)
def test_any_size_gives_a_strip_of_bounded_size(shape: tuple[int, int]) -> None:
    strip = prepare(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    assert strip.image.shape[0] == HEIGHT
    assert 16 <= strip.image.shape[1] <= 3200
    assert np.isfinite(strip.to_crop).all()
    right, bottom = strip.to_crop @ (strip.image.shape[1], HEIGHT, 1)
    assert right == pytest.approx(shape[1])
    assert 0 < bottom <= 1.2 * shape[0]


def test_band_holds_the_writing() -> None:
    ink = np.zeros((100, 300), np.uint8)
    ink[30:60, 20:280] = 255
    top, bottom = band(ink)
    assert top < 30
    assert bottom > 60


def test_band_of_no_ink_is_everything() -> None:
    assert band(np.zeros((50, 20), np.uint8)) == (0.0, 50.0)


def test_darkest_strokes_are_full_ink() -> None:
    ink = absorbance(line(TEXT, ink=150, paper=220))
    assert np.percentile(ink[ink > 30], 80) > 220
