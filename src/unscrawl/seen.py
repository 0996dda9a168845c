"""What a picture shows, whoever wrote it: the half of reading in which neither hand nor language has a say.

picture → ink → lines → strips for the line recogniser, lattices for the glyph recogniser.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.glyph import prepare, prepare_all
from unscrawl.image import Picture
from unscrawl.ink import Ink, extract
from unscrawl.joined import View, clearness, view_crop, view_picture
from unscrawl.lattice import Hypothesis, hypotheses
from unscrawl.layout import LineInk, find_lines
from unscrawl.layout.crops import Crop, crop_of
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.page import Box
from unscrawl.recogniser import Recogniser

__all__ = ["Lattice", "Seen", "SeenGlyph"]

_NO_PLANE: Final = np.zeros((0, 0), np.uint8)
_CLEAR: Final = 0.88  # how clear the lines of a page must be not to be tried the other way up
_CLEAR_ALL: Final = 0.95  # the same where these are all there are, which costs little time
_CLEARER: Final = 0.05  # by how much it must be clearer then
_TRIED: Final = 6  # lines by which that is judged, those of most pieces
_ENOUGH: Final = 400  # columns of their strips, some twenty characters, below which nothing is judged


@dataclass(frozen=True)
class Lattice:
    """The glyph hypotheses of a line once the network has seen them, sorted by start, then stop.

    Hypothesis i takes pieces[start:stop] of `spans[i]` for one character, which lies in `boxes[i]` of the
    picture. `places` [N, 2] are the heights of its ink's edges above the baseline in x-heights, `priors` [N]
    the log probabilities of its cuts, `pictures` uint8 [N, 28, 28] what the network saw, `logits` float32
    [N, K] what it made of them. `breaks` [n] is the probability that a space stands before each piece.
    """

    spans: tuple[tuple[int, int], ...]
    boxes: tuple[Box, ...]
    places: NDArray[np.float64]
    priors: NDArray[np.float64]
    pictures: NDArray[np.uint8]
    logits: NDArray[np.float32]
    breaks: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        found: Sequence[Hypothesis],
        line: LineInk,
        pictures: NDArray[np.uint8],
        logits: NDArray[np.float32],
        ink: Ink,
    ) -> Lattice:
        """Keep of a line's hypotheses what reading needs once their `logits` are known."""
        return cls(
            tuple((h.start, h.stop) for h in found),
            tuple(ink.box(h.x, h.y, h.ink.shape[1], h.ink.shape[0]) for h in found),
            np.array([[h.top, h.bottom] for h in found]).reshape(-1, 2),
            np.array([h.prior for h in found]),
            pictures,
            logits,
            line.breaks,
        )


class Seen:
    """A picture of writing that was looked at; `Reader.tell` says what is written there, as often as wanted.

    Args:
        picture: what is looked at.
        layout: what it shows: "page", "line" or "word".
        recogniser: of characters that stand apart.
        line_recogniser: of lines; None where they are read by characters alone.
        turn: whether a page may be turned on its head to see if it reads better; signs of an alphabet of
            one's own do not say.

    The planes of the ink, many times as large as what was found in them, are not kept. A picture that is one
    line is read as it is: its ink is looked for, and any line's lattice made, when first asked for.
    """

    def __init__(
        self,
        picture: Picture,
        layout: str,
        recogniser: Recogniser,
        line_recogniser: LineRecogniser | None,
        *,
        turn: bool = True,
    ) -> None:
        self.picture, self.layout = picture, layout
        self.recogniser, self.line_recogniser = recogniser, line_recogniser
        self._lattices: dict[int, Lattice] = {}
        self._alone = None if layout == "page" or line_recogniser is None else view_picture(picture)
        self._ink = None if self._alone else _Found.of(picture, layout, line_recogniser, turn=turn)

    @property
    def _found(self) -> _Found:
        if self._ink is None:
            self._ink = _Found.of(self.picture, self.layout, self.line_recogniser, turn=False)
        return self._ink

    @property
    def lines(self) -> list[LineInk]:
        """The lines in reading order."""
        return self._found.lines

    @property
    def strips(self) -> list[View]:
        """The first view of each line."""
        return [self._alone] if self._alone else self._found.views

    @property
    def views(self) -> list[Iterable[View]]:
        """Each line as its recogniser may see it, the least changed view first, further ones on demand."""
        if self._alone:
            return [self._further(self._alone)]
        found = self._found
        bare: Sequence[Crop | None] = found.bare or [None] * len(found.views)
        return [_with_bare(view, crop) for view, crop in zip(found.views, bare, strict=True)]

    def _further(self, first: View) -> Iterator[View]:
        yield first
        yield from self._found.views

    @property
    def quarters(self) -> int:
        """How many quarters to the left the picture must be turned for its lines to run to the right."""
        if self._ink is None:
            return 0
        across, down = self._ink.frame.to_picture[:, 0]
        return round(math.atan2(down, across) / (math.pi / 2)) % 4

    @property
    def nbytes(self) -> int:
        """About how much memory this takes."""
        lattices = sum(made.logits.nbytes + made.pictures.nbytes for made in self._lattices.values())
        return self.picture.rgb.nbytes + (self._ink.nbytes if self._ink else 0) + lattices

    def lattices(self, numbers: Sequence[int]) -> list[Lattice]:
        """Return the lattices of the lines with these numbers."""
        new = [i for i in numbers if i not in self._lattices]
        found = [hypotheses(self.lines[i]) for i in new]
        pictures = prepare_all([h.ink for hs in found for h in hs])
        logits = self.recogniser.logits(pictures)
        at = 0
        for i, hs in zip(new, found, strict=True):
            own = slice(at, at := at + len(hs))
            self._lattices[i] = Lattice.of(hs, self.lines[i], pictures[own], logits[own], self._found.frame)
        return [self._lattices[i] for i in numbers]


