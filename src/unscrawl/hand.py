"""A hand: what was learnt of one writer, kept in small files under the user's data folder.

A file (`.hand`) is safetensors with one JSON text: the lines and characters that were taught, what they make
of the base networks, and which base networks these were. Pictures are kept beside what was
learnt from them, so that a better base can be taught the same hand again. A hand's folder holds its last ten
states; each teaching adds a file and touches no older one, so going back is always possible.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl import shelf
from unscrawl.errors import ModelError, OptionError, OutputError
from unscrawl.glyph import SIDE
from unscrawl.gradients import GRADIENTS, gradients
from unscrawl.handfile import (
    FORMAT,
    coarse,
    fine,
    from_png,
    in_steps,
    is_hand,
    pack,
    plain,
    sound_figures,
    sound_words,
    storable,
    to_png,
    unpack,
)
from unscrawl.strip import HEIGHT

__all__ = ["Character", "GlyphHead", "Hand", "LineHead", "Sample"]

_LARGEST: Final = 1e4  # of what is added to a network or takes a part's place; taught ones stay below 20

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """A line of writing and its text: `strip` uint8 [40, W] as from `strip.prepare`; `name` for messages."""

    strip: NDArray[np.uint8] = field(repr=False, compare=False)
    text: str
    name: str = ""

    def __post_init__(self) -> None:
        _store(self, text=plain(self.text), name=plain(self.name))


@dataclass(frozen=True)
class Character:
    """One character: `picture` uint8 [28, 28] as from `glyph.prepare`, and what it is."""

    picture: NDArray[np.uint8] = field(repr=False, compare=False)
    label: str
    name: str = ""

    def __post_init__(self) -> None:
        _store(self, label=plain(self.label), name=plain(self.name))


@dataclass(frozen=True)
class LineHead:
    """What is added to the line recogniser's last layer: float32 `weight` [D, C], `bias` [C].

    `biases` are to be given to its trunk in place of its own, and matrices to be multiplied and added to its
    weights. `deep` is what is added to all of the recogniser's weights before all that (see
    `LineRecogniser.adapted`). `base` is the fingerprint of the recogniser that was taught.
    """

    weight: Floats = field(repr=False, compare=False)
    bias: Floats = field(repr=False, compare=False)
    base: str
    biases: Mapping[str, Floats] = field(default_factory=dict, repr=False, compare=False)
    deep: Mapping[str, Floats] = field(default_factory=dict, repr=False, compare=False)

    def on(self, head: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        """Return the taught layer made of the base's `head`."""
        return head[0] + self.weight, head[1] + self.bias


@dataclass(frozen=True)
class GlyphHead:
    """A layer on the glyph recogniser's K logits: float32 `weight` [K, C], `bias` [C] for C `classes`.

    Where the classes are the user's own labels the last may be `recogniser.JUNK`, and below the logits' rows
    the weight may have those of the pictures' gradients, which tell what the logits do not.
    """

    classes: tuple[str, ...]
    weight: Floats = field(repr=False, compare=False)
    bias: Floats = field(repr=False, compare=False)
    base: str

    def takes(self, logits: int) -> bool:
        """Tell whether the weight has rows for so many logits, with the gradients or without."""
        return len(self.weight) in (logits, logits + GRADIENTS)

    def log_probabilities(self, logits: Floats, pictures: NDArray[np.uint8]) -> Floats:
        """Turn logits [N, K] of `pictures` [N, 28, 28] into calibrated log p(class | picture) [N, C]."""
        if len(self.weight) > logits.shape[1]:
            logits = np.concatenate([logits, gradients(pictures)], axis=1)
        x = logits @ self.weight + self.bias
        x -= x.max(axis=1, keepdims=True)
        return np.asarray(x - np.log(np.exp(x).sum(axis=1, keepdims=True)), np.float32)


