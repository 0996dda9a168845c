"""Lines whose characters stand apart, as in hand-print: lattice → scores → language → words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unscrawl.casing import case_is_random
from unscrawl.language import Choice, Edge
from unscrawl.lattice import CUTS
from unscrawl.page import Glyph, Line, Word

if TYPE_CHECKING:
    from unscrawl.choice import Reading
    from unscrawl.reader import Reader
    from unscrawl.seen import Lattice

__all__ = ["read_apart"]


def read_apart(reader: Reader, lattices: Sequence[Lattice], language: str | None = None) -> list[Reading]:
    """Read the lines of a page character by character, in the language of that name or the reader's first.

    Where small and capital letters are mixed at random, case is left to the language.
    """
    edges = [_edges(reader, lattice) for lattice in lattices]

    def decode(fold: bool) -> list[list[list[Choice]]]:
        pairs = zip(edges, lattices, strict=True)
        return [reader.decode(e, lattice.breaks, fold_case=fold, language=language) for e, lattice in pairs]

    read = decode(False)
    if case_is_random("".join(c.char for c in word) for words in read for word in words):
        read = decode(True)
    made = [_line(words, lattice) if words else None for words, lattice in zip(read, lattices, strict=True)]
    return [(line, line.confidence if line else 0.0) for line in made]


def _edges(reader: Reader, lattice: Lattice) -> list[Edge]:
    """Score a line's hypotheses by form and by place on the line."""
    log_p = reader.log_probabilities(lattice.logits, lattice.pictures)
    places = reader.recogniser.fit_line(log_p, lattice.places)
    scores = reader.scores(reader.recogniser.with_places(log_p, places))
    parts = zip(lattice.spans, scores, CUTS * lattice.priors, strict=True)
    return [Edge(start, stop, s, float(prior)) for (start, stop), s, prior in parts]


def _line(words: list[list[Choice]], lattice: Lattice) -> Line:
    """Put the chosen hypotheses where they lie in the picture."""
    return Line.of(
        Word.of(Glyph.of(choice.char, choice.alternatives, lattice.boxes[choice.edge]) for choice in word)
        for word in words
    )
