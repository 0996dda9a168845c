"""Which reading of a line is believed."""

from __future__ import annotations

import pytest

from unscrawl.choice import is_writing, surer
from unscrawl.page import Box, Glyph, Line, Word


def line(text: str, confidence: float = 0.9) -> Line:
    return Line.of(
        Word.of(Glyph(c, confidence, Box(10 * i, 0, 8, 12)) for i, c in enumerate(word))
        for word in text.split()
    )


def test_the_surer_of_two_readings_that_agree_is_taken() -> None:
    whole, apart = line("Dear Edilh"), line("Dear Edith")
    assert surer((whole, 0.8), (apart, 0.9), spoken=True) is apart
    assert surer((whole, 0.95), (apart, 0.9), spoken=True) is whole


def test_reading_by_characters_that_shares_little_with_the_line_is_nonsense() -> None:
    whole, apart = line("we came home"), line("uuc camcboruc rn")
    assert surer((whole, 0.5), (line("x1 lll0 jj"), 0.99), spoken=True) is whole
    assert surer((whole, 0.99), (apart, 0.5), spoken=True) is whole


def test_reading_by_characters_stands_alone_where_the_line_gave_none() -> None:
    apart = line("A7")
    assert surer((None, 0.0), (apart, 0.4), spoken=True) is apart
    assert surer((None, 0.0), None, spoken=True) is None


def test_without_a_language_readings_by_characters_are_surer_than_they_say() -> None:
    whole, apart = line("Dear Edilh"), line("Dear Edith")
    assert surer((whole, 0.9), (apart, 0.82), spoken=False) is apart
    assert surer((whole, 0.9), (apart, 0.82), spoken=True) is whole


@pytest.mark.parametrize(
    ("text", "confidence", "expected"),
    [("Dear Edith", 0.5, True), ("Dear Edith", 0.3, False), ("ab", 0.5, False), ("ab", 0.7, True)],
)
def test_what_is_hardly_read_is_no_writing_and_short_lines_must_be_surer(
    text: str, confidence: float, expected: bool
) -> None:
    assert is_writing(line(text, confidence)) is expected
