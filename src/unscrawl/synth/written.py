"""A line as it is before a hand bends it, and whoever can write one."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["ABOVE", "BELOW", "SIZES", "Scribe", "Written", "fold", "in_turn", "size_for"]

SIZES: Final = (14, 19, 26, 36)
"""The heights of a small letter, in pixels, at which lines are written."""

ABOVE: Final = 4.2
BELOW: Final = 2.6
"""Room kept above and below the baseline, in x-heights."""

_SUBSTITUTES: Final = {"—": "-", "«": '"', "»": '"', "œ": "oe", "æ": "ae", "Œ": "OE", "Æ": "AE", "€": "£"}


@dataclass(frozen=True)
class Written:
    """A line as the font draws it, before a hand bends it.

    `ink` is uint8 [h, w], 0 paper … 255 ink; `baseline` its row and `x_height` its height in pixels.
    Character i of `text` stands between columns `edges[i]` and `edges[i + 1]` on the baseline.
    """

    text: str
    ink: NDArray[np.uint8]
    baseline: int
    x_height: float
    edges: NDArray[np.float64]


class Scribe(Protocol):
    """Writes plain lines in one hand.

    Attributes:
        characters: those of `alphabet.LINE` that it can write, the space among them.
        joined: whether it connects the letters of a word.
        stroke: the usual width of its strokes in x-heights.
        slant: tangent of the angle by which it leans to the right.
    """

    characters: frozenset[str]
    joined: bool
    stroke: float
    slant: float

    def width(self, text: str) -> float:
        """Return about how wide `text` is written without spaces, in x-heights."""

    def extent(self, text: str) -> tuple[float, float]:
        """Return how far `text` reaches above and below the baseline, in x-heights."""

    def write(self, text: str, x_height: float, gap: float = 0.8) -> Written:
        """Write `text`, words `gap` x-heights apart, at `x_height` pixels or somewhat more."""


def size_for(x_height: float) -> int:
    """Return the smallest of `SIZES` that is at least `x_height`, or the largest."""
    return next((size for size in SIZES if size >= x_height), SIZES[-1])


def fold(text: str, characters: frozenset[str]) -> str:
    """Return `text` with what is not among `characters` replaced by the nearest that is, or left out."""
    if characters.issuperset(text):
        return text
    folded = []
    for char in text:
        for choice in (char, _SUBSTITUTES.get(char, ""), unicodedata.normalize("NFD", char)[0]):
            if choice and characters.issuperset(choice):
                folded.append(choice)
                break
    return " ".join("".join(folded).split())


def in_turn(first: Scribe, second: Scribe, text: str, seconds: range, x_height: float, gap: float) -> Written:
    """Let `second` write the words of `text` that `seconds` numbers, at least one, and `first` the others."""
    words = text.split(" ")
    runs = (words[: seconds.start], words[seconds.start : seconds.stop], words[seconds.stop :])
    parts = [
        scribe.write(" ".join(run), x_height, gap)
        for scribe, run in zip((first, second, first), runs, strict=True)
        if run
    ]
    size, baseline = parts[0].x_height, parts[0].baseline
    places, at = [], 0.0
    for part in parts:
        places.append(round(at))
        at += part.edges[-1] - part.edges[0] + gap * size
    ink = np.zeros((parts[0].ink.shape[0], places[-1] + parts[-1].ink.shape[1]), np.uint8)
    for place, part in zip(places, parts, strict=True):
        target = ink[:, place : place + part.ink.shape[1]]
        np.maximum(target, part.ink, out=target)
    edges = np.concatenate([part.edges + place for place, part in zip(places, parts, strict=True)])
    return Written(text, ink, baseline, size, edges)
