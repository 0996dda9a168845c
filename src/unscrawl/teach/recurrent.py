"""A bidirectional LSTM in NumPy, forwards and backwards, both directions and several lines at a time.

The equations are those of ONNX's LSTM: gates in the order i, o, f, c; no peepholes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["LSTM", "Past", "backward", "forward", "sigmoid"]

Floats = NDArray[np.float32]

_LEAST: Final = np.float32(-80.0)  # where a sigmoid is 0


class LSTM(NamedTuple):
    """Weights as ONNX has them: `weight` [2, 4H, D], `back` [2, 4H, H], `bias` [2, 8H]."""

    weight: Floats
    back: Floats
    bias: Floats


class Past(NamedTuple):
    """What going backwards needs: [T, 2, B, …], the second direction's frames reversed."""

    gates: Floats
    cells: Floats
    mask: Floats


def forward(x: Floats, mask: Floats, lstm: LSTM) -> tuple[Floats, Past]:
    """Return the outputs [B, T, 2H] for x [B, T, D]; `mask` [B, T, 1] is 0 beyond a line's end."""
    H = lstm.back.shape[2]
    gates = _both(x) @ lstm.weight.transpose(0, 2, 1)[:, None]
    gates += (lstm.bias[:, : 4 * H] + lstm.bias[:, 4 * H :])[:, None, None]
    gates = np.ascontiguousarray(gates.transpose(2, 0, 1, 3))
    there = np.ascontiguousarray(_both(mask).transpose(2, 0, 1, 3))
    recur = np.ascontiguousarray(lstm.back.transpose(0, 2, 1))
    h, c = np.zeros((2, *gates.shape[1:3], H), np.float32)
    cells = np.empty((*gates.shape[:3], H), np.float32)
    out = np.empty_like(cells)
    for t, z in enumerate(gates):
        z += h @ recur
        z[..., : 3 * H] = sigmoid(z[..., : 3 * H])
        np.tanh(z[..., 3 * H :], out=z[..., 3 * H :])
        c = (z[..., 2 * H : 3 * H] * c + z[..., :H] * z[..., 3 * H :]) * there[t]
        h = z[..., H : 2 * H] * np.tanh(c) * there[t]
        cells[t], out[t] = c, h
    both = np.concatenate([out[:, 0], out[::-1, 1]], axis=2).transpose(1, 0, 2)
    return both, Past(gates, cells, there)


def backward(d: Floats, past: Past, lstm: LSTM) -> Floats:
    """Return the gradient of x [B, T, D] from that of the outputs, d [B, T, 2H]."""
    gates, cells, there = past
    H = lstm.back.shape[2]
    i, o, f, g = (gates[..., k * H : (k + 1) * H] for k in range(4))
    squashed = np.tanh(cells)
    before = np.concatenate([np.zeros_like(cells[:1]), cells[:-1]])
    slope = np.concatenate(
        [g * i * (1 - i), squashed * o * (1 - o), before * f * (1 - f), i * (1 - g * g)], 3
    )
    open_ = o * (1 - squashed * squashed)
    down = np.stack([d[..., :H].transpose(1, 0, 2), d[:, ::-1, H:].transpose(1, 0, 2)], axis=1)
    dh, dc = np.zeros((2, *cells.shape[1:]), np.float32)
    for t in range(len(gates) - 1, -1, -1):
        dh = (dh + down[t]) * there[t]
        dc = (dc + dh * open_[t]) * there[t]
        z = slope[t]
        z[..., :H] *= dc
        z[..., H : 2 * H] *= dh
        z[..., 2 * H : 3 * H] *= dc
        z[..., 3 * H :] *= dc
        dh, dc = z @ lstm.back, dc * f[t]
    dx = slope.transpose(1, 2, 0, 3) @ lstm.weight[:, None]
    return np.asarray(dx[0] + dx[1][:, ::-1], np.float32)


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-np.maximum(x, _LEAST))), np.float32)


def _both(x: Floats) -> Floats:
    """Stack x [B, T, D] and its frames in reverse: [2, B, T, D]."""
    return np.stack([x, x[:, ::-1]])
