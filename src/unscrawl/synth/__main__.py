"""Makes sample pages: `python -m unscrawl.synth OUT`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from unscrawl.errors import DataError, OutputError, UnscrawlError
from unscrawl.synth import Camera, Paper, Style, letter

_TEXT: Final = """Dear Laurence,
the parcel came on Monday, 3 weeks late!
Half of it was string (the good kind),
so we can fly the big kite again.
Will you be here on 24 May? Your friend, Max"""


def make(
    out: Annotated[Path, typer.Argument(help="Folder for the pages; made if need be.")],
    count: Annotated[int, typer.Option(min=1, help="How many pages.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same pages.")] = 0,
    text: Annotated[Path | None, typer.Option(help="UTF-8 file with the lines to write.")] = None,
    font: Annotated[list[Path] | None, typer.Option(help="TTF file to write with; may be repeated.")] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Tidy writing on plain paper, scanned.")] = False,
) -> None:
    """Make pages of handwriting: OUT/page-00.jpg, the text beside it (.txt) and all boxes (.json)."""
    console = Console(stderr=True)
    fonts = tuple(font or ())
    try:
        lines = _read(text) if text else _TEXT
        for number in track(range(count), "pages", console=console):
            rng = np.random.default_rng([seed, number])
            style, paper, camera = Style(fonts=fonts), Paper(), Camera()
            if not clean:
                style, paper, camera = Style.random(rng, fonts), Paper.random(rng), Camera.random(rng)
            sheet = letter(lines, style, paper, camera, rng)
            _write(out / f"page-{number:02}.jpg", sheet.picture, sheet.text, json.dumps(sheet.export()))
    except UnscrawlError as error:
        console.print(f"synth: {error}", markup=False, highlight=False)
        raise typer.Exit(2) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not a text in UTF-8: convert it") from None


def _write(path: Path, picture: NDArray[np.uint8], text: str, truth: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, quality=90)
        path.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
        path.with_suffix(".json").write_text(truth + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from None


if __name__ == "__main__":
    typer.run(make)
