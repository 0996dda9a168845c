"""A site whose hands learn by heart and whose reader makes mistakes to order: quick, the same every time."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from unscrawl.errors import OptionError
from unscrawl.image import Picture, load
from unscrawl.page import Box, Glyph, Line, Page, Word
from unscrawl.reader import Classified
from unscrawl.web.app import create_app
from unscrawl.web.lessons import Holding, Lesson, Report
from unscrawl.web.limits import HEADER
from unscrawl.web.refused import RefusedError
from unscrawl.web.store import Store

WRITTEN = ("my frlend Andrew", "sent rne this", "lettcr today")
"""What the reader takes the page for: three words are wrong."""
SLIPS = {"frlend": "friend", "rne": "me", "lettcr": "letter"}
DOUBT = {"l": 0.4, "r": 0.5, "c": 0.3}  # confidence of letters in words that are wrong


@dataclass(frozen=True)
class FakeSeen:
    """A picture that was looked at."""

    picture: Picture
    quarters: int = 0

    @property
    def nbytes(self) -> int:
        return self.picture.rgb.nbytes


@dataclass
class FakeReader:
    """Reads the same three lines in every picture, but for the words it was taught; counts its looks."""

    known: dict[str, str] = field(default_factory=dict)
    looks: list[str] = field(default_factory=list)
    lines: Sequence[str] = WRITTEN

    def read(self, source: Any, *, layout: str = "page", name: str | None = None) -> Page:
        return self.tell(self.look(source, layout=layout, name=name))

    def look(self, source: Any, *, layout: str = "page", name: str | None = None) -> FakeSeen:
        picture = source if isinstance(source, Picture) else load(source, name)
        self.looks.append(picture.source)
        return FakeSeen(picture)

    def tell(self, seen: FakeSeen) -> Page:
        lines = [Line.of(self._words(line, 20 + 60 * i)) for i, line in enumerate(self.lines)]
        return Page(seen.picture.source, tuple(lines), seen.picture)

    def classify(self, source: Any, *, alphabet: str = "all", name: str | None = None) -> Classified:
        picture = source if isinstance(source, Picture) else load(source, name)
        seen = np.full((28, 28), 0 if picture.rgb.min() > 250 else 200, np.uint8)
        ranked = (("4", 0.9), ("9", 0.06), ("A", 0.02), ("7", 0.01), ("y", 0.01))
        return Classified(picture.source, "4", 0.9, ranked, seen, picture=picture)

    def _words(self, line: str, y: int) -> Iterator[Word]:
        x = 20
        for read in line.split():
            word = self.known.get(read, read)
            yield Word.of(self._glyphs(word, x, y, wrong=word in SLIPS))
            x += 24 * len(read) + 20

    def _glyphs(self, word: str, x: int, y: int, wrong: bool) -> Iterator[Glyph]:
        for i, c in enumerate(word):
            p = DOUBT.get(c, 0.95) if wrong else 0.95
            others = tuple((other, (1 - p) / 4) for other in "eaoi" if other != c)
            yield Glyph.of(c, ((c, p), *others), Box(x + 24 * i, y, 22, 40))


@dataclass
class FakeHands:
    """Learns whole words by heart; `seen` holds all lessons, `looks` the pictures that were looked at.

    Taught thoroughly, for so many `seconds`, a hand knows every slip, unless there is `trouble` at the end.
    """

    taught: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: list[Lesson] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    useful: bool = True
    lines: Sequence[str] = WRITTEN
    seconds: float = 0.0
    trouble: Exception | None = None

    def names(self) -> list[str]:
        return sorted(self.taught)

    def reader(self, hand: str | None) -> Any:
        if hand is not None and hand not in self.taught:
            raise OptionError(f"there is no hand {hand!r}")
        return FakeReader(dict(self.taught[hand]) if hand else {}, self.looks, self.lines)

    def teach(self, hand: str, lessons: Sequence[Lesson]) -> Report:
        self.seen += lessons
        right = {word for lesson in lessons for word in lesson.text.split()}
        if self.useful:
            known = {slip: word for slip, word in SLIPS.items() if word in right}
            self.taught[hand] = self.taught.get(hand, {}) | known
        return Report(len(lessons), [("line 9", "too short")], 0.2, 0.1, kept=self.useful)

    def thoroughly(self, hand: str, watch: Callable[[float], None]) -> Report:
        self.reader(hand)
        began = time.monotonic()
        while (spent := time.monotonic() - began) < self.seconds:
            watch(spent / self.seconds)
            time.sleep(0.02)
        if self.trouble:
            raise self.trouble
        watch(1.0)
        if self.useful:
            self.taught[hand] = self.taught[hand] | SLIPS
        return Report(len(self.taught[hand]), [], 0.2, 0.1, kept=self.useful)

    def undo(self, hand: str) -> None:
        self.reader(hand)
        self.taught[hand] = {}

    def forget(self, hand: str) -> None:
        self.reader(hand)
        del self.taught[hand]

    def about(self, hand: str) -> Holding:
        self.reader(hand)
        return Holding(
            hand, len(self.taught[hand]), 0, own_alphabet=False, useful=True, before=0.2, after=0.1
        )

    def file(self, hand: str) -> bytes:
        self.reader(hand)
        return json.dumps([hand, self.taught[hand]]).encode()

    def take(self, data: bytes, source: str, name: str | None) -> Holding:
        try:
            own, known = json.loads(data)
        except (ValueError, TypeError):
            raise RefusedError(422, f"{source} is not the file of a hand, or is damaged") from None
        if (name or own) in self.taught:
            raise RefusedError(409, f"there is a hand called {name or own!r} already: use another name")
        self.taught[name or own] = dict(known)
        return self.about(name or own)


def picture(width: int = 600, height: int = 240, form: str = "PNG") -> bytes:
    """A white picture as a file."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, form)
    return file.getvalue()


WRITE = {HEADER: "test"}
"""The header of writing requests."""


@dataclass
class Site:
    """The API with simple hands."""

    client: TestClient
    store: Store
    hands: FakeHands

    def upload(self) -> dict[str, Any]:
        """Add a page and return it."""
        answer = self.client.post("/api/pages", files={"picture": ("letter.png", picture())})
        assert answer.status_code == 201
        return dict(answer.json())

    def correct(self, page: str, place: str, text: str | None, version: int = 0, reading: int = 1) -> Any:
        """Correct the word at `place`, "LINE WORD"."""
        line, word = place.split()
        right = {"reading": reading, "version": version, "text": text}
        return self.client.put(f"/api/pages/{page}/lines/{line}/words/{word}", json=right)

    def page(self, page: str) -> dict[str, Any]:
        """Return a page as it stands."""
        return dict(self.client.get(f"/api/pages/{page}").json())


@contextmanager
def serve(path: Path, **options: Any) -> Iterator[Site]:
    """Open a site on the file `path`; further options are those of `create_app`."""
    store, hands = Store(path), FakeHands()
    app = create_app(store, hands, **options)
    with TestClient(app, base_url="http://localhost", headers=WRITE) as client:
        yield Site(client, store, hands)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An empty site."""
    with serve(tmp_path / "pages.sqlite") as opened:
        yield opened