@dataclass(frozen=True)
class Hand:
    """What was learnt of one writer.

    `lines` and `characters` are all that was taught, the last teaching last; `own_alphabet` says that the
    characters are symbols with the user's labels. `words` counts the writer's words, for the language model.
    `line` and `glyph` are None where nothing better than the base was found. `figures` tells of the last
    teaching. `state` counts up with each change that is kept, 0 for a hand that never was.
    """

    name: str
    lines: tuple[Sample, ...] = ()
    characters: tuple[Character, ...] = ()
    own_alphabet: bool = False
    words: Mapping[str, float] = field(default_factory=dict)
    line: LineHead | None = None
    glyph: GlyphHead | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    state: int = field(default=0, compare=False)

    def to_bytes(self) -> bytes:
        """Return the bytes of the hand's file."""
        pictures = [to_png(coarse(s.strip)) for s in self.lines]
        facts: dict[str, Any] = {
            "name": self.name,
            "own_alphabet": self.own_alphabet,
            "lines": [
                {"text": s.text, "name": s.name, "bytes": len(p)}
                for s, p in zip(self.lines, pictures, strict=True)
            ],
            "characters": [{"label": c.label, "name": c.name} for c in self.characters],
            "words": storable(self.words),
            "figures": dict(self.figures),
        }
        arrays: dict[str, NDArray[Any]] = {"strips": np.frombuffer(b"".join(pictures), np.uint8)}
        if self.characters:
            sheet = coarse(np.concatenate([c.picture for c in self.characters]))
            arrays["characters"] = np.frombuffer(to_png(sheet), np.uint8)
        if self.line is not None:
            facts["line"] = {"base": self.line.base}
            arrays |= {"line.weight": self.line.weight.astype(np.float16), "line.bias": self.line.bias}
            arrays |= {
                f"trunk.{name}": value.astype(np.float16) if value.ndim > 1 else value
                for name, value in self.line.biases.items()
            }
            arrays |= {f"deep.{name}": value for name, value in in_steps(self.line.deep).items()}
        if self.glyph is not None:
            facts["glyph"] = {"base": self.glyph.base, "classes": list(self.glyph.classes)}
            arrays |= {"glyph.weight": self.glyph.weight.astype(np.float16), "glyph.bias": self.glyph.bias}
        deep = self.line is not None and bool(self.line.deep)
        return pack(facts, arrays, form=FORMAT if deep else 1)

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "the hand") -> Hand:
        """Read a hand from its file's bytes; `source` names them in messages.

        Raises:
            ModelError: damaged, of a newer form, or no hand at all.
        """
        try:
            return _read(*unpack(data))
        except ModelError as error:
            raise ModelError(f"{source} {error}") from None
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
            raise ModelError(f"{source} is damaged: it is not put together as a hand is") from None

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the hands there are, sorted."""
        return shelf.names()

    @classmethod
    def load(cls, name: str) -> Hand:
        """Return the hand called `name` as it was last saved.

        Raises:
            OptionError: there is none.
            ModelError: its file is damaged.
        """
        state = _last(name)
        file = shelf.path(name, state)
        try:
            return replace(cls.from_bytes(shelf.read(file), str(file)), name=name, state=state)
        except ModelError as error:
            raise ModelError(
                f"{error}; `unscrawl teach {name} --undo` goes back to what was before"
            ) from None

    def save(self) -> Hand:
        """Keep the hand under its name, beside its former states; return it with its new `state`.

        Raises:
            OptionError: no hand may have this name.
            OutputError: it cannot be written; nothing is changed then.
        """
        return replace(self, state=shelf.add(self.name, self.to_bytes()))

    @classmethod
    def undo(cls, name: str) -> Hand | None:
        """Take back the last change of the hand; return what it was before, None where that was nothing.

        Raises:
            OptionError: there is no such hand.
            OutputError: its file cannot be removed.
        """
        with shelf.locked(name):
            shelf.drop(name, _last(name))
            return cls.load(name) if shelf.states(name) else None

    @classmethod
    def forget(cls, name: str) -> None:
        """Delete the hand with all its states.

        Raises:
            OptionError: there is no such hand.
            OutputError: it cannot be deleted.
        """
        with shelf.locked(name):
            _last(name)
            shelf.drop(name)

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the hand to a file, or into a folder as NAME.hand; return the file.

        A hand's file that is there is replaced, and no other file.

        Raises:
            OutputError: it cannot be written, or would replace something that is no hand.
        """
        target = Path(path)
        target = target / (self.name + shelf.SUFFIX) if target.is_dir() else target
        _check_free(target)
        shelf.write(target, self.to_bytes())
        return target

    @classmethod
    def import_(cls, source: str | os.PathLike[str] | bytes, name: str | None = None) -> Hand:
        """Keep the hand in an exported file (or its bytes) under its own or another name.

        A hand that has this name already keeps its states: undo brings it back.

        Raises:
            ModelError: it is damaged, or no hand.
            OptionError: the name cannot be used.
            OutputError: it cannot be kept.
        """
        if isinstance(source, bytes):
            hand = cls.from_bytes(source)
        else:
            hand = cls.from_bytes(shelf.read(Path(source)), os.fspath(source))
        return replace(hand, name=shelf.check_name(name or hand.name)).save()


