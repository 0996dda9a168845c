"""One character alone: what it is, among which others, and how surely."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET, select
from unscrawl.errors import OptionError
from unscrawl.page import Box, Glyph, Line, Word
from unscrawl.recogniser import JUNK

if TYPE_CHECKING:
    from unscrawl.image import Picture
    from unscrawl.reader import Reader
    from unscrawl.seen import SeenGlyph

__all__ = ["Classified", "classify", "read_single"]

_TOP: Final = 5  # alternatives given at least


@dataclass(frozen=True)
class Classified:
    """One character: the best label, its probability, the alternatives, and what the network saw."""

    source: str
    label: str
    confidence: float
    alternatives: tuple[tuple[str, float], ...]
    seen: NDArray[np.uint8] = field(repr=False, compare=False)  # [28, 28]
    box: Box = field(default=Box(0, 0, 0, 0))
    picture: Picture | None = field(default=None, repr=False, compare=False)

    def export(self) -> dict[str, Any]:
        """Return plain JSON-ready values: source, label, confidence, alternatives."""
        return {
            "source": self.source,
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "alternatives": [[c, round(p, 6)] for c, p in self.alternatives],
        }


def classify(reader: Reader, seen: SeenGlyph, alphabet: str) -> Classified:
    """Tell a character among those of `alphabet`: "digits", "letters" or "all".

    Raises:
        OptionError: unknown alphabet, or the reader knows none of its characters.
    """
    classes, columns = reader.classes, _allowed(reader, alphabet)
    log_p = reader.log_probabilities(seen.logits[None], seen.image[None])[0]
    p = np.exp(log_p[columns] - log_p[columns].max())
    p /= p.sum()
    order = np.argsort(-p, kind="stable")[:_TOP]
    ranked = tuple((classes[columns[i]], float(p[i])) for i in order)
    return Classified(seen.picture.source, *ranked[0], ranked, seen.image, seen.box, seen.picture)


def read_single(reader: Reader, seen: SeenGlyph) -> list[Line]:
    """Read a picture of one character as a line of one word; no ink gives no lines."""
    if not seen.image.any():
        return []
    one = classify(reader, seen, "all")
    return [Line.of([Word.of([Glyph.of(one.label, one.alternatives, one.box)])])]


def _allowed(reader: Reader, alphabet: str) -> NDArray[np.int64]:
    """Columns of the reader's classes to choose among; a network of other symbols has all its own."""
    classes, characters = reader.classes, select(alphabet)
    junk = classes.index(JUNK) if JUNK in classes else None
    own = [i for i, c in enumerate(classes) if c in characters and i != junk]
    if alphabet == "all" and not all(c in ALPHABET for i, c in enumerate(classes) if i != junk):
        own = [i for i in range(len(classes)) if i != junk]
    if not own:
        raise OptionError(f"the model {reader.recogniser.path.name} knows no character of {alphabet!r}")
    return np.array(own)
