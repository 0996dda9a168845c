"""What sort of characters a writer writes: few of them move classes of their kind, none move nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.recogniser import JUNK
from unscrawl.teach.leaning import lean

CLASSES = (*"0123456789OSVXZosvxzel.,", JUNK)


def confused(characters: str, misread: str) -> NDArray[np.float64]:
    """Log p of characters, each of which may be what it is misread as as well."""
    p = np.full((len(characters), len(CLASSES)), 1e-3)
    for row, right, wrong in zip(p, characters, misread, strict=True):
        row[CLASSES.index(right)], row[CLASSES.index(wrong)] = 0.4, 0.6
    return np.asarray(np.log(p / p.sum(axis=1, keepdims=True)), np.float64)


def leaning(characters: str, misread: str, weight: float = 1.0) -> dict[str, float]:
    y = np.array([CLASSES.index(c) for c in characters])
    found = lean(confused(characters, misread), y, np.full(len(y), weight), CLASSES)
    return dict(zip(CLASSES, found.tolist(), strict=True))


def test_small_letters_misread_as_capitals_move_other_small_letters() -> None:
    found = leaning("ososos", "OSOSOS")
    assert found["x"] - found["X"] > 1


def test_digits_misread_as_letters_move_other_digits() -> None:
    found = leaning("050505", "OSOSOS")
    assert found["2"] - found["e"] > 1


def test_frequent_letters_taught_move_other_frequent_ones() -> None:
    found = leaning("oooooo", "xxxxxx")
    assert found["e"] > found["z"]


def test_what_counts_nothing_moves_nothing() -> None:
    assert leaning("oso", "OSO", weight=0.0) == pytest.approx(dict.fromkeys(CLASSES, 0.0), abs=1e-9)


def test_what_is_read_right_for_certain_moves_next_to_nothing() -> None:
    p = np.full((3, len(CLASSES)), 1e-9)
    p[np.arange(3), [10, 15, 20]] = 1.0
    found = lean(np.log(p), np.array([10, 15, 20]), np.ones(3), CLASSES)
    assert np.abs(found).max() < 1e-3
