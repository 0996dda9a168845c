"""LeNet's shape with dropout, as in countless courses: conv 10 → conv 20 → 50 → classes."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["LeNetDropout"]


class LeNetDropout(nn.Module):
    """Two 5 × 5 convolutions, 2-D dropout after the second: 21,840 parameters at ten classes."""

    def __init__(self, classes: int, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        side = ((size - 4) // 2 - 4) // 2  # 28 → 24 → 12 → 8 → 4
        self.conv1 = nn.Conv2d(channels, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop2d = nn.Dropout2d(0.5)
        self.hidden = nn.Linear(20 * side * side, 50)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(50, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, channels, size, size] to logits [N, classes]."""
        x = F.max_pool2d(self.conv1(x), 2).relu()  # [N, 10, 12, 12]
        x = F.max_pool2d(self.drop2d(self.conv2(x)), 2).relu()  # [N, 20, 4, 4]
        x = self.drop(self.hidden(x.flatten(1)).relu())  # [N, 50]
        out: Tensor = self.out(x)
        return out
