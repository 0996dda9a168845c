"""The sheet under a line of writing, and what scanner, camera and cutting-out make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.synth.scrawl import Scrawl
from unscrawl.synth.texture import Floats, field, waves

__all__ = ["HEIGHT", "Sheet", "develop", "lay"]

HEIGHT: Final = 64


@dataclass(frozen=True)
class Sheet:
    """What a line is written on and how it is pictured. Grey values 0 to 255, shares 0 to 1.

    Attributes:
        paper, ink: grey of the blank sheet, and of ink at its darkest.
        grain, cloud, laid: how strong fine grain, large patches and the threads of laid paper are.
        rule: how dark ruled lines are; 0 for a plain sheet.
        squared, margin: whether there are upright rules too, and a line along the left edge.
        light: by what share brightness falls off across the picture.
        bleed: how dark the writing of the other side shines through.
        fade: how unevenly the ink is laid.
        blur: standard deviation in pixels.
        coarse: share of the resolution that is left.
        noise: of the sensor, in grey values.
        jpeg: quality, None for no compression.
    """

    paper: float
    ink: float
    grain: float = 0.0
    cloud: float = 0.0
    laid: float = 0.0
    rule: float = 0.0
    squared: bool = False
    margin: bool = False
    light: float = 0.0
    bleed: float = 0.0
    fade: float = 0.0
    blur: float = 0.4
    coarse: float = 1.0
    noise: float = 1.0
    jpeg: int | None = None

    @classmethod
    def random(cls, rng: np.random.Generator) -> Sheet:
        """Draw a sheet: a clean scan, an old letter, or a photograph of modern paper."""
        kind = rng.random()
        jpeg = int(rng.integers(45, 96)) if rng.random() < 0.8 else None
        ruled = rng.random() < 0.3
        if kind < 0.42:
            return cls(
                paper=float(rng.uniform(236, 255)),
                ink=float(rng.choice([rng.uniform(5, 70), rng.uniform(50, 140)], p=[0.7, 0.3])),
                grain=float(rng.exponential(1.0)),
                rule=float(rng.uniform(10, 70)) if ruled else 0.0,
                squared=bool(rng.random() < 0.2),
                margin=bool(rng.random() < 0.15),
                fade=float(rng.uniform(0, 0.4)),
                blur=float(rng.uniform(0.0, 0.8)),
                coarse=float(rng.uniform(0.5, 1)) if rng.random() < 0.2 else 1.0,
                noise=float(rng.exponential(1.0)),
                jpeg=jpeg,
            )
        if kind < 0.8:
            paper = float(rng.uniform(165, 245))
            return cls(
                paper=paper,
                ink=paper - float(rng.uniform(0.4, 0.95)) * (paper - 10),
                grain=float(rng.exponential(1.8)),
                cloud=float(rng.exponential(3.0)),
                laid=float(rng.exponential(2.5)) if rng.random() < 0.3 else 0.0,
                rule=float(rng.uniform(6, 40)) if ruled else 0.0,
                squared=bool(rng.random() < 0.3),
                margin=bool(rng.random() < 0.1),
                light=float(rng.uniform(0, 0.12)),
                bleed=float(rng.uniform(0.05, 0.4)) if rng.random() < 0.3 else 0.0,
                fade=float(rng.uniform(0.05, 0.7)),
                blur=float(rng.uniform(0.2, 1.3)),
                coarse=float(rng.uniform(0.4, 1)) if rng.random() < 0.35 else 1.0,
                noise=float(rng.exponential(1.5)),
                jpeg=jpeg,
            )
        paper = float(rng.uniform(120, 235))
        return cls(
            paper=paper,
            ink=paper * float(rng.uniform(0.1, 0.55)),
            grain=float(rng.exponential(1.5)),
            cloud=float(rng.exponential(4.0)),
            rule=float(rng.uniform(8, 45)) if rng.random() < 0.55 else 0.0,
            squared=bool(rng.random() < 0.3),
            margin=bool(rng.random() < 0.15),
            light=float(rng.uniform(0, 0.4)),
            fade=float(rng.uniform(0, 0.4)),
            blur=float(rng.uniform(0.3, 1.7)),
            coarse=float(rng.uniform(0.4, 1)) if rng.random() < 0.4 else 1.0,
            noise=float(rng.exponential(2.0)),
            jpeg=jpeg,
        )


def lay(sheet: Sheet, ink: Floats, scrawl: Scrawl, x_height: float, rng: np.random.Generator) -> Floats:
    """Return the page, float32 [64, w]: the paper with rules, and `ink` (share 0 to 1, [64, w]) on it."""
    shape = ink.shape[0], ink.shape[1]
    page = np.full(shape, sheet.paper, np.float32)
    if sheet.cloud:
        page += sheet.cloud * field(rng, shape, 24)
    if sheet.grain:
        page += sheet.grain * 1.5 * field(rng, shape, 1.5)
    if sheet.laid:
        page += sheet.laid * (waves(rng, shape[1], 3)[None] + waves(rng, shape[0], 3)[:, None])
    if sheet.rule:
        page -= sheet.rule * _rules(shape, sheet, scrawl, x_height, rng)
    if sheet.margin:
        at = float(rng.uniform(1, 14)) - 0.15 * rng.random() * np.arange(shape[0])
        off = np.abs(np.arange(min(40, shape[1]))[None] - at[:, None])
        page[:, : off.shape[1]] -= max(sheet.rule, 40.0) * np.clip(1.5 - off, 0, 1).astype(np.float32)
    strength: Floats | float = 1.0
    if sheet.fade:
        strength = np.clip(
            1.05 - sheet.fade * (0.35 + 0.5 * field(rng, shape, float(rng.choice([10, 16, 24])))), 0.15, 1
        )
    return np.asarray(page + (sheet.ink - page) * ink * strength, np.float32)


def _rules(
    shape: tuple[int, int], sheet: Sheet, scrawl: Scrawl, x_height: float, rng: np.random.Generator
) -> Floats:
    """Return how much rule covers each pixel; one lies near the baseline, but level."""
    pitch = x_height * float(rng.uniform(0.9, 2.2) if sheet.squared else rng.uniform(2.2, 4.5))
    pitch = max(pitch, 12.0)
    base = float(scrawl.baseline.mean()) + x_height * float(rng.normal(0.08, 0.15))
    tilt = float(rng.normal(0, 0.004))
    half = float(rng.uniform(0.3, 1.0))
    drop = (np.arange(shape[1], dtype=np.float32) - shape[1] / 2) * tilt
    off = (np.arange(shape[0], dtype=np.float32)[:, None] - base - drop[None] + pitch / 2) % pitch - pitch / 2
    rules = np.asarray(np.clip(half + 0.5 - np.abs(off), 0, 1), np.float32)
    if sheet.squared:
        across = (np.arange(shape[1], dtype=np.float32) + pitch * rng.random()) % pitch - pitch / 2
        rules = np.maximum(rules, np.clip(half + 0.5 - np.abs(across), 0, 1).astype(np.float32)[None])
    return rules


def develop(page: Floats, sheet: Sheet, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the picture of `page` [64, w]: light, lost resolution, blur, noise and JPEG."""
    height, width = page.shape
    if sheet.light:
        level = 1 - sheet.light * (0.5 + 0.35 * waves(rng, width, max(width / 2.5, 60)))
        upright = 1 - sheet.light * float(rng.uniform(-0.3, 0.3)) * np.linspace(
            -1, 1, height, dtype=np.float32
        )
        page = page * np.minimum(level[None] * upright[:, None], 1.15)
    if sheet.coarse < 1:
        small = max(int(width * sheet.coarse), 1), max(int(height * sheet.coarse), 1)
        page = np.asarray(cv2.resize(page, small, interpolation=cv2.INTER_AREA), np.float32)
        page = np.asarray(cv2.resize(page, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    if sheet.blur > 0.25:
        page = np.asarray(cv2.GaussianBlur(page, (0, 0), sheet.blur), np.float32)
    if sheet.noise:
        page = page + sheet.noise * field(rng, (height, width), 1.0)
    taken = np.asarray(np.clip(page + 0.5, 0, 255), np.uint8)
    if sheet.jpeg is not None:
        _, data = cv2.imencode(".jpg", taken, [cv2.IMWRITE_JPEG_QUALITY, sheet.jpeg])
        taken = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return taken
