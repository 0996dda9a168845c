"""Connected components → text lines: which ink belongs to which line, and where each line runs.

Lines show as ridges when the ink is blurred much more along than across the writing (after Bukhari,
Shafait, Breuel, "Script-independent handwritten textlines segmentation using active contours", ICDAR
2009). A ridge follows slope and curvature; ridge fragments are linked across gaps, and every component
goes to the line whose ridge it sits on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.components import Component, components, weighted_median

__all__ = ["Track", "assign", "find_tracks", "split_tall"]

_GRID = 8.0  # px: the text size is scaled to this before blurring
_MAX_FRAGMENTS = 200
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

    def at(self, x: float) -> float:
        """Return y at one x."""
        return float(self.course(np.array([x]))[0])


def find_tracks(mask: NDArray[np.uint8], size: float) -> list[Track]:
    """Return the courses of the text lines in reading order.

    `mask` [h, w] holds the ink of letters; `size` is the typical letter height in px.
    """
    fragments = _ridges(mask, size)
    if not fragments:
        return []
    slope = _common_slope(fragments, size)
    tracks: list[Track] = []
    for left, right in _columns(mask, size, fragments):
        inside = [f for f in fragments if left <= f[:, 0].mean() < right]
        tracks += _link(inside, size, slope)
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


def _columns(
    mask: NDArray[np.uint8], size: float, fragments: Sequence[NDArray[np.float64]]
) -> list[tuple[float, float]]:
    """Return x ranges of text columns: usually one; two where a clear gutter runs down the whole text."""
    everything = [(-np.inf, np.inf)]
    ink = np.flatnonzero(mask.any(axis=0))
    if len(ink) == 0:
        return everything
    gaps = np.diff(ink)
    widest = int(np.argmax(gaps)) if len(gaps) else 0
    if len(gaps) == 0 or gaps[widest] < 2.5 * size:
        return everything
    left, right = float(ink[widest]), float(ink[widest + 1])
    middle = (left + right) / 2
    narrow = min(left - ink[0], ink[-1] - right)
    span = float(ink[-1] - ink[0])
    sides = [[f for f in fragments if (f[:, 0].mean() < middle) == side] for side in (True, False)]
    long = [[f for f in side if f[-1, 0] - f[0, 0] > 3 * size] for side in sides]
    lines = [len({round(float(f[:, 1].mean()) / size) for f in side}) for side in long]
    if min(lines) < 4 or narrow < 8 * size or narrow < 0.25 * span:
        return everything
    return [(-np.inf, middle), (middle, np.inf)]


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
    return sorted(tracks, key=lambda t: (t.ys.mean() - slope * (t.xs.mean() - x0), t.xs[0]))


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


def assign(parts: Sequence[Component], tracks: Sequence[Track], size: float) -> list[list[Component]]:
    """Give every component to a track; a component far from every track belongs to none and is dropped.

    Letters go to the track nearest the middle of their box; small marks go where the nearest letters go,
    because a dot may float closer to the line above than to its own.
    """
    rows: list[list[Component]] = [[] for _ in tracks]
    if not tracks or not parts:
        return rows
    away = np.stack([_distances(parts, t, size) for t in tracks], axis=1)
    small = np.array([max(p.w, p.h) < 0.4 * size for p in parts])
    for i in np.flatnonzero(~small & (away.min(axis=1) < 1.6 * size)).tolist():
        rows[int(away[i].argmin())].append(parts[i])
    letters = [list(row) for row in rows]
    for i in np.flatnonzero(small & (away.min(axis=1) < 2.2 * size)).tolist():
        near = np.flatnonzero(away[i] < 2.2 * size)
        cost = [_separation(parts[i], letters[t], 2 * size) + 0.5 * away[i, t] for t in near]
        rows[int(near[int(np.argmin(cost))])].append(parts[i])
    return rows


def _distances(parts: Sequence[Component], track: Track, size: float) -> NDArray[np.float64]:
    """Return how far components [n] lie from a track, px: 0 or less on it, more beyond its ends."""
    x, top, h = np.array([(p.cx, p.y, p.h) for p in parts]).T
    y = track.course(x)
    beyond = np.maximum(np.maximum(track.xs[0] - x, x - track.xs[-1]), 0.0)
    inside = np.maximum(np.minimum(top + h, y + 0.5 * size) - np.maximum(top, y - 0.5 * size), 0.0)
    return np.asarray(np.abs(top + h / 2 - y) - 0.5 * inside + 0.1 * np.maximum(beyond - 2 * size, 0.0))


def _separation(p: Component, others: Sequence[Component], most: float) -> float:
    """Return the distance from a mark's box to the nearest of others, px, at most `most`.

    Across counts twice, since marks sit above or below their letter.
    """
    for q in others:
        dx = max(q.x - (p.x + p.w), p.x - (q.x + q.w), 0)
        if 2 * dx < most:
            dy = max(q.y - (p.y + p.h), p.y - (q.y + q.h), 0)
            most = min(most, float(np.hypot(2 * dx, dy)))
    return most


def split_tall(
    labels: NDArray[np.int32],
    parts: Sequence[Component],
    tracks: Sequence[Track],
    size: float,
    fresh: Iterator[int],
) -> list[Component]:
    """Cut components that run through several lines where they are thinnest between two lines.

    `labels` is changed in place: the parts get numbers from `fresh`. A mere tail that reaches into the next
    line is left whole.
    """
    done: list[Component] = []
    work = list(parts)
    while work:
        p = work.pop()
        cut = _line_cut(labels, p, tracks, size)
        if cut is None:
            done.append(p)
            continue
        view = labels[p.y : p.y + p.h, p.x : p.x + p.w]
        for side in (cut, ~cut):
            own = ((view == p.label) & side).astype(np.uint8)
            names, pieces = components(own)
            for q in pieces:
                label = next(fresh)
                view[names == q.label] = label
                work.append(Component(label, p.x + q.x, p.y + q.y, q.w, q.h, q.area))
    return done


def _line_cut(
    labels: NDArray[np.int32], p: Component, tracks: Sequence[Track], size: float
) -> NDArray[np.bool_] | None:
    """Return where a component's box lies above the best cut between two lines, or None to leave it whole."""
    if p.h < 1.3 * size:
        return None
    beside = [t for t in tracks if t.xs[0] - 2 * size < p.cx < t.xs[-1] + 2 * size]
    courses = sorted((t.at(p.cx), i) for i, t in enumerate(beside))
    crossed = [beside[i] for y, i in courses if p.y + 0.2 * size < y < p.y + p.h - 0.2 * size]
    if len(crossed) < 2:
        return None
    own = labels[p.y : p.y + p.h, p.x : p.x + p.w] == p.label
    xs = np.arange(p.x, p.x + p.w, dtype=np.float64)
    upper, lower = crossed[0].course(xs) - p.y, crossed[1].course(xs) - p.y
    if (lower - upper).min() < 0.8 * size:
        return None
    place = (np.arange(p.h)[:, None] - upper) / (lower - upper)  # 0 on the upper line, 1 on the lower
    bins = 20
    index = np.clip((place * bins).astype(np.intp), -1, bins)
    ink = np.bincount(index[own] + 1, minlength=bins + 2)[1 : bins + 1].astype(np.float64)
    centre = (np.arange(bins) + 0.5) / bins
    cost = ink + 0.02 * size * size * np.abs(centre - 0.55)
    cost[(centre < 0.25) | (centre > 0.85)] = np.inf
    above: NDArray[np.bool_] = place < (int(np.argmin(cost)) + 0.5) / bins
    for side, line, sign in ((above, upper, -1), (~above, lower, 1)):
        ys, cols = np.nonzero(own & side)
        # Only a letter on each side makes a cut right; a tail is narrow and ends about mid-line.
        if len(ys) == 0:
            return None
        reach = float((sign * (ys - line[cols])).max())
        if np.ptp(ys) < 0.3 * size or (np.ptp(cols) < 0.3 * size and reach < 0.35 * size):
            return None
    return above
