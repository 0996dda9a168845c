"""The network for `best`: wide enough that augmentation, not size, is what limits it."""

from __future__ import annotations

from torch import Tensor, nn

from unscrawl.learn.models.layers import ConvNorm, Residual

__all__ = ["Best"]


class Best(nn.Module):
    """A short residual network with dropout before its one dense layer."""

    def __init__(self, classes: int, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        side = -(-size // 8)
        self.body = nn.Sequential(
            ConvNorm(channels, 32),  # [N, 32, 28, 28]
            ConvNorm(32, 64, stride=2),  # [N, 64, 14, 14]
            Residual(64),
            ConvNorm(64, 128, stride=2),  # [N, 128, 7, 7]
            Residual(128),
            ConvNorm(128, 256, stride=2),  # [N, 256, 4, 4]
            ConvNorm(256, 256),
        )
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(256 * side * side, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, channels, size, size] to logits [N, classes]."""
        out: Tensor = self.out(self.drop(self.body(x).flatten(1)))
        return out
