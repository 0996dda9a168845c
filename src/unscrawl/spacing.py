"""The white between pieces: how surely a character, and how surely a word, ends there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unscrawl.pieces import Atom

__all__ = ["Gaps", "break_odds", "cut_odds", "measure"]


@dataclass(frozen=True)
class Gaps:
    """White before each of a line's n atoms, in x-heights (the first value of each is meaningless)."""

    white: NDArray[np.float64]  # [n] least horizontal white between outlines, ± 0.25 x-heights up and down
    box: NDArray[np.float64]  # [n] white between boxes; negative where they overlap
    cost: NDArray[np.float64]  # [n] ink crossed by a cut, in strokes; -1 where the atoms never touched


def measure(atoms: Sequence[Atom], labels: NDArray[np.int32], x_height: float) -> Gaps:
    """Measure the white before each atom of a line (atoms left to right)."""
    n = len(atoms)
    top = min(a.y for a in atoms)
    rows = max(a.y + a.h for a in atoms) - top
    left = np.full((n, rows), np.inf)
    right = np.full((n, rows), -np.inf)
    for i, a in enumerate(atoms):
        own = np.isin(labels[a.y : a.y + a.h, a.x : a.x + a.w], a.labels)
        used = own.any(axis=1)
        at = slice(a.y - top, a.y - top + a.h)
        left[i, at] = np.where(used, a.x + own.argmax(axis=1), np.inf)
        right[i, at] = np.where(used, a.x + a.w - own[:, ::-1].argmax(axis=1), -np.inf)
    reach = max(1, round(0.25 * x_height))
    left, right = -_spread(-left, reach), _spread(right, reach)
    white, box = np.zeros(n), np.zeros(n)
    for i in range(1, n):
        before = right[max(0, i - 3) : i].max(axis=0)
        both = np.isfinite(before) & np.isfinite(left[i])
        box[i] = atoms[i].x - max(a.x + a.w for a in atoms[max(0, i - 3) : i])
        white[i] = max((left[i] - before)[both].min() if both.any() else box[i], box[i])
    return Gaps(white / x_height, box / x_height, np.array([a.cut for a in atoms]))


def _spread(rows: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Take the maximum over `reach` neighbours up and down in each row of profiles."""
    padded = np.pad(rows, ((0, 0), (reach, reach)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1)
    return np.asarray(windows.max(axis=2))


def cut_odds(gaps: Gaps) -> NDArray[np.float32]:
    """Return the probability [n] that a character begins at each atom; 1 for the first."""
    inside = _squash(-0.9 - 0.9 * (gaps.cost - 1.0))
    between = _squash(0.3 + 22.0 * gaps.white)
    p = np.where(gaps.cost >= 0, inside, np.clip(between, 0.1, 0.985))
    p[0] = 1.0
    return p.astype(np.float32)


def break_odds(lines: Sequence[Gaps]) -> list[NDArray[np.float32]]:
    """Return for each line of a page the probability [n] of a space before each atom; 0 for the first.

    Gaps between letters and gaps between words make two heaps; where they part differs from hand to hand.
    Two normal heaps with priors are fitted to the whole page's gaps (maximum a posteriori EM), then shifted
    to each line as far as the line's own gaps say.
    """
    gaps = [np.maximum(g.white[1:], 0.0)[g.cost[1:] < 0] for g in lines]
    page = _heaps(np.concatenate(gaps) if gaps else np.zeros(0), _PRIOR)
    odds = []
    for g in lines:
        p = np.zeros(len(g.white))
        open_ = np.maximum(g.white, 0.0)
        open_[0] = 0.0
        p = page.posterior(open_)
        p[g.cost >= 0] = 0.0
        p[0] = 0.0
        odds.append(p.astype(np.float32))
    return odds


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

    def posterior(self, gap: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability that each gap is between words; never falling as the gap grows."""
        a = np.log(1 - self.share) + _normal(gap, self.letter, self.letter_spread)
        b = np.log(self.share) + _normal(gap, self.word, self.word_spread)
        p = 1.0 / (1.0 + np.exp(np.clip(a - b, -30, 30)))
        p = np.where(gap < self.letter, np.minimum(p, 0.02), p)
        return np.asarray(np.where(gap > self.word, np.maximum(p, 0.9), p))


_PRIOR = _Heaps(letter=0.25, word=1.1, letter_spread=0.2, word_spread=0.35, share=0.18)


def _normal(x: NDArray[np.float64], mean: float, spread: float) -> NDArray[np.float64]:
    return np.asarray(-0.5 * ((x - mean) / spread) ** 2 - np.log(spread))


def _heaps(gaps: NDArray[np.float64], prior: _Heaps) -> _Heaps:
    """Fit two heaps to gaps, starting from several places; the most probable fit wins."""
    best, best_score = prior, -np.inf
    gaps = np.minimum(gaps, 3.0)
    starts = [prior.letter]
    if len(gaps):
        starts += [float(np.quantile(gaps, q)) for q in (0.25, 0.5)]
    for letter in starts:
        for wider in (0.4, 0.8, 1.3):
            h = _Heaps(letter, letter + wider, 0.15, 0.3, prior.share)
            for _ in range(25):
                h = _step(gaps, h, prior)
            score = _score(gaps, h, prior)
            if score > best_score:
                best, best_score = h, score
    return best


def _step(gaps: NDArray[np.float64], h: _Heaps, prior: _Heaps) -> _Heaps:
    a = np.log(1 - h.share) + _normal(gaps, h.letter, h.letter_spread)
    b = np.log(h.share) + _normal(gaps, h.word, h.word_spread)
    word = 1.0 / (1.0 + np.exp(np.clip(a - b, -30, 30)))
    letter = 1 - word
    # Priors count as a few gaps seen beforehand.
    m0 = (2.0 * prior.letter + (letter * gaps).sum()) / (2.0 + letter.sum())
    m1 = (2.0 * prior.word + (word * gaps).sum()) / (2.0 + word.sum())
    m1 = max(m1, m0 + 0.35)
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
        - 0.5 * ((h.word - prior.word) / 0.45) ** 2
    )
