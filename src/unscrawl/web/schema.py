"""What goes over the wire: requests and answers of the API, as OpenAPI describes them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from unscrawl.web.lessons import Holding
from unscrawl.web.records import PageRow

__all__ = [
    "About",
    "Alphabet",
    "Character",
    "Correction",
    "Failure",
    "HandAbout",
    "HandName",
    "LayoutName",
    "Learn",
    "LineRight",
    "ReadAgain",
    "ReadPage",
    "Reread",
    "Saved",
    "Standing",
    "StandingLine",
    "Summary",
    "Taught",
    "WordRight",
]

Alphabet = Literal["digits", "letters", "all"]
LayoutName = Literal["page", "line", "word", "glyph"]
"""Layouts of one picture; ready-cut folders are no matter of the web."""
HandName = Annotated[str, Field(min_length=1, max_length=64, description="the name of a hand")]
Number = Annotated[int, Field(ge=0, le=1_000_000)]
Probability = Annotated[float, Field(ge=0, le=1)]
BoxValues = Annotated[
    tuple[int, int, int, int], Field(description="left, top, width, height in pixels of the upright original")
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Failure(_Model):
    """Every answer that is no success."""

    error: str = Field(description="one line: what is wrong, and what to do")


class About(_Model):
    version: str
    max_upload: int = Field(description="most bytes of a request")
    hands: list[str] = Field(description="names of the hands that were taught")


class HandAbout(_Model):
    """What a hand holds. Error rates are of held-out lines, null where nothing better was found for lines."""

    name: str
    lines: int = Field(description="lines that it was taught")
    characters: int = Field(description="single characters that it was taught")
    own_alphabet: bool = Field(description="its characters are symbols of the user's own")
    useful: bool = Field(description="false: it reads as the base does, for nothing better was found")
    before: float | None
    after: float | None

    @classmethod
    def of(cls, holding: Holding) -> HandAbout:
        return cls(**asdict(holding))


class Glyph(_Model):
    text: str
    confidence: Probability
    box: BoxValues
    alternatives: list[tuple[str, float]] = Field(description="(character, probability), best first")


class Word(_Model):
    text: str
    confidence: Probability
    box: BoxValues
    glyphs: list[Glyph]
    corrected: bool | None = Field(None, description="true where a person gave this text")
    read: str | None = Field(None, description="what was read where a person gave the text")


class Line(_Model):
    text: str
    confidence: Probability
    box: BoxValues
    words: list[Word]


class ReadPage(_Model):
    """A page: the same JSON as `unscrawl read --format json`, and in exports which words were corrected."""

    source: str
    text: str
    confidence: Probability
    lines: list[Line]


class Character(_Model):
    """One character: as `unscrawl classify --format json`, and the pixels that the network saw."""

    source: str
    label: str
    confidence: Probability
    alternatives: list[tuple[str, float]]
    seen: list[list[int]] = Field(description="28 rows of 28 values, 0 paper to 255 ink")
    blank: bool = Field(description="nothing is written there, so the label is a mere guess")


class Summary(_Model):
    """A page in the list of pages."""

    id: str
    name: str
    made: float = Field(description="seconds since 1970")
    hand: str | None
    begins: str = Field(description="its first 100 characters")

    @classmethod
    def of(cls, row: PageRow) -> Summary:
        return cls(id=row.id, name=row.name, made=row.made, hand=row.hand, begins=row.begins)


class StandingWord(_Model):
    """A word as it stands: `text` is the person's where there is one, None where nothing is written."""

    text: str | None
    read: str
    confidence: Probability
    box: BoxValues
    doubtful: bool
    corrected: bool
    version: int = Field(description="how often it was corrected; a correction names the version it replaces")
    glyphs: list[Glyph]


class StandingLine(_Model):
    text: str
    box: BoxValues
    words: list[StandingWord]


class Standing(_Model):
    """A page as it stands."""

    id: str
    name: str
    layout: LayoutName
    hand: str | None
    reading: int = Field(description="how often the page was read; a correction names the reading it is of")
    width: int
    height: int
    confidence: Probability
    text: str
    doubtful: int = Field(description="words to look at")
    corrected: int
    lines: list[StandingLine]


class WordRight(_Model):
    """The right text of a word; null: nothing is written there."""

    reading: Number
    version: Number = Field(description="the version that the person saw, 0 without corrections")
    text: str | None


class LineRight(_Model):
    """The right text of a whole line."""

    reading: Number
    versions: list[Number] = Field(description="the versions of its words that the person saw")
    text: str


class Saved(_Model):
    """The line after a correction, and the page's counts."""

    line: StandingLine
    doubtful: int
    corrected: int


class Correction(_Model):
    """One entry of a page's history; `standing` is false where a correction was taken back."""

    reading: int
    line: int
    word: int
    version: int
    text: str | None
    standing: bool
    made: float


class ReadAgain(_Model):
    reading: Number = Field(description="the reading that is to be replaced")
    hand: HandName | None = None


class Learn(_Model):
    hand: HandName


class LeftOut(_Model):
    name: str
    why: str


class Taught(_Model):
    """What came of teaching. Error rates are as in `HandAbout`."""

    used: int = Field(description="lines learnt from")
    left_out: list[LeftOut]
    before: float | None
    after: float | None
    kept: bool = Field(description="false: it would not have helped, so the hand stays as it was")


class Change(_Model):
    line: int
    word: int
    before: str
    after: str


class Reread(_Model):
    """A page read again."""

    page: Standing
    changes: list[Change]
    saved: int = Field(description="corrections that are now read right without help")
    wrong: int = Field(description="corrections that the reading before had needed")
    homeless: list[str] = Field(description="corrected texts that no word of the new reading takes")
    taught: Taught | None
