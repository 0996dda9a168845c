"""`unscrawl data`: list, info, fetch, show."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Ran
from unscrawl.learn.data.files import encode_idx

Command = Callable[..., Ran]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's own cache out of the tests."""
    monkeypatch.setenv("UNSCRAWL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    path = tmp_path / "shapes.npz"
    rng = np.random.default_rng(0)
    np.savez(path, x=rng.integers(0, 256, (20, 8, 8), dtype=np.uint8), label=["round", "square"] * 10)
    return path


def write_emnist(folder: Path) -> None:
    folder.mkdir(parents=True)
    for part in ("train", "test"):
        images = np.zeros((26, 28, 28), np.uint8)
        (folder / f"emnist-letters-{part}-images-idx3-ubyte").write_bytes(encode_idx(images))
        labels = np.arange(1, 27, dtype=np.uint8)
        (folder / f"emnist-letters-{part}-labels-idx1-ubyte").write_bytes(encode_idx(labels))


def test_list_names_every_set_and_whether_it_is_here(unscrawl: Command, cache: Path) -> None:
    write_emnist(cache / "emnist")
    ran = unscrawl("data", "list")
    rows = {line.split()[0]: line.split() for line in ran.out.splitlines() if line}
    assert ran.code == 0
    assert {"mnist", "emnist-byclass", "qmnist", "fashion-mnist", "kmnist", "usps"} <= rows.keys()
    assert "yes" in rows["emnist-letters"]
    assert "no" in rows["emnist-balanced"]


def test_info_counts_the_pictures(unscrawl: Command, shapes: Path) -> None:
    ran = unscrawl("data", "info", shapes)
    assert ran.code == 0
    assert "2 classes" in ran.out
    assert "pictures: 8 x 8, grey, 20 train" in ran.out


def test_info_of_a_known_set_names_its_licence(unscrawl: Command, tmp_path: Path) -> None:
    write_emnist(tmp_path / "data" / "emnist")
    ran = unscrawl("data", "info", "emnist-letters", "--data-dir", tmp_path / "data")
    assert ran.code == 0
    assert "licence: " in ran.out


def test_data_commands_never_import_torch(shapes: Path) -> None:
    code = f"import sys, unscrawl.learn.data as d; d.load({str(shapes)!r}); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_fetch_offers_the_nearest_name(unscrawl: Command) -> None:
    ran = unscrawl("data", "fetch", "kminst")
    assert ran.code == 2
    assert "did you mean 'kmnist'" in ran.complaints[0]


def test_show_writes_a_contact_sheet(unscrawl: Command, shapes: Path, tmp_path: Path) -> None:
    ran = unscrawl("data", "show", shapes, "--n", "6", "--out", "sheet.png")
    assert ran.code == 0
    assert ran.out == ""
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 100


def test_show_names_its_file_after_the_data(unscrawl: Command, shapes: Path, tmp_path: Path) -> None:
    assert unscrawl("data", "show", shapes).code == 0
    assert (tmp_path / "shapes.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("info", ""), "the name of the data is empty"),
        (("info", "mnits"), "did you mean 'mnist'"),
        (("info", "nothing.csv"), "no such file or folder"),
        (("show", "shapes.npz", "--n", "0"), "--n must be at least 1"),
        (("show", "shapes.npz", "--test"), "has no test part"),
        (("show", "shapes.npz", "--out", "no/sheet.png"), "sheet.png"),
        (("info", "kmnist", "--offline"), "give --data-dir FOLDER"),
        (("info", "characters"), "give --data-dir FOLDER"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    unscrawl: Command, shapes: Path, arguments: tuple[str, ...], message: str
) -> None:
    ran = unscrawl("data", *arguments)
    assert ran.code == 2
    assert len(ran.complaints) == 1
    assert message in ran.complaints[0]
