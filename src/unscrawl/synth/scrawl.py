"""Bends a line that a font wrote as a hand would have written it: one geometric map, then the pen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.synth.habit import Habit
from unscrawl.synth.spacing import PAD, Places
from unscrawl.synth.texture import Floats, field, waves
from unscrawl.synth.written import Scribe, Written

__all__ = ["Scrawl", "bend", "repen_quickly"]

_ROUND: Final = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_FLAT: Final = np.ones((1, 3), np.uint8)
_STEEP: Final = np.ones((3, 1), np.uint8)
_CELLS: Final = (8.0, 12.0, 18.0, 27.0)
"""Sizes in pixels of the waves by which strokes stray."""


@dataclass(frozen=True)
class Scrawl:
    """A bent line: `ink` uint8 [h, w], the baseline's row float32 [w], where each word begins and ends."""

    ink: NDArray[np.uint8]
    baseline: Floats
    words: tuple[tuple[float, float], ...]


def repen_quickly(ink: NDArray[np.uint8], grow: float, nib: float = 0.0) -> NDArray[np.uint8]:
    """Widen strokes by `grow` pixels, or narrow them; rougher than `strokes.repen` and much quicker.

    Of what is added, level strokes get the share 1 - `nib` only; of what is taken away, upright ones.
    """
    inked = ink
    for kernel, part in ((_ROUND, grow * (1 - nib)), (_FLAT if grow > 0 else _STEEP, grow * nib)):
        change = cv2.dilate if part > 0 else cv2.erode
        # One pass moves both edges by a pixel.
        passes, rest = divmod(min(abs(part) / 2, 6.0), 1.0)
        if passes:
            inked = np.asarray(change(inked, kernel, iterations=int(passes)), np.uint8)
        if rest > 0.05:
            inked = np.asarray(cv2.addWeighted(inked, 1 - rest, change(inked, kernel), rest, 0), np.uint8)
    return inked


def bend(
    written: Written,
    scribe: Scribe,
    habit: Habit,
    baseline: float,
    rows: tuple[int, int],
    rng: np.random.Generator,
) -> Scrawl:
    """Write the line anew by `habit`, on a canvas of the rows from `rows[0]` to `rows[1]` of the crop.

    `baseline` is its row in the crop at mid-line. The first letter begins near column `spacing.PAD`.
    """
    ratio = habit.x_height / written.x_height
    places = Places.draw(written, scribe.slant, habit, rng)
    width = int(places.right + PAD + 1)
    base = baseline + habit.slope * (np.arange(width, dtype=np.float32) - width / 2)
    base += habit.waver * habit.x_height * waves(rng, width, 7 * habit.x_height)
    columns = np.arange(-PAD, width + PAD, dtype=np.float32)
    table = places.tables(columns)
    slope = np.gradient(table.source)

    # Every pixel of the new line looks up, by its place along the upright baseline, where it came from.
    above = base[None] - np.arange(rows[0], rows[1], dtype=np.float32)[:, None]
    upright = columns[None, PAD : PAD + width] - np.float32(scribe.slant + habit.lean) * above
    index = np.rint(upright).astype(np.intp) + PAD

    def look(values: Floats) -> Floats:
        return np.take(values, index, mode="clip")

    height = (above - look(table.shift)) * look(np.float32(1 / ratio) / table.scale)
    height = _reach(height, written.x_height, habit)
    from_x = look(table.source - columns * slope) + upright * look(slope)
    from_x += look(np.float32(scribe.slant) + table.lean) * height
    from_y = np.float32(written.baseline) - height
    if habit.wobble:
        cell = float(rng.choice(_CELLS, p=_cell_odds(habit.x_height)))
        stray = np.float32(habit.wobble * min(written.x_height, 1.3 * cell / ratio))
        from_x += stray * field(rng, (height.shape[0], width), cell)
        from_y += stray * field(rng, (height.shape[0], width), cell)
    wanted = (habit.pen - scribe.stroke) * written.x_height
    thinnest = -0.55 * scribe.stroke * written.x_height
    inked = repen_quickly(written.ink, max(wanted, thinnest), habit.nib)
    bent = cv2.remap(inked, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    ink = np.asarray(bent, np.uint8)
    if habit.lifts:
        # Only the join goes, not a bar or a loop that passes over it.
        ink[np.take(table.lifted, index, mode="clip") & (height > 0) & (height < 0.85 * written.x_height)] = 0
    return Scrawl(ink, base, places.words)


def _reach(height: Floats, x_height: float, habit: Habit) -> Floats:
    """Return from which height of the font each new height comes: only what is beyond small letters moves."""
    high = np.maximum(height - np.float32(x_height), 0) * np.float32(1 / habit.rise - 1)
    return np.asarray(height + high + np.minimum(height, 0) * np.float32(1 / habit.fall - 1), np.float32)


def _cell_odds(x_height: float) -> NDArray[np.float64]:
    """Return how probable each of `_CELLS` is: waves of half to twice the height of a small letter."""
    odds = np.array([0.45 * x_height <= cell <= 2.1 * x_height for cell in _CELLS], np.float64)
    return np.asarray(odds / odds.sum(), np.float64)
