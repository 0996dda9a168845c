"""Training the line recogniser: it learns, stops and goes on exactly, and hands on the same network."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from lines_made import sample
from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError
from unscrawl.learn.lines import loop
from unscrawl.learn.lines.evaluation import Score, evaluate, greedy, log_probabilities, score_of
from unscrawl.learn.lines.export import export, fit_temperature, trunk
from unscrawl.learn.lines.net import LineNet, fuse
from unscrawl.learn.lines.recipe import LineRecipe
from unscrawl.line_recogniser import LineRecogniser

LINES = [sample(text) for text in ("hello", "Ann", "dear", "see me", "1905")]
RECIPE = LineRecipe(batch=2, steps=6, every=3, width=16, blocks=1, warmup=2, look=2)


def train(out: Path, recipe: LineRecipe = RECIPE, **options: bool | Path | Console) -> LineNet:
    silent = Console(file=io.StringIO())
    return loop.train(recipe, LINES[:4], LINES[4:], out, workers=0, **{"console": silent, **options})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train(folder)
    return folder


@pytest.fixture(scope="module")
def net() -> LineNet:
    """A network with statistics of its own in every batch normalisation."""
    torch.manual_seed(0)
    net = LineNet(len(LINE), width=16, blocks=1)
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randint(0, 256, (2, 40, 64), dtype=torch.uint8))
        for parameter in net.parameters():  # the exporter stores equal tensors once
            parameter.add_(0.01 * torch.randn_like(parameter))
    return net.eval()


def interrupt_in(step: int, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """Let Ctrl-C come before or `after` step number `step` (from 1) changes the weights."""
    real, begun = loop._step, []

    def counted(*arguments: object) -> float:
        begun.append(1)
        now = len(begun) == step
        if now and not after:
            os.kill(os.getpid(), signal.SIGINT)
        loss = real(*arguments)  # type: ignore[arg-type]
        if now and after:
            os.kill(os.getpid(), signal.SIGINT)
        return loss

    monkeypatch.setattr(loop, "_step", counted)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as a terminal has it; what runs in the background inherits that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("after", [False, True])
def test_resumed_run_ends_as_the_uninterrupted_one(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    with monkeypatch.context() as patch:
        interrupt_in(4, patch, after=after)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path)
    assert json.loads((tmp_path / loop.RECORD).read_text("utf-8"))["step"] == 4
    train(tmp_path, resume=True)
    whole, resumed = (load_file(folder / loop.NET) for folder in (run, tmp_path))
    assert whole.keys() == resumed.keys()
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []


def test_run_is_recorded(run: Path) -> None:
    record = json.loads((run / loop.RECORD).read_text("utf-8"))
    assert (record["step"], record["lines"]) == (6, 12)
    assert [entry["step"] for entry in record["history"]] == [3, 6]
    assert record["history"][-1]["sets"].keys() == {"drawn"}
    assert record["recipe"]["width"] == 16
    loop.remember(run, seed=5)
    assert json.loads((run / loop.RECORD).read_text("utf-8")) == {**record, "seed": 5}


def test_progress_shows_error_rate_and_readings(tmp_path: Path) -> None:
    shown = io.StringIO()
    train(tmp_path, console=Console(file=shown, width=200))
    assert "step 6" in shown.getvalue()
    assert "CER" in shown.getvalue()
    assert "\n  1905\n" in shown.getvalue()


def test_network_of_a_run_comes_back(run: Path) -> None:
    saved = load_file(run / loop.NET)
    assert all(torch.equal(saved[name], value) for name, value in loop.load_net(run).state_dict().items())


def test_training_starts_from_a_run(run: Path, tmp_path: Path) -> None:
    crawl = replace(RECIPE, steps=1, lr=1e-9)
    train(tmp_path / "on", crawl, start_from=run)
    before, after = (load_file(folder / loop.NET) for folder in (run, tmp_path / "on"))
    assert torch.allclose(before["fold.weight"], after["fold.weight"], atol=1e-6)
    with pytest.raises(ModelError, match="another network"):
        train(tmp_path / "wide", replace(RECIPE, width=32), start_from=run)


def test_nothing_to_resume_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing to resume"):
        train(tmp_path, resume=True)
    with pytest.raises(ModelError, match="no run of the line recogniser"):
        loop.load_net(tmp_path)


def test_record_nested_beyond_reason_is_no_run(tmp_path: Path) -> None:
    (tmp_path / loop.RECORD).write_text('{"net": ' + "[" * 100_000, "utf-8")
    with pytest.raises(ModelError, match="no run of the line recogniser"):
        loop.load_net(tmp_path)


def test_it_learns_two_lines(tmp_path: Path) -> None:
    recipe = LineRecipe(
        batch=4,
        steps=64,
        every=64,
        width=32,
        blocks=1,
        warmup=5,
        ema=0.5,
        dropout=0.0,
        strength=0.0,
        synthetic=0.0,
    )
    pair = [sample("on"), sample("it")]
    net = loop.train(recipe, pair, pair, tmp_path, workers=0, console=Console(file=io.StringIO()))
    assert evaluate(net, pair).pooled < 0.2


def test_fused_network_is_the_same(net: LineNet) -> None:
    strips = torch.randint(0, 256, (3, 40, 96), dtype=torch.uint8)
    with torch.inference_mode():
        assert torch.allclose(net(strips), fuse(net)(strips), atol=1e-4)
    assert not any(isinstance(m, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d) for m in fuse(net).modules())


def test_exported_trunk_is_the_same(net: LineNet) -> None:
    session = onnxruntime.InferenceSession(trunk(net).SerializeToString(), providers=["CPUExecutionProvider"])
    for count, wide in ((1, 64), (2, 192)):
        strips = torch.randint(0, 256, (count, 40, wide), dtype=torch.uint8)
        theirs = session.run(None, {"strip": strips.numpy()})[0]
        with torch.inference_mode():
            assert np.abs(net.frames(strips).numpy() - theirs).max() < 1e-3


def test_exported_files_read_as_the_network_does(net: LineNet, tmp_path: Path) -> None:
    score = export(net, tmp_path / "line.onnx", LINES, LINES[:2], licences=["drawn: ours"])
    reader = LineRecogniser(tmp_path / "line.onnx")
    assert reader.card["licences"] == ["drawn: ours"]
    assert reader.card["figures"]["held back, read greedily"] == {"lines": 5, "CER": round(score.pooled, 4)}
    assert reader.replay is not None
    mean, count, second = reader.replay
    assert (mean.shape, second.shape) == ((129, 16), (16, 16))
    assert count.sum() == sum(len(p) for p in log_probabilities(net, LINES[:2]))
    strip = np.random.default_rng(0).integers(0, 256, (40, 128), dtype=np.uint8)
    with torch.inference_mode():
        ours = (net(torch.from_numpy(strip[None]))[0] / reader.temperature).log_softmax(1).numpy()
    theirs = reader.log_probabilities(reader.features([strip])[0])
    assert np.abs(ours - theirs).max() < 0.02  # weights are kept in 16 bits


def test_of_many_lines_some_from_everywhere_stand_for_all(
    net: LineNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unscrawl.learn.lines.export._REPLAYED", 2)
    export(net, tmp_path / "line.onnx", LINES, LINES[:4])
    reader = LineRecogniser(tmp_path / "line.onnx")
    assert reader.replay is not None
    assert reader.replay[1].sum() == sum(len(p) for p in log_probabilities(net, LINES[:4:2]))


def test_frames_do_not_depend_on_the_batch(net: LineNet) -> None:
    together, alone = log_probabilities(net, LINES[:1] * 3, 3), log_probabilities(net, LINES[:1])
    assert together[0].shape == alone[0].shape
    assert np.abs(together[2] - alone[0]).max() < 0.1  # bfloat16


def frames(*classes: int) -> np.ndarray:
    return np.log(np.eye(len(LINE) + 1, dtype=np.float32)[list(classes)] * 0.9 + 1e-4)


def test_greedy_reading_counts_repeats_once_and_blanks_never() -> None:
    a, b = LINE.index("a") + 1, LINE.index("b") + 1
    assert greedy(frames(0, a, a, 0, a, b, b, 0)) == "aab"
    assert greedy(frames(1, a, 1, 1, 0, 1, b, 1)) == "a b"
    assert greedy(frames(0, 0)) == ""


def test_error_rate_pools_characters_over_sets() -> None:
    one, other = sample("ab", "one"), sample("abcdefgh", "other")
    read = frames(LINE.index("a") + 1)
    score = score_of([one, other], [read, read])
    assert score.pooled == pytest.approx(8 / 10)
    assert score.by_set == {"one": 0.5, "other": 7 / 8}
    assert score.examples == (("ab", "a"), ("abcdefgh", "a"))
    assert score_of([], []) == Score(0.0, {}, ())


def test_temperature_cools_what_is_too_unsure_and_warms_what_is_too_sure() -> None:
    right, wrong = (frames(0, LINE.index(c) + 1, 0) for c in "ab")
    assert fit_temperature([right] * 4, ["a"] * 4) < 1
    assert fit_temperature([wrong, right], ["a", "a"]) > 1.2
