"""The blocks in NumPy: forwards the same as the recogniser itself, backwards the gradient of that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.line_recogniser import LineRecogniser
from unscrawl.teach.tail import Tail

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def recogniser() -> Any:
    return LineRecogniser(threads=1)


@pytest.fixture(scope="module")
def tail(recogniser: Any) -> Tail:
    tail = Tail.of(recogniser)
    assert tail is not None, "the shipped line recogniser lacks what teaching its blocks needs"
    return tail


def strips(*widths: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return [(rng.random((40, wide)) < 0.15).astype(np.uint8) * np.uint8(255) for wide in widths]


def moved(tail: Tail) -> dict[str, Floats]:
    """Biases that differ from the base's."""
    rng = np.random.default_rng(1)
    return {
        name: value + rng.normal(0, 0.05, value.shape).astype(np.float32)
        for name, value in tail.biases.items()
    }


def test_forward_is_what_the_recogniser_computes(recogniser: Any, tail: Tail) -> None:
    lines, biases = strips(300, 64, 129), moved(tail)
    found, _ = tail.forward(tail.frames(lines), biases)
    for ours, theirs in zip(found, recogniser.features(lines, biases), strict=True):
        np.testing.assert_allclose(ours[: len(theirs)], theirs, atol=2e-3)


def test_biases_that_were_given_leave_the_base_as_it_was(recogniser: Any, tail: Tail) -> None:
    lines = strips(200)
    before = recogniser.features(lines)[0]
    assert np.abs(recogniser.features(lines, moved(tail))[0] - before).max() > 0.01
    np.testing.assert_array_equal(recogniser.features(lines)[0], before)


def test_backward_is_the_gradient(tail: Tail) -> None:
    frames, biases = tail.frames(strips(128, 96)), moved(tail)
    features, trace = tail.forward(frames, biases)
    rng = np.random.default_rng(2)
    weights = [rng.normal(0, 1, f.shape).astype(np.float32) for f in features]
    gradient = tail.backward(weights, trace)
    assert gradient.keys() == tail.biases.keys()
    for name in (tail._norm[0], tail._blocks[0].names[1], tail._blocks[-1].names[0]):
        step = np.zeros_like(biases[name])
        step[3] = 0.02

        def value(sign: float, name: str = name, step: Floats = step) -> float:
            found, _ = tail.forward(frames, {**biases, name: biases[name] + np.float32(sign) * step})
            return sum(float((f.astype(np.float64) * w).sum()) for f, w in zip(found, weights, strict=True))

        assert gradient[name][3] == pytest.approx((value(1) - value(-1)) / 0.04, rel=0.03, abs=0.1)
