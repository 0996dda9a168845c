"""Teaching the whole line recogniser: the way its gradients go, and what comes of following them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from lines_made import exported, line
from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError
from unscrawl.hand import Sample
from unscrawl.learn.lines.again import net_of
from unscrawl.learn.lines.net import LineNet
from unscrawl.learn.lines.pretrained import PretrainedNet
from unscrawl.line_recogniser import STEP, LineRecogniser
from unscrawl.onnxfile import SIDES
from unscrawl.strip import prepare
from unscrawl.teach.adapt import log_softmax
from unscrawl.teach.posteriors import posteriors
from unscrawl.teach.whole import Whole
from unscrawl.teach.wording import classes


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> LineRecogniser:
    torch.manual_seed(0)
    return exported(tmp_path_factory.mktemp("small"), LineNet(len(LINE), width=16, blocks=1))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> LineRecogniser:
    torch.manual_seed(0)
    return exported(tmp_path_factory.mktemp("large"), PretrainedNet(len(LINE), blocks=1))


def lines() -> list[Sample]:
    texts = ["the age of wisdom", "season of light", "we had nothing", "all going direct"]
    return [Sample(prepare(line(text)).image, text) for text in texts]


def files(recogniser: LineRecogniser, given: Sequence[Sample]) -> float:
    """The CTC loss of lines, as the exported network reads them."""
    found = recogniser.features([s.strip for s in given])
    log_p = [log_softmax(f @ recogniser.head[0] + recogniser.head[1]) for f in found]
    return -float(posteriors(log_p, [classes(s.text) for s in given])[1].sum())


def as_exported(recogniser: LineRecogniser, changes: dict[str, np.ndarray], given: Sample) -> float:
    """The CTC loss of a line when the exported network has `changes`."""
    return files(recogniser.adapted(changes), [given])


def unrounded(recogniser: LineRecogniser, changes: dict[str, np.ndarray], given: Sample) -> float:
    """The same where nothing is rounded to 8 bits, as the exported network rounds: in torch."""
    net, weights = net_of(recogniser), Whole(recogniser).with_changes(changes)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            value = weights.get(name if name.startswith("head.") else f"net.{name}")
            if value is not None:
                value = value.T if value.ndim == 2 else value  # dense layers' are stored transposed
                parameter.copy_(torch.tensor(value))
        padded = np.pad(given.strip, ((0, 0), (0, -given.strip.shape[1] % STEP)))
        log_p = net(torch.from_numpy(padded[None]))[0].log_softmax(1)[
            : recogniser.length(given.strip.shape[1])
        ]
    return -float(posteriors([log_p.numpy()], [classes(given.text)])[1].sum())


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize(("kind", "loss"), [("small", as_exported), ("shipped", unrounded)])
def test_the_gradient_tells_how_the_loss_falls(
    kind: str,
    loss: Callable[[LineRecogniser, dict[str, np.ndarray], Sample], float],
    thin: bool,
    request: pytest.FixtureRequest,
) -> None:
    recogniser = LineRecogniser(threads=1) if kind == "shipped" else request.getfixturevalue(kind)
    given, whole = lines()[0], Whole(recogniser)
    start = whole.start(0)
    gradient = whole.gradient(given.strip, classes(given.text), whole.with_changes(start))
    assert set(gradient) == set(start)
    part = {name: g for name, g in gradient.items() if name.endswith(SIDES) == thin}
    power = sum(float(np.vdot(g, g)) for g in part.values())
    pace = np.float32(0.02 / power**0.5)
    up, down = (
        loss(recogniser, start | {n: start[n] + sign * pace * g for n, g in part.items()}, given)
        for sign in (1, -1)
    )
    assert (up - down) / (2 * pace * len(given.text)) == pytest.approx(power, rel=0.1)


def test_lines_that_were_taught_are_more_probable(small: LineRecogniser) -> None:
    pupil = small.adapted(Whole(small).learn(lines(), steps=30))
    assert files(pupil, lines()) < 0.8 * files(small, lines())


def test_to_begin_with_nothing_is_changed(small: LineRecogniser) -> None:
    whole = Whole(small)
    weights = whole.with_changes(whole.start(0))
    assert all(np.array_equal(weights[name], value) for name, value in whole.base.items())


def test_one_seed_gives_one_result(small: LineRecogniser) -> None:
    one, two, other = (Whole(small).learn(lines(), steps=2, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not all(np.array_equal(one[name], other[name]) for name in one)


def test_what_is_learnt_is_small(large: LineRecogniser) -> None:
    whole = Whole(large)
    values = sum(value.size for value in whole.start(0).values())
    assert values < sum(whole.base[name].size for name in whole.taught) / 10


def test_a_line_with_more_text_than_frames_teaches_nothing(small: LineRecogniser) -> None:
    whole = Whole(small)
    assert not whole.gradient(lines()[0].strip[:, :32], classes("the age of wisdom"), whole.base)


def test_a_line_too_wide_for_the_memory_teaches_nothing(small: LineRecogniser) -> None:
    whole = Whole(small)
    assert not whole.gradient(np.zeros((40, 20_000), np.uint8), classes("wide"), whole.base)


def test_nothing_else_is_loaded() -> None:
    code = (
        "import sys; from unscrawl.line_recogniser import LineRecogniser;"
        "from unscrawl.teach.whole import Whole;"
        "Whole(LineRecogniser()); sys.exit(bool({'torch', 'onnx'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_without_the_names_is_refused(small: LineRecogniser, tmp_path: Path) -> None:
    for suffix in (".onnx", ".npz", ".json"):
        shutil.copy(small.path.with_suffix(suffix), tmp_path)
    path = tmp_path / small.path.name
    path.write_bytes(path.read_bytes().replace(b"net.fold.weight", b"net.gold.weight"))
    with pytest.raises(ModelError, match="cannot be taught as a whole"):
        Whole(LineRecogniser(path))


def test_a_file_without_the_way_back_is_refused(small: LineRecogniser, tmp_path: Path) -> None:
    for suffix in (".onnx", ".json"):
        shutil.copy(small.path.with_suffix(suffix), tmp_path)
    with np.load(small.path.with_suffix(".npz")) as file:
        np.savez(tmp_path / "line.npz", **{name: file[name] for name in ("weight", "bias")})
    with pytest.raises(ModelError, match="cannot be taught as a whole"):
        Whole(LineRecogniser(tmp_path / "line.onnx"))


def test_the_way_back_through_another_network_is_refused(
    small: LineRecogniser, large: LineRecogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small, "lesson", large.lesson)
    with pytest.raises(ModelError, match="cannot be taught as a whole"):
        Whole(small)


def test_graphs_that_do_not_fit_the_weights_are_refused(
    small: LineRecogniser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wider = exported(tmp_path, LineNet(len(LINE), width=32, blocks=1))  # of the same names
    monkeypatch.setattr(small, "lesson", wider.lesson)
    with pytest.raises(ModelError, match="cannot be taught as a whole"):
        Whole(small)


def test_a_way_back_that_is_none_is_refused(small: LineRecogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "lesson", (b"no", b"graphs"))
    with pytest.raises(ModelError, match="cannot be taught as a whole"):
        Whole(small)
