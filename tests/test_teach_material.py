"""What is given for teaching: where a result was corrected, and what is called what."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from conftest import draw
from unscrawl.page import Box, Glyph, Line, Page, Word
from unscrawl.teach.material import Material, gather

Result = dict[str, Any]


def result() -> Result:
    """The result of a picture with one line, read as "the qulck fox"."""
    ranked = {c: ((c, 0.7 + 0.01 * i), ("i", 0.2), ("z", 0.05)) for i, c in enumerate("thequlckfox")}
    words = []
    for i, text in enumerate(["the", "qulck", "fox"]):
        words.append(Word.of(Glyph.of(c, ranked[c], Box(40 + 230 * i, 20, 30, 60)) for c in text))
    return Page("a.png", (Line.of(words),)).export()


def in_page(of: Result, text: str) -> None:
    of["text"] = text


def in_line(of: Result, text: str) -> None:
    of["lines"][0]["text"] = text


def in_words(of: Result, text: str) -> None:
    for word, right in zip(of["lines"][0]["words"], text.split(), strict=True):
        word["text"] = right


def in_glyphs(of: Result, text: str) -> None:
    for word, right in zip(of["lines"][0]["words"], text.split(), strict=True):
        for glyph, c in zip(word["glyphs"], right, strict=True):
            glyph["text"] = c


def bare(of: Result) -> None:
    """Leave the texts and the line's box, and nothing else."""
    for word in of["lines"][0]["words"]:
        del word["confidence"]
        for glyph in word["glyphs"]:
            del glyph["confidence"], glyph["alternatives"]


@pytest.fixture
def taught(tmp_path: Path) -> Callable[[Result], Material]:
    """Gather what a result teaches."""
    draw("the quick fox").save(tmp_path / "a.png")

    def gathered(of: Result) -> Material:
        (tmp_path / "a.json").write_text(json.dumps(of))
        return gather([tmp_path / "a.json"], lambda strips: [""] * len(strips))

    return gathered


Places = Sequence[Callable[[Result, str], None]]
Taught = Callable[[Result], Material]
ALL: Places = (in_page, in_line, in_words, in_glyphs)


@pytest.mark.parametrize("number", range(16))
def test_a_correction_is_taught_wherever_it_was_made(taught: Taught, number: int) -> None:
    of = result()
    for i, place in enumerate(ALL):
        if number >> i & 1:
            place(of, "the quick fox")
    material = taught(of)
    assert [line.text for line in material.lines] == ["the quick fox" if number else "the qulck fox"]
    assert material.left_out == []


@pytest.mark.parametrize("places", [(in_page, in_glyphs), (in_line, in_words), (in_words, in_glyphs)])
def test_two_corrections_that_differ_teach_nothing(taught: Taught, places: Places) -> None:
    of = result()
    for place, text in zip(places, ("the quick fox", "the qulck box"), strict=True):
        place(of, text)
    material = taught(of)
    assert (material.lines, material.left_out) == ([], [("a.png, line 1", "it was corrected in two ways")])


def test_corrected_glyphs_of_one_word_and_text_of_another_teach_nothing(taught: Taught) -> None:
    of = result()
    for place in ALL[:3]:
        place(of, "the quick fox")
    in_glyphs(of, "the qulck box")
    assert taught(of).left_out == [("a.png, line 1", "it was corrected in two ways")]


@pytest.mark.parametrize("places", [ALL[:1], ALL[:2], ALL[1:2], ALL[2:3]])
def test_without_alternatives_text_is_corrected_beside_glyphs_that_something_agrees_with(
    taught: Taught, places: Places
) -> None:
    of = result()
    bare(of)
    for place in places:
        place(of, "the quick fox")
    assert [line.text for line in taught(of).lines] == ["the quick fox"]


@pytest.mark.parametrize("places", [ALL[:3], ALL[3:]])
def test_without_alternatives_glyphs_that_stand_alone_teach_nothing(taught: Taught, places: Places) -> None:
    of = result()
    bare(of)
    for place in places:
        place(of, "the quick fox")
    material = taught(of)
    assert (material.lines, len(material.left_out)) == ([], 1)
    assert "which of them was corrected cannot be told" in material.left_out[0][1]


def test_a_glyph_taken_out_does_not_pass_for_what_was_read(taught: Taught) -> None:
    of = result()
    del of["lines"][0]["words"][1]["glyphs"][0]
    material = taught(of)
    assert (material.lines, len(material.left_out)) == ([], 1)


def test_a_result_without_a_text_of_the_page_teaches_its_lines(taught: Taught) -> None:
    of = result()
    del of["text"]
    assert [line.text for line in taught(of).lines] == ["the qulck fox"]


def test_a_character_that_was_made_nothing_is_nothing(taught: Taught) -> None:
    of = result()
    of["lines"][0]["words"][1]["glyphs"][2]["text"] = None
    assert [line.text for line in taught(of).lines] == ["the quck fox"]


def test_a_page_corrected_into_more_lines_does_not_teach_what_was_read(taught: Taught) -> None:
    of = result()
    in_page(of, "the quick\nfox")
    material = taught(of)
    assert (material.lines, len(material.left_out)) == ([], 1)
    assert "another number of lines" in material.left_out[0][1]
