"""From picture to page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl import OptionError, Reader, UnscrawlError
from unscrawl.synth import Camera, Paper, Style, letter

TEXT = "Dear Edith\nthe boat came home\nsee you on Sunday"


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    return letter(TEXT, Style(), Paper(), Camera(), rng=3).picture


def test_reads_a_generated_letter(reader: Reader, picture: NDArray[np.uint8]) -> None:
    got = reader.read(picture).text
    same = sum(a == b for a, b in zip(got, TEXT, strict=False))
    assert same >= 0.9 * len(TEXT), got


def test_boxes_lie_inside_their_parents(reader: Reader, picture: NDArray[np.uint8]) -> None:
    page = reader.read(picture)
    H, W = picture.shape[:2]
    for line in page.lines:
        for word in line.words:
            for glyph in word.glyphs:
                x, y, w, h = glyph.box
                assert 0 <= x < x + w <= W
                assert 0 <= y < y + h <= H
                assert word.box.x <= x
                assert x + w <= word.box.x + word.box.width
                assert line.box.y <= y
                assert y + h <= line.box.y + line.box.height


def test_boxes_follow_the_truth(reader: Reader) -> None:
    sheet = letter("HELLO", Style(), Paper(), Camera(), rng=5)
    got = list(reader.read(sheet.picture).glyphs)
    assert len(got) == len(list(sheet.glyphs))
    for a, b in zip(got, sheet.glyphs, strict=True):
        assert abs(a.box.x + a.box.width / 2 - b.box.x - b.box.width / 2) < 0.5 * b.box.width


def test_alternatives_are_at_least_five_with_the_text_among_them(
    reader: Reader, picture: NDArray[np.uint8]
) -> None:
    for glyph in reader.read(picture).glyphs:
        assert len(glyph.alternatives) >= 5
        assert dict(glyph.alternatives)[glyph.text] == pytest.approx(glyph.confidence)
        assert sum(p for _, p in glyph.alternatives) <= 1 + 1e-6


def test_same_picture_same_page_in_many_threads(reader: Reader, picture: NDArray[np.uint8]) -> None:
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda _: reader.read(picture).export(), range(4)))
    assert all(p == pages[0] for p in pages)


@pytest.mark.parametrize("layout", ["line", "word"])
def test_one_line_or_word(reader: Reader, layout: str) -> None:
    page = reader.read(letter("garden", Style(), Paper(), Camera(), rng=2).picture, layout=layout)  # type: ignore[arg-type]
    assert len(page.lines) == 1
    assert layout == "line" or len(page.lines[0].words) == 1


def test_glyph_layout_gives_one_character(reader: Reader) -> None:
    page = reader.read(letter("R", Style(), Paper(), Camera(), rng=2).picture, layout="glyph")
    assert [len(w.glyphs) for line in page.lines for w in line.words] == [1]


def test_blank_glyph_gives_an_empty_page(reader: Reader) -> None:
    assert reader.read(np.full((60, 60), 255, np.uint8), layout="glyph").lines == ()


def test_light_ink_on_dark_ground_reads_the_same(reader: Reader) -> None:
    picture = letter("the boat", Style(), Paper(), Camera(), rng=4).picture
    assert reader.read(255 - picture, layout="line").text == reader.read(picture, layout="line").text


def test_language_off_reads_too(picture: NDArray[np.uint8]) -> None:
    assert Reader(language=None).read(picture).text


def test_unknown_layout(reader: Reader) -> None:
    with pytest.raises(OptionError, match="layout"):
        reader.read(np.zeros((50, 50), np.uint8), layout="poem")  # type: ignore[arg-type]


def test_unknown_language() -> None:
    with pytest.raises(UnscrawlError, match="klingon"):
        Reader(language="klingon")


@pytest.mark.parametrize("invert", [False, True])
def test_classify_takes_either_polarity(reader: Reader, invert: bool) -> None:
    four = np.full((120, 100), 235, np.uint8)
    for a, b in (((60, 15), (60, 105)), ((60, 15), (20, 70)), ((20, 70), (85, 70))):
        cv2.line(four, a, b, 40, 7)
    one = reader.classify(255 - four if invert else four, alphabet="digits")
    assert one.label == "4"
    assert one.seen.shape == (28, 28)


def test_classify_keeps_to_its_alphabet(reader: Reader) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)
    assert all(c.isdigit() for c, _ in reader.classify(noise, alphabet="digits").alternatives)
    assert all(c.isalpha() for c, _ in reader.classify(noise, alphabet="letters").alternatives)


def test_classify_unknown_alphabet(reader: Reader) -> None:
    with pytest.raises(OptionError, match="alphabet"):
        reader.classify(np.zeros((30, 30), np.uint8), alphabet="runes")
