"""The page as it stands: what was read (`Page.export()`) with the corrections of its words on top."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any, Final, NamedTuple

from unscrawl.page import Box
from unscrawl.render import DOUBTFUL
from unscrawl.web.records import Correction, Edit, Reading
from unscrawl.web.refused import RefusedError

__all__ = ["Vouched", "compose", "correct_line", "corrected_export", "right_text", "share_out", "vouched"]

_LONGEST: Final = 200  # characters in a word's correction, spaces included


def right_text(text: str, longest: int = _LONGEST) -> str:
    """Return a person's text in normal form C, with single spaces and without invisible marks.

    Such marks (category Cf: zero-width spaces, soft hyphens, marks of direction) come with pasted text.

    Raises:
        RefusedError: it is empty, too long, or holds something that cannot be written by hand (422).
    """
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if not text:
        raise RefusedError(422, "the text is empty: type what is written there, or say that nothing is")
    if len(text) > longest:
        raise RefusedError(422, f"the text has {len(text)} characters: {longest} are the most here")
    if any(unicodedata.category(c) in {"Cc", "Cs", "Cn"} for c in text):
        raise RefusedError(422, "the text holds a control character or half a character: type it anew")
    return text


def compose(reading: Reading) -> dict[str, Any]:
    """Return the page as it stands: what was read, with the corrections on top."""
    lines = []
    for i, line in enumerate(reading.result["lines"]):
        standing = [_word(word, reading.corrections.get((i, j))) for j, word in enumerate(line["words"])]
        text = " ".join(word["text"] for word in standing if word["text"])
        lines.append({"text": text, "box": line["box"], "words": standing})
    words = [word for line in lines for word in line["words"]]
    page = reading.page
    return {
        "id": page.id,
        "name": page.name,
        "layout": page.layout,
        "hand": page.hand,
        "reading": page.reading,
        "width": page.width,
        "height": page.height,
        "confidence": reading.result["confidence"],
        "text": "\n".join(line["text"] for line in lines if line["text"]),
        "doubtful": sum(word["doubtful"] for word in words),
        "corrected": sum(word["corrected"] for word in words),
        "lines": lines,
    }


def _word(word: dict[str, Any], last: Correction | None) -> dict[str, Any]:
    corrected = bool(last and last.standing)
    return {
        "text": last.text if last and corrected else word["text"],
        "read": word["text"],
        "confidence": word["confidence"],
        "box": word["box"],
        "doubtful": not corrected and any(g["confidence"] < DOUBTFUL for g in word["glyphs"]),
        "corrected": corrected,
        "version": last.version if last else 0,
        "glyphs": word["glyphs"],
    }


def corrected_export(reading: Reading) -> dict[str, Any]:
    """Return the page in the form of `Page.export()`, with the corrected texts and all parts in agreement.

    A corrected word also has `corrected` (true) and what was `read`. Words that were struck out are left out.
    """
    page = compose(reading)
    lines = []
    for line in page["lines"]:
        words = [_corrected_word(word) for word in line["words"] if word["text"]]
        if words:
            confidence = sum(w["confidence"] for w in words) / len(words)
            head = {"text": line["text"], "confidence": round(confidence, 4), "box": line["box"]}
            lines.append({**head, "words": words})
    head = {"source": page["name"], "text": page["text"], "confidence": page["confidence"]}
    return {**head, "lines": lines}


def _corrected_word(word: dict[str, Any]) -> dict[str, Any]:
    text, glyphs = word["text"], word["glyphs"]
    if not word["corrected"]:
        return {"text": text, "confidence": word["confidence"], "box": word["box"], "glyphs": glyphs}
    boxes = [glyph["box"] for glyph in glyphs]
    if len(text) != len(boxes) or " " in text:  # nobody said where each character is
        text, boxes = [text], [word["box"]]
    certain = [
        {"text": c, "confidence": 1.0, "box": box, "alternatives": [[c, 1.0]]}
        for c, box in zip(text, boxes, strict=True)
    ]
    told = {"text": word["text"], "confidence": 1.0, "box": word["box"], "glyphs": certain}
    return {**told, "corrected": True, "read": word["read"]}


def correct_line(reading: Reading, number: int, text: str, seen: Sequence[int]) -> Iterator[Edit]:
    """Turn the right text of a whole line into corrections of its words, whose versions were `seen`.

    The words of `text` are laid beside the words that were read, by the characters that both have in
    common. A word that nothing falls to is struck out.
    """
    words = [word["text"] for word in reading.result["lines"][number]["words"]]
    for j, (part, version) in enumerate(zip(share_out(words, text), seen, strict=True)):
        yield Edit(number, j, part, version)


def share_out(words: Sequence[str], text: str) -> list[str | None]:
    """Give each word of `text` to the read word that it shares most characters with, in order."""
    tokens = text.split()
    if len(tokens) == len(words):
        return list(tokens)
    # best[j][i]: most characters in common when the first j tokens went to the first i words.
    common = [[_common(token, word) for word in words] for token in tokens]
    best = [[0.0] * len(words)]
    for row in common:
        before = best[-1]
        best.append([max(before[: i + 1]) + row[i] for i in range(len(words))])
    owner, limit = [], len(words)
    for j in range(len(tokens), 0, -1):
        owner.append(max(range(limit), key=lambda i: (best[j][i], i)))
        limit = owner[-1] + 1
    shares: list[list[str]] = [[] for _ in words]
    for token, i in zip(tokens, reversed(owner), strict=True):
        shares[i].append(token)
    return [" ".join(share) or None for share in shares]


def _common(a: str, b: str) -> float:
    matcher = SequenceMatcher(None, a.casefold(), b.casefold(), autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) - 0.01 * abs(len(a) - len(b))


class Vouched(NamedTuple):
    """A part of a line that reads `text`; where its looked-at characters are, as far as that is known."""

    box: Box
    text: str
    glyphs: tuple[tuple[Box, str], ...]


def vouched(reading: Reading) -> list[Vouched]:
    """Return what is certain enough to learn from.

    These are the words that a person corrected or confirmed, with their neighbours up to the next doubtful
    word; a word that nobody looked at is no teacher.
    """
    found = []
    for line in compose(reading)["lines"]:
        for doubtful, run in groupby(line["words"], key=lambda word: word["doubtful"]):
            words = [word for word in run if word["text"]]
            if not doubtful and any(word["corrected"] for word in words):
                text = " ".join(word["text"] for word in words)
                glyphs = tuple(glyph for word in words for glyph in _placed(word))
                found.append(Vouched(_around([word["box"] for word in words]), text, glyphs))
    return found


def _placed(word: dict[str, Any]) -> Iterator[tuple[Box, str]]:
    """Say where each character of a corrected word is, if it has as many as were read."""
    if word["corrected"] and len(word["text"]) == len(word["glyphs"]) and " " not in word["text"]:
        for character, glyph in zip(word["text"], word["glyphs"], strict=True):
            yield Box(*glyph["box"]), character


def _around(boxes: Sequence[Sequence[int]]) -> Box:
    x, y = min(b[0] for b in boxes), min(b[1] for b in boxes)
    return Box(x, y, max(b[0] + b[2] for b in boxes) - x, max(b[1] + b[3] for b in boxes) - y)
