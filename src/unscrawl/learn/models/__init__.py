"""Networks by name. Each takes (classes, channels, size) and maps [N, channels, size, size] to logits.

A user's own network is named `path/to/file.py:ClassName` and takes the same three arguments.
"""

from __future__ import annotations

import importlib
import warnings

import torch
from torch import Tensor, nn

from unscrawl.errors import OptionError
from unscrawl.learn.names import unknown
from unscrawl.learn.own import defined

__all__ = ["MODELS", "build", "parameters"]

MODELS = {
    "mlp": "MLP",
    "lenet-dropout": "LeNetDropout",
    "example": "Example",
    "fast": "Fast",
    "best": "Best",
    "best-7": "Best7",
    "tiny": "Tiny",
    "glyph": "GlyphNet",
}
"""Name → class; the module is the name with `_` for `-`."""


def build(name: str, classes: int, channels: int = 1, size: int = 28) -> nn.Module:
    """Return the untrained network called `name`, its weights drawn from torch's global generator.

    Raises:
        OptionError: no such network, or the file or class cannot be used.
    """
    own = ":" in name
    factory = defined("model", name) if own else _from_registry(name)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Initializing zero-element tensors")
            model = factory(classes, channels, size)
    except Exception as error:  # whatever a user's network raises is told in one line
        raise OptionError(
            f"model {name!r} cannot be built for {classes} classes, {channels} × {size} × {size}: {error}"
        ) from error
    if not isinstance(model, nn.Module):
        raise OptionError(f"model {name!r} is no torch.nn.Module")
    if own:
        _try(model, name, torch.zeros(2, channels, size, size), classes)
    return model


@torch.no_grad()
def _try(model: nn.Module, name: str, pictures: Tensor, classes: int) -> None:
    """Raise `OptionError` unless `model` gives logits; torch's generator is left as it was."""
    try:
        with torch.random.fork_rng(devices=[]):
            form = list(model.eval()(pictures).shape)
        model.train()
    except Exception as error:
        raise OptionError(f"model {name!r} fails on pictures {list(pictures.shape)}: {error}") from error
    if form != [len(pictures), classes]:
        raise OptionError(f"model {name!r} gives {form} for {len(pictures)} pictures of {classes} classes")


def parameters(model: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(p.numel() for p in model.parameters())


def _from_registry(name: str) -> type[nn.Module]:
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    factory: type[nn.Module] = getattr(module, MODELS[name])
    return factory
