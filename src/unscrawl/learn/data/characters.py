"""The training set of the shipped classifier: 84 characters and "no character", from open sources.

Real characters come from MNIST and from the .npz files of a `glyphs` folder (arrays x [N, 64, 64],
label [N], group [N]); every source is named with its licence in `SOURCES`. Lower case is scarce
there, so handwriting fonts are drawn in many imagined hands besides (`strokes.another_hand`).

The extra class "no character" holds what a cut through a line of writing yields beside characters:
two characters taken for one, half a character, specks. Its probability lets the reader choose
between ways of cutting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET
from unscrawl.errors import DataError
from unscrawl.glyph import prepare
from unscrawl.learn.sets import Data, ImageSet
from unscrawl.learn.strokes import another_hand, beside
from unscrawl.learn.typefaces import Drawn, draw, find_fonts, place_on_line

__all__ = ["CLASSES", "JUNK", "SOURCES", "Source", "is_held", "line_places", "load_characters"]

JUNK: Final = "no character"
CLASSES: Final = (*ALPHABET, JUNK)
Ink = NDArray[np.uint8]


@dataclass(frozen=True)
class Source:
    """A set of real characters: how often each picture is redrawn, and what the card says of it."""

    name: str
    hands: int  # pictures made of one, the first unchanged
    held: float  # share of its groups kept for validation
    cap: int  # pictures of one class at most, before redrawing
    licence: str


SOURCES: Final = (
    Source("mnist", 1, 0.02, 10_000, "MNIST, LeCun, Cortes & Burges, CC BY-SA 3.0"),
    Source("bp62", 12, 0.15, 10_000, "Bishwaprotapi/Hand-Written, MIT"),
    Source("omniglot_latin", 10, 0.2, 10_000, "brendenlake/omniglot, MIT"),
    Source("comnist", 5, 0.15, 10_000, "CoMNIST, CC BY-SA 4.0"),
    Source("az_capitals", 2, 0.1, 400, "Kaggle A-Z sample of NIST SD19, CC0"),
    Source("names_letters", 2, 0.15, 10_000, "Kaggle handwritten names, CC0"),
    Source("names_letters_pseudo", 1, 0.0, 400, "Kaggle handwritten names, CC0, weak labels"),
    Source("aligned", 1, 0.1, 1_500, "characters cut by unscrawl from Copiste d'un jour, BAnQ, CC BY 4.0"),
    Source("bhmsds", 1, 0.05, 10_000, "wblachowski/bhmsds, MIT"),
)
_PRINTED, _JOINED = 8, 2  # imagined hands for each character of a hand-printed and of a joined font
_HELD_FONTS: Final = 8  # every 8th hand-printed font is for validation only
_NO_CHARACTERS: Final = 10_000


def load_characters(data_dir: Path, fonts_dir: Path, seed: int = 0) -> Data:
    """Build the set; the same seed and files give the same pictures.

    Args:
        data_dir: holds `mnist/*.gz` and `glyphs/*.npz`; sources that are missing are an error.
        fonts_dir: where scripts/fetch_fonts.py put the fonts; `aligned.npz` there is used where it exists.
        seed: of every choice.

    Returns:
        85 classes of uint8 [N, 28, 28], split by writer, word, sample or font into train and validation.
    """
    rng = np.random.default_rng(seed)
    train: list[tuple[Ink, int]] = []
    held: list[tuple[Ink, int]] = []
    pool: list[Drawn] = []  # characters with a known place on the line, to set side by side
    for font, kind in _fonts(fonts_dir):
        drawn = draw(font)
        kept = kind == "hand-printed" and _share(font.stem) < 1 / _HELD_FONTS
        if kind == "hand-printed" and not kept:
            pool += drawn
        hands = 1 if kept else _PRINTED if kind == "hand-printed" else _JOINED
        for d in drawn:
            for _ in range(hands):
                ink = another_hand(d.ink, rng, 0.8 if kept else rng.choice([0.5, 1.0, 1.3]))
                (held if kept else train).append((prepare(ink), ALPHABET.index(d.char)))
    places = place_on_line(pool)[0]
    for source in SOURCES:
        for ink, label, is_held in _real(data_dir, fonts_dir, source, rng):
            (held if is_held else train).append((prepare(ink), label))
            if not is_held:
                train += [(prepare(another_hand(ink, rng, 0.7)), label) for _ in range(source.hands - 1)]
            if source.name in ("bp62", "omniglot_latin") and not is_held:
                pool.append(Drawn(ALPHABET[label], ink, *places[label]))
    train += _no_characters(pool, _NO_CHARACTERS, rng)
    held += _no_characters(pool, _NO_CHARACTERS // 40, rng)
    return Data("characters", CLASSES, train=_pack(train), validation=_pack(held))


def line_places(fonts_dir: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and spread of each character's (top, bottom) on the line over the hand-printed fonts."""
    return place_on_line(d for f, kind in _fonts(fonts_dir) if kind == "hand-printed" for d in draw(f))


