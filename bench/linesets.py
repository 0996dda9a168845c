"""The lines and pages that line readers are compared on: none trained on, unless a set's name says so."""

from __future__ import annotations

import csv
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from unscrawl.learn.lines.sources import held_back
from unscrawl.learn.lines.texts import clean

__all__ = ["POOLED", "TITLES", "Item", "Set", "fold", "load", "names"]

T = TypeVar("T")
Kind = Literal["line", "page"]
Rows = list[dict[str, Any]]

POOLED: Final = (
    "celestine_fr",
    "cremma_mss19_fr",
    "cremma_mss20_fr",
    "lectaurep_fr",
    "peraire_fr",
    "tables_decennales_fr",
    "timeus_fr",
)
"""Sets that are given pooled as well: each is small, or of few hands."""
_NAMES: Final = "labelled_dev"
TITLES: Final = {_NAMES: "names"}
"""What a set is called here, where its file's name says little."""
LINES: Final = ("stanford1905", "hooker", "copiste_fr", "poilus_fr", *POOLED)
_DEV: Final = ("dev/print", "dev/photo", "dev/page")
_PAGES: Final = ("stanford1905", "hooker", "poilus_fr")


@dataclass(frozen=True)
class Item:
    """A picture as it lies in its file, and what it says, folded."""

    name: str
    picture: bytes
    text: str


@dataclass(frozen=True)
class Set:
    """Pictures of one kind; `lines` is how many lines they show together."""

    name: str
    layout: Kind
    language: Literal["en", "fr"]
    items: tuple[Item, ...]
    lines: int


def fold(text: str) -> str:
    """Fold truth and readings alike: white space, and what training folds (kinds of quotes and dashes)."""
    return " ".join("".join(clean(c) or c for c in unicodedata.normalize("NFC", text)).split())


def names() -> list[str]:
    """Return the names of the sets, pages last: they take the most memory."""
    pages = (f"pages/{name}, {part}" for part in ("held back", "trained on") for name in _PAGES)
    return [*LINES, *TITLES.values(), *_DEV, *pages]


def load(data: Path, name: str, limit: int | None = None) -> Set:
    """Read a set, at most `limit` of its items, spread evenly over it.

    Raises:
        OSError: its files are not there.
    """
    if name.startswith("dev/"):
        return _pages(name, "page" if name == "dev/page" else "line", _labelled(data / name), limit)
    if name.startswith("pages/"):
        source, part = name.removeprefix("pages/").split(", ")
        held = _held_pages(data / "lines", source)
        here = [
            (p, t) for p, t in _labelled(data / "pages" / source) if (p.stem in held) == (part == "held back")
        ]
        return _pages(name, "page", here, limit, _language(source))
    path = data / "names" / f"{_NAMES}.tsv" if name == TITLES[_NAMES] else data / "lines" / f"{name}.tsv"
    rows = _rows(path)
    kept = [rows[i] for i in sorted(held_back(path.stem, rows))]
    with zipfile.ZipFile(path.with_suffix(".zip")) as archive:
        there = set(archive.namelist())
        usable = [row for row in kept if row["file"] in there and clean(row["text"])]
        items = [Item(r["file"], archive.read(r["file"]), fold(r["text"])) for r in _spread(usable, limit)]
    return Set(name, "line", _language(name), tuple(items), len(items))


def _pages(
    name: str,
    layout: Kind,
    pairs: Sequence[tuple[Path, Path]],
    limit: int | None,
    language: Literal["en", "fr"] = "en",
) -> Set:
    chosen = [(p, t.read_text("utf-8").strip()) for p, t in _spread(pairs, limit)]
    items = tuple(Item(p.name, p.read_bytes(), fold(text)) for p, text in chosen)
    return Set(name, layout, language, items, sum(len(text.splitlines()) for _, text in chosen))


def _spread(items: Sequence[T], limit: int | None) -> list[T]:
    """Return `limit` of the items, evenly spaced."""
    n = min(limit or len(items), len(items))
    return [items[i * len(items) // n] for i in range(n)]


def _language(name: str) -> Literal["en", "fr"]:
    return "fr" if name in TITLES.values() or name.endswith("_fr") else "en"


def _rows(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _held_pages(lines: Path, name: str) -> set[str]:
    """Names of the pages of a set none of whose lines is trained on."""
    rows = _rows(lines / f"{name}.tsv")
    held = held_back(name, rows)
    trained = {Path(row["page"]).stem for i, row in enumerate(rows) if i not in held}
    return {Path(row["page"]).stem for row in rows} - trained


def _labelled(folder: Path) -> list[tuple[Path, Path]]:
    """Pairs of X.png or X.jpg and X.txt, by name."""
    texts = sorted(folder.glob("*.txt"))
    if not texts:
        raise FileNotFoundError(f"{folder}: no pictures with their texts here")
    return [(next(p for s in (".png", ".jpg") if (p := t.with_suffix(s)).is_file()), t) for t in texts]
