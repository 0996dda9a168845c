"""Downloading from a server on this machine that breaks off, lies, or shows web pages."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from unscrawl.errors import DataError, OutputError
from unscrawl.learn.data.catalogue import Download
from unscrawl.learn.data.fetch import fetch

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves `CONTENT` under /whole; other paths misbehave."""

    asked: list[tuple[str, str | None]]
    failures: int

    def do_GET(self) -> None:
        """Answer as the path says."""
        cls = type(self)
        cls.asked.append((self.path, self.headers["Range"]))
        if self.path == "/missing":
            self.send_error(404)
        elif self.path == "/busy" and cls.failures > 0:
            cls.failures -= 1
            self.send_error(503)
        elif self.path == "/page":
            self._answer(200, b"<html>Sign in</html>", "text/html; charset=utf-8")
        elif self.path == "/hidden":
            self._answer(200, b"\n<!DOCTYPE html><html>Sign in</html>")
        elif self.path == "/short":
            self._answer(200, CONTENT[:3000], length=len(CONTENT))
        elif self.path == "/broken" and cls.failures > 0:
            cls.failures -= 1
            self._answer(200, CONTENT[:3000], length=len(CONTENT))
        elif self.path == "/other":
            self._answer(200, CONTENT[::-1])
        else:
            start = int((self.headers["Range"] or "bytes=0-")[6:-1])
            if start >= len(CONTENT):
                self.send_error(416)
            else:
                self._answer(206 if start else 200, CONTENT[start:])

    def _answer(
        self, code: int, body: bytes, kind: str = "application/gzip", length: int | None = None
    ) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Handler.asked, Handler.failures = [], 1
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def download(*urls: str) -> Download:
    return Download("data.gz", urls, SHA256)


def test_a_file_arrives_whole_and_under_its_name(home: str, tmp_path: Path) -> None:
    path = fetch(download(f"{home}/whole"), tmp_path)
    assert path == tmp_path / "data.gz"
    assert path.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]


def test_a_part_is_continued(home: str, tmp_path: Path) -> None:
    (tmp_path / "data.gz.part").write_bytes(CONTENT[:5000])
    assert fetch(download(f"{home}/whole"), tmp_path).read_bytes() == CONTENT
    assert Handler.asked == [("/whole", "bytes=5000-")]


def test_a_part_that_is_whole_already_is_taken(home: str, tmp_path: Path) -> None:
    (tmp_path / "data.gz.part").write_bytes(CONTENT)
    assert fetch(download(f"{home}/whole"), tmp_path).read_bytes() == CONTENT


def test_a_part_of_something_else_is_begun_anew(home: str, tmp_path: Path) -> None:
    (tmp_path / "data.gz.part").write_bytes(b"something else")
    assert fetch(download(f"{home}/whole"), tmp_path, wait=0).read_bytes() == CONTENT
    assert Handler.asked[-1] == ("/whole", None)


def test_a_connection_that_breaks_off_is_continued(home: str, tmp_path: Path) -> None:
    assert fetch(download(f"{home}/broken"), tmp_path, wait=0).read_bytes() == CONTENT
    assert Handler.asked == [("/broken", None), ("/broken", "bytes=3000-")]


def test_a_busy_server_is_asked_again(home: str, tmp_path: Path) -> None:
    assert fetch(download(f"{home}/busy"), tmp_path, wait=0).read_bytes() == CONTENT


def test_the_next_mirror_is_tried(home: str, tmp_path: Path) -> None:
    assert fetch(download(f"{home}/missing", f"{home}/whole"), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing", "HTTP 404"),
        ("page", "a web page came"),
        ("hidden", "a web page came"),
        ("other", "its sha256 differs"),
        ("short", "the connection broke off"),
    ],
)
def test_what_went_wrong_is_said(home: str, tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        fetch(download(f"{home}/{path}"), tmp_path, wait=0)
    assert "127.0.0.1" in str(caught.value)
    assert not (tmp_path / "data.gz").exists()


def test_a_host_that_is_not_there_is_asked_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Connection refused"):
        fetch(download("http://127.0.0.1:9/data.gz"), tmp_path, wait=60)


def test_a_folder_that_cannot_be_written_is_no_network_trouble(home: str, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch(download(f"{home}/whole"), tmp_path / "cache")
