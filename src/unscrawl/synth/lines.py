"""Makes lines of handwriting with their text, from fonts, as they are cut out of real pages.

writer = LineWriter(fonts, [book, *lines], words)
picture, text = writer.line(np.random.default_rng(1))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import OptionError
from unscrawl.synth.face import Face
from unscrawl.synth.habit import Habit
from unscrawl.synth.linepaper import HEIGHT, Sheet, develop, lay
from unscrawl.synth.linetext import LineText
from unscrawl.synth.pictures import PictureBook
from unscrawl.synth.scrawl import bend
from unscrawl.synth.surround import WIDEST, cut_out, mark, neighbours, other_side, press, room, sides
from unscrawl.synth.written import Scribe, Written, fold, in_turn

__all__ = ["LineWriter", "contact_sheet"]

_AGAIN: Final = 0.6  # how often another font is drawn for one that does not join: most people do
_MIXED: Final = 0.06  # of the lines are in two fonts
_GUTTER, _DESK = 6, 90  # between the lines of a contact sheet, and its grey


class LineWriter:
    """Writes lines. It can be pickled, and what it writes depends on the generator alone."""

    def __init__(
        self,
        fonts: Sequence[Path],
        texts: Sequence[str] = (),
        words: Sequence[str] = (),
        book: PictureBook | None = None,
        share: float = 0.15,
    ) -> None:
        """Take what to write with and what to write.

        Args:
            fonts: opened when first used.
            texts, words: the material of `linetext.LineText`.
            book: real characters, from which this `share` of the lines is put together.

        Raises:
            OptionError: no fonts.
        """
        if not fonts:
            raise OptionError("no fonts to write with: name at least one TTF file")
        self.fonts = tuple(fonts)
        self._text = LineText(texts, words)
        self._book, self._share = book, share if book else 0.0
        self._faces: dict[int, Face] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_faces": {}}  # an open font cannot be pickled

    def line(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
        """Return a line, grey uint8 [64, w ≤ 1600] with dark ink, and its text in `alphabet.LINE`.

        Raises:
            DataError: a font cannot be used.
        """
        scribe: Scribe = self._face(int(rng.integers(len(self.fonts))))
        if not scribe.joined and rng.random() < _AGAIN:
            scribe = self._face(int(rng.integers(len(self.fonts))))
        if self._book and rng.random() < self._share:
            scribe = self._book.hand(rng)
        text = ""
        while not text:
            text = fold(self._text.draw(rng), scribe.characters)
            if sum(c.isupper() for c in text) > 0.6 * len(text) > 3 and scribe.joined:
                text = fold(text.capitalize(), scribe.characters)  # nobody joins capitals
        habit = Habit.random(rng, scribe)
        above, below = room(scribe, text, habit, rng)
        x_height = float(np.clip(HEIGHT / (above + below), 9, 29))
        # Too long a line is written smaller at first, then shortened.
        wide = (
            scribe.width(text) * habit.width
            + (1.15 * habit.tracking + 0.02) * len(text)
            + 1.05 * habit.gap * text.count(" ")
        )
        while wide * x_height > 0.93 * WIDEST:
            if x_height > 12:
                x_height *= 0.9
            else:
                text = text[: len(text) * 3 // 4].strip()
                wide *= 0.75
        habit = replace(habit, x_height=x_height)
        baseline = HEIGHT * above / (above + below)
        return self._picture(text, scribe, habit, baseline, rng), text

    def open(self) -> None:
        """Open all fonts now, so that one that cannot be used is found before any line is written."""
        for index in range(len(self.fonts)):
            self._face(index)

    def _face(self, index: int) -> Face:
        if index not in self._faces:
            self._faces[index] = Face(self.fonts[index])
        return self._faces[index]

    def _picture(
        self, text: str, scribe: Scribe, habit: Habit, baseline: float, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        written = self._write(text, scribe, 1.35 * habit.x_height, habit.gap, rng)
        rows = min(0, int(baseline - 3 * habit.x_height)), max(HEIGHT, int(baseline + 1.8 * habit.x_height))
        scrawl = bend(written, scribe, habit, baseline, rows, rng)
        sheet = Sheet.random(rng)
        own = scrawl.ink[-rows[0] : HEIGHT - rows[0]]
        left, right = sides(own, habit.x_height, rng)
        seen = own[:, left:right]
        if rng.random() < 0.45:
            seen = np.maximum(seen, neighbours(scrawl, rows, left, right, habit, rng))
        ink = mark(press(seen, habit, rng), scrawl, left, habit, rng)
        if sheet.bleed:
            ink = np.maximum(ink, sheet.bleed * other_side(own, left, right, rng))
        page = lay(sheet, ink, scrawl, habit.x_height, rng)
        if rng.random() < 0.4:
            page = cut_out(page, baseline, habit, rng)
        return develop(page, sheet, rng)

    def _write(
        self, text: str, scribe: Scribe, x_height: float, gap: float, rng: np.random.Generator
    ) -> Written:
        """Write `text`, now and then some words in another font, as people stress or print what matters."""
        words = text.split(" ")
        if rng.random() < _MIXED:
            other = self._face(int(rng.integers(len(self.fonts))))
            first = int(rng.integers(len(words)))
            turn = range(first, first + int(rng.integers(1, 4)))
            if other.characters.issuperset(" ".join(words[turn.start : turn.stop])):
                return in_turn(scribe, other, text, turn, x_height, gap)
        return scribe.write(text, x_height, gap)


def contact_sheet(lines: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return lines, grey uint8 [64, w ≤ 1600] each, below and beside one another: uint8 [h, 1600]."""
    rows: list[NDArray[np.uint8]] = []
    at = WIDEST
    for line in lines:
        if at + line.shape[1] > WIDEST:
            rows.append(np.full((HEIGHT + _GUTTER, WIDEST), _DESK, np.uint8))
            at = 0
        rows[-1][:HEIGHT, at : at + line.shape[1]] = line
        at += line.shape[1] + _GUTTER
    return np.concatenate(rows) if rows else np.full((HEIGHT, WIDEST), _DESK, np.uint8)
