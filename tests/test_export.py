from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from unscrawl.errors import DataError, ModelError
from unscrawl.learn import models
from unscrawl.learn.batches import pixels
from unscrawl.learn.checkpoint import Run
from unscrawl.learn.export import export
from unscrawl.learn.predict import logits
from unscrawl.learn.quantise import agreement


def a_run(name: str = "glyph", channels: int = 1, classes: int = 5) -> Run:
    """A network whose batch norms have seen something, so that folding them matters."""
    torch.manual_seed(0)
    model = models.build(name, classes, channels, 28)
    for _ in range(3):
        model(torch.randn(16, channels, 28, 28) + 0.5)
    return Run(
        folder=Path(),
        model=model.eval(),
        model_name=name,
        classes=tuple("abcdefghijklmnop"[:classes]),
        channels=channels,
        size=28,
        mean=(0.13,) * channels,
        std=(0.31,) * channels,
        recipe={"name": "none"},
        seed=1,
        temperature=1.7,
        command="unscrawl train here",
    )


def pictures(n: int, channels: int = 1) -> np.ndarray:
    shape = (n, 28, 28) if channels == 1 else (n, 28, 28, channels)
    return np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)


def ask(path: Path, images: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(path).run(["logits"], {"image": images})[0]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(a_run(), tmp_path_factory.mktemp("out") / "net.onnx", licence="CC0-1.0")


def test_torch_and_onnx_runtime_agree_on_a_thousand_pictures(exported: Path) -> None:
    run, images = a_run(), pictures(1000)
    ours = logits(run.model, pixels(images), run.mean, run.std).numpy()
    assert np.abs(ask(exported, images) - ours).max() < 1e-4


@pytest.mark.parametrize("n", [0, 1, 3])
def test_any_number_of_pictures(exported: Path, n: int) -> None:
    assert ask(exported, pictures(n)).shape == (n, 5)


def test_batch_norm_is_folded_away(exported: Path) -> None:
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(exported).graph.node}


def test_the_card_says_what_a_stranger_needs(exported: Path) -> None:
    card = json.loads(exported.with_suffix(".json").read_text())
    assert card["classes"] == ["a", "b", "c", "d", "e"]
    assert (card["size"], card["channels"], card["temperature"]) == (28, 1, 1.7)
    assert (card["seed"], card["command"], card["licence"]) == (1, "unscrawl train here", "CC0-1.0")


def test_no_trace_of_this_machine_is_left(exported: Path) -> None:
    assert str(Path(__file__).parents[1]).encode() not in exported.read_bytes()


def test_half_is_half_the_size_and_nearly_the_same(exported: Path, tmp_path: Path) -> None:
    small = export(a_run(), tmp_path / "half.onnx", half=True)
    assert small.stat().st_size < 0.55 * exported.stat().st_size
    images = pictures(50)
    whole = ask(exported, images)
    assert np.abs(ask(small, images) - whole).max() < 0.01 * np.abs(whole).max()


def test_colour_pictures_are_taken_channels_last(tmp_path: Path) -> None:
    run, images = a_run("fast", channels=3), pictures(4, 3)
    path = export(run, tmp_path / "colour.onnx")
    ours = logits(run.model, pixels(images), run.mean, run.std).numpy()
    assert np.abs(ask(path, images) - ours).max() < 1e-4


def test_in_eight_bits_it_answers_the_same_with_integers(tmp_path: Path) -> None:
    small = export(a_run(), tmp_path / "small.onnx", int8=pictures(200))
    images = pictures(100)[50:]
    whole = logits(a_run().model, pixels(images), (0.13,), (0.31,)).numpy()
    assert agreement(ask(small, images), whole) > 0.9
    assert np.abs(ask(small, images) - whole).max() < 0.1 * np.abs(whole).max()
    kinds = {i.data_type for i in onnx.load(small).graph.initializer if len(i.dims) == 4}
    assert kinds == {onnx.TensorProto.INT8}
    assert json.loads(small.with_suffix(".json").read_text())["convolutions"] == "8-bit integers"


def test_eight_bits_need_a_convolution(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no convolution"):
        export(a_run("mlp"), tmp_path / "net.onnx", int8=pictures(10))


def test_eight_bits_need_pictures_such_as_the_network_takes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="takes pictures of 28 × 28 with 1 channel"):
        export(a_run(), tmp_path / "net.onnx", int8=pictures(10, channels=3))


@pytest.mark.parametrize(("asked", "written"), [("net-1.2", "net-1.2.onnx"), ("net.onnx", "net.onnx")])
def test_a_name_keeps_its_points(tmp_path: Path, asked: str, written: str) -> None:
    assert export(a_run("mlp"), tmp_path / asked) == tmp_path / written
    assert (tmp_path / written).with_suffix(".json").exists()


def test_the_recogniser_takes_it_at_once(exported: Path) -> None:
    from unscrawl.recogniser import Recogniser

    images = pictures(6)
    shares = np.exp(Recogniser(exported).log_probabilities(images))
    ours = torch.from_numpy(ask(exported, images) / 1.7).softmax(1).numpy()
    assert np.allclose(shares, ours, atol=1e-5)


class Fickle(nn.Module):
    """Decides by the pixels which way to go: no graph can say that."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :5] if float(x.sum()) > 0 else -x.flatten(1)[:, :5]


def test_a_network_that_is_no_graph_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = a_run("mlp")
    run.model = Fickle()
    with pytest.raises(
        ModelError, match="cannot be expressed in ONNX: its forward decides by the values"
    ) as error:
        export(run, tmp_path / "net.onnx")
    assert str(error.value).isprintable()
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


class Eigen(nn.Module):
    """Has in it what ONNX has not."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.eigvals(x[:, 0, :5, :5]).real


def test_what_onnx_lacks_is_named(tmp_path: Path) -> None:
    run = a_run("mlp")
    run.model = Eigen()
    with pytest.raises(ModelError, match=r"in ONNX: No ONNX function found for .*linalg_eig") as error:
        export(run, tmp_path / "net.onnx")
    assert str(error.value).isprintable()
