"""The two building blocks that the convolutional networks share."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ConvNorm", "Residual"]


class ConvNorm(nn.Sequential):
    """Convolution → batch norm → ReLU, "same" padding. The norm folds into the convolution on export."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, relu: bool = True
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            *([nn.ReLU(inplace=True)] if relu else []),
        )


class Residual(nn.Module):
    """Two 3 × 3 convolutions added to their input (He et al. 2015, arXiv:1512.03385)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvNorm(width, width), ConvNorm(width, width, relu=False))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the form [N, width, H, W]."""
        return F.relu(x + self.body(x))
