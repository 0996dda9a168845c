"""From picture to page."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl import ModelError, OptionError, Reader
from unscrawl.hand import GlyphHead, Hand, LineHead
from unscrawl.reader import Layout
from unscrawl.seen import Seen
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


@pytest.mark.parametrize("layout", ["page", "line", "glyph"])
def test_what_was_looked_at_is_told_again_and_again(
    reader: Reader, picture: NDArray[np.uint8], layout: Layout
) -> None:
    seen = reader.look(picture, layout=layout)
    read = reader.read(picture, layout=layout).export()
    assert [reader.tell(seen).export() for _ in range(2)] == [read, read]


def test_one_look_serves_other_hands(reader: Reader, picture: NDArray[np.uint8]) -> None:
    other = reader.with_hand(_sceptic(reader))
    seen = reader.look(picture)
    plain = reader.tell(seen)
    told = other.tell(seen)
    assert told.export() == other.read(picture).export()
    assert told.export() != plain.export()
    assert reader.tell(seen).export() == plain.export()


def _sceptic(reader: Reader) -> Hand:
    """A hand in which everything is less certain than in anybody's."""
    assert reader.line_recogniser is not None
    weight, bias = reader.line_recogniser.head
    head = LineHead(-0.3 * weight, -0.3 * bias, reader.line_recogniser.fingerprint)
    return Hand("sceptic", line=head)


def test_words_of_a_hand_are_known_to_its_languages_alone(reader: Reader) -> None:
    own = reader.with_hand(Hand("andrew", words={"Kabupaten": 3.0}))
    for name, language in reader.languages.items():
        assert own.languages[name].score("Kabupaten") > language.score("Kabupaten") + 1
    assert own.with_hand(None).languages == reader.languages


def test_look_takes_less_memory_than_the_picture_and_its_ink(
    reader: Reader, picture: NDArray[np.uint8]
) -> None:
    seen = reader.look(picture)
    reader.tell(seen)
    assert picture.nbytes < seen.nbytes < 2 * picture.nbytes


def test_ink_of_a_line_is_looked_for_when_the_picture_as_it_is_does_not_do(reader: Reader) -> None:
    picture = letter("the boat", Style(), Paper(), Camera(), rng=4).picture
    seen = reader.look(picture, layout="line")
    assert isinstance(seen, Seen)
    (views,) = map(iter, seen.views)
    assert next(views) is seen.strips[0]
    assert seen.nbytes == picture.nbytes
    assert len(list(views)) == 1
    assert seen.nbytes > picture.nbytes


def test_other_networks_cannot_tell_what_was_seen(reader: Reader, picture: NDArray[np.uint8]) -> None:
    seen = reader.look(picture)
    with pytest.raises(OptionError, match="look at it again"):
        Reader(language=None).tell(seen)


def test_ready_cut_characters_are_no_picture_to_look_at(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="read them"):
        reader.look(tmp_path, layout="cut")


def test_hand_of_other_networks_is_refused(reader: Reader) -> None:
    head = LineHead(np.zeros((2, 2), np.float32), np.zeros(2, np.float32), "other")
    with pytest.raises(ModelError, match=r"teach bob --again"):
        reader.with_hand(Hand("bob", line=head))


@pytest.mark.parametrize("part", ["line", "glyph"])
def test_hand_with_layers_of_another_size_is_refused(reader: Reader, part: str) -> None:
    assert reader.line_recogniser is not None
    layer = np.zeros((2, 2), np.float32), np.zeros(2, np.float32)
    heads: dict[str, Any] = {
        "line": LineHead(*layer, reader.line_recogniser.fingerprint),
        "glyph": GlyphHead(("a", "b"), *layer, reader.recogniser.fingerprint),
    }
    with pytest.raises(ModelError, match=r"teach bob --again"):
        reader.with_hand(Hand("bob", **{part: heads[part]}))


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
    with pytest.raises(OptionError, match="choose one of auto, en, fr"):
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
