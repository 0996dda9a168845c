"""Looking at a data set: a contact sheet and a description in a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unscrawl.learn.sets import Data, ImageSet

__all__ = ["contact_sheet", "describe"]

_TILE: Final = 56  # a picture is enlarged by whole steps, or reduced, to about this many pixels
_CAPTION: Final = 16
_GAP: Final = 6


def contact_sheet(images: ImageSet, classes: Sequence[str], n: int = 100, seed: int = 0) -> Image.Image:
    """Return about `n` pictures as one, sorted by class, each under the name of its class.

    They are drawn at random and in turn from each class; the same seed draws the same.
    """
    chosen = _choose(images.labels, n, seed)
    h, w = images.images.shape[1:3]
    scale = max(1, round(_TILE / max(h, w))) if max(h, w) <= _TILE else _TILE / max(h, w)
    width, height = max(1, round(w * scale)), max(1, round(h * scale))
    columns = max(1, ceil((len(chosen) * (height + _CAPTION) / width) ** 0.5))
    each = ceil(len(chosen) / np.unique(images.labels).size)
    columns = min(len(chosen), each * max(1, round(columns / each)) if each < 2 * columns else columns)
    rows = ceil(len(chosen) / columns)
    cell = (width + _GAP, height + _CAPTION + _GAP)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, rows * cell[1] + _GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_CAPTION - 4)
    resample = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    for place, index in enumerate(chosen):
        row, column = divmod(place, columns)
        x, y = _GAP + column * cell[0], _GAP + row * cell[1]
        name = classes[images.labels[index]]
        while len(name) > 1 and font.getlength(name) > width:
            name = name[:-1]
        pen.text((x, y), name, "black", font)
        tile = Image.fromarray(images.images[index]).convert("RGB").resize((width, height), resample)
        sheet.paste(tile, (x, y + _CAPTION))
    return sheet


def _choose(labels: NDArray[np.int64], n: int, seed: int) -> list[int]:
    """Return the places of `n` pictures, sorted by class: one of each class, then a second, …"""
    order = np.random.default_rng(seed).permutation(labels.size)
    turn = np.empty(labels.size, np.int64)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        turn[members] = np.arange(members.size)
    first = order[np.argsort(turn[order], kind="stable")][:n]
    return [int(i) for i in first[np.argsort(labels[first], kind="stable")]]


def describe(data: Data) -> str:
    """Return what `data` holds: its parts, the form of its pictures, how many there are of each class."""
    lines = [f"{data.name}: {len(data.classes)} classes"]
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    there = {name: part for name, part in parts.items() if part is not None}
    h, w = data.train.images.shape[1:3]
    colour = "grey" if data.train.channels == 1 else "colour"
    lines.append(f"pictures: {h} x {w}, {colour}, " + ", ".join(f"{len(p):,} {n}" for n, p in there.items()))
    share = np.bincount(data.train.images.ravel(), minlength=256) / data.train.images.size
    value = np.arange(256) / 255
    mean = float(share @ value)
    deviation = float(share @ (value - mean) ** 2) ** 0.5
    lines.append(f"train, pixels as 0 … 1: mean {mean:.4f}, standard deviation {deviation:.4f}")
    counts = {name: np.bincount(part.labels, minlength=len(data.classes)) for name, part in there.items()}
    width = max(len("class"), *(len(name) for name in data.classes))
    lines.append("  ".join(["class".ljust(width), *(name.rjust(10) for name in counts)]))
    for i, name in enumerate(data.classes):
        lines.append("  ".join([name.ljust(width), *(f"{count[i]:10,}" for count in counts.values())]))
    return "\n".join(lines) + "\n"
