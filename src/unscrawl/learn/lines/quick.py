"""Let an exported trunk compute its perceptrons in 8 bits: twice as quick, as far as lines can tell.

The two dense layers of each mixer (see `pretrained`) are three quarters of the work. Their inputs are rounded
to 256 steps over a range that is found once, on lines to train on; what lies beyond is cut off, where that
makes the outputs less wrong than coarser steps would. Weights are rounded to 7 bits, a scale for each output:
processors that add products of bytes in pairs within 16 bits would otherwise overflow, unseen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from unscrawl.errors import ModelError
from unscrawl.line_recogniser import STEP

__all__ = ["STEPS", "quicken"]

STEPS: Final = 64
"""Of a weight either way: 2 · 255 · 64 is less than 2¹⁵."""

_LAYER: Final = re.compile(r"/body/body\.\d+/(up|down)/Conv")
_PLACES: Final = 60  # of each line, where a layer is looked at
_WORST: Final = 0.05  # share of what a layer gives that rounding makes wrong: a worse one computes in float32
_CUTS: Final = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)  # shares of the range that are tried

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Layer:
    """A 1 × 1 convolution: y [N] = weight [K, N]ᵀ x [K] + bias at each place."""

    node: onnx.NodeProto
    weight: Floats
    first: bool  # of the two of a mixer


def quicken(model: onnx.ModelProto, strips: Sequence[NDArray[np.uint8]]) -> None:
    """Replace the dense layers of the mixers, in place; a trunk without such stays as it is.

    Their weights are stored as `NAME.bytes`, or as `NAME.steps` where a layer computes in float32 after all,
    int8 [N, K, 1, 1], and `NAME.scale`, float32 [N, 1, 1, 1], by which `onnxfile` finds and changes them.

    Args:
        model: a trunk with its weights in float32.
        strips: uint8 [40, W], lines to train on, on which the ranges of what the layers see are found.

    Raises:
        ModelError: there are such layers, but no strips.
    """
    layers = _layers(model)
    if not layers:
        return
    if not strips:
        raise ModelError("no lines to find the ranges of the network's layers on; not written")
    seen = _look(model, layers, strips)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        name = node.output[0]
        nodes += _dense(model.graph, layers[name], seen[name]) if name in layers else [node]
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    for name in {layer.node.input[1] for layer in layers.values()}:
        model.graph.initializer.remove(next(t for t in model.graph.initializer if t.name == name))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.checker.check_model(model)


def _layers(model: onnx.ModelProto) -> dict[str, _Layer]:
    """Return the dense layers of the mixers by the names of what they give."""
    stored = {t.name: t for t in model.graph.initializer}
    found = {}
    for node in model.graph.node:
        part = _LAYER.fullmatch(node.name)
        if part and node.op_type == "Conv":
            weight = numpy_helper.to_array(stored[node.input[1]])  # [N, K, 1, 1]
            found[node.output[0]] = _Layer(node, weight[:, :, 0, 0].T, part[1] == "up")
    return found


def _look(
    model: onnx.ModelProto, layers: dict[str, _Layer], strips: Sequence[NDArray[np.uint8]]
) -> dict[str, Floats]:
    """Return what each layer sees at some places of each strip, [places, K]."""
    wanted = {name: layer.node.input[0] for name, layer in layers.items()}
    open_ = onnx.ModelProto()
    open_.CopyFrom(model)
    for name in wanted.values():
        open_.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(open_.SerializeToString(), providers=["CPUExecutionProvider"])
    rng, rows = np.random.default_rng(0), dict[str, list[Floats]]()
    for strip in strips:
        padded = np.pad(strip, ((0, 0), (0, -strip.shape[1] % STEP)))
        values: list[Any] = session.run(list(wanted.values()), {"strip": padded[None]})
        for name, value in zip(wanted, values, strict=True):  # [1, K, H, T]
            places = value[0].reshape(value.shape[1], -1).T
            rows.setdefault(name, []).append(places[rng.integers(0, len(places), _PLACES)])
    return {name: np.concatenate(some) for name, some in rows.items()}


def _dense(graph: onnx.GraphProto, layer: _Layer, seen: Floats) -> list[onnx.NodeProto]:
    """Return nodes in place of `layer`'s, and store what they need.

    Between the layers of a mixer the channels come last, so that a layer is a product of matrices.
    """
    weight, bias = layer.node.input[1:3]
    source, whole = layer.node.input[0], layer.node.output[0]
    first, out = (f"{whole}/first", whole) if layer.first else (source, f"{whole}/last")
    best = _range(seen, layer.weight, both=layer.first)
    rounded = best.wrong <= _WORST
    most, form = (STEPS, "bytes") if rounded else (127, "steps")
    scale = np.abs(layer.weight).max(axis=0) / most + np.float32(1e-12)
    steps = np.rint(layer.weight / scale).astype(np.int8)
    for name, array in {
        f"{weight}.{form}": steps.T[:, :, None, None],
        f"{weight}.scale": np.asarray(scale[:, None, None, None], np.float32),
        f"{weight}.shape": np.array(steps.T.shape),
        f"{weight}.row": np.array([-1]),
        f"{weight}.seen_step": np.array(best.step, np.float32),
        f"{weight}.seen_zero": np.array(best.zero, np.uint8),
    }.items():
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    node = helper.make_node
    new = [node("Transpose", [source], [first], perm=[0, 2, 3, 1])] if layer.first else []
    new += [
        node("Reshape", [f"{weight}.{form}", f"{weight}.shape"], [f"{weight}.rows"]),
        node("Transpose", [f"{weight}.rows"], [f"{weight}.columns"], perm=[1, 0]),
        node("Reshape", [f"{weight}.scale", f"{weight}.row"], [f"{weight}.scales"]),
    ]
    if rounded:
        step, zero, bytes_ = f"{weight}.seen_step", f"{weight}.seen_zero", f"{whole}/bytes"
        given = [bytes_, f"{weight}.columns", step, f"{weight}.scales", zero, "", bias]
        new += [
            node("QuantizeLinear", [first, step, zero], [bytes_]),
            node("MatMulIntegerToFloat", given, [out], domain="com.microsoft"),
        ]
    else:
        new += [
            node("Cast", [f"{weight}.columns"], [f"{weight}.whole"], to=onnx.TensorProto.FLOAT),
            node("Mul", [f"{weight}.whole", f"{weight}.scales"], [f"{weight}.matrix"]),
            node("MatMul", [first, f"{weight}.matrix"], [f"{out}/product"]),
            node("Add", [f"{out}/product", bias], [out]),
        ]
    return new if layer.first else [*new, node("Transpose", [out], [whole], perm=[0, 3, 1, 2])]


class _Range(NamedTuple):
    """How what a layer sees is rounded, and the share of what it gives that this makes wrong."""

    wrong: float
    step: float
    zero: int


def _range(seen: Floats, weight: Floats, *, both: bool) -> _Range:
    """Return step and zero of the 256 values by which the products with `weight` come out least wrong.

    The range is cut at its upper end alone unless `both`: an activation has its least value often.
    """
    right = seen @ weight
    low, high = min(float(seen.min()), 0.0), max(float(seen.max()), 1e-6)
    tried = []
    for cut in _CUTS:
        least = low * cut if both else low
        step = (high * cut - least) / 255
        zero = round(-least / step)
        rounded = ((np.clip(np.rint(seen / step) + zero, 0, 255) - zero) * step).astype(np.float32)
        wrong = np.linalg.norm(rounded @ weight - right) / max(float(np.linalg.norm(right)), 1e-12)
        tried.append(_Range(float(wrong), step, zero))
    return min(tried)
