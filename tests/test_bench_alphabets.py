"""What the measuring of new alphabets draws, sets in rows and counts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from unscrawl import Reader
from unscrawl.synth.hands import FontHand, bundled_fonts

BENCH = Path(__file__).parents[1] / "bench"
if not BENCH.is_dir():
    pytest.skip("measuring scripts are not in the source distribution", allow_module_level=True)
sys.path.insert(0, str(BENCH))

import alphabets  # noqa: E402
import teaching  # noqa: E402


def sign(character: str, seed: int) -> alphabets.Pictures:
    """A character of a handwriting font as the shared data have it, moved a little: [64, 64]."""
    rng = np.random.default_rng(seed)
    ink = FontHand(bundled_fonts()[0], 30).draw(character, rng).ink[:56, :56]
    picture = np.zeros((64, 64), np.uint8)
    top, left = (64 - np.array(ink.shape)) // 2 + rng.integers(-2, 3, 2)
    picture[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return picture


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eleven pictures each of six capitals."""
    (tmp_path / "glyphs_eval").mkdir()
    labels = np.repeat(list("AEHKOX"), 11)
    x = np.stack([sign(c, i) for i, c in enumerate(labels)])
    np.savez(tmp_path / "glyphs_eval/phone_dev.npz", x=x, label=labels)
    return tmp_path


def test_symbols_are_read_upright_and_mirrored(data: Path, reader: Reader) -> None:
    rows = list(alphabets.measure(reader, data, ["phone"], draws=1))
    assert [(row.mirrored, row.taught, row.symbols) for row in rows] == [
        (mirrored, taught, 6) for mirrored in (True, False) for taught in (3, 5, 10)
    ]
    assert {(row.read, row.set) for row in rows} == {(6, 18)}
    assert all(alone >= 80 and together >= 80 for alone, together in (row.shares for row in rows))


def test_mirroring_swaps_rows_and_columns(data: Path) -> None:
    one, other = (alphabets.load(data, "phone", mirrored=mirrored)["K"] for mirrored in (False, True))
    assert np.array_equal(one.transpose(0, 2, 1), other)


def test_symbols_with_enough_pictures_are_drawn_where_there_are_as_many() -> None:
    many = {chr(65 + i): np.zeros((11 if i < 20 else 6, 1, 1), np.uint8) for i in range(26)}
    assert "".join(alphabets.drawn(many, np.random.default_rng(0))) == "ABCDEFGHIJKLMNOPQRST"
    few = {c: pictures[:6] for c, pictures in many.items()}
    assert len(alphabets.drawn(few, np.random.default_rng(0))) == 20


def test_a_row_holds_its_signs_apart_and_in_order() -> None:
    square = np.zeros((64, 64), np.uint8)
    square[4:60, 4:60] = 255
    row = alphabets.written([square] * 7, np.random.default_rng(0))
    inked = (row < 128).any(axis=0).astype(int)
    starts, ends = np.flatnonzero(np.diff(inked) == 1), np.flatnonzero(np.diff(inked) == -1)
    gaps = starts[1:] - ends[:-1]
    assert len(starts) == 7
    assert int(gaps.argmax()) == alphabets.WORD - 1


def test_figures_are_written_beside_their_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = alphabets.Row("runes", True, True, 5, 20, 200, 190, 60, 6, 0.5)
    teaching.tell(alphabets.summary([row]), [row], tmp_path / "a.json")
    line = "mirrored, 5 samples, mean of 1: 95.0 ± 0.0 % one by one (n = 200), 90.0 ± 0.0 % in rows (n = 60)"
    assert capsys.readouterr().out == line + "\n"
    told = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert (told["summary"], told["rows"][0]["right"]) == ([line], 190)
