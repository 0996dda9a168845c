"""Sets text by hand on a sheet of paper and photographs it, knowing where every character ends up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import OptionError
from unscrawl.page import Box, Glyph, Line, Page, Word
from unscrawl.synth.camera import bleed_for, photograph
from unscrawl.synth.hands import FontHand, GlyphHand, Hand, bundled_fonts
from unscrawl.synth.options import Camera, Paper, Style
from unscrawl.synth.paper import lay_ink, make_paper
from unscrawl.synth.strokes import vary

__all__ = ["Sheet", "letter", "letter_from_glyphs"]

_FINE: Final = 3  # characters are drawn this much larger than the page and averaged down
_MAX_SIDE: Final = 12_000

Outline = NDArray[np.float64]
"""Hull of a character's ink on the page, [n, 2] (x, y)."""


@dataclass(frozen=True)
class Sheet:
    """A made picture and the truth about it.

    `picture` is uint8 RGB [h, w, 3]; `page` holds the text with the boxes of lines, words and characters
    in pixels of the picture, in the form in which the reader gives its results.
    """

    picture: NDArray[np.uint8] = field(repr=False)
    page: Page

    @property
    def text(self) -> str:
        """The lines with a newline between them, words with one space between them."""
        return self.page.text

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines in reading order."""
        return self.page.lines

    @property
    def glyphs(self) -> tuple[Glyph, ...]:
        """The characters in reading order."""
        return tuple(self.page.glyphs)

    def export(self) -> dict[str, Any]:
        """Return the truth as JSON-ready values: text, lines → words → glyphs."""
        return self.page.export()


def letter(
    text: str,
    style: Style | None = None,
    paper: Paper | None = None,
    camera: Camera | None = None,
    rng: np.random.Generator | int = 0,
) -> Sheet:
    """Write `text` with a handwriting font and photograph it.

    Args:
        text: lines of characters that the font has; they are not wrapped.
        style: how it is written; its `fonts` decide the hand.
        paper: what it is written on.
        camera: how it is photographed.
        rng: a generator or a seed; the same one gives the same sheet.

    Raises:
        OptionError: nothing to write, or the page would be larger than 12,000 pixels.
        DataError: the font cannot be opened or lacks a character.
    """
    style, rng = style or Style(), np.random.default_rng(rng)
    fonts = style.fonts or bundled_fonts()
    hand = FontHand(fonts[int(rng.integers(len(fonts)))], style.x_height * _FINE)
    return _make(text, hand, style, paper or Paper(), camera or Camera(), rng)


def letter_from_glyphs(
    text: str,
    glyphs: Mapping[str, Sequence[NDArray[np.uint8]]],
    style: Style | None = None,
    paper: Paper | None = None,
    camera: Camera | None = None,
    rng: np.random.Generator | int = 0,
) -> Sheet:
    """Set `text` from pictures of real characters and photograph it.

    `glyphs` gives for each character its pictures, uint8 [h, w], white ink on black, cropped or with a
    border (64×64 is usual); one of them is drawn at random each time. They are brought to the relative
    size that the character has in writing. The rest is as in `letter`.
    """
    style, rng = style or Style(), np.random.default_rng(rng)
    hand = GlyphHand(glyphs, style.x_height * _FINE)
    return _make(text, hand, style, paper or Paper(), camera or Camera(), rng)


def _make(
    text: str, hand: Hand, style: Style, paper: Paper, camera: Camera, rng: np.random.Generator
) -> Sheet:
    lines = [line.split() for line in text.splitlines()]
    if not any(lines):
        raise OptionError("there is nothing to write: the text is empty")
    margin = round(paper.margin * style.x_height)
    ink, outlines = _write(lines, hand, style, margin, paper.spare, rng)
    bleed = bleed_for((ink.shape[0], ink.shape[1]), camera)
    ink = np.pad(ink, bleed)
    pitch = style.line_gap * style.x_height
    baseline = bleed + _first_baseline(style, margin) + 0.08 * style.x_height
    blank = make_paper((ink.shape[0], ink.shape[1]), baseline, pitch, paper, rng)
    picture, matrix = photograph(lay_ink(blank, ink, style, rng), bleed, camera, rng)
    placed = [
        Line(words, _union([w.box for w in words]))
        for line, hulls in zip(lines, outlines, strict=True)
        if (words := _place(line, hulls, matrix, picture.shape))
    ]
    return Sheet(picture, Page("", tuple(placed)))


def _first_baseline(style: Style, margin: float) -> float:
    return margin + 1.8 * style.x_height


def _write(
    lines: list[list[str]], hand: Hand, style: Style, margin: int, spare: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[list[list[Outline]]]]:
    """Return the ink, uint8 [h, w], and the outline of each character by line and word."""
    x_height = style.x_height
    patches: list[tuple[NDArray[np.uint8], int, int]] = []
    outlines: list[list[list[Outline]]] = []
    right = 0.0
    for number, line in enumerate(lines):
        baseline = _first_baseline(style, margin) + number * style.line_gap * x_height
        # Strays from the rule as a slow wave and a slope, and does not begin exactly at the margin.
        slope, phase = rng.normal(0, 0.02 * style.waver), rng.uniform(0, 2 * np.pi)
        period = x_height * rng.uniform(15, 40)
        pen = margin + x_height * abs(rng.normal(0, 4 * style.waver))
        outlines.append([])
        for word in line:
            outlines[-1].append([])
            for character in word:
                drawn = vary(hand.draw(character, rng), style, hand.x_height, rng)
                stray = style.waver * x_height * np.sin(2 * np.pi * pen / period + phase) + slope * pen
                y = baseline + stray + x_height * rng.normal(0, style.shift)
                left, top = round(pen * _FINE + drawn.left), round(y * _FINE + drawn.top)
                ink, x0, y0 = _reduce(drawn.ink, left, top)
                patches.append((ink, x0, y0))
                outlines[-1][-1].append(_outline(ink, x0, y0))
                room = style.tracking + rng.normal(0, style.spacing)
                pen += max(drawn.advance / _FINE + room * x_height, 0.1 * x_height)
                right = max(right, x0 + ink.shape[1])
                _require_size(int(right) + margin, 0)
            pen += x_height * max(rng.normal(style.word_gap, 1.5 * style.spacing), 0.45)
    written = ((len(lines) - 1) * style.line_gap + 2.6) * x_height
    width, height = int(right) + margin, int(written * (1 + spare)) + 2 * margin
    _require_size(width, height)
    return _compose((height, width), patches), outlines


def _require_size(width: int, height: int) -> None:
    if max(width, height) > _MAX_SIDE:
        raise OptionError(
            f"the page would be more than {_MAX_SIDE} pixels wide or high: write less or smaller"
        )


def _reduce(ink: NDArray[np.uint8], left: int, top: int) -> tuple[NDArray[np.uint8], int, int]:
    """Average a finely drawn character down to page pixels; return it with its place there."""
    ys, xs = np.nonzero(ink > 8)
    if ys.size:
        ink = ink[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        left, top = left + int(xs.min()), top + int(ys.min())
    x0, y0 = left // _FINE, top // _FINE
    height, width = ink.shape
    before_y, before_x = top - y0 * _FINE, left - x0 * _FINE
    after_y, after_x = -(before_y + height) % _FINE, -(before_x + width) % _FINE
    padded = np.pad(ink, ((before_y, after_y), (before_x, after_x)))
    size = (padded.shape[1] // _FINE, padded.shape[0] // _FINE)
    return np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), np.uint8), x0, y0


def _outline(ink: NDArray[np.uint8], x0: int, y0: int) -> Outline:
    """Return the corners of the convex hull of a character's pixels; never empty."""
    ys, xs = np.nonzero(ink >= min(64, int(ink.max())))
    hull = cv2.convexHull(np.stack([xs, ys], axis=1).astype(np.int32))[:, 0, :].astype(np.float64)
    corners = hull[:, None, :] + np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) + np.array([x0, y0])
    return np.asarray(corners.reshape(-1, 2), np.float64)


