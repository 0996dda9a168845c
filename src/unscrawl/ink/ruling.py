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
_DARK: Final = 14  # percentile along a stretch: all but this share of its columns must be dark
_SLOPE: Final = math.tan(math.radians(2.0))  # of a rule against the common slope, at most
_STEEPEST: Final = math.tan(math.radians(4.0))  # common slope of all rules, at most
_UPRIGHT: Final = math.tan(math.radians(8.0))  # the same of upright ones, by which no page is levelled
_FANS: Final = 3  # common slopes of upright rules that are looked for: seen aslant, they fan out
_DRIFT: Final = 3.0  # px that a rule may rise or fall within a stretch and still be seen
_STRETCH: Final = 3.0  # length of a stretch, in typical heights of the writing
_FAINT: Final = 0.12  # of full ink: darkness from which a rule is taken out
_LONG: Final = 5  # stretches in which a rule must show, or most of those there are
_PRESENT: Final = 0.6  # share of its stretches in which a rule must show

_Plane = NDArray[np.uint8]
_Track = NDArray[np.float64]  # the row of a rule at the middle of each stretch


def without_rules(absorbed: _Plane, height: float, full: float) -> tuple[_Plane, _Plane]:
    """Take horizontal and vertical rules out of a level plane.

    Args:
        absorbed: uint8 [h, w], share of light that the paper lacks there.
        height: typical height of a piece of ink, px.
        full: typical absorbance of ink; rules much fainter than that do no harm and are left.

    Returns:
        The plane without them, and uint8 [h, w]: how many of them, 0 to 2, were at each pixel.
    """
    level, bands = _without_horizontal(absorbed, height, full, _STEEPEST, 1)
    upright, columns = _without_horizontal(np.ascontiguousarray(level.T), height, full, _UPRIGHT, _FANS)
    return np.ascontiguousarray(upright.T), bands + columns.T


def _without_horizontal(
    absorbed: _Plane, height: float, full: float, steepest: float, fans: int
) -> tuple[_Plane, _Plane]:
    h, w = absorbed.shape
    bands = np.zeros_like(absorbed)
    stretch = int(min(max(_STRETCH * height, 64, w / 16), max(24, w / 5), w / 3))
    if h < 16 or stretch < 24:
        return absorbed, bands
    cleaned = absorbed
    for _ in range(fans):
        tracks = _tracks_at_best_slope(cleaned, stretch, _FAINT * full, steepest)
        if not tracks:
            break
        before, cleaned = cleaned, cleaned.copy()
        for track in tracks:
            _take_out(cleaned, bands, before, track, height)
    return cleaned, bands


