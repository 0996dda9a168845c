"""Make the pictures in examples/ with the project's own page generator.

    python scripts/make_examples.py examples/

The same version of the libraries makes the same pictures. Needs nothing beyond the reader.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from PIL import Image

from unscrawl.synth import Camera, Paper, Sheet, Style, bundled_fonts, cut_folder, letter

LETTER: Final = """Dear Edith,
my friend Andrew sent me this letter
and his handwriting is as bad as mine.
Could you read it to me on Sunday?
I will bring 2 cakes and hot coffee!
Yours, Max"""

ANDREW: Final = """dear laurence
the geese came back today
bring your warm socks
yours andrew"""


def font(family: str) -> tuple[Path, ...]:
    """Return the bundled font called `family`, as a style wants it."""
    return tuple(path for path in bundled_fonts() if path.stem == family)


def make_letter() -> Sheet:
    """A letter on ruled paper, folded once, photographed on a desk in light from one side."""
    style = Style(
        fonts=font("mansalva"), x_height=24, pen=0.15, slant=2, tracking=0.14, word_gap=1.25, waver=0.1
    )
    paper = Paper(kind="ruled", margin=3.2, spare=0.25, fold=0.3)
    camera = Camera(
        tilt=2.5, perspective=0.015, desk=0.045, light=0.28, shadow=0.18, blur=0.6, noise=2, jpeg=None
    )
    return letter(LETTER, style, paper, camera, rng=7)


def make_characters() -> dict[str, Sheet]:
    """Single photographed characters: blue, black and thick pens, ruled and squared paper, chalk on slate."""
    tilted = Camera(tilt=3, light=0.35, blur=0.8, noise=3)
    shaded = replace(tilted, shadow=0.35)
    pen = Style(x_height=40, pen=0.16)
    black = replace(pen, ink=(40, 40, 46), fonts=font("mansalva"))
    chalk = Style(fonts=font("indie-flower"), ink=(226, 228, 220), x_height=36, pen=0.2, pressure=0.6)
    slate = Paper(colour=(52, 62, 60), texture=0.9, margin=1.2)
    plain, ruled, squared = (Paper(kind=kind, margin=1.2) for kind in ("plain", "ruled", "squared"))
    return {
        "2": letter("2", replace(pen, fonts=font("schoolbell")), plain, tilted, 2),
        "4": letter("4", replace(pen, fonts=font("architects-daughter")), ruled, shaded, 4),
        "5": letter("5", chalk, slate, Camera(light=0.4, blur=1.0, noise=4), 5),
        "7": letter("7", black, squared, tilted, 7),
        "R": letter("R", replace(pen, fonts=font("patrick-hand"), pen=0.25), plain, shaded, 9),
    }


def main(out: Annotated[Path, typer.Argument(help="Folder to fill.")] = Path("examples")) -> None:
    """Write letter.jpg, andrew/, characters/ and their texts."""
    out.mkdir(parents=True, exist_ok=True)
    sheet = make_letter()
    Image.fromarray(sheet.picture).save(out / "letter.jpg", quality=85, optimize=True)
    (out / "letter.txt").write_text(sheet.text + "\n", encoding="utf-8")
    shutil.rmtree(out / "andrew", ignore_errors=True)
    style = Style(fonts=font("gloria-hallelujah"), pen=0.2, wobble=0.08, rotation=5)
    written = cut_folder(out / "andrew", ANDREW, style=style, rng=3, mixed=True)
    (out / "andrew.txt").write_text(written + "\n", encoding="utf-8")
    (out / "characters").mkdir(exist_ok=True)
    for name, character in make_characters().items():
        Image.fromarray(character.picture).save(out / "characters" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    typer.run(main)
