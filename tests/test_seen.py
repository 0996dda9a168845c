"""What is looked at again where a first look leaves doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unscrawl import Reader
from unscrawl.image import Picture
from unscrawl.ink import extract
from unscrawl.joined import View
from unscrawl.page import Box
from unscrawl.seen import Seen, _Found
from unscrawl.synth import Camera, Paper, Style, letter


@pytest.mark.parametrize(("kind", "count"), [("ruled", 2), ("plain", 1)])
def test_lines_on_ruled_paper_may_be_seen_without_their_rules(reader: Reader, kind: str, count: int) -> None:
    paper = Paper(kind=kind, rule=(90, 110, 170), margin=8)
    seen = reader.look(letter("Dear Edith\nthe boat came home", Style(), paper, Camera(), rng=3).picture)
    assert isinstance(seen, Seen)
    views = [list(of_line) for of_line in seen.views]
    assert [len(of_line) for of_line in views] == [count, count]
    assert [of_line[0] for of_line in views] == seen.strips


def test_lines_beside_the_sheet_have_no_say_in_which_way_up_a_page_is(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = letter("Dear Edith\nthe boat came home\nbefore the storm", rng=3)
    found = _Found.within(extract(Picture(sheet.picture, "")), "page", crops=True)
    edge = replace(found.lines[0], pieces=found.lines[0].pieces[:1])
    long = View(np.zeros((40, 3000), np.uint8), lambda x, y, w, h: Box(0, 0, 1, 1))
    both = replace(found, lines=[edge, *found.lines, edge], views=[long, *found.views, long])
    monkeypatch.setattr("unscrawl.seen.clearness", lambda _, strips: 0.9 if strips[0].any() else 0.0)
    assert reader.line_recogniser is not None
    assert both.clearness(reader.line_recogniser) == 0.9


@pytest.mark.parametrize(("upright", "lying"), [(0.93, 2), (0.96, 0)])
def test_a_short_page_is_tried_the_other_way_up_unless_it_is_very_clear(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, upright: float, lying: int
) -> None:
    sheet = letter("Dear Edith\nthe boat came home\nbefore the storm", rng=3)
    seen = iter([upright] * 3 + [1.0] * 3)
    monkeypatch.setattr("unscrawl.seen.clearness", lambda *_: next(seen))
    assert reader.look(sheet.picture).quarters == lying
