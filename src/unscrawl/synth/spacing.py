"""Where each character of a line goes when a hand writes it, and what becomes of it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.synth.habit import Habit
from unscrawl.synth.texture import Floats
from unscrawl.synth.written import Written

__all__ = ["PAD", "Places", "Tables"]

PAD: Final = 96
"""Columns to the left and right of the writing: leaning strokes reach into them."""

_LONGEST: Final = 1540  # columns from the first letter to the last
_RAISED: Final = ("1er", "ère", "ème", "1st", "2nd", "3rd", "Mme", "Mlle", "Mr", "Mrs", "Dr", "N°", "No")


class Tables(NamedTuple):
    """For every column of the new line: the written column, size (share), rise (pixels), added lean
    (tangent), and whether the pen is off the paper."""

    source: Floats
    scale: Floats
    shift: Floats
    lean: Floats
    lifted: NDArray[np.bool_]


@dataclass(frozen=True)
class Places:
    """Knots from columns of the new line to those of the written one, two a character, with its habits.

    `lifts` are the columns [n, 2] over which the pen is lifted, `right` is where the last character ends, and
    `words` where each word begins and ends.
    """

    knots: NDArray[np.float64]
    source: NDArray[np.float64]
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]
    lean: NDArray[np.float64]
    lifts: NDArray[np.float64]
    right: float
    words: tuple[tuple[float, float], ...]

    @classmethod
    def draw(cls, written: Written, slant: float, habit: Habit, rng: np.random.Generator) -> Places:
        """Draw where the characters of `written`, which leans by `slant`, go."""
        text, x_height, loose = written.text, habit.x_height, habit.uneven
        count, ratio = len(text), x_height / written.x_height
        space = np.array([c == " " for c in text])
        word = np.cumsum(space)
        edges = _thinnest(written, slant, space)
        nth = rng.standard_normal((4, count))
        own = rng.standard_normal((4, int(word[-1]) + 1))
        stretch = habit.width * np.exp(loose * (1.3 * nth[0] + 0.8 * own[0][word]))
        scale = np.exp(0.6 * loose * (nth[1] + own[1][word])) * (1 - habit.taper * _along(word))
        shift = x_height * loose * (0.45 * nth[2] + 0.5 * own[2][word])
        lean = loose * (0.7 * nth[3] + 0.4 * own[3][word])
        if rng.random() < 0.5:
            _raise(text, x_height, scale, stretch, shift)
        gaps = habit.gap * x_height * np.exp(0.35 * rng.standard_normal(count))
        gaps[rng.random(count) < 0.03] *= 0.35
        wide = np.diff(edges)
        lengths = np.where(space, gaps, wide * ratio * np.maximum(stretch, 0.35))
        extra = habit.tracking * x_height * np.exp(0.5 * rng.standard_normal(count))
        extra[space | np.append(space[1:], True)] = 0.0
        starts = np.concatenate([[0.0], np.cumsum(lengths + np.maximum(extra, -0.35 * lengths))])
        starts = PAD + starts * min(1.0, _LONGEST / starts[-1])
        lengths = np.minimum(lengths, np.diff(starts))
        stops = starts[:-1] + lengths
        # Between the letters lies a seam of a tenth of each, where one letter's habits fade into those of the
        # next and where added room goes.
        seam = np.where(space, 0.3, 0.1)
        knots = np.stack([starts[:-1] + seam * lengths, stops - seam * lengths], axis=1).ravel()
        knots = np.maximum.accumulate(knots + 1e-3 * np.arange(len(knots)))
        source = np.stack([edges[:-1] + seam * wide, edges[1:] - seam * wide], axis=1).ravel()
        lifted = (rng.random(count) < habit.lifts) & ~space & ~np.append(space[1:], True)
        middle, half = (stops + starts[1:])[lifted] / 2, x_height * rng.uniform(0.04, 0.13, int(lifted.sum()))
        first = np.flatnonzero(np.diff(word, prepend=-1))
        begins = first + space[first]
        ends = np.append(first[1:] - 1, count - 1)
        return cls(
            knots,
            source,
            np.repeat(scale, 2),
            np.repeat(shift, 2),
            np.repeat(lean, 2),
            lifts=np.stack([middle - half, middle + half], axis=1),
            right=float(stops[-1]),
            words=tuple((float(starts[a]), float(stops[b])) for a, b in zip(begins, ends, strict=True)),
        )

    def tables(self, columns: Floats) -> Tables:
        """Return what holds at each of `columns`, ascending by one."""
        source = np.interp(columns, self.knots, self.source)
        ends = (self.knots[1] - self.knots[0]) / max(self.source[1] - self.source[0], 1e-6)
        source += (np.minimum(columns - self.knots[0], 0) + np.maximum(columns - self.knots[-1], 0)) / ends
        lifted = np.zeros(len(columns), np.bool_)
        for begin, end in np.rint(self.lifts - columns[0]).astype(int):
            lifted[begin:end] = True
        scale, shift, lean = (
            np.interp(columns, self.knots, values).astype(np.float32)
            for values in (self.scale, self.shift, self.lean)
        )
        return Tables(source.astype(np.float32), scale, shift, lean, lifted)


def _thinnest(written: Written, slant: float, space: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the edges between letters, moved to where least ink crosses from one to the next."""
    edges, x_height = written.edges.copy(), written.x_height
    top = written.baseline - int(1.1 * x_height)
    band = written.ink[top : written.baseline + int(0.3 * x_height)]
    back = np.array([[1, slant, -slant * (written.baseline - top)], [0, 1, 0]])
    upright = cv2.warpAffine(band, back, (band.shape[1], band.shape[0]), flags=cv2.INTER_NEAREST)
    profile = cv2.blur(cv2.reduce(upright, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).astype(np.float32), (3, 1))[0]
    reach = np.minimum(np.minimum(edges[1:-1] - edges[:-2], edges[2:] - edges[1:-1]) / 4, 0.25 * x_height)
    for i in np.flatnonzero(~space[:-1] & ~space[1:]):
        first = int(edges[i + 1] - reach[i])
        window = profile[first : int(edges[i + 1] + reach[i]) + 1]
        if len(window):
            edges[i + 1] = first + int(window.argmin())
    return edges


def _along(word: NDArray[np.int_]) -> NDArray[np.float64]:
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
