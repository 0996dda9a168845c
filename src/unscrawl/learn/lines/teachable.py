"""Opens an exported trunk for teaching: what a hand may change becomes an input, what that takes an output.

A hand changes the biases of the blocks and the norm before them, 7,000 numbers, and adds products of two thin
matrices to the weights of the blocks' perceptrons. As optional inputs, with the trained values or zeros as
defaults, they leave the base as it is. The weights that the gradient needs are outputs that are only computed
when asked for, so that they are stored once.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import numpy as np
import onnx

from unscrawl.errors import ModelError

__all__ = ["KEY", "make_teachable"]

KEY: Final = "tail"
"""Entry of the model's metadata that names the parts (see `unscrawl.teach.tail`)."""

_BLOCK: Final = re.compile(r"/blocks/blocks\.(\d+)/(mix|up|down)/(?:Conv|MatMul)_output_0")
_NORM: Final = re.compile(r"/norm/LayerNormalization_output_0")
_RANK: Final = "rank"  # of the thin matrices: the hand's own; 1 where there is no hand


def make_teachable(model: onnx.ModelProto) -> None:
    """Declare the inputs and outputs that teaching needs, in place; call it last, the weights being stored.

    Raises:
        ModelError: the trunk does not end as `net.LineNet` does.
    """
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}

    def source(name: str) -> str:
        name = casts.get(name, name) if name not in stored else name
        if name not in stored:
            raise ModelError(f"the trunk's {name} is not stored as it is: not written")
        return name

    blocks: dict[int, dict[str, Any]] = {}
    parts: dict[str, Any] = {}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        nodes.append(node)
        found = _BLOCK.fullmatch(node.output[0])
        if found:
            number, part = int(found[1]), found[2]
            names = [source(node.input[1]), f"net.blocks.{number}.{part}.bias"]
            if part != "mix":
                names += [f"net.blocks.{number}.{part}.{side}" for side in ("thin_in", "thin_out")]
                nodes += _with_product(graph, node, stored[names[0]].dims, names[2:])
            blocks.setdefault(number, {})[part] = names
        elif _NORM.fullmatch(node.output[0]):
            parts |= {"frames": node.input[0], "norm": [source(name) for name in node.input[1:3]]}
        elif node.op_type == "LSTM":
            parts["context"] = [source(name) for name in node.input[1:4]]
    if parts.keys() != {"frames", "norm", "context"} or any(len(block) != 3 for block in blocks.values()):
        raise ModelError("this trunk is not built as those are that a hand can be taught on: not written")
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)
    parts["blocks"] = [blocks[i] for i in range(len(blocks))]
    layers = [names for block in parts["blocks"] for names in block.values()]
    given = [*parts["norm"], *(names[1] for names in layers)]
    asked = [*parts["context"], *(names[0] for names in layers), *given]
    for name in given:
        graph.input.append(_like(stored[source(name)]))
    for name in asked:
        graph.output.append(_like(stored[name]))
    width = stored[parts["norm"][0]].dims[0]
    graph.output.append(
        onnx.helper.make_tensor_value_info(parts["frames"], onnx.TensorProto.FLOAT, ["B", "T", width])
    )
    model.metadata_props.add(key=KEY, value=json.dumps(parts))


def _with_product(
    graph: onnx.GraphProto, node: onnx.NodeProto, shape: Any, names: list[str]
) -> list[onnx.NodeProto]:
    """Return nodes that add (x A) B to x W, which `node` computes, A and B being zero; `shape` is W's."""
    inside, outside = (int(n) for n in shape)
    for name, default in zip(names, (np.zeros((inside, 1)), np.zeros((1, outside))), strict=True):
        graph.initializer.append(onnx.numpy_helper.from_array(default.astype(np.float32), name))
        dims: list[str | int | None] = [inside, _RANK] if name is names[0] else [_RANK, outside]
        graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dims))
    whole = node.output[0]
    plain, narrow, product = (f"{whole}/{part}" for part in ("plain", "narrow", "product"))
    node.output[0] = plain
    return [
        onnx.helper.make_node("MatMul", [node.input[0], names[0]], [narrow]),
        onnx.helper.make_node("MatMul", [narrow, names[1]], [product]),
        onnx.helper.make_node("Add", [plain, product], [whole]),
    ]


def _like(tensor: onnx.TensorProto) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