def _last(name: str) -> int:
    """Return the number of the hand's last state.

    Raises:
        OptionError: there is no such hand.
    """
    states = shelf.states(name)
    if not states:
        known = ", ".join(shelf.names())
        hint = f"there are {known}" if known else "`unscrawl teach NAME SOURCE` makes one"
        raise OptionError(f"no hand is called {name!r}: {hint}")
    return states[-1]


def _store(thing: Sample | Character, **texts: str) -> None:
    """Set what has been made safe to keep in a frozen dataclass."""
    for name, text in texts.items():
        object.__setattr__(thing, name, text)


def _check_free(file: Path) -> None:
    """Raise OutputError where writing `file` would replace something that is neither a hand nor empty."""
    try:
        free = not file.exists() or (file.is_file() and not file.stat().st_size) or is_hand(shelf.read(file))
    except (ModelError, OSError, ValueError):
        free = False
    if not free:
        raise OutputError(f"{file} is there already and is no hand's file: choose another name")


def _read(facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Hand:
    """Put a hand together; KeyError, TypeError or the like where parts are missing or do not fit."""
    lines, at, strips = [], 0, arrays["strips"].astype(np.uint8, casting="safe").tobytes()
    for line in facts["lines"]:
        strip = from_png(strips[at : at + int(line["bytes"])], height=HEIGHT)
        lines.append(Sample(strip, str(line["text"]), str(line["name"])))
        at += int(line["bytes"])
    characters: list[Character] = []
    if facts["characters"]:
        sheet = from_png(arrays["characters"].tobytes(), width=SIDE).reshape(-1, SIDE, SIDE)
        characters = [
            Character(picture, str(c["label"]), str(c["name"]))
            for picture, c in zip(sheet, facts["characters"], strict=True)
        ]
    line = glyph = None
    if "line" in facts:
        weight, bias = _layer(arrays, "line")
        line = LineHead(
            weight, bias, str(facts["line"]["base"]), _named(arrays, "trunk."), _named(arrays, "deep.")
        )
    if "glyph" in facts:
        weight, bias = _layer(arrays, "glyph")
        glyph = GlyphHead(
            tuple(plain(str(label)) for label in facts["glyph"]["classes"]),
            weight,
            bias,
            str(facts["glyph"]["base"]),
        )
        if len(glyph.classes) != len(bias):
            raise ValueError("classes")
    return Hand(
        name=str(facts["name"]),
        lines=tuple(lines),
        characters=tuple(characters),
        own_alphabet=bool(facts["own_alphabet"]),
        words=sound_words(facts["words"]),
        line=line,
        glyph=glyph,
        figures=sound_figures(facts["figures"]),
    )


def _named(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, Floats]:
    found = fine({n.removeprefix(prefix): v for n, v in arrays.items() if n.startswith(prefix)})
    if not all(_sensible(value) for value in found.values()):
        raise ValueError(prefix)
    return found


def _layer(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[Floats, Floats]:
    weight, bias = (arrays[f"{name}.{part}"].astype(np.float32) for part in ("weight", "bias"))
    if weight.ndim != 2 or bias.shape != weight.shape[1:] or not (_sensible(weight) and _sensible(bias)):
        raise ValueError(name)
    return weight, bias


def _sensible(values: Floats) -> bool:
    """Tell whether all values are numbers that a teaching may come to."""
    return bool((np.abs(values) <= _LARGEST).all())
