"""The gradients of a character's picture."""

from __future__ import annotations

import numpy as np

from unscrawl.gradients import gradients


def bar(*, upright: bool, shift: int = 0) -> np.ndarray:
    picture = np.zeros((28, 28), np.uint8)
    picture[4:24, 12 + shift : 16 + shift] = 255
    return picture if upright else picture.T


def test_a_bar_has_its_directions_where_it_stands() -> None:
    found = gradients(np.stack([bar(upright=True), bar(upright=False)])).reshape(2, 8, 7, 7)
    upright, lying = found.sum(axis=(2, 3))
    assert set(np.argsort(upright)[-2:]) == {0, 4}  # to the right, to the left
    assert set(np.argsort(lying)[-2:]) == {2, 6}
    left, right = (found[0, d].sum(axis=0) @ np.arange(7) / found[0, d].sum() for d in (0, 4))
    assert 2 < left < 3 < right < 4  # columns of places


def test_a_small_shift_changes_little() -> None:
    one, near, other = gradients(
        np.stack([bar(upright=True), bar(upright=True, shift=1), bar(upright=False)])
    )
    assert np.linalg.norm(one - near) < 0.3 * np.linalg.norm(one - other)


def test_pictures_are_seen_alone() -> None:
    many = np.random.default_rng(0).integers(0, 256, (100, 28, 28), dtype=np.uint8)
    assert np.allclose(gradients(many)[70], gradients(many[70:71])[0], atol=1e-4)
    assert gradients(many[:0]).shape == (0, 392)
