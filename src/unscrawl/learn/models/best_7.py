"""The network for `best` with 7 × 7 convolutions: averaged with it, it knows other things."""

from __future__ import annotations

from typing import ClassVar

from unscrawl.learn.models.best import Best

__all__ = ["Best7"]


class Best7(Best):
    """A narrower form of M7 of An et al. 2020 (arXiv:2008.10400)."""

    WIDTHS: ClassVar[tuple[int, ...]] = (32, 64, 96, 128)
    KERNEL: ClassVar[int] = 7
    LEAST: ClassVar[int] = 4
