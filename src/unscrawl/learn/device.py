"""Find the processor to train on."""

from __future__ import annotations

import torch

from unscrawl.errors import OptionError
from unscrawl.learn.names import unknown

__all__ = ["available", "choose", "describe"]

KINDS = ("auto", "cuda", "mps", "xpu", "cpu")


def available() -> list[str]:
    """Return the kinds of device this machine and this torch have, best first; "cpu" is always last."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    if torch.xpu.is_available():
        found.append("xpu")
    return [*found, "cpu"]


def choose(name: str = "auto") -> torch.device:
    """Return the device called `name`: "auto" (the best there is), "cpu", "cuda", "cuda:1", "mps", "xpu".

    Raises:
        OptionError: no such kind, or this machine has none.
    """
    kind, _, index = name.partition(":")
    if kind not in KINDS or (index and not index.isdigit()):
        raise unknown("device", name, KINDS)
    here = available()
    if kind == "auto":
        return torch.device(here[0])
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if kind not in here or (index and int(index) >= count):
        raise OptionError(f"device {name!r} is not available here: choose one of {', '.join(here)}")
    return torch.device(name)


def describe(device: torch.device) -> str:
    """Say in a few words what `device` is, for the progress line and the run's record."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"cpu ({threads} thread{'s' if threads > 1 else ''})"
    return str(device)
