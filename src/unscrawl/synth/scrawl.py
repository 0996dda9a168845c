"""Bends a line that a font wrote as a hand would have written it: one geometric map, then the pen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.synth.face import Face, Written
from unscrawl.synth.strokes import noise

__all__ = ["Habit", "Scrawl", "bend", "field", "repen_quickly", "waves"]

Floats = NDArray[np.float32]

_PAD: Final = 96  # columns beyond the crop for which the map is known: leaning strokes reach into it
_CELLS: Final = (8.0, 12.0, 18.0, 27.0)  # sizes of the waves by which strokes stray, in pixels
_LONGEST: Final = 1540  # columns from the first letter to the last
_RAISED: Final = ("1er", "ère", "ème", "1st", "2nd", "3rd", "Mme", "Mlle", "Mr", "Mrs", "Dr", "N°", "No")


@dataclass(frozen=True)
class Habit:
    """How one line is written. Lengths are in x-heights, spreads are standard deviations.

    Attributes:
        x_height: of the finished line, in pixels.
        pen: width of the stroke.
        lean: tangent of the slant to the right that is added to the font's own.
        width: how wide the letters are, as a share of the font's.
        tracking: room added between letters; in joined writing the connecting stroke grows longer.
        gap: room between words.
        uneven: spread of widths (share), and with it of sizes, heights and leans.
        taper: share by which letters shrink towards the end of a word.
        wobble: how far strokes stray.
        waver, slope: how far the baseline strays, and rises over the line's length (tangent).
        pressure: 0 to 1, how much the stroke swells and fades.
    """

    x_height: float
    pen: float
    lean: float
    width: float
    tracking: float
    gap: float
    uneven: float
    taper: float
    wobble: float
    waver: float
    slope: float
    pressure: float

    @classmethod
    def random(cls, rng: np.random.Generator, face: Face) -> Habit:
        """Draw somebody's habits for writing with `face`; x_height is 1 until the crop is known."""
        neat = rng.random() < 0.35
        loose = float(rng.uniform(0.3, 0.8) if neat else rng.uniform(0.7, 1.7))
        lean = float(rng.normal(0.0, 0.22)) if rng.random() < 0.8 else float(rng.uniform(-0.3, 0.7))
        tracking = rng.gamma(1.3, 0.13) if face.joined else rng.normal(0.04, 0.09)
        return cls(
            x_height=1.0,
            pen=float(np.clip(np.exp(rng.normal(np.log(0.125), 0.35)), 0.05, 0.32)),
            lean=float(np.clip(lean, -0.35 - face.slant, 1.3 - face.slant)),
            width=float(np.clip(np.exp(rng.normal(0.08 if face.joined else 0.0, 0.2)), 0.62, 1.8)),
            tracking=float(np.clip(tracking, -0.12, 0.7)),
            gap=float(
                np.clip(np.exp(rng.normal(np.log(0.8), 0.45)), 0.3 if face.joined else 0.5, 2.6)
                + 1.2 * max(tracking, 0.0)
            ),
            uneven=0.085 * loose,
            taper=float(max(rng.normal(0.04, 0.08), 0) * loose),
            wobble=0.05 * loose * float(rng.uniform(0.3, 1.5)),
            waver=0.12 * loose,
            slope=float(rng.normal(0, 0.006)),
            pressure=float(rng.beta(1.5, 2.2)),
        )


@dataclass(frozen=True)
class Scrawl:
    """A bent line: `ink` uint8 [h, w]; `baseline` float32 [w], its row in every column."""

    ink: NDArray[np.uint8]
    baseline: Floats
    words: tuple[tuple[float, float], ...]


def waves(rng: np.random.Generator, length: int, cell: float) -> Floats:
    """Return smooth noise float32 [length], standard deviation about 0.8, with waves of about `cell`."""
    knots = rng.standard_normal(int(length / cell) + 3).astype(np.float32)
    smooth = cv2.resize(knots[None], (int((len(knots)) * cell) + 1, 1), interpolation=cv2.INTER_CUBIC)[0]
    return np.asarray(smooth[:length], np.float32)


