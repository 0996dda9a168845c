"""Measures line finding on the shared whole pages of joined writing.

    python bench/pages.py DATA [--only PART ...] [--overlays FOLDER]

DATA is the shared data folder (pages/, lines/). The pages come without places of their lines, but the lines
were cut out of the same scans: each line's crop is found in its page by matching SIFT features (Lowe 2004)
and fitting a similarity by RANSAC. What is dark in the crop is the line's true ink.

A true line counts as found if one found line holds at least 60 % of its ink and at least 60 % of that line's
transcribed ink is its own, as right if both are at least 85 %. Too many are lines of mostly transcribed ink
that are no true line's; printed heads, stamps and page numbers are not transcribed and not counted. Out of
order are neighbours in the transcription that were found the other way round.
"""

from __future__ import annotations

import argparse
import csv
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from unscrawl import image, ink
from unscrawl.layout import LineInk, find_lines

_SETS = ("hooker", "poilus_fr", "stanford1905")
_DARKER = 22  # grey levels below the crop's paper: ink
_COLOURS = ((200, 0, 0), (0, 140, 0), (0, 0, 230), (170, 0, 170), (0, 140, 200), (120, 120, 0))


@dataclass(frozen=True)
class Tally:
    """What was found on a page."""

    true: int
    found: int
    right: int
    extra: int
    swapped: int
    seconds: float


def crops(data: Path, name: str) -> dict[str, list[NDArray[np.uint8]]]:
    """Return the crops of the lines of each page of a set that is among the whole pages, in file order."""
    wanted = {p.name for p in (data / "pages" / name).glob("*.jpg")}
    found: dict[str, list[NDArray[np.uint8]]] = {}
    with (
        open(data / "lines" / f"{name}.tsv", encoding="utf-8", newline="") as table,
        zipfile.ZipFile(data / "lines" / f"{name}.zip") as pictures,
    ):
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["page"] in wanted:
                raw = np.frombuffer(pictures.read(row["file"]), np.uint8)
                crop = np.asarray(cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE), np.uint8)
                found.setdefault(row["page"], []).append(crop)
    return found


def places(page: NDArray[np.uint8], lines: list[NDArray[np.uint8]]) -> Iterator[NDArray[np.float64]]:
    """Yield for each crop the similarity [2, 3] that takes its pixels to those of the page [h, w]."""
    sift = cv2.SIFT.create(nfeatures=0, contrastThreshold=0.02, edgeThreshold=15)
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    everywhere = np.zeros(0, np.uint8)
    points, features = sift.detectAndCompute(page, everywhere)
    there = np.array([p.pt for p in points])
    for line in lines:
        best, most = np.zeros((2, 3)), 0
        for zoom in (1.0, 1.6):
            own, described = sift.detectAndCompute(cv2.resize(line, None, fx=zoom, fy=zoom), everywhere)
            pairs = matcher.knnMatch(described, features, k=2) if len(own) > 2 else []
            good = [a for a, b in pairs if a.distance < 0.85 * b.distance]
            if len(good) < 3:
                continue
            start = np.array([own[m.queryIdx].pt for m in good]) / zoom
            stop = there[[m.trainIdx for m in good]]
            fit, inside = cv2.estimateAffinePartial2D(start, stop, ransacReprojThreshold=4, maxIters=4000)
            if fit is not None and int(inside.sum()) > most:
                best, most = np.asarray(fit, np.float64), int(inside.sum())
        yield best


