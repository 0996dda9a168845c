"""What the web page keeps: pages, what was read in them, and every correction ever made, in one SQLite file.

A reading is never changed: reading a page again adds one. Corrections are rows that are only ever added,
keyed by page, reading, line, word and version; the highest version of a word stands. Who writes says which
version was seen, so two windows cannot overwrite each other unawares (optimistic locking).

SQLite's write-ahead log with `synchronous=FULL`: a correction is a person's work, so the answer is given
once it is on the disk, and neither a killed process nor a power cut takes it away.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import platformdirs

from unscrawl.errors import OutputError
from unscrawl.web.records import Correction, Edit, NewPage, PageRow, Reading
from unscrawl.web.refused import RefusedError

__all__ = ["Store", "default_path"]

_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE pages (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, layout TEXT NOT NULL, made REAL NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, view BLOB NOT NULL, picture BLOB NOT NULL
) STRICT;
CREATE TABLE readings (
    page TEXT NOT NULL REFERENCES pages ON DELETE CASCADE, number INTEGER NOT NULL,
    made REAL NOT NULL, hand TEXT, result TEXT NOT NULL, PRIMARY KEY (page, number)
) STRICT;
CREATE TABLE corrections (
    page TEXT NOT NULL, reading INTEGER NOT NULL, line INTEGER NOT NULL, word INTEGER NOT NULL,
    version INTEGER NOT NULL, made REAL NOT NULL, text TEXT, standing INTEGER NOT NULL,
    PRIMARY KEY (page, reading, line, word, version),
    FOREIGN KEY (page, reading) REFERENCES readings ON DELETE CASCADE
) STRICT;
"""
_OWN: Final = frozenset({"pages", "readings", "corrections"})
_TABLES: Final = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
)
_PAGE: Final = "p.id, p.name, p.layout, p.made, p.width, p.height, r.hand, r.number"
_BEGINS: Final = 100  # characters
_LAST: Final = """
FROM pages AS p JOIN readings AS r ON r.page = p.id
WHERE r.number = (SELECT max(number) FROM readings WHERE page = p.id)
"""
_COLUMNS: Final = "line, word, version, text, standing, made"
_LATEST: Final = f"""
SELECT {_COLUMNS} FROM corrections AS c
WHERE page = ? AND reading = ?
    AND version = (SELECT max(version) FROM corrections WHERE page = c.page AND reading = c.reading
                   AND line = c.line AND word = c.word)
"""
_WAIT: Final = 10.0  # seconds that a write waits for another process


def default_path() -> Path:
    """Return where pages are kept: `UNSCRAWL_PAGES`, or pages.sqlite in the platform's folder for such."""
    own = os.environ.get("UNSCRAWL_PAGES")
    return Path(own) if own else platformdirs.user_data_path("unscrawl", appauthor=False) / "pages.sqlite"


