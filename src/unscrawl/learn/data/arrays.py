"""Any numbers to pictures of bytes and labels from 0: what every source of one's own data goes through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError
from unscrawl.learn.sets import Data, ImageSet

__all__ = ["build", "number", "pictures"]

_LARGEST: Final = 2.0**53  # whole numbers up to here are exact in every type that holds them


def pictures(values: NDArray[Any], source: str) -> NDArray[np.uint8]:
    """Return `values` as pictures, uint8 [N, H, W] or [N, H, W, 3].

    Takes [N, H, W], [N, H·W] of square pictures, [N, H, W, C] and [N, C, H, W]; numbers 0 … 255, or 0 … 1
    (fractions, truth values, or whole numbers of which none is above 1). `source` names them in messages.

    Raises:
        DataError: another form, or values outside these ranges.
    """
    values = _arrange(values, source)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values * np.uint8(255) if values.max() <= 1 else values)
    if values.dtype.kind not in "iuf":
        raise DataError(f"{source}: pixels must be numbers, these are {values.dtype}")
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 255):  # so that NaN is refused too
        raise DataError(
            f"{source}: pixels from {low:.4g} to {high:.4g}; give 0 … 255 or 0 … 1, before any normalisation"
        )
    if high <= 1:
        values = values * np.float32(255)
    return np.ascontiguousarray(np.rint(values).astype(np.uint8))


def _arrange(values: NDArray[Any], source: str) -> NDArray[Any]:
    """Return `values` with the axes of pictures: N, H, W and, for colour, 3."""
    if values.dtype == np.object_:
        raise DataError(f"{source}: the pictures are of mixed size; bring them to one size first")
    if values.size == 0:
        raise DataError(f"{source}: holds no pictures")
    if values.ndim == 2 and isqrt(values.shape[1]) ** 2 == values.shape[1]:
        values = values.reshape(len(values), isqrt(values.shape[1]), -1)
    if values.ndim == 4 and values.shape[3] not in (1, 3) and values.shape[1] in (1, 3):
        values = values.transpose(0, 2, 3, 1)
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3 and (values.ndim != 4 or values.shape[3] != 3):
        raise DataError(f"{source}: pictures must be [N, H, W] or [N, H, W, 3], not {list(values.shape)}")
    return values


def number(
    parts: Sequence[NDArray[Any]], source: str, classes: Sequence[str] | None = None
) -> tuple[tuple[str, ...], list[NDArray[np.int64]]]:
    """Return the names of the classes and each part's labels as numbers from 0.

    With `classes`, whole numbers are indices into them and strings are names among them. Without, the
    different labels, sorted, are the classes.

    Raises:
        DataError: a label that is none of the classes, negative, or neither name nor whole number.
    """
    parts = [_plain(labels, source) for labels in parts]
    kinds = {labels.dtype.kind for labels in parts}
    if len(kinds) > 1:
        raise DataError(f"{source}: some labels are names and some are numbers")
    if classes is not None and kinds == {"i"}:
        for labels in parts:
            wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
            if wrong.size:
                i = int(wrong[0])
                last = len(classes) - 1
                raise DataError(f"{source}: label {labels[i]} of picture {i} is outside 0 … {last}")
        return tuple(classes), [labels.astype(np.int64) for labels in parts]
    names = np.unique(np.concatenate(parts)) if classes is None else np.asarray(classes, str)
    if names.dtype.kind == "i" and names[0] < 0:
        raise DataError(f"{source}: label {names[0]} is out of range: labels are names or numbers from 0")
    place = {name: index for index, name in enumerate(names.tolist())}
    try:
        numbers = [np.array([place[label] for label in labels.tolist()], np.int64) for labels in parts]
    except KeyError as error:
        raise DataError(f"{source}: label {error.args[0]!r} is none of its {len(place)} classes") from None
    return tuple(str(name) for name in names), numbers


def _plain(labels: NDArray[Any], source: str) -> NDArray[Any]:
    """Return labels as int64 or str [N]."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(f"{source}: labels must be [N], not {list(labels.shape)}")
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    if labels.dtype.kind == "U":
        return labels
    if labels.dtype.kind not in "iufb":
        raise DataError(f"{source}: labels must be names or whole numbers, not {labels.dtype}")
    wrong = labels[~((np.rint(labels) == labels) & (np.abs(labels, dtype=float) < _LARGEST))]
    if wrong.size:
        raise DataError(f"{source}: labels must be names or whole numbers: {wrong[0]} is no whole number")
    return labels.astype(np.int64)


def build(
    name: str,
    parts: Mapping[str, tuple[NDArray[np.uint8], NDArray[Any]]],
    classes: Sequence[str] | None = None,
) -> Data:
    """Return the data set `name` with the parts "train" and, where there, "test" and "validation".

    Each part is its pictures (as `pictures` returns them) and its labels as they were found.

    Raises:
        DataError: labels as in `number`, or not one label for each picture.
    """
    for part, (images, labels) in parts.items():
        if len(images) != len(labels):
            raise DataError(f"{name}: {part} has {len(images)} pictures but {len(labels)} labels")
    names, numbers = number([labels for _, labels in parts.values()], name, classes)
    sets = {
        part: ImageSet(images, labels)
        for (part, (images, _)), labels in zip(parts.items(), numbers, strict=True)
    }
    return Data(name, names, sets["train"], sets.get("test"), sets.get("validation"))
