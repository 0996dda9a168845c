"""`unscrawl data`: the data sets there are, what is in them, fetching them, looking at them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from unscrawl.cli.console import put, say
from unscrawl.errors import OptionError

__all__ = ["CACHE", "DATA", "DATA_DIR", "FONTS_DIR", "OFFLINE", "PREPARE", "app"]

DATA: Final = typer.Argument(
    metavar="DATA",
    help="A name that `unscrawl data list` shows, a folder of class folders, a .csv, a .npz, an IDX file, "
    "or file.py:dataset.",
    show_default=False,
)
DATA_DIR: Final = typer.Option(
    metavar="FOLDER", help="Look for the named sets here first (FOLDER/mnist/*.gz).", show_default=False
)
FONTS_DIR: Final = typer.Option(
    metavar="FOLDER", help="Handwriting fonts, for the set `characters`.", show_default=False
)
CACHE: Final = typer.Option(metavar="FOLDER", help="Keep fetched sets here.", show_default=False)
OFFLINE: Final = typer.Option("--offline", help="Use no network.")
PREPARE: Final = typer.Option(
    "--prepare", help="Set the ink of each picture in a folder as reading does: 28 x 28, white on black."
)

app = typer.Typer(help="List, describe, fetch and show data sets.", rich_markup_mode=None)


@app.command("list")
def list_(cache: Annotated[Path | None, CACHE] = None) -> None:
    """List the data sets known by name.

    And what they hold, and which of them lie in the cache.
    """
    from unscrawl.learn.data.catalogue import KNOWN
    from unscrawl.learn.data.sources import is_cached
    from unscrawl.learn.data.store import cache_folder

    place = cache or cache_folder()
    rows = [("NAME", "CLASSES", "TRAIN", "TEST", "SIZE", "CACHED", "WHAT")]
    for known in KNOWN.values():
        train, test = (f"{count:,}" for count in known.counts)
        size, cached = f"{known.side} x {known.side}", "yes" if is_cached(known, place) else "no"
        rows.append((known.name, str(len(known.classes)), train, test, size, cached, known.title))
    rows.append(("characters", "85", "", "", "28 x 28", "", "what the built-in network learns (--data-dir)"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        put("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
    put(f"cache: {place}\n")


@app.command()
def info(
    data: Annotated[str, DATA],
    data_dir: Annotated[Path | None, DATA_DIR] = None,
    fonts_dir: Annotated[Path | None, FONTS_DIR] = None,
    cache: Annotated[Path | None, CACHE] = None,
    offline: Annotated[bool, OFFLINE] = False,
    prepare: Annotated[bool, PREPARE] = False,
) -> None:
    """Say what a data set holds.

    How many pictures of each class, their form and brightness; of a named set also origin and licence.
    """
    from unscrawl.learn.data import load
    from unscrawl.learn.data.catalogue import KNOWN
    from unscrawl.learn.data.sheet import describe

    loaded = load(data, data_dir, cache, fonts_dir=fonts_dir, offline=offline, prepare=prepare)
    put(describe(loaded))
    if data in KNOWN:
        put(f"licence: {KNOWN[data].licence}\nhome: {KNOWN[data].home}\n")


@app.command()
def fetch(
    data: Annotated[str, typer.Argument(metavar="NAME", help="A set that `unscrawl data list` shows.")],
    data_dir: Annotated[Path | None, DATA_DIR] = None,
    cache: Annotated[Path | None, CACHE] = None,
) -> None:
    """Bring a data set into the cache.

    It loads without a network from then on. A download that broke off is continued.
    """
    from unscrawl.learn.data import load
    from unscrawl.learn.data.catalogue import KNOWN
    from unscrawl.learn.names import unknown

    if data not in KNOWN:
        raise unknown("data", data, KNOWN)
    loaded = load(data, data_dir, cache)
    parts = f"{len(loaded.train):,} training and {len(loaded.test or ()):,} test pictures"
    put(f"{data}: {parts}, whole and ready\n")


@app.command()
def show(
    data: Annotated[str, DATA],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The picture to write.", show_default="NAME.png")
    ] = None,
    n: Annotated[int, typer.Option("--n", help="How many pictures.")] = 100,
    seed: Annotated[int, typer.Option(help="Another seed shows others.")] = 0,
    test: Annotated[bool, typer.Option("--test", help="Show the test part.")] = False,
    data_dir: Annotated[Path | None, DATA_DIR] = None,
    fonts_dir: Annotated[Path | None, FONTS_DIR] = None,
    cache: Annotated[Path | None, CACHE] = None,
    offline: Annotated[bool, OFFLINE] = False,
    prepare: Annotated[bool, PREPARE] = False,
) -> None:
    """Write a contact sheet of pictures drawn at random.

    As many of each class, under their names.
    """
    from unscrawl.formats import write_picture
    from unscrawl.learn.data import load
    from unscrawl.learn.data.sheet import contact_sheet

    if n < 1:
        raise OptionError(f"--n must be at least 1, not {n}")
    loaded = load(data, data_dir, cache, fonts_dir=fonts_dir, offline=offline, prepare=prepare)
    part = loaded.test if test else loaded.train
    if part is None:
        raise OptionError(f"{data}: has no test part")
    target = out or Path(f"{Path(data.split(',')[0].split(':')[0]).stem}.png")
    write_picture(target, contact_sheet(part, loaded.classes, n, seed))
    say(f"wrote {target}")
