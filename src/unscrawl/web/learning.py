"""The user's own hands behind the web page: a reader for each, teaching, and files to take them along."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from unscrawl import shelf
from unscrawl.errors import ModelError
from unscrawl.glyph import prepare
from unscrawl.hand import Character, Hand, Sample
from unscrawl.image import MIN_SIDE, Picture
from unscrawl.ink import extract
from unscrawl.reader import Reader
from unscrawl.teach import again, teach
from unscrawl.teach.writing import Part, Writing
from unscrawl.web.lessons import Holding, Lesson, Report
from unscrawl.web.refused import RefusedError

__all__ = ["OwnHands"]

_LARGEST: Final = 4 << 20  # bytes of a hand's file; teaching keeps them below 1 MB
_SURE: Final = 0.9  # odds of a cut between two characters that stand apart
_APART: Final = (0.75, 1.25)  # such cuts a character in writing whose characters stand apart


class OwnHands:
    """The hands in the user's data folder, all read with one set of networks.

    Threads may share it, but for `teach`, which one may use at a time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._base: Reader | None = None
        self._taught: tuple[tuple[str, int, int], Reader] | None = None  # the hand read last, and its state
        self._written: tuple[Picture, Writing] | None = None

    def names(self) -> list[str]:
        return Hand.names()

    def reader(self, hand: str | None) -> Reader:
        with self._lock:
            if self._base is None:
                self._base = Reader()
            if hand is None:
                return self._base
            now = _state(hand)  # before it is loaded: it may be taught meanwhile
            if self._taught is None or self._taught[0] != now:
                known = self._fitting(Hand.load(hand), self._base)
                self._taught = now, self._base.with_hand(known)
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
        return Report(told.lines_used, left_out, *_rates(told.hand), told.kept)

    def thoroughly(self, hand: str, watch: Callable[[float], None]) -> Report:
        self.reader(hand)  # fits the networks then: readers need not teach it meanwhile, and so not wait
        base = self.reader(None)
        told = again(
            hand, recogniser=base.line_recogniser, glyphs=base.recogniser, watch=watch, thorough=True
        )
        return Report(len(told.hand.lines), told.left_out, *_rates(told.hand), told.kept)

    def undo(self, hand: str) -> None:
        Hand.undo(hand)

    def forget(self, hand: str) -> None:
        Hand.forget(hand)

    def about(self, hand: str) -> Holding:
        return _holding(Hand.load(hand))

    def file(self, hand: str) -> bytes:
        return Hand.load(hand).to_bytes()

    def take(self, data: bytes, source: str, name: str | None) -> Holding:
        if len(data) > _LARGEST:
            raise RefusedError(413, f"{source} is no hand: it is far too large")
        try:
            hand = Hand.from_bytes(data, source)
        except ModelError as error:  # the client's fault here
            raise RefusedError(422, str(error)) from None
        name = shelf.check_name(name or hand.name)
        _check_free(name)  # at once: a hand that is being taught is locked for minutes
        with shelf.locked(name):
            _check_free(name)
            return _holding(replace(hand, name=name).save())

    def _fitting(self, hand: Hand, base: Reader) -> Hand:
        """Return the hand, taught once more from what it keeps where it was taught on other networks."""
        if base.fits(hand):
            return hand
        return again(hand.name, recogniser=base.line_recogniser, glyphs=base.recogniser).hand

    def _part(self, lesson: Lesson) -> Part | None:
        """Find the ink of a lesson; the lines of the last picture are kept, as most lessons share one."""
        if self._written is None or self._written[0] is not lesson.picture:
            self._written = lesson.picture, Writing(lesson.picture, lesson.layout)
        writing = self._written[1]
        if lesson.box is not None:
            return writing.at(lesson.box)
        return writing.lines[0] if writing.lines else None


def _state(hand: str) -> tuple[str, int, int]:
    """Return what tells the hand's last state from others: one that was taken back may leave its number."""
    last = max(shelf.states(hand), default=0)
    try:
        return hand, last, shelf.path(hand, last).stat().st_mtime_ns
    except OSError:
        return hand, last, 0


def _check_free(name: str) -> None:
    if shelf.states(name):
        raise RefusedError(409, f"there is a hand called {name!r} already: use another name")


def _holding(hand: Hand) -> Holding:
    useful = hand.line is not None or hand.glyph is not None
    held = hand.name, len(hand.lines), len(hand.characters), hand.own_alphabet
    return Holding(*held, useful, *_rates(hand))


def _rates(hand: Hand) -> tuple[float | None, float | None]:
    """Return the error rates before and after; none where lines are read as before: they would be worse."""
    if hand.line is None:
        return None, None
    return hand.figures.get("cer_before"), hand.figures.get("cer_after")


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
