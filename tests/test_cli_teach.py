"""`unscrawl teach` and `unscrawl hands`: from folders to a hand and back, every mistake told in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Ran, draw
from unscrawl.cli.teach import tell
from unscrawl.hand import Hand
from unscrawl.synth.hands import FontHand, bundled_fonts
from unscrawl.teach import Report

Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder for hands."""
    monkeypatch.setenv("UNSCRAWL_HANDS", str(tmp_path / "hands"))


def symbols(folder: Path, letters: str = "ABE", copies: int = 3) -> Path:
    """Write pictures of characters in class folders, named x1, x2, …"""
    hand = FontHand(bundled_fonts()[0], 60)
    for i, letter in enumerate(letters, start=1):
        (folder / f"x{i}").mkdir(parents=True)
        ink = np.pad(hand.draw(letter, np.random.default_rng(0)).ink, 20)
        for copy in range(copies):
            Image.fromarray(255 - np.roll(ink, copy, 0)).save(folder / f"x{i}" / f"{copy}.png")
    return folder


def test_a_new_alphabet_from_folders(unscrawl: Run, tmp_path: Path) -> None:
    ran = unscrawl("teach", "runes", symbols(tmp_path / "s"), "--alphabet", "new")
    assert (ran.code, ran.err) == (0, "")
    assert "9 characters" in ran.out
    assert Hand.load("runes").own_alphabet


def test_taking_the_last_teaching_back(unscrawl: Run, tmp_path: Path) -> None:
    unscrawl("teach", "runes", symbols(tmp_path / "s"), "--alphabet", "new")
    unscrawl("teach", "runes", symbols(tmp_path / "t", "KWX"), "--alphabet", "new")
    assert "holds 0 lines and 9 characters" in unscrawl("teach", "runes", "--undo").out
    assert "no such hand any longer" in unscrawl("teach", "runes", "--undo").out
    assert unscrawl("teach", "runes", "--undo").code == 2


def test_a_hand_travels_as_one_file(unscrawl: Run, tmp_path: Path) -> None:
    unscrawl("teach", "runes", symbols(tmp_path / "s"), "--alphabet", "new")
    assert unscrawl("hands", "export", "runes").out == "runes.hand\n"
    assert unscrawl("hands", "forget", "runes").code == 0
    assert unscrawl("hands", "list").out == ""
    assert unscrawl("hands", "import", "runes.hand", "--name", "other").code == 0
    assert unscrawl("hands", "list").out.startswith("other\t0 lines, 9 characters, an alphabet of its own")
    assert "x1 x2 x3" in unscrawl("hands", "show", "other").out


def test_a_page_with_its_text(unscrawl: Run, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    draw("first line of it", "second line here").save(tmp_path / "p" / "page.png")
    (tmp_path / "p" / "page.txt").write_text("first line of it\nsecond line here\n")
    ran = unscrawl("teach", "andrew", tmp_path / "p" / "page.png")
    taught = {s.text for s in Hand.load("andrew").lines}
    assert taught <= {"first line of it", "second line here"}
    assert len(taught) + len(ran.complaints) == 2


def test_the_rest_of_a_letter_may_come_along(unscrawl: Run, tmp_path: Path) -> None:
    draw("the quick brown fox").save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("the quick brown fox\n")
    draw("jumps over it all", "and then sleeps").save(tmp_path / "rest.png")
    assert unscrawl("teach", "andrew", "a.png", "--also", "rest.png").code == 0
    assert [s.text for s in Hand.load("andrew").lines] == ["the quick brown fox"]


def test_the_rest_of_a_letter_teaches_nothing_beside_mere_characters(unscrawl: Run, tmp_path: Path) -> None:
    draw("and then sleeps").save(tmp_path / "rest.png")
    ran = unscrawl("teach", "andrew", symbols(tmp_path / "s"), "--alphabet", "new", "--also", "rest.png")
    assert (ran.code, len(ran.complaints)) == (2, 1)
    for i, letter in enumerate("ABE", start=1):
        (tmp_path / "s" / f"x{i}").rename(tmp_path / "s" / letter)
    ran = unscrawl("teach", "andrew", tmp_path / "s", "--also", "rest.png")
    assert ran.complaints == ["unscrawl: rest.png: left out: no line with its text goes with it"]


def test_a_corrected_result_teaches_the_corrected_text(unscrawl: Run, tmp_path: Path) -> None:
    draw("the quick brown fox").save(tmp_path / "a.png")
    result = json.loads(unscrawl("read", "a.png", "--format", "json").out)
    result["lines"][0]["text"] = "the quick brown fox"
    (tmp_path / "a.json").write_text(json.dumps(result))
    assert unscrawl("teach", "andrew", "a.json").code == 0
    assert [s.text for s in Hand.load("andrew").lines] == ["the quick brown fox"]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("andrew", [], "name something to learn from"),
        ("andrew", ["missing"], "no such file or folder"),
        ("andrew", ["alone.png"], "its text is missing"),
        ("andrew", ["empty"], "nothing to learn from"),
        ("andrew", ["broken.json"], "is not JSON"),
        ("andrew", ["nested.json"], "is not JSON"),
        ("andrew", ["other.json"], "is not a result of"),
        ("andrew", ["endless.json"], "box are missing"),
        ("andrew", ["text.png"], "not a sound picture"),
        ("andrew", ["line.png", "--also", "text.png"], "not a sound picture"),
        ("andrew", ["line.png", "--also", "missing"], "no such file"),
        ("andrew", ["--undo", "--also", "line.png"], "--also goes with lines"),
        ("andrew", ["--again", "--also", "line.png"], "--also goes with lines"),
        ("andrew", ["line.png", "--alphabet", "new", "--also", "line.png"], "--also goes with lines"),
        ("../x", ["--undo"], "cannot be the name of a hand"),
        ("../x", ["alone.png"], "cannot be the name of a hand"),
        ("andrew", ["--again"], "no hand is called 'andrew'"),
    ],
)
def test_bad_input_is_one_line_each_and_changes_nothing(
    unscrawl: Run, tmp_path: Path, name: str, arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    draw("alone").save(tmp_path / "alone.png")
    draw("line").save(tmp_path / "line.png")
    (tmp_path / "line.txt").write_text("line")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "nested.json").write_text("[" * 100_000)
    (tmp_path / "other.json").write_text("[1]")
    line = '{"text": "a", "words": [], "box": [1e999, 0, 9, 9]}'
    (tmp_path / "endless.json").write_text(f'{{"source": "alone.png", "lines": [{line}]}}')
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "text.txt").write_text("no picture")
    ran = unscrawl("teach", name, *arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert any(message in line for line in ran.complaints)
    assert Hand.names() == []


def test_a_thorough_teaching_says_how_much_was_taught(unscrawl: Run, tmp_path: Path) -> None:
    (tmp_path / "lines").mkdir()
    draw("the age of wisdom").save(tmp_path / "lines" / "a.png")
    (tmp_path / "lines" / "a.txt").write_text("the age of wisdom")
    ran = unscrawl("teach", "andrew", tmp_path / "lines", "--thorough")
    assert (ran.code, ran.err) == (0, "")
    assert "taught: its last layers, not the whole network" in ran.out


def test_what_a_teaching_has_lost_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Hand("andrew"), 1, 0, (), None, None, None, None, True, 1.0, shallower=True, dropped=3)
    tell(report, thorough=False)
    told = capsys.readouterr().out
    assert "--again --thorough" in told
    assert "3 of the lines taught first are no longer kept" in told
