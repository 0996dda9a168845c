"""Files to arrays: every packing, and every kind of damage told apart."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unscrawl.errors import DataError
from unscrawl.learn.data.files import decode_idx, decode_libsvm, encode_idx, read_idx, unpack

ARRAY = np.arange(60, dtype=np.uint8).reshape(3, 5, 4)
IDX = encode_idx(ARRAY)


def as_bytes(content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.uint8)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_an_idx_file_is_read_however_it_is_packed(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "images-idx3-ubyte.gz"  # the name does not matter
    path.write_bytes(pack(IDX))
    np.testing.assert_array_equal(read_idx(path), ARRAY)


def test_wide_numbers_are_big_endian() -> None:
    content = (
        b"\0\0\x0c\x01"
        + (2).to_bytes(4, "big")
        + (7).to_bytes(4, "big")
        + (-9).to_bytes(4, "big", signed=True)
    )
    assert decode_idx(as_bytes(content), "labels").tolist() == [7, -9]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        (b"\xef\xbb\xbf\n <HTML><head>", "web page"),
        (gzip.compress(IDX)[:-12], "cut off"),
        (bz2.compress(IDX)[:-4], "cut off"),
        (lzma.compress(IDX)[:-4], "cut off"),
        (gzip.compress(IDX)[:20] + b"\0\0\0\0" + gzip.compress(IDX)[24:], "corrupt"),
        (IDX[:-1], "cut off: 75 of 76 bytes"),
        (IDX[:10], "cut off within its header"),
        (IDX + b"!", "1 bytes more"),
        (b"PNG is no IDX", "not an IDX file"),
        (b"\0\0\x08\3" + b"\x80\0\0\0" * 3, "cut off: 16 of 9,903,520,314,283,042,199,192,993,808 bytes"),
        (b"\0\0\x08\4" + bytes(4) + b"\x80\0\0\0" * 3, "corrupt: its header says 0 × 2147483648 × "),
    ],
)
def test_each_kind_of_damage_has_its_own_message(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_idx(tmp_path / "nothing")


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_our_own_errors(content: bytes) -> None:
    for packed in (content, gzip.compress(content), b"\x1f\x8b" + content, b"\0\0\x08" + content):
        with suppress(DataError):
            decode_idx(unpack(as_bytes(packed), "x"), "x")


def test_libsvm_lines_become_pictures() -> None:
    images, labels = decode_libsvm(as_bytes(b"10 1:-1 2:1 3:0 4:-1\n3 4:1\n"), 2, "usps")
    assert labels.tolist() == [10, 3]
    assert images.tolist() == [[[0, 255], [127, 0]], [[127, 127], [127, 255]]]


@pytest.mark.parametrize("line", ["x 1:0", "1 1", "1 5:0", "1 0:1", "1 1:zero", ""])
def test_a_bad_libsvm_line_is_numbered(line: str) -> None:
    with pytest.raises(DataError, match="line 2"):
        decode_libsvm(as_bytes(f"1 1:0\n{line}\n1 1:0\n".encode()), 2, "usps")
