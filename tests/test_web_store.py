"""Pages and corrections on the disk: nothing is lost, nobody overwrites anybody unawares."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from unscrawl.errors import OutputError
from unscrawl.web.records import Edit, NewPage
from unscrawl.web.refused import RefusedError
from unscrawl.web.store import Store

PAGE = NewPage("a.png", "page", b"picture", b"view", 40, 30)
RESULT: dict[str, Any] = {"source": "a.png", "text": "one two", "confidence": 0.5, "lines": []}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "data" / "pages.sqlite")) as opened:
        yield opened


def keep(last: Any) -> list[Edit]:
    return [Edit(c.line, c.word, c.text) for c in last.corrections.values() if c.standing]


def test_page_comes_back_as_it_was_kept(store: Store) -> None:
    key = store.add_page(PAGE, "andrew", RESULT)
    last = store.reading(key)
    assert (last.result, last.page.hand, last.number) == (RESULT, "andrew", 1)
    assert (store.picture(key), store.view(key)) == (b"picture", b"view")


def test_pages_are_listed_newest_first(store: Store) -> None:
    keys = [store.add_page(PAGE, None, RESULT) for _ in range(3)]
    assert [row.id for row in store.pages()] == keys[::-1]


def test_last_version_of_a_word_stands_and_all_are_remembered(store: Store) -> None:
    key = store.add_page(PAGE, None, RESULT)
    store.correct(key, 1, [Edit(0, 1, "tow", 0)])
    store.correct(key, 1, [Edit(0, 1, "two", 1)])
    assert store.reading(key).corrections[0, 1].text == "two"
    assert [c.text for _, c in store.history(key)] == ["tow", "two"]


def test_writer_who_saw_an_old_version_is_refused(store: Store) -> None:
    key = store.add_page(PAGE, None, RESULT)
    store.correct(key, 1, [Edit(0, 0, "mine", 0)])
    with pytest.raises(RefusedError, match="another window") as refused:
        store.correct(key, 1, [Edit(0, 1, "other", 0), Edit(0, 0, "yours", 0)])
    assert refused.value.status == 409
    assert {place: c.text for place, c in store.reading(key).corrections.items()} == {(0, 0): "mine"}


def test_two_writers_of_different_words_both_succeed(store: Store) -> None:
    key = store.add_page(PAGE, None, RESULT)
    with closing(Store(store.path)) as other:
        threads = [
            threading.Thread(target=one.correct, args=(key, 1, [Edit(line, word, "x")]))
            for line, one in enumerate([store, other])
            for word in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(store.reading(key).corrections) == 20


def test_new_reading_takes_corrections_made_meanwhile(store: Store) -> None:
    key = store.add_page(PAGE, None, RESULT)
    store.correct(key, 1, [Edit(0, 0, "late", 0)])
    store.add_reading(key, 1, "andrew", RESULT, keep)
    last = store.reading(key)
    assert (last.number, last.corrections[0, 0].text) == (2, "late")


def test_second_reading_of_the_same_one_is_refused(store: Store) -> None:
    key = store.add_page(PAGE, None, RESULT)
    store.add_reading(key, 1, None, RESULT, keep)
    with pytest.raises(RefusedError, match="read again in another window"):
        store.add_reading(key, 1, None, RESULT, keep)
    with pytest.raises(RefusedError, match="read again in another window"):
        store.correct(key, 1, [Edit(0, 0, "x")])


def test_forgotten_page_is_gone_with_its_corrections(store: Store) -> None:
    key = store.add_page(PAGE, None, RESULT)
    store.correct(key, 1, [Edit(0, 0, "x")])
    store.forget(key)
    with pytest.raises(RefusedError, match="no such page"):
        store.reading(key)
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT count(*) FROM corrections").fetchone() == (0,)


def test_killed_process_loses_nothing_it_has_answered_for(tmp_path: Path) -> None:
    path = tmp_path / "pages.sqlite"
    program = """
import os, signal, sys
from pathlib import Path
from unscrawl.web.records import Edit, NewPage
from unscrawl.web.store import Store
store = Store(Path(sys.argv[1]))
key = store.add_page(NewPage("a", "page", b"", b"", 1, 1), None, {"text": "", "lines": []})
for word in range(50):
    store.correct(key, 1, [Edit(0, word, str(word))])
os.kill(os.getpid(), signal.SIGKILL)
"""
    ran = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True)
    assert ran.returncode == -9, ran.stderr
    with closing(Store(path)) as store:
        (row,) = store.pages()
        assert len(store.reading(row.id).corrections) == 50


def test_full_disk_is_one_clear_line_and_loses_nothing(store: Store) -> None:
    key = store.add_page(PAGE, None, RESULT)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages}")
    large = NewPage("b.png", "page", b"x" * 100_000, b"", 1, 1)
    with pytest.raises(OutputError, match=r"pages.sqlite: .*full.*nothing before this was lost"):
        store.add_page(large, None, RESULT)
    assert [row.id for row in store.pages()] == [key]


def test_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pages.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(OutputError, match=r"pages.sqlite: .*not a database"):
        Store(path)
    assert path.read_bytes() == b"this is no database" * 100


def test_file_of_a_later_version_is_left_alone(store: Store) -> None:
    store._db.execute("PRAGMA user_version=99")
    with pytest.raises(OutputError, match="later unscrawl"):
        Store(store.path)


@pytest.mark.parametrize("version", [0, 1, 77])
def test_file_of_another_program_is_left_as_it_is(tmp_path: Path, version: int) -> None:
    path = tmp_path / "foreign.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE letters (text)")
        db.execute(f"PRAGMA user_version={version}")
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"foreign\.db is another program's: name another file"):
        Store(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_file_is_for_its_owner_only(store: Store) -> None:
    assert store.path.stat().st_mode & 0o077 == 0
