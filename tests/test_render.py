"""The overlay shows what was read, where, and what is doubtful, on pictures of any size."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFont

from unscrawl import Box, Glyph, Line, OptionError, Page, Word
from unscrawl.alphabet import LINE
from unscrawl.image import Picture
from unscrawl.render import _struck, draw_page

BLUE, GREEN, ORANGE = (0, 114, 178), (0, 158, 115), (213, 94, 0)


def _page(confidence: float, *, text: str = "A", size: tuple[int, int] = (200, 160), scale: int = 1) -> Page:
    """Return a grey picture with one glyph, 40 wide and 60 high at (80, 70), times `scale`."""
    box = Box(80 * scale, 70 * scale, 40 * scale, 60 * scale)
    rgb = np.full((size[1] * scale, size[0] * scale, 3), 128, np.uint8)
    word = Word((Glyph(text, confidence, box),), box)
    return Page("grey", (Line((word,), box),), Picture(rgb, "grey"))


def _count(image: Image.Image, colour: tuple[int, int, int], box: tuple[int, int, int, int]) -> int:
    pixels: NDArray[np.uint8] = np.asarray(image.crop(box))
    return int((pixels == colour).all(-1).sum())


def test_sure_glyph_is_framed_and_its_inside_stays_free() -> None:
    image = draw_page(_page(0.99))
    assert image.size == (200, 160)
    assert image.getpixel((80, 100)) == GREEN
    assert image.getpixel((100, 100)) == (128, 128, 128)
    assert _count(image, ORANGE, (0, 0, 200, 160)) == 0


def test_guess_stands_above_its_glyph() -> None:
    image = draw_page(_page(0.99))
    assert _count(image, BLUE, (80, 30, 120, 66)) > 30


def test_doubtful_glyph_is_filled_and_its_guess_on_a_filled_ground() -> None:
    image = draw_page(_page(0.59))
    red, _, blue = image.getpixel((100, 100))
    assert red > 140
    assert blue < 110
    assert _count(image, ORANGE, (80, 30, 120, 66)) > 200


def test_large_picture_keeps_its_size() -> None:
    assert draw_page(_page(0.9, scale=10)).size == (2000, 1600)


def test_small_picture_is_enlarged_until_guesses_are_legible() -> None:
    page = _page(0.9)
    assert page.picture is not None
    box = Box(8, 7, 4, 6)
    word = Word((Glyph("A", 0.9, box),), box)
    small = Page("s", (Line((word,), box),), Picture(page.picture.rgb[:16, :20], "s"))
    image = draw_page(small)
    assert image.width % 20 == 0
    assert image.width >= 80


def test_guess_that_would_leave_the_picture_gets_a_margin() -> None:
    box = Box(10, 0, 40, 60)
    word = Word((Glyph("A", 0.9, box),), box)
    page = Page("top", (Line((word,), box),), Picture(np.full((60, 60, 3), 128, np.uint8), "top"))
    image = draw_page(page)
    assert image.width == 60
    assert image.height > 60
    assert _count(image, BLUE, (10, 0, 50, image.height - 64)) > 30


@pytest.mark.parametrize("mark", ["£", "€"])
def test_money_is_drawn_although_the_font_lacks_it(mark: str) -> None:
    missing, drawn = (np.asarray(draw_page(_page(0.9, text=text))) for text in ("\ufffe", mark))
    assert (missing != drawn).any()


def test_blank_page_is_drawn_as_it_is() -> None:
    rgb = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    assert (np.asarray(draw_page(Page("blank", (), Picture(rgb, "blank")))) == rgb).all()


def test_page_without_picture_cannot_be_drawn() -> None:
    with pytest.raises(OptionError, match="no picture"):
        draw_page(Page("none"))


@pytest.mark.parametrize("character", LINE.strip())
def test_every_character_of_the_alphabet_can_be_written_over_its_box(character: str) -> None:
    font = ImageFont.load_default(30)
    missing = bytes(font.getmask("\uffff"))
    for part in "".join(_struck(character)):
        assert bytes(font.getmask(part)) != missing


def test_an_accent_is_struck_over_its_letter() -> None:
    assert _struck("é") == ("e", "'")
