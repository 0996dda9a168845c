"""`unscrawl read`: what goes in, what comes out, and where."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from conftest import LETTER, Ran, draw
from unscrawl import Page, Reader

Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three pictures whose names sort differently as text and as numbers, and other things."""
    folder = tmp_path_factory.mktemp("notes")
    draw("ten", size=32).save(folder / "note-10.png")
    draw("two", size=32).save(folder / "note-2.jpg", quality=95)
    draw("one", size=32).save(folder / "note-1.PNG", "PNG")
    (folder / "readme.txt").write_text("no picture")
    draw("hidden").save(folder / ".hidden.png")
    draw("drawn by us").save(folder / "note-1.overlay.png")
    (folder / "more").mkdir()
    draw("six", size=32).save(folder / "more" / "note-6.png")
    return folder


@pytest.fixture(scope="module")
def letter() -> dict[str, Any]:
    """The example letter as `unscrawl read --format json` gives it."""
    command = [sys.executable, "-m", "unscrawl", "read", str(LETTER), "--format", "json"]
    ran = subprocess.run(command, capture_output=True, check=True)
    page: dict[str, Any] = json.loads(ran.stdout)
    return page


def test_text_of_one_picture_stands_alone(unscrawl: Run, notes: Path) -> None:
    ran = unscrawl("read", notes / "note-2.jpg")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("\n")
    assert "==>" not in ran.out


def test_lines_come_in_reading_order(unscrawl: Run, tmp_path: Path) -> None:
    draw("first line", "second line").save(tmp_path / "page.png")
    assert unscrawl("read", "page.png").out.splitlines() == ["first line", "second line"]


def test_several_pictures_are_told_apart_by_headings(unscrawl: Run, notes: Path) -> None:
    one, two = notes / "note-1.PNG", notes / "note-2.jpg"
    alone = [unscrawl("read", source).out for source in (one, two)]
    together = unscrawl("read", one, two).out
    assert together == f"==> {one} <==\n{alone[0]}\n==> {two} <==\n{alone[1]}"


def test_folder_is_read_in_natural_order_without_its_subfolders(unscrawl: Run, notes: Path) -> None:
    ran = unscrawl("read", notes, "--format", "json")
    names = [Path(json.loads(line)["source"]).name for line in ran.out.splitlines()]
    assert names == ["note-1.PNG", "note-2.jpg", "note-10.png"]


def test_pattern_the_shell_left_alone_is_matched_in_subfolders_too(unscrawl: Run, notes: Path) -> None:
    ran = unscrawl("read", f"{notes}/**/note-[26].*g", "--format", "json")
    names = [Path(json.loads(line)["source"]).name for line in ran.out.splitlines()]
    assert sorted(names) == ["note-2.jpg", "note-6.png"]


def test_pattern_leaves_out_what_we_drew_ourselves(unscrawl: Run, tmp_path: Path) -> None:
    draw("one", size=32).save(tmp_path / "one.png")
    first = unscrawl("read", "*.png", "--overlay")
    assert (tmp_path / "one.overlay.png").exists()
    assert unscrawl("read", "*.png", "--overlay") == first


def test_file_whose_name_looks_like_a_pattern_is_itself(unscrawl: Run, tmp_path: Path) -> None:
    draw("odd", size=32).save(tmp_path / "scan[1].png")
    assert unscrawl("read", "scan[1].png").code == 0


def test_standard_input_is_a_source(unscrawl: Run, notes: Path) -> None:
    picture = notes / "note-2.jpg"
    ran = unscrawl("read", "-", "--format", "json", stdin=picture.read_bytes())
    from_file = json.loads(unscrawl("read", picture, "--format", "json").out)
    assert json.loads(ran.out) == from_file | {"source": "-"}


def test_json_is_one_object_a_picture_in_the_order_given(unscrawl: Run, notes: Path) -> None:
    given = [str(notes / "note-10.png"), str(notes / "note-1.PNG")]
    ran = unscrawl("read", *given, "--format", "json")
    assert [json.loads(line)["source"] for line in ran.out.splitlines()] == given


def test_json_holds_the_promised_tree(letter: dict[str, Any]) -> None:
    assert list(letter) == ["source", "text", "confidence", "lines"]
    assert letter["text"] == "\n".join(line["text"] for line in letter["lines"])
    assert len(letter["lines"]) > 1
    for line in letter["lines"]:
        assert list(line) == ["text", "confidence", "box", "words"]
        assert line["text"] == " ".join(word["text"] for word in line["words"])
        for word in line["words"]:
            assert list(word) == ["text", "confidence", "box", "glyphs"]
            assert word["text"] == "".join(glyph["text"] for glyph in word["glyphs"])
            for glyph in word["glyphs"]:
                assert list(glyph) == ["text", "confidence", "box", "alternatives"]


