"""Which reading of a line is believed."""

from __future__ import annotations

import pytest

from unscrawl.choice import is_beyond_doubt, is_writing, surer
from unscrawl.page import Box, Glyph, Line, Word


def line(text: str, confidence: float = 0.9, *, rivals: dict[str, str] | None = None, y: int = 0) -> Line:
    """Return a line; a character's rival, if it has one, gets what is left of its probability."""
    rivals = rivals or {}

    def glyph(i: int, c: str) -> Glyph:
        rest = ((rivals[c], 1 - confidence),) if c in rivals else ()
        return Glyph(c, confidence, Box(10 * i, y, 8, 12), ((c, confidence), *rest))

    places = iter(range(len(text)))
    return Line.of(Word.of(glyph(next(places), c) for c in word) for word in text.split())


def text(read: Line | None) -> str:
    assert read is not None
    return read.text


def test_the_surer_of_two_readings_that_agree_is_taken() -> None:
    whole, apart = line("Dear Edilh"), line("Dear Edith")
    assert text(surer((whole, 0.8), (apart, 0.9), spoken=True)) == "Dear Edith"
    assert text(surer((whole, 0.95), (apart, 0.9), spoken=True)) == "Dear Edilh"


def test_words_are_parted_as_in_the_surer_reading() -> None:
    whole, apart = line("Dear Edith"), line("DearEdith")
    assert text(surer((whole, 0.9), (apart, 0.8), spoken=True)) == "Dear Edith"
    assert text(surer((whole, 0.8), (apart, 0.9), spoken=True)) == "DearEdith"


def test_a_character_in_doubt_is_settled_by_the_other_reading() -> None:
    whole = line("coffeel", 0.6, rivals={"l": "!"})
    apart = line("coffee!", 0.95, rivals={"!": "l"})
    read = surer((whole, 0.95), (apart, 0.94), spoken=True)
    assert text(read) == "coffee!"


def test_two_readings_that_agree_on_a_character_are_surer_of_it_together() -> None:
    whole, apart = line("Edith", 0.7, rivals={"d": "a"}), line("Edith", 0.7, rivals={"d": "o"})
    read = surer((whole, 0.9), (apart, 0.89), spoken=True)
    assert read is not None
    pooled = read.words[0].glyphs[1]
    assert pooled.text == "d"
    assert pooled.confidence > 0.9
    assert sum(p for _, p in pooled.alternatives) == pytest.approx(1)


def test_an_accent_which_only_the_whole_line_can_show_stays() -> None:
    read = surer((line("café", 0.6), 0.8), (line("cafe", 0.99), 0.9), spoken=True)
    assert text(read) == "café"


def test_characters_in_different_places_have_no_say_in_each_other() -> None:
    whole, apart = line("coffeel", 0.6, rivals={"l": "!"}), line("coffee!", 0.95, rivals={"!": "l"}, y=40)
    assert text(surer((whole, 0.95), (apart, 0.94), spoken=True)) == "coffeel"


def test_reading_by_characters_that_shares_little_with_the_line_is_nonsense() -> None:
    whole, apart = line("we came home"), line("uuc camcboruc rn")
    assert surer((whole, 0.5), (line("x1 lll0 jj"), 0.99), spoken=True) is whole
    assert text(surer((whole, 0.99), (apart, 0.5), spoken=True)) == "we came home"


def test_reading_by_characters_stands_alone_where_the_line_gave_none() -> None:
    apart = line("A7")
    assert text(surer((None, 0.0), (apart, 0.4), spoken=True)) == "A7"
    assert surer((None, 0.0), None, spoken=True) is None


def test_without_a_language_readings_by_characters_are_surer_than_they_say() -> None:
    whole, apart = line("Dear Edilh"), line("Dear Edith")
    assert text(surer((whole, 0.9), (apart, 0.82), spoken=False)) == "Dear Edith"
    assert text(surer((whole, 0.9), (apart, 0.82), spoken=True)) == "Dear Edilh"


def test_one_character_in_doubt_is_enough_to_look_at_them_apart() -> None:
    sure, doubtful = line("Dear", 0.99), Line.of([*line("Dear", 0.99).words, *line("l", 0.7).words])
    assert is_beyond_doubt((sure, 0.99), spoken=True)
    assert not is_beyond_doubt((sure, 0.99), spoken=False)
    assert not is_beyond_doubt((doubtful, 0.99), spoken=True)
    assert not is_beyond_doubt((None, 0.0), spoken=True)


@pytest.mark.parametrize(
    ("text", "confidence", "expected"),
    [
        ("Dear Edith", 0.5, True),
        ("Dear Edith", 0.3, False),
        ("ab", 0.5, False),
        ("ab", 0.7, True),
        ("-- = .", 0.9, False),
        ("- 5 -", 0.9, True),
    ],
)
def test_what_is_hardly_read_or_only_strokes_is_no_writing_and_short_lines_must_be_surer(
    text: str, confidence: float, expected: bool
) -> None:
    assert is_writing(line(text, confidence)) is expected


def test_what_only_the_reading_by_characters_sees_is_half_as_sure() -> None:
    read = surer((None, 0.0), (line("!!", 0.8, rivals={"!": "l"}), 0.8), spoken=True)
    assert read is not None
    assert read.text == "!!"
    assert read.confidence == pytest.approx(0.4)
    assert dict(read.words[0].glyphs[0].alternatives) == pytest.approx({"!": 0.4, "l": 0.1})
