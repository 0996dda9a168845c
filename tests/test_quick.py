"""The trunk that computes in 8 bits: nearly what it was, whatever lies beside a line, still to be taught."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from lines_made import line
from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError
from unscrawl.learn.lines.export import trunk
from unscrawl.learn.lines.net import LineNet
from unscrawl.learn.lines.pretrained import PretrainedNet
from unscrawl.learn.lines.quick import STEPS, quicken
from unscrawl.line_recogniser import STEP
from unscrawl.onnxfile import initialisers, plain
from unscrawl.strip import prepare

Strip = NDArray[np.uint8]


def strip(text: str) -> Strip:
    image = prepare(line(text)).image
    return np.pad(image, ((0, 0), (0, -image.shape[1] % STEP)))


def features(model: onnx.ModelProto, strips: Strip) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["features"], {"strip": strips})[0], np.float32)


@pytest.fixture(scope="module")
def exact() -> onnx.ModelProto:
    torch.manual_seed(0)
    return trunk(PretrainedNet(len(LINE), blocks=1))


@pytest.fixture(scope="module")
def quick(exact: onnx.ModelProto) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(exact)
    quicken(model, [strip("dear Ann"), strip("we had nothing"), strip("all going direct")])
    return model


def test_the_mixers_compute_in_8_bits(exact: onnx.ModelProto, quick: onnx.ModelProto) -> None:
    products = [node for node in quick.graph.node if node.op_type == "MatMulIntegerToFloat"]
    mixers = [node for node in exact.graph.node if node.op_type == "Conv" and node.name.endswith("mix/Conv")]
    body = [node for node in mixers if node.name.startswith("/body")]
    assert len(products) == 2 * len(body) > 0


def test_features_stay_nearly_as_they_were(exact: onnx.ModelProto, quick: onnx.ModelProto) -> None:
    given = strip("the age of wisdom")[None]
    before, after = features(exact, given), features(quick, given)
    assert 0 < np.linalg.norm(after - before) < 0.1 * np.linalg.norm(before)


def test_a_line_does_not_depend_on_those_beside_it(quick: onnx.ModelProto) -> None:
    one, other = strip("season of light"), strip("it was the worst")
    wide = max(one.shape[1], other.shape[1])
    both = np.stack([np.pad(s, ((0, 0), (0, wide - s.shape[1]))) for s in (one, other)])
    np.testing.assert_allclose(features(quick, both)[0], features(quick, both[:1])[0], atol=1e-4)


def test_weights_keep_their_names_and_fit_pairs_of_products(
    exact: onnx.ModelProto, quick: onnx.ModelProto
) -> None:
    before, after = (initialisers(model.SerializeToString()) for model in (exact, quick))
    names = [name.removesuffix(".bytes") for name in after if name.endswith(".bytes")]
    assert names
    for name in names:
        weight = before[name]
        assert np.abs(after[f"{name}.bytes"]).max() == STEPS
        coarse = np.abs(weight).max(axis=1, keepdims=True) / STEPS
        assert (np.abs(plain(after, name) - weight) <= coarse * 0.51).all()


def test_a_layer_that_rounding_would_spoil_computes_in_float(
    exact: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unscrawl.learn.lines.quick._WORST", 0.0)
    model = onnx.ModelProto()
    model.CopyFrom(exact)
    quicken(model, [strip("dear Ann")])
    assert not [node for node in model.graph.node if node.op_type == "MatMulIntegerToFloat"]
    given = strip("the age of wisdom")[None]
    before, after = features(exact, given), features(model, given)
    assert np.linalg.norm(after - before) < 0.02 * np.linalg.norm(before)
    names = [name for name in initialisers(model.SerializeToString()) if name.endswith(".steps")]
    assert names


def test_without_lines_there_are_no_ranges(exact: onnx.ModelProto) -> None:
    with pytest.raises(ModelError, match="no lines to find the ranges"):
        quicken(exact, [])


def test_a_network_without_mixers_stays_as_it_is() -> None:
    model = trunk(LineNet(len(LINE), width=16, blocks=1))
    before = model.SerializeToString()
    quicken(model, [])
    assert model.SerializeToString() == before
