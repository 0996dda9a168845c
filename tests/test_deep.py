"""Teaching the whole line recogniser: torch sees what the file holds, and what it learns fits into it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lines_made import line, sample
from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError
from unscrawl.hand import Sample
from unscrawl.learn.lines import deep
from unscrawl.learn.lines.export import export
from unscrawl.learn.lines.net import LineNet, Net
from unscrawl.learn.lines.pretrained import PretrainedNet
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.strip import prepare


def made(folder: Path, net: Net) -> LineRecogniser:
    """Export a network of chance."""
    with torch.no_grad():
        for parameter in net.parameters():  # the exporter stores equal tensors once
            parameter.add_(0.02 * torch.randn_like(parameter))
    export(net, folder / "line.onnx", [sample("hello")])
    return LineRecogniser(folder / "line.onnx", threads=1)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> LineRecogniser:
    torch.manual_seed(0)
    return made(tmp_path_factory.mktemp("small"), LineNet(len(LINE), width=16, blocks=1))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> LineRecogniser:
    torch.manual_seed(0)
    return made(tmp_path_factory.mktemp("large"), PretrainedNet(len(LINE), blocks=1))


def strips() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (2, 40, 128), dtype=np.uint8)


def lines() -> list[Sample]:
    texts = ["the age of wisdom", "season of light", "we had nothing", "all going direct"]
    return [Sample(prepare(line(text)).image, text) for text in texts]


def torchs(net: Net) -> NDArray[np.float32]:
    with torch.inference_mode():
        return net(torch.from_numpy(strips())).log_softmax(2).numpy()  # type: ignore[no-any-return]


def files(recogniser: LineRecogniser) -> NDArray[np.float32]:
    features = recogniser.run(strips(), ["features"])[0]
    plain = [f @ recogniser.head[0] + recogniser.head[1] for f in features]
    return torch.tensor(np.stack(plain)).log_softmax(2).numpy()  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", ["small", "large"])
def test_torch_sees_what_the_file_says(kind: str, request: pytest.FixtureRequest) -> None:
    recogniser = request.getfixturevalue(kind)
    np.testing.assert_allclose(torchs(deep.net_of(recogniser)), files(recogniser), atol=2e-3)


@pytest.mark.parametrize("kind", ["small", "large"])
def test_what_was_learnt_fits_into_the_file(kind: str, request: pytest.FixtureRequest) -> None:
    recogniser = request.getfixturevalue(kind)
    student = deep._Student(deep.net_of(recogniser), rank=2, seed=0)
    with torch.no_grad():
        for first, _ in student.thin.values():
            first.normal_(0, 0.02)
        for change in student.whole.values():
            change.normal_(0, 0.02)
        expected = student(torch.from_numpy(strips())).numpy()
    np.testing.assert_allclose(files(recogniser.adapted(student.changes())), expected, atol=2e-2)
    assert np.abs(expected - files(recogniser)).max() > 0.1


def loss(recogniser: LineRecogniser) -> float:
    """The CTC loss of the lines, some of them distorted."""
    student = deep._Student(deep.net_of(recogniser), rank=2, seed=0)
    with torch.no_grad():
        return deep._loss(student, lines(), np.random.default_rng(0)).item()


def test_lines_that_were_taught_are_more_probable(small: LineRecogniser) -> None:
    pupil = small.adapted(deep.learn(lines(), deep.net_of(small), steps=30))
    assert loss(pupil) < 0.8 * loss(small)


def test_the_network_stays_as_it_was(small: LineRecogniser) -> None:
    net = deep.net_of(small)
    before = torchs(net)
    deep.learn(lines(), net, steps=2)
    np.testing.assert_array_equal(torchs(net), before)


def test_one_seed_gives_one_result(small: LineRecogniser) -> None:
    net = deep.net_of(small)
    one, two, other = (deep.learn(lines(), net, steps=2, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not all(np.array_equal(one[name], other[name]) for name in one)


def test_a_file_without_the_names_is_refused(small: LineRecogniser, tmp_path: Path) -> None:
    for suffix in (".onnx", ".npz", ".json"):
        shutil.copy(small.path.with_suffix(suffix), tmp_path)
    path = tmp_path / small.path.name
    path.write_bytes(path.read_bytes().replace(b"net.fold.weight", b"net.gold.weight"))
    with pytest.raises(ModelError, match="cannot be taught as a whole"):
        deep.net_of(LineRecogniser(path, threads=1))


def test_a_batch_that_gives_no_numbers_teaches_nothing(
    small: LineRecogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = deep._loss, iter(range(100))

    def spoilt(*given: Any) -> torch.Tensor:
        return whole(*given) * (float("nan") if next(calls) == 1 else 1.0)

    monkeypatch.setattr(deep, "_loss", spoilt)
    changes = deep.learn(lines(), deep.net_of(small), steps=3)
    assert all(np.isfinite(value).all() for value in changes.values())
    assert any(value.any() for value in changes.values())
