"""The page generator: one seed gives one page, and the truth fits the ink."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from unscrawl.alphabet import ALPHABET
from unscrawl.errors import DataError, OptionError, OutputError
from unscrawl.page import Box
from unscrawl.synth import (
    Camera,
    Paper,
    Style,
    bundled_fonts,
    cut_folder,
    letter,
    letter_from_glyphs,
    mix_case,
)
from unscrawl.synth.__main__ import make
from unscrawl.synth.hands import FontHand, extent
from unscrawl.synth.strokes import repen, stroke_width

SMALL = Style(x_height=14)
SCAN = Paper(texture=0)
SNAPSHOT = Camera(tilt=4, perspective=0.02, desk=0.08, light=0.3, shadow=0.3, blur=0.6, noise=3, jpeg=80)
EVEN = Style(
    fonts=bundled_fonts()[:1], x_height=20, shift=0, rotation=0, scale=0, wobble=0, waver=0, spacing=0
)


def dark(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return picture.mean(axis=2) < 170


def inside(box: Box) -> tuple[slice, slice]:
    return slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)


def bars(characters: str) -> dict[str, list[NDArray[np.uint8]]]:
    """Glyph pictures that are one upright bar each."""
    bar = np.zeros((64, 64), np.uint8)
    bar[4:60, 24:40] = 255
    return {c: [bar] for c in characters}


def test_one_seed_gives_one_page() -> None:
    first, second = (letter("Dear Max", SMALL, Paper(fold=0.5, stain=0.5), SNAPSHOT, rng=3) for _ in range(2))
    assert np.array_equal(first.picture, second.picture)
    assert first.page == second.page


def test_another_seed_gives_another_page() -> None:
    first, second = (letter("Dear Max", SMALL, rng=seed).picture for seed in (1, 2))
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_the_same_letter_is_never_written_twice_alike() -> None:
    sheet = letter("aaaaaa", SMALL, SCAN)
    shapes = [sheet.picture[inside(g.box)] for g in sheet.glyphs]
    assert all(a.shape != b.shape or not np.array_equal(a, b) for a, b in pairwise(shapes))


def test_text_is_what_was_asked_for_with_single_spaces() -> None:
    sheet = letter("  Dear  Max,\nit is  10% off!\n", SMALL)
    assert sheet.text == "Dear Max,\nit is 10% off!"
    assert [len(line.words) for line in sheet.lines] == [2, 4]


def test_random_looks_write_the_text_too() -> None:
    rng = np.random.default_rng(5)
    sheet = letter("We met\nat 9.", Style.random(rng), Paper.random(rng), Camera.random(rng), rng)
    assert sheet.text == "We met\nat 9."


def test_no_ink_lies_outside_the_boxes() -> None:
    sheet = letter("Big jug,\nquiz; @ 5%", SMALL, SCAN)
    ink = dark(sheet.picture)
    for glyph in sheet.glyphs:
        ink[inside(glyph.box)] = False
    assert not ink.any()


@pytest.mark.parametrize("camera", [Camera(), SNAPSHOT, Camera(tilt=-10, blur=0.5)])
def test_every_box_fits_its_ink(camera: Camera) -> None:
    style = Style(fonts=bundled_fonts()[:1], x_height=18, tracking=0.8)
    sheet = letter("T h e c a t s", style, SCAN, Camera(**{**vars(camera), "shadow": 0, "light": 0}))
    for glyph in sheet.glyphs:
        rows, columns = np.nonzero(dark(sheet.picture[inside(glyph.box)]))
        margins = (
            rows.min(),
            columns.min(),
            glyph.box.height - 1 - rows.max(),
            glyph.box.width - 1 - columns.max(),
        )
        assert max(margins) <= 2, glyph


def test_boxes_of_words_and_lines_hold_their_glyphs() -> None:
    sheet = letter("my dog\nruns", SMALL, camera=SNAPSHOT)
    for line in sheet.lines:
        for word in line.words:
            for glyph in word.glyphs:
                for outer in (word.box, line.box):
                    assert outer.x <= glyph.box.x
                    assert outer.y <= glyph.box.y
                    assert outer.x + outer.width >= glyph.box.x + glyph.box.width
                    assert outer.y + outer.height >= glyph.box.y + glyph.box.height


def test_tilt_turns_the_line_clockwise() -> None:
    glyphs = letter("xxxxxxxxxxxxxxxxxxxx", EVEN, SCAN, Camera(tilt=6)).glyphs
    first, last = glyphs[0].box, glyphs[-1].box
    assert (last.y - first.y) / (last.x - first.x) == pytest.approx(np.tan(np.deg2rad(6)), abs=0.015)


def test_a_tilted_page_without_desk_fills_the_picture() -> None:
    picture = letter("on and on and on", SMALL, SCAN, Camera(tilt=12, perspective=0.03)).picture
    assert min(picture[y, x].min() for y in (0, -1) for x in (0, -1)) > 220


def test_the_desk_lies_around_the_page() -> None:
    picture = letter("hello", SMALL, SCAN, Camera(desk=0.2, desk_colour=(40, 30, 20))).picture
    assert max(picture[y, x].mean() for y in (0, -1) for x in (0, -1)) < 120


def test_light_ink_on_dark_paper_is_lighter_than_the_paper() -> None:
    style = Style(ink=(235, 235, 230), x_height=20)
    sheet = letter("n", style, Paper(colour=(40, 50, 48), texture=0))
    assert sheet.picture[inside(sheet.glyphs[0].box)].max() > 150 > 60 > np.median(sheet.picture)


def test_rules_run_under_the_writing() -> None:
    ruled = letter("nun", EVEN, Paper(kind="ruled", texture=0, rule=(0, 0, 255)))
    rows = np.flatnonzero(ruled.picture[:, 2, 0] < 150)
    box = ruled.glyphs[0].box
    assert np.abs(rows - (box.y + box.height)).min() <= 3


def test_the_pen_decides_the_width_of_the_stroke() -> None:
    ink = [dark(letter("wow", Style(x_height=30, pen=pen), SCAN).picture).sum() for pen in (0.1, 0.25)]
    assert ink[1] > 1.6 * ink[0]


def test_stroke_width_of_a_bar_is_its_width() -> None:
    bar = np.zeros((80, 80), np.uint8)
    bar[5:75, 30:42] = 255
    assert stroke_width(bar) == pytest.approx(11, abs=1.5)


def test_repen_moves_both_edges_of_a_bar() -> None:
    bar = np.zeros((40, 40), np.uint8)
    bar[:, 15:25] = 255
    assert (repen(bar, 3.0)[20] > 127).sum() == 16
    assert (repen(bar, -2.0)[20] > 127).sum() == 6


def test_real_characters_get_their_relative_sizes_back() -> None:
    style = Style(
        x_height=30, pen=None, shift=0, rotation=0, scale=0, wobble=0, waver=0, spacing=0, tracking=0.3
    )
    sheet = letter_from_glyphs("xXp,", bars("xXp,"), style, SCAN)
    x, capital, p, comma = (g.box for g in sheet.glyphs)
    foot = x.y + x.height
    assert capital.height / x.height == pytest.approx(1.65, abs=0.1)
    assert capital.y + capital.height == pytest.approx(foot, abs=2)
    assert p.y == pytest.approx(x.y, abs=2)
    assert p.y + p.height > foot + 0.5 * x.height
    assert comma.height < 0.6 * x.height


def test_an_i_pictured_without_its_dot_is_as_low_as_an_x() -> None:
    style = Style(x_height=30, pen=None, rotation=0, scale=0, wobble=0)
    x, i = (g.box for g in letter_from_glyphs("xi", bars("xi"), style, SCAN).glyphs)
    assert i.height == pytest.approx(x.height, abs=2)


def test_every_character_of_the_alphabet_has_a_size() -> None:
    assert all(top > bottom for top, bottom in map(extent, ALPHABET))


def test_a_character_without_picture_is_named() -> None:
    with pytest.raises(DataError, match="'z'"):
        letter_from_glyphs("xz", bars("x"))


def test_a_character_the_font_lacks_is_named() -> None:
    with pytest.raises(DataError, match="Ж"):
        letter("Ж")


def test_a_file_that_is_no_font_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.ttf").write_bytes(b"no font")
    with pytest.raises(DataError, match=r"x\.ttf"):
        letter("a", Style(fonts=(tmp_path / "x.ttf",)))


@pytest.mark.parametrize("path", bundled_fonts(), ids=lambda path: path.stem)
def test_bundled_fonts_draw_the_alphabet_and_bring_their_licence(path: Path) -> None:
    hand = FontHand(path, 20)
    assert all(hand.draw(c, np.random.default_rng(0)).ink.max() > 200 for c in ALPHABET)
    assert "licen" in path.with_suffix(".txt").read_text(encoding="utf-8").lower()
    assert path.stat().st_size < 40_000


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Style(x_height=1),
        lambda: Style(pen=2),
        lambda: Paper(kind="papyrus"),
        lambda: Paper(fold=-1),
        lambda: Camera(tilt=90),
        lambda: Camera(jpeg=0),
        lambda: letter(" \n "),
        lambda: letter("x" * 2000),
    ],
)
def test_options_that_do_not_fit_are_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(OptionError):
        wrong()


def test_cut_folder_is_laid_out_by_line_word_and_glyph(tmp_path: Path) -> None:
    assert cut_folder(tmp_path / "out", "to me\n\nok") == "to me\nok"
    names = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.png"))
    assert names == [
        "00/00/00.png",
        "00/00/01.png",
        "00/01/00.png",
        "00/01/01.png",
        "01/00/00.png",
        "01/00/01.png",
    ]


def test_cut_glyphs_are_white_on_black_as_in_mnist(tmp_path: Path) -> None:
    cut_folder(tmp_path / "out", "Ok")
    for path in (tmp_path / "out").rglob("*.png"):
        glyph = np.asarray(Image.open(path))
        assert glyph.shape == (28, 28)
        assert glyph.max() > 200
        assert not np.any([glyph[0], glyph[-1], glyph[:, 0], glyph[:, -1]])


def test_cut_folder_takes_pictures_as_they_are(tmp_path: Path) -> None:
    cut_folder(tmp_path / "out", "x", bars("x"))
    glyph = np.asarray(Image.open(tmp_path / "out/00/00/00.png"))
    rows, columns = np.nonzero(glyph > 127)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 6)


def test_mixed_case_changes_nothing_but_case() -> None:
    text = "the geese came back at 9"
    mixed = mix_case(text, 1)
    assert mixed != text
    assert mixed.lower() == text


def test_cut_folder_returns_the_case_it_wrote(tmp_path: Path) -> None:
    written = cut_folder(tmp_path / "out", "dear laurence", rng=4, mixed=True)
    assert written.lower() == "dear laurence"
    assert written not in ("dear laurence", "DEAR LAURENCE")


def test_cut_folder_does_not_write_into_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    with pytest.raises(OptionError, match="not an empty folder"):
        cut_folder(tmp_path, "hello")


def test_cut_folder_leaves_no_half_letter(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        cut_folder(tmp_path / "out", "xz", bars("x"))
    assert not (tmp_path / "out").exists()


def test_cut_folder_names_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        cut_folder(tmp_path / "file" / "out", "hi")


def test_the_command_writes_page_text_and_truth(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(make)
    (tmp_path / "text").write_text("Hi Max", encoding="utf-8")
    result = CliRunner().invoke(app, [str(tmp_path / "o"), "--count", "1", "--text", str(tmp_path / "text")])
    assert result.exit_code == 0
    assert {p.name for p in (tmp_path / "o").iterdir()} == {"page-00.jpg", "page-00.txt", "page-00.json"}
    assert (tmp_path / "o/page-00.txt").read_text(encoding="utf-8") == "Hi Max\n"


def test_the_command_says_what_it_cannot_read(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(make)
    result = CliRunner().invoke(app, [str(tmp_path / "o"), "--text", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert not (tmp_path / "o").exists()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(ALPHABET, min_size=1, max_size=4), min_size=1, max_size=4), st.integers(0, 99))
def test_any_text_keeps_its_characters_and_stays_in_the_picture(words: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sheet = letter(" ".join(words), Style(x_height=8), Paper(), Camera.random(rng), rng)
    height, width = sheet.picture.shape[:2]
    assert "".join(g.text for g in sheet.glyphs) == "".join(words)
    for x, y, w, h in (g.box for g in sheet.glyphs):
        assert 0 <= x < x + w <= width
        assert 0 <= y < y + h <= height
