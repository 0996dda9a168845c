"""The result tree: a `Page` has `Line`s of `Word`s of `Glyph`s, each with text, confidence and box."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

    from unscrawl.image import Picture

__all__ = ["Box", "Glyph", "Line", "Page", "Word"]


class Box(NamedTuple):
    """A rectangle in pixels of the upright original: left, top, width, height."""

    x: int
    y: int
    width: int
    height: int


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0


def _around(boxes: Iterable[Box]) -> Box:
    """Return the smallest box that holds all of `boxes`."""
    boxes = list(boxes)
    x, y = min(b.x for b in boxes), min(b.y for b in boxes)
    right, bottom = max(b.x + b.width for b in boxes), max(b.y + b.height for b in boxes)
    return Box(x, y, right - x, bottom - y)


@dataclass(frozen=True)
class Glyph:
    """One character: what it is taken for, how surely, where, and what else it may be.

    `alternatives` holds (character, probability), most probable first, `text` among them;
    `confidence` is the probability of `text`.
    """

    text: str
    confidence: float
    box: Box
    alternatives: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, text: str, alternatives: tuple[tuple[str, float], ...], box: Box) -> Glyph:
        """Make the glyph that reads `text`, one of its `alternatives`."""
        return cls(text, dict(alternatives).get(text, 0.0), box, alternatives)

    def export(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "box": list(self.box),
            "alternatives": [[c, round(p, 6)] for c, p in self.alternatives],
        }


@dataclass(frozen=True)
class Word:
    """Glyphs without a space between them."""

    glyphs: tuple[Glyph, ...]
    box: Box

    @classmethod
    def of(cls, glyphs: Iterable[Glyph]) -> Word:
        """Make a word of at least one glyph; its box goes around them."""
        glyphs = tuple(glyphs)
        return cls(glyphs, _around(g.box for g in glyphs))

    @property
    def text(self) -> str:
        """The characters in reading order."""
        return "".join(g.text for g in self.glyphs)

    @property
    def confidence(self) -> float:
        """Mean confidence of the glyphs, 0 to 1."""
        return _mean(g.confidence for g in self.glyphs)

    def export(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "box": list(self.box),
            "glyphs": [g.export() for g in self.glyphs],
        }


@dataclass(frozen=True)
class Line:
    """Words on one baseline."""

    words: tuple[Word, ...]
    box: Box

    @classmethod
    def of(cls, words: Iterable[Word]) -> Line:
        """Make a line of at least one word; its box goes around them."""
        words = tuple(words)
        return cls(words, _around(w.box for w in words))

    @property
    def text(self) -> str:
        """The words with one space between them."""
        return " ".join(w.text for w in self.words)

    @property
    def confidence(self) -> float:
        """Mean confidence of the glyphs, 0 to 1."""
        return _mean(g.confidence for w in self.words for g in w.glyphs)

    def export(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "box": list(self.box),
            "words": [w.export() for w in self.words],
        }


@dataclass(frozen=True)
class Page:
    """What was read in one picture. `source` names the picture; `lines` are in reading order."""

    source: str
    lines: tuple[Line, ...] = ()
    picture: Picture | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The lines with a newline between them."""
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float:
        """Mean confidence of the glyphs, 0 to 1; 0 for a blank page."""
        return _mean(g.confidence for g in self.glyphs)

    @property
    def glyphs(self) -> Iterator[Glyph]:
        """All glyphs in reading order."""
        return (g for line in self.lines for w in line.words for g in w.glyphs)

    def export(self) -> dict[str, Any]:
        """Return plain JSON-ready values: source, text, confidence, lines → words → glyphs."""
        return {
            "source": self.source,
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "lines": [line.export() for line in self.lines],
        }

    def to_json(self) -> str:
        """Return `export()` as one line of JSON."""
        return json.dumps(self.export(), ensure_ascii=False)

    def to_alto(self) -> str:
        """Return the page as ALTO 4.4, XML that archives and libraries exchange."""
        from unscrawl.archive import alto

        return alto(self)

    def to_page_xml(self) -> str:
        """Return the page as PAGE XML 2019-07-15, which editors of transcriptions open."""
        from unscrawl.archive import page_xml

        return page_xml(self)

    def render(self) -> Image:
        """Return the picture with lines, words and glyphs boxed, guesses above them, doubtful ones marked."""
        from unscrawl.render import draw_page

        return draw_page(self)
