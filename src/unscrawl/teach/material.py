"""What a person gives for teaching → lines and characters: folders, pages with their text, corrected results.

- X.png + X.txt: a line, where the text is one line, else a page whose lines are matched with the text;
- X.png + X.json, or X.json alone: a result of `unscrawl read --format json`, corrected;
- a/1.png: characters, each folder named by its character or as U+0061.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError, PictureError, UnscrawlError
from unscrawl.glyph import prepare
from unscrawl.hand import Character
from unscrawl.image import Picture, load
from unscrawl.ink import extract
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.page import Box
from unscrawl.teach.matching import match
from unscrawl.teach.trial import greedy
from unscrawl.teach.writing import Part, Writing

__all__ = ["Given", "Material", "gather", "in_boxes", "reader_of"]

_PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
_CODE: Final = re.compile(r"[Uu]\+([0-9A-Fa-f]{1,6})")
_MOST_TEXT: Final = 4 << 20  # bytes of a text or result that is looked into
_ROUNDED: Final = 6e-5  # by which a confidence, of four digits, may differ from its alternative, of six

Read = Callable[[Sequence[NDArray[np.uint8]]], list[str]]
"""Reads strips [40, W] with the base: what a page's lines are matched with its text by."""


@dataclass(frozen=True)
class Given:
    """Writing with its text as given; `name` says where it came from."""

    part: Part
    text: str
    name: str


@dataclass
class Material:
    """All that the sources hold: lines, characters, and what was left out (name, why).

    `others` are strips of lines whose text is not known.
    """

    lines: list[Given] = field(default_factory=list)
    characters: list[Character] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    others: list[NDArray[np.uint8]] = field(default_factory=list)


def gather(sources: Sequence[Path], read: Read, also: Sequence[Path] = ()) -> Material:
    """Collect what is to be taught from files and folders; what cannot be used is named in `left_out`.

    `also` are pictures of pages whose text is not known.

    Raises:
        DataError: a source does not exist, or holds nothing of these forms.
        PictureError: one of `also` is no picture.
    """
    material = Material()
    for source in sources:
        pairs, folders = _look(source)
        for picture, words in pairs:
            try:
                _add_pair(picture, words, read, material)
            except (PictureError, DataError) as error:
                material.left_out.append((words.name, str(error)))
        for folder in folders:
            _add_characters(folder, material)
    for page in also:
        material.others += [part.strip for part in Writing(load(page)).lines]
    if also and not material.lines:
        material.left_out.append((also[0].name, "no line with its text goes with it"))
    return material


def reader_of(recogniser: LineRecogniser) -> Read:
    """Return how the base reads strips, without a language."""

    def read(strips: Sequence[NDArray[np.uint8]]) -> list[str]:
        found = (recogniser.log_probabilities(f) for f in recogniser.features(strips))
        return ["".join(recogniser.classes[c - 1] for c in greedy(p)) for p in found]

    return read


def _look(source: Path) -> tuple[list[tuple[Path | None, Path]], list[Path]]:
    """Return pairs of picture and transcription, and folders of characters."""
    if source.is_file():
        if source.suffix.lower() == ".json":
            return [(None, source)], []
        for ending in (".txt", ".json"):
            if source.with_suffix(ending).is_file():
                return [(source, source.with_suffix(ending))], []
        raise DataError(f"{source}: its text is missing: put {source.stem}.txt beside it")
    if not source.is_dir():
        raise DataError(f"{source}: no such file or folder")
    files = sorted(source.iterdir(), key=lambda p: [(len(t), t) for t in re.split(r"(\d+)", p.name)])
    pictures = [p for p in files if p.suffix.lower() in _PICTURES and not p.name.startswith(".")]
    with_text = [p for p in pictures if any(p.with_suffix(e).is_file() for e in (".txt", ".json"))]
    pairs: list[tuple[Path | None, Path]] = [pair for p in with_text for pair in _look(p)[0]]
    stems = {p.stem for p in with_text}
    pairs += [(None, p) for p in files if p.suffix.lower() == ".json" and p.stem not in stems]
    folders = [p for p in files if p.is_dir() and any(q.suffix.lower() in _PICTURES for q in p.iterdir())]
    if not pairs and not folders:
        raise DataError(f"{source}: nothing to learn from: no X.png with X.txt, no X.json, no a/1.png in it")
    return pairs, folders


