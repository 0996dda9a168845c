"""The network for `best` with 3 × 3 convolutions: averaged with it, it knows other things."""

from __future__ import annotations

from typing import ClassVar

from unscrawl.learn.models.best import Best

__all__ = ["Best3"]


class Best3(Best):
    """A narrower form of M3 of An et al. 2020 (arXiv:2008.10400)."""

    WIDTHS: ClassVar[tuple[int, ...]] = (24, 32, 40, 48, 56, 64, 72, 80, 88, 96)
    KERNEL: ClassVar[int] = 3
    LEAST: ClassVar[int] = 8
