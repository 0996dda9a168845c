"""Lines read whole: what comes out, where it lies, and what odd pictures do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unscrawl import Reader
from unscrawl.ctc import Span
from unscrawl.image import load
from unscrawl.joined import View, WholeLines, confidence, line_of, stands_apart, view_picture
from unscrawl.page import Box, Line, Page
from unscrawl.synth import bundled_fonts

TEXT = "the letter came on Monday"


def written(text: str, *, size: int = 40) -> NDArray[np.uint8]:
    """Write `text` with the first bundled font, dark on white: [h, w, 3]."""
    font = ImageFont.truetype(str(bundled_fonts()[0]), size)
    canvas = Image.new("RGB", (int(font.getlength(text)) + 40, 2 * size), "white")
    ImageDraw.Draw(canvas).text((20, size // 3), text, fill=(30, 30, 60), font=font)
    return np.asarray(canvas)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=1)


@pytest.fixture(scope="module")
def page(reader: Reader) -> Page:
    return reader.read(written(TEXT), layout="line")


def test_a_clear_line_is_read(page: Page) -> None:
    assert page.text == TEXT


def test_characters_stand_in_reading_order(page: Page) -> None:
    places = [g.box.x + g.box.width / 2 for g in page.glyphs]
    assert all(a < b for a, b in pairwise(places))


def test_every_box_lies_in_the_picture(page: Page) -> None:
    high, wide = written(TEXT).shape[:2]
    for box in (g.box for g in page.glyphs):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= wide
        assert box.y + box.height <= high


def test_every_character_has_its_alternatives(page: Page) -> None:
    for glyph in page.glyphs:
        assert len(glyph.alternatives) >= 5
        assert dict(glyph.alternatives)[glyph.text] == glyph.confidence


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the children were playing in the garden with their mother", "en"),
        ("nous sommes venus dans votre maison avec la lettre", "fr"),
    ],
)
def test_the_language_is_told_from_the_line(reader: Reader, text: str, language: str) -> None:
    alone = Reader(threads=1, language=language)
    assert (
        reader.read(written(text), layout="line").text
        == alone.read(written(text), layout="line").text
        == text
    )


def test_another_network_for_characters_reads_lines_by_itself(reader: Reader) -> None:
    own = Reader(model=reader.recogniser.path, threads=1)
    assert own.line_recogniser is None
    assert own.read(written("HELLO"), layout="line").text.upper() == "HELLO"


@pytest.mark.parametrize(
    "shape", [(4, 300), (4000, 300), (64, 20), (60, 20_000), (3, 3)], ids=lambda s: f"{s[0]}x{s[1]}"
)
def test_odd_sizes_are_read_somehow(reader: Reader, shape: tuple[int, int]) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (*shape, 1), np.uint8).repeat(3, axis=2)
    assert reader.read(grey, layout="line").confidence < 0.75


def test_an_empty_line_has_no_text(reader: Reader) -> None:
    assert reader.read(np.full((64, 500, 3), 240, np.uint8), layout="line").text == ""


def test_a_line_upside_down_is_unsure(reader: Reader, page: Page) -> None:
    turned = np.ascontiguousarray(written(TEXT)[::-1, ::-1])
    assert reader.read(turned, layout="line").confidence < page.confidence - 0.1


def test_dirt_on_a_page_is_no_line(reader: Reader) -> None:
    rng = np.random.default_rng(1)
    canvas = np.full((300, 800, 3), 255, np.uint8)
    line = written(TEXT)
    canvas[20 : 20 + line.shape[0], 20 : 20 + line.shape[1]] = line
    canvas[200:240, 600:660] = rng.integers(0, 256, (40, 60, 1), np.uint8)
    assert reader.read(canvas).text == TEXT


def spans(text: str, step: int = 3) -> list[Span]:
    return [Span(c, step * i, step * i + 1, -0.1, ((c, 0.9),)) for i, c in enumerate(text)]


def view(wide: int) -> View:
    image = np.zeros((40, wide), np.uint8)
    image[10:30] = 255
    return View(image, lambda x, y, w, h: Box(round(x), round(y), round(w), round(h)))


def test_a_character_reaches_halfway_to_its_neighbours() -> None:
    line = line_of(view(100), spans("abc"), 4)
    assert line is not None
    assert [g.box.x for g in line.words[0].glyphs] == [0, 10, 22]  # 2.7 and 5.7 frames of 4 px: told of early


def test_a_space_parts_words() -> None:
    line = line_of(view(100), spans("ab cd"), 4)
    assert line is not None
    assert [w.text for w in line.words] == ["ab", "cd"]


def test_spaces_alone_are_no_line() -> None:
    assert line_of(view(100), spans("  "), 4) is None


def test_nothing_read_is_nothing_sure() -> None:
    assert confidence([]) == 0.0


def printed(text: str, *, joined: bool = False, wide: int = 16) -> View:
    """See upright strokes, one a character, with white between them or a line that joins them."""
    image = np.zeros((40, wide * len(text)), np.uint8)
    image[30:33] = 255 * joined
    for i, c in enumerate(text):
        image[8:33, wide * i + 2 : wide * i + 5] |= 255 * (c != " ")
    return View(image, lambda x, y, w, h: Box(round(x), round(y), round(w), round(h)))


def reading(text: str) -> Line | None:
    return line_of(printed(text), spans(text), 4)


def test_printed_characters_stand_apart() -> None:
    assert stands_apart(printed("HAND PRINT"), reading("HAND PRINT"))


def test_joined_characters_do_not_stand_apart() -> None:
    assert not stands_apart(printed("llllll", joined=True), reading("llllll"))


def test_more_pieces_than_characters_do_not_stand_apart() -> None:
    assert not stands_apart(printed("llllll"), reading("mm"))


def test_specks_are_no_pieces() -> None:
    view = printed("HAND PRINT")
    view.image[2:4, ::7] = 255
    assert stands_apart(view, reading("HAND PRINT"))


def test_what_could_not_be_read_may_stand_apart() -> None:
    assert stands_apart(printed("ll", joined=True), None)


class Counted:
    """The views of a line, and how many of them were asked for."""

    def __init__(self, *views: View) -> None:
        self.views, self.asked = views, 0

    def __iter__(self) -> Iterator[View]:
        for view in self.views:
            self.asked += 1
            yield view


def seen(text: str, noise: float = 0.0) -> View:
    """See a written line, under as much noise as asked for."""
    clean = view_picture(load(written(text)))
    grain = np.random.default_rng(0).normal(0, noise, clean.image.shape)
    return View(np.clip(clean.image + grain, 0, 255).astype(np.uint8), clean.box)


def read_lines(reader: Reader, *lines: Counted) -> list[str]:
    assert reader.line_recogniser is not None
    whole, _ = WholeLines(reader.line_recogniser, reader.languages).read(lines)
    return [line.text if line else "" for line, _ in whole]


def test_a_clear_line_is_looked_at_once(reader: Reader) -> None:
    views = Counted(seen(TEXT), seen("another line of writing"))
    assert read_lines(reader, views) == [TEXT]
    assert views.asked == 1


def test_of_an_unclear_line_the_clearest_view_counts(reader: Reader) -> None:
    clear, unclear = Counted(seen(TEXT)), Counted(seen(TEXT, 200.0), seen(TEXT), seen("all too late"))
    assert read_lines(reader, clear, unclear) == [TEXT, TEXT]
    assert (clear.asked, unclear.asked) == (1, 2)


def test_views_that_are_all_unclear_are_all_looked_at(reader: Reader) -> None:
    views = Counted(seen(TEXT, 200.0), seen(TEXT, 250.0))
    assert read_lines(reader, views) != [TEXT]
    assert views.asked == 2
