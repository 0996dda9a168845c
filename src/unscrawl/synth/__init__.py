"""Makes pages of handwriting, with the truth about them, from open fonts or pictures of characters.

    from unscrawl.synth import Camera, Paper, Style, letter

    sheet = letter("Dear Andrew,\\nthank you!", Style(), Paper(kind="ruled"), Camera(tilt=2), rng=1)

Used for the examples, the tests and the measuring scripts. Everything random comes from one seed.
"""

from __future__ import annotations

from unscrawl.synth.cut import cut_folder, mix_case
from unscrawl.synth.hands import bundled_fonts
from unscrawl.synth.options import Camera, Paper, Style
from unscrawl.synth.sheet import Sheet, letter, letter_from_glyphs

__all__ = [
    "Camera",
    "Paper",
    "Sheet",
    "Style",
    "bundled_fonts",
    "cut_folder",
    "letter",
    "letter_from_glyphs",
    "mix_case",
]
