"""What the store keeps and gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Correction", "Edit", "NewPage", "PageRow", "Reading"]


@dataclass(frozen=True)
class Edit:
    """One word's right text as a person gave it: None where nothing is written.

    `standing` is False for taking an earlier correction back; `seen` is the version the person saw, 0 for
    a word without corrections.
    """

    line: int
    word: int
    text: str | None
    seen: int = 0
    standing: bool = True


@dataclass(frozen=True)
class Correction:
    """The last correction of a word; one that was taken back is not `standing`."""

    line: int
    word: int
    version: int
    text: str | None
    standing: int
    made: float


@dataclass(frozen=True)
class NewPage:
    """An upload: the file as it came, and the upright JPEG that the browser shows of it.

    `width` and `height` are those of the upright original in pixels, the units of every box.
    """

    name: str
    layout: str
    picture: bytes
    view: bytes
    width: int
    height: int


@dataclass(frozen=True)
class PageRow:
    """A page without its picture. `hand` and `reading` are those of the last reading.

    `begins` holds the first 100 characters as they were read.
    """

    id: str
    name: str
    layout: str
    made: float
    width: int
    height: int
    hand: str | None
    reading: int
    begins: str


@dataclass(frozen=True)
class Reading:
    """The last reading of a page: `result` is `Page.export()`; corrections by (line, word)."""

    page: PageRow
    result: dict[str, Any]
    corrections: dict[tuple[int, int], Correction]

    @property
    def number(self) -> int:
        """1 for the first reading of the page."""
        return self.page.reading
