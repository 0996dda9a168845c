"""The line recogniser that starts from another one's weights."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from lines_made import sample
from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError, OptionError
from unscrawl.learn.lines import loop, pretrained
from unscrawl.learn.lines.export import trunk
from unscrawl.learn.lines.nets import build
from unscrawl.learn.lines.pretrained import PretrainedNet, start
from unscrawl.learn.lines.recipe import LineRecipe
from unscrawl.learn.lines.teachable import KEY, make_teachable

NAMES = sorted({*LINE, "漢", "’"} - {" "})


def strips(count: int = 2, wide: int = 96) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 40, wide), dtype=np.uint8))


def original(source: PretrainedNet, path: Path) -> None:
    """Write the weights of `source` as the file has them that such a network starts from."""
    nodes: list[onnx.NodeProto] = []
    stored: list[onnx.TensorProto] = []

    def keep(array: Tensor | np.ndarray) -> str:
        values = array.detach().numpy() if isinstance(array, Tensor) else array
        stored.append(
            onnx.numpy_helper.from_array(np.ascontiguousarray(values, np.float32), f"w{len(stored)}")
        )
        return stored[-1].name

    def add(kind: str, *given: str) -> None:
        before = f"y{len(nodes) - 1}" if nodes else "x"
        nodes.append(onnx.helper.make_node(kind, [before, *given], [f"y{len(nodes)}"]))

    def layer(module: nn.Module, *, normalised: bool) -> None:
        if isinstance(module, nn.Conv2d) and normalised:
            add("Conv", keep(module.weight / 2))
            ones = np.ones(module.out_channels)
            assert module.bias is not None
            # Twice what the convolution gives, its mean of three taken off before.
            add(
                "BatchNormalization", keep(2 * ones), keep(module.bias + 6), keep(3 * ones), keep(ones - 1e-5)
            )
        elif isinstance(module, nn.Conv2d):
            weight = module.weight
            weight = weight.repeat(1, 3, 1, 1) / 3 if not nodes else weight  # the original sees three colours
            add("Conv", keep(weight))
            assert module.bias is not None
            add("Add", keep(module.bias.reshape(1, -1, 1, 1)))
        elif isinstance(module, nn.Linear):
            add("MatMul", keep(module.weight.T))
            add("Add", keep(module.bias))
        elif isinstance(module, nn.LayerNorm):
            add("Mul", keep(module.weight))
            add("Add", keep(module.bias))

    for part in (source.stem, source.body, source.neck):
        for module in part.modules():
            layer(module, normalised=part is source.neck)
    rng = np.random.default_rng(1)
    add("MatMul", keep(rng.normal(size=(120, len(NAMES) + 2))))
    add("Add", keep(np.arange(len(NAMES) + 2)))
    inputs = [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, None)]
    graph = onnx.helper.make_graph(nodes, "original", inputs, [], stored)
    model = onnx.helper.make_model(graph)
    model.metadata_props.add(key="character", value="\n".join(NAMES))
    path.write_bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> tuple[PretrainedNet, Path]:
    """A network, and the file made from it."""
    path = tmp_path_factory.mktemp("original") / "original.onnx"
    torch.manual_seed(0)
    source = PretrainedNet(len(LINE)).eval()
    original(source, path)
    return source, path


@pytest.fixture(scope="module")
def started(file: tuple[PretrainedNet, Path]) -> tuple[PretrainedNet, PretrainedNet]:
    """The network that a file was made from, and one that started from the file."""
    source, path = file
    net = PretrainedNet(len(LINE)).eval()
    start(net, path)
    return source, net


def test_the_weights_of_the_original_are_taken_over(started: tuple[PretrainedNet, PretrainedNet]) -> None:
    source, net = started
    picture = torch.randn(1, 1, 48, 64)
    with torch.inference_mode():
        theirs, ours = (n.neck(n.body(n.stem(picture))) for n in (source, net))
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_head_starts_with_what_the_original_knew_of_our_characters(
    started: tuple[PretrainedNet, PretrainedNet],
) -> None:
    _, net = started
    places = [0, len(NAMES) + 1, *(1 + NAMES.index(c) for c in LINE[1:])]
    assert net.head.bias.tolist() == places


def test_the_blocks_change_nothing_at_first(started: tuple[PretrainedNet, PretrainedNet]) -> None:
    _, net = started
    frames = torch.randn(1, 5, net.features)
    torch.testing.assert_close(net.blocks(frames), frames)


@pytest.mark.parametrize("wide", [16, 33, 640])
def test_there_are_as_many_frames_as_it_says(wide: int) -> None:
    net = PretrainedNet(len(LINE)).eval()
    with torch.inference_mode():
        frames = net(strips(1, wide)).shape[1]
    assert abs(frames - int(net.lengths(torch.tensor([wide])))) <= 1


def test_it_can_be_exported_and_taught(started: tuple[PretrainedNet, PretrainedNet]) -> None:
    net = copy.deepcopy(started[1])
    with torch.no_grad():
        for parameter in net.parameters():  # of equal ones, as they are before training, one would be stored
            parameter.add_(0.01 * torch.randn_like(parameter))
    model = trunk(net)
    make_teachable(model)
    assert KEY in {p.key for p in model.metadata_props}


def test_training_starts_from_the_file(file: tuple[PretrainedNet, Path], tmp_path: Path) -> None:
    source, path = file
    recipe = LineRecipe(network="pretrained", optimizer="adamw", steps=1, batch=2, blocks=1, look=1)
    lines = [sample("hello"), sample("dear Ann")]
    net = loop.train(recipe, lines, lines, tmp_path, pretrained=path, workers=0)
    assert isinstance(net, PretrainedNet)
    torch.testing.assert_close(net.stem.last.weight, source.stem.last.weight)  # which is not trained


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"other\.onnx is not the recogniser"):
        start(PretrainedNet(len(LINE)), path)


def test_without_the_package_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match="pip install rapidocr"):
        pretrained.find()


def test_a_recipe_names_its_network() -> None:
    assert isinstance(build(LineRecipe(network="pretrained", blocks=1).net(len(LINE))), PretrainedNet)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(OptionError, match="pretrained"):
        LineRecipe(network="pretraind")
