"""Bytes to arrays: unpacking, IDX and libsvm files, each kind of damage told apart."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
import re
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError

__all__ = ["decode_idx", "decode_libsvm", "encode_idx", "is_web_page", "read_file", "read_idx", "unpack"]

_IDX_TYPES: Final = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_PACKED: Final = (
    (b"\x1f\x8b", gzip.decompress),
    (b"BZh", bz2.decompress),
    (b"\xfd7zXZ\x00", lzma.decompress),
)
_WEB_PAGE: Final = re.compile(rb"\s*<(!doctype\s+html|html|head|\?xml|error)", re.IGNORECASE)


def read_file(path: Path) -> NDArray[np.uint8]:
    """Return the unpacked bytes of `path` as a writable array [bytes].

    Raises:
        DataError: it cannot be opened, is empty, a web page, cut off or corrupt.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    return unpack(content, str(path))


def is_web_page(start: bytes) -> bool:
    """Say whether a file that begins so is HTML, or the XML with which storage services tell errors."""
    return _WEB_PAGE.match(start.removeprefix(b"\xef\xbb\xbf")) is not None


def unpack(content: NDArray[np.uint8], source: str) -> NDArray[np.uint8]:
    """Undo gzip, bzip2 or xz by what the bytes are, not by their name; plain bytes come back as they are.

    `source` names them in messages.

    Raises:
        DataError: empty, a web page, cut off or corrupt.
    """
    start = content[:64].tobytes()
    if not start:
        raise DataError(f"{source}: the file is empty; delete it and fetch it again")
    if is_web_page(start):
        raise DataError(
            f"{source}: this is a web page, not data (a login or error page was saved in its place); "
            "delete it and fetch it again"
        )
    for magic, decompress in _PACKED:
        if not start.startswith(magic):
            continue
        try:
            return np.frombuffer(bytearray(decompress(content.tobytes())), np.uint8)
        except EOFError:
            raise DataError(f"{source}: the file is cut off; fetch it again") from None
        except (OSError, ValueError, zlib.error, lzma.LZMAError) as error:
            # The bzip2 module has no error of its own for an early end.
            state = "cut off" if "ended before" in str(error) else "corrupt"
            raise DataError(f"{source}: the file is {state}; fetch it again") from None
    return content


def decode_idx(content: NDArray[np.uint8], source: str) -> NDArray[Any]:
    """Return the array in the bytes of an IDX file (Yann LeCun's format), without a copy.

    Raises:
        DataError: not IDX, or not as many bytes as its header says.
    """
    header = content[:4].tobytes()
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] not in _IDX_TYPES or not 1 <= header[3] <= 8:
        raise DataError(f"{source}: not an IDX file (it begins with {header!r})")
    dtype, start = np.dtype(_IDX_TYPES[header[2]]), 4 + 4 * header[3]
    if content.size < start:
        raise DataError(f"{source}: the file is cut off within its header; fetch it again")
    shape = tuple(int(size) for size in content[4:start].view(">u4"))
    expected = start + dtype.itemsize * math.prod(shape)
    if content.size < expected:
        raise DataError(f"{source}: cut off: {content.size:,} of {expected:,} bytes; fetch it again")
    if content.size > expected:
        raise DataError(f"{source}: corrupt: {content.size - expected:,} bytes more than its header says")
    try:
        return content[start:].view(dtype).reshape(shape)
    except ValueError:  # no values at all, yet sides beyond what an array can have
        raise DataError(f"{source}: corrupt: its header says {' × '.join(map(str, shape))}") from None


def read_idx(path: Path) -> NDArray[Any]:
    """Return the array in an IDX file, packed or not."""
    return decode_idx(read_file(path), str(path))


def encode_idx(array: NDArray[np.uint8]) -> bytes:
    """Return `array` as an IDX file."""
    sizes = b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    return bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes()


def decode_libsvm(
    content: NDArray[np.uint8], side: int, source: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return pictures [N, side, side] and labels [N] of lines "label index:value …", values -1 … 1.

    Raises:
        DataError: a line of another form (its number is in the message).
    """
    lines = content.tobytes().decode("ascii", "replace").splitlines()
    images = np.zeros((len(lines), side * side), np.float32)  # what is not written is 0
    labels = np.zeros(len(lines), np.int64)
    for row, line in enumerate(lines):
        try:
            label, *cells = line.split()
            labels[row] = int(float(label))
            pairs = [cell.split(":") for cell in cells]
            places = np.array([int(index) for index, _ in pairs], np.intp) - 1
            if places.min(initial=0) < 0:
                raise IndexError
            images[row, places] = [float(value) for _, value in pairs]
        except (ValueError, IndexError):
            raise DataError(f"{source}: line {row + 1} is not of the form 'label index:value …'") from None
    return ((images + 1) / 2 * 255).astype(np.uint8).reshape(-1, side, side), labels
