"""What several test files need: the command line in this process, a reader, and pictures made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from unscrawl import Reader

LETTER = Path(__file__).parents[1] / "examples" / "letter.jpg"


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """The lines on standard error."""
        return self.err.splitlines()


@pytest.fixture
def unscrawl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run `unscrawl ARGUMENTS...` in an empty folder, with `stdin` as standard input."""
    from typer.testing import CliRunner

    from unscrawl.cli import app

    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path, stdin: bytes = b"") -> Ran:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def reader() -> Reader:
    """The reader with the built-in network."""
    from unscrawl import Reader

    return Reader()


def draw(*lines: str, size: int = 48, ink: str = "#203060", paper: str = "#f4f0e6") -> Image.Image:
    """Draw spaced-out lines of print: easy to read, so that tests of all else do not hang on accuracy."""
    font = ImageFont.load_default(size)
    width = round(max(font.getlength(line) for line in lines) + size * (2 + max(map(len, lines)) / 6))
    picture = Image.new("RGB", (width, round(size * (1 + 1.8 * len(lines)))), paper)
    pen = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        x = float(size)
        for character in line:
            pen.text((x, size * (0.5 + 1.8 * row)), character, ink, font)
            x += font.getlength(character) + size / 6
    return picture
