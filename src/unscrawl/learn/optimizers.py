"""Optimizers by name, AdamW and Muon our own, and the rate at every step."""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from unscrawl.errors import TrainingError
from unscrawl.learn.recipe import Recipe

__all__ = ["AdamW", "Muon", "Stepper", "build", "orthogonalise", "rate", "set_rate"]


class Stepper(Protocol):
    """What the loop needs of an optimizer."""

    param_groups: list[dict[str, Any]]

    def zero_grad(self) -> None:
        """Forget the gradients."""

    def step(self) -> Any:
        """Change the parameters by their gradients."""

    def state_dict(self) -> dict[str, Any]:
        """Return what resuming needs."""

    def load_state_dict(self, saved: dict[str, Any], /) -> None:
        """Take over what `state_dict` returned."""


def build(model: nn.Module, recipe: Recipe) -> list[Stepper]:
    """Return the optimizers that together train all of `model`'s parameters.

    Weight decay falls on weights of two or more dimensions only; biases and norms have nothing to
    gain from being small.

    Raises:
        TrainingError: the network has nothing that can be trained.
    """
    weights = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
    rest = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
    if not weights and not rest:
        raise TrainingError(
            "the network has nothing to train: give it a layer with weights that requires_grad"
        )
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
            hidden = {
                "params": weights[:-1],
                "weight_decay": recipe.weight_decay,
                "momentum": recipe.momentum,
            }
            others = {"params": weights[-1:] + rest, "weight_decay": 0.0}
            return [Muon([hidden], recipe.lr), AdamW([others], recipe.lr * 0.1)]
        case _:
            return [AdamW(groups, recipe.lr)]


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


def set_rate(steppers: list[Stepper], peaks: list[list[float]], share: float) -> float:
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


class _Lean:
    """Groups of parameters with buffers: as much of torch.optim.Optimizer as the loop needs.

    The first optimizer that torch itself makes imports torch's compiler: 1.3 s and 70 MB, a fifth of
    what the quick recipe takes altogether.
    """

    buffers: tuple[str, ...] = ()

    def __init__(self, groups: list[dict[str, Any]], lr: float) -> None:
        self.param_groups: list[dict[str, Any]] = [{"lr": lr, **group} for group in groups]
        self.steps = 0
        self.state = [
            {name: [torch.zeros_like(p) for p in group["params"]] for name in self.buffers}
            for group in groups
        ]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Return what resuming needs; the rates are the schedule's."""
        return {"steps": self.steps, "state": self.state}

    @torch.no_grad()
    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.steps = saved["steps"]
        for mine, theirs in zip(self.state, saved["state"], strict=True):
            for name in self.buffers:
                for buffer, value in zip(mine[name], theirs[name], strict=True):
                    buffer.copy_(value)


class AdamW(_Lean):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2017), as torch.optim.AdamW."""

    buffers = ("mean", "square")

    @torch.no_grad()
    def step(self, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        """Take one step; a parameter without a gradient has one of zero."""
        self.steps += 1
        for group, state in zip(self.param_groups, self.state, strict=True):
            weights, lr = group["params"], group["lr"]
            gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in weights]
            torch._foreach_mul_(weights, 1 - lr * group["weight_decay"])
            torch._foreach_lerp_(state["mean"], gradients, 1 - betas[0])
            torch._foreach_mul_(state["square"], betas[1])
            torch._foreach_addcmul_(state["square"], gradients, gradients, 1 - betas[1])
            root = torch._foreach_sqrt(state["square"])
            torch._foreach_div_(root, math.sqrt(1 - betas[1] ** self.steps))
            torch._foreach_add_(root, eps)
            torch._foreach_addcdiv_(weights, state["mean"], root, -lr / (1 - betas[0] ** self.steps))


class Muon(_Lean):
    """Momentum, orthogonalised for each weight matrix (Jordan et al. 2024).

    Convolution kernels [O, I, h, w] count as matrices [O, I·h·w]. For weights of two or more
    dimensions only; a group has "momentum" beside its rate and decay.
    """

    buffers = ("momentum",)

    @torch.no_grad()
    def step(self) -> None:
        """Take one step along the orthogonalised Nesterov momentum."""
        for group, state in zip(self.param_groups, self.state, strict=True):
            for p, buffer in zip(group["params"], state["momentum"], strict=True):
                if p.grad is None:
                    continue
                buffer.lerp_(p.grad, 1 - group["momentum"])
                direction = p.grad.lerp(buffer, group["momentum"]).flatten(1)
                update = orthogonalise(direction).view_as(p)
                scale = max(1.0, direction.shape[0] / direction.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * scale)