def test_json_boxes_lie_in_the_picture_and_in_each_other(letter: dict[str, Any]) -> None:
    with Image.open(LETTER) as picture:
        frame = [0, 0, *picture.size]
    for line in letter["lines"]:
        assert _inside(line["box"], frame)
        for word in line["words"]:
            assert _inside(word["box"], line["box"])
            assert all(_inside(glyph["box"], word["box"]) for glyph in word["glyphs"])


def _inside(inner: list[int], outer: list[int]) -> bool:
    return (
        inner[2] > 0
        and inner[3] > 0
        and inner[0] >= outer[0]
        and inner[1] >= outer[1]
        and inner[0] + inner[2] <= outer[0] + outer[2]
        and inner[1] + inner[3] <= outer[1] + outer[3]
    )


def test_json_alternatives_are_probabilities_with_the_text_among_them(letter: dict[str, Any]) -> None:
    glyphs = [glyph for line in letter["lines"] for word in line["words"] for glyph in word["glyphs"]]
    for glyph in glyphs:
        chances = [chance for _, chance in glyph["alternatives"]]
        assert len(chances) >= 5
        assert chances == sorted(chances, reverse=True)
        assert min(chances) >= 0
        assert sum(chances) <= 1.0001
        assert dict(glyph["alternatives"])[glyph["text"]] == pytest.approx(glyph["confidence"], abs=1e-3)


def test_layout_takes_the_picture_as_one_line_one_word_one_character(unscrawl: Run, tmp_path: Path) -> None:
    draw("a few words").save(tmp_path / "line.png")
    draw("word").save(tmp_path / "word.png")
    draw("B").save(tmp_path / "glyph.png")
    for layout, words, glyphs in [("line", 3, 9), ("word", 1, 4), ("glyph", 1, 1)]:
        page = json.loads(unscrawl("read", f"{layout}.png", "--layout", layout, "--format", "json").out)
        (line,) = page["lines"]
        assert len(line["words"]) == words
        assert sum(len(word["glyphs"]) for word in line["words"]) == glyphs


def test_ready_cut_characters_are_one_letter(unscrawl: Run, tmp_path: Path) -> None:
    for row, words in enumerate([["dEAr", "sUE"], ["hElLo"]], 1):
        for place, word in enumerate(words, 1):
            folder = tmp_path / "letter" / str(row) / str(place)
            folder.mkdir(parents=True)
            for number, character in enumerate(word, 1):
                draw(character, ink="white", paper="black").save(folder / f"{number}.png")
    ran = unscrawl("read", "letter", "--layout", "cut")
    assert ran.code == 0
    assert [len(line.split()) for line in ran.out.splitlines()] == [2, 1]
    assert ran.out.lower() == ran.out


def test_out_gets_one_file_a_picture(unscrawl: Run, notes: Path, tmp_path: Path) -> None:
    ran = unscrawl("read", notes, "--out", "results/today")
    assert ran.code == 0
    assert sorted(_names(tmp_path / "results/today")) == ["note-1.txt", "note-10.txt", "note-2.txt"]
    assert (tmp_path / "results/today/note-2.txt").read_text("utf-8") in ran.out


def test_out_takes_json(unscrawl: Run, notes: Path, tmp_path: Path) -> None:
    ran = unscrawl("read", notes / "note-2.jpg", "--format", "json", "--out", "results")
    assert (tmp_path / "results/note-2.json").read_text("utf-8") == ran.out


def test_overlay_goes_to_the_current_folder_and_is_named(unscrawl: Run, notes: Path, tmp_path: Path) -> None:
    ran = unscrawl("read", notes / "note-2.jpg", "--overlay")
    assert ran.complaints == ["unscrawl: wrote note-2.overlay.png"]
    with Image.open(tmp_path / "note-2.overlay.png") as overlay:
        assert overlay.format == "PNG"


def test_overlay_goes_to_out(unscrawl: Run, notes: Path, tmp_path: Path) -> None:
    unscrawl("read", notes / "note-2.jpg", "--overlay", "--out", "results")
    assert sorted(_names(tmp_path / "results")) == ["note-2.overlay.png", "note-2.txt"]


