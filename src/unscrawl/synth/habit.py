"""How somebody writes a line: sizes, spacing, regularity, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unscrawl.synth.written import Scribe

__all__ = ["Habit"]


@dataclass(frozen=True)
class Habit:
    """How one line is written. Lengths are in x-heights, spreads are standard deviations.

    Attributes:
        x_height: of the finished line, in pixels.
        pen: width of the stroke.
        nib: how much wider than others upright strokes are, as a share of what is added to the font's own.
        lean: tangent of the slant to the right that is added to the font's own.
        width: how wide the letters are, as a share of the font's.
        tracking: room added between letters; in joined writing the connecting stroke grows longer.
        gap: room between words.
        uneven: spread of widths (share), and with it of sizes, heights and leans.
        taper: share by which letters shrink towards the end of a word.
        wobble: how far strokes stray.
        waver, slope: how far the baseline strays, and rises over the line's length (tangent).
        rise, fall: how long the parts above and below small letters are, as a share of the font's.
        lifts: share of the joins between letters at which the pen is lifted.
        pressure: 0 to 1, how much the stroke swells and fades.
    """

    x_height: float
    pen: float
    nib: float
    lean: float
    width: float
    tracking: float
    gap: float
    uneven: float
    taper: float
    wobble: float
    waver: float
    slope: float
    rise: float
    fall: float
    lifts: float
    pressure: float

    @classmethod
    def random(cls, rng: np.random.Generator, scribe: Scribe) -> Habit:
        """Draw somebody's habits for writing with `scribe`; x_height is 1 until the crop is known."""
        neat = rng.random() < 0.35
        loose = float(rng.uniform(0.3, 0.8) if neat else rng.uniform(0.7, 1.7))
        lean = float(rng.normal(0.0, 0.22)) if rng.random() < 0.8 else float(rng.uniform(-0.3, 0.7))
        width = float(np.clip(np.exp(rng.normal(0.08 if scribe.joined else 0.0, 0.2)), 0.62, 1.8))
        if scribe.joined:
            # Some write so fast that a word is little more than a wavy line.
            width *= float(rng.uniform(1.2, 1.6)) if rng.random() < 0.08 else 1.0
            tracking = rng.gamma(1.2, 0.08)
        else:
            tracking = rng.normal(0.04, 0.09) if rng.random() < 0.75 else rng.uniform(-0.3, 0.1)
        gap = float(np.clip(np.exp(rng.normal(np.log(0.95), 0.4)), 0.45, 2.8))
        return cls(
            x_height=1.0,
            pen=float(np.clip(np.exp(rng.normal(np.log(0.09), 0.38)), 0.04, 0.3)),
            nib=float(rng.uniform(0.3, 1)) if rng.random() < 0.3 else 0.0,
            lean=float(np.clip(lean, -0.35 - scribe.slant, 1.3 - scribe.slant)),
            width=width,
            tracking=float(np.clip(tracking, -0.3, 0.4)),
            gap=gap * max(width, 1.0) + 2 * max(float(tracking), 0.0),
            uneven=0.1 * loose,
            taper=float(max(rng.normal(0.04, 0.08), 0) * loose),
            wobble=0.05 * loose * float(rng.uniform(0.3, 1.5)),
            waver=0.12 * loose,
            slope=float(rng.normal(0, 0.006)),
            rise=float(np.clip(np.exp(rng.normal(0, 0.22)), 0.55, 1.7)),
            fall=float(np.clip(np.exp(rng.normal(0, 0.25)), 0.5, 1.8)),
            lifts=float(rng.beta(1.2, 2.5)) if scribe.joined and rng.random() < 0.35 else 0.0,
            pressure=float(rng.beta(1.5, 2.2)),
        )
