"""A page's transcription → the text of each line that was found on it; doubtful lines are left out.

Two ways: a transcription in lines is matched line with line, one in paragraphs is cut where the lines end.
Both rest on how the page was read, however badly: edit distances tell the right text from the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

__all__ = ["Match", "match"]

_CHANCE: Final = 0.32  # similarity of two lines that have nothing to do with each other, at most
_CLEAR: Final = 0.6  # similarity from which a line is not doubtful whatever the others are like
_APART: Final = 0.1  # how much more similar the right text must be than every other
_FLOWING: Final = 0.55  # least similarity of a line cut out of a paragraph: where it ends is a guess too
_REACH: Final = 8  # characters around the place where a line should end that are searched for a space

Floats = NDArray[np.float64]


class Match(NamedTuple):
    """Line `line` of the page has the text `text`; where `doubt` is not empty it says why it may not."""

    line: int
    text: str
    doubt: str = ""


def match(read: Sequence[str], text: str) -> list[Match]:
    """Match the lines of a page as they were read with its transcription.

    Args:
        read: the lines in reading order, as the base read them.
        text: the transcription, with line ends or without.

    Returns:
        One entry for each line of the page, in order.
    """
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not lines or not read:
        return [Match(i, "", "there is no text for this line") for i in range(len(read))]
    if len(lines) * 1.5 < len(read):
        return _flow(read, " ".join(lines))
    return _in_lines(read, lines)


def _in_lines(read: Sequence[str], lines: Sequence[str]) -> list[Match]:
    """Match line with line, in order; either side may have lines that the other lacks."""
    alike = np.array(process.cdist(read, lines, scorer=Levenshtein.normalized_similarity), np.float64)
    pairs = dict(_chain(alike - _CHANCE))
    found = []
    for i in range(len(read)):
        j = pairs.get(i)
        if j is None:
            found.append(Match(i, "", "no line of the text is like it"))
            continue
        others = np.append(np.delete(alike[i], j), np.delete(alike[:, j], i))
        rival = others.max(initial=_CHANCE)
        clear = alike[i, j] >= _CLEAR or alike[i, j] >= rival + _APART
        found.append(Match(i, lines[j], "" if clear else "it may as well be another line of the text"))
    return found


def _chain(gain: Floats) -> list[tuple[int, int]]:
    """Return the pairs (i, j), rising in both, whose gains add up to most (Needleman & Wunsch 1970)."""
    n, m = gain.shape
    best = np.zeros((n + 1, m + 1))
    for i in range(n):
        taken = best[i, :-1] + gain[i]
        for j in range(m):
            best[i + 1, j + 1] = max(taken[j], best[i, j + 1], best[i + 1, j])
    pairs, i, j = [], n, m
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def _flow(read: Sequence[str], text: str) -> list[Match]:
    """Cut running text at the spaces near the ends of the page's lines, so that both sides fit best."""
    at = _carried(" ".join(read), text)
    ends = [at[end] for end in accumulate(len(line) + 1 for line in read[:-1])]
    ways: dict[int, tuple[float, list[int]]] = {0: (0.0, [0])}  # by the last cut: cost, cuts so far
    for line, places in zip(read, [*(_spaces(text, end) for end in ends), [len(text)]], strict=True):
        longer: dict[int, tuple[float, list[int]]] = {}
        for b in {max(place, min(ways)) for place in places}:
            before = {a: way for a, way in ways.items() if a <= b}
            cost, way = min((c + _misfit(line, text[a:b]), cuts) for a, (c, cuts) in before.items())
            longer[b] = (cost, [*way, b])
        ways = longer
    cuts = ways[len(text)][1]
    found = []
    for i, line in enumerate(read):
        part = text[cuts[i] : cuts[i + 1]].strip()
        alike = Levenshtein.normalized_similarity(line, part) if part else 0.0
        found.append(
            Match(i, part, "" if alike >= _FLOWING else "where its text begins and ends is not clear")
        )
    return found


def _misfit(line: str, part: str) -> int:
    return Levenshtein.distance(line, part.strip())


def _carried(read: str, text: str) -> list[int]:
    """Return for each place between characters of `read` the place in `text` it is aligned with."""
    at = [0] * (len(read) + 1)
    for step in Levenshtein.opcodes(read, text):
        for k in range(step.src_start, step.src_end):
            at[k] = min(step.dest_start + k - step.src_start, step.dest_end)
    at[len(read)] = len(text)
    return at


def _spaces(text: str, place: int) -> list[int]:
    """Return the spaces near `place`, or `place` where there are none."""
    near = range(max(0, place - _REACH), min(len(text), place + _REACH))
    return [k for k in near if text[k] == " "] or [place]
