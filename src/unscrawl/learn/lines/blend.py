"""Puts a network between what it was and what further training made of it.

Trained on, a network gets better at the lines it is shown and forgets a little of all others. The mean of its
weights before and after often reads both better than either ("WiSE-FT", Wortsman et al. 2022,
arXiv:2109.01903): the way between the two is level, as they have most of their history in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from unscrawl.learn import checkpoint
from unscrawl.learn.lines.evaluation import evaluate
from unscrawl.learn.lines.net import Net
from unscrawl.learn.lines.sources import Sample

__all__ = ["blend", "mean"]

SHARES: Final = (1.0, 0.7, 0.5, 0.35, 0.0)  # of the new weights
_EVERY: Final = 4  # one held-back line in so many chooses


def blend(before: Mapping[str, Tensor], net: Net, held: Sequence[Sample]) -> tuple[float, dict[float, float]]:
    """Change `net` to the mean of its weights and those `before` that reads some held-back lines best.

    Args:
        before: by the names of `net.state_dict()`.
        held: every fourth of them is read.

    Returns:
        The share of the weights that `net` had, the largest of equally good ones, and the CER at each share.
    """
    after = {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
    found: dict[float, float] = {}
    for share in SHARES:
        checkpoint.fit_into(net, mean(before, after, share), "the mean")
        found[share] = evaluate(net, held[::_EVERY]).pooled
    best = min(SHARES, key=found.__getitem__)
    checkpoint.fit_into(net, mean(before, after, best), "the mean")
    return best, found


def mean(before: Mapping[str, Tensor], after: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Return `share` parts of `after` and the rest of `before`; what is no fraction is that of `after`."""
    return {
        name: torch.lerp(before[name].to(value), value, share) if value.is_floating_point() else value
        for name, value in after.items()
    }
