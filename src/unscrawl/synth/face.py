"""A handwriting font as a hand: what it can write, how it is built, and whole lines in it."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unscrawl.alphabet import LINE
from unscrawl.errors import DataError
from unscrawl.synth.strokes import stroke_width
from unscrawl.synth.written import ABOVE, BELOW, SIZES, Written, size_for

__all__ = ["Face"]

_PROBE: Final = 96  # px per em at which a font is measured


class _Shape(NamedTuple):
    """How far a character reaches above and below the baseline, and how far it moves the pen."""

    above: float
    below: float
    advance: float


class Face:
    """A font, measured once; raises DataError where the file is no font or has no small letters.

    Attributes:
        characters: those of `alphabet.LINE` that it can draw, the space among them.
        joined: whether it connects the letters of a word.
        stroke: the usual width of its strokes in x-heights.
        slant: tangent of the angle by which it leans to the right.
    """

    def __init__(self, path: Path) -> None:
        """Open and measure the font at `path`."""
        self.path = path
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        try:
            probe = ImageFont.truetype(str(path), _PROBE)
        except OSError as error:
            raise DataError(f"{path}: not a font that can be opened ({error})") from None
        self._shapes = _shapes(probe)
        self.characters = frozenset(self._shapes)
        if not self.characters.issuperset("acehimnorstuvx"):
            raise DataError(f"{path}: lacks small letters of the Latin alphabet: leave this font out")
        x_height = float(np.median([self._shapes[c].above for c in "xvnuca"]))
        if x_height <= 0:
            raise DataError(f"{path}: draws nothing above the baseline: leave this font out")
        self._em = _PROBE / x_height
        self._shapes = {c: _Shape(*(v / x_height for v in shape)) for c, shape in self._shapes.items()}
        sample = self.write("minimum hand", SIZES[-1]).ink
        self.stroke = max(stroke_width(sample) / SIZES[-1], 0.03)
        self.slant = _slant(self.write("illthpdb", SIZES[-1]).ink)
        self.joined = cv2.connectedComponents((self.write("nuvenuv", 36).ink > 60).astype(np.uint8))[0] <= 3

    def width(self, text: str) -> float:
        """Return about how wide the font writes `text` without spaces, in x-heights."""
        return sum(self._shapes[c].advance for c in text if c != " ")

    def extent(self, text: str) -> tuple[float, float]:
        """Return how far `text` reaches above and below the baseline, in x-heights."""
        shapes = [self._shapes[c] for c in text if c != " "]
        return max(s.above for s in shapes), max(s.below for s in shapes)

    def write(self, text: str, x_height: float, gap: float = 0.8) -> Written:
        """Write `text`, words `gap` x-heights apart, at `x_height` pixels or somewhat more."""
        size = size_for(x_height)
        font = self._font(size)
        margin, gap = 2.5 * size, gap * size
        above, below = int(ABOVE * size), int(BELOW * size)
        lengths = [font.getlength(word) for word in text.split(" ")]
        wide = margin + sum(lengths) + gap * (len(lengths) - 1)
        canvas = Image.new("L", (int(wide + margin), above + below))
        pen = ImageDraw.Draw(canvas)
        edges, at = [], margin
        for word, length in zip(text.split(" "), lengths, strict=True):
            pen.text((at, above), word, fill=255, font=font, anchor="ls")
            # Shaping may join or kern: the letters share what the word as a whole takes.
            parts = np.cumsum([self._shapes[c].advance for c in word])
            edges += [at, *(at + parts * (length / max(parts[-1], 1e-6)))]
            at += length + gap
        return Written(text, np.asarray(canvas, np.uint8), above, float(size), np.array(edges))

    def _font(self, size: int) -> ImageFont.FreeTypeFont:
        if size not in self._fonts:
            self._fonts[size] = ImageFont.truetype(str(self.path), size * self._em)
        return self._fonts[size]


def _shapes(font: ImageFont.FreeTypeFont) -> dict[str, _Shape]:
    """Return the characters of the line alphabet for which the font has a picture of its own, in pixels."""
    lacking = font.getmask("\uffff")
    blank = bytes(lacking)
    found = {" ": _Shape(0.0, 0.0, font.getlength(" "))}
    for char in LINE:
        mask = font.getmask(char)
        if mask.getbbox() is not None and (mask.size != lacking.size or bytes(mask) != blank):
            plain = unicodedata.normalize("NFD", char)[0]
            if plain != char and sum(bytes(mask)) < 0.9 * sum(bytes(font.getmask(plain))):
                continue  # an accent without its letter
            _, top, _, bottom = font.getbbox(char, anchor="ls")
            found[char] = _Shape(-top, bottom, font.getlength(char))
    return found


def _slant(ink: NDArray[np.uint8]) -> float:
    """Return the lean (tangent) at which upright strokes pile up highest when sheared back."""
    height, width = ink.shape

    def peak(lean: float) -> float:
        back = np.array([[1, lean, -lean * height / 2], [0, 1, 0]])
        sums = cv2.warpAffine(ink, back, (width, height)).sum(axis=0, dtype=np.float64)
        return float((sums**2).sum())

    return float(max(np.arange(-0.4, 1.21, 0.05), key=peak))
