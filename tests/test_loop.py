from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unscrawl.errors import DataError, ModelError, OptionError, TrainingError
from unscrawl.learn import loop
from unscrawl.learn.augment import Augment
from unscrawl.learn.checkpoint import load
from unscrawl.learn.loop import fit
from unscrawl.learn.recipe import Recipe
from unscrawl.learn.sets import Data, ImageSet

RECIPE = Recipe(epochs=3, batch_size=16, lr=5e-3, validation=0.2)
RICH = replace(  # everything at once that has a state or draws numbers
    RECIPE,
    optimizer="muon",
    lr=0.02,
    ema=0.9,
    warmup=0.2,
    clip=1.0,
    label_smoothing=0.1,
    balance=0.5,
    channels_last=True,
    augment=Augment(shift=1, rotate=10, elastic=0.5, erase=0.5),
)


def corners(n: int = 120, seed: int = 0) -> ImageSet:
    """Noisy 16 × 16 pictures with a bright spot in one of three corners, which is the label."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 120, (n, 16, 16), dtype=np.uint8)
    labels = rng.permutation(np.arange(n) % 3)
    for image, label in zip(images, labels, strict=True):
        y, x = ((0, 0), (0, 10), (10, 0))[label]
        image[y : y + 6, x : x + 6] += 130
    return ImageSet(images, labels.astype(np.int64))


DATA = Data("corners", ("left", "right", "low"), corners(), test=corners(30, 1))

STOPPER = """
import os, signal, torch
from torch import nn

class Net(nn.Module):  # asks to stop, as Ctrl-C does, at the forward pass named in the environment
    def __init__(self, classes, channels=1, size=28):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3))
        self.out = nn.Linear(4 * (size - 2) ** 2, classes)
        self.calls = 0

    def forward(self, x):
        if self.training:
            self.calls += 1
            if self.calls == int(os.environ.get("STOP_AT", 0)):
                os.kill(os.getpid(), signal.SIGINT)
            if self.calls == int(os.environ.get("NAN_AT", 0)):
                x = x * float("nan")
        return self.out(self.body(x).flatten(1))
