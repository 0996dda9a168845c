"""What people write on a line: runs of prose, word sequences, dates, sums, names, addresses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.synth.linemade import MAKERS

__all__ = ["LineText", "french_words", "to_line"]

_LONG: Final = 400  # a text of more characters is prose to cut lines from
_KNOWN: Final = frozenset(LINE)
_LIKE: Final = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "`": "'",
        "´": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "–": "—",
        "‐": "-",
        "‑": "-",
        "¬": "-",
    }
    | {"…": "...", "\u00a0": " ", "\u202f": " ", "ſ": "s", "ﬁ": "fi", "ﬂ": "fl", "−": "-", "×": "*", "º": "°"}
)
_DASHES: Final = re.compile(r"-{2,}")
_VOWELS: Final = "aeiouyhàâéèêîôûœ"


def to_line(text: str) -> str:
    """Return `text` in characters of `alphabet.LINE`: look-alikes folded, accents dropped where need be."""
    folded = unicodedata.normalize("NFC", text).translate(_LIKE)
    if not _KNOWN.issuperset(folded):
        kept = (
            c if c in _KNOWN else unicodedata.normalize("NFD", c)[0] if c.isalpha() else " " for c in folded
        )
        folded = "".join(c for c in kept if c in _KNOWN)
    return " ".join(_DASHES.sub("—", folded).split())


def french_words(limit: int = 20000) -> list[str]:
    """Return the most frequent French words, first the most frequent; needs the package `wordfreq`."""
    from wordfreq import top_n_list

    words = (to_line(word) for word in top_n_list("fr", limit))
    return [word for word in words if word and word[0].isalpha() and (len(word) > 1 or word in "àaôy")]


class LineText:
    """Draws lines of text from prose, other lines, word lists, and what it makes up itself."""

    def __init__(self, texts: Sequence[str] = (), words: Sequence[str] = ()) -> None:
        """Take material.

        Args:
            texts: long ones are prose from which runs are cut, short ones lines as they are.
            words: a language's words, the most frequent first, written by Zipf's law.
        """
        self._prose = [t for t in texts if len(t) > _LONG]
        self._lines = [t for t in texts if 0 < len(t) <= _LONG]
        self._words = list(words)
        sizes = np.array([len(t) for t in self._prose], np.float64)
        self._by_size = np.cumsum(sizes / max(sizes.sum(), 1.0))
        zipf = np.cumsum(1 / (np.arange(len(self._words)) + 2.7))
        self._by_rank = zipf / zipf[-1] if len(zipf) else zipf
        sources: list[tuple[float, Callable[[np.random.Generator, int], str]]] = [(0.16, self._made)]
        sources += [(0.48, self._run)] if self._prose else []
        sources += [(0.2, self._line)] if self._lines else []
        sources += [(0.16, self._sequence)] if self._words else []
        self._sources = [source for _, source in sources]
        shares = np.array([share for share, _ in sources])
        self._by_share = np.cumsum(shares / shares.sum())

    def draw(self, rng: np.random.Generator) -> str:
        """Return one line of 1 to 90 characters of `alphabet.LINE`, mostly 15 to 60."""
        kind = rng.random()
        if kind < 0.06:
            length = int(rng.integers(1, 9))
        elif kind < 0.17:
            length = int(rng.integers(8, 21))
        else:
            length = int(np.clip(rng.normal(42, 14), 12, 90))
        text = ""
        while not text:
            source = self._sources[_pick(self._by_share, rng)]
            text = _cut(to_line(source(rng, length)), length)
        if rng.random() < 0.035:
            text = _cut(to_line(text.upper()), 90)
        return text

    def _run(self, rng: np.random.Generator, length: int) -> str:
        text = self._prose[_pick(self._by_size, rng)]
        at = int(rng.integers(max(len(text) - length - 80, 1)))
        run = text[at : at + length + 80]
        return run[run.find(" ") + 1 :] if at else run

    def _line(self, rng: np.random.Generator, length: int) -> str:
        line = self._lines[int(rng.integers(len(self._lines)))]
        if len(line) > 1.3 * length and " " in line and rng.random() < 0.5:
            return line[line.find(" ", int(rng.integers(len(line) - length))) + 1 :]
        return line

    def _sequence(self, rng: np.random.Generator, length: int) -> str:
        parts: list[str] = []
        size, begin = 0, bool(rng.random() < 0.4)
        while size < length + 2:
            word = self._words[_pick(self._by_rank, rng)]
            if begin or rng.random() < 0.03:
                word = word[0].upper() + word[1:]
            elif word[0] in _VOWELS and rng.random() < 0.3:
                word = str(rng.choice(["l'", "d'", "qu'", "n'", "s'", "j'", "c'"])) + word
            mark = rng.random()
            begin = mark < 0.04
            word += ("." if rng.random() < 0.8 else " !") if begin else ("," if mark < 0.12 else "")
            parts.append(word)
            size += len(word) + 1
        return " ".join(parts)

    def _made(self, rng: np.random.Generator, length: int) -> str:
        make = MAKERS[int(rng.integers(len(MAKERS)))]
        text = make(rng)
        while len(text) < length - 6 and rng.random() < 0.6:
            other = self._run(rng, length) if self._prose and rng.random() < 0.5 else make(rng)
            text += (
                str(rng.choice([" ", ", ", " - ", "; ", " — ", " & "], p=[0.5, 0.25, 0.1, 0.05, 0.05, 0.05]))
                + other
            )
        return text


def _pick(cumulative: NDArray[np.float64], rng: np.random.Generator) -> int:
    return min(int(np.searchsorted(cumulative, rng.random())), len(cumulative) - 1)


def _cut(text: str, length: int) -> str:
    """Shorten to whole words of about `length` characters, a single long word to `length`."""
    if len(text) <= max(length, 4):
        return text
    end = text.rfind(" ", 0, length + 4)
    return text[:end].strip() if end > 0 else text[: max(length, 3)]
