"""Python's own data: any map-style PyTorch dataset, and files that make one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError, OptionError
from unscrawl.learn.data.arrays import build, pictures
from unscrawl.learn.own import defined
from unscrawl.learn.sets import Data

__all__ = ["from_dataset", "from_python"]


def from_dataset(dataset: Any, test: Any = None, name: str = "dataset") -> Data:
    """Return the (picture, label) pairs of a map-style `torch.utils.data.Dataset`, say torchvision's.

    Pictures may be PIL images, arrays or tensors of 0 … 255 or 0 … 1; the dataset's own `classes`, where it
    has them, name the labels. `test` is the dataset of the test part.

    Raises:
        DataError: no map-style dataset, or pictures or labels of another form.
    """
    parts = {"train": _pairs(dataset, name)}
    if test is not None:
        parts["test"] = _pairs(test, f"{name} (test)")
    names = [str(label) for label in getattr(dataset, "classes", None) or ()]
    used = max((int(labels.max()) + 1 for _, labels in parts.values() if labels.dtype.kind == "i"), default=0)
    return build(name, parts, names if len(names) >= max(used, 1) else None)


def _pairs(dataset: Any, name: str) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
        raise DataError(f"{name}: give a map-style dataset, with __len__ and __getitem__")
    images, labels = [], []
    for i in range(len(dataset)):
        try:
            item = dataset[i]
        except Exception as error:  # whatever the user's dataset raises is told in one line
            raise DataError(f"{name}: item {i} fails: {type(error).__name__}: {error}") from error
        try:
            image, label = item
            images.append(np.asarray(image))
            labels.append(label if isinstance(label, str) else np.asarray(label).item())
        except (TypeError, ValueError, RuntimeError):
            raise DataError(f"{name}: item {i} is not a pair of picture and label") from None
    shapes = sorted({image.shape for image in images})
    if len(shapes) > 1:
        raise DataError(
            f"{name}: pictures of mixed size: {shapes[0]} and {shapes[1]}; resize them in its transform"
        )
    return pictures(np.stack(images) if images else np.zeros((0, 1, 1)), name), np.array(labels)


def from_python(source: str) -> Data:
    """Return the data that `path/to/file.py:name` is, or gives when called without arguments.

    It may be a `Data`, a dataset, or a tuple of two datasets for training and test.

    Raises:
        OptionError: there is no such name, or the file or the call fails.
        DataError: it gives something else.
    """
    found = defined("data", source)
    if isinstance(found, type) or (callable(found) and not hasattr(found, "__getitem__")):
        try:
            found = found()
        except Exception as error:  # as above
            raise OptionError(f"data {source!r} fails: {type(error).__name__}: {error}") from error
    if isinstance(found, Data):
        return found
    dataset, test = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
    return from_dataset(dataset, test, source)