def _with_bare(view: View, bare: Crop | None) -> Iterator[View]:
    yield view
    if bare:
        yield view_crop(bare)


@dataclass(frozen=True)
class _Found:
    """The lines in a picture's ink and their views; `frame` is the ink without its planes.

    `bare` are the lines of a ruled page without their rules; those of other pages are not cut out twice.
    """

    lines: list[LineInk]
    views: list[View]
    bare: list[Crop]
    frame: Ink
    nbytes: int

    @classmethod
    def of(cls, picture: Picture, layout: str, recogniser: LineRecogniser | None, *, turn: bool) -> _Found:
        """Find them; of a page of which little can be read, the other way up too, and keep the clearer."""
        ink = extract(picture, layout=layout)
        found = cls.within(ink, layout, crops=recogniser is not None)
        if layout != "page" or not turn or recogniser is None:
            return found
        clear = found.clearness(recogniser)
        if clear is None or clear >= (_CLEAR if len(found.views) > _TRIED else _CLEAR_ALL):
            return found
        other = cls.within(ink.turned(2), layout, crops=True)
        return other if (other.clearness(recogniser) or 0) > clear + _CLEARER else found

    def clearness(self, recogniser: LineRecogniser) -> float | None:
        """Return how clear lines are to `recogniser`, 0 to 1; None where they are too short.

        It is the median over those of most pieces: what lies beside the sheet may be longer, in few pieces.
        """
        order = sorted(range(len(self.lines)), key=lambda i: -len(self.lines[i].pieces))[:_TRIED]
        longest = [self.views[i].image for i in order]
        if sum(image.shape[1] for image in longest) < _ENOUGH:
            return None
        return float(np.median([clearness(recogniser, [image]) for image in longest]))

    @classmethod
    def within(cls, ink: Ink, layout: str, *, crops: bool) -> _Found:
        """Find the lines of ink that stands as it should."""
        lines = find_lines(ink, layout=layout)
        cut = [crop_of(ink, line) for line in lines] if crops else []
        ruled = crops and ink.ruled and layout == "page"
        bare = [crop_of(ink, line, bare=True) for line in lines] if ruled else []
        views = [view_crop(crop) for crop in cut]  # they take their crops along
        parts: list[NDArray[Any]] = [plane for c in (*cut, *bare) for plane in (c.grey, c.base)]
        parts += [view.image for view in views] + [piece.ink for line in lines for piece in line.pieces]
        frame = replace(ink, strength=_NO_PLANE, mask=_NO_PLANE, grey=_NO_PLANE)
        return cls(lines, views, bare, frame, sum(part.nbytes for part in parts))


@dataclass(frozen=True)
class SeenGlyph:
    """A picture of one character that was looked at.

    `image` uint8 [28, 28] is what the network saw, `logits` float32 [K] what it made of it; `box` is where
    the ink lies in the picture, empty where there is none.
    """

    picture: Picture
    recogniser: Recogniser
    image: NDArray[np.uint8] = field(repr=False)
    logits: NDArray[np.float32] = field(repr=False)
    box: Box

    @property
    def quarters(self) -> int:
        """Which way up a single character is, nobody can tell: 0."""
        return 0

    @property
    def nbytes(self) -> int:
        """About how much memory this takes."""
        return self.picture.rgb.nbytes

    @classmethod
    def of(cls, picture: Picture, recogniser: Recogniser) -> SeenGlyph:
        """Look at a picture of one character."""
        ink = extract(picture, layout="glyph")
        image = prepare(ink.strength)
        return cls(picture, recogniser, image, recogniser.logits(image[None])[0], _ink_box(ink))


def _ink_box(ink: Ink) -> Box:
    ys, xs = np.flatnonzero(ink.mask.any(axis=1)), np.flatnonzero(ink.mask.any(axis=0))
    if not len(ys):
        return Box(0, 0, 0, 0)
    return ink.box(int(xs[0]), int(ys[0]), int(xs[-1] - xs[0] + 1), int(ys[-1] - ys[0] + 1))
