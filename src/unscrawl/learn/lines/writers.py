"""What lines are drawn with beside the real ones: fonts, books, and what the real lines say."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from unscrawl.errors import DataError
from unscrawl.learn.lines.sources import Sample
from unscrawl.learn.texts import read_books
from unscrawl.learn.typefaces import find_fonts
from unscrawl.synth.lines import LineWriter
from unscrawl.synth.linetext import french_words
from unscrawl.synth.pictures import PictureBook

__all__ = ["build", "find", "licences", "read"]

_PICTURES: Final = 0.2  # share of the drawn lines that is put together from pictures of characters
_LONG: Final = 15  # characters from which a real line is worth writing again


def build(
    fonts: Sequence[Path],
    books: Sequence[str],
    samples: Sequence[Sample],
    weights: Mapping[str, float],
    characters: Sequence[Path] = (),
) -> LineWriter:
    """Return a writer that writes runs of `books`, frequent French words, and what the longer `samples` say.

    A fifth of the lines is put together from the pictures in `characters` (.npz), if there are any.

    Sets that are weighed down are not copied from: their texts are as odd as their pictures.

    Raises:
        DataError: a font that cannot be used.
    """
    said = [s.text for s in samples if len(s.text) > _LONG and weights.get(s.source, 1.0) >= 1]
    book = PictureBook(characters) if characters else None
    writer = LineWriter(fonts, [*books, *said], french_words(), book, share=_PICTURES)
    writer.open()
    return writer


def find(folder: Path) -> list[Path]:
    """Return the fonts in `folder`: any there, or what scripts/fetch_fonts.py left, with joined ones twice.

    Joined writing is what is hard.

    Raises:
        DataError: none.
    """
    if (folder / "fonts.tsv").is_file():
        fonts = find_fonts(folder)
        return [file for file, _ in fonts] + [file for file, kind in fonts if kind == "joined"]
    found = sorted(f for f in folder.rglob("*") if f.suffix.lower() in (".ttf", ".otf"))
    if not found:
        raise DataError(f"{folder}: no .ttf or .otf file in this folder")
    return found


def read(texts: Sequence[Path]) -> list[str]:
    """Return the books in `texts`, .txt or .txt.xz.

    Raises:
        DataError: one cannot be read.
    """
    return [body for path in texts for _, body in read_books(path)]


def licences(folder: Path) -> list[str]:
    """Return the licences of what lines are drawn with, for a card."""
    stated = "licences not stated"
    if (folder / "fonts.tsv").is_file():
        with (folder / "fonts.tsv").open(encoding="utf-8", newline="") as file:
            stated = " or ".join(sorted({row["licence"] for row in csv.DictReader(file, delimiter="\t")}))
    return [f"handwriting fonts: {stated}", "word frequencies of wordfreq: CC BY-SA 4.0; R. Speer"]
