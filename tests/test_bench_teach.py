"""The measuring of teaching: whose hands, read in which language."""

from __future__ import annotations

import shutil
import sys
from importlib import resources
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
if not BENCH.is_dir():
    pytest.skip("measuring scripts are not in the source distribution", allow_module_level=True)
sys.path.insert(0, str(BENCH))

import teach  # noqa: E402
from unscrawl.language import Language  # noqa: E402

COLUMNS = "file\tpage\twriter\ttag\ttext\n"


def written(folder: Path, name: str, lines: dict[str, int]) -> None:
    """Write a set of so many lines of each writer, numbered."""
    rows = [f"{w}{i}.jpg\t{w}.jpg\t{w}\t\tline {i}\n" for w, n in lines.items() for i in range(n)]
    (folder / f"{name}.tsv").write_text(COLUMNS + "".join(rows))


def test_other_language_files_stand_in_for_the_packages_own(tmp_path: Path) -> None:
    with resources.as_file(resources.files("unscrawl") / "weights" / "fr.npz") as french:
        shutil.copy(french, tmp_path / "en.npz")
    with teach.stand_in(tmp_path):
        inside = Language.load("en").score("l'été")
    assert inside == Language.load("fr").score("l'été")
    assert inside != Language.load("en").score("l'été")


def test_unseen_writers_are_those_with_enough_lines_first_and_last(tmp_path: Path) -> None:
    written(tmp_path, "letters_fr", {"a": 59, "b": 60, "c": 120})
    found = teach.writers(tmp_path, "letters_fr")
    assert {writer: len(rows) for writer, rows in found.items()} == {"b": 60, "c": 94}
    assert [found["c"][i]["text"] for i in (0, 63, 64, 93)] == ["line 0", "line 63", "line 90", "line 119"]


def test_letters_of_one_hand_are_one_writer(tmp_path: Path) -> None:
    written(tmp_path, "hooker", {"1850": 40, "1851": 40})
    assert list(teach.writers(tmp_path, "hooker")) == ["hooker"]


@pytest.mark.parametrize(("taught", "beside"), [(4, False), (16, True)])
def test_a_summary_tells_of_each_way_apart(taught: int, beside: bool) -> None:
    ways = [(4, False), (16, True)]
    rows = [teach.Row("s", "a", n, False, b, 100, 20, 20 - n, 10, 10 - n // 4, 1, 1.0) for n, b in ways]
    line = next(text for text in teach.summary(rows) if text.startswith(f"{taught:3} lines"))
    assert ("beside" in line) is beside
    assert f"greedily fewer by {5.0 * taught:.1f}" in line


def test_the_ways_are_each_number_of_lines_quickly_thoroughly_and_beside() -> None:
    found = {(way.taught, way.thorough, way.beside) for way in teach.QUICK + teach.THOROUGH + teach.BESIDE}
    assert found == {
        (k, deep, near) for k in (4, 16, 64) for deep, near in ((False, False), (True, False), (False, True))
    }
