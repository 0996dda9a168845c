"""The way back through a trunk, as ONNX Runtime goes it: what torch's own differentiation finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError
from unscrawl.learn.lines.backwards import FRAMES, GRADIENT, WRONG, backwards
from unscrawl.learn.lines.export import trunk
from unscrawl.learn.lines.net import LineNet, Net, fuse
from unscrawl.learn.lines.pretrained import PretrainedNet
from unscrawl.onnxfile import SIDES

WIDE = 160


def made(kind: str) -> Net:
    """Return a folded network of chance, no two of its tensors alike."""
    torch.manual_seed(0)
    net: Net = (
        LineNet(len(LINE), width=16, blocks=2) if kind == "line" else PretrainedNet(len(LINE), blocks=1)
    )
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return fuse(net)


def ways(net: Net) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Return the graphs forth and back, as `export` makes them."""
    fixed = {f"net.{name}" for name, parameter in net.named_parameters() if not parameter.requires_grad}
    return backwards(trunk(net), fixed)


def strip() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (1, 40, WIDE), dtype=np.uint8)


def weights(net: Net) -> dict[str, NDArray[np.float32]]:
    """Return the weights as the exported graph has them: those of dense layers transposed."""
    found = {}
    for name, parameter in net.named_parameters():
        dense = (
            isinstance(net.get_submodule(name.rpartition(".")[0]), torch.nn.Linear) and parameter.ndim == 2
        )
        found[f"net.{name}"] = np.ascontiguousarray((parameter.T if dense else parameter).detach().numpy())
    return found


def products(back: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Return thin matrices of chance for each weight that they may stand beside."""
    rng, found = np.random.default_rng(2), {}
    for given in back.graph.input:
        if given.name.endswith(SIDES):
            shape = [dim.dim_value or 3 for dim in given.type.tensor_type.shape.dim]
            found[given.name] = rng.normal(size=shape).astype(np.float32)
    return found


def run(model: onnx.ModelProto, given: dict[str, Any]) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    found = session.run(names, {i.name: given[i.name] for i in session.get_inputs()})
    return dict(zip(names, found, strict=True))


def torchs(net: Net, wrong: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Return the frames before the recurrent layer; with their gradient, leave those of the weights."""
    x = net.columns(torch.from_numpy(strip()).unsqueeze(1).float())
    frames = net.blocks(net.norm(net.fold(x)))
    if wrong is not None:
        (frames * torch.from_numpy(wrong)).sum().backward()
    return frames.detach().numpy()  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["line", "pretrained"])
def test_the_way_forth_gives_what_torch_gives(kind: str) -> None:
    net = made(kind)
    forth, _ = ways(net)
    found = run(forth, {"strip": strip(), **weights(net)})[FRAMES]
    np.testing.assert_allclose(found, torchs(net), atol=1e-4)


@pytest.mark.parametrize("kind", ["line", "pretrained"])
def test_the_way_back_gives_the_gradients_that_torch_gives(kind: str) -> None:
    net = made(kind)
    forth, back = ways(net)
    kept = run(forth, {"strip": strip(), **weights(net)})
    wrong = np.random.default_rng(1).normal(size=kept[FRAMES].shape).astype(np.float32)
    thin = products(back)
    found = run(back, {**kept, **weights(net), **thin, WRONG: wrong})
    torchs(net, wrong)
    expected = {}
    for name, parameter in net.named_parameters():
        if parameter.grad is None:
            continue
        g, name = parameter.grad.numpy(), f"net.{name}"
        if name + SIDES[0] not in thin:
            expected[name + GRADIENT] = g
            continue
        first, second = (thin[name + side] for side in SIDES)
        g = g.T if parameter.ndim == 2 else g.reshape(len(first), -1)
        expected |= {f"{name}:first{GRADIENT}": g @ second.T, f"{name}:second{GRADIENT}": first.T @ g}
    assert set(found) == set(expected)
    for name, g in expected.items():
        np.testing.assert_allclose(found[name], g, atol=1e-3 * float(np.abs(g).max()), err_msg=name)


def test_what_is_fixed_has_no_gradient() -> None:
    net = made("line")
    _, back = backwards(trunk(net), {"net.fold.weight"})
    names = {output.name for output in back.graph.output}
    assert "net.fold.bias" + GRADIENT in names
    assert "net.fold.weight" + GRADIENT not in names


def test_the_graphs_hold_no_weights() -> None:
    forth, back = ways(made("pretrained"))
    assert max(len(model.SerializeToString()) for model in (forth, back)) < 200_000


def test_a_layer_without_a_rule_is_named() -> None:
    model = trunk(made("line"))
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.op_type = "Elu"
    with pytest.raises(ModelError, match=r"the gradient of Elu .* is not known"):
        backwards(model)