def _add_pair(picture: Path | None, words: Path, read: Read, material: Material) -> None:
    text = _text(words)
    if words.suffix.lower() == ".json":
        for result in _results(text, words):
            place = picture or _picture_of(result, words)
            boxes, doubtful = _corrected(result, place.name)
            material.left_out += doubtful
            _add_boxes(load(place), boxes, material)
        return
    assert picture is not None
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        writing = Writing(load(picture))
        if not writing.lines:
            raise PictureError(f"{picture}: nothing written here was found")
        for found in match(read([part.strip for part in writing.lines]), text):
            name = f"{picture.name}, line {found.line + 1}"
            if found.doubt:
                material.left_out.append((name, found.doubt))
            else:
                material.lines.append(Given(writing.lines[found.line], found.text, name))
        return
    writing = Writing(load(picture), "line")
    if not writing.lines:
        raise PictureError(f"{picture}: nothing written here was found")
    material.lines.append(Given(writing.lines[0], lines[0] if lines else "", picture.name))


def in_boxes(picture: Picture, texts: Sequence[tuple[Box | None, str]], name: str) -> Material:
    """Return the writing in each box of a picture with its text; None stands for a picture of one line."""
    material = Material()
    boxes = [(box, text, f"{name}: {text}") for box, text in texts]
    _add_boxes(picture, boxes, material)
    return material


def _add_boxes(picture: Picture, boxes: Sequence[tuple[Box | None, str, str]], material: Material) -> None:
    page: Writing | None = None
    for box, text, name in boxes:
        if box is None:
            alone = Writing(picture, "line").lines
            part = alone[0] if alone else None
        else:
            page = page or Writing(picture)
            part = page.at(box)
        if part is None:
            material.left_out.append((name, "nothing written was found there"))
        else:
            material.lines.append(Given(part, text, name))


