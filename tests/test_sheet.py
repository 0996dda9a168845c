"""The sheet on the desk is found whatever the desk, the shadow and the margin."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unscrawl.ink.sheet import find_sheet, without_desk

PAPER, SIZE = (225, 224, 218), (420, 640)


def scene(
    desk: tuple[int, int, int], left: int = 30, top: int = 24, shadow: float = 0.0, grain: float = 0.08
) -> np.ndarray:
    """A sheet on wood, uint8 [420, 640, 3], `left` and `top` from the picture's border, writing on it."""
    rng = np.random.default_rng(3)
    h, w = SIZE
    wood = cv2.GaussianBlur(rng.normal(0, 1, (h, w)), (0, 0), sigmaX=8, sigmaY=1.5)
    rgb = np.array(desk) * (1 + grain * wood / wood.std())[..., None]
    rgb[top : h - top, left : w - left] = PAPER
    ink = np.zeros(SIZE, np.uint8)
    for i, words in enumerate(("Dear Laurence,", "we walked to the", "harbour and saw")):
        at = (left + 50, top + 90 + 90 * i)
        cv2.putText(ink, words, at, cv2.FONT_HERSHEY_SIMPLEX, 1.4, 1, 3)
    rgb[ink > 0] = (40, 40, 60)
    ys, xs = np.mgrid[:h, :w]
    light = 1 - shadow / (1 + np.exp(-np.clip((xs + 0.5 * ys - 380) / 6, -30, 30)))
    rgb = rgb * light[..., None] + rng.normal(0, 2, rgb.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def overlap(outline: np.ndarray, left: int, top: int) -> float:
    h, w = SIZE
    true, found = np.zeros((2, h, w), np.uint8)
    true[top : h - top, left : w - left] = 1
    cv2.fillConvexPoly(found, np.rint(outline).astype(np.int32), 1)
    return float((true & found).sum() / (true | found).sum())


@pytest.mark.parametrize("desk", [(100, 98, 89), (40, 40, 45), (112, 82, 60), (165, 148, 134)])
@pytest.mark.parametrize("shadow", [0.0, 0.4])
@pytest.mark.parametrize(("left", "top"), [(30, 24), (90, 60), (12, 12)])
def test_a_sheet_is_found(desk: tuple[int, int, int], shadow: float, left: int, top: int) -> None:
    outline = find_sheet(scene(desk, left, top, shadow))
    assert outline is not None
    assert overlap(outline, left, top) > 0.9


@pytest.mark.parametrize("shadow", [0.0, 0.25, 0.5])
def test_paper_that_fills_the_picture_is_no_sheet_on_a_desk(shadow: float) -> None:
    assert find_sheet(scene(PAPER, 0, 0, shadow)) is None


def test_a_page_folded_in_four_under_a_lamp_is_no_sheet_on_a_desk() -> None:
    rgb = scene(PAPER, 0, 0).astype(np.float64)
    rgb[:210] *= 0.9
    rgb[:, 350:] *= 0.88
    assert find_sheet(rgb.astype(np.uint8)) is None


def folded(rgb: np.ndarray, across: tuple[int, ...], down: tuple[int, ...]) -> np.ndarray:
    """The same with folds at these rows and columns: a dark line, shade on one side of it."""
    away = [np.arange(SIZE[0])[:, None] - y for y in across] + [np.arange(SIZE[1])[None] - x for x in down]
    light = np.ones(SIZE)
    for d in away:
        light = light * (1 - 0.25 * np.exp(-np.abs(d) / 12) * (d > 0) - 0.3 * np.exp(-((d / 1.5) ** 2)))
    return (rgb * light[..., None]).astype(np.uint8)


@pytest.mark.parametrize(("across", "down"), [((140, 280), (320,)), ((105, 210, 315), (320,)), ((210,), ())])
@pytest.mark.parametrize("desk", [(40, 40, 45), (112, 82, 60)])
def test_a_folded_sheet_is_found_whole(
    across: tuple[int, ...], down: tuple[int, ...], desk: tuple[int, int, int]
) -> None:
    outline = find_sheet(folded(scene(desk), across, down))
    assert outline is not None
    assert overlap(outline, 30, 24) > 0.9


@pytest.mark.parametrize(
    ("across", "down"), [((140, 280), (320,)), ((105, 210, 315), (320,)), ((210,), (320,))]
)
def test_no_part_of_folded_paper_that_fills_the_picture_is_a_sheet(
    across: tuple[int, ...], down: tuple[int, ...]
) -> None:
    assert find_sheet(folded(scene(PAPER, 0, 0), across, down)) is None


def barred(rgb: np.ndarray, slant: float = 0.15) -> np.ndarray:
    """The same in the shadows of bars that cross the picture."""
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]
    bars = np.abs((xs + slant * ys) % 150 - 75) < 20
    return (rgb * np.where(bars, 0.5, 1.0)[..., None]).astype(np.uint8)


def test_paper_between_two_shadows_is_no_sheet() -> None:
    assert find_sheet(barred(scene(PAPER, 0, 0))) is None


@pytest.mark.parametrize("desk", [(40, 40, 45), (112, 82, 60), (100, 98, 89)])
@pytest.mark.parametrize("slant", [0.0, 0.15])
def test_of_a_sheet_that_shadows_part_no_strip_is_the_sheet(desk: tuple[int, int, int], slant: float) -> None:
    outline = find_sheet(barred(scene(desk), slant))
    assert outline is None or overlap(outline, 30, 24) > 0.9


@pytest.mark.parametrize(("desk", "found"), [((90, 70, 50), True), ((190, 185, 170), False)])
def test_a_small_note_must_be_much_brighter_than_the_desk(desk: tuple[int, int, int], found: bool) -> None:
    rgb = np.full((*SIZE, 3), desk, np.uint8)
    rgb[150:270, 240:400] = PAPER
    cv2.putText(rgb, "at noon", (255, 220), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (40, 40, 60), 2)
    outline = find_sheet(rgb)
    assert (outline is not None) == found


@pytest.mark.parametrize("outlined", [False, True])
def test_a_strip_of_the_desk_goes_and_strokes_stay(outlined: bool) -> None:
    absorbed = np.zeros(SIZE, np.uint8)
    absorbed[:14] = 190
    absorbed[:, -20:] = 190
    absorbed[200:300:20, 100:400] = 90
    absorbed[200:300, 300:303] = 90
    h, w = SIZE
    outline = np.array([[0, 2], [w - 3, 2], [w - 3, h], [0, h]], np.float64) if outlined else None
    rest = without_desk(absorbed, outline)
    assert not rest[:14].any()
    assert not rest[:, -20:].any()
    assert np.array_equal(rest[180:320, 80:420], absorbed[180:320, 80:420])
