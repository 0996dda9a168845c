"""How to train the line recogniser: everything but data and seed, in a small TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from unscrawl.errors import OptionError
from unscrawl.learn.names import unknown
from unscrawl.learn.recipe import read

__all__ = ["NETWORKS", "LineRecipe", "load"]

NETWORKS: Final = ("line", "pretrained")


@dataclass(frozen=True)
class LineRecipe:
    """Defaults are those of the shipped network, but for its length."""

    name: str = "custom"
    optimizer: str = "muon"
    steps: int = 10_000
    batch: int = 32
    """Lines a step."""
    lr: float = 0.02
    """Peak rate; Muon's own, a tenth of it for what Adam trains beside it."""
    momentum: float = 0.95
    weight_decay: float = 0.01
    warmup: int = 300
    """Steps over which the rate rises."""
    decay: float = 0.3
    """Share of the steps, at the end, over which the rate falls to zero (Hu et al. 2024, MiniCPM)."""
    clip: float = 5.0
    ema: float = 0.999
    network: str = "line"
    """`line`, from nothing, or `pretrained`, which starts from PP-OCRv6's small recogniser."""
    width: int = 256
    blocks: int = 6
    dropout: float = 0.15
    strength: float = 1.0
    """Of the distortion, 0 for none."""
    synthetic: float = 0.4
    """Share of the lines that are drawn, where there are fonts to draw with."""
    every: int = 1000
    """Steps from one look at the held-back lines to the next; the run is saved then too."""
    look: int = 80
    """Held-back lines of each set that are looked at while training."""
    weights: dict[str, float] = field(default_factory=dict)
    """How often lines of a set come, by its name; 1 for sets that are not named."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "lr", "width", "blocks", "every", "look"):
            if getattr(self, name) <= 0:
                raise OptionError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("decay", "ema", "dropout", "synthetic"):
            if not 0 <= getattr(self, name) < 1:
                raise OptionError(f"{name} must be from 0 up to below 1, not {getattr(self, name)}")
        if self.network not in NETWORKS:
            raise unknown("network", self.network, NETWORKS)
        if self.optimizer not in ("muon", "adamw"):
            raise unknown("optimizer", self.optimizer, ("muon", "adamw"))
        for name, weight in self.weights.items():
            if type(weight) not in (int, float) or not 0 < weight < float("inf"):
                raise OptionError(f"the weight of set {name!r} must be a number above 0, not {weight!r}")

    def net(self, classes: int) -> dict[str, Any]:
        """Return what the network of this recipe is made from (see `nets.build`)."""
        sizes = {"width": self.width, "blocks": self.blocks, "dropout": self.dropout}
        return {"kind": self.network, "classes": classes, **sizes}

    def rate(self, step: int) -> float:
        """Return the rate of `step` as a share of the peak: up, level, down."""
        left = (self.steps - step) / max(self.decay * self.steps, 1)
        return min(1.0, (step + 1) / max(self.warmup, 1), left)


def load(name: str, **changes: Any) -> LineRecipe:
    """Return the packaged recipe called `name`, or the one in the TOML file there, with `changes` not None.

    Raises:
        OptionError: no such recipe or file, broken TOML, an unknown key, a value of the wrong kind.
    """
    table = read(name, "unscrawl.learn.lines")
    values = {"name": Path(name).stem, **table, **{k: v for k, v in changes.items() if v is not None}}
    kinds = {name: type(value) for name, value in vars(LineRecipe()).items()}
    for key, value in values.items():
        if key not in kinds:
            raise unknown(f"recipe {name}: key", key, kinds)
        if kinds[key] is float and type(value) is int:
            values[key] = float(value)
        elif type(value) is not kinds[key]:
            raise OptionError(f"recipe {name}: {key!r} takes {kinds[key].__name__}, not {value!r}")
    return LineRecipe(**values)
