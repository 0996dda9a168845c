"""Whatever is wrong with the input: one clear line, no traceback, no partial file, exit code 2."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from conftest import Ran, draw
from unscrawl import Reader, UnscrawlError
from unscrawl.cli.console import put, say
from unscrawl.errors import OutputError
from unscrawl.image import MAX_SIDE

Run = Callable[..., Ran]


def _file(picture: Image.Image, kind: str) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _huge_png() -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0))
    row = _chunk(b"IDAT", zlib.compress(bytes(30_001)))
    return b"\x89PNG\r\n\x1a\n" + header + row + _chunk(b"IEND", b"")


BAD = {
    "not a picture": b"Dear Laurence, this is a text file.\n",
    "zero bytes": b"",
    "truncated JPEG": _file(draw("cut short"), "JPEG")[:1500],
    "truncated PNG": _file(draw("cut short"), "PNG")[:1500],
    "head only": _file(draw("cut short"), "PNG")[:20],
    "1 x 1": _file(Image.new("L", (1, 1)), "PNG"),
    "30,000 x 30,000": _huge_png(),
    "page of HTML": b"<!DOCTYPE html><html><body>404</body></html>",
}


@pytest.mark.parametrize("command", ["read", "classify"])
@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_bad_picture_is_one_line(unscrawl: Run, tmp_path: Path, command: str, content: bytes) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    ran = unscrawl(command, "bad.png", "--out", "results")
    assert ran.code == 2
    assert ran.out == ""
    assert len(ran.complaints) == 1
    assert ran.err.startswith("unscrawl: bad.png")
    assert list((tmp_path / "results").iterdir()) == []


def test_size_limit_is_named(unscrawl: Run, tmp_path: Path) -> None:
    (tmp_path / "huge.png").write_bytes(_huge_png())
    assert str(MAX_SIDE) in unscrawl("read", "huge.png").err


def test_blank_page_is_empty_text_and_a_note(unscrawl: Run, tmp_path: Path) -> None:
    Image.new("RGB", (800, 600), "white").save(tmp_path / "blank.png")
    ran = unscrawl("read", "blank.png", "--out", "results", "--overlay")
    assert (ran.code, ran.out) == (0, "")
    assert ran.complaints[0] == "unscrawl: blank.png: nothing written here was found"
    assert (tmp_path / "results" / "blank.txt").read_bytes() == b""


def test_blank_character_is_a_guess_and_a_note(unscrawl: Run, tmp_path: Path) -> None:
    Image.new("RGB", (90, 90), "white").save(tmp_path / "blank.png")
    ran = unscrawl("classify", "blank.png")
    assert (ran.code, len(ran.complaints)) == (0, 1)
    assert "blank.png: nothing written here was found" in ran.err


def test_bad_standard_input_is_one_line(unscrawl: Run) -> None:
    ran = unscrawl("read", "-", stdin=b"no picture")
    assert (ran.code, ran.out, len(ran.complaints)) == (2, "", 1)


def test_missing_file_among_good_ones_stops_nothing(unscrawl: Run, tmp_path: Path) -> None:
    draw("one").save(tmp_path / "one.png")
    draw("two").save(tmp_path / "two.png")
    ran = unscrawl("read", "one.png", "missing.png", "two.png")
    assert ran.code == 2
    assert ran.complaints == ["unscrawl: missing.png: no such file"]
    assert ran.out.count("==>") == 2


def test_missing_file_among_good_characters_stops_nothing(unscrawl: Run, tmp_path: Path) -> None:
    draw("1").save(tmp_path / "one.png")
    ran = unscrawl("classify", "missing.png", "one.png")
    assert (ran.code, len(ran.complaints)) == (2, 1)
    assert ran.out.startswith("one.png\t")


def test_folder_without_pictures_is_one_line(unscrawl: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = unscrawl("read", "empty")
    assert (ran.code, len(ran.complaints)) == (2, 1)
    assert "empty: no pictures in this folder" in ran.err


def test_folder_without_cut_characters_is_one_line(unscrawl: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = unscrawl("read", "empty", "--layout", "cut")
    assert (ran.code, len(ran.complaints)) == (2, 1)


def test_file_is_no_folder_of_cut_characters(unscrawl: Run, tmp_path: Path) -> None:
    draw("one").save(tmp_path / "one.png")
    ran = unscrawl("read", "one.png", "--layout", "cut")
    assert (ran.code, len(ran.complaints)) == (2, 1)


def test_pattern_without_match_is_one_line(unscrawl: Run) -> None:
    ran = unscrawl("read", "*.jpg")
    assert (ran.code, ran.complaints) == (2, ["unscrawl: *.jpg: no file matches this pattern"])


def test_link_to_itself_is_one_line(unscrawl: Run, tmp_path: Path) -> None:
    (tmp_path / "loop.png").symlink_to("loop.png")
    ran = unscrawl("read", "loop.png")
    assert (ran.code, len(ran.complaints)) == (2, 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_one_line(unscrawl: Run, tmp_path: Path) -> None:
    draw("secret").save(tmp_path / "secret.png")
    (tmp_path / "secret.png").chmod(0)
    ran = unscrawl("read", "secret.png")
    assert (ran.code, len(ran.complaints)) == (2, 1)


@pytest.mark.parametrize("out", ["taken", "taken/below"])
def test_unwritable_out_is_found_before_anything_is_read(unscrawl: Run, tmp_path: Path, out: str) -> None:
    draw("one").save(tmp_path / "one.png")
    (tmp_path / "taken").write_text("a file where the folder should be")
    ran = unscrawl("read", "one.png", "--out", out)
    assert (ran.code, ran.out, len(ran.complaints)) == (2, "", 1)
    assert ran.err.startswith(f"unscrawl: {out}: cannot write there")


def test_result_that_cannot_be_written_leaves_nothing_behind(unscrawl: Run, tmp_path: Path) -> None:
    draw("one").save(tmp_path / "one.png")
    (tmp_path / "results" / "one.txt").mkdir(parents=True)
    ran = unscrawl("read", "one.png", "--out", "results")
    assert (ran.code, len(ran.complaints)) == (2, 1)
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["one.txt"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["read", "one.png", "--format", "xml"],
        ["read", "one.png", "--layout", "poster"],
        ["read", "one.png", "--language", "xx"],
        ["read", "one.png", "--model", "missing.onnx"],
        ["read", "one.png", "--model", "one.png"],
        ["read", "one.png", "--unknown"],
        ["read"],
        ["classify", "one.png", "--alphabet", "runes"],
        ["classify", "one.png", "--model", "missing.onnx"],
        ["classify"],
        ["scribble"],
        ["hands"],
        ["data"],
    ],
    ids=" ".join,
)
def test_mistyped_command_is_one_line(unscrawl: Run, tmp_path: Path, arguments: list[str]) -> None:
    draw("1").save(tmp_path / "one.png")
    ran = unscrawl(*arguments)
    assert (ran.code, ran.out, len(ran.complaints)) == (2, "", 1)
    assert ran.err.startswith("unscrawl: ")
    assert len(ran.err) < 200


def test_mistyped_command_comes_with_the_nearest(unscrawl: Run) -> None:
    assert unscrawl("reed").err.startswith("unscrawl: unknown command 'reed': did you mean 'read'? ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_full_disk_is_one_line(option: str) -> None:
    command = [sys.executable, "-m", "unscrawl", option]
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert "No space left on device" in ran.stderr


def test_closed_standard_output_is_our_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(OutputError, match="standard output is closed"):
        put("Dear Edith,")


def test_nothing_is_said_where_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr", None)
    say("a note among the results")
    assert capsys.readouterr().out == ""


def test_unknown_language_is_told_with_those_there_are(unscrawl: Run) -> None:
    ran = unscrawl("read", "one.png", "--language", "de")
    assert ran.code == 2
    assert "'auto', 'en', 'fr'" in ran.err


QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KINDS_OF_FILE = ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]
LAYOUTS: list[Literal["page", "line", "word", "glyph"]] = ["page", "line", "word", "glyph"]
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=40) | st.tuples(
    st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 3, 4])
)
KINDS = st.sampled_from([np.uint8, np.bool_, np.uint16, np.int32, np.float32, np.float64, np.complex64])


def _messages(reader: Reader, content: bytes | NDArray[Any]) -> list[str]:
    """Read and classify `content`; return what our own errors say and let all others through."""
    messages = []
    for read in (reader.read, reader.classify):
        try:
            read(content)
        except UnscrawlError as error:
            messages.append(str(error))
    return messages


@settings(QUICK, max_examples=60)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_our_own_errors(reader: Reader, content: bytes) -> None:
    messages = _messages(reader, content)
    assert len(messages) == 2
    assert not any("\n" in message for message in messages)


@settings(QUICK, max_examples=60)
@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]), st.integers(8, 400), st.binary(max_size=9)
)
def test_damaged_files_raise_nothing_but_our_own_errors(
    reader: Reader, kind: str, place: int, damage: bytes
) -> None:
    whole = _file(draw("a", size=9), kind)
    messages = _messages(reader, whole[:place] + damage + whole[place + len(damage) :])
    assert not any("\n" in message for message in messages)


@settings(QUICK, max_examples=100)
@given(arrays.arrays(KINDS, SHAPES))
def test_arbitrary_arrays_raise_nothing_but_our_own_errors(reader: Reader, content: NDArray[Any]) -> None:
    assert not any("\n" in message for message in _messages(reader, content))


@settings(QUICK, max_examples=40)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(3, 80), st.integers(3, 80))), st.sampled_from(LAYOUTS))
def test_every_grey_picture_can_be_read_in_every_layout(
    reader: Reader, content: NDArray[np.uint8], layout: Literal["page", "line", "word", "glyph"]
) -> None:
    height, width = content.shape
    for x, y, w, h in (glyph.box for glyph in reader.read(content, layout=layout).glyphs):
        assert w > 0
        assert h > 0
        assert 0 <= x <= width - w
        assert 0 <= y <= height - h
