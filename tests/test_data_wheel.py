"""MNIST out of a package whose pickle is not trusted."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from unscrawl.errors import DataError
from unscrawl.learn.data.wheel import decode_wheel


def packed(value: object) -> bytes:
    return gzip.compress(pickle.dumps(value, protocol=3))


def test_three_parts_become_two_in_their_order() -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (n, 784), dtype=np.uint8) for n in (5, 2, 3)]
    labels = [rng.integers(0, 10, n) for n in (5, 2, 3)]
    parts = tuple((x.astype(np.float32) / 256, y) for x, y in zip(images, labels, strict=True))
    train, train_labels, test, test_labels = decode_wheel(packed(parts))
    np.testing.assert_array_equal(train, np.concatenate(images[:2]).reshape(-1, 28, 28))
    np.testing.assert_array_equal(train_labels, np.concatenate(labels[:2]))
    np.testing.assert_array_equal(test, images[2].reshape(-1, 28, 28))
    np.testing.assert_array_equal(test_labels, labels[2])


class Harmful:
    """A pickle of this creates a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, (str(self.path),)


def test_a_harmful_pickle_is_refused_unrun(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mkdir"):
        decode_wheel(packed((Harmful(tmp_path / "made"), 1)))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", packed((1, 2)), packed(()), packed(((np.zeros(3), [1]),) * 3)[:-20]]
)
def test_damage_is_told_in_one_line(content: bytes) -> None:
    with pytest.raises(DataError, match="is damaged"):
        decode_wheel(content)
