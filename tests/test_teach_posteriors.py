"""Forward-backward over many lines: the same as torch's own CTC loss, or as counting all paths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl.ctc import log_likelihood
from unscrawl.teach.posteriors import posteriors

Floats = NDArray[np.float32]


def frames(T: int, C: int, seed: int) -> Floats:
    """Random log probabilities [T, C]."""
    z = np.random.default_rng(seed).normal(0, 2, (T, C))
    return np.asarray(z - np.logaddexp.reduce(z, axis=1, keepdims=True), np.float32)


def counted(log_p: Floats, text: list[int]) -> NDArray[np.float64]:
    """P(class of frame | text) by counting every path."""
    T, C = log_p.shape
    sums = np.zeros((T, C))
    for path in itertools.product(range(C), repeat=T):
        if [c for c, _ in itertools.groupby(path) if c] == text:
            sums[np.arange(T), path] += np.exp(log_p[np.arange(T), path].sum())
    return sums / sums.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("text", [[], [1], [1, 2], [1, 1], [2, 1, 2], [1, 1, 1]])
def test_posteriors_are_the_shares_of_all_paths(text: list[int]) -> None:
    log_p = frames(6, 3, 0)
    gamma, _ = posteriors([log_p], [text])
    np.testing.assert_allclose(gamma[0], counted(log_p, text), atol=1e-5)


def test_lines_of_different_lengths_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(1)
    lines = [frames(T, 7, T) for T in (5, 40, 23, 31)]
    texts = [rng.integers(1, 7, n).tolist() for n in (0, 12, 9, 1)]
    together, likelihood = posteriors(lines, texts)
    for line, text, gamma, total in zip(lines, texts, together, likelihood, strict=True):
        alone, _ = posteriors([line], [text])
        np.testing.assert_allclose(gamma, alone[0], atol=1e-6)
        assert total == pytest.approx(log_likelihood(line, text), abs=1e-3)


def test_the_gradient_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    logits = torch.tensor(np.random.default_rng(2).normal(0, 2, (30, 1, 9)), requires_grad=True)
    text = [3, 3, 5, 1, 8, 8, 2]
    log_p = logits.log_softmax(2)
    loss = torch.nn.functional.ctc_loss(log_p, torch.tensor([text]), [30], [7], reduction="sum")
    loss.backward()
    p = log_p.detach().numpy()[:, 0].astype(np.float32)
    gamma, likelihood = posteriors([p], [text])
    np.testing.assert_allclose(np.exp(p) - gamma[0], logits.grad.numpy()[:, 0], atol=1e-4)
    assert -likelihood[0] == pytest.approx(loss.item(), abs=1e-3)


def test_certain_frames_stay_finite() -> None:
    log_p = np.full((400, 5), -90.0, np.float32)
    log_p[:, 0] = 0.0
    gamma, likelihood = posteriors([log_p], [[1, 2, 3]])
    assert np.isfinite(gamma[0]).all()
    assert likelihood[0] < -60
