"""The way through: picture → ink → lines → words → glyphs → scores → language → Page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET, select
from unscrawl.casing import case_is_random
from unscrawl.cut import read_folder
from unscrawl.errors import ModelError, OptionError
from unscrawl.glyph import prepare, prepare_all
from unscrawl.image import Picture, load
from unscrawl.ink import Ink, extract
from unscrawl.joined import WholeLines, view_crop, view_picture
from unscrawl.language import Choice, Edge, Language
from unscrawl.lattice import CUTS, Hypothesis, hypotheses
from unscrawl.layout import LineInk, find_lines
from unscrawl.layout.crops import crop_of
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.page import Box, Glyph, Line, Page, Word
from unscrawl.recogniser import JUNK, Recogniser

if TYPE_CHECKING:
    from PIL.Image import Image

    from unscrawl.hand import Hand

__all__ = ["LANGUAGES", "Classified", "Layout", "Reader"]

Layout = Literal["page", "line", "word", "glyph", "cut"]
Source: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | NDArray[Any] | Image | Picture"

LANGUAGES: Final = ("en", "fr")
"""Those that come with the package; of a page that tells nothing the first is taken."""

_Reading: TypeAlias = "tuple[Line | None, float]"  # a line, and how sure it is

_TOP: Final = 5  # alternatives given at least
_LEAST: Final = 0.35  # confidence of a line of a page below which it is taken for no writing
_SHORT, _LEAST_SHORT = 3, 0.6  # characters of a short one, and the same for it
_APART: Final = (0.75, 1.25)  # white gaps a character in a line whose characters may stand apart
_ALIKE: Final = 0.55  # likeness of two readings below which that by characters is of joined writing: nonsense
_MODEST: Final = (0.12, 0.01)  # by how much readings by characters are surer than they say, beside those of
# lines, without and with a language


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


class Reader:
    """Reads pictures of handwriting. Weights are loaded once; threads may share one instance.

    Args:
        model: an exported classifier (`.onnx` with its `.json` card) of characters that stand apart; None
            takes the shipped one. With another one, lines are read by it alone.
        line_model: an exported line recogniser; None takes the shipped one.
        language: "en", "fr", "auto" to tell from each page, or None to believe the ink alone.
        hand: what was learnt of the writer (see `unscrawl teach`), or its name; one with an alphabet of its
            own reads rows of that.
        threads: for ONNX Runtime; None takes the cores there are.

    Raises:
        ModelError: the model cannot be used.
        OptionError: no such language.
    """

    def __init__(
        self,
        *,
        model: str | os.PathLike[str] | None = None,
        line_model: str | os.PathLike[str] | None = None,
        language: str | None = "auto",
        hand: str | Hand | None = None,
        threads: int | None = None,
    ) -> None:
        self.recogniser = Recogniser(model, threads=threads)
        whole = model is None or line_model is not None
        self.line_recogniser = LineRecogniser(line_model, threads=threads) if whole else None
        names = LANGUAGES if language == "auto" else (language or LANGUAGES[0],)
        self.languages = {name: Language.load(name) for name in names}
        self._weight = 1.0 if language else 0.0
        self.hand = self._take(hand)
        place = {c: i for i, c in enumerate(self.recogniser.classes)}
        # Column of each character of the alphabet among the model's classes; -1 where it has none.
        self._columns = np.array([place.get(c, -1) for c in ALPHABET])

    def _take(self, hand: str | Hand | None) -> Hand | None:
        """Load a hand and see that it fits the networks."""
        if hand is None:
            return None
        from unscrawl.hand import Hand  # needs packages that reading without a hand does not

        hand = Hand.load(hand) if isinstance(hand, str) else hand
        for taught, base in ((hand.line, self.line_recogniser), (hand.glyph, self.recogniser)):
            if taught is not None and base is not None and taught.base != base.fingerprint:
                raise ModelError(
                    f"the hand {hand.name!r} was taught on other weights than {base.path.name}: "
                    f"`unscrawl teach {hand.name} --again` teaches it anew from what it keeps"
                )
        return hand

    def with_hand(self, hand: str | Hand | None) -> Reader:
        """Return a reader of another hand, or of none, that shares this one's networks.

        Raises:
            OptionError: there is no such hand.
            ModelError: it is damaged, or was taught on other networks.
        """
        other = copy(self)
        other.hand = self._take(hand)
        return other

    def read(self, source: Source, *, layout: Layout = "page", name: str | None = None) -> Page:
        """Read one picture.

        Args:
            source: a path, a file's bytes, an open binary file, an array, a Pillow image or a `Picture`;
                for "cut" a folder LINE/WORD/GLYPH.png of ready-cut characters.
            layout: what the picture shows: a whole page, or one line, word or glyph.
            name: what to call it in `Page.source`.

        Raises:
            PictureError: the picture cannot be used.
            OptionError: unknown layout.
        """
        if layout not in get_args(Layout):
            raise OptionError(f"unknown layout {layout!r}: choose one of {', '.join(get_args(Layout))}")
        if layout == "cut":
            return read_folder(self, Path(str(source)), name)
        picture = _picture(source, name)
        if layout == "glyph":
            return self._one_glyph(picture)
        if self.hand and self.hand.own_alphabet and self.hand.glyph:
            from unscrawl.rows import read_rows

            return read_rows(picture, self.hand.glyph, self.recogniser, layout=layout)
        ink = extract(picture, layout=layout)
        lines = find_lines(ink, layout=layout)
        made = [line for line in self._lines(picture, ink, lines, alone=layout != "page") if line]
        if layout == "page" and self.line_recogniser is not None:
            made = [line for line in made if _is_writing(line)]
        return Page(picture.source, tuple(made), picture)

    def _lines(
        self, picture: Picture, ink: Ink, lines: Sequence[LineInk], *, alone: bool
    ) -> list[Line | None]:
        """Read each line of a page whole; one whose characters stand apart also character by character."""
        if self.line_recogniser is None:
            return [line for line, _ in self._printed(ink, lines)]
        views = [[view_crop(crop_of(ink, line))] for line in lines]
        if alone:  # the picture is the line: as it is, too
            views = [[view_picture(picture), *(view for of_line in views for view in of_line)]]
        taught = self.hand.line if self.hand else None
        whole, language = WholeLines(self.line_recogniser, self.languages, self._weight).read(views, taught)
        apart = [i for i, line in enumerate(lines) if _stands_apart(line, whole[i][0])]
        printed = dict(zip(apart, self._printed(ink, [lines[i] for i in apart], language), strict=True))
        modest = _MODEST[self._weight > 0]
        return [_surer(reading, printed.get(i), modest) for i, reading in enumerate(whole)]

    def _printed(self, ink: Ink, lines: Sequence[LineInk], language: str | None = None) -> list[_Reading]:
        """Read lines character by character, as hand-print can be."""
        found = [hypotheses(line) for line in lines]
        log_p = self._glyphs(prepare_all([h.ink for hs in found for h in hs]))
        parts = np.split(log_p, np.cumsum([len(hs) for hs in found])[:-1]) if found else []
        edges = [self._edges(hs, part) for hs, part in zip(found, parts, strict=True)]

        def decode(fold: bool) -> list[list[list[Choice]]]:
            pairs = zip(edges, lines, strict=True)
            return [self.decode(e, line.breaks, fold_case=fold, language=language) for e, line in pairs]

        read = decode(False)
        if case_is_random("".join(c.char for c in word) for words in read for word in words):
            read = decode(True)
        made = [_line(words, hs, ink) if words else None for words, hs in zip(read, found, strict=True)]
        return [(line, line.confidence if line else 0.0) for line in made]

    def classify(self, source: Source, *, alphabet: str = "all", name: str | None = None) -> Classified:
        """Read one character of a picture that shows just this.

        Args:
            source: as for `read`.
            alphabet: "digits", "letters" or "all"; probabilities are those within it.
            name: what to call it in `Classified.source`.

        Raises:
            PictureError: the picture cannot be used.
            OptionError: unknown alphabet, or the model knows none of its characters.
        """
        allowed = select(alphabet)
        picture = _picture(source, name)
        ink = extract(picture, layout="glyph")
        seen = prepare(ink.strength)
        log_p = self._glyphs(seen[None])[0]
        classes, columns = self.classes, self._allowed(alphabet, allowed)
        p = np.exp(log_p[columns] - log_p[columns].max())
        p /= p.sum()
        order = np.argsort(-p, kind="stable")[:_TOP]
        ranked = tuple((classes[columns[i]], float(p[i])) for i in order)
        return Classified(picture.source, *ranked[0], ranked, seen, _ink_box(ink), picture)

    @property
    def classes(self) -> tuple[str, ...]:
        """What single characters are told apart into: the network's classes, or a hand's own symbols."""
        taught = self.hand.glyph if self.hand else None
        return taught.classes if taught else self.recogniser.classes

    def _glyphs(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return log p(class | picture), [N, classes], as the hand has taught it."""
        taught = self.hand.glyph if self.hand else None
        if taught is None:
            return self.recogniser.log_probabilities(pictures)
        return taught.log_probabilities(self.recogniser.logits(pictures))

    def _allowed(self, name: str, characters: str) -> NDArray[np.int64]:
        """Columns of the model's classes to choose among; a model of other symbols has all its own."""
        classes = self.classes
        junk = classes.index(JUNK) if JUNK in classes else None
        own = [i for i, c in enumerate(classes) if c in characters and i != junk]
        if name == "all" and not all(c in ALPHABET for i, c in enumerate(classes) if i != junk):
            own = [i for i in range(len(classes)) if i != junk]
        if not own:
            raise OptionError(f"the model {self.recogniser.path.name} knows no character of {name!r}")
        return np.array(own)

    def scores(self, log_p: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring log p [N, classes] into the alphabet's order, [N, 84]; what the model lacks gets -50."""
        out = np.full((len(log_p), len(ALPHABET)), -50.0, np.float32)
        there = self._columns >= 0
        out[:, there] = log_p[:, self._columns[there]]
        return out

    def decode(
        self,
        edges: Sequence[Edge],
        breaks: NDArray[np.float32],
        *,
        fold_case: bool = False,
        language: str | None = None,
    ) -> list[list[Choice]]:
        """Choose the characters of a line by ink and language together: words of choices."""
        if not edges:
            return []
        model = self.languages[language or next(iter(self.languages))]
        return model.decode(edges, breaks, fold_case=fold_case, weight=self._weight)

    def _edges(self, found: Sequence[Hypothesis], log_p: NDArray[np.float32]) -> list[Edge]:
        """Score a line's hypotheses by form and by place on the line."""
        places = np.array([[h.top, h.bottom] for h in found]).reshape(-1, 2)
        places = self.recogniser.fit_line(log_p, places)
        scores = self.scores(self.recogniser.with_places(log_p, places))
        return [Edge(h.start, h.stop, s, CUTS * h.prior) for h, s in zip(found, scores, strict=True)]

    def _one_glyph(self, picture: Picture) -> Page:
        one = self.classify(picture)
        if not one.seen.any():
            return Page(picture.source, (), picture)
        glyph = Glyph.of(one.label, one.alternatives, one.box)
        return Page(picture.source, (Line.of([Word.of([glyph])]),), picture)


def _is_writing(line: Line) -> bool:
    """Tell writing from stamps, seals and dirt, of which little can be read, and that unsurely."""
    return line.confidence >= (_LEAST if len(line.text) > _SHORT else _LEAST_SHORT)


def _stands_apart(line: LineInk, read: Line | None) -> bool:
    """Tell whether there are about as many separate pieces in a line as characters were read."""
    count = len("".join(word.text for word in read.words)) if read else 0
    low, high = _APART
    return count == 0 or low * count <= int((line.cuts > 0.9).sum()) <= high * count


def _surer(whole: _Reading, printed: _Reading | None, modest: float) -> Line | None:
    """Choose between two readings of a line.

    That by characters is as sure of itself on joined writing, where it is nonsense: it counts only where the
    two agree by and large.
    """
    if printed is None or printed[1] + modest <= whole[1]:
        return whole[0]
    first, second = (line.text.lower().replace(" ", "") if line else "" for line, _ in (whole, printed))
    alike = SequenceMatcher(None, first, second, autojunk=False).ratio()
    return printed[0] if alike >= _ALIKE or not first else whole[0]


def _picture(source: Source, name: str | None) -> Picture:
    return source if isinstance(source, Picture) else load(source, name)


def _ink_box(ink: Ink) -> Box:
    ys, xs = np.flatnonzero(ink.mask.any(axis=1)), np.flatnonzero(ink.mask.any(axis=0))
    if not len(ys):
        return Box(0, 0, 0, 0)
    return ink.box(int(xs[0]), int(ys[0]), int(xs[-1] - xs[0] + 1), int(ys[-1] - ys[0] + 1))


def _line(words: list[list[Choice]], found: Sequence[Hypothesis], ink: Ink) -> Line:
    """Put the chosen hypotheses where they lie in the picture."""

    def glyph(choice: Choice) -> Glyph:
        h = found[choice.edge]
        return Glyph.of(choice.char, choice.alternatives, ink.box(h.x, h.y, h.ink.shape[1], h.ink.shape[0]))

    return Line.of(Word.of(map(glyph, word)) for word in words)
