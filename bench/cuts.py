"""Weigh the cuts' odds and the temperature on lines set from characters held back of training.

    python bench/cuts.py DATA [--lines 60] [--seed 0]

Prints the CER for each pair. The constants `lattice.CUTS` and `learn.shipped._CAUTION` were chosen here;
the sets of `exam.py` are for measuring only. The characters are those of bp62 that `learn.data.characters`
keeps for validation, the text comes from the end of the books, every fifth line is letter groups.
"""

from __future__ import annotations

import argparse
import lzma
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exam import cer, whole
from unscrawl import Reader, UnscrawlError
from unscrawl.glyph import prepare_all
from unscrawl.image import load
from unscrawl.ink import extract
from unscrawl.language import Edge
from unscrawl.lattice import Hypothesis, hypotheses
from unscrawl.layout import LineInk, find_lines
from unscrawl.learn.data.characters import SOURCES, is_held
from unscrawl.synth import Camera, Paper, Style, letter_from_glyphs

Glyphs = dict[str, list[NDArray[np.uint8]]]
Case = tuple[str, LineInk, list[Hypothesis], NDArray[np.float32]]


def held_back(data: Path) -> Glyphs:
    """Return the pictures of each character of bp62 that did not train."""
    source = next(s for s in SOURCES if s.name == "bp62")
    with np.load(data / "glyphs/bp62.npz", allow_pickle=False) as z:
        held = np.array([is_held(source, str(g)) for g in z["group"]])
        x, label = z["x"][held], z["label"][held]
    every = {str(c): list(x[label == c]) for c in np.unique(label)}
    return {c: [g for g in pictures if whole(c, g)] or pictures for c, pictures in every.items()}


def cases(data: Path, count: int, seed: int) -> list[Case]:
    """Set lines, photograph them and take them apart, up to the network's logits."""
    reader, glyphs, rng = Reader(), held_back(data), np.random.default_rng(seed)
    with lzma.open(data / "text/books_en.txt.xz", "rt", encoding="utf-8") as file:
        texts = re.findall(r"[A-Za-z0-9 ]{20,44}", file.read(3_000_000)[-800_000:])
    made: list[Case] = []
    while len(made) < count:
        text = " ".join(texts[int(rng.integers(len(texts)))].split())
        if len(made) % 5 == 3:
            text = text.upper()
        if len(made) % 5 == 4:
            groups = (rng.choice(list("abcdefghijklmnopqrstuvwxyz"), rng.integers(3, 7)) for _ in range(5))
            text = " ".join("".join(g) for g in groups)
        style = Style.random(rng) if len(made) % 2 else Style()
        try:
            picture = letter_from_glyphs(text, glyphs, style, Paper(), Camera(), rng=rng).picture
        except UnscrawlError:  # a line too long for its page
            continue
        lines = find_lines(extract(load(picture), layout="line"), layout="line")
        if lines:
            found = hypotheses(lines[0])
            made.append(
                (text, lines[0], found, reader.recogniser.logits(prepare_all([h.ink for h in found])))
            )
    return made


def read(reader: Reader, case: Case, softer: float, cuts: float) -> str:
    """Read one line with the temperature `softer` times the card's and that weight of the cuts."""
    _, line, found, logits = case
    log_p = reader.recogniser.calibrate(logits, softer)
    places = reader.recogniser.fit_line(log_p, np.array([[h.top, h.bottom] for h in found]))
    scores = reader.scores(reader.recogniser.with_places(log_p, places))
    edges = [Edge(h.start, h.stop, s, cuts * h.prior) for h, s in zip(found, scores, strict=True)]
    return " ".join("".join(c.char for c in word) for word in reader.decode(edges, line.breaks))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    reader, made = Reader(), cases(args.data, args.lines, args.seed)
    print("temperature ×   cuts ×   CER")
    for softer in (0.8, 1.0, 1.25):
        for cuts in (0.15, 0.35, 0.6, 1.0):
            rate = cer([(case[0], read(reader, case, softer, cuts)) for case in made])
            print(f"{softer:13.2f} {cuts:8.2f} {rate:7.2%}", flush=True)


if __name__ == "__main__":
    main()
