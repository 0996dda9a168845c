"""Crops of lines: straight, free of neighbours, and with a way back to the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.errors import OptionError
from unscrawl.image import load
from unscrawl.ink import extract
from unscrawl.layout import find_lines
from unscrawl.layout.crops import Crop, crop_of, find_crops

X = 24  # height of a small letter in px
LEFT = 60
STEP = 30


def _page(
    rows: list[str], *, pitch: int = 84, slope: float = 0.0, wave: float = 0.0, paper: int = 225
) -> NDArray[np.uint8]:
    """Draw rows of o (small), l (tall) and p (below the line) as a grey page [h, w]."""
    width = 2 * LEFT + max(map(len, rows)) * STEP
    canvas = np.full((140 + pitch * len(rows), width), paper, np.uint8)
    for n, row in enumerate(rows):
        for k, c in enumerate(row):
            x = LEFT + k * STEP
            y = round(_base(x, n, pitch, slope, wave))
            if c in "op":
                cv2.ellipse(canvas, (x + 9, y - X // 2), (9, X // 2 - 1), 0, 0, 360, 40, 4)
            if c == "p":
                cv2.line(canvas, (x, y - X), (x, y + 16), 40, 4)
            if c == "l":
                cv2.line(canvas, (x + 9, y), (x + 9, y - 40), 40, 4)
    return canvas


def _base(x: float, n: int, pitch: int = 84, slope: float = 0.0, wave: float = 0.0) -> float:
    return 90 + pitch * n + slope * x + wave * np.sin(x / 120)


def _bottoms(crop: Crop) -> NDArray[np.float64]:
    """Return the row on which each letter of a crop stands."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((crop.grey < 120).astype(np.uint8))
    return (stats[1:, cv2.CC_STAT_TOP] + stats[1:, cv2.CC_STAT_HEIGHT]).astype(np.float64)


def test_a_crop_for_each_line_in_reading_order() -> None:
    rows = ["olo ooo oloo", "oo oloo", "olooo olo ooo"]
    crops = find_crops(load(np.dstack([_page(rows)] * 3)))
    assert [round(c.grey.shape[1] / STEP) for c in crops] == pytest.approx(
        [len(r) + 0.4 for r in rows], abs=1
    )


@pytest.mark.parametrize(("slope", "wave"), [(0.0, 7.0), (0.05, 0.0), (-0.05, 6.0)])
def test_sloping_and_bent_lines_come_out_straight(slope: float, wave: float) -> None:
    page = _page(["oolo loooo oloo ooloo olo oool"] * 4, slope=slope, wave=wave)
    crops = find_crops(load(page))
    assert len(crops) == 4
    for crop in crops:
        assert np.abs(_bottoms(crop) - crop.row).max() < 0.2 * X


def test_points_of_a_crop_lie_where_the_picture_shows_the_same() -> None:
    page = _page(["olo looo oloo ooo lo"] * 3, slope=0.04, wave=7.0)
    for crop in find_crops(load(page)):
        ys, xs = np.nonzero(crop.grey < 90)
        x, y = (crop.to_picture(np.stack([xs + 0.5, ys + 0.5], axis=1)) - 0.5).T.round().astype(int)
        assert np.mean(page[y, x] < 160) > 0.97


def test_the_box_of_a_letter_holds_it_in_the_picture() -> None:
    page = _page(["ooooo ooo", "ooo oooo"], slope=0.03)
    crop = find_crops(load(page))[1]
    x = int(np.argmax((crop.grey < 120).any(axis=0)))
    box = crop.box(x, crop.row - X, 22, X)
    assert box.x == pytest.approx(LEFT - 2, abs=3)
    assert box.y + box.height == pytest.approx(_base(LEFT + 9, 1, slope=0.03), abs=5)


def test_strokes_of_neighbouring_lines_are_painted_over() -> None:
    page = _page(["ppp ppp ppp", "lll lll lll", "ppp ppp ppp"], pitch=62)
    middle = find_crops(load(page))[1]
    count, *_ = cv2.connectedComponentsWithStats((middle.grey < 120).astype(np.uint8))
    assert count - 1 == 9


def test_a_bare_crop_shows_the_writing_without_the_rules_under_it() -> None:
    page = np.pad(_page(["olo ooo oloo", "oo oloo ooo"], paper=240), ((0, 0), (0, 400)), constant_values=240)
    for y in range(20, len(page), 42):
        cv2.line(page, (0, y), (page.shape[1], y), 150, 2)
    ink = extract(load(np.dstack([page] * 3)))
    line = find_lines(ink)[0]
    with_rules, bare = crop_of(ink, line), crop_of(ink, line, bare=True)
    assert ink.ruled
    assert bare.grey.shape == with_rules.grey.shape
    assert (with_rules.grey < 200).all(axis=1).any()
    assert not (bare.grey < 200).all(axis=1).any()
    assert (bare.grey < 80).sum() == pytest.approx((with_rules.grey < 80).sum(), rel=0.3)


@pytest.mark.parametrize("layout", ["line", "word"])
def test_a_line_is_one_crop(layout: str) -> None:
    (crop,) = find_crops(load(_page(["olo loo"])), layout=layout)
    assert crop.grey.min() < 90


def test_light_writing_on_dark_comes_out_dark_on_light() -> None:
    (crop,) = find_crops(load(255 - _page(["olooo looo oooo"])))
    assert np.median(crop.grey) > 200
    assert crop.grey.min() < 120


def test_a_blank_picture_has_no_crop() -> None:
    assert find_crops(load(np.full((200, 300), 230, np.uint8))) == []


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(OptionError, match="unknown layout"):
        find_crops(load(_page(["ooo"])), layout="book")
