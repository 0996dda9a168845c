"""The line recogniser's blocks in NumPy, forwards and backwards: what teaching them needs.

The trunk ends in residual blocks (a depthwise convolution along the line, then a perceptron for each frame)
and a recurrent layer that is added to them. Taught are the biases of the blocks and the norm before them
("BitFit", Ben Zaken et al. 2022, arXiv:2106.10199), and products of two thin matrices that are added to the
weights of the perceptrons ("LoRA", Hu et al. 2022, arXiv:2106.09685): few numbers, that shift what the
network looks for to how this writer writes.
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

    def length(self, wide: int) -> int:
        """Return how many frames a strip of `wide` columns has."""

    def run(self, images: NDArray[np.uint8], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Return outputs of the trunk."""

    def outputs(self, strips: Sequence[NDArray[np.uint8]], names: Sequence[str]) -> list[list[Floats]]:
        """Return outputs for each strip, [T, D] each."""


class _Dense(NamedTuple):
    """A layer x W + (x A) B + b: `weight` W, the names of b, A and B."""

    weight: Floats
    bias: str
    thin: tuple[str, str] | None


class _Block(NamedTuple):
    """`mix` [D, kernel] and the name of its bias; the perceptron's two layers."""

    mix: Floats
    bias: str
    up: _Dense
    down: _Dense


class Trace(NamedTuple):
    """What going backwards needs of the way forwards."""

    mask: Floats  # [B, T, 1]
    normal: Floats
    inner: list[tuple[Floats, Floats, Floats]]  # of each block: the perceptron's input, u, sigmoid of u
    past: Past


class Tail:
    """The end of a line recogniser's trunk, from the frames before the norm to the features.

    `biases` are the base's, by the names that the recogniser takes others under; `thin` are the names of the
    matrices A and B that may be given beside them, with the shape of what their product is added to.
    """

    @classmethod
    def of(cls, recogniser: object) -> Tail | None:
        """Return the tail of a line recogniser, None for one that was exported without."""
        return cls(cast(Trunk, recogniser)) if getattr(recogniser, "tail", None) else None

    def __init__(self, recogniser: Trunk) -> None:
        parts: dict[str, Any] = recogniser.tail or {}
        self._recogniser, self._frames = recogniser, str(parts["frames"])
        self.length = recogniser.length
        pairs = [pair for block in parts["blocks"] for pair in block.values()]
        given = [*parts["norm"], *(pair[1] for pair in pairs)]
        asked = [*parts["context"], *(pair[0] for pair in pairs)]
        found = recogniser.run(np.zeros((1, 40, 64), np.uint8), [*given, *asked])
        stored = dict(zip([*given, *asked], (np.asarray(v, np.float32) for v in found), strict=True))
        self.biases: dict[str, Floats] = {name: stored[name] for name in given}
        self.thin: dict[tuple[str, str], tuple[int, ...]] = {
            (pair[2], pair[3]): stored[pair[0]].shape for pair in pairs if pair[2:]
        }
        self._norm: tuple[str, str] = (parts["norm"][0], parts["norm"][1])

        def dense(names: Sequence[str]) -> _Dense:
            return _Dense(stored[names[0]], names[1], (names[2], names[3]) if names[2:] else None)

        self._blocks = [
            _Block(stored[b["mix"][0]][:, 0], b["mix"][1], dense(b["up"]), dense(b["down"]))
            for b in parts["blocks"]
        ]
        self._context = LSTM(*(stored[name] for name in parts["context"]))

    def frames(self, strips: Sequence[NDArray[np.uint8]]) -> list[Floats]:
        """Return the frames of each strip before the norm, float32 [T, D].

        Those of the paper beyond its end, which the recogniser sees when it reads, are among them.
        """
        return [found for (found,) in self._recogniser.outputs(_padded(strips), [self._frames])]

    def seen(self, strips: Sequence[NDArray[np.uint8]]) -> tuple[list[Floats], list[Floats]]:
        """Return the recogniser's features of each strip, and `frames`, at the cost of one of them."""
        found = self._recogniser.outputs(_padded(strips), ["features", self._frames])
        features = [f[: self.length(s.shape[1])] for (f, _), s in zip(found, strips, strict=True)]
        return features, [frames for _, frames in found]

    def forward(self, frames: Sequence[Floats], values: Mapping[str, Floats]) -> tuple[list[Floats], Trace]:
        """Return the features [T, D] of several lines, and what `backward` needs.

        Thin matrices that are not among `values` add nothing.
        """
        lengths = np.array([len(f) for f in frames])
        x = np.zeros((len(frames), int(lengths.max()), frames[0].shape[1]), np.float32)
        for row, f in zip(x, frames, strict=True):
            row[: len(f)] = f
        mask = (np.arange(x.shape[1]) < lengths[:, None])[..., None].astype(np.float32)
        x = x - x.mean(axis=2, keepdims=True)
        normal: Floats = x / np.sqrt((x * x).mean(axis=2, keepdims=True) + np.float32(_EPS))
        x = np.asarray((normal * values[self._norm[0]] + values[self._norm[1]]) * mask, np.float32)
        inner: list[tuple[Floats, Floats, Floats]] = []
        for block in self._blocks:
            mixed = _along(x, block.mix) + values[block.bias]
            u = _through(mixed, block.up, values)
            s = sigmoid(u)
            x = np.asarray((x + _through(u * s, block.down, values)) * mask, np.float32)
            inner.append((mixed, u, s))
        context, past = recurrent.forward(x, mask, self._context)
        features = x + context
        return [row[:n] for row, n in zip(features, lengths, strict=True)], Trace(mask, normal, inner, past)

    def backward(
        self, wrong: Sequence[Floats], trace: Trace, values: Mapping[str, Floats]
    ) -> dict[str, Floats]:
        """Return the gradient of each value from that of the features, [T, D] for each line."""
        d = np.zeros_like(trace.normal)
        for row, w in zip(d, wrong, strict=True):
            row[: len(w)] = w
        d = (d + recurrent.backward(d, trace.past, self._context)) * trace.mask
        gradient: dict[str, Floats] = {}
        for block, (mixed, u, s) in zip(reversed(self._blocks), reversed(trace.inner), strict=True):
            dp = _back(d, u * s, block.down, values, gradient)
            du = np.asarray(dp * (s * (1 + u * (1 - s))), np.float32)
            dm = _back(du, mixed, block.up, values, gradient) * trace.mask
            gradient[block.bias] = dm.sum(axis=(0, 1))
            d = np.asarray((d + _along(dm, block.mix[:, ::-1])) * trace.mask, np.float32)
        gradient[self._norm[0]] = (d * trace.normal).sum(axis=(0, 1))
        gradient[self._norm[1]] = d.sum(axis=(0, 1))
        return gradient


