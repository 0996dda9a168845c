"""Measure the reader on the shared data: prints the table of the README, one row a set.

    python bench/exam.py DATA [--only NAME ...] [--json FILE]

DATA is the shared data folder (dev/, glyphs_eval/, mnist/). Nothing here has trained the classifier or
tuned the reader. Character error rate (CER) is Levenshtein distance over the length of the truth,
pooled over a set, white space folded.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rich.console import Console
from rich.table import Table

from unscrawl import Reader
from unscrawl.glyph import prepare_all
from unscrawl.reader import Layout

Row = tuple[str, int, str]  # what, n, figure


def fold(text: str, ignore_case: bool = False) -> str:
    """Fold white space, and case if asked."""
    return " ".join((text.lower() if ignore_case else text).split())


def cer(pairs: list[tuple[str, str]], ignore_case: bool = False) -> float:
    """Pooled character error rate of (truth, reading) pairs."""
    wrong = sum(Levenshtein.distance(fold(t, ignore_case), fold(r, ignore_case)) for t, r in pairs)
    return wrong / sum(len(fold(t, ignore_case)) for t, _ in pairs)


def labelled(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield (picture, text) of a folder of X.png|jpg with X.txt, by name."""
    for text in sorted(folder.glob("*.txt")):
        picture = next(p for p in (text.with_suffix(s) for s in (".png", ".jpg")) if p.is_file())
        yield picture, text.read_text(encoding="utf-8").strip()


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error with equal-width bins (Guo et al. 2017, arXiv:1706.04599)."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(right[place == b].mean() - confidence[place == b].mean()) * (place == b).mean()
            for b in range(bins)
            if (place == b).any()
        )
    )


def exam_chars(data: Path) -> Iterator[Row]:
    """Single characters as photographed: case kept, case ignored, calibration."""
    reader = Reader()
    got = [(t, reader.classify(p)) for p, t in labelled(data / "dev/chars")]
    kept = np.array([t == c.label for t, c in got])
    ignored = np.array([t.lower() == c.label.lower() for t, c in got])
    confidence = np.array([c.confidence for _, c in got])
    yield "dev/chars right, case kept", len(got), f"{kept.mean():.1%}"
    yield "dev/chars right, case ignored", len(got), f"{ignored.mean():.1%}"
    yield "dev/chars expected calibration error", len(got), f"{calibration_error(confidence, kept):.1%}"


def exam_digits(data: Path) -> Iterator[Row]:
    """Single digits as photographed."""
    reader = Reader()
    got = [(t, reader.classify(p, alphabet="digits").label) for p, t in labelled(data / "dev/digits")]
    yield "dev/digits right", len(got), f"{np.mean([t == g for t, g in got]):.1%}"


def exam_eval_sets(data: Path) -> Iterator[Row]:
    """Other writers' ready-cut characters, none of them in training."""
    reader = Reader()
    for name in ("bp62_dev", "chars74k_dev", "choice_dev", "phone_dev"):
        with np.load(data / "glyphs_eval" / f"{name}.npz", allow_pickle=False) as z:
            x, labels = z["x"], [str(c) for c in z["label"]]
        log_p = reader.recogniser.log_probabilities(prepare_all(list(x)))
        log_p[:, 62:] = -np.inf  # 62 classes: digits and letters
        best = [reader.recogniser.classes[i] for i in log_p.argmax(axis=1)]
        kept = np.mean([a == b for a, b in zip(labels, best, strict=True)])
        ignored = np.mean([a.lower() == b.lower() for a, b in zip(labels, best, strict=True)])
        yield f"glyphs_eval/{name} right, case kept / ignored", len(labels), f"{kept:.1%} / {ignored:.1%}"


def exam_mnist(data: Path) -> Iterator[Row]:
    """MNIST's test set with the shipped classifier restricted to digits."""
    x, y = (
        np.frombuffer(gzip.decompress((data / "mnist" / f"t10k-{n}-ubyte.gz").read_bytes()), np.uint8)[k:]
        for n, k in (("images-idx3", 16), ("labels-idx1", 8))
    )
    reader = Reader()
    log_p = reader.recogniser.log_probabilities(prepare_all(list(x.reshape(-1, 28, 28))))
    yield "MNIST test right, digits only", len(y), f"{(log_p[:, :10].argmax(axis=1) == y).mean():.2%}"


