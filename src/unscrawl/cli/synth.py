"""`unscrawl synth`: lines of made handwriting with their text, to train and to measure with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from unscrawl.cli.console import track
from unscrawl.errors import DataError, OptionError
from unscrawl.formats import check_folder, write_picture, write_text

__all__ = ["register"]

_SHEET: Final = "sheet.png"
_SHOWN: Final = 60  # lines at most on the contact sheet


def register(app: typer.Typer) -> None:
    """Add the command `synth` to `app`."""
    app.command()(synth)


def synth(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Where the lines go; empty or not there yet.", show_default=False
        ),
    ],
    lines: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    fonts: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Handwriting fonts (.ttf, .otf, subfolders too), or what scripts/fetch_fonts.py made; "
            "without it the fonts that come with unscrawl.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A text in UTF-8 to write runs of; without it dates, names, numbers and the like.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same lines.")] = 0,
    sheet: Annotated[
        bool, typer.Option("--sheet", help=f"Also write FOLDER/{_SHEET}, the first lines at a glance.")
    ] = False,
) -> None:
    """Make lines of handwriting: FOLDER/0000.png, 64 pixels high, and what it says in FOLDER/0000.txt.

    Fonts are bent, penned, laid on paper, photographed and cut out as lines of real pages are.
    """
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from unscrawl.synth.lines import LineWriter, contact_sheet

    writer = LineWriter(_fonts(fonts), _texts(text))
    writer.open()
    _check_empty(out)
    digits = max(4, len(str(lines - 1)))
    shown: list[NDArray[np.uint8]] = []
    for name in track([f"{number:0{digits}}" for number in range(lines)]):
        picture, written = writer.line(np.random.default_rng([seed, int(name)]))
        write_picture(out / f"{name}.png", Image.fromarray(picture))
        write_text(out / f"{name}.txt", written + "\n")
        if sheet and len(shown) < _SHOWN:
            shown.append(picture)
    if sheet:
        write_picture(out / _SHEET, Image.fromarray(contact_sheet(shown)))


def _fonts(folder: Path | None) -> list[Path]:
    from unscrawl.learn.typefaces import find_fonts
    from unscrawl.synth import bundled_fonts

    if folder is None:
        return list(bundled_fonts())
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder: name one that holds .ttf or .otf files")
    if (folder / "fonts.tsv").is_file():
        return [file for file, _ in find_fonts(folder)]
    found = sorted(f for f in folder.rglob("*") if f.suffix.lower() in (".ttf", ".otf"))
    if not found:
        raise DataError(f"{folder}: no .ttf or .otf file in it")
    return found


def _texts(file: Path | None) -> list[str]:
    from unscrawl.synth.linetext import to_line

    if file is None:
        return []
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise DataError(f"{file}: not a text in UTF-8: convert it") from None
    if not to_line(text):
        raise DataError(f"{file}: nothing in it that can be written")
    return [text]


def _check_empty(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise OptionError(f"{folder}: not an empty folder: choose another")
    check_folder(folder)
