"""Ink comes out of any paper, light, tilt and size; bare paper gives none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unscrawl.errors import OptionError
from unscrawl.image import Picture
from unscrawl.ink import LAYOUTS, Ink, extract
from unscrawl.ink.paper import brightness

WORDS = ("Dear Laurence,", "we walked to the", "harbour and saw", "nine boats, two", "of them blue!")


def writing(
    height: int = 400, width: int = 560, size: float = 1.1, pen: int = 3, lines: int = 5
) -> np.ndarray:
    """Ink, float [h, w] from 0 to 1, of lines in a stroke font."""
    plane = np.zeros((height, width), np.uint8)
    for i, words in enumerate(WORDS[:lines]):
        place = (50, 70 + i * 65)
        cv2.putText(plane, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, 255, pen, cv2.LINE_AA)
    return plane / 255.0


def photo(
    ink: np.ndarray,
    paper: tuple[int, int, int] = (240, 238, 230),
    pen: tuple[int, int, int] = (40, 40, 60),
    light: np.ndarray | float = 1.0,
    noise: float = 2.0,
) -> np.ndarray:
    share = ink[..., None]
    rgb = (share * np.array(pen) + (1 - share) * np.array(paper)) * np.broadcast_to(light, ink.shape)[
        ..., None
    ]
    rgb = rgb + np.random.default_rng(0).normal(0, noise, rgb.shape)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def turned(rgb: np.ndarray, degrees: float) -> np.ndarray:
    """`rgb` with its lines falling to the right by `degrees`."""
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    return cv2.warpAffine(rgb, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def tilt_of(ink: Ink) -> float:
    return float(np.degrees(np.arctan2(ink.to_picture[1, 0], ink.to_picture[0, 0])))


def agreement(ink: Ink, true: np.ndarray) -> float:
    """Intersection over union of the mask, taken back to the picture, and the true ink."""
    centred = ink.to_picture.copy()
    centred[:, 2] += ink.to_picture[:, :2] @ [0.5, 0.5] - 0.5
    back = cv2.warpAffine(ink.mask * 255, centred, true.shape[::-1]) > 127
    wanted = true > 0.4
    return float((back & wanted).sum() / (back | wanted).sum())


def test_plain_page() -> None:
    true = writing()
    assert agreement(extract(Picture(photo(true), "")), true) > 0.8


def test_strength_and_mask_are_of_one_shape_and_range() -> None:
    ink = extract(Picture(photo(writing()), ""))
    assert ink.strength.shape == ink.mask.shape
    assert ink.strength.dtype == ink.mask.dtype == np.uint8
    assert set(np.unique(ink.mask)) == {0, 1}
    assert np.median(ink.strength[ink.mask > 0]) > 200
    assert ink.strength.max() == 255


def test_strength_is_anti_aliased() -> None:
    ink = extract(Picture(photo(writing()), ""))
    assert ((ink.strength > 30) & (ink.strength < 225)).sum() > 0.1 * ink.mask.sum()


@pytest.mark.parametrize(
    ("paper", "pen"),
    [
        ((250, 235, 130), (30, 40, 130)),
        ((190, 150, 110), (60, 40, 40)),
        ((245, 245, 245), (200, 40, 50)),
        ((245, 245, 245), (200, 198, 196)),
        ((40, 60, 50), (220, 220, 215)),
        ((0, 0, 0), (255, 255, 255)),
    ],
    ids=["blue on yellow", "brown paper", "red ink", "faint pencil", "blackboard", "white on black"],
)
def test_paper_and_pen(paper: tuple[int, int, int], pen: tuple[int, int, int]) -> None:
    true = writing()
    assert agreement(extract(Picture(photo(true, paper, pen), "")), true) > 0.7


@pytest.mark.parametrize("softness", [1.0, 15.0])
def test_shadow_edge_is_no_ink(softness: float) -> None:
    true = writing()
    ys, xs = np.mgrid[: true.shape[0], : true.shape[1]]
    edge = np.clip((xs + 0.4 * ys - 350) / softness, -30, 30)
    light = 1 - 0.5 / (1 + np.exp(-edge))
    assert agreement(extract(Picture(photo(true, light=light), "")), true) > 0.75


def test_faint_writing_on_paper_before_a_dark_desk_is_dark_on_light() -> None:
    rgb = photo(0.25 * writing(), paper=(200, 200, 196))
    scene = np.full((460, 640, 3), 20, np.uint8)
    scene[12:412, 8:568] = rgb
    ink = extract(Picture(scene, ""))
    true = np.zeros(scene.shape[:2])
    true[12:412, 8:568] = writing()
    assert agreement(ink, true > 0.5) > 0.5


def bars(shape: tuple[int, ...]) -> np.ndarray:
    """Light through a window with bars, whose shadows are as wide as letters."""
    xs = np.mgrid[: shape[0], : shape[1]][1]
    away = np.abs((xs - 60) % 140 - 14)
    return 1 - 0.5 / (1 + np.exp(np.clip((away - 14) / 1.5, -30, 30)))


def test_writing_in_narrow_shadows_is_ink_and_they_are_not() -> None:
    true = writing()
    assert agreement(extract(Picture(photo(true, light=bars(true.shape)), "")), true) > 0.75


def test_a_patterned_cloth_is_no_shade() -> None:
    ys, xs = np.mgrid[:400, :560]
    red, dark = (xs // 20 + ys // 20) % 2 > 0, (xs // 20 % 2) * (ys // 20 % 2) > 0
    cloth = np.full((400, 560, 3), 235.0)
    cloth[100:300, 100:460][red[100:300, 100:460]] = (225, 110, 120)
    cloth[100:300, 100:460][dark[100:300, 100:460]] = (185, 40, 50)
    colour = cloth.astype(np.uint8)
    grey = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(brightness(grey, colour), brightness(grey))


def test_writing_along_a_fold_is_ink_and_its_shade_is_not() -> None:
    true = writing()
    below = np.arange(true.shape[0])[:, None] - 190.0  # through the third line
    light = 1 - 0.45 * np.exp(-np.abs(below) / 12) * (below > 0) * np.ones(true.shape)
    assert agreement(extract(Picture(photo(true, light=light), "")), true) > 0.9


@pytest.mark.parametrize("degrees", [-38, -25, -15, -9, -3.5, 0, 2, 6, 15, 20, 33])
def test_tilt_is_levelled(degrees: float) -> None:
    ink = extract(Picture(turned(photo(writing()), degrees), ""))
    assert tilt_of(ink) == pytest.approx(degrees, abs=0.5)


def test_a_short_word_is_not_tilted() -> None:
    plane = np.zeros((120, 160), np.uint8)
    cv2.putText(plane, "My", (40, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 255, 3, cv2.LINE_AA)
    assert tilt_of(extract(Picture(photo(plane / 255.0), ""), layout="word")) == 0


def test_boxes_lead_back_to_the_picture() -> None:
    plane = np.zeros((500, 700), np.float64)
    for y in range(60, 460, 60):
        for x in range(60, 640, 30):
            plane[y : y + 24, x : x + 4] = 1
    plane[220:260, 300:340] = 1
    ink = extract(Picture(turned(photo(plane), 5), ""))
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink.mask)
    x, y, w, h = stats[1:][np.argmax(stats[1:, cv2.CC_STAT_AREA])][:4]
    box = ink.box(float(x), float(y), float(w), float(h))
    cos, sin = np.cos(np.radians(5)), np.sin(np.radians(5))
    centre = np.array([[cos, -sin], [sin, cos]]) @ np.array([320 - 350, 240 - 250]) + np.array([350, 250])
    assert box.x + box.width / 2 == pytest.approx(centre[0], abs=3)
    assert box.y + box.height / 2 == pytest.approx(centre[1], abs=3)


def test_boxes_are_clipped_to_the_picture() -> None:
    ink = extract(Picture(photo(writing()), ""))
    assert ink.box(-50, -50, 10_000, 10_000) == (0, 0, 560, 400)


@pytest.mark.parametrize(("scale", "pen"), [(0.4, 1), (3.5, 12)], ids=["x-height 8 px", "x-height 80 px"])
def test_small_and_large_writing(scale: float, pen: int) -> None:
    plane = np.zeros((round(160 * scale), round(420 * scale)), np.uint8)
    place = (round(30 * scale), round(100 * scale))
    cv2.putText(plane, "the parcel", place, cv2.FONT_HERSHEY_SIMPLEX, 2 * scale, 255, pen, cv2.LINE_AA)
    true = plane / 255.0
    assert agreement(extract(Picture(photo(true), "")), true) > 0.65


def test_a_huge_photo_is_reduced() -> None:
    true = cv2.resize(writing(), None, fx=5, fy=5, interpolation=cv2.INTER_LINEAR)
    ink = extract(Picture(np.repeat((255 - 200 * true).astype(np.uint8)[..., None], 3, axis=2), ""))
    assert ink.mask.size < 0.5 * true.size
    assert agreement(ink, true) > 0.75


@pytest.mark.parametrize("noise", [0.0, 2.0, 6.0])
def test_blank_paper_has_no_ink(noise: float) -> None:
    light = np.linspace(1, 0.6, 560)[None] * np.linspace(1, 0.8, 400)[:, None]
    assert not extract(Picture(photo(np.zeros((400, 560)), light=light, noise=noise), "")).mask.any()


@pytest.mark.parametrize("desk", [(40, 40, 45), (150, 100, 60)], ids=["dark", "wood"])
@pytest.mark.parametrize("degrees", [0, 8])
def test_a_sheet_on_a_desk(desk: tuple[int, int, int], degrees: float) -> None:
    true = writing()
    grain = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 1, (640, 800)), (0, 0), sigmaX=30, sigmaY=1)
    scene = np.array(desk) * (1 + 0.12 * grain / grain.std())[..., None]
    page = np.zeros((640, 800), np.float64)
    scene[120:520, 120:680] = photo(true)
    page[120:520, 120:680] = true
    scene = turned(np.clip(scene, 0, 255).astype(np.uint8), degrees)
    ink = extract(Picture(scene, ""))
    assert tilt_of(ink) == pytest.approx(degrees, abs=0.6)
    assert agreement(ink, turned(page, degrees)) > 0.65


def test_unknown_layout() -> None:
    with pytest.raises(OptionError, match="unknown layout 'column'"):
        extract(Picture(photo(writing()), ""), layout="column")


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(3, 40), st.integers(3, 40), st.just(3))),
    st.sampled_from(LAYOUTS),
)
def test_arbitrary_pictures_give_some_ink_or_none(rgb: np.ndarray, layout: str) -> None:
    ink = extract(Picture(rgb, ""), layout=layout)
    assert ink.mask.shape == ink.strength.shape
    assert ink.mask.max(initial=0) <= 1
