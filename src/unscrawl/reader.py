"""The way through: picture → ink → lines → words → glyphs → scores → language → Page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET, select
from unscrawl.apart import read_apart
from unscrawl.choice import is_beyond_doubt, is_writing, surer
from unscrawl.cut import read_folder
from unscrawl.errors import ModelError, OptionError
from unscrawl.image import Picture, load
from unscrawl.joined import WholeLines, stands_apart
from unscrawl.language import Choice, Edge, Language
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.page import Line, Page
from unscrawl.recogniser import Recogniser
from unscrawl.seen import Seen, SeenGlyph
from unscrawl.single import Classified, classify, read_single

if TYPE_CHECKING:
    from PIL.Image import Image

    from unscrawl.hand import Hand

__all__ = ["LANGUAGES", "Classified", "Layout", "Reader"]

Layout = Literal["page", "line", "word", "glyph", "cut"]
Source: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | NDArray[Any] | Image | Picture"

LANGUAGES: Final = ("en", "fr")
"""Those that come with the package; of a page that tells nothing the first is taken."""


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
        if language not in (None, "auto", *LANGUAGES):
            raise OptionError(f"unknown language {language!r}: choose one of auto, {', '.join(LANGUAGES)}")
        names = LANGUAGES if language == "auto" else (language or LANGUAGES[0],)
        self._common = {name: Language.load(name) for name in names}
        self._weight = 1.0 if language else 0.0
        self._write_as(hand)
        place = {c: i for i, c in enumerate(self.recogniser.classes)}
        # Column of each character of the alphabet among the model's classes; -1 where it has none.
        self._columns = np.array([place.get(c, -1) for c in ALPHABET])

    def _write_as(self, hand: str | Hand | None) -> None:
        """Take a hand that fits the networks, and the languages as its writer has them."""
        self.hand = self._fitting(hand)
        deep = self.hand.line.deep if self.hand and self.hand.line else None
        joined = self.line_recogniser
        try:
            self._taught_lines = joined.adapted(deep) if deep and joined else joined
        except ModelError as error:
            raise ModelError(f"the hand {self.hand and self.hand.name!r} is damaged: {error}") from None
        words = self.hand.words if self.hand else {}
        self.languages = {
            name: language.with_words(words) if words else language for name, language in self._common.items()
        }

    def _fitting(self, hand: str | Hand | None) -> Hand | None:
        if hand is None:
            return None
        from unscrawl.hand import Hand  # needs packages that reading without a hand does not

        hand = Hand.load(hand) if isinstance(hand, str) else hand
        if not self.fits(hand):
            raise ModelError(
                f"the hand {hand.name!r} was taught on other networks than these: "
                f"`unscrawl teach {hand.name} --again` teaches it anew from what it keeps"
            )
        return hand

    def fits(self, hand: Hand) -> bool:
        """Tell whether a hand was taught on this reader's networks; those it does not use do not count."""
        line, glyph, joined = hand.line, hand.glyph, self.line_recogniser
        if line and joined and (line.base != joined.fingerprint or line.weight.shape != joined.head[0].shape):
            return False
        characters = self.recogniser
        return not glyph or (glyph.base == characters.fingerprint and glyph.takes(len(characters.classes)))

    def with_hand(self, hand: str | Hand | None) -> Reader:
        """Return a reader of another hand, or of none, that shares this one's networks.

        Raises:
            OptionError: there is no such hand.
            ModelError: it is damaged, or was taught on other networks.
        """
        other = copy(self)
        other._write_as(hand)
        return other

    def read(self, source: Source, *, layout: Layout = "page", name: str | None = None) -> Page:
        """Read one picture: look at it, and tell what is written there.

        Args:
            source: a path, a file's bytes, an open binary file, an array, a Pillow image or a `Picture`;
                for "cut" a folder LINE/WORD/GLYPH.png of ready-cut characters.
            layout: what the picture shows: a whole page, or one line, word or glyph.
            name: what to call it in `Page.source`.

        Raises:
            PictureError: the picture cannot be used.
            OptionError: unknown layout.
        """
        if layout == "cut":
            return read_folder(self, Path(str(source)), name)
        return self.tell(self.look(source, layout=layout, name=name))

    def look(self, source: Source, *, layout: Layout = "page", name: str | None = None) -> Seen | SeenGlyph:
        """Look at one picture: that half of reading in which neither the hand nor the language has a say.

        Arguments and errors are those of `read`, but for "cut", which is no single picture. What is returned
        is for `tell` of this reader, and of every other that shares its networks (see `with_hand`).
        """
        if layout not in get_args(Layout):
            raise OptionError(f"unknown layout {layout!r}: choose one of {', '.join(get_args(Layout))}")
        if layout == "cut":
            raise OptionError("ready-cut characters are no single picture to look at: read them")
        picture = _picture(source, name)
        if layout == "glyph":
            return SeenGlyph.of(picture, self.recogniser)
        own = self.hand is not None and self.hand.own_alphabet
        return Seen(picture, layout, self.recogniser, self.line_recogniser, turn=not own)

    def tell(self, seen: Seen | SeenGlyph) -> Page:
        """Tell what is written in a picture that was looked at.

        Raises:
            OptionError: it was looked at with other networks.
        """
        if seen.recogniser is not self.recogniser:
            raise OptionError("the picture was looked at with other networks: look at it again")
        if isinstance(seen, SeenGlyph):
            lines = read_single(self, seen)
        elif self.hand and self.hand.own_alphabet and self.hand.glyph:
            from unscrawl.rows import read_rows

            lines = read_rows(seen, self.hand.glyph)
        else:
            lines = self._lines(seen)
        return Page(seen.picture.source, tuple(lines), seen.picture)

    def _lines(self, seen: Seen) -> list[Line]:
        """Read each line whole; one whose characters stand apart also character by character."""
        if self._taught_lines is None:
            readings = read_apart(self, seen.lattices(range(len(seen.lines))))
            return [line for line, _ in readings if line]
        taught = self.hand.line if self.hand else None
        reader = WholeLines(self._taught_lines, self.languages, self._weight)
        whole, language = reader.read(seen.views, taught)
        spoken = self._weight > 0
        doubtful = [i for i, reading in enumerate(whole) if not is_beyond_doubt(reading, spoken=spoken)]
        apart = [i for i in doubtful if stands_apart(seen.strips[i], whole[i][0])]
        numbers = [i for i in apart if i < len(seen.lines)]  # a picture of one line may have no ink
        printed = dict(zip(numbers, read_apart(self, seen.lattices(numbers), language), strict=True))
        lines = [surer(reading, printed.get(i), spoken=spoken) for i, reading in enumerate(whole)]
        return [line for line in lines if line and (seen.layout != "page" or is_writing(line))]

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
        select(alphabet)  # a wrong name is told before the picture is looked at
        return classify(self, SeenGlyph.of(_picture(source, name), self.recogniser), alphabet)

    @property
    def classes(self) -> tuple[str, ...]:
        """What single characters are told apart into: the network's classes, or a hand's own symbols."""
        taught = self.hand.glyph if self.hand else None
        return taught.classes if taught else self.recogniser.classes

    def log_probabilities(
        self, logits: NDArray[np.float32], pictures: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Turn the glyph recogniser's logits [N, K] of `pictures` into log p(class | picture).

        As the hand was taught, so are they read.
        """
        taught = self.hand.glyph if self.hand else None
        return taught.log_probabilities(logits, pictures) if taught else self.recogniser.calibrate(logits)

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


def _picture(source: Source, name: str | None) -> Picture:
    return source if isinstance(source, Picture) else load(source, name)
