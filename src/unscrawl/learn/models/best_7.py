"""The network for `best-7`: the like of `best` with larger convolutions."""

from __future__ import annotations

from typing import ClassVar

from unscrawl.learn.models.best import Best

__all__ = ["Best7"]


class Best7(Best):
    """Four 7 × 7 convolutions, 1,026,218 parameters at ten classes.

    A narrower form of the network M7 of An et al. 2020 (arXiv:2008.10400).
    """

    WIDTHS: ClassVar[tuple[int, ...]] = (32, 64, 96, 128)
    KERNEL: ClassVar[int] = 7
    LEAST: ClassVar[int] = 4
