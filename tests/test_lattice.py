"""The lattice of glyph hypotheses over hand-made pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unscrawl.lattice import hypotheses
from unscrawl.layout import LineInk, Piece


def _line(widths: list[int], gaps: list[int], cuts: list[float] | None = None) -> LineInk:
    """Solid blocks 20 px high on a baseline at y = 50; x-height 20."""
    x, pieces = 10, []
    for width, gap in zip(widths, [0, *gaps], strict=True):
        x += gap
        pieces.append(Piece(x, 30, np.full((20, width), 255, np.uint8)))
        x += width
    odds = np.array([1.0, *(cuts or [0.5] * len(gaps))], np.float32)
    return LineInk(tuple(pieces), odds, np.zeros(len(pieces), np.float32), (50.0, 0.0), 20.0)


def test_each_piece_alone_is_a_hypothesis() -> None:
    found = hypotheses(_line([90, 90, 90], [60, 60]))
    assert [(h.start, h.stop) for h in found] == [(0, 1), (1, 2), (2, 3)]


def test_neighbours_are_joined_in_order_of_start_and_stop() -> None:
    found = hypotheses(_line([10, 10, 10], [2, 2]))
    assert [(h.start, h.stop) for h in found] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_nothing_is_joined_across_a_wide_gap() -> None:
    found = hypotheses(_line([8, 8], [25]))
    assert all(h.stop - h.start == 1 for h in found)


def test_nothing_wider_than_a_character_is_joined() -> None:
    found = hypotheses(_line([25, 25, 25], [1, 1]))
    assert (0, 3) not in {(h.start, h.stop) for h in found}


def test_joined_ink_is_that_of_all_pieces_in_their_places() -> None:
    joined = next(h for h in hypotheses(_line([10, 6], [4])) if h.stop - h.start == 2)
    assert (joined.x, joined.y, joined.ink.shape) == (10, 30, (20, 20))
    assert joined.ink.any(axis=0).tolist() == [True] * 10 + [False] * 4 + [True] * 6


def test_heights_are_measured_from_the_baseline_in_x_heights() -> None:
    (only,) = hypotheses(_line([10], []))
    assert (only.top, only.bottom) == pytest.approx((1.0, 0.0))


def test_priors_of_a_path_count_each_boundary_once() -> None:
    found = {(h.start, h.stop): h.prior for h in hypotheses(_line([8, 8, 8], [1, 1], [0.7, 0.2]))}
    apart = found[0, 1] + found[1, 2] + found[2, 3]
    assert apart == pytest.approx(np.log(0.7) + np.log(0.2), abs=1e-5)
    assert found[0, 1] + found[1, 3] == pytest.approx(np.log(0.7) + np.log(0.8), abs=1e-5)
    assert found[0, 3] == pytest.approx(np.log(0.3) + np.log(0.8), abs=1e-5)


def test_certain_odds_leave_every_path_open() -> None:
    found = hypotheses(_line([8, 8], [1], [1.0]))
    assert all(np.isfinite(h.prior) for h in found)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(-3, 50)), min_size=1, max_size=25))
def test_a_path_leads_from_end_to_end_and_the_lattice_stays_small(blocks: list[tuple[int, int]]) -> None:
    line = _line([w for w, _ in blocks], [g for _, g in blocks[1:]])
    found = hypotheses(line)
    reached = {0}
    for h in found:
        if h.start in reached:
            reached.add(h.stop)
    assert len(blocks) in reached
    assert len(found) < 6 * len(blocks)
