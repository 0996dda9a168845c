"""Pictures of what was understood: boxes and guesses over a page, what the network saw of one character."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont

from unscrawl.errors import OptionError

if TYPE_CHECKING:
    from unscrawl.page import Box, Glyph, Page
    from unscrawl.reader import Classified

__all__ = ["DOUBTFUL", "draw_page", "draw_seen"]

DOUBTFUL: Final = 0.6
"""A glyph read with less confidence than this is marked."""

# Okabe and Ito's palette: told apart with every kind of colour vision, and in grey by its lightness.
_LINE: Final = (86, 180, 233)
_WORD: Final = (0, 114, 178)
_GLYPH: Final = (0, 158, 115)
_DOUBT: Final = (213, 94, 0)
_WHITE: Final = (255, 255, 255)

_LABEL: Final = 0.55
"""Height of the guesses' letters, in heights of the glyphs' boxes."""
_SMALLEST: Final = 13
"""Height in pixels below which a guess is hard to read: smaller pictures are enlarged."""
_LONGEST: Final = 4096
"""No picture is enlarged beyond this length of its longer side, in pixels."""

_OVERSTRIKE: Final = {
    "£": ("L", "-"),
    "€": ("C", "="),
    "—": ("--",),
    "œ": ("oe",),
    "Œ": ("OE",),
    "æ": ("ae",),
    "Æ": ("AE",),
}
"""Characters that Pillow's own font lacks, composed as on a typewriter."""
_ACCENTS: Final = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u0327": ","
}  # fmt: skip
"""What stands for a combining accent there."""

_SEEN_SCALE: Final = 8


def draw_page(page: Page) -> Image.Image:
    """Draw the boxes of lines, words and glyphs over the picture, and each guess above its glyph.

    Doubtful glyphs (confidence below `DOUBTFUL`) are filled, and so is the ground of their guess. Small
    pictures are enlarged by a whole factor; guesses that would leave the picture get a margin on top.

    Raises:
        OptionError: the page has no picture to draw on.
    """
    if page.picture is None:
        raise OptionError("this page has no picture to draw on: only pages that a Reader returns have one")
    picture = Image.fromarray(page.picture.rgb)
    words = [word for line in page.lines for word in line.words]
    glyphs = list(page.glyphs)
    if not glyphs:
        return picture
    height = _middle([glyph.box.height for glyph in glyphs])
    factor = _enlargement(height, max(picture.size))
    letter = max(round(_LABEL * height * factor), _SMALLEST)
    margin = max(0, round(1.4 * letter) - factor * min(word.box.y for word in words))
    picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", (picture.width, picture.height + margin), _WHITE)
    canvas.paste(picture, (0, margin))
    pen = _Pen(canvas, factor, margin, letter)
    for line in page.lines:
        pen.frame(line.box, _LINE, gap=4)
    for word in words:
        pen.frame(word.box, _WORD, gap=2)
    for glyph in glyphs:
        doubtful = glyph.confidence < DOUBTFUL
        pen.frame(glyph.box, _DOUBT if doubtful else _GLYPH, gap=0, filled=doubtful)
    for word in words:  # after all boxes, so that no frame runs through a guess
        for glyph in word.glyphs:
            pen.guess(glyph, word.box.y)
    return canvas


class _Pen:
    """Draws in pixels of the picture on a canvas that is `factor` times as large below a margin."""

    def __init__(self, canvas: Image.Image, factor: int, margin: int, letter: int) -> None:
        self._draw = ImageDraw.Draw(canvas, "RGBA")
        self._factor = factor
        self._margin = margin
        self._letter = letter
        self._width = max(1, round(letter / 14))
        self._font = ImageFont.load_default(letter)

    def frame(self, box: Box, colour: tuple[int, int, int], *, gap: int, filled: bool = False) -> None:
        """Outline `box`, `gap` line widths outside it."""
        space = gap * self._width
        left, top = box.x * self._factor - space, box.y * self._factor + self._margin - space
        right = (box.x + box.width) * self._factor + space
        bottom = (box.y + box.height) * self._factor + self._margin + space
        fill = (*colour, 70) if filled else None
        self._draw.rectangle((left, top, right, bottom), fill, (*colour, 255), self._width)

    def guess(self, glyph: Glyph, y: int) -> None:
        """Write the glyph's text centred over it and above `y`, readable on any ground."""
        doubtful = glyph.confidence < DOUBTFUL
        parts = _struck(glyph.text)
        centre = (glyph.box.x + glyph.box.width / 2) * self._factor
        bottom = y * self._factor + self._margin - 2 * self._width
        foot = (centre, bottom - 0.25 * self._letter)  # on the baseline
        if doubtful:
            half = self._font.getlength(parts[0]) / 2 + self._width
            ground = (centre - half, bottom - 1.1 * self._letter, centre + half, bottom)
            self._draw.rectangle(ground, (*_DOUBT, 255))
        else:
            self._draw.text(foot, parts[0], _WHITE, self._font, "ms", stroke_width=2 * self._width)
        for part in parts:
            self._draw.text(foot, part, _WHITE if doubtful else _WORD, self._font, "ms")


def _struck(text: str) -> tuple[str, ...]:
    """Return what is printed one over the other to show `text`: a letter, then its accents."""
    plain = unicodedata.normalize("NFD", text)
    if len(plain) > 1 and all(c in _ACCENTS for c in plain[1:]):
        return (plain[0], *(_ACCENTS[c] for c in plain[1:]))
    return _OVERSTRIKE.get(text, (text,))


def _middle(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]


def _enlargement(height: int, longest: int) -> int:
    """Return the whole factor at which guesses over glyphs of `height` pixels become readable."""
    wanted = -(-_SMALLEST // max(1, round(_LABEL * height)))
    return max(1, min(wanted, _LONGEST // longest))


def draw_seen(classified: Classified) -> Image.Image:
    """Draw the picture of a character, and beside it, enlarged, the 28 x 28 pixels that the network saw.

    Raises:
        OptionError: there is no picture to show.
    """
    if classified.picture is None:
        raise OptionError("this result has no picture to show: only results that a Reader returns have one")
    seen = Image.fromarray(classified.seen)
    seen = seen.resize((seen.width * _SEEN_SCALE, seen.height * _SEEN_SCALE), Image.Resampling.NEAREST)
    original = Image.fromarray(classified.picture.rgb)
    width = max(1, round(original.width * seen.height / original.height))
    gap = _SEEN_SCALE
    canvas = Image.new("RGB", (width + gap + seen.width, seen.height), _LINE)
    canvas.paste(original.resize((width, seen.height), Image.Resampling.BICUBIC), (0, 0))
    canvas.paste(seen, (width + gap, 0))
    return canvas
