"""The result tree, and the reader that grows it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from conftest import draw
from unscrawl import Box, Glyph, Line, Page, Reader, Word


def _word(text: str, confidence: float = 0.5) -> Word:
    box = Box(1, 2, 3, 4)
    return Word(tuple(Glyph(c, confidence, box, ((c, confidence), ("?", 0.1))) for c in text), box)


def _page() -> Page:
    box = Box(0, 0, 9, 9)
    return Page("a.png", (Line((_word("Dear"), _word("£5", 1.0)), box), Line((_word("x"),), box)))


def test_text_has_a_space_between_words_and_a_newline_between_lines() -> None:
    assert _page().text == "Dear £5\nx"


def test_confidence_is_the_mean_over_glyphs() -> None:
    assert _page().confidence == (4 * 0.5 + 2 * 1.0 + 0.5) / 7


def test_blank_page_has_no_text_and_no_confidence() -> None:
    page = Page("blank.png")
    assert (page.text, page.confidence, list(page.glyphs)) == ("", 0.0, [])


def test_glyphs_come_in_reading_order() -> None:
    assert "".join(glyph.text for glyph in _page().glyphs) == "Dear£5x"


def test_export_is_plain_json() -> None:
    page = _page()
    assert json.loads(json.dumps(page.export())) == page.export()
    assert json.loads(page.to_json()) == page.export()


def test_json_is_one_line_in_which_marks_stay_readable() -> None:
    line = _page().to_json()
    assert "\n" not in line
    assert "£" in line


def test_reader_takes_path_bytes_file_array_and_image_alike(reader: Reader, tmp_path: Path) -> None:
    picture = draw("any source")
    path = tmp_path / "any.png"
    picture.save(path)
    with path.open("rb") as file:
        sources = [path, str(path), path.read_bytes(), file, np.asarray(picture), picture]
        pages = [reader.read(source, name="any") for source in sources]
    assert pages == [pages[0]] * len(sources)


def test_source_is_the_path_as_given(reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw("a").save("a.png")
    assert reader.read("./a.png").source == "./a.png"


def test_threads_share_a_reader(reader: Reader) -> None:
    pictures = [draw("first thread", "reads this"), draw("second thread")] * 2
    alone = [reader.read(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(reader.read, pictures)) == alone


def test_page_of_a_reader_renders(reader: Reader) -> None:
    page = reader.read(draw("render me"))
    assert page.picture is not None
    overlay = page.render()
    assert overlay.height >= page.picture.rgb.shape[0]
