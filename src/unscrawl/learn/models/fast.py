"""The network for `quick`: most accuracy for a few seconds on a processor."""

from __future__ import annotations

from torch import Tensor, nn

from unscrawl.learn.models.layers import ConvNorm

__all__ = ["Fast"]


class Fast(nn.Module):
    """Resolution is halved at once, width grows late: cheap in memory traffic, which is what costs."""

    def __init__(self, classes: int, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        side = -(-size // 8)
        self.body = nn.Sequential(
            ConvNorm(channels, 16, kernel=5, stride=2),  # [N, 16, 14, 14]
            ConvNorm(16, 32),
            ConvNorm(32, 64, stride=2),  # [N, 64, 7, 7]
            ConvNorm(64, 64, stride=2),  # [N, 64, 4, 4]
        )
        self.out = nn.Linear(64 * side * side, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, channels, size, size] to logits [N, classes]."""
        out: Tensor = self.out(self.body(x).flatten(1))
        return out
