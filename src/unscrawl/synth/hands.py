"""Where the characters of a made page come from: a font, or pictures of real characters.

Both give a character as ink on a baseline in one scale, so that the rest need not know which it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unscrawl.errors import DataError

__all__ = ["Drawn", "FontHand", "GlyphHand", "Hand", "bundled_fonts", "extent"]

_BEARING: Final = 0.1  # free room on either side of a pictured character, in x-heights


class Drawn(NamedTuple):
    """A character on its baseline: `ink` uint8 [h, w] (0 paper … 255 ink), the rest in pixels.

    `left` is where the ink begins right of the pen's place, `top` where it begins below the baseline
    (negative: above), `advance` how far the pen moves on.
    """

    ink: NDArray[np.uint8]
    left: float
    top: float
    advance: float


class Hand(Protocol):
    """Draws characters at one size."""

    x_height: float

    def draw(self, character: str, rng: np.random.Generator) -> Drawn:
        """Return a character that is not white space; raises DataError where the hand has none."""


def bundled_fonts() -> tuple[Path, ...]:
    """Return the TTF files of the hand-printed fonts that come with unscrawl."""
    return tuple(sorted(Path(str(files("unscrawl.synth") / "fonts")).glob("*.ttf")))


class FontHand:
    """A handwriting font. Every drawing of a character is the same: the variation comes later."""

    def __init__(self, path: Path, x_height: float) -> None:
        """Open the font at `path` in the size at which a small x is `x_height` pixels high."""
        try:
            probe = ImageFont.truetype(str(path), 256)
            _, top, _, bottom = probe.getbbox("x", anchor="ls")
            self._font = ImageFont.truetype(str(path), 256 * x_height / max(bottom - top, 1))
        except OSError as error:
            raise DataError(f"{path}: not a font that can be opened ({error})") from None
        self.path = path
        self.x_height = x_height
        self._blank = bytes(self._font.getmask("\uffff"))
        self._drawn: dict[str, Drawn] = {}

    def draw(self, character: str, rng: np.random.Generator) -> Drawn:
        """Return the font's drawing of `character`; raises DataError where it has none."""
        if character not in self._drawn:
            mask = self._font.getmask(character)
            if not any(mask.size) or bytes(mask) == self._blank:
                raise DataError(f"{self.path.name} cannot draw {character!r}: take another font or text")
            left, top, right, bottom = (int(v) for v in self._font.getbbox(character, anchor="ls"))
            picture = Image.new("L", (right - left, bottom - top))
            ImageDraw.Draw(picture).text((-left, -top), character, fill=255, font=self._font, anchor="ls")
            advance = self._font.getlength(character)
            self._drawn[character] = Drawn(np.asarray(picture), left, top, advance)
        return self._drawn[character]


_EXTENTS: Final[Sequence[tuple[str, float, float]]] = (
    ("acemnorsuvwxz", 1.0, 0.0),
    ("bdfhkl", 1.75, 0.0),
    ("t", 1.5, 0.0),
    ("i", 1.55, 0.0),
    ("j", 1.55, -0.65),
    ("gpqy", 1.0, -0.7),
    ("ABCDEFGHIJKLMNOPRSTUVWXYZ", 1.65, 0.0),
    ("Q", 1.65, -0.15),
    ("0123456789", 1.55, 0.0),
    ("!?%#£€", 1.65, 0.0),
    ("&", 1.5, 0.0),
    (".", 0.18, 0.0),
    (",", 0.2, -0.3),
    (":", 0.85, 0.0),
    (";", 0.85, -0.3),
    ("'\"", 1.75, 1.25),
    ("()/", 1.75, -0.25),
    ("@", 1.3, -0.25),
    ("$", 1.75, -0.1),
    ("*", 1.65, 0.95),
    ("+", 1.05, 0.2),
    ("-", 0.6, 0.5),
    ("=", 0.8, 0.35),
)
_WIDTHS: Final = {"-": 0.6, "=": 0.65, "+": 0.85}
"""Flat marks are sized by their width, since a pictured height is the thickness of the pen."""


def extent(character: str) -> tuple[float, float]:
    """Return top and bottom of a hand-printed character above the baseline, in x-heights.

    Raises:
        DataError: not a character of the alphabet.
    """
    for group, top, bottom in _EXTENTS:
        if character in group:
            return top, bottom
    raise DataError(f"no size is known for {character!r}: use characters of the alphabet")


class GlyphHand:
    """Pictures of real characters, brought back to the relative sizes that cropping took from them."""

    def __init__(self, glyphs: Mapping[str, Sequence[NDArray[np.uint8]]], x_height: float) -> None:
        """Take `glyphs`: for each character its pictures, uint8 [h, w], white ink on black."""
        self.x_height = x_height
        self._glyphs = glyphs

    def draw(self, character: str, rng: np.random.Generator) -> Drawn:
        """Return one of the pictures of `character`, drawn at random, in its true size."""
        pictures = self._glyphs.get(character, ())
        if not len(pictures):
            raise DataError(f"there is no picture of {character!r}: add one or change the text")
        picture = np.asarray(pictures[int(rng.integers(len(pictures)))], np.uint8)
        ys, xs = np.nonzero(picture > 64)
        if not ys.size:
            raise DataError(f"a picture of {character!r} is blank: take it out")
        cut = picture[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        top, bottom = extent(character)
        if character in "ij" and cv2.connectedComponents((cut > 64).astype(np.uint8))[0] == 2:
            top = 1.0  # written without its dot
        height, width = cut.shape
        share = _WIDTHS[character] / width if character in _WIDTHS else (top - bottom) / height
        scale = self.x_height * share
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        smooth = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        ink = np.asarray(cv2.resize(cut, size, interpolation=smooth), np.uint8)
        middle = -self.x_height * (top + bottom) / 2
        bearing = _BEARING * self.x_height
        return Drawn(ink, bearing, middle - size[1] / 2, size[0] + 2 * bearing)
