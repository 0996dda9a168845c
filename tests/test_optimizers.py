from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from unscrawl.errors import TrainingError
from unscrawl.learn.optimizers import AdamW, Muon, build, orthogonalise, rate
from unscrawl.learn.recipe import OPTIMIZERS, Recipe

SOURCES = str(Path(__file__).parents[1] / "src")


@pytest.mark.parametrize("shape", [(20, 50), (50, 20), (16, 16)])
def test_orthogonalise_brings_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(matrix))
    assert 0.5 < float(values.min()) <= float(values.max()) < 1.3


def test_orthogonalise_keeps_the_directions() -> None:
    matrix = torch.randn(6, 9, generator=torch.Generator().manual_seed(1))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    aligned = (u.T @ orthogonalise(matrix) @ v.T).diagonal()
    assert float(aligned.min()) > 0.5


def test_muon_takes_convolutions_and_descends() -> None:
    torch.manual_seed(0)
    layer, x = nn.Conv2d(2, 3, 3, bias=False), torch.randn(8, 2, 5, 5)
    muon = Muon([{"params": list(layer.parameters()), "weight_decay": 0.0, "momentum": 0.9}], lr=0.02)
    losses = []
    for _ in range(30):
        loss = (layer(x) - 1).square().mean()
        muon.zero_grad()
        loss.backward()
        muon.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_adamw_takes_the_steps_of_torchs_own() -> None:
    torch.manual_seed(0)
    mine = [torch.randn(4, 3, requires_grad=True), torch.randn(5, requires_grad=True)]
    theirs = [p.detach().clone().requires_grad_() for p in mine]
    ours = AdamW([{"params": mine, "weight_decay": 0.1}], lr=0.02)
    torchs = torch.optim.AdamW(theirs, lr=0.02, weight_decay=0.1)
    for _ in range(20):
        for stepper, (a, b) in ((ours, mine), (torchs, theirs)):
            stepper.zero_grad()
            ((a**3).sum() + (b.sin() * 2).sum()).backward()
            stepper.step()
    for p, q in zip(mine, theirs, strict=True):
        assert torch.allclose(p, q, atol=1e-6)


def test_our_own_do_without_torchs_compiler() -> None:
    code = (
        "import sys, torch\n"
        "from unscrawl.learn.optimizers import build\n"
        "from unscrawl.learn.recipe import Recipe\n"
        "model = torch.nn.Linear(2, 2)\n"
        "for name in ('adamw', 'muon'):\n"
        "    model(torch.ones(1, 2)).sum().backward()\n"
        "    for stepper in build(model, Recipe(optimizer=name)): stepper.step()\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": SOURCES})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_parameter_is_trained_exactly_once(name: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    steppers = build(model, Recipe(optimizer=name))
    trained = [id(p) for o in steppers for group in o.param_groups for p in group["params"]]
    assert sorted(trained) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("model", [nn.Flatten(), nn.Linear(2, 2).requires_grad_(False)])
def test_a_network_without_anything_to_train_is_refused(model: nn.Module, name: str) -> None:
    with pytest.raises(TrainingError, match="nothing to train"):
        build(model, Recipe(optimizer=name))


def test_biases_and_norms_do_not_decay() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    (adamw,) = build(model, Recipe(optimizer="adamw", weight_decay=0.1))
    decay = {p.ndim: group["weight_decay"] for group in adamw.param_groups for p in group["params"]}
    assert decay == {4: 0.1, 1: 0.0}


def test_one_cycle_climbs_then_falls_to_the_final_share() -> None:
    recipe = Recipe(schedule="one-cycle", warmup=0.2, final=0.1)
    rates = [rate(recipe, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[19] == pytest.approx(1.0)
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)


def test_exponential_falls_by_the_same_factor_each_step() -> None:
    rates = [rate(Recipe(schedule="exponential", final=0.01), step, 11) for step in range(11)]
    factors = [b / a for a, b in pairwise(rates)]
    assert factors == pytest.approx([0.01**0.1] * 10)


def test_constant_is_constant() -> None:
    assert {rate(Recipe(schedule="constant"), step, 7) for step in range(7)} == {1.0}


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "exponential", "constant"])
def test_a_single_step_has_a_rate(schedule: str) -> None:
    assert 0 < rate(Recipe(schedule=schedule), 0, 1) <= 1
