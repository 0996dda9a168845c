"""Real characters cut out of transcribed lines by forced alignment: the way to more small letters.

    python -m unscrawl.learn.data.aligned DATA/lines copiste_fr OUT.npz --model first.onnx

Each line is cut into its lattice of glyph hypotheses; the path that spells the transcription with the
highest probability (Viterbi 1967) says which ink is which character. Only places are kept where the
writing is separated and the neighbours fit as well, so joined hands give little, which is right: their
characters are no good as characters. Needs a first classifier, trained without these.
"""

from __future__ import annotations

import argparse
import csv
import io
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET
from unscrawl.errors import UnscrawlError
from unscrawl.glyph import prepare_all
from unscrawl.image import load
from unscrawl.ink import extract
from unscrawl.lattice import Hypothesis, hypotheses
from unscrawl.layout import LineInk, find_lines
from unscrawl.learn.lines.sources import held_back
from unscrawl.recogniser import Recogniser

__all__ = ["Cut", "align", "cut_line", "cut_lines"]

SIDE: Final = 64
_NEVER: Final = -1e9
_NEIGHBOUR: Final = np.log(0.3)  # both neighbours must be at least this probable …
_ITSELF: Final = np.log(0.01)  # … then the character itself may be a surprise
_MEAN: Final = -3.5  # mean log probability of a line's characters below which the whole line is left out


@dataclass(frozen=True)
class Cut:
    """One character cut out of a line: `ink` uint8 [h, w], how probable the first classifier held it."""

    char: str
    ink: NDArray[np.uint8]
    log_p: float


def align(
    found: Sequence[Hypothesis], log_p: NDArray[np.float32], pieces: int, text: Sequence[int]
) -> list[int] | None:
    """Return the hypothesis for each character of `text`, or None where no path spells it.

    Args:
        found: the line's hypotheses, sorted by start.
        log_p: [N, 84] of each hypothesis.
        pieces: number of pieces of the line.
        text: class indices without spaces; -1 stands for any ink (an accented letter, say).
    """
    T = len(text)
    index = np.array(text)
    any_ink = np.array([-1.5])
    best = np.full((pieces + 1, T + 1), _NEVER)
    best[0, 0] = 0.0
    came = np.full((pieces + 1, T + 1), -1)
    for e, h in enumerate(found):  # sorted by start, so best[h.start] is final
        emit = np.where(index < 0, any_ink, log_p[e, index])
        value = best[h.start, :-1] + emit + h.prior
        better = value > best[h.stop, 1:]
        best[h.stop, 1:][better] = value[better]
        came[h.stop, 1:][better] = e
    if best[pieces, T] <= _NEVER / 2:
        return None
    path, i = [], pieces
    for t in range(T, 0, -1):
        e = int(came[i, t])
        path.append(e)
        i = found[e].start
    return path[::-1]


def cut_line(recogniser: Recogniser, line: LineInk, text: str) -> list[Cut]:
    """Cut the characters of `text` out of one line; empty where it does not fit the ink."""
    found = hypotheses(line)
    spelled = [c for c in unicodedata.normalize("NFC", text) if not c.isspace()]
    if not found or not spelled or len(spelled) > 2 * len(line.pieces):
        return []
    log_p = recogniser.log_probabilities(prepare_all([h.ink for h in found]))
    places = recogniser.fit_line(log_p, np.array([[h.top, h.bottom] for h in found]))
    log_p = recogniser.with_places(log_p, places)
    path = align(found, log_p, len(line.pieces), [ALPHABET.find(c) for c in spelled])
    if path is None:
        return []
    known = np.array(
        [log_p[e, ALPHABET.find(c)] if c in ALPHABET else -1.5 for e, c in zip(path, spelled, strict=True)]
    )
    if known.mean() < _MEAN:
        return []
    around = np.minimum(np.append(known[1:], 0.0), np.insert(known[:-1], 0, 0.0))
    keep = (around > _NEIGHBOUR) & (known > _ITSELF)
    return [
        Cut(c, found[e].ink, float(p))
        for c, e, p, k in zip(spelled, path, known, keep, strict=True)
        if k and c in ALPHABET
    ]


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
