"""Folders of pictures sorted into one folder for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError
from unscrawl.learn.data.arrays import build
from unscrawl.learn.data.tables import from_idx
from unscrawl.learn.sets import Data

__all__ = ["from_folder"]

_SUFFIXES: Final = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_PARTS: Final = {"train": "train", "test": "test", "validation": "validation", "val": "validation"}


def from_folder(folder: Path, *, prepare: bool = False) -> Data:
    """Return the pictures in `folder/CLASS/`, or in `folder/train/CLASS/` and `folder/test/CLASS/`.

    A folder `validation` (or `val`) may stand beside these two; a folder of IDX files is read as such. The
    classes are the names of the folders, sorted. Pictures must be of one size and stay as they are; `prepare`
    instead finds the ink of each, whatever its paper, and sets it as reading does: 28 × 28, white on black.

    Raises:
        DataError: no pictures, a class without any, pictures of mixed size.
        PictureError: a picture that cannot be read.
    """
    if idx := sorted(folder.glob("*train*images*idx*")) or sorted(folder.glob("*images*idx*")):
        return from_idx(idx[0])
    divided = {part: folder / name for name, part in _PARTS.items() if (folder / name).is_dir()}
    if "train" not in divided:
        divided = {"train": folder}
    listed = {part: _list(place) for part, place in divided.items()}
    classes = sorted({name for name, _ in listed["train"]})
    parts = {}
    for part, files in listed.items():
        images = _read([path for _, path in files], prepare)
        parts[part] = (images, np.array([name for name, _ in files]))
    if len({images.shape[1:] for images, _ in parts.values()}) > 1:
        forms = ", ".join(f"{part} {list(images.shape[1:])}" for part, (images, _) in parts.items())
        raise DataError(f"{folder}: the parts have pictures of different form: {forms}")
    return build(str(folder), parts, classes)


def _list(folder: Path) -> list[tuple[str, Path]]:
    """Return (class, picture) for each picture, sorted."""
    found = []
    places = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    if not places:
        raise DataError(f"{folder}: has no folders; put the pictures of each class into one of its own")
    for place in places:
        files = sorted(path for path in place.iterdir() if path.suffix.lower() in _SUFFIXES)
        if not files:
            raise DataError(f"{place}: the folder of class {place.name!r} has no pictures")
        found += [(place.name, path) for path in files]
    return found


def _read(paths: list[Path], prepare: bool) -> NDArray[np.uint8]:
    """Return the pictures [N, H, W], or [N, H, W, 3] where any of them has colour."""
    from unscrawl.image import load

    images: list[NDArray[np.uint8]] = []
    for path in paths:
        picture = load(path)
        if prepare:
            from unscrawl.glyph import prepare as set_glyph
            from unscrawl.ink import extract

            images.append(set_glyph(extract(picture, layout="glyph").strength))
            continue
        rgb = picture.rgb
        if images and rgb.shape[:2] != images[0].shape[:2]:
            first, this = (f"{i.shape[1]} × {i.shape[0]}" for i in (images[0], rgb))
            raise DataError(
                f"pictures of mixed size: {paths[0]} is {first}, {path} is {this}; "
                "resize them, or add --prepare to set each by its ink"
            )
        grey = (rgb[..., :1] == rgb[..., 1:]).all()
        images.append(rgb[..., 0] if grey else rgb)
    if any(image.ndim == 3 for image in images):
        images = [image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2) for image in images]
    return np.stack(images)
