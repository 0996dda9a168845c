"""Measures line finding on pages set from real lines and photographed: their places are known.

    python bench/photos.py DATA [--pages N] [--seed S] [--hard] [--overlays FOLDER]

DATA is the shared data folder; held-back lines of a set, neighbours in its files and so mostly of one hand,
are pasted on a sheet as close as lines are written. The sheet is plain, ruled or squared, bends, lies on a
desk, and is seen aslant under uneven light. Lines are found or right as in bench/pages.py; all that are no
true line's are too many. `--hard` makes harder photographs: some sheets are folded, some turned by up
to 40 degrees, some lie in the shadow of a window's bars; rows are then of these.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import linesets
from pages import Tally, overlay
from unscrawl import image, ink
from unscrawl.layout import LineInk, find_lines

_SETS = ("copiste_fr", "hooker", "poilus_fr", "peraire_fr", "timeus_fr", "cremma_mss19_fr")
_HARD = ("folded", "turned", "barred")
_ZOOM = 1.5  # the lines are 64 px high: so much larger do they stand in the photograph
_INK = 110  # of 255: fainter ink does not count


@dataclass(frozen=True)
class Photo:
    """A photographed page: RGB, and which line (from 1) the ink of each pixel is of."""

    rgb: NDArray[np.uint8]
    owner: NDArray[np.uint8]
    lines: int


def photos(data: Path, count: int, seed: int, *, hard: bool = False) -> Iterator[tuple[str, Photo]]:
    """Make `count` pages, the sets in turn; each with its set's name, or what makes it hard."""
    rng, worse = np.random.default_rng(seed), np.random.default_rng(seed)
    pools = {name: linesets.load(data, name).items for name in _SETS}
    for n in range(count):
        name = _SETS[n % len(_SETS)]
        k = int(rng.integers(5, 18))
        first = int(rng.integers(max(1, len(pools[name]) - k)))
        lines = [_decoded(item.picture) for item in pools[name][first : first + k]]
        how = _HARD[n // len(_SETS) % len(_HARD)] if hard else ""
        yield how or name, _photographed(*_sheet(lines, rng), rng, how, worse)


def _decoded(picture: bytes) -> NDArray[np.uint8]:
    grey: Any = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(cv2.resize(grey, None, fx=_ZOOM, fy=_ZOOM, interpolation=cv2.INTER_CUBIC), np.uint8)


def _sheet(
    lines: list[NDArray[np.uint8]], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Set lines on paper: share of light that comes back [h, w, 3], and the owner of the ink [h, w]."""
    pitch = int(64 * _ZOOM * rng.uniform(0.7, 1.2))
    margin = int(rng.uniform(60, 160))
    wide = min(max(line.shape[1] for line in lines), 1800)
    shape = (2 * margin + pitch * len(lines) + 100, wide + 2 * margin + 60)
    dark, owner = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    for n, line in enumerate(lines):
        line = line[:, :wide]
        paper = float(np.percentile(line, 75))
        own = np.clip(1 - line / paper, 0, 1).astype(np.float32)
        own[own < 0.12] = 0
        x = margin + int(rng.integers(0, 60))
        y = margin + pitch * n + int(rng.integers(-5, 6))
        view, names = (plane[y : y + own.shape[0], x : x + own.shape[1]] for plane in (dark, owner))
        names[(own > np.maximum(view, 0.25))] = n + 1
        np.maximum(view, own, out=view)
    tint = np.array([1.0, rng.uniform(0.95, 1.0), rng.uniform(0.85, 0.98)], np.float32)
    pen = np.array([1.0, 1.0, rng.uniform(0.5, 1.0)], np.float32)  # from black to blue
    sheet = tint * (1 - dark[..., None] * rng.uniform(0.5, 1.0) * pen)
    kind = rng.random()
    rules = np.zeros(shape, np.float32)
    if kind < 0.6:
        step = pitch if kind < 0.35 else int(rng.uniform(30, 55))
        rules[int(rng.integers(step)) :: step] = 1
        if kind >= 0.35:
            rules[:, int(rng.integers(step)) :: step] = 1
        rules = np.asarray(cv2.dilate(rules, np.ones((2, 2), np.uint8)), np.float32)
    blue = np.array([0.5, 0.3, 0.1], np.float32) * rng.uniform(0.3, 1.0)
    grain = rng.normal(0, 0.012, shape).astype(np.float32)
    return sheet * (1 - rules[..., None] * blue) + grain[..., None], owner


def _folded(sheet: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Fold the sheet: a dark line each time, and shade on one side of it."""
    h, w = sheet.shape[:2]
    across, down = (
        rng.uniform(0.15, 0.85, rng.integers(1, 4)) * h,
        rng.uniform(0.3, 0.7, rng.integers(0, 2)) * w,
    )
    for off in [*(np.arange(h)[:, None] - y for y in across), *(np.arange(w)[None] - x for x in down)]:
        shade = rng.uniform(0.1, 0.3) * np.exp(-np.abs(off) / rng.uniform(25, 70)) * (off > 0)
        line = rng.uniform(0.1, 0.4) * np.exp(-((off / 2.5) ** 2))
        sheet = (sheet * (1 - shade)[..., None] * (1 - line)[..., None]).astype(np.float32)
    return sheet


def _turned(
    corners: NDArray[np.float64], size: tuple[int, int], degrees: float
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Turn the sheet's corners about the middle of the picture; return them and its size, which holds all."""
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    wide, high = (int(size[0] * a + size[1] * b) for a, b in ((abs(c), abs(s)), (abs(s), abs(c))))
    turned = (corners - np.array(size) / 2) @ np.array([[c, s], [-s, c]]) + np.array([wide, high]) / 2
    return turned, (wide, high)


def _bars(u: NDArray[np.float64], v: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the share of light [h, w] that comes past the bars of a window."""
    across = u + rng.uniform(-0.4, 0.4) * v
    pitch, wide, soft = rng.uniform(0.25, 0.5), rng.uniform(0.06, 0.14), rng.uniform(0.004, 0.02)
    away = np.abs((across + rng.random()) % pitch - pitch / 2)
    shade: NDArray[np.float64] = 1 - rng.uniform(0.3, 0.6) / (1 + np.exp((away - wide / 2) / soft))
    return shade


def _photographed(
    sheet: NDArray[np.float32],
    owner: NDArray[np.uint8],
    rng: np.random.Generator,
    how: str,
    worse: np.random.Generator,
) -> Photo:
    """Bend the sheet, lay it on a desk, look at it aslant, light it unevenly, and make it hard."""
    h, w = owner.shape
    sheet = _folded(sheet, worse) if how == "folded" else sheet
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    bend = rng.uniform(0, 0.012) * w * np.sin(2 * np.pi * (x / w * rng.uniform(0.3, 1.0) + rng.random()))
    bend = (bend * (0.5 + y / h * rng.uniform(-0.5, 0.5))).astype(np.float32)
    sheet = np.asarray(cv2.remap(sheet, x, y + bend, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    owner = np.asarray(cv2.remap(owner, x, y + bend, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT))
    around = rng.uniform(0.0, 0.12) if rng.random() < 0.7 else 0.0
    size = (int(w * (1 + 2 * around)), int(h * (1 + 2 * around)))
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    there = (
        corners + np.array([around * w, around * h]) + rng.normal(0, 0.35 * around + 0.002, (4, 2)) * [w, h]
    )
    if how == "turned":
        there, size = _turned(there, size, worse.choice([-1, 1]) * worse.uniform(12, 40))
    view = cv2.getPerspectiveTransform(corners, there.astype(np.float32))
    desk = rng.uniform(0.1, 0.5) * np.array([1.0, rng.uniform(0.7, 1.0), rng.uniform(0.5, 1.0)])
    border = tuple(float(v) for v in desk)
    rgb = np.asarray(
        cv2.warpPerspective(sheet, view, size, borderMode=cv2.BORDER_CONSTANT, borderValue=border)
    )
    owner = np.asarray(cv2.warpPerspective(owner, view, size, flags=cv2.INTER_NEAREST), np.uint8)
    u, v = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    turn = rng.uniform(0, 2 * np.pi)
    slope = np.cos(turn) * u + np.sin(turn) * v
    light = 0.75 + 0.2 * slope
    if rng.random() < 0.5:  # the shadow of a hand or of the telephone
        light *= 1 - rng.uniform(0.2, 0.5) / (
            1 + np.exp(-(slope - rng.uniform(-0.3, 0.6)) / rng.uniform(0.02, 0.2))
        )
    if how == "barred":
        light = light * _bars(u, v, worse)
    seen = cv2.GaussianBlur((rgb * light[..., None]).astype(np.float32), (0, 0), rng.uniform(0.4, 1.2))
    seen = np.clip(255 * (seen + rng.normal(0, 0.012, seen.shape)), 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))])[1]
    return Photo(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8), owner, int(owner.max()))


def judge(photo: Photo, found: ink.Ink, lines: list[LineInk], seconds: float) -> Tally:
    """Compare found lines with the true ones by the ink that they share."""
    counts = np.zeros((len(lines), photo.lines + 1))
    near = cv2.dilate(photo.owner, np.ones((3, 3), np.uint8))
    height, width = near.shape
    for i, line in enumerate(lines):
        for p in line.pieces:
            ys, xs = np.nonzero(p.ink > _INK)
            points = np.stack([xs + p.x + 0.5, ys + p.y + 0.5, np.ones(len(xs))])
            x, y = np.floor(found.to_picture @ points).astype(int)
            inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
            counts[i] += np.bincount(near[y[inside], x[inside]], minlength=photo.lines + 1)
    per_pixel = abs(np.linalg.det(found.to_picture[:, :2]))
    total = np.bincount(photo.owner.ravel(), minlength=photo.lines + 1)[1:] / per_pixel
    true = np.flatnonzero(total > 0)
    if not len(lines):
        return Tally(len(true), 0, 0, 0, 0, seconds)
    own = counts[:, 1:]
    best = own.argmax(axis=0)[true]
    held = own[best, true]
    least = np.minimum(held / total[true], held / np.maximum(own[best].sum(axis=1), 1))
    extra = len(lines) - len(set(best[least >= 0.6].tolist()))
    order = best[least >= 0.85]
    return Tally(
        len(true), int((least >= 0.6).sum()), len(order), extra, int((np.diff(order) < 0).sum()), seconds
    )


def main() -> None:
    """Run from the command line."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pages", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hard", action="store_true", help="folded, turned, barred")
    parser.add_argument("--overlays", type=Path, help="draw the lines of each page there")
    options = parser.parse_args()
    tallies: dict[str, list[Tally]] = {}
    for n, (name, photo) in enumerate(photos(options.data, options.pages, options.seed, hard=options.hard)):
        start = time.process_time()
        found = ink.extract(image.load(photo.rgb))
        lines = find_lines(found)
        tallies.setdefault(name, []).append(judge(photo, found, lines, time.process_time() - start))
        if options.overlays:
            options.overlays.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(options.overlays / f"{n:03d}.png"), overlay(found, lines))
            cv2.imwrite(str(options.overlays / f"{n:03d}.jpg"), photo.rgb)
    table = Table("lines of", "pages", "true lines", "found", "right", "too many", "out of order", "s a page")
    for name, of_set in [*tallies.items(), ("all", [t for ts in tallies.values() for t in ts])]:
        true, hit, right, extra, swapped = (
            sum(getattr(t, f) for t in of_set) for f in ("true", "found", "right", "extra", "swapped")
        )
        cost = f"{np.median([t.seconds for t in of_set]):.2f}"
        shares = (f"{hit / true:.1%}", f"{right / true:.1%}")
        table.add_row(name, str(len(of_set)), str(true), *shares, str(extra), str(swapped), cost)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
