"""A card that would make a network answer nonsense is refused when it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from unscrawl.card import Card, read_card
from unscrawl.errors import ModelError

CARD = {"classes": ["a", "b"], "size": 28, "channels": 1, "temperature": 1.5}


def write(folder: Path, **changed: Any) -> Path:
    path = folder / "net.json"
    path.write_text(json.dumps(CARD | changed))
    return path


def test_a_card_is_taken_as_it_is(tmp_path: Path) -> None:
    card = Card.read(write(tmp_path))
    assert (card.classes, card.temperature) == (("a", "b"), 1.5)


@pytest.mark.parametrize("temperature", [float("nan"), float("inf"), 0, -1.5, "nan"])
def test_a_temperature_that_cannot_divide_is_refused(tmp_path: Path, temperature: object) -> None:
    with pytest.raises(ModelError, match=r"net\.json: its temperature is .*, not above 0: export"):
        read_card(write(tmp_path, temperature=temperature))


@pytest.mark.parametrize("classes", [["a", "b", "a"], "aba"])
def test_a_class_named_twice_is_refused(tmp_path: Path, classes: object) -> None:
    with pytest.raises(ModelError, match=r"net\.json names the class 'a' twice"):
        read_card(write(tmp_path, classes=classes))


@pytest.mark.parametrize("name", ["\n", "\t", "\0", "a\x1b[2J", "\x9b"])
def test_a_control_character_is_no_class(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="a control character: export") as caught:
        read_card(write(tmp_path, classes=["a", name]))
    assert str(caught.value).isprintable()
