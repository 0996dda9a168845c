"""How much better a hand is read after a few of its lines were taught.

    python bench/teach.py DATA/lines --plot docs/teach.png

For each writer with enough lines the first k are taught to a hand and the last 30 are read, greedily and
without a language. Only writers that the base was not trained on count, which are those held back.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from rapidfuzz.distance import Levenshtein

from unscrawl.hand import Hand, Sample
from unscrawl.learn.lines.sources import held_back
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.spelling import clean
from unscrawl.strip import prepare
from unscrawl.teach import teach
from unscrawl.teach.trial import greedy
from unscrawl.teach.wording import classes

READ: Final = 30
TAUGHT: Final = (4, 16, 64)


@dataclass(frozen=True)
class Row:
    """A writer taught `lines` lines: error rates of the last 30 lines, and the seconds that teaching took."""

    set: str
    writer: str
    lines: int
    before: float
    after: float
    kept: bool
    seconds: float


def writers(folder: Path, sets: Sequence[str], least: int) -> Iterator[tuple[str, str, list[Sample]]]:
    """Yield set, writer and lines of the writers that are wholly held back and have `least` lines."""
    for name in sets or sorted(p.stem for p in folder.glob("*.tsv")):
        with (folder / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        held = held_back(name, rows)
        everywhere = Counter(row["writer"] for row in rows)
        here = Counter(rows[i]["writer"] for i in held)
        with zipfile.ZipFile(folder / f"{name}.zip") as archive:
            for writer, count in here.most_common():
                if count < least or count < everywhere[writer]:
                    continue
                chosen = [row for row in rows if row["writer"] == writer and clean(row["text"])]
                yield name, writer, [_sample(archive, row) for row in chosen]


def _sample(archive: zipfile.ZipFile, row: dict[str, str]) -> Sample:
    grey = cv2.imdecode(np.frombuffer(archive.read(row["file"]), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    return Sample(prepare(np.asarray(grey, np.uint8)).image, clean(row["text"]) or "", row["file"])


def error(recogniser: LineRecogniser, lines: Sequence[Sample], hand: Hand | None) -> float:
    """Return the share of wrong characters, read greedily."""
    taught = hand.line if hand else None
    strips = [line.strip for line in lines]
    found = (
        recogniser.features(strips, taught.biases)
        if taught and taught.biases
        else recogniser.features(strips)
    )
    head = taught.on(recogniser.head) if taught else None
    wrong = sum(
        Levenshtein.distance(greedy(recogniser.log_probabilities(f, head)), classes(line.text))
        for f, line in zip(found, lines, strict=True)
    )
    return wrong / sum(len(line.text) for line in lines)


def measure(recogniser: LineRecogniser, folder: Path, sets: Sequence[str]) -> Iterator[Row]:
    """Yield a row for each writer and number of lines that fits."""
    for name, writer, lines in writers(folder, sets, READ + TAUGHT[0]):
        last = lines[-READ:]
        before = error(recogniser, last, None)
        for count in TAUGHT:
            if count + READ > len(lines):
                break
            began = time.perf_counter()
            report = teach(Hand(writer), lines[:count], recogniser=recogniser)
            seconds = time.perf_counter() - began
            after = error(recogniser, last, report.hand)
            yield Row(name, writer, count, before, after, report.kept, seconds)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draw the relative fall of the error rate over the number of lines taught, writer by writer and mean."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4), layout="constrained")
    axes = figure.subplots()
    for writer in dict.fromkeys(row.writer for row in rows):
        own = [row for row in rows if row.writer == writer]
        axes.plot([0, *(r.lines for r in own)], [0.0, *(_fall(r) for r in own)], color="#9ab", lw=1)
    counts = sorted({row.lines for row in rows})
    mean = [float(np.mean([_fall(r) for r in rows if r.lines == count])) for count in counts]
    axes.plot([0, *counts], [0.0, *mean], color="#b33", lw=2.5, marker="o", label="mean")
    axes.axhline(0, color="#444", lw=0.8)
    axes.set(xlabel="lines taught", ylabel="fewer wrong characters, %", title="Writers the base never saw")
    axes.legend()
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=130)
    path.write_bytes(data.getvalue())


def _fall(row: Row) -> float:
    return 100 * (1 - row.after / row.before) if row.before else 0.0


def main() -> None:
    """Measure, print a table, and write figures and the curve where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", type=Path, help="folder of NAME.tsv and NAME.zip")
    parser.add_argument("sets", nargs="*", help="only these sets")
    parser.add_argument("--model", type=Path, help="another line recogniser than the shipped one")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    rows = []
    for row in measure(LineRecogniser(args.model, threads=args.threads), args.lines, args.sets):
        rows.append(row)
        print(
            f"{row.set:22} {row.writer[:34]:34} {row.lines:3} lines  {row.before:6.1%} → {row.after:6.1%}  "
            f"{_fall(row):+5.1f} %  {row.seconds:5.1f} s{'' if row.kept else '  base kept'}",
            flush=True,
        )
    for count in TAUGHT:
        falls = [_fall(row) for row in rows if row.lines == count]
        if falls:
            mean, spread = np.mean(falls), np.std(falls)
            print(f"{count:3} lines: mean fall {mean:.1f} % ± {spread:.1f} over {len(falls)} writers")
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")
    if args.plot:
        plot(rows, args.plot)


if __name__ == "__main__":
    main()
