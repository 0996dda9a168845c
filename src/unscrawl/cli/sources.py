"""What the user named → pictures to read, and the names of the files that come of them."""

from __future__ import annotations

import glob
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

from unscrawl.cli.console import say
from unscrawl.errors import OutputError, PictureError, UnscrawlError

__all__ = ["STDIN", "content", "expand", "gather", "pages", "stems"]

STDIN: Final = "-"
"""The source that stands for standard input."""

_SUFFIXES: Final = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
_OWN: Final = (".overlay.png", ".seen.png")
"""Pictures that we wrote ourselves: no input when their folder or a pattern is read again."""


def gather(files: Sequence[str], *, whole: bool = False) -> tuple[list[str], bool]:
    """Return the sources that `files` name, in order, and whether all of them name any; say which do not."""
    sources: list[str] = []
    complete = True
    for given in files:
        try:
            sources += expand(given, whole=whole)
        except UnscrawlError as error:
            say(str(error))
            complete = False
    return sources, complete


def expand(given: str, *, whole: bool = False) -> list[str]:
    """Return the sources that one argument of the command line names.

    A folder stands for the pictures in it, in natural order, without those of its subfolders (`**/*.jpg`
    reaches these); `whole` makes each folder one source. A pattern that the shell left alone is matched
    here. Neither stands for pictures that we wrote ourselves. Everything else stands for itself, missing
    files too: reading them says what is wrong.

    Raises:
        PictureError: a folder without pictures, or a pattern that nothing matches.
    """
    if os.path.isdir(given):
        return [given] if whole else _pictures(Path(given))
    if glob.has_magic(given) and not os.path.lexists(given):
        found = [name for name in glob.iglob(given, recursive=True) if os.path.isdir(name) == whole]
        found = [name for name in found if whole or not name.endswith(_OWN)]
        if not found:
            raise PictureError(f"{given}: no {'folder' if whole else 'file'} matches this pattern")
        return sorted(found, key=_natural)
    return [given]


def _pictures(folder: Path) -> list[str]:
    try:
        names = [path.name for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES]
    except OSError as error:
        raise PictureError(f"{folder}: cannot look into this folder ({error.strerror})") from None
    names = [name for name in names if not name.startswith(".") and not name.endswith(_OWN)]
    if not names:
        raise PictureError(f"{folder}: no pictures in this folder (of {' '.join(sorted(_SUFFIXES))})")
    return [str(folder / name) for name in sorted(names, key=_natural)]


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a sort key under which page-2 comes before page-10."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def content(source: str) -> str | BinaryIO:
    """Return what a `Reader` takes for `source`: its path, or standard input itself."""
    return sys.stdin.buffer if source == STDIN else source


def pages(source: str) -> int:
    """Return how many pages the file `source` has: above 1 for some TIFF, 1 for everything else."""
    if source == STDIN or not os.path.isfile(source):  # a pipe can be read only once
        return 1
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(source, formats=["TIFF"]) as picture:
                return int(getattr(picture, "n_frames", 1))
    except Exception:  # no TIFF, or a damaged one: whoever reads it says so
        return 1


def stems(
    sources: Sequence[str], folder: Path, suffixes: Sequence[str], *, keep: bool = False
) -> dict[str, str]:
    """Return for each source the name, without suffix, of the files that are written about it in `folder`.

    That is the name of the picture; where two would share it, the later one takes its folder's name or a
    number along. `keep`: files that are there already are not going to be replaced.

    Raises:
        OutputError: a file to be written would replace one of the pictures, or a text that lies beside its
            picture: it may be the transcription that somebody wrote to teach with.
    """
    inputs = {os.path.realpath(source): source for source in sources}
    result: dict[str, str] = {}
    taken: set[str] = set()
    for source in dict.fromkeys(sources):
        stem = next(stem for stem in _candidates(source) if stem.casefold() not in taken)
        taken.add(stem.casefold())  # some file systems take A.txt and a.txt for one
        result[source] = stem
        for suffix in suffixes:
            target = folder / (stem + suffix)
            if clash := inputs.get(os.path.realpath(target)):
                raise OutputError(f"{clash}: results would replace this picture: choose another --out")
            if not keep and suffix not in _OWN and os.path.lexists(target) and _beside(source, folder):
                raise OutputError(
                    f"{target}: lies beside its picture already, and the result would replace it: "
                    "choose another --out, or --resume to leave it and read the others"
                )
    return result


def _beside(source: str, folder: Path) -> bool:
    own = os.path.dirname(os.path.abspath(source))
    return source != STDIN and os.path.realpath(own) == os.path.realpath(folder)


def _candidates(source: str) -> Iterator[str]:
    path = Path("stdin" if source == STDIN else os.path.abspath(source))
    yield path.stem
    if path.parent.name:
        yield f"{path.parent.name}-{path.stem}"
    yield from (f"{path.stem}-{number}" for number in count(2))