def _compose(shape: tuple[int, int], patches: list[tuple[NDArray[np.uint8], int, int]]) -> NDArray[np.uint8]:
    ink = np.zeros(shape, np.uint8)
    for patch, x, y in patches:
        top, left = max(y, 0), max(x, 0)
        place = ink[top : y + patch.shape[0], left : x + patch.shape[1]]
        part = patch[top - y : top - y + place.shape[0], left - x : left - x + place.shape[1]]
        np.maximum(place, part, out=place)
    return ink


def _place(
    line: list[str], hulls: list[list[Outline]], matrix: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[Word, ...]:
    """Return the words of a line with boxes in pixels of the photograph."""
    words = []
    for word, outlines in zip(line, hulls, strict=True):
        glyphs = []
        for character, outline in zip(word, outlines, strict=True):
            seen = cv2.perspectiveTransform(outline[None], matrix)[0]
            left, top = np.clip(np.floor(seen.min(0) + 0.25), 0, (shape[1] - 1, shape[0] - 1)).astype(int)
            right, bottom = np.clip(np.ceil(seen.max(0) - 0.25), 1, (shape[1], shape[0])).astype(int)
            box = Box(int(left), int(top), int(max(right - left, 1)), int(max(bottom - top, 1)))
            glyphs.append(Glyph(character, 1.0, box))
        words.append(Word(tuple(glyphs), _union([g.box for g in glyphs])))
    return tuple(words)


def _union(boxes: list[Box]) -> Box:
    left, top = min(b.x for b in boxes), min(b.y for b in boxes)
    right, bottom = max(b.x + b.width for b in boxes), max(b.y + b.height for b in boxes)
    return Box(left, top, right - left, bottom - top)
