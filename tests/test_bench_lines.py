"""What the comparison of line readers counts, and what it lets in."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
if not BENCH.is_dir():
    pytest.skip("measuring scripts are not in the source distribution", allow_module_level=True)
sys.path.insert(0, str(BENCH))

import linefigures  # noqa: E402
import lines  # noqa: E402
import linesets  # noqa: E402


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twenty transcribed pages of three lines in the shape of the shared data, some of them whole as well."""
    (tmp_path / "lines").mkdir()
    (tmp_path / "pages/hooker").mkdir(parents=True)
    rows = [f"{p}_{k}.jpg\t{p}.jpg\t\t\tpage {p} line {k}" for p in range(20) for k in range(3)]
    header = "file\tpage\twriter\ttag\ttext"
    (tmp_path / "lines/hooker.tsv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "lines/hooker.zip", "w") as archive:
        for row in rows:
            archive.writestr(row.split("\t")[0], row)
    for p in range(20):
        (tmp_path / f"pages/hooker/{p}.jpg").write_bytes(b"a picture")
        (tmp_path / f"pages/hooker/{p}.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    return tmp_path


def entry(*readings: tuple[str, str], state: str = "1") -> linefigures.Entry:
    """What an entrant read, (truth, text) each."""
    return {
        "state": state,
        "lines": len(readings),
        "readings": [[f"{i}", *r] for i, r in enumerate(readings)],
    }


def test_characters_are_right_where_the_alignment_keeps_them() -> None:
    assert linefigures.judge("my cat", "my bat", [0.1, 0.2, 0.3, 0.4, 0.5]) == [
        (0.1, True), (0.2, True), (0.3, False), (0.4, True), (0.5, True),
    ]  # fmt: skip


def test_a_character_too_many_is_wrong_and_a_missing_one_costs_no_other() -> None:
    assert [right for _, right in linefigures.judge("abcd", "abd", [1.0] * 3)] == [True, True, True]
    assert [right for _, right in linefigures.judge("ab", "abx", [1.0] * 3)] == [True, True, False]


def test_one_confidence_a_character_is_asked_for() -> None:
    with pytest.raises(ValueError, match="zip"):
        linefigures.judge("ab c", "ab c", [1.0, 1.0])


def test_rates_are_pooled_over_characters_not_lines() -> None:
    assert linefigures.cer([entry(("a", "b")), entry(("abcdefghi", "abcdefghi"))]) == pytest.approx(0.1)
    assert linefigures.wer([entry(("one two", "one too"), ("three four", "three four"))]) == 0.25


def test_truth_and_readings_are_folded_alike_and_strangers_stay() -> None:
    assert linesets.fold(" l’été\n– 3\u00a0×\t漢 ") == "l'été — 3 x 漢"


def test_pages_held_back_and_trained_on_are_told_apart(data: Path) -> None:
    held = {item.name for item in linesets.load(data, "pages/hooker, held back").items}
    trained = {item.name for item in linesets.load(data, "pages/hooker, trained on").items}
    assert held
    assert not held & trained
    assert len(held | trained) == 20
    assert {item.name.split("_")[0] + ".jpg" for item in linesets.load(data, "hooker").items} == held


def test_a_limit_spreads_over_the_set(data: Path) -> None:
    every = linesets.load(data, "hooker").items
    assert linesets.load(data, "hooker", 2).items == (every[0], every[len(every) // 2])


def test_who_has_not_read_a_whole_pool_has_no_figure_for_it() -> None:
    results = {
        "unscrawl": {name: entry(("ab", "ab")) for name in linesets.POOLED},
        "rapidocr": {linesets.POOLED[0]: entry(("ab", "xy"))},
    }
    *_, french, every = linefigures.rows(results, ("unscrawl", "rapidocr"), linesets.POOLED)
    for name, by in (french, every):
        assert "pooled" in name
        assert list(by) == ["unscrawl"]


def test_all_lines_are_pooled_too() -> None:
    read = {name: entry(("ab", "ab")) for name in linesets.POOLED} | {"hooker": entry(("ab", "xy"))}
    found = dict(linefigures.rows({"unscrawl": read}, ("unscrawl",), linesets.LINES))
    assert linefigures.cer(found["other French sets, pooled"]["unscrawl"]) == 0
    assert linefigures.cer(found["all joined lines, pooled"]["unscrawl"]) == 1 / (1 + len(linesets.POOLED))


def test_readings_of_the_same_pictures_and_state_are_kept() -> None:
    kind = linesets.Set("x", "line", "en", (linesets.Item("0", b"", "ab"),), 1)
    assert lines.same(entry(("ab", "read")), kind, "1")
    assert not lines.same(entry(("ab", "read")), kind, "2")
    assert not lines.same(entry(("abc", "read")), kind, "1")
