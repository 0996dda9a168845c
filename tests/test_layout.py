"""Lines, pieces and the odds of boundaries, on small drawn pages."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.ink import Ink
from unscrawl.layout import LineInk, find_lines
from unscrawl.layout.components import Component, components
from unscrawl.layout.holes import without_holes
from unscrawl.layout.lines import Track
from unscrawl.layout.part import without_offshoots

X = 24  # height of a small letter in px


def _ink(canvas: NDArray[np.uint8]) -> Ink:
    height, width = canvas.shape
    return Ink(canvas, (canvas > 127).astype(np.uint8), np.eye(2, 3), (width, height))


def _write(rows: list[str], pitch: int = 80, step: int = 30, slope: float = 0.0, wave: float = 0.0) -> Ink:
    """Draw rows of o (small), l (tall), p (below the line), i (with a dot) and . with gaps between."""
    width = 60 + max(len(r) for r in rows) * step
    canvas = np.zeros((120 + pitch * len(rows), width), np.uint8)
    for n, row in enumerate(rows):
        for k, c in enumerate(row):
            x = 30 + k * step
            y = int(80 + pitch * n + slope * x + wave * np.sin(x / 90))
            if c in "op":
                cv2.ellipse(canvas, (x + 9, y - X // 2), (9, X // 2 - 1), 0, 0, 360, 255, 4)
            if c == "p":
                cv2.line(canvas, (x, y - X), (x, y + 16), 255, 4)
            if c == "l":
                cv2.line(canvas, (x + 9, y), (x + 9, y - 40), 255, 4)
            if c == "i":
                cv2.line(canvas, (x + 9, y), (x + 9, y - X), 255, 4)
                cv2.circle(canvas, (x + 9, y - 37), 3, 255, -1)
            if c == ".":
                cv2.circle(canvas, (x + 3, y - 3), 3, 255, -1)
    return _ink(canvas)


def _counts(lines: list[LineInk]) -> list[int]:
    return [sum(line.cuts > 0.5) for line in lines]


@pytest.mark.parametrize(("slope", "wave"), [(0.0, 0.0), (0.035, 0.0), (-0.035, 0.0), (0.0, 8.0)])
def test_rows_of_letters_become_lines_in_reading_order(slope: float, wave: float) -> None:
    rows = ["olo pool olopo", "opo", "lopolo loo oolo lo"]
    lines = find_lines(_write(rows, slope=slope, wave=wave))
    assert _counts(lines) == [len(r.replace(" ", "")) for r in rows]


def test_spaces_stand_where_words_end() -> None:
    (line,) = find_lines(_write(["oolo lop oool"]))
    starts = [i for i, p in enumerate(line.breaks) if p > 0.5]
    assert starts == [4, 7]


def test_one_evenly_spaced_word_has_no_spaces() -> None:
    (line,) = find_lines(_write(["ooloopool"], step=38))
    assert line.breaks.max() < 0.5


def test_a_word_has_no_breaks_at_all() -> None:
    (line,) = find_lines(_write(["oo loo"]), layout="word")
    assert not line.breaks.any()


def test_a_dot_is_one_piece_with_its_stem() -> None:
    (line,) = find_lines(_write(["oioio"]))
    assert len(line.pieces) == 5


def test_a_full_stop_is_kept_on_its_line() -> None:
    lines = find_lines(_write(["oloo.", "oloo"], pitch=64))
    assert [len(line.pieces) for line in lines] == [5, 4]


def test_specks_are_dropped() -> None:
    ink = _write(["oloo"])
    ink.mask[5, 5] = ink.mask[30, 60] = 1
    (line,) = find_lines(ink)
    assert len(line.pieces) == 4


def test_baseline_and_x_height_follow_the_small_letters() -> None:
    (line,) = find_lines(_write(["oolpo oplo ooo polo"], slope=0.02))
    a, b = line.baseline
    assert b == pytest.approx(0.02, abs=0.006)
    assert a + b * 200 == pytest.approx(80 + 0.02 * 200, abs=4)
    assert line.x_height == pytest.approx(X, rel=0.2)


def test_a_line_of_capitals_takes_its_x_height_from_the_page() -> None:
    lines = find_lines(_write(["oolo pool oo", "llllll", "opol oolo"]))
    assert lines[1].x_height == pytest.approx(X, rel=0.25)


def test_touching_letters_are_cut_at_the_join() -> None:
    (line,) = find_lines(_write(["oo oo olo"], step=19))
    # Two rings that share a wall: the cut lies between them, at a third to two thirds of the width.
    wide = [p for p in line.pieces if p.ink.shape[1] > 1.7 * X]
    assert not wide
    assert ((line.cuts > 0.02) & (line.cuts < 0.9)).any()


def test_a_letter_that_hangs_into_the_next_line_is_parted_from_it() -> None:
    ink = _write(["ooolooo", "ooolooo"], pitch=64)
    cv2.line(ink.mask, (30 + 90 + 9, 78), (30 + 90 + 9, 110), 1, 4)  # from the upper l down to the lower one
    ink.strength[ink.mask > 0] = 255
    lines = find_lines(ink)
    assert _counts(lines) == [7, 7]


def test_words_of_two_lines_that_touch_are_parted_with_all_their_letters() -> None:
    ink = _write(["oooo ooooo oo"] * 3, pitch=50)
    for x in (46, 136, 256):  # tails from the second line's letters down into the third's
        cv2.line(ink.mask, (x, 128), (x, 160), 1, 4)
    cv2.line(ink.mask, (30, 120), (420, 120), 1, 2)  # and its letters all joined
    ink.strength[ink.mask > 0] = 255
    lines = find_lines(ink)
    tops = [min(p.y + p.ink.shape[0] for p in line.pieces) for line in lines]
    assert len(lines) == 3
    assert tops == sorted(tops)
    assert _counts(lines)[2] == 11


def test_a_word_between_the_lines_is_a_line_of_its_own() -> None:
    ink = _write(["olooo oolo olooo oloo", "ooloo looo ooloo ooo"], pitch=90)
    small = _write(["oooooo"]).mask[60:84:1, 25:215]
    ink.mask[94:118, 200:390] |= small
    ink.strength[ink.mask > 0] = 255
    assert _counts(find_lines(ink)) == [18, 6, 17]


def test_loops_of_tall_letters_are_no_line() -> None:
    ink = _write(["ooo oolo oooo ooo", "ooo oooo oooo oo"], pitch=110)
    cv2.ellipse(ink.mask, (219, 26), (14, 20), 0, 0, 360, 1, 3)  # on top of the l
    ink.strength[ink.mask > 0] = 255
    assert len(find_lines(ink)) == 2


def test_the_weave_of_the_paper_is_not_taken_for_letters() -> None:
    ink = _write(["oolo loo oooo oolo", "loo oolo ooo oloo"])
    rng = np.random.default_rng(0)
    for y, x in zip(
        rng.integers(0, ink.mask.shape[0] - 5, 200), rng.integers(0, ink.mask.shape[1], 200), strict=True
    ):
        ink.mask[y : y + 5, x] = 1
    ink.strength[ink.mask > 0] = 255
    lines = find_lines(ink)
    assert len(lines) == 2
    assert lines[0].x_height == pytest.approx(X, rel=0.25)


def test_dirt_at_the_edge_of_the_page_lengthens_no_line() -> None:
    ink = _write(["ooloo ooo", "oolo loooo"])
    canvas = np.zeros((ink.mask.shape[0], ink.mask.shape[1] + 300), np.uint8)
    canvas[:, 300:] = ink.strength
    canvas[60:96, 2:6] = 255
    assert min(p.x for line in find_lines(_ink(canvas)) for p in line.pieces) > 300


def test_the_baseline_follows_a_bent_line() -> None:
    (line,) = find_lines(_write(["oolo looo ooloo oool ooooo"], wave=6.0))
    x = np.arange(60.0, 720.0, 30.0)
    assert np.abs(line.course(x) - (80 + 6 * np.sin(x / 90))).max() < 0.2 * X


def test_pieces_hold_only_their_own_ink_and_all_of_it() -> None:
    ink = _write(["olo pool", "oipo l."])
    drawn = np.zeros(ink.strength.shape, np.int64)
    for line in find_lines(ink):
        for p in line.pieces:
            drawn[p.y : p.y + p.ink.shape[0], p.x : p.x + p.ink.shape[1]] += p.ink
    assert np.array_equal(drawn, ink.strength)


def test_two_columns_are_read_one_after_the_other() -> None:
    left = ["oolo loo oo"] * 5
    ink = _write([row + " " * 8 + "ooooo oo oooo" for row in left])
    lines = find_lines(ink)
    assert len(lines) == 10
    assert [line.pieces[0].x < 300 for line in lines] == [True] * 5 + [False] * 5


def _starts(lines: list[LineInk]) -> list[tuple[bool, int]]:
    """Tell of each line whether it begins on the left, and in which row."""
    return [(line.pieces[0].x < 300, round((line.baseline[0] - 80) / 80)) for line in lines]


def test_columns_end_where_a_line_crosses_their_gutter() -> None:
    both = "oolo loo oo" + " " * 8 + "ooooo oo oooo"
    lines = find_lines(
        _write(["lool loo olooo lo oooo oo oooo", *[both] * 3, "lool loo olooo lo oooo oo oooo"])
    )
    left, right = ([(side, row) for row in (1, 2, 3)] for side in (True, False))
    assert _starts(lines) == [(True, 0), *left, *right, (True, 4)]


def test_columns_with_lines_at_other_heights_are_read_one_after_the_other() -> None:
    left, right = _write(["oolo loo oo"] * 6).strength, _write(["oolo loo oo"] * 3, pitch=104).strength
    canvas = np.zeros((len(left), 2 * left.shape[1] + 120), np.uint8)
    canvas[:, : left.shape[1]] = left
    canvas[50 : 50 + len(right), -right.shape[1] :] = right
    lines = find_lines(_ink(canvas))
    assert [line.pieces[0].x < 300 for line in lines] == [True] * 6 + [False] * 3


def test_entries_of_a_table_are_read_across() -> None:
    assert len(find_lines(_write(["oolo" + " " * 8 + "oooo" + " " * 8 + "oolo"] * 5))) == 5


def test_entries_of_a_table_seen_aslant_are_read_across() -> None:
    left, right = _write(["oolo oo"] * 6).strength, _write(["oooo lo"] * 6, pitch=77).strength
    canvas = np.zeros((len(left), 2 * left.shape[1] + 200), np.uint8)
    canvas[:, : left.shape[1]] = left
    canvas[18 : 18 + len(right), -right.shape[1] :] = right[: len(canvas) - 18]
    lines = find_lines(_ink(canvas))
    assert [len(line.pieces) for line in lines] == [12] * 6


def test_what_stands_a_little_higher_in_a_row_comes_after_what_is_left_of_it() -> None:
    left, right = _write(["oolo"] * 3).strength, _write(["oooo lo oo lo"] * 3).strength
    canvas = np.zeros((len(left) + 20, left.shape[1] + right.shape[1] + 1200), np.uint8)
    canvas[20:, : left.shape[1]] = left
    canvas[: len(right), -right.shape[1] :] = right
    starts = [line.pieces[0].x < 300 for line in find_lines(_ink(canvas))]
    assert starts == [True, False] * 3


def test_a_date_and_a_signature_on_the_right_make_no_column() -> None:
    rows = [
        " " * 20 + "oolo oo",
        "oolo loo",
        *["oolo loo oo oooo lo oo olo"] * 4,
        " " * 18 + "olo oo",
        " " * 20 + "loo",
    ]
    lines = find_lines(_write(rows))
    assert [row for _, row in _starts(lines)] == list(range(8))


@pytest.mark.parametrize("layout", ["page", "line", "word"])
def test_blank_paper_has_no_lines(layout: str) -> None:
    assert find_lines(_ink(np.zeros((60, 80), np.uint8)), layout=layout) == []


def test_a_single_letter_is_a_line() -> None:
    (line,) = find_lines(_write(["o"]))
    assert len(line.pieces) == 1
    assert line.cuts.tolist() == [1.0]


def test_layout_line_gives_one_line_however_the_ink_lies() -> None:
    assert len(find_lines(_write(["oo", "oo"]), layout="line")) == 1


def test_noise_ends_in_reasonable_time() -> None:
    noise = (np.random.default_rng(0).random((200, 200)) > 0.7).astype(np.uint8) * np.uint8(255)
    lines = find_lines(_ink(noise))
    assert all(np.isfinite(line.x_height) and line.x_height > 0 for line in lines)


def test_small_print_beside_large_writing_is_read_line_by_line() -> None:
    large = _write(["olo olo olo olo olo olo"] * 4)
    print_ = cv2.resize(_write(["oo oo oo oo oo"] * 3, pitch=60).strength, None, fx=0.34, fy=0.34)
    canvas = np.pad(large.strength, ((170, 0), (0, 0)))
    canvas[10 : 10 + len(print_), 40 : 40 + print_.shape[1]] |= print_
    lines = find_lines(_ink(canvas))
    assert _counts(lines) == [10, 10, 10, 18, 18, 18, 18]


def test_bits_of_the_pages_edge_are_no_lines() -> None:
    canvas = np.pad(_write(["olo olo olo", "olo olo olo"]).strength, ((60, 60), (60, 60)))
    cv2.rectangle(canvas, (200, 0), (420, 5), 255, -1)
    for y in (20, 110, 190, 250):
        cv2.line(canvas, (0, y), (12, y), 255, 4)
    assert _counts(find_lines(_ink(canvas))) == [9, 9]


def test_holes_along_the_edge_of_a_notebook_are_no_writing() -> None:
    canvas = np.pad(_write(["olo olo olo olo"] * 4).strength, ((0, 0), (80, 0)))
    for n in range(9):
        cv2.circle(canvas, (40 + n, 20 + 44 * n), 10, 255, -1)
    lines = find_lines(_ink(canvas))
    assert _counts(lines) == [12] * 4
    assert min(p.x for line in lines for p in line.pieces) > 80


def test_spots_that_stand_in_no_even_row_are_kept() -> None:
    spots = [Component(i, 40, y, 20, 20, 314) for i, y in enumerate((20, 64, 150, 180, 300, 330, 420))]
    assert without_holes(spots, 40.0) == spots


def test_an_even_row_of_spots_amid_the_writing_is_kept() -> None:
    spots = [Component(i, 40, 20 + 44 * i, 20, 20, 314) for i in range(8)]
    beside = [Component(8 + i, x, 20 + 44 * i, 20, 20, 150) for i in range(8) for x in (5, 90)]
    assert len(without_holes([*spots, *beside], 40.0)) == 24


def test_what_is_left_of_rules_is_no_line() -> None:
    canvas = np.pad(_write(["olo olo olo olo"] * 3).strength, ((0, 0), (0, 200)))
    for y in (30, 330):
        cv2.line(canvas, (canvas.shape[1] - 190, y), (canvas.shape[1] - 60, y), 255, 3)
    assert _counts(find_lines(_ink(canvas))) == [12] * 3


def test_bits_of_bent_rules_are_no_lines_and_part_no_columns() -> None:
    left = ["oolo loo oo"] * 5
    canvas = _write([row + " " * 14 + "ooooo oo oooo" for row in left]).strength
    for y in range(100, 420, 80):
        cv2.ellipse(canvas, (570, y + 30), (190, 40), 0, 215, 325, 255, 2)
    lines = find_lines(_ink(canvas))
    assert [line.pieces[0].x < 300 for line in lines] == [True] * 5 + [False] * 5


def test_a_frame_drawn_around_the_lines_is_no_part_of_them() -> None:
    canvas = np.pad(_write(["olo olo olo olo"] * 5).strength, ((40, 0), (40, 40)))
    height, width = canvas.shape
    cv2.rectangle(canvas, (30, 30), (width - 20, height - 20), 255, 3)
    lines = find_lines(_ink(canvas))
    assert _counts(lines) == [12] * 5
    assert min(p.x for line in lines for p in line.pieces) > 40


def test_a_course_along_the_tops_of_a_long_line_is_dropped() -> None:
    canvas = np.zeros((200, 1000), np.uint8)
    cv2.line(canvas, (20, 160), (980, 160), 1, 4)
    for x in range(30, 980, 20):
        cv2.line(canvas, (x, 150), (x, 170), 1, 4)
    for x in (100, 350, 600, 700, 900):
        cv2.line(canvas, (x, 60), (x, 160), 1, 4)
    labels, parts = components(canvas)
    ends = np.array([30.0, 970.0])
    line, tops = (Track(ends, np.full(2, y), 0.0) for y in (160.0, 90.0))
    assert without_offshoots([tops, line], labels, parts, 30.0) == [line]
