"""Characters drawn from handwriting fonts, with their true place on the line."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unscrawl.alphabet import ALPHABET
from unscrawl.errors import DataError

__all__ = ["Drawn", "draw", "find_fonts", "place_on_line"]

_SIZE: Final = 72  # px per em: capitals come out 45 to 60 px high


@dataclass(frozen=True)
class Drawn:
    """One character of one font."""

    char: str
    ink: NDArray[np.uint8]  # [h, w], cropped to the ink
    top: float  # of the ink above the baseline, in x-heights
    bottom: float  # the same for the lowest ink, negative below the baseline


def find_fonts(folder: Path) -> list[tuple[Path, str]]:
    """List (file, kind) of the usable fonts that scripts/fetch_fonts.py left in `folder`, by name.

    Fonts that draw small letters as capitals are left out.

    Raises:
        DataError: no fonts.tsv there.
    """
    index = folder / "fonts.tsv"
    if not index.is_file():
        command = f"python scripts/fetch_fonts.py scripts/families.tsv {folder}"
        raise DataError(f"no fonts in {folder}: run {command} first")
    with index.open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t") if r["usable"] == "yes"]
    files = [(folder / r["kind"] / f"{r['family']}.ttf", r["kind"]) for r in rows]
    return sorted((f, kind) for f, kind in files if f.is_file())


def draw(font_file: Path, characters: Iterable[str] = ALPHABET) -> list[Drawn]:
    """Draw each of `characters` alone; those the font lacks are left out."""
    font = ImageFont.truetype(str(font_file), _SIZE)
    missing = _ink(font, "\uffff")[0]
    middle = [_ink(font, c) for c in "xzvwn"]
    x_height = float(np.median([a for _, a, _ in middle]))
    drawn = []
    for char in characters:
        ink, above, below = _ink(font, char)
        if ink.size == 0 or (ink.shape == missing.shape and np.array_equal(ink, missing)):
            continue
        drawn.append(Drawn(char, ink, above / x_height, below / x_height))
    return drawn


def _ink(font: ImageFont.FreeTypeFont, char: str) -> tuple[NDArray[np.uint8], int, int]:
    """Return (ink [h, w], px of its top above the baseline, px of its bottom above the baseline)."""
    canvas = Image.new("L", (5 * _SIZE, 5 * _SIZE))
    ImageDraw.Draw(canvas).text((2 * _SIZE, 3 * _SIZE), char, fill=255, font=font, anchor="ls")
    box = canvas.getbbox()
    if box is None:
        return np.zeros((0, 0), np.uint8), 0, 0
    return np.asarray(canvas.crop(box), np.uint8), 3 * _SIZE - box[1], 3 * _SIZE - box[3]


def place_on_line(drawn: Iterable[Drawn]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of (top, bottom) in x-heights: two [84, 2], alphabet order.

    Medians and scaled quartile distances over the fonts, so that one odd font does not count.
    """
    by_char: dict[str, list[tuple[float, float]]] = {c: [] for c in ALPHABET}
    for d in drawn:
        by_char[d.char].append((d.top, d.bottom))
    mean, spread = np.zeros((len(ALPHABET), 2)), np.ones((len(ALPHABET), 2))
    for i, char in enumerate(ALPHABET):
        if by_char[char]:
            places = np.array(by_char[char])
            mean[i] = np.median(places, axis=0)
            spread[i] = (np.quantile(places, 0.75, axis=0) - np.quantile(places, 0.25, axis=0)) / 1.349
    return mean, spread
