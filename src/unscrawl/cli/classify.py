"""`unscrawl classify`: pictures of one character each → what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from unscrawl.cli.console import put, say, track
from unscrawl.cli.sources import content, gather, stems
from unscrawl.errors import PictureError
from unscrawl.formats import Format, check_folder, classified_json, classified_text, write_picture

__all__ = ["register"]

Alphabet = Literal["digits", "letters", "all"]


def register(app: typer.Typer) -> None:
    """Add the command `classify` to `app`."""
    app.command()(classify)


def classify(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Pictures of one character each, folders of them (not their subfolders), patterns such as "
            "'**/*.png', or - for standard input.",
            show_default=False,
        ),
    ],
    alphabet: Annotated[Alphabet, typer.Option(help="The characters to choose from.")] = "all",
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="Tab-separated text (source, label, confidence, best alternatives), "
            "or one JSON object per picture and line.",
        ),
    ] = "text",
    show: Annotated[
        bool,
        typer.Option(
            "--show",
            help="Write NAME.seen.png, the picture beside the 28 x 28 pixels that the network saw, "
            "to DIR or the current folder.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where --show writes.", show_default=False),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Another network than the built-in one.", show_default=False),
    ] = None,
) -> None:
    """Tell which character each picture shows, and how surely.

    Exit code: 0 when every picture was classified, 2 when something failed.
    """
    if out is not None or show:
        check_folder(out or Path())
    sources, complete = gather(files)
    endings = [".seen.png"] if show else []
    names = stems(sources, out or Path(), endings)

    from unscrawl.reader import Reader  # only now: a mistyped option is answered at once
    from unscrawl.render import draw_seen

    reader = Reader(model=model, language=None)
    for source in track(sources):
        try:
            classified = reader.classify(content(source), alphabet=alphabet, name=source)
            if not classified.seen.any():
                say(f"{source}: nothing written here was found, so its label is a mere guess")
            put(classified_text(classified) if form == "text" else classified_json(classified))
            if show:
                target = (out or Path()) / f"{names[source]}.seen.png"
                write_picture(target, draw_seen(classified))
                say(f"wrote {target}")
        except PictureError as error:  # stops nothing; whatever else goes wrong would go wrong again
            say(str(error))
            complete = False
    if not complete:
        raise typer.Exit(2)
