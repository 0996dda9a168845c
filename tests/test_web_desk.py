"""Pages that were looked at need not be looked at again, as far as memory goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from unscrawl.web import desk as desks
from unscrawl.web.desk import Desk
from unscrawl.web.store import Store
from web_fake import FakeHands, picture


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = Store(tmp_path / "pages.sqlite")
    yield Desk(store, FakeHands())
    store.close()


def add(desk: Desk, name: str) -> str:
    return desk.add(picture(), name, "page", None).page.id


def looks(desk: Desk) -> list[str]:
    assert isinstance(desk.hands, FakeHands)
    return desk.hands.looks


def test_page_is_looked_at_once_however_often_it_is_read(desk: Desk) -> None:
    key = add(desk, "a.png")
    for seen in (1, 2, 3):
        desk.reread(key, None, seen)
    assert looks(desk) == ["a.png"]


def test_page_that_was_not_shown_for_long_is_looked_at_again(desk: Desk) -> None:
    first = add(desk, "first.png")
    for i in range(4):
        add(desk, f"{i}.png")
    desk.reread(first, None, 1)
    assert looks(desk)[5:] == ["first.png"]


def test_memory_is_bounded_but_one_page_is_always_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "_BYTES", 1)
    first, second = add(desk, "a.png"), add(desk, "b.png")
    desk.reread(second, None, 1)
    desk.reread(first, None, 1)
    assert looks(desk) == ["a.png", "b.png", "a.png"]


def test_deleted_page_is_not_kept_in_memory(desk: Desk) -> None:
    desk.forget(add(desk, "a.png"))
    assert not desk._seen
