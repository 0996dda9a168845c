"""What is looked at again where a first look leaves doubt."""

from __future__ import annotations

import pytest

from unscrawl import Reader
from unscrawl.seen import Seen
from unscrawl.synth import Camera, Paper, Style, letter


@pytest.mark.parametrize(("kind", "count"), [("ruled", 2), ("plain", 1)])
def test_lines_on_ruled_paper_may_be_seen_without_their_rules(reader: Reader, kind: str, count: int) -> None:
    paper = Paper(kind=kind, rule=(90, 110, 170), margin=8)
    seen = reader.look(letter("Dear Edith\nthe boat came home", Style(), paper, Camera(), rng=3).picture)
    assert isinstance(seen, Seen)
    views = [list(of_line) for of_line in seen.views]
    assert [len(of_line) for of_line in views] == [count, count]
    assert [of_line[0] for of_line in views] == seen.strips
