"""Trains on an exported line recogniser: the network that its files hold, as torch has it.

In the files each batch normalisation is folded into the convolution before it, which so has a bias. That
reads the same but learns badly: the normalisation keeps the sizes of what goes on even while the weights
change. So some lines are read, and each normalisation gets the means and variances that they give, and a
scale and shift by which it changes nothing yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unscrawl import onnxfile
from unscrawl.errors import ModelError
from unscrawl.learn.lines.batches import collate
from unscrawl.learn.lines.net import Block, Conv, Net, fuse
from unscrawl.learn.lines.nets import build
from unscrawl.line_recogniser import LineRecogniser

__all__ = ["net_of", "restored"]

_BATCH: Final = 16  # lines that are read together


def net_of(recogniser: LineRecogniser) -> Net:
    """Return the torch network that an exported recogniser came from, normalisations folded, for reading.

    Raises:
        ModelError: its file does not hold the weights by their names, or is of no known network.
    """
    try:
        stored = onnxfile.initialisers(recogniser.model)
        net = fuse(build(dict(recogniser.card["net"])))
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                parameter.copy_(torch.tensor(_weight(net, name, stored, recogniser)))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{recogniser.path} does not hold a network's weights by their names: {error}"
        ) from None
    return net.eval()


def _weight(
    net: Net, name: str, stored: dict[str, NDArray[Any]], recogniser: LineRecogniser
) -> NDArray[np.float32]:
    """Return the values of a parameter, shaped as torch has it."""
    part, _, kind = name.rpartition(".")
    if part == "head":
        value = recogniser.head[kind == "bias"]
        return np.ascontiguousarray(value.T)
    if part == "context":
        letter = {"weight_ih": "W", "weight_hh": "R"}.get(kind[:9], "B")
        value = onnxfile.plain(stored, f"net.context.{letter}")[int(kind.endswith("_reverse"))]
        if letter == "B":
            value = np.split(value, 2)[int(kind.startswith("bias_hh"))]
        i, o, f, c = np.split(value, 4)  # torch has another order of the gates
        return np.concatenate([i, f, c, o])
    value = onnxfile.plain(stored, f"net.{name}")
    dense = isinstance(net.get_submodule(part), nn.Linear) and kind == "weight"
    return np.ascontiguousarray(value.T) if dense else value


def restored(recogniser: LineRecogniser, images: Sequence[NDArray[np.uint8]]) -> Net:
    """Return a network to train on, in evaluation mode, that reads as an exported recogniser does.

    Args:
        recogniser: whose weights it has.
        images: lines like those it will be trained on, uint8 [40, W] each, at least one: what the
            normalisations take means and variances from.

    Raises:
        ModelError: its file does not hold the weights by their names, or is of no known network.
    """
    folded = net_of(recogniser)
    net = build(dict(recogniser.card["net"]))
    pairs = _normalised(net)
    moments = _moments(folded, list(pairs), images)
    values = folded.state_dict()
    for conv, norm in pairs.items():
        bias = values.pop(f"{conv}.bias")
        mean, variance = moments[conv]
        values[f"{norm}.running_mean"] = mean - bias
        values[f"{norm}.running_var"] = variance
        values[f"{norm}.weight"] = (variance + net.get_submodule(norm).eps).sqrt()  # type: ignore[operator]
        values[f"{norm}.bias"] = mean
        values[f"{norm}.num_batches_tracked"] = torch.tensor(0)
    net.load_state_dict(values)
    return net.eval()


def _normalised(net: Net) -> dict[str, str]:
    """Return the names of the convolutions that have a normalisation behind them, and of those."""
    pairs = {}
    for name, part in net.named_modules():
        if isinstance(part, Conv):
            pairs[f"{name}.0"] = f"{name}.1"
        elif isinstance(part, Block):
            pairs[f"{name}.mix"] = f"{name}.norm"
    return pairs


def _moments(
    net: Net, names: Sequence[str], images: Sequence[NDArray[np.uint8]]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return mean and variance of each channel that parts give, by their names; paper beside lines counts."""
    sums = {name: torch.zeros(3, 1, dtype=torch.float64) for name in names}

    def watch(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def add(_: nn.Module, __: Any, out: Tensor) -> None:
            values = out.double().transpose(0, 1).flatten(1)  # [C, all places of all lines]
            count = torch.full((len(values),), values.shape[1], dtype=torch.float64)
            sums[name] = sums[name] + torch.stack([count, values.sum(1), values.square().sum(1)])

        return add

    hooks = [net.get_submodule(name).register_forward_hook(watch(name)) for name in names]
    try:
        ordered = sorted(images, key=lambda image: image.shape[1])
        with torch.no_grad():
            for start in range(0, len(ordered), _BATCH):
                part = ordered[start : start + _BATCH]
                net(collate(part, [""] * len(part)).images)
    finally:
        for hook in hooks:
            hook.remove()
    moments = {}
    for name, (count, total, squares) in sums.items():
        mean = total / count
        variance = (squares / count - mean.square()).clamp(min=0)
        moments[name] = (mean.float(), variance.float())
    return moments
