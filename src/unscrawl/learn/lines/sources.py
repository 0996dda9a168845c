"""Transcribed lines: sets in a folder, their texts brought into the alphabet, and a split that is fair.

A set is NAME.tsv (columns file, text; page and writer where known) beside NAME.zip with the pictures.
"""

from __future__ import annotations

import csv
import itertools
import logging
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.errors import DataError
from unscrawl.strip import absorbance, band

__all__ = ["HELD", "TALL", "Sample", "clean", "find_sets", "held_back", "read_set"]

TALL: Final = 64
"""Rows that a line is kept at: more than the network takes, so that distorting it costs no sharpness."""
HELD: Final = 10
"""One line in this many is held back."""

_LONGEST: Final = 2400  # px at 64 rows
_FEW: Final = 8  # writers below which a set is split by page
_FOLD: Final = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "–": "—", "‐": "-", "‑": "-", "¬": "-", "…": "...",
     "º": "°", "\u00a0": " ", "\t": " ", "×": "x", "·": ".", "ß": "ss"}
)  # fmt: skip
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """A transcribed line: `ink` uint8 [64, w] (see `strip.absorbance`), the rows of its writing, its text."""

    ink: NDArray[np.uint8]
    rows: tuple[float, float]
    text: str
    source: str  # the set's name
    name: str  # the picture's


def clean(text: str) -> str | None:
    """Return `text` in the line alphabet, white space folded; None where a character has no place there."""
    text = " ".join(unicodedata.normalize("NFC", text).translate(_FOLD).split())
    if all(c in LINE for c in text):
        return text
    plain = (c if c in LINE else unicodedata.normalize("NFD", c)[0] for c in text)
    text = "".join(plain)
    return text if all(c in LINE for c in text) else None


def find_sets(folder: Path) -> list[str]:
    """Return the names of the sets in `folder`.

    Raises:
        DataError: none there.
    """
    names = sorted(p.stem for p in folder.glob("*.tsv") if p.with_suffix(".zip").is_file())
    if not names:
        raise DataError(f"{folder}: no sets of lines here; one is NAME.tsv beside NAME.zip")
    return names


def held_back(name: str, rows: Sequence[Mapping[str, str]]) -> set[int]:
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


def read_set(folder: Path, name: str) -> tuple[list[Sample], list[Sample]]:
    """Return the lines of a set to train on and those held back, by writer, or page where writers are few.

    What cannot be used is counted, named in the log, and left out: no picture, a broken one, no text, one
    with characters outside the alphabet, one longer than the picture can hold.

    Raises:
        DataError: the set's files cannot be read.
    """
    try:
        with (folder / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        archive = zipfile.ZipFile(folder / f"{name}.zip")
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise DataError(f"{folder / name}: cannot read this set of lines: {error}") from error
    if rows and not {"file", "text"} <= rows[0].keys():
        raise DataError(f"{folder / name}.tsv: the first line must name the columns file and text")
    held = held_back(name, rows)
    parts: tuple[list[Sample], list[Sample]] = ([], [])
    left_out: Counter[str] = Counter()
    with archive:
        there = set(archive.namelist())
        for i, row in enumerate(rows):
            sample = _sample(archive, there, name, row)
            if isinstance(sample, str):
                left_out[sample] += 1
                _log.info("%s/%s left out: %s", name, row["file"], sample)
            else:
                parts[i in held].append(sample)
    if left_out:
        _log.warning("%s: left out %s", name, ", ".join(f"{n} ({why})" for why, n in left_out.most_common()))
    return parts


def _sample(archive: zipfile.ZipFile, there: set[str], name: str, row: dict[str, str]) -> Sample | str:
    """Return the row's line, or why it cannot be used."""
    text = clean(row["text"] or "")
    if text is None:
        return "characters outside the alphabet"
    if not text:
        return "no text"
    if row["file"] not in there:
        return "no picture"
    try:
        raw = np.frombuffer(archive.read(row["file"]), np.uint8)
        grey = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE) if raw.size else None
    except (zipfile.BadZipFile, zlib.error, cv2.error):
        grey = None
    if grey is None:
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