def exam_texts(data: Path) -> Iterator[Row]:
    """Lines and pages, with the language on and off."""
    on, off = Reader(), Reader(language=None)
    sets: tuple[tuple[str, Layout], ...]
    sets = (("print", "line"), ("photo", "line"), ("random", "line"), ("page", "page"))
    for name, layout in sets:
        files = list(labelled(data / "dev" / name))
        rates = [cer([(t, reader.read(p, layout=layout).text) for p, t in files]) for reader in (on, off)]
        yield f"dev/{name} CER, language on / off", len(files), " / ".join(f"{r:.2%}" for r in rates)


ANDREW = (
    "Dear Laurence\nI hope this letter finds you well\nthe garden is full of roses and the dog\n"
    "sleeps under the table all day\nMy handwriting is as bad as ever\nplease write soon and tell me\n"
    "about the boat and the lake\nYour old friend Andrew"
)


def whole(char: str, ink: NDArray[np.uint8]) -> bool:
    """Tell whether a picture holds just the character, no piece of ruling or neighbour beside it."""
    count = cv2.connectedComponents((ink > 100).astype(np.uint8))[0]
    return count - 1 <= (2 if char in "ij" else 1)


def exam_andrew(data: Path) -> Iterator[Row]:
    """A letter like Andrew's from characters not used in training, case mixed at random, case ignored."""
    from unscrawl.synth import cut_folder, letter_from_glyphs

    with np.load(data / "glyphs_eval/bp62_dev.npz", allow_pickle=False) as z:
        x, labels = z["x"], z["label"]
    glyphs = {str(c): list(x[labels == c]) for c in np.unique(labels)}
    clean = {c: [g for g in pictures if whole(c, g)] or pictures for c, pictures in glyphs.items()}
    reader = Reader()
    cut: list[tuple[str, str]] = []
    page: list[tuple[str, str]] = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        mixed = "".join(c.upper() if rng.random() < 0.5 else c.lower() for c in ANDREW)
        with tempfile.TemporaryDirectory() as folder:
            cut_folder(Path(folder), mixed, glyphs, rng=rng)
            cut.append((ANDREW, reader.read(folder, layout="cut").text))
        sheet = letter_from_glyphs(mixed, clean, rng=rng)
        page.append((ANDREW, reader.read(sheet.picture).text))
    n = f"{len(ANDREW.replace(chr(10), ' '))} characters, seeds 0–4"
    yield f"a letter like Andrew's, ready-cut, CER ({n})", 5, f"{cer(cut, ignore_case=True):.2%}"
    yield f"the same as a photographed page, CER ({n})", 5, f"{cer(page, ignore_case=True):.2%}"


def exam_cost(data: Path) -> Iterator[Row]:
    """Cold start and memory, each in processes of its own."""
    page = next(p for p, t in labelled(data / "dev/page") if t.count("\n") >= 4)
    read = [sys.executable, "-m", "unscrawl", "read"]
    walls = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([*read, str(page)], check=True, capture_output=True)
        walls.append(time.perf_counter() - start)
    figure = f"{np.median(walls):.2f} ({max(walls):.2f}) s"
    yield "a page of five lines, cold process, wall, median (max)", len(walls), figure
    picture = cv2.imread(str(page))
    assert picture is not None
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        cv2.imwrite(str(large), cv2.resize(picture, (4000, 3000), interpolation=cv2.INTER_CUBIC))
        code = (  # VmHWM, for a child's ru_maxrss begins at its parent's
            "import re, sys; from unscrawl import Reader; Reader().read(sys.argv[1]);"
            "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"
        )
        command = [sys.executable, "-c", code, str(large)]
        out = subprocess.run(command, check=True, capture_output=True, text=True)
    yield "peak memory reading a 12-megapixel photo", 1, f"{int(out.stdout) / 1024:.0f} MB"


EXAMS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "chars": exam_chars,
    "digits": exam_digits,
    "sets": exam_eval_sets,
    "mnist": exam_mnist,
    "texts": exam_texts,
    "andrew": exam_andrew,
    "cost": exam_cost,
}


def main() -> None:
    """Run the exams and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", choices=list(EXAMS), default=list(EXAMS))
    parser.add_argument("--json", type=Path, help="also write the rows there")
    args = parser.parse_args()
    if not (args.data / "dev").is_dir():
        sys.exit(f"{args.data} holds no dev/ folder: the exam needs the shared data, see bench/README.md")
    table = Table("what", "n", "figure", title="unscrawl exam")
    rows: list[Row] = []
    for name in args.only:
        for row in EXAMS[name](args.data):
            rows.append(row)
            table.add_row(row[0], str(row[1]), row[2])
    Console(width=120).print(table)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
