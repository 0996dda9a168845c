from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from unscrawl.learn.optimizers import Muon, build, orthogonalise, rate
from unscrawl.learn.recipe import OPTIMIZERS, Recipe


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
    muon = Muon(layer.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        loss = (layer(x) - 1).square().mean()
        muon.zero_grad()
        loss.backward()
        muon.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_parameter_is_trained_exactly_once(name: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    steppers = build(model, Recipe(optimizer=name))
    trained = [id(p) for o in steppers for group in o.param_groups for p in group["params"]]
    assert sorted(trained) == sorted(id(p) for p in model.parameters())


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