@lru_cache(maxsize=16)
def _bank(cell: float) -> Floats:
    """Return a large field of smooth noise to cut from: drawing one for every line would take longest."""
    return noise(np.random.default_rng(int(1000 * cell)), (288, 2560), cell)


def field(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> Floats:
    """Return smooth noise float32 [h, w] (h at most 256, w at most 2048), standard deviation about 0.7."""
    bank = _bank(cell)
    y, x = (int(rng.integers(bank.shape[i] - shape[i] + 1)) for i in (0, 1))
    return bank[y : y + shape[0], x : x + shape[1]]


def repen_quickly(ink: NDArray[np.uint8], grow: float) -> NDArray[np.uint8]:
    """Widen strokes by `grow` pixels, or narrow them; rougher than `strokes.repen` and much quicker."""
    cross = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    change = cv2.dilate if grow > 0 else cv2.erode
    # One pass moves both edges by a pixel.
    passes, rest = divmod(min(abs(grow) / 2, 6.0), 1.0)
    for _ in range(int(passes)):
        ink = np.asarray(change(ink, cross), np.uint8)
    if rest > 0.05:
        ink = np.asarray(cv2.addWeighted(ink, 1 - rest, change(ink, cross), rest, 0), np.uint8)
    return ink


def bend(
    written: Written,
    face: Face,
    habit: Habit,
    baseline: float,
    rows: tuple[int, int],
    rng: np.random.Generator,
) -> Scrawl:
    """Write the line anew by `habit`, on a canvas of the rows from `rows[0]` to `rows[1]` of the crop.

    `baseline` is its row in the crop at mid-line. The first letter begins near column `_PAD`.
    """
    ratio = habit.x_height / written.x_height
    place = _Places.draw(written, habit, ratio, rng)
    width = int(place.right + _PAD + 1)
    base = baseline + habit.slope * (np.arange(width, dtype=np.float32) - width / 2)
    base += habit.waver * habit.x_height * waves(rng, width, 7 * habit.x_height)
    columns = np.arange(-_PAD, width + _PAD, dtype=np.float32)
    source, scale, shift, lean = (table.astype(np.float32) for table in place.tables(columns))
    slope = np.gradient(source).astype(np.float32)

    above = base[None] - np.arange(rows[0], rows[1], dtype=np.float32)[:, None]
    upright = columns[None, _PAD : _PAD + width] - np.float32(face.slant + habit.lean) * above
    index = np.clip(np.rint(upright), -_PAD, width + _PAD - 1).astype(np.int32) + _PAD
    height = (above - shift[index]) * ((1 / ratio) / scale)[index]
    from_x = source[index] + (upright - columns[index]) * slope[index] + (face.slant + lean[index]) * height
    from_y = written.baseline - height
    if habit.wobble:
        cell = float(rng.choice(_CELLS, p=_cell_odds(habit.x_height)))
        reach = habit.wobble * min(written.x_height, 1.3 * cell / ratio)
        from_x += reach * field(rng, (height.shape[0], width), cell)
        from_y += reach * field(rng, (height.shape[0], width), cell)
    wanted = (habit.pen - face.stroke) * written.x_height
    inked = repen_quickly(written.ink, max(wanted, -0.5 * face.stroke * written.x_height))
    bent = cv2.remap(inked, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return Scrawl(np.asarray(bent, np.uint8), base, place.words)


def _cell_odds(x_height: float) -> NDArray[np.float64]:
    """Return how probable each of `_CELLS` is: waves of half to twice the height of a small letter."""
    odds = np.array([0.45 * x_height <= cell <= 2.1 * x_height for cell in _CELLS], np.float64)
    return np.asarray(odds / odds.sum(), np.float64)


@dataclass(frozen=True)
class _Places:
    """Where each character goes: knots from the new line to the written one, and what is done there."""

    knots: NDArray[np.float64]
    source: NDArray[np.float64]
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]
    lean: NDArray[np.float64]
    right: float
    words: tuple[tuple[float, float], ...]

    @classmethod
    def draw(cls, written: Written, habit: Habit, ratio: float, rng: np.random.Generator) -> _Places:
        text, edges, x_height = written.text, written.edges, habit.x_height
        count = len(text)
        space = np.array([c == " " for c in text])
        word = np.cumsum(space)
        nth = rng.standard_normal((4, count)).astype(np.float64)
        own = rng.standard_normal((4, int(word[-1]) + 1))
        loose = habit.uneven
        stretch = habit.width * np.exp(loose * (1.3 * nth[0] + 0.8 * own[0][word]))
        scale = np.exp(0.6 * loose * (nth[1] + own[1][word]))
        scale *= 1 - habit.taper * _along(word, space)
        shift = x_height * loose * (0.45 * nth[2] + 0.5 * own[2][word])
        lean = loose * (0.7 * nth[3] + 0.4 * own[3][word])
        extra = np.where(space, 0.0, habit.tracking * x_height * np.exp(0.5 * rng.standard_normal(count)))
        extra[:-1][space[1:]] = 0.0
        gaps = habit.gap * x_height * np.exp(0.35 * rng.standard_normal(count))
        gaps[rng.random(count) < 0.04] *= 0.3
        if rng.random() < 0.5:
            _raise(text, x_height, scale, stretch, shift)
        wide = np.diff(edges)
        lengths = np.where(space, gaps, wide * ratio * np.maximum(stretch, 0.35))
        starts = _PAD + np.concatenate([[0.0], np.cumsum(lengths + np.maximum(extra, -0.35 * lengths))[:-1]])
        starts = _PAD + (starts - _PAD) * min(1.0, _LONGEST / (starts[-1] + lengths[-1] - _PAD))
        lengths = np.minimum(lengths, np.append(np.diff(starts), lengths[-1]))
        stops = starts + lengths
        # Between the letters lies a seam of a tenth of each, where one letter's habits fade into those of the
        # next and where added room goes.
        seam = np.where(space, 0.3, 0.1)
        knots = np.stack([starts + seam * lengths, stops - seam * lengths], axis=1).ravel()
        source = np.stack([edges[:-1] + seam * wide, edges[1:] - seam * wide], axis=1).ravel()
        knots = np.maximum.accumulate(knots + 1e-3 * np.arange(len(knots)))
        twice = [np.repeat(values, 2) for values in (scale, shift, lean)]
        first = np.flatnonzero(np.diff(word, prepend=-1))
        last = np.append(first[1:] - 1, count - 1)
        words = tuple((float(starts[a]), float(stops[b])) for a, b in zip(first, last, strict=True))
        return cls(knots, source, twice[0], twice[1], twice[2], float(stops[-1]), words)

    def tables(self, columns: Floats) -> tuple[NDArray[np.float64], ...]:
        """Return the written column, the size, the rise in pixels and the added lean for new columns."""
        source = np.interp(columns, self.knots, self.source)
        ends = (self.knots[1] - self.knots[0]) / max(self.source[1] - self.source[0], 1e-6)
        source += (
            np.minimum(columns - self.knots[0], 0) / ends + np.maximum(columns - self.knots[-1], 0) / ends
        )
        return source, *(np.interp(columns, self.knots, v) for v in (self.scale, self.shift, self.lean))


def _along(word: NDArray[np.int_], space: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how far along its word each letter stands, 0 to 1."""
    counts = np.bincount(word)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.asarray((np.arange(len(word)) - first[word]) / np.maximum(counts[word], 1), np.float64)


def _raise(
    text: str,
    x_height: float,
    scale: NDArray[np.float64],
    stretch: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> None:
    """Set the ends of abbreviations such as 1er and Mme small and high, in place."""
    for mark in _RAISED:
        at = text.find(mark)
        while at >= 0:
            stop = at + len(mark)
            clear = stop == len(text) or not text[stop].isalpha()
            if clear and (at == 0 or not text[at - 1].isalpha()):
                part = slice(at + 1, stop)
                scale[part] *= 0.65
                stretch[part] *= 0.7
                shift[part] += 0.75 * x_height
            at = text.find(mark, stop)
