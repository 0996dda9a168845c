"""Sets of lines: what is read, what is left out and why, and what is held back."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from lines_made import line, png
from unscrawl.errors import DataError, OptionError
from unscrawl.learn.lines.gather import find, gather, licence
from unscrawl.learn.lines.sources import LineSet, Sample, find_sets, fits, held_back, read_set
from unscrawl.learn.lines.texts import clean

JPEG = cv2.imencode(".jpg", line("hello"))[1].tobytes()
Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Write a set of (file, page, writer, text) and a picture for each, but as `pictures` says."""

    def write(rows: list[tuple[str, str, str, str]], name: str = "letters", **pictures: bytes | None) -> Path:
        table = ["file\tpage\twriter\ttext", *("\t".join(row) for row in rows)]
        path = tmp_path / f"{name}.tsv"
        path.write_text("\n".join(table) + "\n", encoding="utf-8")
        with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
            for file, *_ in rows:
                content = pictures.get(file.removesuffix(".jpg"), JPEG)
                if content is not None:
                    archive.writestr(file, content)
        return path

    return write


def rows(writers: int, pages: int, lines: int) -> list[tuple[str, str, str, str]]:
    """Name lines of several pages by each of several writers."""
    return [
        (f"{w}-{p}-{n}.jpg", f"page {w}-{p}", f"writer {w}", "hello")
        for w in range(writers)
        for p in range(pages)
        for n in range(lines)
    ]


def as_dicts(table: list[tuple[str, str, str, str]]) -> list[dict[str, str]]:
    return [dict(zip(("file", "page", "writer", "text"), row, strict=True)) for row in table]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("l’été  “chaud”…", 'l\'été "chaud"...'),
        (" œuvre – 3×4 ", "œuvre — 3x4"),
        ("Ğeorge ñ", "George ñ"),
        ("", ""),
        ("漢字", None),
        ("broken \ufffd", None),
    ],
)
def test_texts_are_brought_into_the_alphabet(given: str, expected: str | None) -> None:
    assert clean(given) == expected


def test_whole_writers_are_held_back_about_one_line_in_ten() -> None:
    table = as_dicts(rows(30, 2, 5))
    held = held_back("letters", table)
    assert 30 <= len(held) <= 47
    inside = {table[i]["writer"] for i in held}
    assert inside.isdisjoint(row["writer"] for i, row in enumerate(table) if i not in held)


def test_pages_are_held_back_where_writers_are_few() -> None:
    table = as_dicts(rows(2, 20, 5))
    held = held_back("letters", table)
    pages = {table[i]["page"] for i in held}
    assert len({page.split("-")[0] for page in pages}) == 2
    assert pages.isdisjoint(row["page"] for i, row in enumerate(table) if i not in held)


def test_same_lines_are_held_back_in_any_order() -> None:
    table = as_dicts(rows(12, 1, 3))
    mixed = random.Random(0).sample(table, len(table))
    one, other = ({t[i]["file"] for i in held_back("letters", t)} for t in (table, mixed))
    assert one == other


def test_same_lines_are_held_back_for_ever() -> None:
    table = as_dicts(rows(12, 1, 3))
    assert {table[i]["writer"] for i in held_back("letters", table)} == {"writer 2", "writer 6"}


def test_one_huge_writer_is_not_held_back() -> None:
    table = as_dicts([*rows(1, 1, 80), *rows(9, 1, 3)[3:]])
    assert 0 < len(held_back("letters", table)) < 20


def test_a_set_is_divided_into_training_and_held_lines(pack: Pack) -> None:
    lines = read_set(pack(rows(10, 1, 2)))
    assert (len(lines.training), len(lines.held), lines.left_out) == (18, 2, [])
    assert {s.source for s in lines.training} == {"letters"}
    assert lines.training[0].ink.shape[0] == 64


