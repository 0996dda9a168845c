"""What the page asks of hands: their names, a reader for each, and teaching. Tests put simple ones in."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from unscrawl import shelf
from unscrawl.glyph import prepare
from unscrawl.hand import Character, Hand, Sample
from unscrawl.image import MIN_SIDE, Picture
from unscrawl.ink import extract
from unscrawl.page import Box
from unscrawl.reader import Reader
from unscrawl.teach import teach
from unscrawl.teach.writing import Part, Writing

__all__ = ["Hands", "Lesson", "OwnHands", "Report"]

_SURE: Final = 0.9  # odds of a cut between two characters that stand apart
_APART: Final = (0.75, 1.25)  # such cuts a character in writing whose characters stand apart


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


class OwnHands:
    """The hands in the user's data folder, all read with one set of networks.

    Threads may share it, but for `teach`, which one may use at a time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._base: Reader | None = None
        self._taught: tuple[tuple[str, int], Reader] | None = None  # the hand read last, and its state
        self._written: tuple[Picture, Writing] | None = None

    def names(self) -> list[str]:
        return Hand.names()

    def reader(self, hand: str | None) -> Reader:
        with self._lock:
            if self._base is None:
                self._base = Reader()
            if hand is None:
                return self._base
            now = (hand, max(shelf.states(hand), default=0))
            if self._taught is None or self._taught[0] != now:
                self._taught = now, self._base.with_hand(hand)
            return self._taught[1]

    def teach(self, hand: str, lessons: Sequence[Lesson]) -> Report:
        base = self.reader(None)
        samples: list[Sample] = []
        characters: list[Character] = []
        left_out: list[tuple[str, str]] = []
        for lesson in lessons:
            part = self._part(lesson)
            if part is None:
                left_out.append((lesson.name, "nothing written was found there"))
                continue
            samples.append(Sample(part.strip, lesson.text, lesson.name))
            if _stands_apart(part, lesson.text):
                characters += _characters(lesson)
        told = teach(hand, samples, characters, recogniser=base.line_recogniser, glyphs=base.recogniser)
        left_out += told.left_out
        return Report(told.lines_used, left_out, told.cer_before, told.cer_after, told.kept)

    def undo(self, hand: str) -> None:
        Hand.undo(hand)

    def forget(self, hand: str) -> None:
        Hand.forget(hand)

    def _part(self, lesson: Lesson) -> Part | None:
        """Find the ink of a lesson; the lines of the last picture are kept, as most lessons share one."""
        if self._written is None or self._written[0] is not lesson.picture:
            self._written = lesson.picture, Writing(lesson.picture, lesson.layout)
        writing = self._written[1]
        if lesson.box is not None:
            return writing.at(lesson.box)
        return writing.lines[0] if writing.lines else None


def _stands_apart(part: Part, text: str) -> bool:
    """Tell whether there are about as many separate pieces as characters: then their boxes can be trusted."""
    low, high = _APART
    count = len(text.replace(" ", ""))
    return low * count <= int((part.ink.cuts > _SURE).sum()) <= high * count


def _characters(lesson: Lesson) -> Iterator[Character]:
    """Cut out the characters of a lesson and prepare them as the network takes them."""
    for (x, y, width, height), label in lesson.glyphs:
        if min(width, height) < MIN_SIDE:
            continue
        cut = np.ascontiguousarray(lesson.picture.rgb[y : y + height, x : x + width])
        picture = prepare(extract(Picture(cut, lesson.name), layout="glyph").strength)
        if picture.any():
            yield Character(picture, label, lesson.name)
