"""The file of a hand: arrays and one JSON text as safetensors, with a digest; grey pictures as PNG."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from unscrawl.errors import ModelError

__all__ = [
    "FORMAT",
    "coarse",
    "fine",
    "from_png",
    "in_steps",
    "is_hand",
    "pack",
    "plain",
    "sound_figures",
    "sound_words",
    "storable",
    "to_png",
    "unpack",
]

FORMAT: Final = 2
"""Version of the file's form; a file of a higher one is refused. In form 1 there is nothing `deep`."""

_KEY: Final = "unscrawl hand"
_STEP: Final = 17  # 16 grey levels: a third of the bytes of 256, and nothing is read differently
_MOST: Final = 1 << 22  # pixels of one picture at most, and the greatest figure
_MOST_IN_ALL: Final = 1 << 26  # pixels of all of them: ten thousand lines have less
_SIZE_OF: Final = ":step"  # behind the name of an array in 8 bits: what one step is worth
_HEADER: Final = b"\x00\x00\x00\x0dIHDR"  # length and name of the first chunk of a PNG, at byte 8
_SIZE: Final = struct.Struct(">II")  # width and height, which follow
_LONGEST_WORD: Final = 64  # characters; the word list learns no longer one
_MOST_WORDS: Final = 10_000
_MOST_LETTERS: Final = 100_000  # of all words: the word list takes some seconds and 100 MB for as many
_MOST_OFTEN: Final = 1e6  # times that a word was seen


def pack(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], *, form: int = FORMAT) -> bytes:
    """Return the bytes of a file of that form that holds `facts` (JSON values) and `arrays`."""
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    text = plain(json.dumps({"format": form, **facts}, ensure_ascii=False))
    return bytes(save(arrays, {_KEY: text, "sha256": _digest(text, arrays)}))


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return facts and arrays of a file's bytes.

    Raises:
        ModelError: they are no hand's, damaged, of a newer form, or would fill the memory; the message says
            which, without a path.
    """
    try:
        arrays = load(data)
        length = struct.unpack("<Q", data[:8])[0]
        kept = json.loads(data[8 : 8 + length])["__metadata__"]
        facts = json.loads(kept[_KEY])
        form = int(facts["format"])
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, RecursionError, struct.error):
        raise ModelError("is not the file of a hand, or is damaged") from None
    if form > FORMAT:
        raise ModelError(f"was written by a newer unscrawl (form {form}): update unscrawl")
    if kept.get("sha256") != _digest(kept[_KEY], arrays):
        raise ModelError("is damaged: its contents do not match its digest")
    if _pixels(data) > _MOST_IN_ALL:
        raise ModelError("is no hand: its pictures are far too large")
    return facts, arrays


def is_hand(data: bytes) -> bool:
    """Tell whether a file's bytes are those of a hand, be it damaged or of a newer form."""
    try:
        (length,) = struct.unpack_from("<Q", data)
        return _KEY in json.loads(data[8 : 8 + length])["__metadata__"]
    except (ValueError, KeyError, TypeError, RecursionError, struct.error):
        return False


def plain(text: str) -> str:
    r"""Return `text` as UTF-8 can hold it: half a character, as in a file's odd name, as \udcff."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def storable(words: Mapping[str, float]) -> dict[str, float]:
    """Return the words that `sound_words` will take: not the overlong ones, and of too many the last."""
    short = {word: min(count, _MOST_OFTEN) for word, count in words.items() if len(word) <= _LONGEST_WORD}
    letters = sum(map(len, short))
    for word in list(short):
        if len(short) <= _MOST_WORDS and letters <= _MOST_LETTERS:
            break
        letters -= len(word)
        del short[word]
    return short


def sound_words(found: Any) -> dict[str, float]:
    """Return the words of a hand's file, each with how often it was seen.

    Raises:
        ModelError: they would fill the memory, or a count is none; the message comes behind a path.
    """
    words = {plain(word): count for word, count in _entries(found, "words")}
    if len(words) > _MOST_WORDS or sum(map(len, words)) > _MOST_LETTERS:
        raise ModelError(f"is no hand: its {len(words)} words are far too many, or far too long")
    for word, count in words.items():
        if len(word) > _LONGEST_WORD:
            raise ModelError(f"is no hand: it has a word of {len(word)} letters")
        if not (_is_number(count) and 0 <= count <= _MOST_OFTEN):
            raise ModelError("is no hand: how often it has seen a word is no such number")
    return {word: float(count) for word, count in words.items()}


def sound_figures(found: Any) -> dict[str, Any]:
    """Return what a hand's file tells of its last teaching: a number each, or None.

    Raises:
        ModelError: something else is among them; the message comes behind a path.
    """
    figures = {plain(name): value for name, value in _entries(found, "figures")}
    if not all(value is None or _is_number(value) for value in figures.values()):
        raise ModelError("is no hand: what it tells of its last teaching are no numbers")
    return figures


def _entries(found: Any, what: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(found, dict):
        raise ModelError(f"is no hand: its {what} are not put together as a hand's are")
    return iter(found.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= _MOST


def _pixels(data: bytes) -> int:
    """Count the pixels that the PNGs in `data` say they have, without decoding any."""
    found = re.finditer(re.escape(_HEADER), data[: -_SIZE.size])
    return sum(width * height for width, height in (_SIZE.unpack_from(data, m.end()) for m in found))


def _digest(text: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    for name in sorted(arrays):
        digest.update(name.encode() + arrays[name].tobytes())
    return digest.hexdigest()


def in_steps(arrays: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
    """Return matrices in 8 bits, with the size of a step for each row or column, whichever are fewer.

    What is no matrix is kept in 16 bits.
    """
    out: dict[str, NDArray[Any]] = {}
    for name, value in arrays.items():
        if value.ndim != 2 or not value.size:
            out[name] = value.astype(np.float16)
            continue
        size = np.abs(value).max(axis=int(np.argmax(value.shape)), keepdims=True) / 127
        size[size == 0] = 1
        out[name], out[name + _SIZE_OF] = np.rint(value / size).astype(np.int8), size.astype(np.float32)
    return out


def fine(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """Return the arrays that `in_steps` stored.

    Raises:
        ValueError: steps and their size do not fit.
    """
    out = {}
    for name, value in arrays.items():
        if not name.endswith(_SIZE_OF):
            size = arrays.get(name + _SIZE_OF, np.float32(1))
            if np.broadcast_shapes(value.shape, size.shape) != value.shape:
                raise ValueError(name)
            out[name] = np.asarray(value * size, np.float32)
    return out


def coarse(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a grey picture in the 16 levels that a hand's file keeps."""
    return np.asarray((image.astype(np.uint16) + _STEP // 2) // _STEP * _STEP, np.uint8)


def to_png(image: NDArray[np.uint8]) -> bytes:
    """Return a grey picture [h, w] as PNG."""
    return bytes(cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1])


def from_png(data: bytes, *, height: int | None = None, width: int | None = None) -> NDArray[np.uint8]:
    """Return the grey picture in `data`, whose height or width is known.

    Raises:
        ModelError: it is no such picture.
    """
    whole = data[8:16] == _HEADER and len(data) >= 16 + _SIZE.size
    w, h = _SIZE.unpack_from(data, 16) if whole else (0, 0)
    fits = height in (None, h) and width in (None, w) and 0 < w * h <= _MOST
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if fits else None
    if image is None or image.shape != (h, w):
        raise ModelError("holds a picture that is damaged")
    return np.asarray(image, np.uint8)
