"""A transcription finds its lines, however badly the page was read; what is doubtful is said to be so."""

from __future__ import annotations

import numpy as np
import pytest

from unscrawl.teach.matching import match

TEXT = """It was the best of times,
it was the worst of times, it was
the age of wisdom, it was the age
of foolishness, and nobody in the
whole village knew which one would
come after the long winter"""
LINES = TEXT.splitlines()


def misread(line: str, share: float, seed: int) -> str:
    """Replace, drop and double characters at random."""
    rng = np.random.default_rng(seed)
    out = []
    for c in line:
        if rng.random() < share:
            c = ["", "".join(rng.choice(list("aeinrtslu"), 1)), c + "n"][rng.integers(3)]
        out.append(c)
    return "".join(out)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_every_line_finds_its_text(share: float) -> None:
    found = match([misread(line, share, i) for i, line in enumerate(LINES)], TEXT)
    assert [m.text for m in found] == LINES


def test_a_line_that_was_not_found_on_the_page_is_skipped() -> None:
    found = match([misread(line, 0.2, i) for i, line in enumerate(LINES) if i != 2], TEXT)
    assert [m.text for m in found if not m.doubt] == [line for i, line in enumerate(LINES) if i != 2]


def test_a_line_of_the_page_without_text_is_left_out() -> None:
    found = match([*LINES[:2], "xq zzkw pqxv kkz", *LINES[2:]], TEXT)
    assert [m.line for m in found if m.doubt] == [2]
    assert [m.text for m in found if not m.doubt] == LINES


def test_two_equal_lines_keep_their_order() -> None:
    found = match(["Amen", "Amen"], "Amen\nAmen")
    assert [(m.line, m.text, m.doubt) for m in found] == [(0, "Amen", ""), (1, "Amen", "")]


@pytest.mark.parametrize("share", [0.0, 0.15])
def test_running_text_is_cut_where_lines_end(share: float) -> None:
    found = match([misread(line, share, i) for i, line in enumerate(LINES)], TEXT.replace("\n", " "))
    assert [m.text for m in found if not m.doubt] == LINES


def test_the_text_of_another_page_is_doubted_throughout() -> None:
    other = (
        "Die Würde des Menschen\nist unantastbar. Sie zu\nachten und zu schützen\nist Pflicht aller\nGewalt"
    )
    found = match(LINES, other)
    assert all(m.doubt for m in found)


@pytest.mark.parametrize("text", ["", " \n \n"])
def test_no_text_leaves_every_line_out(text: str) -> None:
    assert all(m.doubt for m in match(LINES, text))


def test_a_blank_page_has_no_matches() -> None:
    assert match([], TEXT) == []
