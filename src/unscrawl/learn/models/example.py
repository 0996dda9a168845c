"""The network of PyTorch's official MNIST example, for comparison.

https://github.com/pytorch/examples/blob/main/mnist/main.py, without its final log_softmax: every model
here gives logits.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Example"]


class Example(nn.Module):
    """Two 3 × 3 convolutions and two dense layers: 1,199,882 parameters at ten classes."""

    def __init__(self, classes: int, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        side = (size - 4) // 2  # 28 → 26 → 24 → 12
        self.conv1 = nn.Conv2d(channels, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(64 * side * side, 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, channels, size, size] to logits [N, classes]."""
        x = self.conv2(self.conv1(x).relu()).relu()  # [N, 64, 24, 24]
        x = self.dropout1(F.max_pool2d(x, 2)).flatten(1)  # [N, 9216]
        x = self.dropout2(self.fc1(x).relu())  # [N, 128]
        out: Tensor = self.fc2(x)
        return out
