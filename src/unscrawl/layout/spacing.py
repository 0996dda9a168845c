"""The white between pieces: how surely a character, and how surely a word, ends there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.layout.pieces import Atom, seam_odds

__all__ = ["Gaps", "break_features", "break_odds", "cut_odds", "measure"]


# Log odds for the features of `_white_features` and `_break_features`; fitted by bench/layout.py.
_WHITE = np.array([-1.409, 1.938, 0.643, -0.741, 3.441, 1.112, -1.353])
_BREAK = np.array([-2.373, 0.291, 0.273, 0.829])

_FAR = 1e6  # px: stands for the edge of ink that a row has none of


@dataclass(frozen=True)
class Gaps:
    """What lies before each of a line's n atoms; the first row is meaningless."""

    white: NDArray[np.float64]  # [n] x-heights of white between outlines, looking a little up and down
    shape: NDArray[np.float64]  # [n, 7] features of a white gap
    seam: NDArray[np.float64]  # [n] odds of the cut; nan where the atoms never touched


def measure(atoms: Sequence[Atom], labels: NDArray[np.int32], x_height: float) -> Gaps:
    """Measure the gap before each atom of a line (atoms left to right)."""
    left, right = _profiles(atoms, labels, x_height)
    x, y, w, h = np.array([(a.x, a.y, a.w, a.h) for a in atoms], np.float64).T
    outline = (left - _before(right)).min(axis=1)
    box = x - _before((x + w)[:, None])[:, 0]
    white = np.maximum(np.where(outline < _FAR / 2, outline, box), box) / x_height
    shape = np.zeros((len(atoms), _WHITE.size))
    shape[1:] = _white_features(x, y, w, h, x_height, white[1:], box[1:] / x_height)
    seam = np.full(len(atoms), np.nan)
    cut = [i for i, a in enumerate(atoms) if a.seam is not None and i > 0]
    if cut:
        seam[cut] = seam_odds(np.stack([f for i in cut if (f := atoms[i].seam) is not None]))
    white[0] = 0.0
    return Gaps(white, shape, seam)


def _before(right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far right the three atoms before each reach, [n, rows]."""
    reach = np.full_like(right, -_FAR)
    for back in (1, 2, 3):
        reach[back:] = np.maximum(reach[back:], right[:-back])
    return reach


def _white_features(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    h: NDArray[np.float64],
    x_height: float,
    white: NDArray[np.float64],
    box: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Describe white gaps [n - 1, 7]: near misses and small neighbours make a broken character likely."""
    stop, low, large = x + w, y + h, np.maximum(w, h)
    union = (np.maximum(stop[:-1], stop[1:]) - np.minimum(x[:-1], x[1:])) / x_height
    small = np.minimum(large[:-1], large[1:]) / x_height
    apart = np.maximum(y[:-1] - low[1:], y[1:] - low[:-1]) / x_height
    columns = (
        np.ones_like(white),
        np.clip(white, -0.3, 0.3),
        np.clip(box, 0.0, 0.3),
        np.clip(-box, 0.0, 0.6),
        np.minimum(union, 2.0),
        np.minimum(small, 1.0),
        np.clip(apart, -0.5, 0.5),
    )
    return np.stack(columns, axis=1)


def _profiles(
    atoms: Sequence[Atom], labels: NDArray[np.int32], x_height: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the leftmost and the rightmost ink x of each atom in each row, widened up and down [n, rows]."""
    top = min(a.y for a in atoms)
    rows = max(a.y + a.h for a in atoms) - top
    left = np.full((len(atoms), rows), _FAR)
    right = np.full((len(atoms), rows), -_FAR)
    for i, a in enumerate(atoms):
        own = a.mask(labels)
        used = own.any(axis=1)
        at = slice(a.y - top, a.y - top + a.h)
        left[i, at] = np.where(used, a.x + own.argmax(axis=1), _FAR)
        right[i, at] = np.where(used, a.x + a.w - own[:, ::-1].argmax(axis=1), -_FAR)
    window = np.ones((1, 2 * max(1, round(0.25 * x_height)) + 1), np.uint8)
    return np.asarray(cv2.erode(left, window)), np.asarray(cv2.dilate(right, window))


def cut_odds(gaps: Gaps) -> NDArray[np.float32]:
    """Return the probability [n] that a character begins at each atom; 1 for the first."""
    p = np.where(np.isnan(gaps.seam), np.clip(_squash(gaps.shape @ _WHITE), 0.05, 0.99), gaps.seam)
    p[0] = 1.0
    return p.astype(np.float32)


def break_odds(lines: Sequence[Gaps]) -> list[NDArray[np.float32]]:
    """Return for each line of a page the probability [n] of a space before each atom; 0 for the first."""
    odds = []
    for gaps, features in zip(lines, break_features(lines), strict=True):
        p = np.where(np.isnan(gaps.seam), _squash(features @ _BREAK), 0.0)
        p[:1] = 0.0
        odds.append(p.astype(np.float32))
    return odds


def break_features(lines: Sequence[Gaps]) -> list[NDArray[np.float64]]:
    """Return the features [n, 4] of each line's gaps that tell whether they are spaces.

    Gaps between letters and gaps between words make two heaps; where they part differs from hand to hand.
    Two normal heaps with priors are fitted to the gaps (maximum a posteriori, by EM), once for the page
    and once for the line.
    """
    gaps = [np.minimum(_letter_gaps(g), 3.0) for g in lines]
    page = _fit_page(np.concatenate(gaps) if gaps else np.zeros(0))
    features = []
    for g, own in zip(lines, gaps, strict=True):
        white = np.clip(g.white, 0.0, 3.0)
        line = _fit(own, page, page)
        columns = (np.ones(len(white)), page.log_odds(white), line.log_odds(white), white)
        features.append(np.stack(columns, axis=1))
    return features


def _letter_gaps(g: Gaps) -> NDArray[np.float64]:
    """Return a line's white gaps, and 0 for each likely join: touching letters tell of tight writing."""
    white = np.maximum(g.white[1:], 0.0)
    joined = ~np.isnan(g.seam[1:])
    return np.where(joined, 0.0, white)[~joined | (g.seam[1:] > 0.3)]


def _squash(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -30, 30))))


