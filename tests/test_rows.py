"""Rows of an alphabet that only this hand has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from unscrawl import Reader
from unscrawl.glyph import prepare
from unscrawl.hand import Character
from unscrawl.image import Picture
from unscrawl.ink import extract
from unscrawl.teach import teach

SIGNS = {
    "tent": [(0, 40, 16, 0), (16, 0, 32, 40)],
    "cross": [(0, 0, 32, 40), (32, 0, 0, 40)],
    "gate": [(0, 0, 0, 40), (0, 20, 30, 20), (30, 0, 30, 40)],
}
"""Labels and strokes (x, y, x, y)."""


def drawn(rows: list[list[str]], shift: int = 0) -> NDArray[np.uint8]:
    """Draw signs with gaps between them, "" for a space: [h, w, 3]."""
    wide = max(map(len, rows)) * 64 + 80
    canvas = Image.new("RGB", (wide, 110 * len(rows) + 60), "white")
    pen = ImageDraw.Draw(canvas)
    for y, row in enumerate(rows):
        for x, label in enumerate(row):
            for x0, y0, x1, y1 in SIGNS.get(label, []):
                left, top = 40 + 64 * x, 40 + 110 * y
                pen.line((left + x0 + shift, top + y0, left + x1, top + y1 + shift), "black", 6)
    return np.asarray(canvas)


def samples() -> Iterator[Character]:
    for label in SIGNS:
        for shift in range(-2, 3):
            ink = extract(Picture(drawn([[label]], shift), label), layout="glyph")
            yield Character(prepare(ink.strength), label)


@pytest.fixture
def runes(reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A reader of the signs."""
    monkeypatch.setenv("UNSCRAWL_HANDS", str(tmp_path))
    teach("runes", (), list(samples()), recogniser=None, glyphs=reader.recogniser, own_alphabet=True)
    return reader.with_hand("runes")


def test_rows_are_read_with_the_labels_of_the_hand(runes: Reader) -> None:
    page = runes.read(drawn([["tent", "gate", "", "cross"], ["cross", "tent", "gate"]]))
    read = [[[glyph.text for glyph in word.glyphs] for word in line.words] for line in page.lines]
    assert read == [[["tent", "gate"], ["cross"]], [["cross", "tent", "gate"]]]


def test_every_sign_is_boxed_where_it_stands(runes: Reader) -> None:
    (line,) = runes.read(drawn([["tent", "gate", "cross"]])).lines
    assert [glyph.box.x // 64 for word in line.words for glyph in word.glyphs] == [0, 1, 2]


def test_one_look_serves_letters_and_signs(reader: Reader, runes: Reader) -> None:
    seen = reader.look(drawn([["tent", "gate"]]))
    assert runes.tell(seen).text.replace(" ", "") == "tentgate"
    assert reader.tell(seen).text != runes.tell(seen).text
