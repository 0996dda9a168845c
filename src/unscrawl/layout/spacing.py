"""The white between pieces: how surely a character, and how surely a word, ends there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unscrawl.layout.pieces import Atom, seam_odds

__all__ = ["Gaps", "break_features", "break_odds", "cut_odds", "measure"]


# Log odds for the features of `_white_features` and `_break_features`; fitted by bench/layout.py.
_WHITE = np.array([-1.409, 1.938, 0.643, -0.741, 3.441, 1.112, -1.353])
_BREAK = np.array([-2.373, 0.291, 0.273, 0.829])


@dataclass(frozen=True)
class Gaps:
    """What lies before each of a line's n atoms; the first row is meaningless."""

    white: NDArray[np.float64]  # [n] x-heights of white between outlines, looking a little up and down
    shape: NDArray[np.float64]  # [n, 7] features of a white gap
    seam: NDArray[np.float64]  # [n] odds of the cut; nan where the atoms never touched


def measure(atoms: Sequence[Atom], labels: NDArray[np.int32], x_height: float) -> Gaps:
    """Measure the gap before each atom of a line (atoms left to right)."""
    n = len(atoms)
    left, right = _profiles(atoms, labels, x_height)
    white, shape, seam = np.zeros(n), np.zeros((n, _WHITE.size)), np.full(n, np.nan)
    for i in range(1, n):
        before = right[max(0, i - 3) : i].max(axis=0)
        both = np.isfinite(before) & np.isfinite(left[i])
        box = atoms[i].x - max(a.x + a.w for a in atoms[max(0, i - 3) : i])
        white[i] = max((left[i] - before)[both].min() if both.any() else box, box) / x_height
        shape[i] = _white_features(atoms[i - 1], atoms[i], white[i], box / x_height, x_height)
        part = atoms[i].seam
        if part is not None:
            seam[i] = seam_odds(part)
    return Gaps(white, shape, seam)


def _white_features(a: Atom, b: Atom, white: float, box: float, x_height: float) -> tuple[float, ...]:
    """Describe a white gap [7]: near misses and small neighbours make a broken character likely."""
    union = (max(a.x + a.w, b.x + b.w) - min(a.x, b.x)) / x_height
    small = min(max(a.w, a.h), max(b.w, b.h)) / x_height
    apart = max(a.y - (b.y + b.h), b.y - (a.y + a.h)) / x_height
    return (
        1.0,
        min(max(white, -0.3), 0.3),
        min(max(box, 0.0), 0.3),
        min(max(-box, 0.0), 0.6),
        min(union, 2.0),
        min(small, 1.0),
        min(max(apart, -0.5), 0.5),
    )


def _profiles(
    atoms: Sequence[Atom], labels: NDArray[np.int32], x_height: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the leftmost and the rightmost ink x of each atom in each row, widened up and down [n, rows]."""
    top = min(a.y for a in atoms)
    rows = max(a.y + a.h for a in atoms) - top
    left = np.full((len(atoms), rows), np.inf)
    right = np.full((len(atoms), rows), -np.inf)
    for i, a in enumerate(atoms):
        own = a.mask(labels)
        used = own.any(axis=1)
        at = slice(a.y - top, a.y - top + a.h)
        left[i, at] = np.where(used, a.x + own.argmax(axis=1), np.inf)
        right[i, at] = np.where(used, a.x + a.w - own[:, ::-1].argmax(axis=1), -np.inf)
    reach = max(1, round(0.25 * x_height))
    return -_spread(-left, reach), _spread(right, reach)


def _spread(rows: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Take the maximum over `reach` neighbours up and down in each row of profiles."""
    padded = np.pad(rows, ((0, 0), (reach, reach)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1)
    return np.asarray(windows.max(axis=2))


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
    """Two normal heaps of gap widths: between letters and between words."""

    letter: float
    word: float
    letter_spread: float
    word_spread: float
    share: float  # of gaps that are between words

    def log_odds(self, gap: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log odds that each gap is between words, never falling as the gap grows, within ±8."""
        a = np.log(1 - self.share) + _normal(gap, self.letter, self.letter_spread)
        b = np.log(self.share) + _normal(gap, self.word, self.word_spread)
        odds = np.where(gap < self.letter, np.minimum(b - a, -4.0), b - a)
        return np.asarray(np.clip(np.where(gap > self.word, np.maximum(odds, 3.0), odds), -8.0, 8.0))


_PRIOR = _Heaps(letter=0.25, word=1.1, letter_spread=0.2, word_spread=0.35, share=0.18)


def _normal(x: NDArray[np.float64], mean: float, spread: float) -> NDArray[np.float64]:
    return np.asarray(-0.5 * ((x - mean) / spread) ** 2 - np.log(spread))


def _fit_page(gaps: NDArray[np.float64]) -> _Heaps:
    """Fit two heaps to a page's gaps, starting from several places; the most probable fit wins."""
    letters = [_PRIOR.letter, *np.quantile(gaps, (0.25, 0.5)).tolist()] if len(gaps) else [_PRIOR.letter]
    starts = [replace(_PRIOR, letter=m, word=m + wider) for m in letters for wider in (0.4, 0.8, 1.3)]
    return max((_fit(gaps, start, _PRIOR) for start in starts), key=lambda h: _score(gaps, h, _PRIOR))


def _fit(gaps: NDArray[np.float64], start: _Heaps, prior: _Heaps) -> _Heaps:
    for _ in range(12):
        start = _step(gaps, start, prior)
    return start


def _step(gaps: NDArray[np.float64], h: _Heaps, prior: _Heaps) -> _Heaps:
    a = np.log(1 - h.share) + _normal(gaps, h.letter, h.letter_spread)
    b = np.log(h.share) + _normal(gaps, h.word, h.word_spread)
    word = 1.0 / (1.0 + np.exp(np.clip(a - b, -30, 30)))
    letter = 1 - word
    # Priors count as a few gaps seen beforehand.
    m0 = (2.0 * prior.letter + (letter * gaps).sum()) / (2.0 + letter.sum())
    m1 = (2.0 * (m0 + prior.word - prior.letter) + (word * gaps).sum()) / (2.0 + word.sum())
    m1 = max(m1, m0 + 0.2)
    s0 = np.sqrt((4.0 * 0.15**2 + (letter * (gaps - m0) ** 2).sum()) / (4.0 + letter.sum()))
    s1 = np.sqrt((4.0 * 0.3**2 + (word * (gaps - m1) ** 2).sum()) / (4.0 + word.sum()))
    share = (20.0 * prior.share + word.sum()) / (20.0 + len(gaps))
    return _Heaps(float(m0), float(m1), float(s0), float(s1), float(share))


def _score(gaps: NDArray[np.float64], h: _Heaps, prior: _Heaps) -> float:
    a = np.log(1 - h.share) + _normal(gaps, h.letter, h.letter_spread)
    b = np.log(h.share) + _normal(gaps, h.word, h.word_spread)
    k = 20.0
    return float(
        np.logaddexp(a, b).sum()
        + k * (prior.share * np.log(h.share) + (1 - prior.share) * np.log(1 - h.share))
        - 0.5 * ((h.letter - prior.letter) / 0.25) ** 2
        - 0.5 * ((h.word - h.letter - prior.word + prior.letter) / 0.4) ** 2
    )
