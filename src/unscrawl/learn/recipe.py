"""Recipes: everything about a training run but its data, network and seed, in a small TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from math import inf
from pathlib import Path
from typing import Any

from unscrawl.errors import OptionError
from unscrawl.learn.augment import Augment
from unscrawl.learn.names import unknown

__all__ = ["Recipe", "load", "names", "read"]

OPTIMIZERS = ("sgd", "adam", "adamw", "adadelta", "muon")
SCHEDULES = ("constant", "one-cycle", "cosine", "exponential")


@dataclass(frozen=True)
class Recipe:
    """How to train. Defaults are plain; `load` reads the recipes that come with the package."""

    name: str = "custom"
    model: str = "fast"
    """The network to train where none is named."""
    epochs: int = 10
    batch_size: int = 128
    optimizer: str = "adamw"
    """"sgd", "adam", "adamw", "adadelta" or "muon"."""
    lr: float = 1e-3
    """Peak rate."""
    weight_decay: float = 0.0
    """Applied to weights of two or more dimensions, not to biases and norms."""
    momentum: float = 0.9
    """Of SGD (Nesterov) and Muon."""
    schedule: str = "one-cycle"
    """"constant", "one-cycle" (linear up over `warmup`, cosine down), "cosine", "exponential"."""
    warmup: float = 0.0
    """Share of all steps over which the rate rises from zero."""
    final: float = 0.0
    """Rate of the last step as a share of the peak ("cosine", "one-cycle", "exponential")."""
    label_smoothing: float = 0.0
    dropout: float = -1.0
    """Rate of every dropout layer; below 0 each keeps the network's own."""
    clip: float = 0.0
    """Largest gradient norm; 0 does not clip."""
    ema: float = 0.0
    """Decay per step of the averaged weights, which are then the ones kept; 0 keeps the plain ones."""
    balance: float = 0.0
    """How far scarce classes come more often: 0 as they are … 1 every class equally often."""
    validation: float = 0.1
    """Share of the training part held back (stratified) where the data has no validation part."""
    keep: str = "best"
    """"best" epoch on validation, or "last"."""
    tta: bool = False
    """Average five shifted copies when evaluating."""
    bf16: bool = False
    """Multiply in bfloat16 while training."""
    channels_last: bool = False
    compile: bool = False
    """`torch.compile` the network: pays on long runs only."""
    augment: Augment = field(default_factory=Augment)

    def __post_init__(self) -> None:
        for name, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("keep", ("best", "last"))):
            if getattr(self, name) not in known:
                raise unknown(name, getattr(self, name), known)
        for name in ("epochs", "batch_size", "lr"):
            if not 0 < getattr(self, name) < inf:
                raise OptionError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("weight_decay", "clip"):
            if not 0 <= getattr(self, name) < inf:
                raise OptionError(f"{name} must be 0 or above, not {getattr(self, name)}")
        for name in ("momentum", "warmup", "final", "label_smoothing", "ema", "balance", "validation"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name} must be between 0 and 1, not {getattr(self, name)}")
        if not self.dropout <= 1:
            raise OptionError(f"dropout must be at most 1, not {self.dropout}")

    def change(self, **changes: Any) -> Recipe:
        """Return a copy with `changes`; those that are None are left as they were."""
        return from_mapping({k: v for k, v in changes.items() if v is not None}, "option", self)


def names(package: str = "unscrawl.learn") -> list[str]:
    """Return the names of the recipes that come with `package`."""
    folder = resources.files(package) / "recipes"
    return sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml"))


def load(name: str) -> Recipe:
    """Return the packaged recipe called `name`, or the one in the TOML file at that path.

    Raises:
        OptionError: no such recipe or file, broken TOML, an unknown key, a value of the wrong kind.
    """
    return from_mapping({"name": Path(name).stem, **read(name)}, f"recipe {name}: key")


def read(name: str, package: str = "unscrawl.learn") -> dict[str, Any]:
    """Return the table of the recipe called `name` in `package`, or of the TOML file at that path.

    Raises:
        OptionError: no such recipe or file, broken TOML.
    """
    if name in names(package):
        text = (resources.files(package) / "recipes" / f"{name}.toml").read_text("utf-8")
    elif name.endswith(".toml"):
        try:
            text = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text in UTF-8"
            raise OptionError(f"recipe {name}: cannot be read ({reason})") from error
    else:
        raise unknown("recipe", name, names(package))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"recipe {name}: {error}") from error


def from_mapping(table: Mapping[str, Any], where: str, base: Recipe | None = None) -> Recipe:
    """Return `base` (or the defaults) changed by `table`, whose "augment" is a table of its own."""
    base = base or Recipe()
    values = dict(table)
    if isinstance(values.get("augment"), Mapping):
        values["augment"] = replace(base.augment, **_checked(values["augment"], base.augment, where))
    return replace(base, **_checked(values, base, where))


def _checked(table: Mapping[str, Any], like: Recipe | Augment, where: str) -> dict[str, Any]:
    """Return `table` with each value of the kind that `like` has there."""
    known = {f.name: getattr(like, f.name) for f in fields(like)}
    checked = {}
    for key, value in table.items():
        if key not in known:
            raise unknown(where, key, known)
        kind = type(known[key])
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise OptionError(f"{where} {key!r} takes {kind.__name__}, not {value!r}")
        checked[key] = value
    return checked
