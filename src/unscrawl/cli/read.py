"""`unscrawl read`: pictures → text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unscrawl.cli.console import put, say, track
from unscrawl.cli.sources import content, gather, pages, stems
from unscrawl.errors import OptionError, PictureError
from unscrawl.formats import ENDINGS, PageFormat, check_folder, page_as, write_picture, write_text

if TYPE_CHECKING:
    from unscrawl.page import Page
    from unscrawl.reader import Reader

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
        PageFormat,
        typer.Option(
            "--format",
            help="Plain text; one JSON object per picture and line; ALTO or PAGE, the XML of archives.",
        ),
    ] = "text",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Also write NAME.txt, .json, .alto.xml or .page.xml there; XML is then not printed.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Leave out pictures whose results lie in DIR: goes on after a stop."),
    ] = False,
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
    xml = form in ("alto", "page")
    if resume and out is None:
        raise OptionError("--resume goes on where results lie already: name their folder with --out")
    if out is not None or overlay:
        check_folder(out or Path())
    sources, complete = gather(files, whole=layout == "cut")
    if xml and out is None and len(sources) > 1:
        raise OptionError(f"{len(sources)} pictures make as many files of XML: name a folder with --out")
    endings = ([ENDINGS[form]] if out else []) + ([".overlay.png"] if overlay else [])
    folder = out or Path()
    names = stems(sources, folder, endings, keep=resume)
    targets = {source: [folder / (name + ending) for ending in endings] for source, name in names.items()}
    heads = form == "text" and len(sources) > 1
    if resume:
        left = [source for source in sources if not all(path.exists() for path in targets[source])]
        say(f"{len(sources) - len(left)} of {len(sources)} were read before")
        sources = left

    from unscrawl.reader import Reader  # only now: a mistyped option is answered at once

    reader = Reader(model=model, line_model=line_model, language=None if no_language else language, hand=hand)
    quiet = xml and out is not None
    done, gap = 0, ""
    try:
        for source in track(sources, quiet=quiet):
            try:
                page = _page(reader, source, layout)
                result = page_as(page, form)
                if heads:
                    put(f"{gap}==> {source} <==\n")
                    gap = "\n"
                if not quiet:
                    put(result)
                _save(page, result, targets[source])
            except PictureError as error:  # stops nothing; whatever else goes wrong would go wrong again
                say(str(error))
                complete = False
            done += 1
    except KeyboardInterrupt:
        if out is not None:
            say(f"stopped after {done} of {len(sources)}: the same command with --resume goes on")
        raise
    if not complete:
        raise typer.Exit(2)


def _page(reader: Reader, source: str, layout: Layout) -> Page:
    """Read one picture, and say what its reader should know."""
    page = reader.read(source if layout == "cut" else content(source), layout=layout, name=source)
    if (count := pages(source)) > 1:
        say(f"{source} has {count} pages: only the first was read")
    if not page.text:
        say(f"{source}: nothing written here was found")
    return page


def _save(page: Page, result: str, targets: list[Path]) -> None:
    """Write what was asked for."""
    for target in targets:
        if target.name.endswith(".overlay.png"):
            write_picture(target, page.render())
            say(f"wrote {target}")
        else:
            write_text(target, result)
