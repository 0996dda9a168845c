"""A page is turned upright whichever way it lies, and boxes still lie where the picture shows the same."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from rapidfuzz import fuzz

from unscrawl import Reader
from unscrawl.image import Picture, load
from unscrawl.ink import extract
from unscrawl.ink.turn import is_sideways, is_upside_down

LETTER = Path(__file__).parents[1] / "examples" / "letter.jpg"


def page() -> np.ndarray:
    """Five lines of joined letters, every third with a stem that rises above the others, grey [h, w]."""
    grey = np.full((460, 700), 235, np.uint8)
    for base in range(80, 460, 80):
        for x in range(60, 620, 20):
            top = base - (46 if x % 60 == 0 else 20)
            cv2.rectangle(grey, (x, top), (x + 5, base), 40, -1)
            if x % 140:
                cv2.rectangle(grey, (x, base - 5), (x + 20, base), 40, -1)
    return grey


@pytest.mark.parametrize("quarters", [0, 1, 3])
def test_ink_that_lies_on_its_side_is_turned_upright(quarters: int) -> None:
    lying = np.ascontiguousarray(np.rot90(page(), quarters))
    ink = extract(Picture(np.repeat(lying[..., None], 3, axis=2), ""))
    upright = extract(Picture(np.repeat(page()[..., None], 3, axis=2), ""))
    assert ink.mask.shape == upright.mask.shape
    both = np.minimum(ink.mask, upright.mask).sum() / np.maximum(ink.mask, upright.mask).sum()
    assert both > 0.9


@pytest.mark.parametrize("quarters", range(4))
def test_boxes_of_turned_ink_lie_where_the_picture_has_it(quarters: int) -> None:
    ink = extract(Picture(np.repeat(page()[..., None], 3, axis=2), ""))
    turned = ink.turned(quarters)
    spot = np.zeros_like(ink.mask)
    spot[30:50, 60:110] = 1
    ys, xs = np.nonzero(np.rot90(spot, quarters))
    box = turned.box(float(xs.min()), float(ys.min()), float(np.ptp(xs) + 1), float(np.ptp(ys) + 1))
    assert box == ink.box(60, 30, 50, 20)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_is_read_whichever_way_it_lies(quarters: int) -> None:
    rgb = load(LETTER).rgb
    lying = Picture(np.ascontiguousarray(np.rot90(rgb, quarters)), "")
    reader = Reader()
    texts = reader.read(lying).text, reader.read(Picture(rgb, "")).text
    assert fuzz.ratio(*texts) > 97


def test_a_line_is_left_as_it_lies() -> None:
    lying = np.ascontiguousarray(np.rot90(page(), 1))
    ink = extract(Picture(np.repeat(lying[..., None], 3, axis=2), ""), layout="line")
    assert ink.mask.shape[0] > ink.mask.shape[1]


def test_blank_paper_lies_no_way() -> None:
    blank = np.zeros((200, 300), np.uint8)
    assert not is_sideways(blank)
    assert not is_upside_down(blank)