def _fonts(folder: Path) -> list[tuple[Path, str]]:
    fonts = find_fonts(folder)
    if not fonts:
        raise DataError(f"no usable font in {folder}: run scripts/fetch_fonts.py again")
    return fonts


def _share(group: str) -> float:
    """Place a group by its name in [0, 1), the same on every machine."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") / 2**32


def is_held(source: Source, group: str) -> bool:
    """Tell whether the characters of a writer, word or sample `group` are kept for validation."""
    return _share(f"{source.name}/{group}") < source.held


def _real(
    folder: Path, made: Path, source: Source, rng: np.random.Generator
) -> Iterator[tuple[Ink, int, bool]]:
    """Yield (ink, label, for validation) of one source."""
    if source.name == "mnist":
        from unscrawl.learn.data import load

        digits = load("mnist", data_dir=folder).train
        x, labels = digits.images, [str(k) for k in digits.labels]
        groups = [""] * len(x)
    else:
        file = (made if source.name == "aligned" else folder / "glyphs") / f"{source.name}.npz"
        if source.name == "aligned" and not file.is_file():
            return
        if not file.is_file():
            raise DataError(f"{file} is missing: the classifier's set needs every source of its list")
        with np.load(file, allow_pickle=False) as z:
            x, labels, groups = z["x"], [str(c) for c in z["label"]], [str(g) for g in z["group"]]
    seen: dict[str, int] = {}
    for i in rng.permutation(len(x)):
        # bhmsds draws its multiplication sign as a filled dot, which on a page is a full stop.
        char = "." if source.name == "bhmsds" and labels[i] == "*" else labels[i]
        seen[char] = seen.get(char, 0) + 1
        if seen[char] > source.cap or char not in ALPHABET:
            continue
        yield x[i], ALPHABET.index(char), is_held(source, groups[i] or str(i))


def _no_characters(pool: list[Drawn], count: int, rng: np.random.Generator) -> list[tuple[Ink, int]]:
    """Make `count` pictures that are no character: 70 % pairs, 25 % halves, 5 % specks."""
    letters = [d for d in pool if d.char.isalnum()]
    made = []
    for kind in rng.random(count):
        a = letters[int(rng.integers(len(letters)))]
        if kind < 0.7:
            ink = _pair(a, letters[int(rng.integers(len(letters)))], rng)
        elif kind < 0.95:
            ink = _half(another_hand(a.ink, rng, 0.7), rng)
        else:
            side = int(rng.integers(8, 40))
            ink = np.asarray(255 * (rng.random((side, side)) < rng.uniform(0.02, 0.15)), np.uint8)
        made.append((prepare(ink), len(ALPHABET)))
    return made


def _pair(a: Drawn, b: Drawn, rng: np.random.Generator) -> Ink:
    """Set two characters on one baseline at one x-height, touching or nearly so."""
    x_height = 32.0
    inks = []
    for d in (a, b):
        scale = x_height * max(d.top - d.bottom, 0.2) / d.ink.shape[0]
        size = (max(2, round(d.ink.shape[1] * scale)), max(2, round(d.ink.shape[0] * scale)))
        inks.append(np.asarray(cv2.resize(d.ink, size, interpolation=cv2.INTER_AREA), np.uint8))
    gap = round(rng.uniform(-0.12, 0.3) * x_height)
    return another_hand(beside(inks[0], inks[1], gap, round((a.top - b.top) * x_height)), rng, 0.5)


def _half(ink: Ink, rng: np.random.Generator) -> Ink:
    """Keep the left or the right part of a character; of a narrow one the upper or the lower.

    A single upright stroke is a good l, so a half that is nothing more is not given out as none.
    """
    ys, xs = np.flatnonzero(ink.max(axis=1) > 64), np.flatnonzero(ink.max(axis=0) > 64)
    if len(xs) < 6 or len(ys) < 6:
        return ink
    at = int(xs[0] + rng.uniform(0.35, 0.65) * (xs[-1] - xs[0]))
    part = ink[:, :at] if rng.random() < 0.5 else ink[:, at:]
    if np.count_nonzero(part.max(axis=0) > 64) > 0.3 * len(ys):
        return part
    at = int(ys[0] + rng.uniform(0.35, 0.65) * (ys[-1] - ys[0]))
    return ink[:at] if rng.random() < 0.5 else ink[at:]


def _pack(pairs: list[tuple[Ink, int]]) -> ImageSet:
    return ImageSet(np.stack([x for x, _ in pairs]), np.array([y for _, y in pairs], np.int64))
