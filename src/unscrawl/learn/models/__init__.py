"""Networks by name. Each takes (classes, channels, size) and maps [N, channels, size, size] to logits.

A user's own network is named `path/to/file.py:ClassName` and takes the same three arguments, or none.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unscrawl.errors import OptionError
from unscrawl.learn.names import unknown
from unscrawl.learn.own import defined_with_source

__all__ = ["MODELS", "build", "is_own", "parameters", "source"]

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


_SOURCE = "_source_of_ones_own"  # where a network of one's own carries the content of its file


def is_own(name: str) -> bool:
    """Say whether `name` is a file of the user's with a class in it."""
    return ":" in name


def source(model: nn.Module) -> bytes | None:
    """Return the content of the file that `model` was built from; None for a network of ours."""
    content = vars(model).get(_SOURCE)
    return content if isinstance(content, bytes) else None


def build(
    name: str, classes: int, channels: int = 1, size: int = 28, *, copy: Path | None = None
) -> nn.Module:
    """Return the untrained network called `name`, its weights drawn from torch's global generator.

    `copy` is taken for the file of a network of one's own, instead of the one that `name` says.

    Raises:
        OptionError: no such network, or the file or class cannot be used.
    """
    own, content = is_own(name), b""
    factory: Callable[..., Any]
    if own:
        factory, content = defined_with_source("model", name, copy)
    else:
        factory = _from_registry(name)
    given = () if own and _takes_nothing(factory) else (classes, channels, size)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Initializing zero-element tensors")
            model = factory(*given)
    except Exception as error:  # whatever a user's network raises is told in one line
        how = "; it is called with (classes, channels, size)" if own and given else ""
        form = f"{classes} classes, {channels} × {size} × {size}"
        raise OptionError(f"model {name!r} cannot be built for {form}: {error}{how}") from error
    if not isinstance(model, nn.Module):
        raise OptionError(f"model {name!r} is no torch.nn.Module")
    if own:
        _try(model, name, torch.zeros(2, channels, size, size), classes)
        vars(model)[_SOURCE] = content
    return model


def _takes_nothing(factory: Callable[..., Any]) -> bool:
    try:
        return not inspect.signature(factory).parameters
    except (TypeError, ValueError):  # nothing that is called, or nothing that says how
        return False


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
