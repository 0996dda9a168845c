"""What a made page looks like: the writing (`Style`), the sheet (`Paper`) and the photograph (`Camera`).

Lengths are in x-heights (the height of a small x) unless a unit is named, so that one style serves any
resolution. The defaults are a tidy page; `random` draws what people really hand in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from unscrawl.errors import OptionError

__all__ = ["BALL_PENS", "Camera", "Colour", "Paper", "Style"]

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

BALL_PENS: tuple[Colour, ...] = ((38, 48, 120), (30, 32, 40), (20, 60, 140), (60, 62, 72), (130, 35, 45))
"""Blue, black, royal blue, pencil, red."""


def _near(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    # Brightness strays further than hue: a green sheet is rarer than a grey one.
    mixed = np.array(colour) + rng.normal(0, spread) + rng.normal(0, spread / 3, 3)
    red, green, blue = np.clip(mixed, 0, 255).astype(int).tolist()
    return red, green, blue


def _require_share(owner: str, **values: float) -> None:
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise OptionError(f"{owner}: {name} must lie between 0 and 1, not {value}")


@dataclass(frozen=True)
class Style:
    """How somebody writes. The jitters are standard deviations, drawn anew for every character.

    Attributes:
        fonts: TTF files, one of which is drawn for each sheet; none means the fonts that come with unscrawl.
        x_height: height of a small x in pixels of the finished page.
        slant: degrees to the right.
        ink: colour of the pen.
        pen: width of the stroke in x-heights; None keeps the width that the font or picture has.
        pressure: 0 to 1, how unevenly the pen gives ink.
        line_gap, word_gap: from baseline to baseline, and between words.
        tracking: extra room after every character.
        spacing, shift, rotation, scale: jitter of that room, of the height above the baseline (x-heights),
            of the turn (degrees) and of the size (share).
        wobble: how far the strokes stray from the model letter.
        waver: how far a baseline strays from a straight, level one.
    """

    fonts: tuple[Path, ...] = ()
    x_height: float = 26.0
    slant: float = 0.0
    ink: Colour = BALL_PENS[0]
    pen: float | None = 0.14
    pressure: float = 0.35
    line_gap: float = 3.6
    word_gap: float = 1.0
    tracking: float = 0.1
    spacing: float = 0.06
    shift: float = 0.05
    rotation: float = 2.5
    scale: float = 0.05
    wobble: float = 0.05
    waver: float = 0.08

    def __post_init__(self) -> None:
        if not 4 <= self.x_height <= 400:
            raise OptionError(f"style: x_height must lie between 4 and 400 pixels, not {self.x_height}")
        if self.pen is not None and not 0.01 <= self.pen <= 0.6:
            raise OptionError(f"style: pen must lie between 0.01 and 0.6 x-heights, not {self.pen}")
        _require_share("style", pressure=self.pressure)

    @classmethod
    def random(cls, rng: np.random.Generator, fonts: tuple[Path, ...] = ()) -> Self:
        """Draw a writer: tidy to careless, any pen, an x-height of 14 to 44 pixels."""
        care = rng.uniform(0.3, 1.6)
        return cls(
            fonts=fonts,
            x_height=float(rng.uniform(14, 44)),
            slant=float(rng.normal(2, 6)),
            ink=_near(rng, BALL_PENS[rng.integers(len(BALL_PENS))], 12),
            pen=float(rng.uniform(0.09, 0.24)),
            pressure=float(rng.uniform(0.1, 0.6)),
            line_gap=float(rng.uniform(2.9, 4.4)),
            word_gap=float(rng.uniform(0.8, 1.5)),
            tracking=float(rng.uniform(0.04, 0.3)),
            spacing=0.07 * care,
            shift=0.05 * care,
            rotation=2.5 * care,
            scale=0.05 * care,
            wobble=0.05 * care,
            waver=0.09 * care,
        )


@dataclass(frozen=True)
class Paper:
    """What is written on.

    Attributes:
        colour: of the sheet.
        kind: "plain", "ruled" (one rule a line of writing) or "squared" (two squares a line of writing).
        rule: colour of the printed lines.
        margin: free paper around the writing, in x-heights.
        spare: unwritten paper below, as a share of the height of the writing.
        texture, fold, stain: strength, 0 (none) to 1.
    """

    colour: Colour = (246, 244, 238)
    kind: str = "plain"
    rule: Colour = (150, 178, 214)
    margin: float = 3.0
    spare: float = 0.0
    texture: float = 0.4
    fold: float = 0.0
    stain: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ("plain", "ruled", "squared"):
            raise OptionError(f"paper: unknown kind {self.kind!r}: choose plain, ruled or squared")
        if self.margin < 0 or self.spare < 0:
            raise OptionError("paper: margin and spare must not be negative")
        _require_share("paper", texture=self.texture, fold=self.fold, stain=self.stain)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Self:
        """Draw a sheet: white to yellowed, plain, ruled or squared, sometimes folded or stained."""
        return cls(
            colour=_near(rng, (238, 234, 224), 10),
            kind=str(rng.choice(["plain", "ruled", "squared"], p=[0.4, 0.4, 0.2])),
            rule=_near(rng, (160, 180, 205), 18),
            margin=float(rng.uniform(2, 5)),
            spare=float(rng.choice([0.0, rng.uniform(0.1, 1.2)])),
            texture=float(rng.uniform(0.1, 0.9)),
            fold=float(rng.choice([0.0, rng.uniform(0.2, 0.8)], p=[0.7, 0.3])),
            stain=float(rng.choice([0.0, rng.uniform(0.2, 0.6)], p=[0.8, 0.2])),
        )


@dataclass(frozen=True)
class Camera:
    """How the page is photographed. The defaults are a clean scan.

    Attributes:
        tilt: degrees clockwise.
        perspective: how far the corners stray, as a share of the page.
        desk: width of the desk seen around the page, as a share of it; 0 shows paper alone.
        desk_colour: of the desk.
        light: how much darker the darkest place is than the brightest, 0 to 1.
        shadow: how dark the photographer's shadow is, 0 (none) to 1.
        blur: standard deviation in pixels.
        noise: standard deviation in grey levels.
        jpeg: quality 1 to 100; None for no compression.
    """

    tilt: float = 0.0
    perspective: float = 0.0
    desk: float = 0.0
    desk_colour: Colour = (112, 82, 60)
    light: float = 0.0
    shadow: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None

    def __post_init__(self) -> None:
        _require_share("camera", desk=self.desk, light=self.light, shadow=self.shadow)
        if not 0 <= self.perspective <= 0.2:
            raise OptionError(f"camera: perspective must lie between 0 and 0.2, not {self.perspective}")
        if not -45 <= self.tilt <= 45:
            raise OptionError(f"camera: tilt must lie between -45 and 45 degrees, not {self.tilt}")
        if self.jpeg is not None and not 1 <= self.jpeg <= 100:
            raise OptionError(f"camera: jpeg must lie between 1 and 100, not {self.jpeg}")

    @classmethod
    def random(cls, rng: np.random.Generator) -> Self:
        """Draw a snapshot: slightly tilted, unevenly lit, sometimes with desk or a shadow across it."""
        return cls(
            tilt=float(np.clip(rng.normal(0, 3), -12, 12)),
            perspective=float(rng.uniform(0, 0.03)),
            desk=float(rng.choice([0.0, rng.uniform(0.03, 0.12)])),
            desk_colour=_near(rng, (100, 84, 70), 30),
            light=float(rng.uniform(0, 0.45)),
            shadow=float(rng.choice([0.0, rng.uniform(0.15, 0.45)], p=[0.6, 0.4])),
            blur=float(rng.uniform(0.2, 1.1)),
            noise=float(rng.uniform(0.5, 5)),
            jpeg=int(rng.integers(55, 95)),
        )
