"""How results leave the program: as text, JSON, XML, pictures; files appear whole or not at all."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

from unscrawl.errors import OutputError

if TYPE_CHECKING:
    from PIL.Image import Image

    from unscrawl.page import Page
    from unscrawl.reader import Classified

__all__ = [
    "ENDINGS",
    "TOP",
    "Format",
    "PageFormat",
    "check_folder",
    "classified_json",
    "classified_text",
    "page_as",
    "write_picture",
    "write_text",
]

Format = Literal["text", "json"]
PageFormat = Literal["text", "json", "alto", "page"]

ENDINGS: Final[dict[PageFormat, str]] = {
    "text": ".txt",
    "json": ".json",
    "alto": ".alto.xml",
    "page": ".page.xml",
}
"""How the name of a file with a page in each format ends."""

TOP: Final = 5
"""Alternatives shown for one character in text."""


def page_as(page: Page, form: PageFormat) -> str:
    """Return `page` in the format `form`.

    Text ends with a newline, and is empty for a blank page; JSON is one line; ALTO and PAGE are files of XML.
    """
    if form == "text":
        return page.text + "\n" if page.text else ""
    return {"json": page.to_json, "alto": page.to_alto, "page": page.to_page_xml}[form]() + "\n"


def classified_text(classified: Classified) -> str:
    """Return one line of tab-separated fields: source, label, confidence, the best alternatives."""
    best = ", ".join(f"{label} {p:.4f}" for label, p in classified.alternatives[:TOP])
    return f"{classified.source}\t{classified.label}\t{classified.confidence:.4f}\t{best}\n"


def classified_json(classified: Classified) -> str:
    """Return one line of JSON with its newline."""
    return json.dumps(classified.export(), ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 under `path`, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    # A file name that is not UTF-8 reaches us with lone surrogates; as \udcxx they are still valid JSON.
    _write(path, lambda file: file.write(text.encode("utf-8", "backslashreplace")))


def write_picture(path: Path, picture: Image) -> None:
    """Write `picture` as PNG under `path`, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    _write(path, lambda file: picture.save(file, "PNG", compress_level=3))


def check_folder(folder: Path) -> None:
    """Create `folder` where it is missing, and make sure that files can be written in it.

    Raises:
        OutputError: it cannot be created, is no folder, or cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = _partial(folder)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise OutputError(f"{folder}: cannot write there ({error.strerror}): choose another folder") from None


def _partial(folder: Path) -> Path:
    """Return a name that no other process, and nothing left over from one, has."""
    return folder / f".unscrawl-{secrets.token_hex(8)}.part"


def _write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Fill a hidden file beside `path`, then rename it: nobody ever sees half a file."""
    partial = _partial(path.parent)
    try:
        with partial.open("xb") as file:
            fill(file)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot write it ({error.strerror or error})") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