def test_what_cannot_be_used_is_named_and_left_out(pack: Pack) -> None:
    texts = {
        "fine": "hello",
        "strange": "漢字",
        "empty": "  ",
        "long": "hello" * 20,
        "missing": "hello",
        "broken": "hello",
        "cut": "hello",
        "nothing": "hello",
    }
    table = [(f"{name}.jpg", f"p{name}", "", text) for name, text in texts.items()]
    broken = {"missing": None, "broken": b"no picture", "cut": JPEG[: len(JPEG) // 2], "nothing": b""}
    lines = read_set(pack(table, **broken))
    assert [s.name for s in (*lines.training, *lines.held)] == ["fine.jpg"]
    assert lines.left_out == [
        ("strange.jpg", "characters outside the alphabet"),
        ("empty.jpg", "no text"),
        ("long.jpg", "text longer than the picture can hold"),
        ("missing.jpg", "no picture"),
        ("broken.jpg", "broken picture"),
        ("cut.jpg", "broken picture"),
        ("nothing.jpg", "broken picture"),
    ]


def test_doubled_characters_need_a_blank_between() -> None:
    assert fits("abab", 26)
    assert not fits("aabb", 26)


def test_a_folder_of_pictures_is_a_set(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        png(tmp_path / "mine" / f"{name}.png", line("hello"))
        (tmp_path / "mine" / f"{name}.txt").write_bytes("\ufeffhello\r\n".encode())
    assert find_sets(tmp_path / "mine") == [tmp_path / "mine"]
    lines = read_set(tmp_path / "mine")
    assert lines.name == "mine"
    assert sorted(s.name for s in (*lines.training, *lines.held)) == ["a.png", "b.png", "c.png", "d.png"]
    assert {s.text for s in lines.training} == {"hello"}
    assert len(lines.held) == 1


def test_subfolders_are_writers(tmp_path: Path) -> None:
    for writer in "abcdefghij":
        for n in range(2):
            png(tmp_path / writer / f"{n}.png", line("hello"))
            (tmp_path / writer / f"{n}.txt").write_text("hello", encoding="utf-8")
    lines = read_set(tmp_path)
    held, training = ({s.name[0] for s in part} for part in (lines.held, lines.training))
    assert len(held) == 1
    assert held.isdisjoint(training)


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    for name in ("good", "mute", "page", "latin"):
        png(tmp_path / f"{name}.png", line("hello"))
    (tmp_path / "good.txt").write_text("hello", encoding="utf-8")
    (tmp_path / "alone.txt").write_text("hello", encoding="utf-8")
    (tmp_path / "page.txt").write_text("hello\nthere\n", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes("été".encode("latin-1"))
    assert dict(read_set(tmp_path).left_out) == {
        "mute.png": "no text",
        "alone": "no picture",
        "page.png": "several lines of text",
        "latin.png": "characters outside the alphabet",
    }


def test_folder_without_lines_is_refused(tmp_path: Path) -> None:
    png(tmp_path / "a.png", line("hello"))
    with pytest.raises(DataError, match="no lines here"):
        find_sets(tmp_path)
    with pytest.raises(DataError, match="neither a folder nor"):
        find_sets(tmp_path / "none")


def test_table_of_another_form_is_refused(pack: Pack, tmp_path: Path) -> None:
    path = pack(rows(1, 1, 1))
    path.write_text("name\tsaid\na\tb\n", encoding="utf-8")
    with pytest.raises(DataError, match="columns file and text"):
        read_set(path)


@pytest.mark.parametrize("damaged", ["letters.tsv", "letters.zip"])
def test_damaged_set_is_refused(pack: Pack, tmp_path: Path, damaged: str) -> None:
    path = pack(rows(1, 1, 1))
    (tmp_path / damaged).write_bytes(b"\xff\xfe\x00damaged")
    with pytest.raises(DataError, match="cannot read this set"):
        read_set(path)


def test_sets_of_one_name_are_refused(pack: Pack, tmp_path: Path) -> None:
    pack(rows(1, 1, 1))
    png(tmp_path / "other" / "letters" / "a.png", line("hello"))
    (tmp_path / "other" / "letters" / "a.txt").write_text("hello", encoding="utf-8")
    with pytest.raises(OptionError, match="another set is called 'letters'"):
        find([tmp_path, tmp_path / "other" / "letters"])


def test_a_set_named_twice_is_read_once(pack: Pack, tmp_path: Path) -> None:
    path = pack(rows(1, 1, 1))
    assert find([tmp_path, path]) == {"letters": path}


def _lines(name: str, training: int, held: int) -> LineSet:
    one = Sample(np.zeros((64, 64), np.uint8), (0.0, 64.0), "a", name, "a.png")
    return LineSet(name, [one] * training, [one] * held, [])


def test_a_set_left_out_goes_apart_with_all_its_lines() -> None:
    lines = gather([_lines("a", 5, 1), _lines("b", 3, 2)], ["b"])
    assert (len(lines.training), len(lines.held), len(lines.apart)) == (5, 1, 5)
    assert {s.source for s in lines.apart} == {"b"}


@pytest.mark.parametrize(("training", "held", "said"), [(0, 3, "to train on"), (3, 0, "to measure with")])
def test_too_few_lines_are_refused(training: int, held: int, said: str) -> None:
    with pytest.raises(DataError, match=said):
        gather([_lines("a", training, held)])


def test_licences_are_taken_from_beside_the_set(tmp_path: Path) -> None:
    (tmp_path / "SOURCES.md").write_text(
        "# All\n\n### a\n- repository: x\n- licence as stated: CC BY 4.0 (LICENSE)\n- attribution: Ann, B\n\n"
        "### ab\n- licence: CC0\n",
        encoding="utf-8",
    )
    assert licence(tmp_path / "a.tsv") == "a: CC BY 4.0 (LICENSE); Ann, B"
    assert licence(tmp_path / "ab.tsv") == "ab: CC0"
    assert licence(tmp_path / "b.tsv") == "b: licence not stated"
