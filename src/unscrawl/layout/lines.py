"""Ink → the courses of its text lines.

Lines show as ridges when the ink is blurred much more along than across the writing (after Bukhari,
Shafait, Breuel, "Script-independent handwritten textlines segmentation using active contours", ICDAR
2009). A ridge follows slope and curvature; ridge fragments are linked across gaps, and every component
goes to the line whose ridge it sits on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.layout.columns import in_reading_order
from unscrawl.layout.components import weighted_median

__all__ = ["FEW_STROKES", "Track", "find_tracks"]

FEW_STROKES = 3
"""So many strokes in a row need not be a word."""

_GRID = 8.0  # px: the text size is scaled to this before blurring
_MAX_FRAGMENTS = 200
_BESIDE = 0.75  # text sizes by which what stands in one row may be higher
_MAX_TRACK_GAP = 30.0  # text sizes: a wider gap is never bridged by one line


@dataclass
class Track:
    """The course of a line: y of the middle of its small letters at some x, px."""

    xs: NDArray[np.float64]
    ys: NDArray[np.float64]
    slope: float  # used beyond both ends

    def course(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return y at each x."""
        beyond = np.minimum(x - self.xs[0], 0.0) + np.maximum(x - self.xs[-1], 0.0)
        return np.asarray(np.interp(x, self.xs, self.ys) + beyond * self.slope)

    def moved(self, x: float, y: float) -> Track:
        """Return the course moved by so many px."""
        return Track(self.xs + x, self.ys + y, self.slope)

    def at(self, x: float) -> float:
        """Return y at one x."""
        return float(self.course(np.array([x]))[0])

    def strokes(self, labels: NDArray[np.int32], chosen: NDArray[np.bool_], left: float, right: float) -> int:
        """Count the strokes of the components [n] that are `chosen` that the line crosses between two x."""
        x = np.arange(max(int(left), 0), min(int(right) + 1, labels.shape[1]))
        y = np.clip(np.rint(self.course(x.astype(np.float64))).astype(np.intp), 0, len(labels) - 1)
        on = chosen[labels[y, x]].astype(np.int8)
        return int(np.count_nonzero(np.diff(on, prepend=np.int8(0)) == 1))


def find_tracks(mask: NDArray[np.uint8], size: float, words: NDArray[np.uint8] | None = None) -> list[Track]:
    """Return the courses of the text lines in reading order.

    `mask` [h, w] holds the ink of letters, `words` the same without what may lie between columns and be no
    writing; `size` is the typical letter height in px.
    """
    fragments = _ridges(mask, size)
    if not fragments:
        return []
    slope = _common_slope(fragments, size)
    tracks: list[Track] = []
    for part in in_reading_order(mask if words is None else words, size, fragments):
        tracks += _link(part, size, slope)
    return tracks


def _ridges(mask: NDArray[np.uint8], size: float) -> list[NDArray[np.float64]]:
    """Blur the ink along the writing and return ridge fragments [k, 3] of (x, y, strength), left to right."""
    scale = min(1.0, _GRID / size)
    unit = size * scale
    h, w = max(1, round(mask.shape[0] * scale)), max(1, round(mask.shape[1] * scale))
    pad = int(unit) + 2
    small = cv2.resize(mask * np.uint8(255), (w, h), interpolation=cv2.INTER_AREA)
    small = np.pad(small, ((pad, pad), (0, 0))).astype(np.float32)
    blur = cv2.GaussianBlur(small, (0, 0), 1.6 * unit, sigmaY=0.38 * unit, borderType=cv2.BORDER_CONSTANT)
    inner = blur[1:-1]
    crest = (inner > blur[:-2]) & (inner >= blur[2:])
    if not crest.any():
        return []
    # A lone thin stroke ("I", "1") is a line of its own at a small fraction of full text's strength.
    crest &= inner > 0.05 * np.percentile(inner[crest], 90)
    _, labels = cv2.connectedComponents(crest.astype(np.uint8), connectivity=8)
    fragments = []
    ys, xs = np.nonzero(labels)
    names = labels[ys, xs]
    order = np.lexsort((ys, xs, names))
    ys, xs, names = ys[order], xs[order], names[order]
    for part in np.split(np.arange(len(names)), np.flatnonzero(np.diff(names)) + 1):
        px, py = xs[part], ys[part]
        first = np.concatenate(([True], np.diff(px) > 0))
        px, py = px[first], py[first]
        if len(px) < 0.4 * unit:
            continue
        points = np.stack(
            [(px + 0.5) / scale, (py + 1 - pad + 0.5) / scale, inner[py, px].astype(np.float64)], axis=1
        )
        fragments.append(points)
    # A page of noise must not take minutes: linking tries all pairs.
    return sorted(fragments, key=lambda f: -float(f[:, 2].sum()))[:_MAX_FRAGMENTS]


