"""Transcribed lines: tables with archives or plain folders, and a split that is fair.

A set is NAME.tsv (columns file, text; page and writer where known) beside NAME.zip with the pictures, or a
folder of pictures X.png, each with its text in X.txt.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import logging
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError, PictureError
from unscrawl.image import load
from unscrawl.spelling import clean
from unscrawl.strip import absorbance, band

__all__ = ["HELD", "TALL", "LineSet", "Sample"]
__all__ += ["find_sets", "fits", "held_back", "read_set", "set_name", "to_ink"]

TALL: Final = 64
"""Rows that a line is kept at: more than the network takes, so that distorting it costs no sharpness."""
HELD: Final = 10
"""One line in this many is held back."""

_LONGEST: Final = 2400  # px at 64 rows
_FEW: Final = 8  # writers below which a set is split by page
_PICTURES: Final = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_log = logging.getLogger(__name__)

Row: TypeAlias = dict[str, Any]
Content: TypeAlias = Callable[[str], bytes]
"""The bytes of a set's picture by its name; KeyError or FileNotFoundError where there is none."""


@dataclass(frozen=True)
class Sample:
    """A transcribed line: `ink` uint8 [64, w] (see `strip.absorbance`), the rows of its writing, its text."""

    ink: NDArray[np.uint8]
    rows: tuple[float, float]
    text: str
    source: str  # the set's name
    name: str  # the picture's


@dataclass(frozen=True)
class LineSet:
    """Lines of one source: to train on, held back by writer or page, and left out as (picture, why)."""

    name: str
    training: list[Sample]
    held: list[Sample]
    left_out: list[tuple[str, str]]


def find_sets(place: Path) -> list[Path]:
    """Return the sets at `place`, each by its NAME.tsv or its folder of pictures.

    Raises:
        DataError: none there.
    """
    if place.is_file() and place.suffix == ".tsv":
        return [place]
    if not place.is_dir():
        raise DataError(f"{place}: neither a folder nor a set's NAME.tsv")
    if tables := sorted(p for p in place.glob("*.tsv") if p.with_suffix(".zip").is_file()):
        return tables
    if any(p.with_suffix(".txt").is_file() for p in place.rglob("*") if p.suffix.lower() in _PICTURES):
        return [place]
    raise DataError(
        f"{place}: no lines here; a set is NAME.tsv beside NAME.zip, or pictures X.png each with its X.txt"
    )


def set_name(path: Path) -> str:
    """Return what the set at `path` is called."""
    return path.stem if path.suffix == ".tsv" else path.resolve().name


def held_back(name: str, rows: Sequence[Row]) -> set[int]:
    """Return which rows of the set `name` are held back: about one line in ten, whole writers at a time.

    Where writers are few, whole pages. The order of groups is a hash of their names, so that the same pages
    are held back always and everywhere; a group that alone is far more than wanted is passed over.
    """
    writers = {row.get("writer") or "" for row in rows}
    column = "writer" if len(writers) >= _FEW else "page"
    groups: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(row.get(column) or row["file"], []).append(i)
    wanted, held = len(rows) / HELD, set[int]()
    for group in sorted(groups, key=lambda g: zlib.crc32(f"{name}/{g}".encode())):
        if len(held) < wanted and len(held) + len(groups[group]) <= 1.5 * wanted + 2:
            held.update(groups[group])
    return held


def read_set(path: Path) -> LineSet:
    """Read a set: a NAME.tsv, or a folder of pictures, whose subfolders are taken for writers.

    What cannot be used is left out and named: no picture, a broken one, no text, several lines of it, one
    with characters outside the alphabet, one longer than the picture can hold.

    Raises:
        DataError: the set's files cannot be read.
    """
    name = set_name(path)
    with contextlib.ExitStack() as stack:
        try:
            rows, content = _table(path, stack) if path.suffix == ".tsv" else _folder(path)
        except (OSError, UnicodeDecodeError, csv.Error, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: cannot read this set of lines: {error}") from error
        held = held_back(name, rows)
        lines = LineSet(name, [], [], [])
        for i, row in enumerate(rows):
            sample = _sample(content, name, row)
            if isinstance(sample, str):
                lines.left_out.append((row["file"], sample))
                _log.info("%s: %s left out: %s", name, row["file"], sample)
            else:
                (lines.held if i in held else lines.training).append(sample)
    return lines


def _table(path: Path, stack: contextlib.ExitStack) -> tuple[list[Row], Content]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if rows and not {"file", "text"} <= rows[0].keys():
        raise DataError(f"{path}: the first line must name the columns file and text")
    return rows, stack.enter_context(zipfile.ZipFile(path.with_suffix(".zip"))).read


def _folder(folder: Path) -> tuple[list[Row], Content]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    texts = {p.with_suffix(""): p for p in files if p.suffix.lower() == ".txt"}
    pictures = {p: p.with_suffix("") for p in files if p.suffix.lower() in _PICTURES}
    alone = sorted(texts.keys() - set(pictures.values()))
    rows = []
    for picture, stem in (*pictures.items(), *((stem, stem) for stem in alone)):
        file = picture.relative_to(folder)
        text = texts[stem].read_bytes().decode("utf-8-sig", "replace") if stem in texts else ""
        writer = "" if file.parent == Path() else file.parent.as_posix()
        rows.append({"file": file.as_posix(), "writer": writer, "text": text})
    return rows, lambda name: (folder / name).read_bytes()


def _sample(content: Content, name: str, row: Row) -> Sample | str:
    """Return the row's line, or why it cannot be used."""
    given = (row["text"] or "").strip()
    if not given:
        return "no text"
    if "\n" in given:
        return "several lines of text"
    text = clean(given)
    if text is None:
        return "characters outside the alphabet"
    try:
        grey = cv2.cvtColor(load(content(row["file"])).rgb, cv2.COLOR_RGB2GRAY)
    except (KeyError, FileNotFoundError):
        return "no picture"
    except (PictureError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return "broken picture"
    ink = to_ink(np.asarray(grey, np.uint8))
    if not fits(text, ink.shape[1]):
        return "text longer than the picture can hold"
    return Sample(ink, band(ink), text, name, row["file"])


def to_ink(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring a line to 64 rows and to ink, uint8 [64, w]."""
    h, w = grey.shape
    wide = int(np.clip(round(w * TALL / h), 4, _LONGEST))
    way = cv2.INTER_AREA if h > TALL else cv2.INTER_LINEAR
    return absorbance(np.asarray(cv2.resize(grey, (wide, TALL), interpolation=way), np.uint8))


def fits(text: str, wide: int) -> bool:
    """Tell whether CTC can spell `text` on a line of 64 rows: doubled characters need a blank between."""
    frames = wide * 40 / TALL / 4
    return len(text) + sum(a == b for a, b in itertools.pairwise(text)) <= frames
