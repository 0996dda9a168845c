"""The network for `best`: as much as two cores train within half an hour."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

__all__ = ["Best"]


class Best(nn.Module):
    """Five 5 × 5 convolutions and nothing that pools: 498,090 parameters at ten classes, 66 million
    multiplications a picture.

    A narrower form of the network M5 of An et al. 2020 (arXiv:2008.10400). Each convolution takes off the
    edges that it has no full view of, so that all places keep their resolution up to the last layer.
    """

    WIDTHS: ClassVar[tuple[int, ...]] = (32, 48, 64, 80, 96)
    KERNEL: ClassVar[int] = 5
    LEAST: ClassVar[int] = 8
    """Rows and columns that are left for the last layer to tell apart."""

    def __init__(self, classes: int, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        body: list[nn.Module] = []
        stride, inputs = max(1, size // 28), channels
        for width in self.WIDTHS:
            valid = -(-(size - self.KERNEL + 1) // stride) >= self.LEAST
            body += [
                nn.Conv2d(inputs, width, self.KERNEL, stride, 0 if valid else self.KERNEL // 2, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            size = -(-(size - self.KERNEL + 1) // stride) if valid else -(-size // stride)
            stride, inputs = 1, width
        self.body = nn.Sequential(*body)  # 28 × 28: [N, 96, 8, 8]
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(inputs * size * size, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, channels, size, size] to logits [N, classes]."""
        out: Tensor = self.out(self.drop(self.body(x).flatten(1)))
        return out
