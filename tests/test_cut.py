"""A letter of ready-cut characters: LINE/WORD/GLYPH.png."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from unscrawl import PictureError, Reader
from unscrawl.synth import cut_folder

TEXT = "Dear Laurence\nthe garden is full of roses"


@pytest.mark.parametrize("inverted", [False, True])
def test_case_mixed_at_random_comes_out_in_lower_case(reader: Reader, tmp_path: Path, inverted: bool) -> None:
    written = cut_folder(tmp_path / "letter", TEXT, rng=1, mixed=True)
    assert written != TEXT
    if inverted:
        for file in (tmp_path / "letter").rglob("*.png"):
            cv2.imwrite(str(file), 255 - cv2.imread(str(file), cv2.IMREAD_GRAYSCALE))
    assert reader.read(tmp_path / "letter", layout="cut").text == TEXT.lower()


def test_ordinary_case_is_kept(reader: Reader, tmp_path: Path) -> None:
    cut_folder(tmp_path / "letter", "THE GARDEN IS FULL OF ROSES", rng=1)
    assert reader.read(tmp_path / "letter", layout="cut").text == "THE GARDEN IS FULL OF ROSES"


def test_folders_are_lines_and_words(reader: Reader, tmp_path: Path) -> None:
    cut_folder(tmp_path / "letter", TEXT, rng=1)
    page = reader.read(tmp_path / "letter", layout="cut")
    assert [[len(w.glyphs) for w in line.words] for line in page.lines] == [[4, 8], [3, 6, 2, 4, 2, 5]]


def test_numbers_sort_by_value(reader: Reader, tmp_path: Path) -> None:
    cut_folder(tmp_path / "a", "garden", rng=1)
    for i, file in enumerate(sorted((tmp_path / "a/00/00").iterdir())):
        file.rename(file.with_name(f"{i + 8}.png"))  # 8, 9, 10, 11, …
    assert reader.read(tmp_path / "a", layout="cut").text == "garden"


def test_boxes_lie_on_the_sheet(reader: Reader, tmp_path: Path) -> None:
    cut_folder(tmp_path / "letter", TEXT, rng=1)
    page = reader.read(tmp_path / "letter", layout="cut")
    assert page.picture is not None
    H, W = page.picture.rgb.shape[:2]
    for g in page.glyphs:
        assert g.box.x + g.box.width <= W
        assert g.box.y + g.box.height <= H
        inside = page.picture.rgb[g.box.y : g.box.y + g.box.height, g.box.x : g.box.x + g.box.width]
        assert inside.min() < 128  # the character is there


def test_blank_characters_are_left_out(reader: Reader, tmp_path: Path) -> None:
    cut_folder(tmp_path / "letter", "the", rng=1)
    cv2.imwrite(str(tmp_path / "letter/00/00/99.png"), np.zeros((28, 28), np.uint8))
    assert len(list(reader.read(tmp_path / "letter", layout="cut").glyphs)) == 3


def test_folder_without_that_layout(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(PictureError, match="LINE/WORD/GLYPH"):
        reader.read(tmp_path, layout="cut")


def test_no_such_folder(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no such folder"):
        reader.read(tmp_path / "absent", layout="cut")


def test_broken_character_is_named(reader: Reader, tmp_path: Path) -> None:
    cut_folder(tmp_path / "letter", "the", rng=1)
    (tmp_path / "letter/00/00/01.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"01\.png"):
        reader.read(tmp_path / "letter", layout="cut")
