"""Teaches a network's last layer: a few steps of gradient descent in NumPy, held near what the base knows.

The layer W x + b of the base becomes (W + A) x + b + a. What is minimised is the cross entropy with the
answers wanted for the writer's frames, plus what keeps A small where the base knows better: the mean square
of A x over what the base was trained on, and the base's own answers for anchors, say one mean frame for each
character, so that characters which the writer's lines lack stay as they were. Each step is preconditioned
with the curvature, [D + 1, D + 1], so that ten do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Anchors", "Replay", "Student", "log_softmax"]

Floats = NDArray[np.float32]

_RIDGE: Final = 1e-3  # of the mean curvature, added to all
_STEP: Final = 0.8


@dataclass(frozen=True)
class Replay:
    """What stands for a base's training: statistics of its frames.

    `mean` [C, D]: mean frame of each class, `count` [C] how many there were; `second` [D, D]: mean of x xᵀ.
    """

    mean: Floats
    count: Floats
    second: Floats

    def moments(self) -> Floats:
        """Return the second moments of the frames with one appended, [D + 1, D + 1]."""
        mean = (self.count[:, None] * self.mean).sum(axis=0) / max(float(self.count.sum()), 1.0)
        moments = np.ones((len(mean) + 1, len(mean) + 1), np.float32)
        moments[:-1, :-1], moments[-1, :-1], moments[:-1, -1] = self.second, mean, mean
        return moments


@dataclass(frozen=True)
class Anchors:
    """Where the base's answers are to be kept: `x` [M, D], `log_p` [M, C], each weighing `weight` frames.

    `moments` [D + 1, D + 1], weighing `pull` frames: second moments of the base's frames with one appended.
    """

    x: Floats
    log_p: Floats
    weight: float
    moments: Floats
    pull: float


class Student:
    """A last layer being taught: `weight` [D, C] and `bias` [C] are what is to be added to the base's.

    Args:
        x: [N, D] the writer's frames.
        log_p: [N, C] what the base says of them.
        anchors: what holds the layer near the base.
    """

    def __init__(self, x: Floats, log_p: Floats, anchors: Anchors) -> None:
        self._x, self._base = _with_one(x), log_p
        self._anchors, self._anchor_x = anchors, _with_one(anchors.x)
        self._added = np.zeros((self._x.shape[1], log_p.shape[1]), np.float32)
        self._inverse: Floats | None = None
        self.now = log_p
        """[N, C] what the layer says of the writer's frames as far as it is taught."""

    @property
    def weight(self) -> Floats:
        """What to add to the base's weights, [D, C]."""
        weight: Floats = self._added[:-1]
        return weight

    @property
    def bias(self) -> Floats:
        """What to add to the base's biases, [C]."""
        bias: Floats = self._added[-1]
        return bias

    def log_p(self, x: Floats, base: Floats) -> Floats:
        """Return what the layer says of other frames x [N, D], from what the base says of them [N, C]."""
        return log_softmax(base + x @ self.weight + self.bias)

    def step(self, wanted: Floats) -> None:
        """Take one step towards the answers `wanted`, probabilities [N, C], of the writer's frames."""
        wrong = np.exp(self.now) - wanted
        if self._inverse is None:
            self._inverse = self._curvature(wrong)
        kept = self._anchors
        strayed = np.exp(self.log_p(kept.x, kept.log_p)) - np.exp(kept.log_p)
        gradient = self._x.T @ wrong + kept.weight * (self._anchor_x.T @ strayed)
        gradient += kept.pull * (kept.moments @ self._added)
        self._added -= np.float32(_STEP) * (self._inverse @ gradient)
        self.now = log_softmax(self._base + self._x @ self._added)

    def _curvature(self, wrong: Floats) -> Floats:
        """Inverse of a bound of the curvature (Böhning 1992), frames weighted by how open they are."""
        p = np.exp(self.now)
        open_ = np.maximum(1 - (p * p).sum(axis=1), np.abs(wrong).sum(axis=1) / 2)[:, None]
        kept = self._anchors
        H = (self._x * open_).T @ self._x / 2 + kept.pull * kept.moments
        H += self._anchor_x.T @ self._anchor_x * (kept.weight / 2)
        H[np.diag_indices_from(H)] += _RIDGE * np.trace(H) / len(H)
        return np.asarray(np.linalg.inv(H.astype(np.float64)), np.float32)


def log_softmax(z: Floats) -> Floats:
    """Return log softmax of each row of z [N, C]."""
    z = z - z.max(axis=1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)), np.float32)


def _with_one(x: Floats) -> Floats:
    """Append a column of ones, whose weights are the biases."""
    return np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1).astype(np.float32)
