"""Lines put together from pictures of real characters, each person's own as far as they go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET
from unscrawl.errors import DataError
from unscrawl.synth.hands import GlyphHand, extent
from unscrawl.synth.strokes import stroke_width
from unscrawl.synth.written import ABOVE, BELOW, SIZES, Written, size_for

__all__ = ["PictureBook", "Pictured"]

Pictures = Mapping[str, Sequence[NDArray[np.uint8]]]

_OWN: Final = 15  # different characters without which somebody's pictures do not make a hand
_BROAD: Final = {"m": 1.5, "w": 1.4, "M": 1.6, "W": 1.8} | dict.fromkeys("iljtfrI1.,:;!'()", 0.55)


class PictureBook:
    """Pictures of characters by many people, from which hands are drawn."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Read .npz files: `x` uint8 [N, h, w], white on black, `label` a character, `group` the person.

        Raises:
            DataError: a file cannot be read or lacks one of these, or nobody wrote enough characters.
        """
        self._all: dict[str, list[NDArray[np.uint8]]] = defaultdict(list)
        people: dict[str, dict[str, list[NDArray[np.uint8]]]] = {}
        for file in files:
            for picture, label, group in zip(*_load(file), strict=True):
                if str(label) in ALPHABET and (ink := _trim(picture)).size:
                    own = people.setdefault(f"{file}/{group}", defaultdict(list))
                    own[str(label)].append(ink)
                    self._all[str(label)].append(ink)
        self._people = [own for _, own in sorted(people.items()) if len(own) >= _OWN]
        if not self._people:
            raise DataError(f"nobody wrote {_OWN} different characters in {', '.join(map(str, files))}")

    def hand(self, rng: np.random.Generator) -> Pictured:
        """Return the hand of one person; each character that this person lacks is one borrowed picture."""
        own = self._people[int(rng.integers(len(self._people)))]
        borrowed = {c: [p[int(rng.integers(len(p)))]] for c, p in sorted(self._all.items()) if c not in own}
        return Pictured({**own, **borrowed}, rng)


class Pictured:
    """One person's characters as a `written.Scribe` of printed letters."""

    joined = False

    def __init__(self, pictures: Pictures, rng: np.random.Generator) -> None:
        """Take `pictures`, trimmed to their ink; `rng` draws among several of one character."""
        self._pictures = pictures
        self._rng = rng
        self.characters = frozenset({" ", *pictures})
        self.slant = 0.0
        sample = "".join(c for c in "aenou" if c in pictures) or next(iter(pictures))
        self.stroke = max(stroke_width(self.write(sample, SIZES[-1]).ink) / SIZES[-1], 0.03)

    def width(self, text: str) -> float:
        """Return about how wide `text` is written without spaces, in x-heights."""
        return sum(_BROAD.get(c, 1.05) + 0.2 for c in text if c != " ")

    def extent(self, text: str) -> tuple[float, float]:
        """Return how far `text` reaches above and below the baseline, in x-heights."""
        reaches = [extent(c) for c in text if c != " "]
        return max(top for top, _ in reaches), max(-bottom for _, bottom in reaches)

    def write(self, text: str, x_height: float, gap: float = 0.8) -> Written:
        """Write `text`, words `gap` x-heights apart, at `x_height` pixels or somewhat more."""
        size = size_for(x_height)
        hand = GlyphHand(self._pictures, size)
        drawn = [None if c == " " else hand.draw(c, self._rng) for c in text]
        advances = [gap * size if d is None else d.advance for d in drawn]
        margin, above, below = 2.5 * size, int(ABOVE * size), int(BELOW * size)
        edges = margin + np.concatenate([[0.0], np.cumsum(advances)])
        ink = np.zeros((above + below, int(edges[-1] + margin)), np.uint8)
        for place, character in zip(edges, drawn, strict=False):
            if character is not None:
                height, width = character.ink.shape
                x, y = round(place + character.left), max(round(above + character.top), 0)
                part = ink[y : y + height, x : x + width]
                # Scaling down has thinned the strokes: 3/2 brings them back to full ink.
                full = np.minimum(character.ink.astype(np.uint16) * 3 // 2, 255).astype(np.uint8)
                np.maximum(part, full[: part.shape[0], : part.shape[1]], out=part)
        return Written(text, ink, above, float(size), edges)


def _load(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.str_], NDArray[np.str_]]:
    try:
        with np.load(file, allow_pickle=False) as loaded:
            x, label, group = loaded["x"], loaded["label"], loaded["group"]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(f"{file}: not a file of character pictures ({error})") from None
    if x.ndim != 3 or x.dtype != np.uint8 or not len(x) == len(label) == len(group):
        raise DataError(f"{file}: x must be uint8 [N, h, w], with a label and a group for each")
    return x, label, group


def _trim(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return `picture` cut to its ink, empty where there is next to none."""
    inked = picture > 64
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not rows.size:
        return picture[:0, :0]
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
