"""Any picture → upright RGB pixels. Needs only Pillow and NumPy."""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unscrawl.errors import PictureError

__all__ = ["FORMATS", "MAX_BYTES", "MAX_PIXELS", "MAX_SIDE", "MIN_SIDE", "Picture", "load"]

MIN_SIDE: Final = 3
"""Fewest pixels a side: nothing smaller can hold a character."""
MAX_SIDE: Final = 20_000
"""Most pixels a side."""
MAX_PIXELS: Final = 120_000_000
"""Most pixels in all: enough for a 108-megapixel phone."""
MAX_BYTES: Final = 1 << 29
"""Most bytes in a file (512 MiB); also ends the reading of devices that never end."""
FORMATS: Final = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
"""Formats opened, by Pillow's names. Others (EPS runs a program, for one) are never tried."""

_LIMIT: Final = f"over the limit of {MAX_SIDE} a side and {MAX_PIXELS // 10**6} million in all: reduce it"
_STRIP: Final = 256  # rows converted at a time, so that a large photo is never held three times
_SAMPLE: Final = 512  # rows and columns that tell whether transparent parts hide light ink
_LIGHT: Final = 200  # of 255: mean of the darkest channel from which ink is light
_ORIENTATION: Final = 0x0112  # EXIF tag
_UPRIGHT: Final[dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}

# Pillow warns about size and damaged metadata; both are either refused below or harmless. The filters of
# `warnings` belong to the whole process, so only one thread at a time may change them.
_PILLOW: Final = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """Upright pixels: `rgb` is uint8 [H, W, 3]; `source` names where they came from.

    `source` is the path as given, "-" for standard input, "" for arrays and images without a name.
    """

    rgb: NDArray[np.uint8]
    source: str


def load(
    source: str | os.PathLike[str] | bytes | BinaryIO | NDArray[Any] | Image.Image, name: str | None = None
) -> Picture:
    """Return the picture in `source`, upright, with transparent parts on white, or on black under light ink.

    Args:
        source: a path; a file's bytes; a binary file object, read to its end and left open; an array
            [H, W], [H, W, 3] (RGB) or [H, W, 4] (RGBA) of uint8, uint16, bool or float (0–1, or 0–255);
            a Pillow image. Of several frames the first is taken.
        name: what to call the picture in messages and results, if not by its path.

    Raises:
        PictureError: missing, unreadable, not a picture, truncated, too small or too large.
    """
    if isinstance(source, np.ndarray):
        label = name or ""
        return Picture(_array_rgb(source, label), label)
    if isinstance(source, Image.Image):
        label = name or str(getattr(source, "filename", "") or "")
        return Picture(_image_rgb(source, label), label)
    data, label = _read(source, name)
    if not data:
        raise PictureError(f"{_called(label)} is empty (0 bytes)")
    if len(data) > MAX_BYTES:
        raise PictureError(f"{_called(label)} is larger than the limit of {MAX_BYTES >> 20} MiB")
    return Picture(_image_rgb(io.BytesIO(data), label), label)


def _called(label: str) -> str:
    return label or "the picture"


