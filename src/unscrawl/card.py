"""The card of a network, and what that of a glyph network says: classes, pictures, what its logits mean."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import ModelError
from unscrawl.glyph import SIDE

__all__ = ["JUNK", "Card", "read_card"]

JUNK: Final = "no character"
"""The class of the shipped network for ink that is no single character."""

_LEAST_SPREAD: Final = 0.12  # x-heights; fonts agree with each other more than hands do
_JUNK_PLACE: Final = ((0.9, 0.0), (0.7, 0.5))  # mean and spread of (top, bottom) of anything at all


def read_card(path: Path) -> dict[str, Any]:
    """Return what a network's card says, at least its classes.

    Raises:
        ModelError: it is missing, damaged, no card, or says what cannot be.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: no card for the model; it lies beside the .onnx file as .json") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read as a model's card: {error}") from None
    if not isinstance(facts, dict) or not facts.get("classes"):
        raise ModelError(f"{path} is no model's card: it names no classes")
    _check(facts, path)
    return facts


def _check(facts: dict[str, Any], path: Path) -> None:
    """Raise `ModelError` for classes or a temperature with which a network would answer nonsense.

    What is of another kind altogether is left to those who know what they expect.
    """
    classes = facts["classes"]
    if isinstance(classes, list | tuple | str) and all(isinstance(c, str) for c in classes):
        twice = [name for name, count in Counter(classes).items() if count > 1]
        if twice:
            raise ModelError(f"{path} names the class {twice[0]!r} twice: export the network again")
        strange = [name for name in classes if any(unicodedata.category(c) == "Cc" for c in name)]
        if strange:
            raise ModelError(
                f"{path} names the class {strange[0]!r}, a control character: export the network again"
            )
    try:
        temperature = float(facts.get("temperature", 1.0))
    except (TypeError, ValueError):
        return
    if not 0 < temperature < float("inf"):  # so that NaN is refused too
        raise ModelError(f"{path}: its temperature is {temperature}, not above 0: export the network again")


@dataclass(frozen=True)
class Card:
    """What the card of a glyph network says.

    `size` is height and width of the pictures. Logits become calibrated once `bias` [C] is added, which takes
    the training set's class frequencies out again (see learn/shipped.py), and `temperature` has divided them.
    `places` are mean and spread of (top, bottom) per class, [C, 2] each, in x-heights above the baseline, or
    None.
    """

    classes: tuple[str, ...]
    size: tuple[int, int]
    channels: int
    temperature: float
    bias: NDArray[np.float32]
    places: tuple[NDArray[np.float64], NDArray[np.float64]] | None

    @classmethod
    def read(cls, path: Path) -> Card:
        """Read a card.

        Raises:
            ModelError: it is missing, damaged, or no such card.
        """
        facts = read_card(path)
        try:
            card = cls._of(facts)
        except (KeyError, TypeError, ValueError):
            raise ModelError(
                f"{path} is no glyph network's card: classes, size, channels, temperature, bias or places "
                "are not such"
            ) from None
        if card.bias.shape != (len(card.classes),):
            raise ModelError(f"{path} names {card.bias.size} biases for {len(card.classes)} classes")
        return card

    @classmethod
    def _of(cls, facts: dict[str, Any]) -> Card:
        """Take over what a card says; KeyError, TypeError or ValueError where it is no such card."""
        classes = tuple(facts["classes"])
        if not all(isinstance(c, str) for c in classes):
            raise TypeError("classes")
        side = facts.get("size", SIDE)
        high, wide = (side, side) if isinstance(side, int) else side
        bias = np.array(facts.get("bias", np.zeros(len(classes))), np.float32)
        places = _places(classes, facts["places"]) if "places" in facts else None
        channels, temperature = int(facts.get("channels", 1)), float(facts.get("temperature", 1.0))
        return cls(classes, (int(high), int(wide)), channels, temperature, bias, places)


def _places(
    classes: tuple[str, ...], told: dict[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and spread for all classes; a card has none for `JUNK`."""
    mean, spread = np.array(told["mean"], float), np.array(told["spread"], float)
    spread = np.hypot(spread, _LEAST_SPREAD)
    if JUNK in classes:
        mean = np.insert(mean, classes.index(JUNK), _JUNK_PLACE[0], axis=0)
        spread = np.insert(spread, classes.index(JUNK), _JUNK_PLACE[1], axis=0)
    if not mean.shape == spread.shape == (len(classes), 2):
        raise ValueError("places")
    return mean, spread
