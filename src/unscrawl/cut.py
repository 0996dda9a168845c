"""Ready-cut characters: a folder LINE/WORD/GLYPH.png read as one letter, as in the exercise."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET
from unscrawl.casing import case_is_random
from unscrawl.errors import PictureError
from unscrawl.glyph import SIDE, prepare
from unscrawl.image import Picture, load
from unscrawl.ink import extract
from unscrawl.language import Choice, Edge
from unscrawl.page import Box, Glyph, Line, Page, Word

if TYPE_CHECKING:
    from unscrawl.reader import Reader

__all__ = ["is_cut_folder", "read_folder"]

_SUFFIXES: Final = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif"}
_PITCH: Final = SIDE + 8  # px from one character to the next in the sheet that stands for the page


def is_cut_folder(folder: Path) -> bool:
    """Tell whether `folder` holds LINE/WORD/GLYPH pictures."""
    return any(
        f.suffix.lower() in _SUFFIXES
        for line in _inside(folder)
        if line.is_dir()
        for word in _inside(line)
        if word.is_dir()
        for f in _inside(word)
    )


def read_folder(reader: Reader, folder: Path, name: str | None = None) -> Page:
    """Read a folder of ready-cut characters.

    Boxes are those in `Page.picture`, a sheet on which the characters stand side by side as the network
    saw them, for the letter itself was never one picture. Where small and capital letters are mixed at
    random, case is left to the language and the text comes out in lower case.

    Raises:
        PictureError: no such folder, no pictures in that layout, or one that cannot be read.
    """
    if not folder.is_dir():
        raise PictureError(f"{folder}: no such folder; ready-cut characters lie in LINE/WORD/GLYPH.png")
    lines = [[_glyphs(word) for word in _inside(line) if word.is_dir()] for line in _inside(folder)]
    lines = [[word for word in line if len(word)] for line in lines]
    lines = [line for line in lines if line]
    if not lines:
        raise PictureError(f"{folder} holds no pictures laid out LINE/WORD/GLYPH.png")
    seen = np.concatenate([word for line in lines for word in line])
    scores = reader.scores(reader.recogniser.log_probabilities(seen))
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))  # every picture is a character
    lengths = [[len(word) for word in line] for line in lines]
    best = iter(ALPHABET[i] for i in scores.argmax(axis=1))
    fold = case_is_random(["".join(islice(best, n)) for line in lengths for n in line], fewest=4)
    label = name if name is not None else str(folder)
    rows, at = [], 0
    for row, sizes in enumerate(lengths):
        rows.append(_read_line(reader, scores[at : at + sum(sizes)], sizes, row, fold))
        at += sum(sizes)
    return Page(label, tuple(rows), Picture(_sheet(lines), label))


def _inside(folder: Path) -> list[Path]:
    """List a folder in natural order: 2 before 10."""
    if not folder.is_dir():
        return []

    def key(path: Path) -> list[tuple[int, str]]:
        return [(len(t), t) if t.isdigit() else (0, t) for t in re.split(r"(\d+)", path.name)]

    return sorted(folder.iterdir(), key=key)


def _glyphs(word: Path) -> NDArray[np.uint8]:
    """Prepare the characters of one word, [N, 28, 28]; blank pictures are left out."""
    files = [f for f in _inside(word) if f.suffix.lower() in _SUFFIXES]
    made = [prepare(extract(load(f), layout="glyph").strength) for f in files]
    made = [g for g in made if g.any()]
    return np.stack(made) if made else np.zeros((0, SIDE, SIDE), np.uint8)


def _read_line(reader: Reader, scores: NDArray[np.float32], lengths: list[int], row: int, fold: bool) -> Line:
    n = len(scores)
    word_of = np.repeat(np.arange(len(lengths)), lengths)
    breaks = np.zeros(n, np.float32)
    breaks[1:] = np.diff(word_of)
    edges = [Edge(i, i + 1, s, 0.0) for i, s in enumerate(scores)]

    def glyph(choice: Choice) -> Glyph:
        box = Box((choice.edge + int(word_of[choice.edge])) * _PITCH, row * _PITCH * 2, SIDE, SIDE)
        return Glyph.of(choice.char, choice.alternatives, box)

    words = reader.decode(edges, breaks, fold_case=fold)
    return Line.of(Word.of(map(glyph, word)) for word in words)


def _sheet(lines: list[list[NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """Draw all characters, black on white, one row a line: uint8 [H, W, 3]."""
    columns = max(sum(len(w) for w in line) + len(line) - 1 for line in lines)
    sheet = np.full((len(lines) * _PITCH * 2, columns * _PITCH, 3), 255, np.uint8)
    for row, line in enumerate(lines):
        column = 0
        for word in line:
            for glyph in word:
                y, x = row * _PITCH * 2, column * _PITCH
                sheet[y : y + SIDE, x : x + SIDE] = 255 - glyph[..., None]
                column += 1
            column += 1
    return sheet
