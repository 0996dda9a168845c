"""The network that reads: small enough for an instant start, wide enough for every writer."""

from __future__ import annotations

from torch import Tensor, nn

from unscrawl.learn.models.layers import ConvNorm, Residual

__all__ = ["GlyphNet"]


class GlyphNet(nn.Module):
    """Seven convolutions, two of them residual pairs, and one dense layer.

    At 85 classes: 514,205 parameters, 13 million multiplications a glyph. The first layer works at full
    resolution, for dots and commas are only a few pixels; the last keeps a 4 × 4 map, for where the ink
    is tells a comma from an apostrophe's shape less well than it tells q from g.
    """

    def __init__(self, classes: int, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        side = -(-size // 8)
        self.body = nn.Sequential(
            ConvNorm(channels, 24),  # [N, 24, 28, 28]
            ConvNorm(24, 32, stride=2),  # [N, 32, 14, 14]
            Residual(32),
            ConvNorm(32, 64, stride=2),  # [N, 64, 7, 7]
            Residual(64),
            ConvNorm(64, 128, stride=2),  # [N, 128, 4, 4]
            ConvNorm(128, 128),
        )
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(128 * side * side, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, channels, size, size] to logits [N, classes]."""
        out: Tensor = self.out(self.drop(self.body(x).flatten(1)))
        return out