class Store:
    """The file with everything. Threads and processes may share it; each call is one transaction.

    Raises:
        OutputError: the file cannot be made, is damaged, or was made by a later version or another program;
            also from every call that writes, when the disk is full: then nothing of that call is kept, and
            all before is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)  # letters are nobody else's business
            self._db = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
            self._check()
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self._db.execute(f"PRAGMA {pragma}")
        self._prepare()

    def _check(self) -> None:
        """Refuse another program's file before anything in it is changed."""
        self._db.execute("BEGIN")  # so that both are of one moment: another process may be making the tables
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        tables = {name for (name,) in self._db.execute(_TABLES)}
        self._db.execute("COMMIT")
        wrong = None
        if version > _VERSION and tables & _OWN:
            wrong = "was made by a later unscrawl: update it, or name another file"
        elif not tables >= _OWN if version else tables:
            wrong = "is another program's: name another file"
        if wrong:
            self._db.close()
            raise OutputError(f"{self.path} {wrong}")

    def _prepare(self) -> None:
        with self._transaction() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={_VERSION}")

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        self._db.close()

    def add_page(self, page: NewPage, hand: str | None, result: dict[str, Any]) -> str:
        """Keep a page with its first reading; return its id, which nobody can guess."""
        key = secrets.token_urlsafe(12)
        with self._transaction() as db:
            row = (key, page.name, page.layout, time.time(), page.width, page.height, page.view, page.picture)
            db.execute("INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            self._add_reading(db, key, 1, hand, result)
        return key

    def pages(self) -> list[PageRow]:
        """Return all pages, the newest first."""
        begins = f"substr(json_extract(r.result, '$.text'), 1, {_BEGINS})"
        with self._transaction() as db:
            rows = db.execute(f"SELECT {_PAGE}, {begins} {_LAST} ORDER BY p.made DESC")
            return [PageRow(*row) for row in rows]

    def picture(self, page: str) -> bytes:
        """Return the file as it was uploaded; `RefusedError` (404) where there is no such page."""
        return self._blob("picture", page)

    def view(self, page: str) -> bytes:
        """Return the upright JPEG for the browser; `RefusedError` (404) where there is no such page."""
        return self._blob("view", page)

    def reading(self, page: str) -> Reading:
        """Return the last reading of a page with its corrections; `RefusedError` (404): no such page."""
        with self._transaction() as db:
            return self._last(db, page)

    def add_reading(
        self,
        page: str,
        seen: int,
        hand: str | None,
        result: dict[str, Any],
        carry: Callable[[Reading], Iterable[Edit]],
    ) -> None:
        """Add the reading that follows reading `seen`, with the corrections that `carry` takes over.

        `carry` is given all corrections up to this moment, also those made while the page was being read.

        Raises:
            RefusedError: the page is gone (404), or another window has had it read in between (409).
        """
        with self._transaction() as db:
            last = self._last(db, page)
            _same_reading(last.number, seen)
            self._add_reading(db, page, seen + 1, hand, result)
            self._write(db, page, seen + 1, {}, carry(last))

    def correct(self, page: str, seen: int, edits: Iterable[Edit]) -> None:
        """Keep corrections of reading `seen`: all of them, or none.

        Raises:
            RefusedError: no such page (404), or something else was written since the person looked (409).
        """
        with self._transaction() as db:
            _same_reading(self._number(db, page), seen)
            self._write(db, page, seen, self._corrections(db, page, seen), edits)

    def history(self, page: str) -> list[tuple[int, Correction]]:
        """Return (reading, correction) for every correction ever made on a page, the oldest first."""
        query = f"SELECT reading, {_COLUMNS} FROM corrections WHERE page = ? ORDER BY rowid"
        with self._transaction() as db:
            self._number(db, page)
            return [(number, Correction(*row)) for number, *row in db.execute(query, (page,))]

    def forget(self, page: str) -> None:
        """Delete a page with its readings and corrections; `RefusedError` (404) where there is none."""
        with self._transaction() as db:
            if not db.execute("DELETE FROM pages WHERE id = ?", (page,)).rowcount:
                raise _no_page()

    def _blob(self, column: str, page: str) -> bytes:
        with self._transaction() as db:
            row = db.execute(f"SELECT {column} FROM pages WHERE id = ?", (page,)).fetchone()
        if row is None:
            raise _no_page()
        return bytes(row[0])

    def _last(self, db: sqlite3.Connection, page: str) -> Reading:
        row = db.execute(f"SELECT {_PAGE}, r.result {_LAST} AND p.id = ?", (page,)).fetchone()
        if row is None:
            raise _no_page()
        *facts, text = row
        result = json.loads(text)
        found = PageRow(*(*facts, result["text"][:_BEGINS]))
        return Reading(found, result, self._corrections(db, page, found.reading))

    def _number(self, db: sqlite3.Connection, page: str) -> int:
        """Return the number of the last reading."""
        (number,) = db.execute("SELECT max(number) FROM readings WHERE page = ?", (page,)).fetchone()
        if number is None:
            raise _no_page()
        return int(number)

    def _corrections(
        self, db: sqlite3.Connection, page: str, reading: int
    ) -> dict[tuple[int, int], Correction]:
        latest = (Correction(*row) for row in db.execute(_LATEST, (page, reading)))
        return {(c.line, c.word): c for c in latest}

    def _add_reading(
        self, db: sqlite3.Connection, page: str, number: int, hand: str | None, result: dict[str, Any]
    ) -> None:
        row = (page, number, time.time(), hand, json.dumps(result, ensure_ascii=False))
        db.execute("INSERT INTO readings VALUES (?, ?, ?, ?, ?)", row)

    def _write(
        self,
        db: sqlite3.Connection,
        page: str,
        reading: int,
        there: dict[tuple[int, int], Correction],
        edits: Iterable[Edit],
    ) -> None:
        for e in edits:
            last = there.get((e.line, e.word))
            version = last.version if last else 0
            if version != e.seen:
                raise RefusedError(
                    409, "this word was corrected in another window meanwhile: look at it again"
                )
            row = (page, reading, e.line, e.word, version + 1, time.time(), e.text, int(e.standing))
            db.execute("INSERT INTO corrections VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say in one line why the file cannot be used."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"{self.path}: cannot be used ({reason}); nothing before this was lost"
            ) from None


def _no_page() -> RefusedError:
    return RefusedError(404, "there is no such page: it may have been deleted")


def _same_reading(number: int, seen: int) -> None:
    if number != seen:
        raise RefusedError(409, "the page was read again in another window meanwhile: look at it again")