def test_same_name_in_two_folders_makes_two_files(unscrawl: Run, notes: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        draw(folder * 3).save(tmp_path / folder / "scan.png")
        draw(folder * 3).save(tmp_path / folder / "scan.jpg")
    unscrawl("read", "a", "b", "--out", "results")
    names = ["a-scan.txt", "b-scan.txt", "scan-2.txt", "scan.txt"]
    assert sorted(_names(tmp_path / "results")) == names


def test_result_never_replaces_a_picture(unscrawl: Run, tmp_path: Path) -> None:
    picture = tmp_path / "letter.overlay.png"
    draw("letter").save(tmp_path / "letter.png")
    draw("keep").save(picture)
    before = picture.read_bytes()
    ran = unscrawl("read", "letter.png", "letter.overlay.png", "--overlay")
    assert ran.code == 2
    assert ran.complaints == [
        "unscrawl: letter.overlay.png: results would replace this picture: choose another --out"
    ]
    assert picture.read_bytes() == before


@pytest.mark.parametrize(("form", "ending"), [("text", "txt"), ("json", "json"), ("page", "page.xml")])
def test_result_never_replaces_what_lies_beside_its_picture(
    unscrawl: Run, tmp_path: Path, form: str, ending: str
) -> None:
    (tmp_path / "scans").mkdir()
    draw("letter").save(tmp_path / "scans" / "letter.png")
    written = tmp_path / "scans" / f"letter.{ending}"
    written.write_text("what somebody wrote")
    ran = unscrawl("read", "scans", "--out", "scans", "--format", form)
    assert (ran.code, ran.out) == (2, "")
    assert ran.complaints == [
        f"unscrawl: scans/letter.{ending}: lies beside its picture already, and the result would replace it: "
        "choose another --out, or --resume to leave it and read the others"
    ]
    assert written.read_text() == "what somebody wrote"


def test_results_elsewhere_are_replaced(unscrawl: Run, tmp_path: Path) -> None:
    draw("one", size=32).save(tmp_path / "one.png")
    first = unscrawl("read", "one.png", "--out", "results", "--overlay")
    assert unscrawl("read", "one.png", "--out", "results", "--overlay") == first
    assert first.code == 0


@pytest.mark.parametrize("form", ["alto", "page"])
def test_xml_of_one_picture_goes_to_standard_output(unscrawl: Run, notes: Path, form: str) -> None:
    ran = unscrawl("read", notes / "note-2.jpg", "--format", form)
    words = [part.get("CONTENT") or part.text for part in ElementTree.fromstring(ran.out.encode()).iter()]
    assert (ran.code, "two" in words) == (0, True)


def test_xml_of_several_pictures_goes_to_files(unscrawl: Run, notes: Path, tmp_path: Path) -> None:
    assert unscrawl("read", notes, "--format", "alto").complaints == [
        "unscrawl: 3 pictures make as many files of XML: name a folder with --out"
    ]
    ran = unscrawl("read", notes, "--format", "alto", "--out", "results")
    assert (ran.code, ran.out) == (0, "")
    assert sorted(_names(tmp_path / "results")) == [f"note-{n}.alto.xml" for n in (1, 10, 2)]
    for path in (tmp_path / "results").iterdir():
        ElementTree.parse(path)


def test_resuming_reads_what_is_not_there_and_leaves_the_rest(
    unscrawl: Run, notes: Path, tmp_path: Path
) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "note-2.txt").write_text("kept")
    ran = unscrawl("read", notes, "--out", "results", "--resume")
    assert (ran.code, ran.complaints) == (0, ["unscrawl: 1 of 3 were read before"])
    headings = [line for line in ran.out.splitlines() if line.startswith("==>")]
    assert headings == [f"==> {notes / name} <==" for name in ("note-1.PNG", "note-10.png")]
    texts = {path.name: path.read_text() for path in (tmp_path / "results").iterdir()}
    assert texts == {"note-1.txt": "one\n", "note-2.txt": "kept", "note-10.txt": "ten\n"}
    assert unscrawl("read", notes, "--out", "results", "--resume").complaints == [
        "unscrawl: 3 of 3 were read before"
    ]


def test_resuming_reads_again_where_the_overlay_is_missing(unscrawl: Run, tmp_path: Path) -> None:
    draw("one", size=32).save(tmp_path / "one.png")
    unscrawl("read", "one.png", "--out", "results")
    ran = unscrawl("read", "one.png", "--out", "results", "--overlay", "--resume")
    assert (ran.code, ran.out) == (0, "one\n")
    assert sorted(_names(tmp_path / "results")) == ["one.overlay.png", "one.txt"]


