"""Opens an exported trunk for teaching: what a hand may change becomes an input, what that takes an output.

A hand changes the biases of the blocks and the norm before them, 7,000 numbers. As optional inputs, with the
trained values as defaults, they cost nothing and leave the base as it is. The weights that the gradient needs
are outputs that are only computed when asked for, so that they are stored once.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import onnx

from unscrawl.errors import ModelError

__all__ = ["KEY", "make_teachable"]

KEY: Final = "tail"
"""Entry of the model's metadata that names the parts (see `unscrawl.teach.tail`)."""

_BLOCK: Final = re.compile(r"/blocks/blocks\.(\d+)/(mix|up|down)/(?:Conv|MatMul)_output_0")


def make_teachable(model: onnx.ModelProto) -> None:
    """Declare the inputs and outputs that teaching needs, in place; call it last, the weights being stored.

    Raises:
        ModelError: the trunk is not built as `net.LineNet` is.
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
    for node in graph.node:
        found = _BLOCK.fullmatch(node.output[0])
        if found:
            number, part = int(found[1]), found[2]
            blocks.setdefault(number, {})[part] = [source(node.input[1]), f"net.blocks.{number}.{part}.bias"]
        elif node.op_type == "LayerNormalization":
            parts |= {"frames": node.input[0], "norm": [source(name) for name in node.input[1:3]]}
        elif node.op_type == "LSTM":
            parts["context"] = [source(name) for name in node.input[1:4]]
    if parts.keys() != {"frames", "norm", "context"} or any(len(block) != 3 for block in blocks.values()):
        raise ModelError("this trunk is not built as those are that a hand can be taught on: not written")
    parts["blocks"] = [blocks[i] for i in range(len(blocks))]
    given = [*parts["norm"], *(pair[1] for block in parts["blocks"] for pair in block.values())]
    asked = [*parts["context"], *(pair[0] for block in parts["blocks"] for pair in block.values()), *given]
    for name in given:
        graph.input.append(_like(stored[source(name)]))
    for name in asked:
        graph.output.append(_like(stored[name]))
    width = stored[parts["norm"][0]].dims[0]
    graph.output.append(
        onnx.helper.make_tensor_value_info(parts["frames"], onnx.TensorProto.FLOAT, ["B", "T", width])
    )
    model.metadata_props.add(key=KEY, value=json.dumps(parts))


def _like(tensor: onnx.TensorProto) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
