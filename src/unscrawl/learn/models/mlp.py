"""The first network everybody trains: one hidden layer of 128."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["MLP"]


class MLP(nn.Module):
    """784 → 128 → classes for 28 × 28 pictures: 101,770 parameters at ten classes."""

    def __init__(self, classes: int, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        self.hidden = nn.Linear(channels * size * size, 128)
        self.out = nn.Linear(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, channels, size, size] to logits [N, classes]."""
        out: Tensor = self.out(self.hidden(x.flatten(1)).relu())
        return out
