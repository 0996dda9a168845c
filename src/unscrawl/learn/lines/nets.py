"""The networks that a line recogniser may be: one that starts from nothing, one that starts from another."""

from __future__ import annotations

from typing import Any, Final

from unscrawl.learn.lines.net import LineNet, Net
from unscrawl.learn.lines.pretrained import PretrainedNet

__all__ = ["KINDS", "build"]

KINDS: Final[dict[str, type[LineNet] | type[PretrainedNet]]] = {
    "line": LineNet,
    "pretrained": PretrainedNet,
}


def build(config: dict[str, Any]) -> Net:
    """Return a network of a `config` as one bears it; where that names no kind it is a `LineNet`.

    Raises:
        KeyError, TypeError: there is no such network.
    """
    wanted = dict(config)
    return KINDS[wanted.pop("kind", "line")](**wanted)
