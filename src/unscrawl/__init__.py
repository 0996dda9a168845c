"""unscrawl reads handwriting, and learns the hand it is reading.

from unscrawl import Reader

page = Reader().read("letter.jpg")
print(page.text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unscrawl.errors import (
    DataError,
    ModelError,
    OptionError,
    OutputError,
    PictureError,
    TrainingError,
    UnscrawlError,
)
from unscrawl.page import Box, Glyph, Line, Page, Word

if TYPE_CHECKING:
    from unscrawl.reader import Reader

__version__ = "0.1.0"

__all__ = [
    "Box",
    "DataError",
    "Glyph",
    "Line",
    "ModelError",
    "OptionError",
    "OutputError",
    "Page",
    "PictureError",
    "Reader",
    "TrainingError",
    "UnscrawlError",
    "Word",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import `Reader` on first use, so that `import unscrawl` alone costs milliseconds."""
    if name == "Reader":
        from unscrawl.reader import Reader

        return Reader
    raise AttributeError(f"module 'unscrawl' has no attribute {name!r}")
