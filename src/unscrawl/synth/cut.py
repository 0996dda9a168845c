"""Writes a letter as ready-cut characters: a folder laid out LINE/WORD/GLYPH.png."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unscrawl.errors import OptionError, OutputError
from unscrawl.glyph import prepare
from unscrawl.synth.hands import FontHand, GlyphHand, Hand, bundled_fonts
from unscrawl.synth.options import Style
from unscrawl.synth.strokes import vary

__all__ = ["cut_folder", "mix_case"]

_X_HEIGHT = 48.0  # pixels at which a font draws before the character is brought to 28×28


def mix_case(text: str, rng: np.random.Generator | int = 0) -> str:
    """Return `text` with each letter small or capital at random, so that case carries no information."""
    rng = np.random.default_rng(rng)
    return "".join(c.upper() if rng.integers(2) else c.lower() for c in text)


def cut_folder(
    out: Path,
    text: str,
    glyphs: Mapping[str, Sequence[NDArray[np.uint8]]] | None = None,
    style: Style | None = None,
    rng: np.random.Generator | int = 0,
    *,
    mixed: bool = False,
) -> str:
    """Write every character of `text` as OUT/LINE/WORD/GLYPH.png, 28×28, white on black.

    The numbers count from 00, so that names sort in reading order. Blank lines are left out.

    Args:
        out: the folder, made if need be; it must not hold anything yet.
        text: what to write.
        glyphs: for each character its pictures, as in `letter_from_glyphs`; None writes with a font.
        style: how the characters vary; None takes pictures as they are and fonts with `Style()`.
        rng: a generator or a seed.
        mixed: draw the case of every letter at random.

    Returns:
        The text as it was written.

    Raises:
        OptionError: nothing to write, or the folder is not empty.
        OutputError: the folder cannot be written.
        DataError: a character cannot be drawn.
    """
    rng = np.random.default_rng(rng)
    lines = [line.split() for line in (mix_case(text, rng) if mixed else text).splitlines() if line.strip()]
    if not lines:
        raise OptionError("there is nothing to write: the text is empty")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OptionError(f"{out}: not an empty folder: choose another")
    hand: Hand
    if glyphs is None:
        style = style or Style()
        fonts = style.fonts or bundled_fonts()
        hand = FontHand(fonts[int(rng.integers(len(fonts)))], _X_HEIGHT)
    else:
        hand = GlyphHand(glyphs, _X_HEIGHT)
    # All are drawn before any is written: a character that cannot be drawn leaves no half letter behind.
    pictures = {
        Path(f"{i:02}") / f"{j:02}" / f"{k:02}.png": _picture(character, hand, style, rng)
        for i, line in enumerate(lines)
        for j, word in enumerate(line)
        for k, character in enumerate(word)
    }
    try:
        for name, picture in pictures.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(out / name)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error})") from None
    return "\n".join(" ".join(line) for line in lines)


def _picture(character: str, hand: Hand, style: Style | None, rng: np.random.Generator) -> NDArray[np.uint8]:
    drawn = hand.draw(character, rng)
    return prepare(vary(drawn, style, hand.x_height, rng).ink if style else drawn.ink)
