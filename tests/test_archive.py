"""ALTO and PAGE: what is in the result tree is in the file, where the standards have a place for it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from conftest import draw
from unscrawl import Reader
from unscrawl.image import Picture
from unscrawl.page import Box, Glyph, Line, Page, Word

ALTO = {"": "http://www.loc.gov/standards/alto/ns-v4#"}
PAGE = {"": "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"}


def glyph(text: str, x: int, y: int, *others: tuple[str, float], height: int = 20) -> Glyph:
    return Glyph(text, 0.75, Box(x, y, 10, height), ((text, 0.75), *others))


def page(*lines: str, rise: float = 0.0) -> Page:
    """A page of glyphs 12 px apart on lines 50 px apart; a line rises by `rise` px a px."""
    made = []
    for row, line in enumerate(lines, 1):
        words, x = [], 12
        for word in line.split():
            glyphs = []
            for character in word:
                deep = 8 if character in "gjpqy" else 0
                glyphs.append(glyph(character, x, round(50 * row - rise * x), ("~", 0.25), height=20 + deep))
                x += 12
            words.append(Word.of(glyphs))
            x += 12
        made.append(Line.of(words))
    return Page("scans/letter.jpg", tuple(made), Picture(np.zeros((300, 400, 3), np.uint8), ""))


def points(text: str | None) -> list[tuple[int, int]]:
    numbers = [int(number) for number in re.findall(r"\d+", text or "")]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def box(element: ET.Element) -> Box:
    return Box(*(int(element.attrib[name]) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")))


def test_alto_holds_every_line_word_and_glyph_with_its_box() -> None:
    true = page("dear you", "all is well")
    root = ET.fromstring(true.to_alto())
    for line, element in zip(true.lines, root.iterfind(".//TextLine", ALTO), strict=True):
        assert box(element) == line.box
        for word, string in zip(line.words, element.iterfind("String", ALTO), strict=True):
            assert (string.get("CONTENT"), string.get("WC")) == (word.text, "0.7500")
            assert box(string) == word.box
            glyphs = string.findall("Glyph", ALTO)
            assert [(g.get("CONTENT"), box(g)) for g in glyphs] == [(g.text, g.box) for g in word.glyphs]


def test_alto_has_a_space_between_words_and_none_beside_them() -> None:
    line = next(ET.fromstring(page("dear old friend").to_alto()).iterfind(".//TextLine", ALTO))
    names = [part.tag.partition("}")[2] for part in line]
    assert names == ["Shape", "String", "SP", "String", "SP", "String"]


def test_alternatives_are_variants_in_alto_and_further_texts_in_page() -> None:
    one = Glyph("a", 0.6, Box(5, 5, 9, 9), (("a", 0.6), ("o", 0.3), ("fehu", 0.09), ("x", 0.00001)))
    true = Page("a.png", (Line.of([Word.of([one])]),))
    variants = ET.fromstring(true.to_alto()).findall(".//Variant", ALTO)
    assert [(v.get("CONTENT"), v.get("VC")) for v in variants] == [
        ("o", "0.3000")
    ]  # three characters at most
    texts = ET.fromstring(true.to_page_xml()).findall(".//Glyph/TextEquiv", PAGE)
    assert [(t.get("index"), t.findtext("Unicode", None, PAGE), t.get("conf")) for t in texts] == [
        ("0", "a", "0.6000"),
        ("1", "o", "0.3000"),
        ("2", "fehu", "0.0900"),
    ]


def test_alto_has_no_glyph_of_several_characters_but_its_word() -> None:
    true = Page("runes.png", (Line.of([Word.of([glyph("fehu", 5, 5), glyph("a", 20, 5)])]),))
    root = ET.fromstring(true.to_alto())
    assert [string.get("CONTENT") for string in root.iterfind(".//String", ALTO)] == ["fehua"]
    assert root.find(".//Glyph", ALTO) is None


def test_page_xml_holds_the_text_at_every_level() -> None:
    true = page("dear you", "all is well")
    root = ET.fromstring(true.to_page_xml())

    def texts(path: str) -> list[str | None]:
        return [e.findtext("TextEquiv/Unicode", None, PAGE) for e in root.iterfind(path, PAGE)]

    assert texts(".//TextRegion") == [true.text]
    assert texts(".//TextLine") == [line.text for line in true.lines]
    assert texts(".//Word") == [word.text for line in true.lines for word in line.words]
    assert texts(".//Glyph") == [g.text for g in true.glyphs]


def test_page_xml_boxes_are_the_tree_s() -> None:
    true = page("dear you")
    root = ET.fromstring(true.to_page_xml())
    for one, coords in zip(true.glyphs, root.iterfind(".//Glyph/Coords", PAGE), strict=True):
        x, y, width, height = one.box
        corners = {(x, y), (x + width, y), (x, y + height), (x + width, y + height)}
        assert set(points(coords.get("points"))) == corners


def test_names_are_unique_in_a_file() -> None:
    true = page("dear you", "all is well")
    for text, name in ((true.to_alto(), "ID"), (true.to_page_xml(), "id")):
        names = [e.get(name) for e in ET.fromstring(text).iter() if e.get(name)]
        assert len(names) == len(set(names)) > 7


@pytest.mark.parametrize("rise", [0.0, 0.1, -0.1])
def test_the_baseline_is_where_most_letters_end(rise: float) -> None:
    true = page("my young pupil plays", rise=rise)
    alto = next(ET.fromstring(true.to_alto()).iterfind(".//TextLine", ALTO)).get("BASELINE")
    baseline = points(alto)
    assert baseline == points(
        next(ET.fromstring(true.to_page_xml()).iterfind(".//Baseline", PAGE)).get("points")
    )
    assert all(left < right for (left, _), (right, _) in pairwise(baseline))
    assert (baseline[0][0], baseline[-1][0]) == (
        true.lines[0].box.x,
        true.lines[0].box.x + true.lines[0].box.width,
    )
    for x, y in baseline:
        assert abs(y - (70 - rise * (x - 5))) <= 2.5


def test_the_outline_of_a_line_goes_aslant_with_it() -> None:
    true = page("all along the line", rise=0.2)
    outline = points(
        next(ET.fromstring(true.to_page_xml()).iterfind(".//TextLine/Coords", PAGE)).get("points")
    )
    left, top, width, height = true.lines[0].box
    assert (left, top) not in outline
    assert (left + width, top + height) not in outline
    assert (left + width, top) in outline


@pytest.mark.parametrize("form", ["to_alto", "to_page_xml"])
def test_a_blank_page_is_a_file_without_lines(form: str) -> None:
    blank = Page("blank.png", (), Picture(np.zeros((30, 40, 3), np.uint8), ""))
    root = ET.fromstring(getattr(blank, form)())
    assert not [e for e in root.iter() if e.tag.endswith(("TextLine", "TextBlock", "TextRegion"))]
    sizes = [
        (e.get("WIDTH") or e.get("imageWidth"), e.get("HEIGHT") or e.get("imageHeight")) for e in root.iter()
    ]
    assert ("40", "30") in sizes


@pytest.mark.parametrize("form", ["to_alto", "to_page_xml"])
def test_what_xml_cannot_hold_is_replaced(form: str) -> None:
    odd = Page("a\udcff\x07&<b>.jpg", (Line.of([Word.of([glyph("&", 5, 5), glyph("\x00", 20, 5)])]),))
    text = getattr(odd, form)()
    root = ET.fromstring(text.encode())
    assert "a\ufffd\ufffd&<b>.jpg" in [
        *(e.text for e in root.iter()),
        *(e.get("imageFilename") for e in root.iter()),
    ]
    assert "&amp;\ufffd" in text


def test_ready_cut_characters_have_the_size_of_what_was_read() -> None:
    root = ET.fromstring(Page("cut", page("dear you").lines).to_alto())
    leaf = root.find(".//Page", ALTO)
    assert leaf is not None
    assert (leaf.get("WIDTH"), leaf.get("HEIGHT")) == ("106", "78")


def test_a_page_that_was_read_rests_on_its_baselines(reader: Reader, tmp_path: Path) -> None:
    draw("anchor", "summer air").save(tmp_path / "two.png")  # no letter goes below
    root = ET.fromstring(reader.read(tmp_path / "two.png").to_page_xml())
    for element in root.iterfind(".//TextLine", PAGE):
        ends = [points(c.get("points"))[2][1] for c in element.iterfind("Word/Glyph/Coords", PAGE)]
        for _, y in points(element.find("Baseline", PAGE).get("points")):  # type: ignore[union-attr]
            assert min(ends) - 2 <= y <= max(ends) + 2