def _tracks_at_best_slope(absorbed: _Plane, stretch: int, least: float, steepest: float) -> list[_Track]:
    """Find the rules in the frame sheared by the slope at which they show best; return tracks without it.

    Seen from one side, or where the writing climbs, rules are not level though the writing is.
    """
    count = absorbed.shape[1] // stretch
    samples = max(8, stretch // _SHRINK)
    thin = np.asarray(
        cv2.resize(absorbed, (count * samples, len(absorbed)), interpolation=cv2.INTER_AREA), np.uint8
    )
    steps = math.floor(steepest * stretch / _DRIFT)
    best, profile, slope = 0.0, np.zeros((len(absorbed), count), np.float32), 0.0
    for step in sorted(range(-steps, steps + 1), key=abs):
        fall = step * _DRIFT / stretch
        shown = _profile(_sheared(thin, fall * stretch / samples), count)
        value = float((np.where(shown > max(6.0, least), shown, 0) ** 2).sum())
        if value > 1.1 * best:
            best, profile, slope = value, shown, fall
    fallen = slope * (np.arange(count) + 0.5 - count / 2) * stretch
    return [track + fallen for track in _tracks(profile, stretch, least)]


def _sheared(plane: _Plane, slope: float) -> _Plane:
    """Lift each column by `slope` times its distance from the middle."""
    h, w = plane.shape
    matrix = np.array([[1, 0, 0], [slope, 1, -slope * (w - 1) / 2]])
    return np.asarray(
        cv2.warpAffine(plane, matrix, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.uint8
    )


def _profile(thin: _Plane, count: int) -> NDArray[np.float32]:
    """Return [h, count]: how dark a row stays along nearly all of each stretch, above its neighbourhood."""
    h, w = thin.shape
    samples = w // count
    thin = np.asarray(cv2.dilate(thin, np.ones((3, 1), np.uint8)), np.uint8)
    rank = samples * _DARK // 100
    dark = np.partition(thin.reshape(h, count, samples), rank, axis=2)[:, :, rank]
    wide = max(9, h // 60) | 1
    ground = cv2.morphologyEx(np.ascontiguousarray(dark), cv2.MORPH_OPEN, np.ones((wide, 1), np.uint8))
    return (dark.astype(np.float32) - ground).astype(np.float32)


def _tracks(profile: NDArray[np.float32], stretch: int, least: float) -> list[_Track]:
    """Link the rows of neighbouring stretches that are darker than `least` to rules."""
    count = profile.shape[1]
    least = max(6.0, 3.0 * float(np.median(profile)), least)
    peaks = (profile >= least) & (profile == cv2.dilate(profile, np.ones((7, 1), np.uint8)))
    rows = [_centres(np.flatnonzero(peaks[:, i]), profile[:, i]) for i in range(count)]
    reach = stretch * _SLOPE + 1.5
    tracks: list[_Track] = []
    for start in range(count - 2):
        for y in list(rows[start]):
            track = _follow(rows, start, y, reach)
            known = np.flatnonzero(np.isfinite(track))
            long = len(known) >= max(3, min(_LONG, _PRESENT * count))
            if long and len(known) >= _PRESENT * (known[-1] - start + 1) and _even(track, profile):
                tracks.append(_filled(track))
                for i in known:
                    rows[i].remove(track[i])
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


def _follow(rows: list[list[float]], start: int, y: float, reach: float) -> _Track:
    """Follow one rule to the right from row `y` of stretch `start`; stretches without it are NaN."""
    track = np.full(len(rows), np.nan)
    track[start], slope, last = y, 0.0, start
    for i in range(start + 1, len(rows)):
        expected = track[last] + slope * (i - last)
        nearest = min(rows[i], key=lambda v: abs(v - expected), default=np.inf)
        if abs(nearest - expected) <= reach:
            slope = 0.5 * slope + 0.5 * (nearest - track[last]) / (i - last)
            track[i], last = nearest, i
    return track


def _even(track: _Track, profile: NDArray[np.float32]) -> bool:
    """Tell whether a track is about equally dark everywhere: print is, chance rows of writing are not."""
    known = np.flatnonzero(np.isfinite(track))
    rows = np.clip(np.rint(track[known]).astype(np.intp)[:, None] + np.arange(-1, 2), 0, len(profile) - 1)
    levels = profile[rows, known[:, None]].max(axis=1)
    return bool(np.percentile(levels, 15) >= 0.5 * np.median(levels))


def _filled(track: _Track) -> _Track:
    """Interpolate gaps, and go on for one stretch beyond either end, where the rule may end half-way."""
    at = np.arange(len(track), dtype=np.float64)
    known = np.isfinite(track)
    slope, offset = np.polyfit(at[known], track[known], 1)
    straight = offset + slope * at
    filled: _Track = straight + np.interp(at, at[known], track[known] - straight[known])
    ends = np.flatnonzero(known)[[0, -1]]
    filled[(at < ends[0] - 1) | (at > ends[1] + 1)] = np.nan
    return filled


def _take_out(cleaned: _Plane, bands: _Plane, absorbed: _Plane, track: _Track, height: float) -> None:
    """Divide one rule out of `cleaned`, in place, mark it in `bands`, put back the strokes across it."""
    h, w = absorbed.shape
    known = np.flatnonzero(np.isfinite(track))
    stretch = w / len(track)
    columns = np.arange(int(known[0] * stretch), min(w, math.ceil((known[-1] + 1) * stretch)))
    middles, heights = (known + 0.5) * stretch, track[known]
    reach = max(3, round(height / 6))
    for _ in range(2):  # the second time with the rule in the middle of its band
        heights = _smooth(heights)
        centre = _between(columns, middles, heights)
        own = _own_darkness(absorbed, columns, centre, reach, len(known))
        weight = own**2 + 1e-6
        heights = heights + (weight * np.arange(-reach, reach + 1)[:, None]).sum(axis=0) / weight.sum(axis=0)
    heights = _smooth(heights)
    centre = _between(columns, middles, heights)
    own = _own_darkness(absorbed, columns, centre, reach, len(known))
    if np.median((own > 0.3 * own.max(axis=0)).sum(axis=0)) > max(5, height / 4):
        return  # as thick as this is a row of writing

    rows = np.rint(centre).astype(np.intp)[None, :] + np.arange(-reach, reach + 1)[:, None]
    rule = _along(own, columns, middles, rows - centre)
    there = np.clip(rows, 0, h - 1), np.broadcast_to(columns, rows.shape)
    band = absorbed[there].astype(np.float32)
    core = rule > 0.12 * rule.max(axis=0, keepdims=True)
    paper = np.maximum(255 - 1.2 * rule, 32)
    rest = np.where(core, np.clip(255 - 255 * (255 - band) / paper, 0, 255), band)
    rest = np.minimum(_bridged(rest, band, core), cleaned[there])
    inside = (rows >= 0) & (rows < h)
    there = rows[inside], there[1][inside]
    cleaned[there] = rest[inside].astype(np.uint8)
    bands[there] |= core[inside].astype(np.uint8)


def _smooth(heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring stretches where a long stroke was taken for the rule into line with their neighbours.

    The slope is the median of those between any two (Sen 1968), and the bend a running median of five.
    """
    at = np.arange(len(heights), dtype=np.float64)
    first, second = np.triu_indices(len(heights), 1)
    slope = np.median((heights[second] - heights[first]) / (at[second] - at[first]))
    bend = np.pad(heights - slope * at, 2, mode="reflect")
    smooth: NDArray[np.float64] = np.median(np.lib.stride_tricks.sliding_window_view(bend, 5), axis=1)
    return smooth + slope * at


def _between(
    columns: NDArray[np.intp], middles: NDArray[np.float64], heights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolate the rule's height at each column, going straight on beyond the first and last middle."""
    slope, offset = np.polyfit(middles, heights, 1)
    bend = np.interp(columns, middles, heights - offset - slope * middles)
    centre: NDArray[np.float64] = offset + slope * columns + bend
    return centre


def _own_darkness(
    absorbed: _Plane, columns: NDArray[np.intp], centre: NDArray[np.float64], reach: int, count: int
) -> NDArray[np.float64]:
    """Return [2·reach + 1, count]: what the rule alone absorbs, by distance from its centre and stretch."""
    offsets = np.arange(-reach, reach + 1, dtype=np.float32)
    length = len(columns) // count
    columns, centre = columns[: count * length], centre[: count * length]
    ys = centre.astype(np.float32)[None, :] + offsets[:, None]
    xs = np.broadcast_to(columns.astype(np.float32), ys.shape)
    band = cv2.remap(
        absorbed, np.ascontiguousarray(xs), ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    known: NDArray[np.float64] = np.percentile(
        np.asarray(band).reshape(len(offsets), count, length), 25, axis=2
    )
    known = np.maximum(known - np.percentile(known, 20, axis=0, keepdims=True), 0)
    if count > 3:  # the rule may end within the first and the last stretch
        known[:, 0] = np.maximum(known[:, 0], known[:, 1])
        known[:, -1] = np.maximum(known[:, -1], known[:, -2])
    return known


def _along(
    own: NDArray[np.float64],
    columns: NDArray[np.intp],
    middles: NDArray[np.float64],
    offsets: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return the rule's absorbance at each column and each offset [n, w] from its centre."""
    smooth = np.stack([np.interp(columns, middles, row) for row in own]).astype(np.float32)
    at = np.clip(offsets + len(own) // 2, 0, len(own) - 1)
    lower = np.minimum(at.astype(np.intp), len(own) - 2)
    share = (at - lower).astype(np.float32)
    across = np.arange(len(columns))[None, :]
    rule: NDArray[np.float32] = (1 - share) * smooth[lower, across] + share * smooth[lower + 1, across]
    return rule


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
    over, under = ((side > ink).astype(np.uint8)[None, :] for side in (above, below))
    crossed = ((over & cv2.dilate(under, lean)) | (under & cv2.dilate(over, lean))).astype(bool)
    bridged: NDArray[np.float32] = np.where(core & crossed, np.maximum(band, rest), rest)
    return bridged
