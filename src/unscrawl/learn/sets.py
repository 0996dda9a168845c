"""What a data set is, to everything that learns: pictures as uint8, labels as integers, names of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unscrawl.errors import DataError

__all__ = ["Data", "ImageSet", "check", "split"]


@dataclass(frozen=True)
class ImageSet:
    """Pictures of one size with one label each."""

    images: NDArray[np.uint8]
    """[N, H, W] or [N, H, W, C], 0 … 255."""
    labels: NDArray[np.int64]
    """[N], 0 … classes - 1."""

    def __post_init__(self) -> None:
        if self.images.ndim not in (3, 4) or self.images.dtype != np.uint8:
            raise DataError(
                f"pictures must be uint8 [N, H, W] or [N, H, W, C], "
                f"these are {self.images.dtype} {list(self.images.shape)}"
            )
        if self.labels.ndim != 1 or self.labels.dtype != np.int64:
            raise DataError(
                f"labels must be int64 [N], these are {self.labels.dtype} {list(self.labels.shape)}"
            )
        if len(self.images) != len(self.labels):
            raise DataError(f"{len(self.images)} pictures but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def channels(self) -> int:
        """1 for grey pictures, else the last axis."""
        return 1 if self.images.ndim == 3 else int(self.images.shape[3])

    def take(self, indices: ArrayLike) -> ImageSet:
        """Return the pictures and labels at `indices` (integers or a boolean mask)."""
        index = np.asarray(indices)
        return ImageSet(self.images[index], self.labels[index])


@dataclass(frozen=True)
class Data:
    """A named data set, divided into what trains, what chooses and what measures."""

    name: str
    classes: tuple[str, ...]
    """Label → character or name."""
    train: ImageSet
    test: ImageSet | None = None
    """Only `evaluate` looks at this, the training loop never."""
    validation: ImageSet | None = None
    """A set's own split (by writer, say); without one the loop splits `train`."""


def check(data: Data) -> None:
    """Raise `DataError` in one line where `data` cannot be trained on."""
    C = len(data.classes)
    if C < 2:
        raise DataError(f"{data.name}: {C} class, at least 2 are needed to learn telling them apart")
    shape = data.train.images.shape[1:]
    for part, images in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        if images is None:
            continue
        if images.images.shape[1:] != shape:
            raise DataError(f"{data.name}: {part} pictures have form {images.images.shape[1:]}, not {shape}")
        wrong = np.flatnonzero((images.labels < 0) | (images.labels >= C))
        if wrong.size:
            i = int(wrong[0])
            raise DataError(
                f"{data.name}: {part} label {images.labels[i]} (picture {i}) is not in 0 … {C - 1}"
            )
    if len(data.train) < C:
        raise DataError(f"{data.name}: {len(data.train)} training pictures are too few for {C} classes")
    if np.unique(data.train.labels).size < 2:
        raise DataError(f"{data.name}: every training picture has the same label, nothing to tell apart")


def split(images: ImageSet, share: float, seed: int) -> tuple[ImageSet, ImageSet]:
    """Divide into (train, validation): `share` of every class, at least one where a class has two or more.

    The same seed gives the same division on every machine.
    """
    rng = np.random.default_rng(seed)
    held = np.zeros(len(images), dtype=bool)
    for label in np.unique(images.labels):
        members = np.flatnonzero(images.labels == label)
        count = min(max(round(share * members.size), 1), members.size - 1)
        held[rng.permutation(members)[:count]] = True
    return images.take(~held), images.take(held)
