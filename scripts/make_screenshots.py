"""Photograph the web page for the docs, on a desk and on a phone, with a letter open that is hard to read.

    python scripts/make_screenshots.py docs/

Needs `pip install unscrawl[dev]` and a Chromium. No page and no hand of the user's is touched.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from PIL import Image
from playwright.sync_api import FilePayload, Page, sync_playwright

from unscrawl.synth import Camera, Paper, Style, bundled_fonts, letter

LETTER: Final = """Dear Edith,
thank you for the long letter you sent
last week from the little house near
the sea. We were so glad to hear from
you again after such a quiet winter.
Here the garden is full of birds and
the children play outside until dark.
Andrew came by on Sunday with a cake
and told us about his new work in the
town. He writes so badly that I could
not read half of what he had noted
for you, but he sends his best wishes
and hopes to see you both in summer.
Yours, Max"""
LOOKS: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": {"width": 1366, "height": 960}, "color_scheme": "light"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "dark",
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}


@contextmanager
def served() -> Iterator[str]:
    """Serve the page on any free port with data of its own; yield where it is."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "unscrawl",
            "serve",
            "--port",
            "0",
            "--data",
            f"{folder}/pages.sqlite",
        ]
        own = {**os.environ, "UNSCRAWL_HANDS": f"{folder}/hands"}
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=own) as server:
            assert server.stderr
            yield next(word for word in server.stderr.readline().split() if word.startswith("http"))
            server.terminate()


def photograph() -> bytes:
    """Return the letter in a shaky hand, as a photograph."""
    fonts = tuple(path for path in bundled_fonts() if path.stem == "gloria-hallelujah")
    style = Style(
        fonts=fonts, x_height=20, pen=0.17, slant=8, tracking=0.02, wobble=0.14, waver=0.12, ink=(120, 25, 40)
    )
    camera = Camera(tilt=1.5, perspective=0.01, light=0.25, shadow=0.15, blur=0.7, noise=3)
    sheet = letter(LETTER, style, Paper(kind="plain", margin=2.5), camera, rng=3)
    data = io.BytesIO()
    Image.fromarray(sheet.picture).save(data, "JPEG", quality=90)
    return data.getvalue()


def show(page: Page, url: str) -> None:
    """Open the letter and its first doubtful word."""
    page.goto(url)
    picture = FilePayload(name="letter-to-edith.jpg", mimeType="image/jpeg", buffer=photograph())
    page.set_input_files("#file", picture)
    page.locator(".word").first.wait_for(timeout=60_000)
    page.evaluate("document.fonts.ready")
    doubtful = page.locator(".word.doubtful")
    (doubtful if doubtful.count() else page.locator(".word")).first.click()
    page.locator("#bench").wait_for()
    page.wait_for_timeout(500)  # the bench slides in


def main(out: Annotated[Path, typer.Argument(help="Folder for web-desktop.png and web-phone.png.")]) -> None:
    """Write a picture for each width."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        typer.echo("make_screenshots: needs a Chromium: apt install chromium", err=True)
        raise typer.Exit(2)
    with served() as url, sync_playwright() as play:
        # Chromium's own sandbox cannot be had in most containers; all that it opens here is our own page.
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, look in LOOKS.items():
            page = browser.new_context(**look).new_page()
            show(page, url)
            shot = Image.open(io.BytesIO(page.screenshot()))
            # The photograph's noise makes most of the file; 256 colours show the page as well.
            shot.convert("RGB").quantize(256).save(out / f"web-{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    typer.run(main)
