"""Writes down how a trunk is to be run backwards, as an ONNX graph: so whoever has no torch can teach it.

Reverse-mode differentiation (Griewank & Walther 2008) on the exported graph: each node is given nodes that
turn the gradient of its output into those of its inputs. The weights are inputs of this graph, so it is small
and whoever runs it changes them as he likes. It takes one line at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from math import pi, sqrt
from typing import Any, Final, TypeAlias

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from unscrawl.errors import ModelError
from unscrawl.onnxfile import SIDES

__all__ = ["FRAMES", "GRADIENT", "WRONG", "backwards"]

FRAMES: Final = "frames"
"""Output: what the recurrent layer sees, float32 [1, T, D]."""
WRONG: Final = "wrong"
"""Input: the gradient of that."""
GRADIENT: Final = ":gradient"
"""Behind the name of a weight: the output that is its gradient."""

_LEVEL: Final = ("Shape", "ConstantOfShape")  # tell nothing of the values that go in

Node: TypeAlias = onnx.NodeProto
Gradients: TypeAlias = Sequence[str | None]


def backwards(trunk: onnx.ModelProto, fixed: Collection[str] = ()) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Return two graphs of a trunk from `export.trunk`: the way forth and the way back.

    Forth: `strip` (uint8 [1, 40, W]) and the weights by their names → `FRAMES`, and what the way back needs.
    Back: that, `WRONG` and the weights → the gradients of all weights but those that are `fixed`. A dense
    layer's is not given: two thin matrices, whose product somebody adds to it, are inputs too, and theirs is
    (names as in `onnxfile.SIDES`): hardly any work, where the whole weight's were a matrix product more.

    Raises:
        ModelError: a layer whose gradient is not known here.
    """
    graph = trunk.graph
    end = next(n for n in graph.node if n.op_type == "LSTM").input[0]
    makers = {out: node for node in graph.node for out in node.output}
    while makers[end].op_type in ("Transpose", "Cast"):
        end = makers[end].input[0]
    nodes = _ancestors(graph.node, end)
    weights = {t.name: t for t in graph.initializer if t.name.startswith("net.") and _used(t.name, nodes)}
    taught = [name for name in weights if name not in fixed]
    back = _Backwards(nodes, _shapes(trunk, nodes), set(taught))
    back.run(end)
    last = [helper.make_node("Identity", [d], [name + GRADIENT]) for name, d in back.wanted(taught).items()]
    made = {name: len(back.shapes.get(name, "?")) for node in nodes for name in node.output}
    kept = {name: [None] * rank for name, rank in made.items() if _used(name, back.nodes)}
    frames = helper.make_node("Identity", [end], [FRAMES])
    line = {FRAMES: [1, "T", "D"]}
    own = {name: list(t.dims) for name, t in weights.items()}
    forth = _model(trunk, [*nodes, frames], own, line | kept)
    forth.graph.input.insert(0, graph.input[0])
    own |= back.thin
    gradients = {name + GRADIENT: own[name] for name in back.wanted(taught)}
    behind = {name: dims for name, dims in own.items() if _used(name, back.nodes)}
    backward = _model(trunk, [*back.nodes, *last], {WRONG: line[FRAMES]} | kept | behind, gradients)
    backward.graph.initializer.extend(back.constants)
    for model in (forth, backward):
        onnx.checker.check_model(model)
    return forth, backward


def _model(
    trunk: onnx.ModelProto, nodes: Sequence[Node], inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> onnx.ModelProto:
    """Return a model of some nodes; inputs and outputs float32, with their dimensions."""
    given, told = (
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dims) for name, dims in some.items()]
        for some in (inputs, outputs)
    )
    others = [t for t in trunk.graph.initializer if t.name not in inputs and _used(t.name, nodes)]
    graph = helper.make_graph(nodes, "lesson", given, told, others)
    return helper.make_model(graph, opset_imports=list(trunk.opset_import), ir_version=trunk.ir_version)


