"""Files of one's own: IDX pairs, NumPy archives, tables of pixels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError
from unscrawl.learn.data.arrays import build, pictures
from unscrawl.learn.data.files import read_file, read_idx
from unscrawl.learn.sets import Data

__all__ = ["from_csv", "from_idx", "from_npz"]

_NPZ_FORMS: Final = (
    {"train": ("x_train", "y_train"), "test": ("x_test", "y_test"), "validation": ("x_val", "y_val")},
    {"train": ("train_images", "train_labels"), "test": ("test_images", "test_labels"),
     "validation": ("val_images", "val_labels")},
    {"train": ("images", "labels")},
    {"train": ("x", "label")},
    {"train": ("x", "y")},
    {"train": ("arr_0", "arr_1")},
)  # fmt: skip
_LABELS: Final = ("label", "class", "target")


def from_idx(images: Path, labels: Path | None = None) -> Data:
    """Return the pictures of an IDX file and the labels of another.

    Without `labels` the name of the other follows from the first ("images" → "labels", "idx3" → "idx1").
    Where the name holds "train" and a pair "test" or "t10k" lies beside it, that is the test part.
    """
    labels = labels or _labels_beside(images)
    parts = {"train": _idx_pair(images, labels)}
    for test in ("test", "t10k"):
        pair = [path.with_name(path.name.replace("train", test)) for path in (images, labels)]
        if pair[0] != images and all(path.is_file() for path in pair):
            parts["test"] = _idx_pair(pair[0], pair[1])
    return build(str(images), parts)


def _labels_beside(images: Path) -> Path:
    labels = images.with_name(images.name.replace("images", "labels").replace("idx3", "idx1"))
    if labels == images or not labels.is_file():
        raise DataError(f"{images}: its labels are not beside it; name both, as IMAGES,LABELS")
    return labels


def _idx_pair(images: Path, labels: Path) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    return pictures(read_idx(images), str(images)), read_idx(labels)


def from_npz(path: Path) -> Data:
    """Return the arrays of a NumPy archive.

    Their names: x, label | x, y | images, labels | x_train, y_train, x_test, y_test (Keras; the last two may
    be missing) | train_images, train_labels, … (MedMNIST). An array `classes` names the classes; with an
    array `group` (writers, say), a tenth of the groups is the validation part.

    Raises:
        DataError: damaged, or without such arrays.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, EOFError, ValueError, AttributeError) as error:
        objects = "allow_pickle" in str(error)
        what = "its arrays hold Python objects" if objects else "not a whole NumPy archive"
        raise DataError(f"{path}: {what}; save numbers and strings with numpy.savez") from None
    except Exception as error:  # zipfile and zlib raise their own kinds
        raise DataError(f"{path}: the archive is damaged: {error}") from None
    for form in _NPZ_FORMS:
        if all(name in arrays for name in form["train"]):
            parts = {
                part: (pictures(arrays[x], f"{path}: {x}"), arrays[y])
                for part, (x, y) in form.items()
                if x in arrays and y in arrays
            }
            break
    else:
        raise DataError(
            f"{path}: has the arrays {', '.join(arrays)}; "
            "name them x and label, or x_train, y_train, x_test, y_test"
        )
    classes = [str(name) for name in arrays["classes"]] if "classes" in arrays else None
    data = build(str(path), parts, classes)
    return _by_group(data, arrays["group"]) if "group" in arrays and data.validation is None else data


def _by_group(data: Data, group: NDArray[Any]) -> Data:
    if group.shape != data.train.labels.shape:
        raise DataError(f"{data.name}: {len(data.train)} pictures but 'group' is of form {list(group.shape)}")
    names, member = np.unique(group, return_inverse=True)
    held = np.isin(member, np.random.default_rng(0).permutation(names.size)[: names.size // 10])
    if not held.any():
        return data
    return Data(data.name, data.classes, data.train.take(~held), data.test, data.train.take(held))


def from_csv(path: Path) -> Data:
    """Return the pictures of a table: in each row the label, then the pixels of a square picture.

    Pixels are 0 … 255, or 0 … 1 throughout. A first row may name the columns; one called label, class or
    target has the labels, wherever it is.
    Where the file's name holds "train" and the same with "test" lies beside it, that is the test part.

    Raises:
        DataError: a row of another form (its line is in the message).
    """
    parts = {"train": _read_csv(path)}
    beside = path.with_name(path.name.replace("train", "test"))
    if beside != path and beside.is_file():
        parts["test"] = _read_csv(beside)
    return build(str(path), parts)


def _read_csv(path: Path) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    text = read_file(path).tobytes().decode("utf-8-sig", "replace")
    lines = [(row, line) for row, line in enumerate(text.splitlines(), 1) if line.strip()]
    place = 0
    if lines and _pixels(lines[0][1].partition(",")[2]) is None:
        names = [name.strip().strip('"').lower() for name in lines.pop(0)[1].split(",")]
        place = next((i for i, name in enumerate(names) if name in _LABELS), 0)
    if not lines:
        raise DataError(f"{path}: holds no pictures")
    width = lines[0][1].count(",")
    if isqrt(width) ** 2 != width:
        raise DataError(f"{path}: a label and {width} pixels a row are no square pictures")
    values: NDArray[Any] = np.zeros((len(lines), width), np.uint8)
    labels = []
    for i, (row, line) in enumerate(lines):
        label, cells = _cut(line, place)
        pixels = _pixels(cells) if line.count(",") == width else None
        if pixels is None or pixels.size != width:
            raise DataError(f"{path}: line {row} is not a label and {width} numbers separated by commas")
        if not (pixels.min() >= 0 and pixels.max() <= 255):
            raise DataError(f"{path}: line {row} has a pixel outside 0 … 255")
        if values.dtype == np.uint8 and (pixels % 1).any():
            values = values.astype(np.float32)  # only now: whole numbers take a fourth of the memory
        values[i] = pixels
        labels.append(label.strip().strip('"'))
    return pictures(values, str(path)), _labels(labels)


def _cut(line: str, place: int) -> tuple[str, str]:
    """Return the cell at `place`, and all others."""
    if place == 0:  # quicker
        label, _, cells = line.partition(",")
        return label, cells
    parts = line.split(",")
    return (parts.pop(place), ",".join(parts)) if place < len(parts) else ("", "")


def _pixels(cells: str) -> NDArray[np.float64] | None:
    """Return the numbers in `cells`, None where one is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an early end is only a warning
            return np.fromstring(cells, np.float64, sep=",") if cells.strip() else None
    except (ValueError, DeprecationWarning):
        return None


def _labels(labels: Sequence[str]) -> NDArray[Any]:
    """Return labels as numbers where all are."""
    try:
        return np.array([float(label) for label in labels])
    except ValueError:
        return np.array(labels)
