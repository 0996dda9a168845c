"""The line recogniser's blocks in NumPy, forwards and backwards: what teaching its biases needs.

The trunk ends in residual blocks (a depthwise convolution along the line, then a perceptron for each frame)
and a recurrent layer that is added to them. Taught are the biases of the blocks and the norm before them
("BitFit", Ben Zaken et al. 2022, arXiv:2106.10199): few numbers, that shift what the network looks for to how
this writer writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from unscrawl.teach import recurrent
from unscrawl.teach.recurrent import LSTM, Past, sigmoid

__all__ = ["Tail", "Trace"]

Floats = NDArray[np.float32]

_EPS: Final = 1e-5  # of the norm
_STEP: Final = 64  # the recogniser pads strips to a multiple of this width


class Trunk(Protocol):
    """A line recogniser whose trunk is open for teaching (see `learn.lines.teachable`)."""

    @property
    def tail(self) -> dict[str, Any] | None:
        """Names of the trunk's inputs and outputs that teaching needs; None where it has none."""

    def run(self, images: NDArray[np.uint8], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Return outputs of the trunk."""

    def frames(self, strips: Sequence[NDArray[np.uint8]], output: str) -> list[Floats]:
        """Return one output for each strip, [T, D]."""


class _Block(NamedTuple):
    """Weights of a block: `mix` [D, kernel], `up` [D, E], `down` [E, D]; the names of its three biases."""

    mix: Floats
    up: Floats
    down: Floats
    names: tuple[str, str, str]


class Trace(NamedTuple):
    """What going backwards needs of the way forwards."""

    mask: Floats  # [B, T, 1]
    normal: Floats
    inner: list[tuple[Floats, Floats]]  # of each block: before the activation, its sigmoid
    past: Past  # of the recurrent layer


class Tail:
    """The end of a line recogniser's trunk, from the frames before the norm to the features.

    `biases` are those of the base, by the names that the recogniser takes them under.
    """

    @classmethod
    def of(cls, recogniser: object) -> Tail | None:
        """Return the tail of a line recogniser, None for one that was exported without."""
        return cls(cast(Trunk, recogniser)) if getattr(recogniser, "tail", None) else None

    def __init__(self, recogniser: Trunk) -> None:
        parts: dict[str, Any] = recogniser.tail or {}
        self._recogniser, self._frames = recogniser, str(parts["frames"])
        given = [*parts["norm"], *(pair[1] for block in parts["blocks"] for pair in block.values())]
        asked = [*parts["context"], *(pair[0] for block in parts["blocks"] for pair in block.values())]
        found = recogniser.run(np.zeros((1, 40, 64), np.uint8), [*given, *asked])
        stored = dict(zip([*given, *asked], (np.asarray(v, np.float32) for v in found), strict=True))
        self.biases: dict[str, Floats] = {name: stored[name] for name in given}
        self._norm: tuple[str, str] = (parts["norm"][0], parts["norm"][1])
        self._blocks = [
            _Block(
                stored[b["mix"][0]][:, 0],
                stored[b["up"][0]],
                stored[b["down"][0]],
                (b["mix"][1], b["up"][1], b["down"][1]),
            )
            for b in parts["blocks"]
        ]
        self._context = LSTM(*(stored[name] for name in parts["context"]))

    def frames(self, strips: Sequence[NDArray[np.uint8]]) -> list[Floats]:
        """Return the frames of each strip before the norm, float32 [T, D].

        Those of the paper beyond its end, which the recogniser sees when it reads, are among them.
        """
        wide = [np.pad(s, ((0, 0), (0, -s.shape[1] % _STEP))) for s in strips]
        return self._recogniser.frames(wide, self._frames)

    def forward(self, frames: Sequence[Floats], biases: Mapping[str, Floats]) -> tuple[list[Floats], Trace]:
        """Return the features [T, D] of several lines, and what `backward` needs."""
        lengths = np.array([len(f) for f in frames])
        x = np.zeros((len(frames), int(lengths.max()), frames[0].shape[1]), np.float32)
        for row, f in zip(x, frames, strict=True):
            row[: len(f)] = f
        mask = (np.arange(x.shape[1]) < lengths[:, None])[..., None].astype(np.float32)
        x = x - x.mean(axis=2, keepdims=True)
        normal: Floats = x / np.sqrt((x * x).mean(axis=2, keepdims=True) + np.float32(_EPS))
        x = np.asarray((normal * biases[self._norm[0]] + biases[self._norm[1]]) * mask, np.float32)
        inner: list[tuple[Floats, Floats]] = []
        for block in self._blocks:
            mix, up, down = (biases[name] for name in block.names)
            u = np.asarray((_along(x, block.mix) + mix) @ block.up + up, np.float32)
            s = sigmoid(u)
            x = np.asarray((x + (u * s) @ block.down + down) * mask, np.float32)
            inner.append((u, s))
        context, past = recurrent.forward(x, mask, self._context)
        features = x + context
        return [row[:n] for row, n in zip(features, lengths, strict=True)], Trace(mask, normal, inner, past)

    def backward(self, wrong: Sequence[Floats], trace: Trace) -> dict[str, Floats]:
        """Return the gradient of each bias from that of the features, [T, D] for each line."""
        d = np.zeros_like(trace.normal)
        for row, w in zip(d, wrong, strict=True):
            row[: len(w)] = w
        d = np.asarray((d + recurrent.backward(d, trace.past, self._context)) * trace.mask, np.float32)
        gradient: dict[str, Floats] = {}
        for block, (u, s) in zip(reversed(self._blocks), reversed(trace.inner), strict=True):
            mix, up, down = block.names
            gradient[down] = d.sum(axis=(0, 1))
            du = np.asarray((d @ block.down.T) * (s * (1 + u * (1 - s))), np.float32)
            gradient[up] = du.sum(axis=(0, 1))
            dm = np.asarray((du @ block.up.T) * trace.mask, np.float32)
            gradient[mix] = dm.sum(axis=(0, 1))
            d = np.asarray((d + _along(dm, block.mix[:, ::-1])) * trace.mask, np.float32)
        gradient[self._norm[0]] = (d * trace.normal).sum(axis=(0, 1))
        gradient[self._norm[1]] = d.sum(axis=(0, 1))
        return gradient


def _along(x: Floats, kernel: Floats) -> Floats:
    """Depthwise correlation along the lines: x [B, T, D], kernel [D, odd], zeros beyond the ends."""
    reach = kernel.shape[1] // 2
    padded = np.pad(x, ((0, 0), (reach, reach), (0, 0)))
    out = np.zeros_like(x)
    for i in range(kernel.shape[1]):
        out += padded[:, i : i + x.shape[1]] * kernel[:, i]
    return out
