"""Draw the classifier's confusion table and its worst mistakes, for the docs.

    python bench/mistakes.py DATA docs/

writes confusion.png (62 classes, rows the truth) and mistakes.png (the 100 most confident mistakes, case
ignored, each as the network saw it) from dev/chars, dev/digits and glyphs_eval/bp62_dev.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from exam import labelled
from unscrawl import Reader
from unscrawl.alphabet import DIGITS, LETTERS
from unscrawl.glyph import prepare
from unscrawl.image import load
from unscrawl.ink import extract

CLASSES = DIGITS + LETTERS
CELL = 14


def pictures(data: Path) -> tuple[NDArray[np.uint8], list[str]]:
    """Return what the network sees of every test character, [N, 28, 28], and the truth."""
    seen, truth = [], []
    for name in ("chars", "digits"):
        for picture, text in labelled(data / "dev" / name):
            seen.append(prepare(extract(load(picture), layout="glyph").strength))
            truth.append(text)
    with np.load(data / "glyphs_eval/bp62_dev.npz", allow_pickle=False) as z:
        seen += [prepare(x) for x in z["x"]]
        truth += [str(c) for c in z["label"]]
    return np.stack(seen), truth


def confusion(truth: list[str], best: list[str]) -> Image.Image:
    """Draw the table: row = truth, column = answer, darker = a larger share of the row."""
    counts = np.zeros((len(CLASSES), len(CLASSES)))
    for t, b in zip(truth, best, strict=True):
        counts[CLASSES.index(t), CLASSES.index(b)] += 1
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = CELL * (len(CLASSES) + 2)
    sheet = Image.new("RGB", (side, side), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(CELL - 3)
    for i, c in enumerate(CLASSES):
        at = CELL * (i + 1)
        pen.text((CELL / 2, at + CELL / 2), c, "black", font, anchor="mm")
        pen.text((at + CELL / 2, CELL / 2), c, "black", font, anchor="mm")
        for j in range(len(CLASSES)):
            dark = round(255 * (1 - share[i, j] ** 0.5))
            color = (dark, dark, 255) if i == j else (255, dark, dark)
            x = CELL * (j + 1)
            pen.rectangle((x, at, x + CELL - 2, at + CELL - 2), fill=color)
    return sheet


def worst(
    seen: NDArray[np.uint8], truth: list[str], best: list[str], sure: NDArray[np.float64]
) -> tuple[Image.Image, int]:
    """Draw the 100 most confident mistakes, case ignored; return the sheet and how many there are in all."""
    wrong = [i for i in np.argsort(-sure) if truth[i].lower() != best[i].lower()]
    sheet = Image.new("RGB", (20 * 66, 5 * 82), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for k, i in enumerate(wrong[:100]):
        x, y = k % 20 * 66, k // 20 * 82
        sheet.paste(Image.fromarray(255 - seen[i]).resize((62, 62), Image.Resampling.NEAREST), (x + 2, y + 2))
        pen.text((x + 33, y + 72), f"{truth[i]} as {best[i]} {sure[i]:.0%}", "black", font, anchor="mm")
    return sheet, len(wrong)


def main() -> None:
    """Write both pictures and print the commonest confusions."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    seen, truth = pictures(args.data)
    recogniser = Reader().recogniser
    log_p = recogniser.log_probabilities(seen)[:, : len(CLASSES)].astype(float)
    p = np.exp(log_p) / np.exp(log_p).sum(axis=1, keepdims=True)
    best = [CLASSES[i] for i in p.argmax(axis=1)]
    confusion(truth, best).save(args.out / "confusion.png", optimize=True)
    sheet, wrong = worst(seen, truth, best, p.max(axis=1))
    sheet.save(args.out / "mistakes.png", optimize=True)
    pairs = Counter((t, b) for t, b in zip(truth, best, strict=True) if t != b)
    print(f"{len(truth)} pictures, {sum(pairs.values())} wrong, {wrong} with case ignored")
    print(", ".join(f"{t} → {b} {n}" for (t, b), n in pairs.most_common(25)))


if __name__ == "__main__":
    main()
