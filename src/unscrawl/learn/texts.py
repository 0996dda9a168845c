"""Reads the texts of a language file: books, and the transcriptions of line sets, less what is held back."""

from __future__ import annotations

import csv
import lzma
import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from unscrawl.alphabet import LINE
from unscrawl.errors import DataError
from unscrawl.learn.lines.sources import held_back

__all__ = ["HELD_OUT", "Text", "clean", "read_books", "read_texts"]

HELD_OUT: Final = ("Agnes Grey", "The Invisible Man", "The Jungle Book")
_QUOTES: Final = str.maketrans({"‘": "'", "’": "'", "′": "'", "“": '"', "”": '"', "–": "—", "…": "..."})


@dataclass(frozen=True)
class Text:
    """A text with where it is from; `held` are pieces of about a line that no model may see."""

    name: str
    text: str
    held: tuple[str, ...]
    origin: str
    licence: str
    books: bool


def clean(text: str) -> str:
    """Return `text` in the line alphabet: plain quotes, accents it knows, one space between words."""
    text = unicodedata.normalize("NFC", text.translate(_QUOTES).replace("--", " — "))
    text = "".join(c if c in LINE else unicodedata.normalize("NFKD", c)[0] for c in text)
    return " ".join(re.sub(f"[^{re.escape(LINE)}]", " ", text).split())


def read_texts(path: Path) -> Text:
    """Read a file of books or the transcriptions of a line set.

    Raises:
        DataError: the file cannot be read.
    """
    if path.suffix == ".tsv":
        return _read_lines(path)
    books = read_books(path)
    kept = [title for title, _ in books if title not in HELD_OUT]
    held = " ".join(clean(body) for title, body in books if title in HELD_OUT)
    lines = [held[i : i + 60].strip() for i in range(0, len(held), 60)][::20]
    return Text(
        path.name.split(".")[0],
        " ".join(clean(body) for title, body in books if title in kept),
        tuple(line for line in lines if line),
        "; ".join(kept),
        "public domain",
        True,
    )


def read_books(path: Path) -> list[tuple[str, str]]:
    """Return (title, text) of every book in a text file, plain or .xz, with `Title: …` lines between books.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        raw = path.read_bytes()
        text = (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode("utf-8", errors="replace")
    except (OSError, lzma.LZMAError) as e:
        raise DataError(f"{path}: cannot read this text: {e}") from None
    parts = re.split(r"^\ufeff?\s*Title: (.*)$", text, flags=re.MULTILINE)
    books = list(zip(parts[1::2], parts[2::2], strict=True)) or [(path.stem, text)]
    return [
        (title.strip(), re.sub(r"\A.*?^-{5,}$", "", body, count=1, flags=re.S | re.M))
        for title, body in books
    ]


def _read_lines(path: Path) -> Text:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        held = held_back(path.stem, rows)
        pairs = [(row["page"], clean(row["text"] or ""), i in held) for i, row in enumerate(rows)]
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise DataError(f"{path}: cannot read this line set: {e}") from None
    except KeyError as e:
        raise DataError(f"{path}: a line set needs a column {e.args[0]!r}") from None
    kept = [(page, text) for page, text, back in pairs if not back]
    pages = [" ".join(text for _, text in group) for _, group in groupby(kept, key=lambda pair: pair[0])]
    origin, licence = _source(path)
    unseen = tuple(text for _, text, back in pairs if back and text)
    return Text(path.stem, " ".join(pages), unseen, origin, licence, False)


def _source(path: Path) -> tuple[str, str]:
    """Return attribution and licence of a line set, from its part of SOURCES.md beside it."""
    about = path.with_name("SOURCES.md")
    text = about.read_text(encoding="utf-8") if about.exists() else ""
    part = re.search(rf"^### {re.escape(path.stem)}$(.*?)(?=^### |\Z)", text, re.M | re.S)
    found = dict(re.findall(r"^- ([\w ,]+): (.*)$", part[1] if part else "", re.M))
    return found.get("attribution", path.name), found.get("licence as stated", "unknown")