def true_ink(found: ink.Ink, line: NDArray[np.uint8], place: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where in the working frame the line's ink is."""
    height, width = found.mask.shape
    dark = (line < np.percentile(line, 75) - _DARKER).astype(np.uint8) * np.uint8(255)
    dark = np.asarray(cv2.dilate(dark, np.ones((3, 3), np.uint8)), np.uint8)
    square = np.array([[0.0, 0.0, 1.0]])
    way = np.linalg.inv(np.vstack([found.to_picture, square])) @ np.vstack([place, square])
    return np.asarray((np.asarray(cv2.warpAffine(dark, way[:2], (width, height))) > 90) & (found.mask > 0))


def judge(truth: list[NDArray[np.bool_]], lines: list[LineInk], seconds: float) -> Tally:
    """Compare found lines with the true ink of the transcribed ones."""
    known = np.any(truth, axis=0)
    own, total = [], []
    for line in lines:
        mask = np.zeros(known.shape, bool)
        for p in line.pieces:
            mask[p.y : p.y + p.ink.shape[0], p.x : p.x + p.ink.shape[1]] |= p.ink > 100
        own.append([int((mask & t).sum()) for t in truth] + [int((mask & known).sum())])
        total.append(int(mask.sum()))
    counts = np.array(own, np.float64).reshape(-1, len(truth) + 1)
    if not len(counts):
        return Tally(len(truth), 0, 0, 0, 0, seconds)
    shared, written = counts[:, :-1].T, counts[:, -1]
    best = shared.argmax(axis=1)
    held = shared[np.arange(len(truth)), best]
    least = np.minimum(held / [max(int(t.sum()), 1) for t in truth], held / np.maximum(written[best], 1))
    extra = set(np.flatnonzero(written > 0.5 * np.array(total)).tolist()) - set(best[least >= 0.6].tolist())
    order = best[least >= 0.85]
    swapped = int((np.diff(order) < 0).sum())
    return Tally(len(truth), int((least >= 0.6).sum()), len(order), len(extra), swapped, seconds)


def overlay(found: ink.Ink, lines: list[LineInk]) -> NDArray[np.uint8]:
    """Draw the ink of each line in a colour of its own, with its baseline and x-height."""
    canvas = np.repeat((255 - (255 - found.grey) // 3)[..., None], 3, axis=2)
    for n, line in enumerate(lines):
        for p in line.pieces:
            view = canvas[p.y : p.y + p.ink.shape[0], p.x : p.x + p.ink.shape[1]]
            view[p.ink > 110] = _COLOURS[n % len(_COLOURS)]
        x = np.arange(line.pieces[0].x, max(p.x + p.ink.shape[1] for p in line.pieces), 4.0)
        y = line.course(x)
        for rise, colour in ((0.0, (0, 0, 255)), (line.x_height, (255, 160, 0))):
            cv2.polylines(canvas, [np.stack([x, y - rise], axis=1).astype(np.int32)], False, colour, 1)
        cv2.putText(canvas, str(n), (max(int(x[0]) - 22, 0), int(y[0])), 0, 0.6, (0, 0, 255), 2)
    return canvas


def main() -> None:
    """Run from the command line."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=[""], help="parts of the names of pages")
    parser.add_argument("--overlays", type=Path, help="draw the lines of each page there")
    options = parser.parse_args()
    table = Table("pages", "true lines", "found", "right", "too many", "out of order", "s a page, median")
    for name in _SETS:
        tallies = []
        for page, lines in sorted(crops(options.data, name).items()):
            if not any(part in page for part in options.only):
                continue
            picture = image.load(options.data / "pages" / name / page)
            grey = np.asarray(cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2GRAY), np.uint8)
            start = time.process_time()
            found = ink.extract(picture)
            got = find_lines(found)
            seconds = time.process_time() - start
            truth = [true_ink(found, *pair) for pair in zip(lines, places(grey, lines), strict=True)]
            tallies.append(judge(truth, got, seconds))
            if options.overlays:
                options.overlays.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(options.overlays / f"{Path(page).stem}.png"), overlay(found, got))
        if tallies:
            true, hit, right, extra, swapped = (
                sum(getattr(t, f) for t in tallies) for f in ("true", "found", "right", "extra", "swapped")
            )
            row = (f"{hit / true:.1%}", f"{right / true:.1%}", str(extra), str(swapped))
            cost = f"{np.median([t.seconds for t in tallies]):.2f}"
            table.add_row(f"{name} ({len(tallies)})", str(true), *row, cost)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
