"""Ruled and squared paper: find the printed lines and take them out, leaving the strokes that cross them.

A rule is found by what writing never does: staying dark along almost every column of a stretch several
characters long. Its own absorbance, measured along the line, is then divided out of the picture, as if it
were part of the paper; darker strokes survive that, and strokes no darker than the rule are put back where
they enter on one side and leave on the other.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["without_rules"]

_SHRINK: Final = 4  # samples are averaged over so many pixels along the rule
_DARK: Final = 20  # percentile along a stretch: all but this share of its columns must be dark
_SLOPE: Final = math.tan(math.radians(2.0))  # of a rule against the level frame, at most
_STRETCH: Final = 3.0  # length of a stretch, in typical heights of the writing
_PRESENT: Final = 0.7  # share of the stretches of a rule in which it must show

_Plane = NDArray[np.uint8]
_Track = NDArray[np.float64]  # the row of a rule at the middle of each stretch


def without_rules(absorbed: _Plane, height: float) -> tuple[_Plane, _Plane]:
    """Take horizontal and vertical rules out of a level plane.

    Args:
        absorbed: uint8 [h, w], share of light that the paper lacks there.
        height: typical height of a piece of ink, px.

    Returns:
        The plane without them, and uint8 [h, w], 1 where they were.
    """
    level, bands = _without_horizontal(absorbed, height)
    upright, columns = _without_horizontal(np.ascontiguousarray(level.T), height)
    return np.ascontiguousarray(upright.T), bands | columns.T


def _without_horizontal(absorbed: _Plane, height: float) -> tuple[_Plane, _Plane]:
    h, w = absorbed.shape
    bands = np.zeros_like(absorbed)
    stretch = int(min(max(_STRETCH * height, 32), w / 3))
    if h < 16 or stretch < 24:
        return absorbed, bands
    tracks = _tracks(_profile(absorbed, stretch), stretch, w // stretch)
    if not tracks:
        return absorbed, bands
    cleaned = absorbed.copy()
    for track in tracks:
        _take_out(cleaned, bands, absorbed, track, stretch, height)
    return cleaned, bands


def _profile(absorbed: _Plane, stretch: int) -> NDArray[np.float32]:
    """Return [h, n]: how dark each row stays along nearly all of each stretch, above its neighbourhood."""
    h, w = absorbed.shape
    count = w // stretch
    samples = max(8, stretch // _SHRINK)
    thin = cv2.resize(absorbed, (count * samples, h), interpolation=cv2.INTER_AREA)
    thin = cv2.dilate(thin, np.ones((3, 1), np.uint8))
    rank = samples * _DARK // 100
    dark = np.partition(thin.reshape(h, count, samples), rank, axis=2)[:, :, rank]
    wide = max(9, h // 60) | 1
    ground = cv2.morphologyEx(np.ascontiguousarray(dark), cv2.MORPH_OPEN, np.ones((wide, 1), np.uint8))
    return (dark.astype(np.float32) - ground).astype(np.float32)


def _tracks(profile: NDArray[np.float32], stretch: int, count: int) -> list[_Track]:
    """Link the dark rows of neighbouring stretches to rules."""
    spread = float(np.percentile(profile, 90))
    least = max(6.0, 2.0 * spread)
    peaks = (profile >= least) & (profile == cv2.dilate(profile, np.ones((7, 1), np.uint8)))
    rows = [_centres(np.flatnonzero(peaks[:, i]), profile[:, i]) for i in range(count)]
    reach = stretch * _SLOPE + 1.5
    tracks: list[_Track] = []
    taken: list[set[int]] = [set() for _ in rows]
    for start in range(max(1, count - int(_PRESENT * count) + 1)):
        for k, y in enumerate(rows[start]):
            if k in taken[start]:
                continue
            track = _follow(rows, taken, start, k, y, reach)
            if np.count_nonzero(np.isfinite(track)) >= max(3, _PRESENT * count):
                tracks.append(_filled(track))
    return tracks


def _centres(rows: NDArray[np.intp], column: NDArray[np.float32]) -> list[float]:
    """Join neighbouring peak rows to one and refine each to a fraction of a row."""
    centres: list[float] = []
    for group in np.split(rows, np.flatnonzero(np.diff(rows) > 3) + 1):
        if len(group):
            around = np.arange(max(group[0] - 2, 0), min(group[-1] + 3, len(column)))
            weight = column[around].astype(np.float64)
            centres.append(float((around * weight).sum() / weight.sum()))
    return centres


def _follow(
    rows: list[list[float]], taken: list[set[int]], start: int, first: int, y: float, reach: float
) -> _Track:
    """Follow one rule to the right from peak `first` of stretch `start`; stretches without it are NaN."""
    track = np.full(len(rows), np.nan)
    track[start], slope, last = y, 0.0, start
    taken[start].add(first)
    for i in range(start + 1, len(rows)):
        expected = y + slope * (i - last)
        near = [(abs(v - expected), k) for k, v in enumerate(rows[i]) if k not in taken[i]]
        if near and min(near)[0] <= reach:
            k = min(near)[1]
            taken[i].add(k)
            slope = 0.5 * slope + 0.5 * (rows[i][k] - y) / (i - last)
            track[i], y, last = rows[i][k], rows[i][k], i
    return track


def _filled(track: _Track) -> _Track:
    """Interpolate gaps, and go on beyond the ends with the slope of the whole."""
    at = np.arange(len(track), dtype=np.float64)
    known = np.isfinite(track)
    slope, offset = np.polyfit(at[known], track[known], 1)
    straight = offset + slope * at
    bend = np.interp(at, at[known], track[known] - straight[known])
    filled: _Track = straight + bend
    return filled


def _take_out(
    cleaned: _Plane, bands: _Plane, absorbed: _Plane, track: _Track, stretch: int, height: float
) -> None:
    """Divide one rule out of `cleaned`, in place, mark it in `bands`, put back the strokes across it."""
    h, w = absorbed.shape
    middles = (np.arange(len(track)) + 0.5) * (w / len(track))
    edge = (track[1] - track[0], track[-1] - track[-2]) if len(track) > 1 else (0.0, 0.0)
    xs = np.concatenate([[0.0], middles, [float(w)]])
    ys = np.concatenate([[track[0] - edge[0] / 2], track, [track[-1] + edge[1] / 2]])
    centre = np.rint(np.interp(np.arange(w), xs, ys)).astype(np.int64)
    reach = max(4, round(height / 6))
    offsets = np.arange(-reach, reach + 1)
    at_row = centre[None, :] + offsets[:, None]
    inside = (at_row >= 0) & (at_row < h)
    at_row = np.clip(at_row, 0, h - 1)
    at_column = np.broadcast_to(np.arange(w), at_row.shape)
    band = absorbed[at_row, at_column].astype(np.float32)

    rule = _own_darkness(band, stretch)
    core = rule > 0.15 * rule.max(axis=0, keepdims=True)
    paper = np.maximum(255 - 1.15 * rule, 32)
    rest = np.where(core, np.clip(255 - 255 * (255 - band) / paper, 0, 255), band)
    rest = _bridged(rest, band, core)
    there = at_row[inside], at_column[inside]
    cleaned[there] = np.minimum(cleaned[there], rest[inside]).astype(np.uint8)
    bands[there] |= core[inside].astype(np.uint8)


def _own_darkness(band: NDArray[np.float32], stretch: int) -> NDArray[np.float32]:
    """Return what the rule alone absorbs in its band [2r+1, w]: a low percentile along each stretch."""
    rows, w = band.shape
    count = max(1, w // stretch)
    length = w // count
    known: NDArray[np.float64] = np.percentile(
        band[:, : count * length].reshape(rows, count, length), 40, axis=2
    )
    known = np.maximum(known - np.percentile(known, 20, axis=0, keepdims=True), 0)
    middles = (np.arange(count) + 0.5) * length
    rule = np.stack([np.interp(np.arange(w), middles, row) for row in known])
    return rule.astype(np.float32)


def _bridged(
    rest: NDArray[np.float32], band: NDArray[np.float32], core: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Put the band back wherever ink stands on both sides of the rule's core."""
    rows = np.arange(len(band))[:, None]
    top = np.where(core, rows, len(band)).min(axis=0)
    bottom = np.where(core, rows, -1).max(axis=0)
    columns = np.arange(band.shape[1])
    above = rest[np.clip(top - 1, 0, len(band) - 1), columns]
    below = rest[np.clip(bottom + 1, 0, len(band) - 1), columns]
    ink = 0.5 * np.percentile(band.max(axis=0), 95)
    lean = np.ones((1, 2 * int(max(1, np.median(bottom - top))) + 1), np.uint8)
    touched = [cv2.dilate((side > ink).astype(np.uint8)[None, :], lean)[0] for side in (above, below)]
    crossed = (touched[0] & touched[1]).astype(bool)
    bridged: NDArray[np.float32] = np.where(core & crossed[None, :], np.maximum(band, rest), rest)
    return bridged
