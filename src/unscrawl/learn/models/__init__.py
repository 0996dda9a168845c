"""Networks by name. Each takes (classes, channels, size) and maps [N, channels, size, size] to logits.

A user's own network is named `path/to/file.py:ClassName` and takes the same three arguments.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from pathlib import Path

from torch import nn

from unscrawl.errors import OptionError
from unscrawl.learn.names import unknown

__all__ = ["MODELS", "build", "parameters"]

MODELS = {
    "mlp": "MLP",
    "lenet-dropout": "LeNetDropout",
    "example": "Example",
    "fast": "Fast",
    "best": "Best",
    "tiny": "Tiny",
    "glyph": "GlyphNet",
}
"""Name → class; the module is the name with `_` for `-`."""


def build(name: str, classes: int, channels: int = 1, size: int = 28) -> nn.Module:
    """Return the untrained network called `name`, its weights drawn from torch's global generator.

    Raises:
        OptionError: no such network, or the file or class cannot be used.
    """
    factory = _from_file(name) if ":" in name else _from_registry(name)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Initializing zero-element tensors")
            model = factory(classes, channels, size)
    except (TypeError, ValueError, RuntimeError, UserWarning) as error:
        raise OptionError(
            f"model {name!r} cannot be built for {classes} classes, {channels} × {size} × {size}: {error}"
        ) from error
    if not isinstance(model, nn.Module):
        raise OptionError(f"model {name!r} is no torch.nn.Module")
    return model


def parameters(model: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(p.numel() for p in model.parameters())


def _from_registry(name: str) -> type[nn.Module]:
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    factory: type[nn.Module] = getattr(module, MODELS[name])
    return factory


def _from_file(name: str) -> type[nn.Module]:
    path, _, attribute = name.rpartition(":")
    if not Path(path).is_file():
        raise OptionError(f"model {name!r}: there is no file {path}; write path/to/file.py:ClassName")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise OptionError(f"model {name!r}: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file raises is told in one line
        raise OptionError(f"model {name!r}: {path} fails: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        raise OptionError(f"model {name!r}: {path} has no {attribute}")
    factory: type[nn.Module] = getattr(module, attribute)
    return factory
