"""Reads, re-reads and teaches for the browser; the pages looked at last need not be looked at again."""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar, cast

import numpy as np
from PIL import Image

from unscrawl.image import Picture, load
from unscrawl.page import Page
from unscrawl.reader import Classified, Layout
from unscrawl.seen import Seen, SeenGlyph
from unscrawl.web.carry import carry, changes
from unscrawl.web.document import vouched
from unscrawl.web.lessons import Hands, Lesson, Report
from unscrawl.web.records import Edit, NewPage, PageRow, Reading
from unscrawl.web.refused import RefusedError
from unscrawl.web.store import Store
from unscrawl.web.thorough import Thorough

__all__ = ["Desk", "Reread", "Worker"]

P = ParamSpec("P")
T = TypeVar("T")

_KEPT: Final = 4  # pages that need not be looked at again
_BYTES: Final = 160 << 20  # of all of them together, if they are more than one; 12 megapixels take about 45
_VIEW: Final = 2000  # longer side of what the browser shows, in pixels


@dataclass(frozen=True)
class Reread:
    """What a new reading changed: words, corrections that it saved of those that mattered, and lost texts."""

    differ: list[dict[str, Any]]
    saved: int
    wrong: int
    homeless: list[str]
    report: Report | None = None


class Worker:
    """One thread for what takes long, so that the server always answers; only so many may queue for it."""

    def __init__(self, waiting: int = 8) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._waiting = waiting
        self._queued: set[Future[Any]] = set()

    async def __call__(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Do `work` in the thread and return its result; give up waiting when cancelled.

        Raises:
            RefusedError: too many are waiting already (503).
        """
        if len(self._queued) >= self._waiting:
            raise RefusedError(503, "busy with other pages: try again in a moment")
        future = self._pool.submit(work, *args, **options)
        self._queued.add(future)
        future.add_done_callback(self._queued.discard)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Finish what is being done and drop what waits."""
        self._pool.shutdown(cancel_futures=True)


class Desk:
    """Everything about pages that takes a while. One thread at a time may use it.

    Args:
        store: keeps the pages.
        hands: reads and learns.
    """

    def __init__(self, store: Store, hands: Hands) -> None:
        self.store = store
        self.hands = hands
        self.thorough = Thorough(hands)
        self._seen: OrderedDict[str, Seen | SeenGlyph] = OrderedDict()

    def read(self, data: bytes, name: str, layout: Layout, hand: str | None) -> Page:
        """Read an uploaded file and keep nothing."""
        return self.hands.reader(hand).read(load(data, name), layout=layout)

    def classify(self, data: bytes, name: str, alphabet: str) -> Classified:
        """Read an uploaded picture of one character."""
        return self.hands.reader(None).classify(load(data, name), alphabet=alphabet)

    def add(self, data: bytes, name: str, layout: Layout, hand: str | None) -> Reading:
        """Read an uploaded file and keep the page, upright even where the photograph is not."""
        reader = self.hands.reader(hand)
        seen = reader.look(load(data, name), layout=layout)
        if seen.quarters:
            upright = Picture(np.ascontiguousarray(np.rot90(seen.picture.rgb, seen.quarters)), name)
            data, seen = _jpeg(Image.fromarray(upright.rgb), 95), reader.look(upright, layout=layout)
        height, width = seen.picture.rgb.shape[:2]
        new = NewPage(name, layout, data, _view(seen.picture), width, height)
        key = self.store.add_page(new, hand, reader.tell(seen).export())
        self._remember(key, seen)
        return self.store.reading(key)

    def reread(self, key: str, hand: str | None, seen: int) -> tuple[Reading, Reread]:
        """Read a page again, say with another hand; its corrections go with it."""
        reader = self.hands.reader(hand)
        result = reader.tell(self._look(self.store.reading(key).page)).export()
        told: list[Reread] = []

        def take_over(last: Reading) -> list[Edit]:
            edits, homeless = carry(last, result)
            told.append(Reread(*changes(last, result), homeless))
            return edits

        self.store.add_reading(key, seen, hand, result, take_over)
        return self.store.reading(key), told[0]

    def learn(self, key: str, hand: str) -> tuple[Reading, Reread]:
        """Teach `hand` what was corrected on a page, and read the page again with it.

        Raises:
            RefusedError: nothing was corrected or confirmed yet (422), or the hand is being taught (409).
        """
        self.thorough.check(hand)
        last = self.store.reading(key)
        parts = vouched(last)
        if not parts:
            raise RefusedError(422, "there is nothing to learn from yet: correct or confirm some words first")
        picture = self._look(last.page).picture
        lessons = [
            Lesson(part.text, picture, part.box, part.text, last.page.layout, part.glyphs) for part in parts
        ]
        report = self.hands.teach(hand, lessons)
        reading, told = self.reread(key, hand if report.kept else last.page.hand, last.number)
        return reading, Reread(told.differ, told.saved, told.wrong, told.homeless, report)

    def teach(self, hand: str, data: bytes, name: str, text: str) -> Report:
        """Teach `hand` one uploaded picture of a line."""
        self.thorough.check(hand)
        return self.hands.teach(hand, [Lesson(name, load(data, name), None, text, "line")])

    def undo_hand(self, hand: str) -> None:
        """Take back the last teaching of a hand."""
        self.thorough.check(hand)
        self.hands.undo(hand)

    def forget_hand(self, hand: str) -> None:
        """Delete a hand."""
        self.thorough.check(hand)
        self.hands.forget(hand)

    def forget(self, key: str) -> None:
        """Delete a page."""
        self.store.forget(key)
        self._seen.pop(key, None)

    def _look(self, page: PageRow) -> Seen | SeenGlyph:
        """Look at a page, or remember what was seen."""
        seen = self._seen.get(page.id)
        if seen is None:
            picture = load(self.store.picture(page.id), page.name)
            seen = self.hands.reader(None).look(picture, layout=cast(Layout, page.layout))
        self._remember(page.id, seen)
        return seen

    def _remember(self, key: str, seen: Seen | SeenGlyph) -> None:
        self._seen[key] = seen
        self._seen.move_to_end(key)
        while len(self._seen) > 1 and (
            len(self._seen) > _KEPT or sum(one.nbytes for one in self._seen.values()) > _BYTES
        ):
            self._seen.popitem(last=False)


def _view(picture: Picture) -> bytes:
    """Make the JPEG that every browser can show, whatever was uploaded."""
    image = Image.fromarray(picture.rgb)
    image.thumbnail((_VIEW, _VIEW), Image.Resampling.BOX, reducing_gap=None)
    return _jpeg(image, 85)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
