"""Files appear whole or not at all, whatever an earlier process left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from unscrawl.errors import OutputError
from unscrawl.formats import check_folder, write_text


@pytest.fixture
def left_over(tmp_path: Path) -> Path:
    """What a process of our own number left when it was killed."""
    path = tmp_path / f".unscrawl-{os.getpid()}.part"
    path.write_bytes(b"of another process")
    return path


def test_what_was_left_over_does_not_block_a_folder(tmp_path: Path, left_over: Path) -> None:
    check_folder(tmp_path)
    assert list(tmp_path.iterdir()) == [left_over]


def test_what_was_left_over_is_not_written_over(tmp_path: Path, left_over: Path) -> None:
    write_text(tmp_path / "a.txt", "whole")
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert left_over.read_bytes() == b"of another process"


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OutputError, match=r"a\.txt: cannot write it"):
        write_text(tmp_path / "a.txt", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
