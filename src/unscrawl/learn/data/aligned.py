"""Real characters cut out of transcribed lines by forced alignment: the way to more small letters.

    python -m unscrawl.learn.data.aligned DATA/lines copiste_fr OUT.npz --model first.onnx

Each line is cut as `unscrawl.teach.cutting` does. Needs a first classifier, trained without these.
"""

from __future__ import annotations

import argparse
import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import UnscrawlError
from unscrawl.image import load
from unscrawl.ink import extract
from unscrawl.layout import find_lines
from unscrawl.learn.lines.sources import held_back
from unscrawl.recogniser import Recogniser
from unscrawl.teach.cutting import Cut, align, cut_line

__all__ = ["Cut", "align", "cut_line", "cut_lines"]

SIDE: Final = 64


def cut_lines(recogniser: Recogniser, folder: Path, name: str) -> Iterator[tuple[str, list[Cut]]]:
    """Yield (page, characters) for the lines of the set `name` (NAME.zip, NAME.tsv) in `folder`.

    Lines that are held back for measuring line readers are passed over.
    """
    with (
        zipfile.ZipFile(folder / f"{name}.zip") as pictures,
        (folder / f"{name}.tsv").open(encoding="utf-8") as f,
    ):
        rows = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
        held = held_back(name, rows)
        for i, row in enumerate(rows):
            if i in held:
                continue
            try:
                picture = load(io.BytesIO(pictures.read(row["file"])), row["file"])
                lines = find_lines(extract(picture, layout="line"), layout="line")
            except UnscrawlError:
                continue
            yield row["page"], cut_line(recogniser, lines[0], row["text"]) if lines else []


def square(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fit into 56×56 and centre in 64×64, as the other character files have it."""
    h, w = ink.shape
    scale = (SIDE - 8) / max(h, w)
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    y, x = (SIDE - small.shape[0]) // 2, (SIDE - small.shape[1]) // 2
    out = np.zeros((SIDE, SIDE), np.uint8)
    out[y : y + small.shape[0], x : x + small.shape[1]] = small
    return out


def main() -> None:
    """Write x [N, 64, 64], label and group (page) of all characters cut from one or more sets."""
    from rich.progress import track

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", type=Path)
    parser.add_argument("names", help="comma-separated sets")
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="a first classifier, trained without these")
    args = parser.parse_args()
    recogniser = Recogniser(args.model)
    x, label, group = [], [], []
    for name in args.names.split(","):
        total = sum(1 for _ in (args.lines / f"{name}.tsv").open(encoding="utf-8")) - 1
        for page, cuts in track(cut_lines(recogniser, args.lines, name), name, total):
            x += [square(c.ink) for c in cuts]
            label += [c.char for c in cuts]
            group += [f"{name}/{page}"] * len(cuts)
    np.savez_compressed(args.out, x=np.stack(x), label=np.array(label), group=np.array(group))
    print(f"{len(x)} characters of {len(set(group))} pages: {dict(Counter(label).most_common())}")


if __name__ == "__main__":
    main()