def _ancestors(nodes: Sequence[Node], end: str) -> list[Node]:
    """Return copies of the nodes that `end` depends on, in order."""
    wanted, kept = {end}, []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(Node.FromString(node.SerializeToString()))
    return kept[::-1]


def _used(name: str, nodes: Sequence[Node]) -> bool:
    return any(name in node.input for node in nodes)


def _shapes(trunk: onnx.ModelProto, nodes: Sequence[Node]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor for one strip, by running it."""
    model = onnx.ModelProto.FromString(trunk.SerializeToString())
    names = [name for node in nodes for name in node.output if name]
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(names, {"strip": np.zeros((1, 40, 320), np.uint8)})
    shapes = {name: np.shape(value) for name, value in zip(names, found, strict=True)}
    return shapes | {t.name: tuple(t.dims) for t in trunk.graph.initializer}


class _Backwards:
    """Nodes that give the gradients of `taught`: `found`, by name, once it has run."""

    def __init__(self, nodes: list[Node], shapes: dict[str, tuple[int, ...]], taught: set[str]) -> None:
        self.forwards, self.shapes = nodes, shapes
        self.nodes: list[Node] = []
        self.constants: list[onnx.TensorProto] = []
        self.found: dict[str, str] = {}
        self.thin: dict[str, list[Any]] = {}
        self.depends = set(taught)
        """Tensors that change with what is taught."""
        for node in nodes:
            if node.op_type not in _LEVEL and self.depends.intersection(node.input):
                self.depends.update(node.output)

    def run(self, end: str) -> None:
        """Go backwards from `end`."""
        self.found[end] = WRONG
        for node in reversed(self.forwards):
            d = self.found.get(node.output[0])
            if d is None or not self.depends.intersection(node.input):
                continue
            rule = _RULES.get(node.op_type)
            if rule is None:
                raise ModelError(f"the gradient of {node.op_type} ({node.name}) is not known: not written")
            for name, gradient in zip(node.input, rule(self, node, d), strict=False):
                if gradient is not None and name in self.depends:
                    known = self.found.get(name)
                    self.found[name] = self("Add", known, gradient) if known else gradient

    def wanted(self, taught: Sequence[str]) -> dict[str, str]:
        """Return the gradients of what is learnt: of the weights taught, or of the thin ones beside them."""
        names = [n for name in taught for n in ([name] if name in self.found else _sides(name))]
        return {name: self.found[name] for name in names}

    def beside(self, weight: str, first: int, second: int) -> tuple[str, str]:
        """Declare two thin matrices, [first, R] and [R, second], beside a weight; return their names."""
        names = _sides(weight)
        self.thin |= dict(zip(names, ([first, "R"], ["R", second]), strict=True))
        return names

    def __call__(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        name = f"back/{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def turned(self, matrix: str) -> str:
        """Return the transpose."""
        return self("Transpose", matrix, perm=[1, 0])

    def constant(self, value: Any, kind: Any = np.float32) -> str:
        """Add an array; return its name."""
        name = f"back/constant/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def places(self, *values: int) -> str:
        """Add integers: axes, a shape."""
        return self.constant(values, np.int64)

    def total(self, d: str, axes: Sequence[int], *, keep: bool = False) -> str:
        """Sum over axes."""
        return self("ReduceSum", d, self.places(*axes), keepdims=int(keep)) if axes else d

    def fitted(self, d: str, shape: tuple[int, ...], name: str) -> str:
        """Sum a gradient of that shape over the axes along which the tensor was repeated."""
        own = self.shapes[name]
        lead = len(shape) - len(own)
        repeated = [i + lead for i, n in enumerate(own) if n == 1 < shape[i + lead]]
        return self.total(self.total(d, repeated, keep=True), range(lead))


def _sides(name: str) -> tuple[str, str]:
    return name + SIDES[0], name + SIDES[1]


def _of(node: Node) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _conv(b: _Backwards, node: Node, d: str) -> Gradients:
    """Of one picture, dense or depthwise."""
    x, weight = node.input[:2]
    out, inside, *kernel = b.shapes[weight]
    facts = {k: v for k, v in _of(node).items() if k in ("strides", "dilations", "pads", "group")}
    flat = len(kernel)
    bias = b.total(d, [0, *range(2, 2 + flat)])
    if facts["group"] == 1 and set(kernel) == {1} and set(facts["strides"]) == {1}:
        long_x = b("Reshape", x, b.places(inside, -1))
        long_d = b("Reshape", d, b.places(out, -1))
        matrix = b("Reshape", weight, b.places(out, inside))
        dx = b("Reshape", b("MatMul", b.turned(matrix), long_d), b("Shape", x))
        if weight in b.depends:
            first, second = b.beside(weight, out, inside)
            b.found[first] = b("MatMul", long_d, b.turned(b("MatMul", second, long_x)))
            b.found[second] = b("MatMul", b("MatMul", b.turned(first), long_d), b.turned(long_x))
        return dx, None, bias
    if facts["group"] not in (1, b.shapes[x][1]) or (facts["group"] > 1 and out != facts["group"]):
        raise ModelError(f"the gradient of {node.name}, a convolution in groups, is not known: not written")
    turn = [1, 0, *range(2, 2 + flat)]
    side = b("ConvTranspose", d, weight, output_padding=[s - 1 for s in facts["strides"]], **facts)
    start, axes = b.places(*[0] * flat), b.places(*range(2, 2 + flat))
    dx = b("Slice", side, start, b("Shape", x, start=2), axes)
    # the weights' gradient is a correlation of the picture with d: what was skipped is spread, and reversed
    turned = {**facts, "strides": facts["dilations"], "dilations": facts["strides"]}
    pictures = x if facts["group"] > 1 else b("Transpose", x, perm=turn)
    dw = b("Conv", pictures, b("Transpose", d, perm=turn), **turned)
    dw = b("Slice", b("Transpose", dw, perm=turn), start, b.places(*kernel), axes)
    return dx, dw, bias


def _matmul(b: _Backwards, node: Node, d: str) -> Gradients:
    left, right = node.input
    k, n = b.shapes[right][-2:]
    last = [*range(len(b.shapes[left]) - 2), len(b.shapes[left]) - 1, len(b.shapes[left]) - 2]
    if len(b.shapes[right]) > 2:
        return (
            b("MatMul", d, b("Transpose", right, perm=last)),
            b("MatMul", b("Transpose", left, perm=last), d),
        )
    if right in b.depends:
        long_x, long_d = b("Reshape", left, b.places(-1, k)), b("Reshape", d, b.places(-1, n))
        first, second = b.beside(right, k, n)
        b.found[first] = b("MatMul", b.turned(long_x), b("MatMul", long_d, b.turned(second)))
        b.found[second] = b("MatMul", b.turned(b("MatMul", long_x, first)), long_d)
    return b("MatMul", d, b.turned(right)), None


def _norm(b: _Backwards, node: Node, d: str) -> Gradients:
    """Over the last axis."""
    x, weight = node.input[:2]
    mean, inverse = f"{node.output[0]}/mean", f"{node.output[0]}/inverse"
    node.output.extend([mean, inverse])
    b.shapes[mean] = b.shapes[inverse] = b.shapes[x]
    normal = b("Mul", b("Sub", x, mean), inverse)
    inner = b("Mul", d, weight)
    last = b.places(-1)
    level = b("ReduceMean", inner, last)
    slope = b("Mul", normal, b("ReduceMean", b("Mul", inner, normal), last))
    dx = b("Mul", b("Sub", b("Sub", inner, level), slope), inverse)
    lead = range(len(b.shapes[x]) - 1)
    return dx, b.total(b("Mul", d, normal), lead), b.total(d, lead)


def _add(b: _Backwards, node: Node, d: str) -> Gradients:
    shape = b.shapes[node.output[0]]
    return [b.fitted(d, shape, name) if name in b.depends else None for name in node.input]


def _mul(b: _Backwards, node: Node, d: str) -> Gradients:
    shape, (x, y) = b.shapes[node.output[0]], node.input
    return [
        b.fitted(b("Mul", d, other), shape, name) if name in b.depends else None
        for name, other in ((x, y), (y, x))
    ]


def _gelu(b: _Backwards, node: Node, d: str) -> Gradients:
    x = node.input[0]
    half, one = b.constant(0.5), b.constant(1)
    area = b("Mul", b("Add", b("Erf", b("Mul", x, b.constant(1 / sqrt(2)))), one), half)
    bell = b("Mul", b("Exp", b("Mul", b("Mul", x, x), b.constant(-0.5))), b.constant(1 / sqrt(2 * pi)))
    return [b("Mul", d, b("Add", area, b("Mul", x, bell)))]


def _softmax(b: _Backwards, node: Node, d: str) -> Gradients:
    """Over the last axis."""
    y = node.output[0]
    product = b("Mul", d, y)
    return [b("Sub", product, b("Mul", y, b("ReduceSum", product, b.places(-1))))]


def _bent(slope: Callable[[_Backwards, str], str]) -> Callable[[_Backwards, Node, str], Gradients]:
    """Return the rule of a function whose slope can be told from its value."""
    return lambda b, node, d: [b("Mul", d, slope(b, node.output[0]))]


def _fall(b: _Backwards, y: str) -> str:
    """Return y (1 - y)."""
    return b("Sub", y, b("Mul", y, y))


def _hard(b: _Backwards, node: Node, d: str) -> Gradients:
    slope = b.constant(_of(node).get("alpha", 0.2))
    return [b("Mul", d, b("Mul", b("Sign", _fall(b, node.output[0])), slope))]


def _mean(b: _Backwards, node: Node, d: str) -> Gradients:
    x = node.input[0]
    share = b("Div", *(b("Cast", b("Size", name), to=onnx.TensorProto.FLOAT) for name in (d, x)))
    return [b("Expand", b("Mul", d, share), b("Shape", x))]


def _pool(b: _Backwards, node: Node, d: str) -> Gradients:
    facts, channels = _of(node), b.shapes[node.input[0]][1]
    kernel: NDArray[np.float32] = np.ones((channels, 1, *facts["kernel_shape"]), np.float32)
    weight = b.constant(kernel / np.prod(facts["kernel_shape"]))
    whole = b("ConvTranspose", d, weight, strides=facts["strides"], group=channels)
    return [whole]


def _gather(b: _Backwards, node: Node, d: str) -> Gradients:
    """Of one place along an axis, which is a constant: noughts elsewhere."""
    axis, shape = _of(node).get("axis", 0), b.shapes[node.input[0]]
    source = next(n for n in b.forwards if node.input[1] in n.output)
    alone = np.arange(shape[axis]) == numpy_helper.to_array(_of(source)["value"])
    alone = alone.reshape(-1, *[1] * (len(shape) - axis - 1))
    return [b("Mul", b("Unsqueeze", d, b.places(axis)), b.constant(alone))]


_RULES: Final[dict[str, Callable[[_Backwards, Node, str], Gradients]]] = {
    "Add": _add,
    "AveragePool": _pool,
    "Cast": lambda b, node, d: [d],
    "Conv": _conv,
    "Gather": _gather,
    "Gelu": _gelu,
    "HardSigmoid": _hard,
    "LayerNormalization": _norm,
    "MatMul": _matmul,
    "Mul": _mul,
    "ReduceMean": _mean,
    "Relu": _bent(lambda b, y: b("Sign", y)),
    "Reshape": lambda b, node, d: [b("Reshape", d, b("Shape", node.input[0]))],
    "Sigmoid": _bent(_fall),
    "Softmax": _softmax,
    "Transpose": lambda b, node, d: [b("Transpose", d, perm=list(np.argsort(_of(node)["perm"])))],
}