def test_resuming_beside_the_pictures_leaves_what_lies_there(unscrawl: Run, tmp_path: Path) -> None:
    for word in ("one", "two"):
        draw(word, size=32).save(tmp_path / f"{word}.png")
    (tmp_path / "one.txt").write_text("what somebody wrote")
    ran = unscrawl("read", "one.png", "two.png", "--out", ".", "--resume")
    assert ran.code == 0
    assert (tmp_path / "one.txt").read_text() == "what somebody wrote"
    assert (tmp_path / "two.txt").read_text() == "two\n"


def test_resuming_needs_the_folder_of_results(unscrawl: Run, notes: Path) -> None:
    ran = unscrawl("read", notes, "--resume")
    assert (ran.code, ran.out) == (2, "")
    assert ran.complaints == [
        "unscrawl: --resume goes on where results lie already: name their folder with --out"
    ]


def test_an_interrupted_reading_keeps_what_was_read_and_says_how_to_go_on(
    unscrawl: Run, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Reader.read

    def interrupted(self: Reader, source: Any, **options: Any) -> Page:
        if str(source).endswith("note-10.png"):
            raise KeyboardInterrupt
        return reads(self, source, **options)

    monkeypatch.setattr(Reader, "read", interrupted)
    ran = unscrawl("read", notes, "--out", "results")
    assert ran.code == 130
    assert ran.complaints == ["unscrawl: stopped after 2 of 3: the same command with --resume goes on"]
    assert sorted(_names(tmp_path / "results")) == ["note-1.txt", "note-2.txt"]


def test_pages_beyond_the_first_are_told(unscrawl: Run, tmp_path: Path) -> None:
    pages = [draw(word, size=32) for word in ("one", "two", "six")]
    pages[0].save(tmp_path / "fax.tif", save_all=True, append_images=pages[1:])
    ran = unscrawl("read", "fax.tif")
    assert (ran.code, ran.out) == (0, "one\n")
    assert ran.complaints == ["unscrawl: fax.tif has 3 pages: only the first was read"]


def test_animation_is_no_book(unscrawl: Run, tmp_path: Path) -> None:
    pages = [draw(word, size=32) for word in ("one", "two")]
    pages[0].save(tmp_path / "a.gif", save_all=True, append_images=pages[1:])
    assert unscrawl("read", "a.gif").complaints == []


def test_without_language_each_glyph_is_read_by_its_shape(unscrawl: Run, tmp_path: Path) -> None:
    draw("xqzvk").save(tmp_path / "code.png")
    assert unscrawl("read", "code.png", "--no-language").out == "xqzvk\n"


def test_marks_survive_any_locale(tmp_path: Path) -> None:
    draw("one", size=32).save(tmp_path / "€.png")
    command = [sys.executable, "-m", "unscrawl", "read", "--format", "json", "€.png"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert json.loads(ran.stdout.decode("utf-8"))["source"] == "€.png"


def test_reading_never_imports_what_training_needs(tmp_path: Path) -> None:
    draw("one", size=32).save(tmp_path / "one.png")
    program = (
        "import sys\nfrom unscrawl.cli import main\n"
        "sys.argv = ['unscrawl', 'read', 'one.png']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "print({'torch', 'unscrawl.learn', 'unscrawl.synth', 'rich', 'onnx'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True)
    assert ran.stdout.splitlines()[-1] == "set()"


def test_closed_pipe_ends_quietly(notes: Path) -> None:
    command = [sys.executable, "-m", "unscrawl", "read", str(notes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaints = process.stderr.read()
    assert complaints == b""
    assert process.returncode != 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_progress_on_a_terminal_keeps_out_of_the_results(notes: Path, tmp_path: Path) -> None:
    import pty

    terminal, stderr = pty.openpty()
    command = [sys.executable, "-m", "unscrawl", "read", str(notes)]
    with (tmp_path / "stdout").open("wb") as stdout:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
    os.close(stderr)
    shown = b""
    with contextlib.suppress(OSError):  # what the end of a terminal looks like on Linux
        while part := os.read(terminal, 4096):
            shown += part
    os.close(terminal)
    assert process.wait() == 0
    assert b"Reading" in shown
    assert b"==>" not in shown
    assert (tmp_path / "stdout").read_bytes().count(b"==>") == 3


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