@dataclass(frozen=True)
class _Heaps:
    """Two normal heaps of gap widths, between letters and between words: k variants of them, [k, 1] each."""

    letter: NDArray[np.float64]
    word: NDArray[np.float64]
    letter_spread: NDArray[np.float64]
    word_spread: NDArray[np.float64]
    share: NDArray[np.float64]  # of gaps that are between words

    @classmethod
    def of(cls, letter: float, word: float, letter_spread: float, word_spread: float, share: float) -> _Heaps:
        """Return a single variant."""
        return cls(*(np.full((1, 1), v) for v in (letter, word, letter_spread, word_spread, share)))

    def variant(self, i: int) -> _Heaps:
        """Return variant i alone."""
        figures = (self.letter, self.word, self.letter_spread, self.word_spread, self.share)
        return _Heaps(*(figure[i : i + 1] for figure in figures))

    def likely(self, gap: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the log likelihoods [k, n] of each gap between letters and between words."""
        a = np.log(1 - self.share) + _normal(gap, self.letter, self.letter_spread)
        return a, np.log(self.share) + _normal(gap, self.word, self.word_spread)

    def log_odds(self, gap: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log odds [n] that gaps are between words, never falling as the gap grows, within ±8."""
        a, b = self.likely(gap)
        odds = np.where(gap < self.letter, np.minimum(b - a, -4.0), b - a)
        return np.asarray(np.clip(np.where(gap > self.word, np.maximum(odds, 3.0), odds), -8.0, 8.0)[0])


_PRIOR = _Heaps.of(letter=0.25, word=1.1, letter_spread=0.2, word_spread=0.35, share=0.18)


def _normal(
    x: NDArray[np.float64], mean: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(-0.5 * ((x - mean) / spread) ** 2 - np.log(spread))


def _fit_page(gaps: NDArray[np.float64]) -> _Heaps:
    """Fit two heaps to a page's gaps, starting from several places; the most probable fit wins."""
    letters = np.append(_PRIOR.letter, np.quantile(gaps, (0.25, 0.5)) if len(gaps) else [])
    pairs = np.array([(m, m + wider) for m in letters for wider in (0.4, 0.8, 1.3)])
    fits = _fit(gaps, replace(_PRIOR, letter=pairs[:, :1], word=pairs[:, 1:]), _PRIOR)
    return fits.variant(int(np.argmax(_score(gaps, fits, _PRIOR))))


def _fit(gaps: NDArray[np.float64], start: _Heaps, prior: _Heaps) -> _Heaps:
    for _ in range(12):
        start = _step(gaps, start, prior)
    return start


def _step(gaps: NDArray[np.float64], h: _Heaps, prior: _Heaps) -> _Heaps:
    a, b = h.likely(gaps)
    word = 1.0 / (1.0 + np.exp(np.minimum(np.maximum(a - b, -30), 30)))
    letter = 1 - word
    words, letters = _sum(word), _sum(letter)
    # Priors count as a few gaps seen beforehand.
    m0 = (2.0 * prior.letter + _sum(letter * gaps)) / (2.0 + letters)
    m1 = (2.0 * (m0 + prior.word - prior.letter) + _sum(word * gaps)) / (2.0 + words)
    m1 = np.maximum(m1, m0 + 0.2)
    s0 = np.sqrt((4.0 * 0.15**2 + _sum(letter * (gaps - m0) ** 2)) / (4.0 + letters))
    s1 = np.sqrt((4.0 * 0.3**2 + _sum(word * (gaps - m1) ** 2)) / (4.0 + words))
    return _Heaps(m0, m1, s0, s1, (20.0 * prior.share + words) / (20.0 + len(gaps)))


def _score(gaps: NDArray[np.float64], h: _Heaps, prior: _Heaps) -> NDArray[np.float64]:
    k = 20.0
    return np.asarray(
        _sum(np.logaddexp(*h.likely(gaps)))
        + k * (prior.share * np.log(h.share) + (1 - prior.share) * np.log(1 - h.share))
        - 0.5 * ((h.letter - prior.letter) / 0.25) ** 2
        - 0.5 * ((h.word - h.letter - prior.word + prior.letter) / 0.4) ** 2
    )


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values.sum(axis=1, keepdims=True))
