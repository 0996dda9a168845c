"""Which frame belongs to which character, softly: CTC's forward-backward over many lines at once.

The gradient of CTC's loss with respect to the logits is p - gamma, where gamma is what is computed here
(Graves et al. 2006, equation 16).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["posteriors"]

_BATCH: Final = 32  # lines at once: bounds memory
_FLOOR: Final = -30.0  # log probability below which classes are all alike: keeps products of frames finite

_TINY: Final = np.finfo(np.float64).tiny

Floats = NDArray[np.float32]


def posteriors(
    log_p: Sequence[Floats], texts: Sequence[Sequence[int]]
) -> tuple[list[Floats], NDArray[np.float64]]:
    """Return P(class of frame | line, text) and log P(text | line) for each line.

    Args:
        log_p: [T, C] of each line, class 0 the blank.
        texts: the classes of each line's characters; no longer than its frames allow.

    Returns:
        float32 [T, C] for each line; [lines].
    """
    gammas: list[Floats] = [np.zeros((0, 0), np.float32)] * len(log_p)
    likelihood = np.zeros(len(log_p))
    order = np.argsort([len(p) for p in log_p], kind="stable")
    for start in range(0, len(order), _BATCH):
        batch = order[start : start + _BATCH]
        states, likelihood[batch] = _batch([log_p[i] for i in batch], [texts[i] for i in batch])
        for i, gamma in zip(batch, states, strict=True):
            classes = np.zeros((gamma.shape[1], log_p[i].shape[1]), np.float32)
            classes[np.arange(len(classes)), _labels(texts[i])] = 1.0
            gammas[i] = gamma @ classes
    return gammas, likelihood


def _labels(text: Sequence[int]) -> NDArray[np.int64]:
    """[2U + 1] the classes of the states: the characters with blanks around them."""
    labels = np.zeros(2 * len(text) + 1, np.int64)
    labels[1::2] = text
    return labels


def _batch(
    log_p: Sequence[Floats], texts: Sequence[Sequence[int]]
) -> tuple[list[Floats], NDArray[np.float64]]:
    """Return the posteriors of the states, [T, S] for each line, and log P(text | line).

    Lines are aligned at their last frame and their last state, so that none needs a mask at the end; the
    frames and states before a shorter line's first have probability 0, but for a waiting state that it
    starts from. Every frame is scaled to sum one (Rabiner 1989, section V.A).
    """
    B = len(texts)
    lengths = np.array([len(p) for p in log_p])
    T, S = int(lengths.max()), 2 * max(len(t) for t in texts) + 1
    emit = np.zeros((T, B, S))
    skip = np.zeros((B, S + 2))  # 1 where a state may be reached from the one before the last
    for b, (p, text) in enumerate(zip(log_p, texts, strict=True)):
        labels = _labels(text)
        emit[T - len(p) :, b, S - len(labels) :] = np.exp(np.maximum(p[:, labels], _FLOOR))
        skip[b, S - len(labels) + 3 : S : 2] = labels[3::2] != labels[1:-2:2]
    first = S - 2 * np.array([len(t) for t in texts]) - 1  # each line's first state
    begin = T - lengths
    alpha, scale = np.zeros((T, B, S)), np.ones((T, B))
    reach = np.zeros((B, S + 2))  # two places before the first state, so that slices can look back
    for t in range(T):
        entering = np.flatnonzero(begin == t)
        now = reach[:, 2:] + reach[:, 1:-1] + reach[:, :-2] * skip[:, :S]
        now[entering, first[entering]] = 1.0
        now[entering, np.minimum(first[entering] + 1, S - 1)] = 1.0
        now *= emit[t]
        live = begin <= t
        scale[t, live] = np.maximum(now[live].sum(axis=1), _TINY)
        now /= scale[t][:, None]
        alpha[t] = reach[:, 2:] = now
    end = np.maximum(alpha[-1, :, max(S - 2, 0) :].sum(axis=1), _TINY)
    likelihood = np.log(scale).sum(axis=0) + np.log(end)
    beta = np.zeros((B, S + 2))  # two places behind the last state
    beta[:, max(S - 2, 0) : S] = 1.0
    gamma = alpha  # a frame's forward variables are not needed once it is done
    for t in range(T - 1, -1, -1):
        gamma[t] *= beta[:, :S]
        beta[:, :S] *= emit[t] / scale[t][:, None]
        beta[:, :S] += beta[:, 1 : S + 1] + beta[:, 2:] * skip[:, 2:]
    gamma /= np.maximum(gamma.sum(axis=2, keepdims=True), _TINY)
    return [
        gamma[T - n :, b, f:].astype(np.float32) for b, (n, f) in enumerate(zip(lengths, first, strict=True))
    ], likelihood
