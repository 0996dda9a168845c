"""The point to go on from: everything that the rest of a run depends on, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor, nn

from unscrawl.errors import ModelError
from unscrawl.learn import checkpoint
from unscrawl.learn.checkpoint import Run
from unscrawl.learn.optimizers import Stepper
from unscrawl.learn.recipe import Recipe

__all__ = ["Point", "restore", "save"]

SAME = ("model_name", "classes", "channels", "size", "recipe", "seed", "data", "samples")
"""What of a run has to be the same for resuming to make sense."""


@dataclass
class Point:
    """Where a run stands. There is no state of random generators: each step seeds its own."""

    epoch: int = 0
    batch: int = 0
    """Batches of that epoch that are done."""
    loss: float = 0.0
    """Sum over the epoch's samples so far."""
    right: int = 0
    seen: int = 0
    best_accuracy: float = -1.0
    best: dict[str, Tensor] = field(default_factory=dict)
    """The best epoch's weights."""


def save(run: Run, net: nn.Module, average: nn.Module, steppers: list[Stepper], point: Point) -> None:
    """Write the point and, for looking at, the run itself."""
    tree = {
        "run": {key: getattr(run, key) for key in (*SAME, "history", "seconds")},
        "point": vars(point),
        "net": net.state_dict(),
        "average": average.state_dict() if average is not net else {},
        "optimizers": [o.state_dict() for o in steppers],
    }
    checkpoint.save_state(run.folder, tree)
    run.save()


def restore(run: Run, net: nn.Module, average: nn.Module, steppers: list[Stepper]) -> Point:
    """Put network, average, optimizers and the run's history back to where they were saved.

    Raises:
        ModelError: nothing there, a damaged file, or the state of another run.
    """
    tree = checkpoint.load_state(run.folder)
    try:
        saved = tree["run"]
        saved["recipe"] = asdict(Recipe()) | saved["recipe"]  # younger options had their default
        for key in SAME:
            _compare(f"{run.folder}", key, getattr(run, key), saved[key])
        checkpoint.fit_into(net, tree["net"], f"{run.folder}")
        if average is not net:
            checkpoint.fit_into(average, tree["average"], f"{run.folder}")
        for stepper, state in zip(steppers, tree["optimizers"], strict=True):
            stepper.load_state_dict(state)
        run.history, run.seconds = saved["history"], saved["seconds"]
        return Point(**tree["point"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{run.folder}: the state to resume from is of another version") from error


def _compare(where: str, key: str, now: Any, then: Any) -> None:
    now = list(now) if isinstance(now, tuple) else now
    if now == then:
        return
    if isinstance(now, Mapping) and isinstance(then, Mapping):
        keys = [k for k in now if then.get(k) != now[k]]
        now, then = {k: now[k] for k in keys}, {k: then.get(k) for k in keys}
    raise ModelError(
        f"{where}: cannot resume, {key} differs: now {now}, then {then}; repeat the same command"
    )