def _common_slope(fragments: Sequence[NDArray[np.float64]], size: float) -> float:
    """Return the page's residual slope: the median over long fragments, weighed by length; 0 without any."""
    slopes, lengths = [], []
    for f in fragments:
        length = f[-1, 0] - f[0, 0]
        if length > 6 * size:
            slopes.append(float(np.polyfit(f[:, 0], f[:, 1], 1)[0]))
            lengths.append(length)
    if not slopes:
        return 0.0
    return float(np.clip(weighted_median(np.array(slopes), np.array(lengths)), -0.08, 0.08))


def _link(fragments: list[NDArray[np.float64]], size: float, slope: float) -> list[Track]:
    """Chain ridge fragments that continue one another into tracks, top to bottom."""
    chains = _drop_shadows(sorted(fragments, key=lambda f: -float(f[:, 2].sum())), size)
    ends = [_ends(c, size) for c in chains]
    while (pair := _best_pair(np.array(ends), size, slope)) is not None:
        joined = np.concatenate([chains[i] for i in pair])
        joined = joined[np.argsort(joined[:, 0], kind="stable")]
        for i in sorted(pair, reverse=True):
            del chains[i], ends[i]
        chains.append(joined)
        ends.append(_ends(joined, size))
    tracks = [_track(c, size, slope) for c in chains]
    x0 = min((float(t.xs[0]) for t in tracks), default=0.0)
    return _in_rows(sorted(tracks, key=lambda t: (t.ys.mean() - slope * (t.xs.mean() - x0), t.xs[0])), size)


def _in_rows(tracks: list[Track], size: float) -> list[Track]:
    """Put courses behind those that end before them and are a little lower: rows of a form seen aslant."""
    ordered = list[Track]()
    for track in tracks:
        at = len(ordered)
        while at and 0 < track.at(ordered[at - 1].xs[0]) - ordered[at - 1].ys[0] < _BESIDE * size:
            if track.xs[-1] >= ordered[at - 1].xs[0]:
                break
            at -= 1
        ordered.insert(at, track)
    return ordered


def _best_pair(ends: NDArray[np.float64], size: float, slope: float) -> tuple[int, int] | None:
    """Return the two chains, left and right, that continue one another best by their ends, if any do."""
    if len(ends) < 2:
        return None
    left, start, right, stop = ends.T
    gap = left[None, :] - right[:, None]
    off = np.abs(start[None, :] - stop[:, None] - slope * gap) / size
    wide = np.maximum(gap, 0.0) / size
    fits = (gap > -2.5 * size) & (wide < _MAX_TRACK_GAP) & (off < 0.55 + 0.02 * wide)
    np.fill_diagonal(fits, False)
    if not fits.any():
        return None
    cost = np.where(fits, off + 0.02 * np.abs(gap) / size, np.inf)
    i, j = np.unravel_index(int(cost.argmin()), cost.shape)
    return int(i), int(j)


def _ends(chain: NDArray[np.float64], size: float) -> tuple[float, float, float, float]:
    """Return x and y of a chain's left end, then of its right end; y is a mean over about two letters."""
    x, y, weight = chain.T
    first, last = np.abs(x - x[0]) < 2 * size, np.abs(x - x[-1]) < 2 * size
    start, stop = (float(np.average(y[near], weights=weight[near])) for near in (first, last))
    return float(x[0]), start, float(x[-1]), stop


def _drop_shadows(chains: list[NDArray[np.float64]], size: float) -> list[NDArray[np.float64]]:
    """Drop weak ridges that run close along a stronger one: rows of dots, crossbars, descender tails."""
    kept: list[NDArray[np.float64]] = []
    for chain in chains:
        shadow = False
        for other in kept:
            inside = (chain[:, 0] >= other[0, 0] - size) & (chain[:, 0] <= other[-1, 0] + size)
            if inside.mean() < 0.6:
                continue
            x, y, weight = chain[inside].T
            off = np.abs(y - np.interp(x, other[:, 0], other[:, 1]))
            strength = weight / np.maximum(np.interp(x, other[:, 0], other[:, 2]), 1e-9)
            distance, ratio = float(off.mean()) / size, float(strength.mean())
            if distance < 0.7 or (distance < 1.1 and ratio < 0.35):
                shadow = True
                break
        if not shadow:
            kept.append(chain)
    return kept


def _track(chain: NDArray[np.float64], size: float, slope: float) -> Track:
    """Smooth a chain of ridge points into a track with one point about every letter."""
    x, y, weight = chain.T
    edges = np.arange(x[0], x[-1] + size, size)
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(len(edges) - 1, 0))
    total = np.bincount(place, weights=weight)
    used = total > 0
    xs = np.bincount(place, weights=weight * x)[used] / total[used]
    ys = np.bincount(place, weights=weight * y)[used] / total[used]
    return Track(xs, ys, slope)
