"""What the page asks of hands: their names, a reader for each, and teaching. Tests put simple ones in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from unscrawl.image import Picture
from unscrawl.page import Box
from unscrawl.reader import Reader

__all__ = ["Hands", "Holding", "Lesson", "Report"]


@dataclass(frozen=True)
class Lesson:
    """Writing in `box` of the picture (its first line where None) that reads `text`.

    `layout` is what the picture shows, `name` is for messages. `glyphs` says where the characters are of the
    words that a person has looked at, as far as that is known.
    """

    name: str
    picture: Picture
    box: Box | None
    text: str
    layout: str = "page"
    glyphs: tuple[tuple[Box, str], ...] = ()


@dataclass(frozen=True)
class Report:
    """What came of teaching: lines used, lines left out with the reason, and whether the hand was changed.

    Error rates (0 to 1) are of held-out lines; None where there were too few to tell, or where lines are read
    as before.
    """

    used: int
    left_out: Sequence[tuple[str, str]]
    before: float | None
    after: float | None
    kept: bool


@dataclass(frozen=True)
class Holding:
    """What a hand holds: how many lines and characters, and whether they are symbols of the user's own.

    `useful` says that it reads otherwise than the base; error rates are as in `Report`.
    """

    name: str
    lines: int
    characters: int
    own_alphabet: bool
    useful: bool
    before: float | None
    after: float | None


class Hands(Protocol):
    """The hands of this user."""

    def names(self) -> list[str]:
        """All hands, in alphabetical order."""

    def reader(self, hand: str | None) -> Reader:
        """The reader for a hand, the base reader for None. Raises an `UnscrawlError` for an unknown name."""

    def teach(self, hand: str, lessons: Sequence[Lesson]) -> Report:
        """Teach a hand, which is made where it does not exist."""

    def thoroughly(self, hand: str, watch: Callable[[float], None]) -> Report:
        """Teach a hand once more all that it keeps, for minutes, while other threads use the other methods.

        `watch` is told the share that is done, now and then; what it raises stops the work, and the hand
        stays as it was.
        """

    def undo(self, hand: str) -> None:
        """Take back the last teaching of a hand."""

    def forget(self, hand: str) -> None:
        """Delete a hand."""

    def about(self, hand: str) -> Holding:
        """Say what a hand holds."""

    def file(self, hand: str) -> bytes:
        """Return a hand as the bytes of a file."""

    def take(self, data: bytes, source: str, name: str | None) -> Holding:
        """Keep the hand in a file's bytes under `name` or its own; `source` names the file in messages."""
