"""Data sets by name or path: `load("mnist")`, `load("my-folder")`, `load("pixels.csv")`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from unscrawl.errors import DataError, OptionError
from unscrawl.learn.data.catalogue import KNOWN
from unscrawl.learn.data.datasets import from_dataset, from_python
from unscrawl.learn.data.folders import from_folder
from unscrawl.learn.data.sources import load_known
from unscrawl.learn.data.store import cache_folder
from unscrawl.learn.data.tables import from_csv, from_idx, from_npz
from unscrawl.learn.names import unknown
from unscrawl.learn.sets import Data

__all__ = ["NAMES", "from_dataset", "load"]

CHARACTERS: Final = "characters"
"""The training set of the shipped classifier, put together from a folder of open sources."""
NAMES: Final = (*KNOWN, CHARACTERS)
"""Every name that `load` knows."""


def load(
    source: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    cache: str | os.PathLike[str] | None = None,
    *,
    fonts_dir: str | os.PathLike[str] | None = None,
    offline: bool = False,
    prepare: bool = False,
) -> Data:
    """Return a data set: upright uint8 pictures, labels from 0, the names of the classes.

    Args:
        source: a name of `NAMES`; a folder of class folders (with `train` and `test` above them or not); a
            `.csv` of label and pixels; a `.npz`; an IDX file with its labels beside it, or `IMAGES,LABELS`;
            `file.py:name` of a PyTorch dataset.
        data_dir: folder of the user's, looked into before anything else for the named sets.
        cache: where fetched sets are kept; `cache_folder()` unless given.
        fonts_dir: folder of handwriting fonts, for "characters" only.
        offline: use no network.
        prepare: for a folder of pictures, set the ink of each as reading does (28 × 28, white on black).

    Raises:
        OptionError: no such name or path.
        DataError: not to be had, damaged, or of the wrong form.
        OutputError: the cache cannot be written.
    """
    name = os.fspath(source)
    if not name.strip():  # a shell's unset variable; as a path it would be the current folder
        raise OptionError("the name of the data is empty: give one of `unscrawl data list`, or a path")
    own_folder = Path(data_dir) if data_dir is not None else None
    if name in KNOWN:
        place = Path(cache) if cache is not None else cache_folder()
        return load_known(KNOWN[name], own_folder, place, offline=offline)
    if name == CHARACTERS:
        return _characters(own_folder, Path(fonts_dir) if fonts_dir is not None else None)
    path = Path(name)
    if path.is_dir():
        return from_folder(path, prepare=prepare)
    if prepare:
        raise DataError(f"{name}: --prepare is for a folder of pictures")
    if ".py:" in name:
        return from_python(name)
    if name.count(",") == 1 and not path.exists():
        images, labels = (Path(part) for part in name.split(","))
        return from_idx(images, labels)
    if not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise DataError(f"{name}: there is no such file or folder")
        raise unknown("data", name, NAMES)
    plain = path.name.lower().removesuffix(".gz").removesuffix(".bz2")
    if plain.endswith(".csv"):
        return from_csv(path)
    if plain.endswith(".npz"):
        return from_npz(path)
    if "idx" in plain or "ubyte" in plain:
        return from_idx(path)
    raise DataError(f"{name}: data must be a folder of class folders, .csv, .npz, IDX files or file.py:name")


def _characters(data_dir: Path | None, fonts_dir: Path | None) -> Data:
    from unscrawl.learn.data.characters import load_characters

    if data_dir is None or fonts_dir is None:
        raise DataError(
            f"{CHARACTERS}: give --data-dir FOLDER with the folders glyphs and mnist, "
            "and --fonts-dir FOLDER with handwriting fonts"
        )
    return load_characters(data_dir, fonts_dir)
