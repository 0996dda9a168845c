"""What a cut-out line shows beside its writing: neighbours, the other side, underlines, blots, the cut."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.synth.habit import Habit
from unscrawl.synth.linepaper import HEIGHT
from unscrawl.synth.scrawl import Scrawl
from unscrawl.synth.texture import Floats, field, waves
from unscrawl.synth.written import Scribe

__all__ = ["WIDEST", "cut_out", "mark", "neighbours", "other_side", "press", "room", "sides"]

WIDEST: Final = 1600
_ASCENT, _DESCENT = 2.1, 1.0  # of usual writing above and below the baseline, in x-heights


def room(scribe: Scribe, text: str, habit: Habit, rng: np.random.Generator) -> tuple[float, float]:
    """Return how much of the line the crop shows above and below the baseline, in x-heights."""
    if rng.random() < 0.6:
        # Cut close to this line's own writing.
        above, below = scribe.extent(text)
        above, below = above + max(above - 1, 0) * (habit.rise - 1), max(below, 0) * habit.fall
        pad = np.maximum(rng.normal(0.22, 0.22, 2), -0.25)
        return max(above + float(pad[0]), 1.15), max(below + float(pad[1]), 0.12)
    return _ASCENT + float(rng.uniform(-0.2, 1.1)), _DESCENT + float(rng.uniform(-0.2, 0.8))


def sides(ink: NDArray[np.uint8], x_height: float, rng: np.random.Generator) -> tuple[int, int]:
    """Return the first and last column of the crop: a little paper on either side of the ink."""
    used = np.flatnonzero(ink.max(axis=0) > 60)
    first, last = (int(used[0]), int(used[-1])) if used.size else (0, ink.shape[1] - 1)
    pads = np.where(rng.random(2) < 0.8, rng.uniform(-0.05, 0.6, 2), rng.uniform(0.5, 2.5, 2)) * x_height
    left = max(first - int(pads[0]), 0)
    right = min(last + 1 + int(pads[1]), ink.shape[1])
    return left, min(max(right, left + 12), left + WIDEST)


def press(ink: NDArray[np.uint8], habit: Habit, rng: np.random.Generator) -> Floats:
    """Return the ink as shares 0 to 1, swelling and fading along the strokes as pressure varies."""
    share = ink.astype(np.float32) * np.float32(1 / 255)
    if habit.pressure > 0.1:
        press = field(rng, (ink.shape[0], ink.shape[1]), float(rng.choice([10, 16, 24])))
        share *= 1.05 + 0.5 * habit.pressure * press
    return np.asarray(np.clip(1.15 * share, 0, 1), np.float32)


def neighbours(
    scrawl: Scrawl, rows: tuple[int, int], left: int, right: int, habit: Habit, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return what reaches in from the lines above and below: this line's own ink, moved along and away."""
    height = scrawl.ink.shape[0]
    near = np.zeros((HEIGHT, right - left), np.uint8)
    for side in (-1, 1):
        if rng.random() < 0.25:
            continue
        away = side * int(habit.x_height * rng.uniform(2.7, 4.5))
        moved = np.roll(scrawl.ink[:, left:right], int(rng.integers(right - left)), axis=1)
        first, last = max(0, rows[0] + away), min(HEIGHT, rows[0] + height + away)
        if first < last:
            near[first:last] = np.maximum(
                near[first:last], moved[first - rows[0] - away : last - rows[0] - away]
            )
    return near


def other_side(own: NDArray[np.uint8], left: int, right: int, rng: np.random.Generator) -> Floats:
    """Return the writing of the sheet's other side: mirrored, shifted and soft."""
    back = np.roll(
        own[:, left:right][:, ::-1], (int(rng.integers(-40, 40)), int(rng.integers(right - left))), (0, 1)
    )
    soft = cv2.GaussianBlur(np.ascontiguousarray(back), (0, 0), float(rng.uniform(0.8, 2.2)))
    return np.asarray(soft, np.float32) * np.float32(1 / 255)


def mark(ink: Floats, scrawl: Scrawl, left: int, habit: Habit, rng: np.random.Generator) -> Floats:
    """Underline or strike out a word or all, drop a blot: now and then."""
    what = rng.random()
    if what > 0.11:
        return ink
    canvas = (ink * 255).astype(np.uint8)
    thick = max(round(habit.pen * habit.x_height), 1)
    begin, end = scrawl.words[int(rng.integers(len(scrawl.words)))]
    if what < 0.07:
        if what < 0.02:
            begin, end = scrawl.words[0][0], scrawl.words[-1][1]
        height = -rng.uniform(0.1, 0.5) if what < 0.055 else rng.uniform(0.3, 0.6)
        xs = np.linspace(begin, end, max(int((end - begin) / 12), 3))
        ys = np.interp(xs, np.arange(len(scrawl.baseline)), scrawl.baseline) - height * habit.x_height
        ys += 0.05 * habit.x_height * waves(rng, len(xs), 3) + float(rng.normal(0, 0.02)) * (xs - begin)
        points = np.stack([xs - left, ys], axis=1).round().astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, thick, cv2.LINE_AA)
    else:
        for _ in range(int(rng.integers(1, 6))):
            at = int(rng.integers(canvas.shape[1])), int(rng.integers(canvas.shape[0]))
            cv2.circle(canvas, at, int(rng.integers(1, 4)), int(rng.integers(90, 256)), -1, cv2.LINE_AA)
    return canvas.astype(np.float32) * np.float32(1 / 255)


def cut_out(page: Floats, baseline: float, habit: Habit, rng: np.random.Generator) -> Floats:
    """Fill all outside a rough outline of the line evenly, as lines cut out by a polygon are."""
    width = page.shape[1]
    cell = float(rng.uniform(30, 150))
    top = baseline - habit.x_height * (rng.uniform(1.8, 2.9) + 0.3 * waves(rng, width, cell))
    bottom = baseline + habit.x_height * (rng.uniform(0.7, 1.6) + 0.3 * waves(rng, width, cell))
    ys = np.arange(HEIGHT, dtype=np.float32)[:, None]
    inside = (ys >= top[None]) & (ys <= bottom[None])
    fill = float(np.percentile(page[::4, ::4], 75))
    return np.where(inside, page, np.float32(fill))
