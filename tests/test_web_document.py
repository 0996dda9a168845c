"""Readings and corrections: what stands, what is carried on, what is learnt from."""

from __future__ import annotations

from typing import Any

import pytest

from unscrawl.web.carry import carry, changes
from unscrawl.web.document import compose, correct_line, corrected_export, right_text, share_out, vouched
from unscrawl.web.records import Correction, PageRow, Reading
from unscrawl.web.refused import RefusedError


def word(text: str, x: int, width: int, y: int = 0, sure: float = 0.9) -> dict[str, Any]:
    step = width / max(len(text), 1)
    glyphs = [
        {"text": c, "confidence": sure, "box": [round(x + i * step), y, round(step), 20], "alternatives": []}
        for i, c in enumerate(text)
    ]
    return {"text": text, "confidence": sure, "box": [x, y, width, 20], "glyphs": glyphs}


def result(*lines: list[dict[str, Any]]) -> dict[str, Any]:
    made = [
        {
            "text": " ".join(w["text"] for w in words),
            "confidence": 0.9,
            "box": [0, y, 400, 20],
            "words": words,
        }
        for words in lines
        for y in [words[0]["box"][1]]
    ]
    return {"source": "a.png", "text": "\n".join(m["text"] for m in made), "confidence": 0.9, "lines": made}


def reading(read: dict[str, Any], *corrections: tuple[int, int, str | None]) -> Reading:
    row = PageRow("key", "a.png", "page", 0.0, 400, 100, None, 1, "")
    made = {(i, j): Correction(i, j, 1, text, 1, 0.0) for i, j, text in corrections}
    return Reading(row, read, made)


TWO = result([word("be", 0, 40), word("fore", 50, 60), word("noon", 150, 80)])


def test_corrected_text_replaces_what_was_read() -> None:
    page = compose(reading(TWO, (0, 2, "moon")))
    assert (page["text"], page["corrected"]) == ("be fore moon", 1)


def test_struck_out_word_leaves_the_text() -> None:
    assert compose(reading(TWO, (0, 0, None)))["text"] == "fore noon"


def test_correction_taken_back_no_longer_stands() -> None:
    last = reading(TWO, (0, 2, "moon"))
    last.corrections[0, 2] = Correction(0, 2, 2, None, 0, 0.0)
    assert compose(last)["text"] == "be fore noon"


def test_doubtful_word_is_settled_by_confirming_it() -> None:
    doubtful = result([word("noon", 0, 80, sure=0.3)])
    assert compose(reading(doubtful))["doubtful"] == 1
    assert compose(reading(doubtful, (0, 0, "noon")))["doubtful"] == 0


@pytest.mark.parametrize(
    ("read", "right", "shares"),
    [
        (["be", "fore", "noon"], "before noon", [None, "before", "noon"]),
        (["agood", "day"], "a good day", ["a good", "day"]),
        (["one", "two"], "three four", ["three", "four"]),
        (["dear", "x", "Max"], "dear Max", ["dear", None, "Max"]),
    ],
)
def test_line_is_shared_out_among_its_words(read: list[str], right: str, shares: list[str | None]) -> None:
    assert share_out(read, right) == shares


def test_corrected_line_confirms_its_right_words() -> None:
    edits = list(correct_line(reading(TWO), 0, "be fore moon", [0, 0, 0]))
    assert [edit.text for edit in edits] == ["be", "fore", "moon"]


def test_export_agrees_with_itself() -> None:
    line = corrected_export(reading(TWO, (0, 1, "four"), (0, 0, None)))["lines"][0]
    words = ["".join(glyph["text"] for glyph in w["glyphs"]) for w in line["words"]]
    assert (line["text"], words) == ("four noon", ["four", "noon"])


def test_export_of_a_longer_word_has_one_glyph_around_it() -> None:
    (glyph,) = corrected_export(reading(TWO, (0, 0, "bee")))["lines"][0]["words"][0]["glyphs"]
    assert (glyph["text"], glyph["box"]) == ("bee", [0, 0, 40, 20])


def test_correction_goes_with_its_ink_when_words_move() -> None:
    new = result([word("he", 0, 40), word("for", 52, 30), word("e", 85, 20), word("noon", 150, 80)])
    edits, homeless = carry(reading(TWO, (0, 2, "moon")), new)
    assert ([(e.line, e.word, e.text) for e in edits], homeless) == ([(0, 3, "moon")], [])


def test_corrections_of_words_that_are_now_one_come_together() -> None:
    new = result([word("before", 0, 110), word("noon", 150, 80)])
    edits, _ = carry(reading(TWO, (0, 0, "be-"), (0, 1, "fore")), new)
    assert [(e.word, e.text) for e in edits] == [(0, "be- fore")]


def test_correction_of_a_word_that_is_now_two_keeps_its_text() -> None:
    new = result([word("be", 0, 40), word("fo", 50, 25), word("re", 80, 30), word("noon", 150, 80)])
    last = reading(TWO, (0, 1, "forest"))
    edits, _ = carry(last, new)
    assert sorted((e.word, e.text) for e in edits if e.text) in ([(1, "forest")], [(2, "forest")])
    assert {e.word for e in edits} == {1, 2}


def test_correction_without_a_word_is_told() -> None:
    new = result([word("be", 0, 40), word("fore", 50, 60)])
    assert carry(reading(TWO, (0, 2, "moon")), new) == ([], ["moon"])


def test_lines_that_became_one_give_each_word_one_correction() -> None:
    old = result([word("one", 0, 40)], [word("two", 100, 40, y=5)])
    new = result([word("one", 0, 40), word("two", 100, 40)])
    edits, _ = carry(reading(old, (0, 0, "won"), (1, 0, "too")), new)
    assert sorted((e.word, e.text) for e in edits) == [(0, "won"), (1, "too")]


def test_blank_new_reading_makes_all_corrections_homeless() -> None:
    assert carry(reading(TWO, (0, 0, "bee")), result()) == ([], ["bee"])


def test_changes_count_the_corrections_that_are_no_longer_needed() -> None:
    new = result([word("be", 0, 40), word("four", 50, 60), word("moon", 150, 80)])
    differ, saved, wrong = changes(reading(TWO, (0, 2, "moon"), (0, 1, "form"), (0, 0, "be")), new)
    assert [(c["before"], c["after"]) for c in differ] == [("fore", "four"), ("noon", "moon")]
    assert (saved, wrong) == (1, 2)


def test_only_words_that_somebody_looked_at_teach() -> None:
    line = [
        word("my", 0, 20),
        word("frlend", 30, 60, sure=0.4),
        word("rne", 100, 30, sure=0.4),
        word("x", 140, 9),
    ]
    taught = vouched(reading(result(line, [word("sure", 0, 40, y=50)]), (0, 1, "friend")))
    ((box, text, glyphs),) = taught
    assert (box, text) == ((0, 0, 90, 20), "my friend")
    assert (glyphs[0], "".join(label for _, label in glyphs)) == (((30, 0, 10, 20), "f"), "friend")


@pytest.mark.parametrize("text", ["", "  ", "\u200b\u202e \ufeff", "a\x00b", "\ud800", "x" * 201])
def test_text_that_nobody_can_have_written_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        right_text(text)
    assert refused.value.status == 422


def test_invisible_marks_in_a_text_are_dropped() -> None:
    assert right_text("\u202ede\u00adar\u200b Edi\u200dth\ufeff") == "dear Edith"


def test_text_is_brought_into_one_form() -> None:
    assert right_text(" cafe\u0301  au lait ") == "café au lait"