def _read(source: str | os.PathLike[str] | bytes | BinaryIO, name: str | None) -> tuple[bytes, str]:
    """Return at most `MAX_BYTES` + 1 bytes and the name to use in messages."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), name or ""
    if isinstance(source, (str, os.PathLike)):
        label = name or os.fspath(source)
        try:
            with open(source, "rb") as file:
                return file.read(MAX_BYTES + 1), label
        except FileNotFoundError:
            raise PictureError(f"{label}: no such file") from None
        except IsADirectoryError:
            raise PictureError(f"{label} is a folder, not a picture") from None
        except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
            raise PictureError(f"{label} cannot be read: {_reason(error)}") from None
    label = name or str(getattr(source, "name", "") or "")
    if not hasattr(source, "read"):
        kind = type(source).__name__
        raise PictureError(f"no picture can be taken from a {kind}: give a path, bytes, a file or an array")
    try:
        data = source.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PictureError(f"{_called(label)} cannot be read: {_reason(error)}") from None
    if not isinstance(data, bytes):
        raise PictureError(f"{_called(label)} is open as text: open it as binary (mode 'rb')")
    return data, label


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())


def _check_size(width: int, height: int, label: str) -> None:
    size = f"{_called(label)} is {width} × {height} pixels"
    if min(width, height) < MIN_SIDE:
        raise PictureError(f"{size}: too small to read (at least {MIN_SIDE} × {MIN_SIDE})")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise PictureError(f"{size}: {_LIMIT}")


def _image_rgb(source: io.BytesIO | Image.Image, label: str) -> NDArray[np.uint8]:
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = source if isinstance(source, Image.Image) else _open(source, label)
        _check_size(*image.size, label)
        try:
            orientation = image.getexif().get(_ORIENTATION, 1)
        except Exception:  # metadata is no reason to refuse sound pixels
            orientation = 1
        try:
            image.load()
            rgb = _pixels(image, label)
        except PictureError:
            raise
        except Exception as error:  # decoders meet damage with almost any exception
            raise PictureError(f"{_called(label)} is truncated or damaged: {_reason(error)}") from None
    upright = _UPRIGHT.get(orientation)
    return rgb if upright is None else np.ascontiguousarray(upright(rgb))


def _open(file: io.BytesIO, label: str) -> Image.Image:
    try:
        return Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        raise PictureError(f"{_called(label)} has too many pixels: {_LIMIT}") from None
    except Exception:  # as above
        raise PictureError(
            f"{_called(label)} is not a sound picture: use JPEG, PNG, WebP, TIFF, BMP or GIF"
        ) from None


def _pixels(image: Image.Image, label: str) -> NDArray[np.uint8]:
    """Convert a loaded image of any mode, a strip at a time, to uint8 RGB [H, W, 3]."""
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _array_rgb(_deep(np.asarray(image)), label)
    width, height = image.size
    rgb = np.empty((height, width, 3), np.uint8)
    veiled = image.has_transparency_data
    ground = 255
    if veiled:
        few = image.resize((min(width, _SAMPLE), min(height, _SAMPLE)), Image.Resampling.NEAREST)
        ground = _ground(np.asarray(few.convert("RGBA")))
    for top in range(0, height, _STRIP):
        strip = image.crop((0, top, width, min(top + _STRIP, height)))
        if veiled:
            rgb[top : top + _STRIP] = _over(ground, np.asarray(strip.convert("RGBA")))
        else:
            rgb[top : top + _STRIP] = np.asarray(strip.convert("RGB"))
    return rgb


def _deep(values: NDArray[Any]) -> NDArray[Any]:
    """Bring whole numbers of more than 8 bits to uint16, and floats of any range to 0–1."""
    if values.dtype.kind != "f":
        whole: NDArray[np.uint16] = np.clip(values, 0, 65535).astype(np.uint16)
        return whole
    values = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = values.min(), values.max()
    if low < 0 or high > 255:
        values = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    return values


def _ground(rgba: NDArray[np.uint8]) -> int:
    """Return what a picture [H, W, 4] with clear parts lies on: 255, white, or 0 where that would hide it."""
    alpha = rgba[..., 3].astype(np.float64)
    light = (rgba[..., :3].min(axis=2) * alpha).sum() / max(float(alpha.sum()), 1.0)
    return 0 if light > _LIGHT and alpha.mean() < 127 else 255


def _over(ground: int, rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed: NDArray[np.uint16] = rgba[..., :3] * alpha + np.uint16(ground) * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def _array_rgb(array: NDArray[Any], label: str) -> NDArray[np.uint8]:
    """Convert an array the caller made to uint8 RGB [H, W, 3]."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        shape = list(array.shape)
        raise PictureError(f"an array of shape {shape} is not a picture: use [H, W], [H, W, 3] or [H, W, 4]")
    _check_size(array.shape[1], array.shape[0], label)
    values = _bytes_of(array)
    if values.ndim == 2:
        return np.repeat(values[..., None], 3, axis=2)
    return _over(_ground(values), values) if values.shape[2] == 4 else np.array(values, order="C")


def _bytes_of(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale the values of an array to 0–255."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        # Cameras and scanners put 10, 12 or 14 bits into 16: take the fewest bits that hold the values.
        bits = max(8, int(array.max()).bit_length())
        return (array.astype(np.uint32) * 255 // ((1 << bits) - 1)).astype(np.uint8)
    if array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 255):  # also when either is not a number
            raise PictureError(f"float pixels must lie in 0–1 or in 0–255, not {low:g} to {high:g}")
        return np.rint(array * (255.0 if high <= 1 else 1.0)).astype(np.uint8)
    raise PictureError(f"an array of {array.dtype} is not a picture: use uint8, uint16, float or bool")
