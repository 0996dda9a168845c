"""What the page asks of hands: their names, a reader for each, and teaching. Tests put a simple one in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from unscrawl.image import Picture
from unscrawl.page import Box
from unscrawl.reader import Reader

__all__ = ["Hands", "Lesson", "Report"]


@dataclass(frozen=True)
class Lesson:
    """Writing in `box` of the picture (all of it where None) that reads `text`."""

    name: str
    picture: Picture
    box: Box | None
    text: str


@dataclass(frozen=True)
class Report:
    """What came of teaching: lines used, lines left out with the reason, and whether the hand was changed.

    Error rates (0 to 1) are of held-out lines; None where there were too few to tell.
    """

    used: int
    left_out: Sequence[tuple[str, str]]
    before: float | None
    after: float | None
    kept: bool


class Hands(Protocol):
    """The hands of this user."""

    def names(self) -> list[str]:
        """All hands, in alphabetical order."""

    def reader(self, hand: str | None) -> Reader:
        """The reader for a hand, the base reader for None. Raises an `UnscrawlError` for an unknown name."""

    def teach(self, hand: str, lessons: Sequence[Lesson]) -> Report:
        """Teach a hand, which is made where it does not exist."""

    def undo(self, hand: str) -> None:
        """Take back the last teaching of a hand."""

    def forget(self, hand: str) -> None:
        """Delete a hand."""