def _text(path: Path) -> str:
    """Read a text file.

    Raises:
        DataError: it cannot be read, is too large, or is no UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_TEXT + 1)
        if len(data) > _MOST_TEXT:
            raise DataError(f"{path}: larger than {_MOST_TEXT >> 20} MiB: no transcription")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not UTF-8 text") from None


def _results(text: str, path: Path) -> Iterator[dict[str, Any]]:
    """Return the results in a file: one JSON object, or one on each line."""
    try:
        results = [json.loads(text)]
    except (ValueError, RecursionError):
        try:
            results = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: is not JSON ({error})") from None
    for result in results:
        if not isinstance(result, dict) or not isinstance(result.get("lines"), list):
            raise DataError(f"{path}: is not a result of `unscrawl read --format json`")
        yield result


def _picture_of(result: dict[str, Any], path: Path) -> Path:
    """Return the picture that a result was read in: where it says, or of that name beside it."""
    source = Path(str(result.get("source") or ""))
    places = [path.parent / source, source, path.parent / source.name]
    places += [path.with_suffix(ending) for ending in _PICTURES]
    for place in places:
        if place.is_file():
            return place
    raise DataError(f"{path}: its picture {str(source)!r} is not there: put it beside this file")


def _corrected(
    result: dict[str, Any], name: str
) -> tuple[list[tuple[Box | None, str, str]], list[tuple[str, str]]]:
    """Return box, text and name of each line, and the lines whose text is unclear.

    A result says everything several times: in `text` of the page, the line, the words, the glyphs. Whatever
    differs from what was read is the correction, wherever it was made: see `_right`.
    """
    whole = [" ".join(text.split()) for text in str(result.get("text") or "").split("\n")]
    boxes: list[tuple[Box | None, str, str]] = []
    doubtful = []
    for i, line in enumerate(result["lines"]):
        label = f"{name}, line {i + 1}"
        try:
            said = ["".join(_says(g) for g in w["glyphs"]) for w in line["words"]]
            said = [" ".join(said), " ".join(_says(w) for w in line["words"]), _says(line)]
            box = Box(*(int(v) for v in line["box"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            doubtful.append((label, "its text, words, glyphs or box are missing"))
            continue
        said = [" ".join(s.split()) for s in said]
        if any(whole) and len(whole) == len(result["lines"]):
            said.append(whole[i])
        elif any(whole) and not set(said) & set(whole):
            doubtful.append((label, "it is not in the text of the page, which has another number of lines"))
            continue
        try:
            boxes.append((box, _right(said, line["words"]), label))
        except DataError as error:
            doubtful.append((label, str(error)))
    return boxes, doubtful


def _says(part: dict[str, Any]) -> str:
    return "" if part["text"] is None else str(part["text"])


def _right(said: Sequence[str], words: Sequence[dict[str, Any]]) -> str:
    """Return the right text of a line; `said` is what its glyphs, words, text and maybe page say, in order.

    - Where all agree, that is it.
    - Else whatever differs from what was read is the correction; where several differ, they have to agree.
    - What was read can be told from the glyphs even when these were changed: see `_read_as`. It is what sets
      corrected glyphs beside untouched text apart from untouched glyphs beside corrected text.
    - A result without the glyphs' alternatives does not have that: its glyphs count as read if something
      else agrees with them. If they alone differ, nobody knows which side was corrected.

    Raises:
        DataError: it was corrected in two ways, or it cannot be told which is the correction.
    """
    if len(set(said)) == 1:
        return said[0]
    glyphs = [glyph for word in words for glyph in word["glyphs"]]
    if any(glyph.get("alternatives") for glyph in glyphs):
        read = _read_as(words)
    else:
        read = said[0] if said[0] in said[1:] else None
    if read is None:
        raise DataError("its glyphs and its text differ, and which of them was corrected cannot be told")
    right = {text for text in said if text != read}
    if len(right) > 1:
        raise DataError("it was corrected in two ways")
    return right.pop()


def _read_as(words: Sequence[dict[str, Any]]) -> str | None:
    """Return what a line was read as: of each glyph the alternative that has its confidence.

    None where that cannot be told, as one glyph's confidence is no or several alternatives', or a word's is
    not the mean of its glyphs': then glyphs were put in or taken out.
    """
    read = []
    try:
        for word in words:
            sure = [float(glyph["confidence"]) for glyph in word["glyphs"]]
            if abs(float(word["confidence"]) - sum(sure) / len(sure)) > 2 * _ROUNDED:
                return None
            found = [_choice(glyph, p) for glyph, p in zip(word["glyphs"], sure, strict=True)]
            read.append("".join(found))
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return " ".join(" ".join(read).split())


def _choice(glyph: dict[str, Any], confidence: float) -> str:
    """Return what a glyph was read as; ValueError where that cannot be told."""
    likely = [str(text) for text, p in glyph["alternatives"] if abs(float(p) - confidence) <= _ROUNDED]
    if glyph["text"] in likely:
        return str(glyph["text"])
    (one,) = likely
    return one


def _add_characters(folder: Path, material: Material) -> None:
    """Add the characters in a folder that is named by what they are."""
    code = _CODE.fullmatch(folder.name)
    try:
        label = chr(int(code[1], 16)) if code else folder.name
    except (ValueError, OverflowError):
        label = folder.name
    for file in sorted(p for p in folder.iterdir() if p.suffix.lower() in _PICTURES):
        name = f"{folder.name}/{file.name}"
        try:
            picture = prepare(extract(load(file), layout="glyph").strength)
        except UnscrawlError as error:
            material.left_out.append((name, str(error)))
            continue
        if picture.any():
            material.characters.append(Character(picture, label, name))
        else:
            material.left_out.append((name, "nothing written here was found"))
