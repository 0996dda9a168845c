"""Optimizers by name, Muon among them, and the rate at every step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from unscrawl.learn.recipe import Recipe

__all__ = ["Muon", "build", "orthogonalise", "rate", "set_rate"]


def build(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Return the optimizers that together train all of `model`'s parameters.

    Weight decay falls on weights of two or more dimensions only; biases and norms have nothing to
    gain from being small.
    """
    weights = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
    rest = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    groups = [g for g in groups if g["params"]]
    match recipe.optimizer:
        case "sgd":
            nesterov = recipe.momentum > 0
            return [torch.optim.SGD(groups, recipe.lr, momentum=recipe.momentum, nesterov=nesterov)]
        case "adam":
            return [torch.optim.Adam(groups, recipe.lr)]
        case "adadelta":
            return [torch.optim.Adadelta(groups, recipe.lr)]
        case "muon":
            # The last layer's rows are classes, not directions of one space: Adam serves it better.
            inner, last = weights[:-1], weights[-1:]
            muon: list[torch.optim.Optimizer] = []
            if inner:
                muon.append(Muon(inner, recipe.lr, recipe.momentum, recipe.weight_decay))
            return [*muon, torch.optim.AdamW(last + rest, recipe.lr * 0.1, weight_decay=0.0)]
        case _:
            return [torch.optim.AdamW(groups, recipe.lr)]


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the learning rate of `step` (0 … steps - 1) as a share of the recipe's peak."""
    warm = round(recipe.warmup * steps)
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(steps - warm - 1, 1)  # 0 … 1
    match recipe.schedule:
        case "one-cycle" | "cosine":
            return recipe.final + (1 - recipe.final) * (1 + math.cos(math.pi * done)) / 2
        case "exponential":
            return math.exp(math.log(max(recipe.final, 1e-3)) * done)
        case _:
            return 1.0


def set_rate(steppers: list[torch.optim.Optimizer], peaks: list[list[float]], share: float) -> float:
    """Set every group's learning rate to `share` of its peak; return the first group's."""
    for stepper, peak in zip(steppers, peaks, strict=True):
        for group, lr in zip(stepper.param_groups, peak, strict=True):
            group["lr"] = lr * share
    return peaks[0][0] * share


def orthogonalise(matrix: Tensor, rounds: int = 5) -> Tensor:
    """Return roughly U Vᵀ of `matrix` = U S Vᵀ, [R, C], by a quintic Newton–Schulz iteration.

    The coefficients are Keller Jordan's (https://kellerjordan.github.io/posts/muon/): the singular
    values come out between about 0.7 and 1.2, which is near enough and quick.
    """
    x: Tensor = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    for _ in range(rounds):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised for each weight matrix (Jordan et al. 2024).

    Convolution kernels [O, I, h, w] count as matrices [O, I·h·w]. For weights of two or more
    dimensions only.
    """

    def __init__(
        self, params: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step along the orthogonalised Nesterov momentum."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(p)
                buffer = state["momentum_buffer"].lerp_(p.grad, 1 - group["momentum"])
                direction = p.grad.lerp(buffer, group["momentum"]).flatten(1)
                update = orthogonalise(direction).view_as(p)
                scale = max(1.0, direction.shape[0] / direction.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * scale)
