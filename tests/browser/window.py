"""A headless Chromium and a server of its own for each test."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="needs playwright: pip install 'unscrawl[dev]'")

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from web_fake import picture

_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_PATIENCE = 30  # seconds; a busy machine is no failure

expect.set_options(timeout=1000 * _PATIENCE)


class Server:
    """A server that can be killed and started again on the same file and port.

    It sees `lines` on a page, and teaches thoroughly for so many `seconds`.
    """

    def __init__(self, folder: Path, lines: int = 3, seconds: float = 3.0) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = folder / "pages.sqlite"
        self.lines = lines
        self.seconds = seconds
        self.start()

    def start(self) -> None:
        program = str(Path(__file__).parent / "server.py")
        arguments = [str(self.data), str(self.port), str(self.lines), str(self.seconds)]
        self.process = subprocess.Popen([sys.executable, program, *arguments])
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError("the server does not start")

    def kill(self) -> None:
        """End the server as a power cut would: without a word (SIGKILL)."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that sees three lines on a page; tests may ask for what `Server` takes by `indirect`."""
    running = Server(tmp_path, **getattr(request, "param", {}))
    yield running
    running.kill()


@pytest.fixture(scope="module")  # playwright holds an event loop: it must be gone before other tests run one
def browser() -> Iterator[Browser]:
    if _CHROMIUM is None:
        pytest.skip("needs a Chromium: apt install chromium")
    with sync_playwright() as play:
        # Chromium's own sandbox cannot be had in most containers; all that it opens here is our own page.
        opened = play.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(server: Server, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open the site in a window of its own; options are those of a browser context.

    When the test is over, nothing but this server may have been asked, and no script may have failed.
    """
    contexts: list[Any] = []
    trouble: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            trouble.append(message.text)

    def asked(url: str) -> None:
        if not url.startswith((server.url, "blob:", "data:")):
            trouble.append(f"asked for {url}")

    def opened(path: str = "/", **options: Any) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        context.set_default_timeout(1000 * _PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: asked(request.url))
        page.goto(server.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.fixture
def letter(open_page: Callable[..., Page]) -> Page:
    """A window with a page that was just uploaded: three of its words are doubtful, and wrong."""
    return upload(open_page())


def upload(page: Page, lines: int = 3) -> Page:
    """Upload a white picture that the simple reader sees so many lines in."""
    expect(page.locator("#hand option")).not_to_have_count(0)
    white = picture() if lines == 3 else picture(1200, 60 * lines + 60, "JPEG")
    page.set_input_files("#file", {"name": "letter.png", "mimeType": "image/png", "buffer": white})
    expect(page.locator(".line")).to_have_count(lines)
    return page
