"""Public data sets from a folder or the cache: upright, labels from 0, damage found and healed."""

from __future__ import annotations

import gzip
import hashlib
import logging
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unscrawl.errors import DataError, OutputError
from unscrawl.learn.data import load, sources
from unscrawl.learn.data.catalogue import KNOWN, Download, File, Known
from unscrawl.learn.data.fetch import fetch
from unscrawl.learn.data.files import encode_idx
from unscrawl.learn.data.sources import load_known

L = np.zeros((28, 28), np.uint8)
L[4:24, 8:11] = L[21:24, 8:20] = 255
"""An upright L: more ink in the left half, and in the lower half."""


def part(known: Known, n: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` pictures of an L as the files of `known` hold them, and labels that go round its classes."""
    picture = np.ascontiguousarray(L.T) if known.transposed else L
    labels = np.arange(n, dtype=np.uint8) % len(known.classes) + known.first_label
    return np.stack([picture] * n), labels


def write(known: Known, folder: Path, counts: tuple[int, int] = (52, 26)) -> None:
    """Write packed files of the form of `known`."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = [array for count in counts for array in part(known, count)]
    for file, array in zip(known.files, arrays, strict=True):
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(encode_idx(array), 1))


@pytest.fixture
def letters() -> Known:
    return replace(KNOWN["emnist-letters"], counts=(52, 26))


@pytest.fixture
def digits(tmp_path: Path) -> Known:
    """A set with known digests, like MNIST, whose only mirror is not there."""
    known = replace(KNOWN["kmnist"], name="digits", folder="digits", counts=(20, 10))
    write(known, tmp_path / "home", (20, 10))
    contents = [gzip.decompress((tmp_path / "home" / f"{file.name}.gz").read_bytes()) for file in known.files]
    files = tuple(
        File(file.name, hashlib.sha256(content).hexdigest())
        for file, content in zip(known.files, contents, strict=True)
    )
    downloads = tuple(
        Download(f"{file.name}.gz", ((tmp_path / "home" / f"{file.name}.gz").as_uri(),)) for file in files
    )
    return replace(known, files=files, downloads=downloads)


def test_emnist_comes_upright(letters: Known, tmp_path: Path) -> None:
    write(letters, tmp_path / "emnist")
    data = load_known(letters, tmp_path, tmp_path / "cache", offline=True)
    np.testing.assert_array_equal(data.train.images[0], L)
    assert data.test is not None
    np.testing.assert_array_equal(data.test.images[-1], L)


def test_emnist_letters_start_at_0_and_carry_their_characters(letters: Known, tmp_path: Path) -> None:
    write(letters, tmp_path / "emnist")
    data = load_known(letters, tmp_path, tmp_path / "cache", offline=True)
    assert data.classes == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert data.train.labels.tolist() == [*range(26), *range(26)]


@pytest.mark.parametrize(
    ("name", "number", "some"),
    [
        ("emnist-byclass", 62, {0: "0", 10: "A", 36: "a", 61: "z"}),
        ("emnist-bymerge", 47, {0: "0", 10: "A", 36: "a", 38: "d", 46: "t"}),
        ("emnist-balanced", 47, {0: "0", 10: "A", 36: "a", 38: "d", 46: "t"}),
        ("emnist-digits", 10, {0: "0", 9: "9"}),
        ("emnist-mnist", 10, {0: "0", 9: "9"}),
    ],
)
def test_the_other_divisions_have_their_classes(name: str, number: int, some: dict[int, str]) -> None:
    known = KNOWN[name]
    assert len(known.classes) == number
    assert {place: known.classes[place] for place in some} == some
    assert known.first_label == 0


def test_emnist_is_read_out_of_the_zip_of_its_home(letters: Known, tmp_path: Path) -> None:
    write(letters, tmp_path / "unpacked")
    (tmp_path / "emnist").mkdir()
    with zipfile.ZipFile(tmp_path / "emnist" / "gzip.zip", "w") as archive:
        for file in letters.files:
            archive.write(tmp_path / "unpacked" / f"{file.name}.gz", f"gzip/{file.name}.gz")
    data = load_known(letters, tmp_path, tmp_path / "cache", offline=True)
    assert len(data.train) == 52


@pytest.mark.parametrize("folder", [".", "emnist", "EMNIST/raw"])
def test_a_data_folder_may_be_laid_out_in_several_ways(letters: Known, tmp_path: Path, folder: str) -> None:
    write(letters, tmp_path / folder)
    assert len(load_known(letters, tmp_path, tmp_path / "cache", offline=True).train) == 52


def test_qmnist_takes_the_class_out_of_its_wide_labels(tmp_path: Path) -> None:
    known = replace(KNOWN["qmnist"], counts=(3, 3))
    labels = np.array([[7, 1, 2], [0, 3, 4], [9, 5, 6]], ">i4")
    wide = b"\0\0\x0c\x02" + np.array(labels.shape, ">u4").tobytes() + labels.tobytes()
    folder = tmp_path / "qmnist"
    folder.mkdir()
    for i, file in enumerate(known.files):
        (folder / file.name).write_bytes(wide if i % 2 else encode_idx(np.stack([L] * 3)))
    data = load_known(known, tmp_path, tmp_path / "cache", offline=True)
    assert data.train.labels.tolist() == [7, 0, 9]


def test_usps_is_read_from_its_lines(tmp_path: Path) -> None:
    known = replace(KNOWN["usps"], counts=(2, 1))
    (tmp_path / "usps").mkdir()
    (tmp_path / "usps" / "usps").write_bytes(b"1 1:1\n10 256:1\n")
    (tmp_path / "usps" / "usps.t").write_bytes(b"5 1:1\n")
    data = load_known(known, tmp_path, tmp_path / "cache", offline=True)
    assert data.train.labels.tolist() == [0, 9]
    assert data.train.images.shape == (2, 16, 16)
    assert data.train.images[1, 15, 15] == 255


def test_a_label_out_of_range_is_named(letters: Known, tmp_path: Path) -> None:
    write(letters, tmp_path / "emnist")
    labels = part(letters, 52)[1]
    labels[5] = 31
    (tmp_path / "emnist" / f"{letters.files[1].name}.gz").write_bytes(encode_idx(labels))
    with pytest.raises(DataError, match=r"label 31 of picture 5 is outside 1 … 26"):
        load_known(letters, tmp_path, tmp_path / "cache", offline=True)


def test_pictures_of_another_size_are_of_the_wrong_shape(letters: Known, tmp_path: Path) -> None:
    write(letters, tmp_path / "emnist")
    (tmp_path / "emnist" / f"{letters.files[0].name}.gz").write_bytes(
        encode_idx(np.zeros((52, 28, 27), np.uint8))
    )
    with pytest.raises(DataError, match="wrong shape: 28 × 27"):
        load_known(letters, tmp_path, tmp_path / "cache", offline=True)


def test_more_pictures_than_labels_is_the_wrong_shape(letters: Known, tmp_path: Path) -> None:
    write(letters, tmp_path / "emnist")
    (tmp_path / "emnist" / f"{letters.files[1].name}.gz").write_bytes(encode_idx(part(letters, 51)[1]))
    with pytest.raises(DataError, match="wrong shape: 52 pictures"):
        load_known(letters, tmp_path, tmp_path / "cache", offline=True)


def test_a_missing_file_of_a_set_is_named(letters: Known, tmp_path: Path) -> None:
    write(letters, tmp_path / "emnist")
    (tmp_path / "emnist" / "emnist-letters-test-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="emnist-letters-test-labels-idx1-ubyte missing"):
        load_known(letters, tmp_path, tmp_path / "cache", offline=True)


def test_a_part_of_a_set_is_taken_with_a_note(
    letters: Known, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(letters, tmp_path / "emnist", (30, 27))
    with caplog.at_level(logging.WARNING):
        data = load_known(letters, tmp_path, tmp_path / "cache", offline=True)
    assert len(data.train) == 30
    assert "30 + 27 pictures" in caplog.text


def test_a_changed_byte_in_a_data_folder_is_an_error(digits: Known, tmp_path: Path) -> None:
    name = digits.files[0].name
    content = bytearray(gzip.decompress((tmp_path / "home" / f"{name}.gz").read_bytes()))
    content[500] ^= 1
    (tmp_path / "home" / f"{name}.gz").write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(DataError, match="its SHA-256 differs"):
        load_known(digits, tmp_path / "home", tmp_path / "cache")


def test_files_of_another_set_are_not_taken_for_this_one(
    digits: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_OWNERS", {digits.files[0].sha256: "digits"})
    other = replace(KNOWN["kmnist"], counts=(20, 10))
    with pytest.raises(DataError, match="these are the pictures of digits, not of kmnist"):
        load_known(other, tmp_path / "home", tmp_path / "cache", offline=True)


def test_what_was_fetched_loads_again_without_a_network(digits: Known, tmp_path: Path) -> None:
    first = load_known(digits, None, tmp_path / "cache")
    again = load_known(digits, None, tmp_path / "cache", offline=True)
    np.testing.assert_array_equal(first.train.images, again.train.images)
    assert sources.is_cached(digits, tmp_path / "cache")


def test_two_that_want_a_set_at_once_fetch_it_once(
    digits: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def slowly(download: Download, folder: Path) -> Path:
        asked.append(download.name)
        time.sleep(0.05)
        return fetch(download, folder)

    monkeypatch.setattr(sources, "fetch", slowly)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: load_known(digits, None, tmp_path / "cache"), range(2)))
    assert [len(data.train) for data in found] == [20, 20]
    assert sorted(asked) == sorted(download.name for download in digits.downloads)


def test_a_damaged_cache_heals_itself(
    digits: Known, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = load_known(digits, None, tmp_path / "cache")
    path = tmp_path / "cache" / "digits" / digits.files[0].name
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    healed = load_known(digits, None, tmp_path / "cache")
    np.testing.assert_array_equal(healed.train.images, whole.train.images)
    assert "damaged" in caplog.text
    assert path.read_bytes() != bytes(content)


def test_a_cut_off_cache_heals_itself(digits: Known, tmp_path: Path) -> None:
    load_known(digits, None, tmp_path / "cache")
    path = tmp_path / "cache" / "digits" / digits.files[3].name
    path.write_bytes(path.read_bytes()[:-2])
    assert len(load_known(digits, None, tmp_path / "cache").train) == 20


def test_a_damaged_cache_without_a_network_says_so(digits: Known, tmp_path: Path) -> None:
    load_known(digits, None, tmp_path / "cache")
    (tmp_path / "cache" / "digits" / digits.files[0].name).write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"damaged .*web page.*Put .* into FOLDER/digits"):
        load_known(digits, None, tmp_path / "cache", offline=True)


def test_offline_one_line_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load("kmnist", cache=tmp_path, offline=True)
    message = str(caught.value)
    assert "train-images-idx3-ubyte.gz" in message
    assert "FOLDER/kmnist and give --data-dir FOLDER" in message
    assert "\n" not in message


def test_a_missing_data_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such data folder"):
        load("mnist", tmp_path / "nothing", cache=tmp_path, offline=True)


def test_a_cache_that_cannot_be_written_is_named(digits: Known, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    with pytest.raises(OutputError, match="UNSCRAWL_CACHE"):
        load_known(digits, None, tmp_path / "cache")