def _padded(strips: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    return [np.pad(s, ((0, 0), (0, -s.shape[1] % _STEP))) for s in strips]


def _through(x: Floats, layer: _Dense, values: Mapping[str, Floats]) -> Floats:
    out = x @ layer.weight + values[layer.bias]
    if layer.thin and layer.thin[0] in values:
        out += (x @ values[layer.thin[0]]) @ values[layer.thin[1]]
    return out


def _back(
    d: Floats, x: Floats, layer: _Dense, values: Mapping[str, Floats], gradient: dict[str, Floats]
) -> Floats:
    """Return the gradient of x from that of the output, d; put those of the values into `gradient`."""
    gradient[layer.bias] = d.sum(axis=(0, 1))
    dx: Floats = np.asarray(d @ layer.weight.T, np.float32)
    if layer.thin and layer.thin[0] in values:
        A, B = (values[name] for name in layer.thin)
        flat, narrow = x.reshape(-1, x.shape[2]), d @ B.T
        gradient[layer.thin[0]] = flat.T @ narrow.reshape(-1, narrow.shape[2])
        gradient[layer.thin[1]] = np.asarray((flat @ A).T @ d.reshape(-1, d.shape[2]), np.float32)
        dx += narrow @ A.T
    return dx


def _along(x: Floats, kernel: Floats) -> Floats:
    """Depthwise correlation along the lines: x [B, T, D], kernel [D, odd], zeros beyond the ends."""
    reach = kernel.shape[1] // 2
    padded = np.pad(x, ((0, 0), (reach, reach), (0, 0)))
    out = np.zeros_like(x)
    for i in range(kernel.shape[1]):
        out += padded[:, i : i + x.shape[1]] * kernel[:, i]
    return out
