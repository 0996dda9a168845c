"""`unscrawl read`: pictures → text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unscrawl.cli.console import put, say, track
from unscrawl.cli.sources import content, gather, pages, stems
from unscrawl.errors import PictureError
from unscrawl.formats import Format, check_folder, page_json, page_text, write_picture, write_text

if TYPE_CHECKING:
    from unscrawl.page import Page

__all__ = ["register"]

Layout = Literal["page", "line", "word", "glyph", "cut"]
Spoken = Literal["auto", "en", "fr"]


def register(app: typer.Typer) -> None:
    """Add the command `read` to `app`."""
    app.command()(read)


def read(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Pictures, folders of pictures (not their subfolders), patterns such as '**/*.jpg', "
            "or - for standard input.",
            show_default=False,
        ),
    ],
    layout: Annotated[
        Layout,
        typer.Option(
            help="What each picture shows: a page, one line, one word, one character; cut: each folder "
            "LINE/WORD/GLYPH.png is one letter of ready-cut characters."
        ),
    ] = "page",
    form: Annotated[
        Format, typer.Option("--format", help="Plain text, or one JSON object per picture and line.")
    ] = "text",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write NAME.txt or NAME.json there.", show_default=False),
    ] = None,
    overlay: Annotated[
        bool,
        typer.Option(
            "--overlay",
            help="Write NAME.overlay.png, boxes and guesses over the picture, to DIR or the current folder.",
        ),
    ] = False,
    language: Annotated[
        Spoken, typer.Option(help="The language that helps to read; auto tells it page by page.")
    ] = "auto",
    no_language: Annotated[
        bool, typer.Option("--no-language", help="Read each character by its shape alone.")
    ] = False,
    hand: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose writing it is: see `unscrawl teach`.", show_default=False),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Another network for characters than the built-in one.", show_default=False
        ),
    ] = None,
    line_model: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Another network for whole lines.", show_default=False),
    ] = None,
) -> None:
    """Print the text of handwriting in pictures, in reading order.

    Exit code: 0 when every picture was read, also when one was blank; 2 when something failed.
    """
    if out is not None or overlay:
        check_folder(out or Path())
    sources, complete = gather(files, whole=layout == "cut")
    endings = ([".txt" if form == "text" else ".json"] if out else []) + ([".overlay.png"] if overlay else [])
    names = stems(sources, out or Path(), endings)

    from unscrawl.reader import Reader  # only now: a mistyped option is answered at once

    reader = Reader(model=model, line_model=line_model, language=None if no_language else language, hand=hand)
    heading = ""
    for source in track(sources):
        try:
            picture = source if layout == "cut" else content(source)
            page = reader.read(picture, layout=layout, name=source)
            if (count := pages(source)) > 1:
                say(f"{source} has {count} pages: only the first was read")
            if not page.text:
                say(f"{source}: nothing written here was found")
            result = page_text(page) if form == "text" else page_json(page)
            if form == "text" and len(sources) > 1:
                put(f"{heading}==> {source} <==\n")
                heading = "\n"
            put(result)
            _save(page, result, (out or Path()) / names[source], endings)
        except PictureError as error:  # stops nothing; whatever else goes wrong would go wrong again
            say(str(error))
            complete = False
    if not complete:
        raise typer.Exit(2)


def _save(page: Page, result: str, path: Path, endings: list[str]) -> None:
    """Write what was asked for; `path` has no ending yet."""
    for ending in endings:
        target = path.with_name(path.name + ending)
        if ending == ".overlay.png":
            write_picture(target, page.render())
            say(f"wrote {target}")
        else:
            write_text(target, result)