"""


@pytest.fixture
def net(tmp_path: Path) -> str:
    path = tmp_path / "net.py"
    path.write_text(STOPPER)
    return f"{path}:Net"


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load(folder).model.state_dict()


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def test_it_learns(tmp_path: Path) -> None:
    run = fit(DATA, RECIPE, out=tmp_path, progress=False)
    assert run.history[-1]["validation_accuracy"] > 0.9
    assert run.history[-1]["loss"] < run.history[0]["loss"]


def test_the_record_says_what_was_done(tmp_path: Path) -> None:
    fit(DATA, RECIPE, out=tmp_path, seed=7, progress=False, command="unscrawl train corners")
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["classes"] == ["left", "right", "low"]
    assert (record["seed"], record["command"]) == (7, "unscrawl train corners")
    assert record["samples"] == {"train": 96, "validation": 24}
    assert record["recipe"]["batch_size"] == 16
    assert len(record["history"]) == 3
    assert {"unscrawl", "torch", "python"} <= set(record["versions"])


def test_mean_and_deviation_come_from_the_training_part(tmp_path: Path) -> None:
    bright = ImageSet(np.full((10, 16, 16), 255, np.uint8), np.arange(10) % 3)
    run = fit(replace(DATA, validation=bright), RECIPE, out=tmp_path, progress=False)
    assert run.mean[0] == pytest.approx((DATA.train.images / 255).mean())


@pytest.mark.parametrize("recipe", [RECIPE, RICH], ids=["plain", "rich"])
def test_the_same_seed_gives_the_same_weights(tmp_path: Path, recipe: Recipe) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        fit(DATA, recipe, out=tmp_path / name, seed=seed, progress=False)
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_the_test_part_makes_no_difference(tmp_path: Path) -> None:
    fit(DATA, RECIPE, out=tmp_path / "with", progress=False)
    fit(replace(DATA, test=None), RECIPE, out=tmp_path / "without", progress=False)
    assert same(weights(tmp_path / "with"), weights(tmp_path / "without"))


@pytest.mark.parametrize("stop_at", [3, 6, 7])  # in an epoch, at its last step, at the next one's first
@pytest.mark.parametrize("recipe", [RECIPE, RICH], ids=["plain", "rich"])
def test_interrupted_and_resumed_is_as_never_interrupted(
    tmp_path: Path, net: str, recipe: Recipe, stop_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(DATA, recipe, model=net, out=tmp_path / "whole", progress=False)
    monkeypatch.setenv("STOP_AT", str(stop_at))
    with pytest.raises(TrainingError, match=rf"stopped at step {stop_at} of 18 and saved: .*--resume"):
        fit(DATA, recipe, model=net, out=tmp_path / "parts", progress=False)
    monkeypatch.delenv("STOP_AT")
    torch.rand(3)  # whatever happened in between
    parts = fit(DATA, recipe, model=net, out=tmp_path / "parts", resume=True, progress=False)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    for one, two in zip(whole.history, parts.history, strict=True):
        assert {k: v for k, v in one.items() if k != "seconds"} == {
            k: v for k, v in two.items() if k != "seconds"
        }


def test_an_interrupted_run_can_be_looked_at(
    tmp_path: Path, net: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_AT", "8")
    with pytest.raises(TrainingError):
        fit(DATA, RECIPE, model=net, out=tmp_path / "run", progress=False)
    assert len(load(tmp_path / "run").history) == 1


def test_ctrl_c_works_as_ever_afterwards(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    fit(DATA, replace(RECIPE, epochs=1), out=tmp_path, progress=False)
    assert signal.getsignal(signal.SIGINT) is before


def test_nan_stops_at_its_step_and_keeps_the_last_good_weights(
    tmp_path: Path, net: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAN_AT", "9")
    with pytest.raises(TrainingError, match=r"the loss is nan at step 9; .* keeps epoch 1: try a lower --lr"):
        fit(DATA, RECIPE, model=net, out=tmp_path / "run", progress=False)
    kept = load(tmp_path / "run")
    assert len(kept.history) == 1
    assert all(bool(v.isfinite().all()) for v in kept.model.state_dict().values())


def test_nan_in_the_first_epoch_keeps_nothing_and_says_so(
    tmp_path: Path, net: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAN_AT", "2")
    with pytest.raises(TrainingError, match=r"the loss is nan at step 2; no epoch was finished to keep"):
        fit(DATA, RECIPE, model=net, out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("every", [4, 25])
def test_looking_seldom_as_on_a_graphics_processor_changes_nothing(
    tmp_path: Path, net: str, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    often = fit(DATA, RECIPE, model=net, out=tmp_path / "often", progress=False)
    monkeypatch.setitem(loop.LOOK, "cpu", every)
    seldom = fit(DATA, RECIPE, model=net, out=tmp_path / "seldom", progress=False)
    assert same(weights(tmp_path / "often"), weights(tmp_path / "seldom"))
    assert [e["loss"] for e in often.history] == pytest.approx([e["loss"] for e in seldom.history])
    monkeypatch.setenv("NAN_AT", "9")
    with pytest.raises(TrainingError, match="at step 9;"):
        fit(DATA, RECIPE, model=net, out=tmp_path / "nan", progress=False)


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    fit(DATA, RECIPE, out=tmp_path, progress=False)
    before = weights(tmp_path)
    fit(DATA, RECIPE, out=tmp_path, resume=True, progress=False)
    assert same(before, weights(tmp_path))


@pytest.mark.parametrize(
    ("data", "recipe", "model", "message"),
    [
        (replace(DATA, classes=("left", "right", "high")), RECIPE, "fast", "classes differs"),
        (DATA, replace(RECIPE, lr=0.1), "fast", r"recipe differs: now \{'lr': 0.1\}, then \{'lr': 0.005\}"),
        (DATA, RECIPE, "tiny", "model_name differs"),
    ],
)
def test_only_the_same_run_is_resumed(
    tmp_path: Path, data: Data, recipe: Recipe, model: str, message: str
) -> None:
    fit(DATA, RECIPE, out=tmp_path, progress=False)
    with pytest.raises(ModelError, match=message):
        fit(data, recipe, model=model, out=tmp_path, resume=True, progress=False)


def test_nothing_to_resume_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing to resume"):
        fit(DATA, RECIPE, out=tmp_path, resume=True, progress=False)


def test_a_half_written_state_is_said(tmp_path: Path) -> None:
    fit(DATA, RECIPE, out=tmp_path, progress=False)
    state = tmp_path / "state.safetensors"
    os.truncate(state, state.stat().st_size // 2)
    with pytest.raises(ModelError, match="damaged or half-written"):
        fit(DATA, RECIPE, out=tmp_path, resume=True, progress=False)


def test_averaged_weights_are_the_ones_kept(tmp_path: Path) -> None:
    plain = replace(RECIPE, keep="last", validation=0.0)
    fit(DATA, plain, out=tmp_path / "plain", progress=False)
    fit(DATA, replace(plain, ema=0.99), out=tmp_path / "averaged", progress=False)
    one, two = weights(tmp_path / "plain"), weights(tmp_path / "averaged")
    assert not torch.equal(one["out.weight"], two["out.weight"])


def test_the_best_epoch_is_kept(tmp_path: Path) -> None:
    wild = replace(RECIPE, optimizer="sgd", lr=3.0, epochs=6, schedule="constant")
    run = fit(DATA, wild, out=tmp_path, progress=False)
    scores = [entry["validation_accuracy"] for entry in run.history]
    resumed = load(tmp_path)
    from unscrawl.learn.batches import pixels
    from unscrawl.learn.predict import logits
    from unscrawl.learn.sets import split

    held = split(DATA.train, 0.2, 0)[1]
    found = logits(resumed.model, pixels(held.images), resumed.mean, resumed.std).argmax(1).numpy()
    assert (found == held.labels).mean() == pytest.approx(max(scores))


def test_a_recipe_sets_the_rate_of_dropout(tmp_path: Path, net: str) -> None:
    run = fit(DATA, replace(RECIPE, dropout=0.125, epochs=1), model=net, out=tmp_path, progress=False)
    assert [m.p for m in run.model.modules() if isinstance(m, torch.nn.Dropout)] == [0.125]


def test_validation_can_be_left_out(tmp_path: Path) -> None:
    run = fit(DATA, replace(RECIPE, validation=0.0), out=tmp_path, progress=False)
    assert run.samples == {"train": 120, "validation": 0}
    assert "validation_accuracy" not in run.history[0]
    assert run.temperature == 1.0


def test_bfloat16_learns_too(tmp_path: Path) -> None:
    run = fit(DATA, replace(RECIPE, bf16=True), out=tmp_path, progress=False)
    assert run.history[-1]["validation_accuracy"] > 0.9


def test_a_compiled_network_is_the_same_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = replace(RECIPE, epochs=1)
    fit(DATA, once, model="mlp", out=tmp_path / "plain", progress=False)
    asked = []

    def compiled(net: torch.nn.Module) -> torch.nn.Module:
        asked.append(net)
        return whole(net, backend="eager")  # a compiler would take a minute

    whole = torch.compile
    monkeypatch.setattr(torch, "compile", compiled)
    fit(DATA, replace(once, compile=True), model="mlp", out=tmp_path / "compiled", progress=False)
    assert len(asked) == 1
    assert same(weights(tmp_path / "plain"), weights(tmp_path / "compiled"))


def test_a_lone_last_sample_is_no_batch(tmp_path: Path) -> None:
    data = replace(DATA, train=corners(49))
    run = fit(data, replace(RECIPE, validation=0.0, epochs=1), out=tmp_path, progress=False)
    assert run.history[0]["loss"] > 0


def test_progress_goes_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(DATA, RECIPE, out=tmp_path)
    said = capsys.readouterr()
    assert said.out == ""
    assert "96 pictures to train on, 24 held back; fast on cpu" in said.err
    assert "epoch 3  loss" in said.err


@pytest.mark.parametrize("every", [1, 7])
def test_tensorboard_gets_its_events_however_seldom_the_loop_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.setitem(loop.LOOK, "cpu", every)
    fit(DATA, replace(RECIPE, batch_size=2), out=tmp_path, progress=False, tensorboard=True)  # 3 × 48 steps
    log = events.EventAccumulator(str(tmp_path)).Reload()
    steps = [point.step for point in log.Scalars("training/loss")]
    assert len(steps) >= 6
    assert min(np.diff(steps)) >= 20
    assert [point.step for point in log.Scalars("validation/accuracy")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"device": "gpu"}, OptionError, r"unknown device 'gpu'.*choose one of auto"),
        ({"seed": -1}, OptionError, "the seed must be 0 or above"),
        ({"model": "beast"}, OptionError, r"unknown model 'beast': did you mean 'best'\?"),
        ({"data": replace(DATA, classes=("one",))}, DataError, "1 class"),
        (
            {"data": Data("flat", ("a", "b"), ImageSet(np.zeros((4, 3, 5), np.uint8), np.arange(4) % 2))},
            OptionError,
            "flat: pictures are 3 × 5, networks take squares",
        ),
    ],
)
def test_bad_input_is_one_clear_line(
    tmp_path: Path, change: dict[str, object], kind: type[Exception], message: str
) -> None:
    arguments = {"data": DATA, "recipe": RECIPE, "out": tmp_path, "progress": False} | change
    with pytest.raises(kind, match=message):
        fit(**arguments)  # type: ignore[arg-type]
