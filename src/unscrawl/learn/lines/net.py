"""The line recogniser: a small convolutional recurrent network trained with CTC (Graves 2006; Shi 2015)."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

__all__ = ["Block", "LineNet", "fuse"]

N = TypeVar("N", bound=nn.Module)


class Conv(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: tuple[int, int] = (1, 1)) -> None:
        conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outside), nn.ReLU(inplace=True))


class Block(nn.Module):
    """Depthwise 1-D convolution along the line, then a two-layer perceptron per frame, residual (Liu 2022)."""  # noqa: E501

    def __init__(self, width: int, kernel: int = 9, expand: int = 2) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.up = nn.Linear(width, expand * width)
        self.act = nn.SiLU(inplace=True)
        self.down = nn.Linear(expand * width, width)

    def forward(self, x: Tensor) -> Tensor:  # [B, T, D] → the same
        y = self.norm(self.mix(x.transpose(1, 2))).transpose(1, 2)
        out: Tensor = x + self.down(self.act(self.up(y)))
        return out


class LineNet(nn.Module):
    """uint8 [B, 40, W], 0 paper to 255 ink → logits [B, ceil(W / 4), classes + 1]; class 0 is the blank.

    Args:
        classes: characters of the alphabet.
        width: features of a frame; the last ones, [B, T, `features`], are what a hand's head is taught on.
    """

    stride = 4.0
    """Columns of the strip for each frame."""

    def __init__(self, classes: int, *, width: int = 256, blocks: int = 6, dropout: float = 0.15) -> None:
        super().__init__()
        self.config = {
            "kind": "line",
            "classes": classes,
            "width": width,
            "blocks": blocks,
            "dropout": dropout,
        }
        self.stem = nn.Sequential(  # [B, 1, 40, W]
            Conv(1, 32, 5, (2, 2)),  # [B, 32, 20, W/2]
            Conv(32, 64, 3),
            Conv(64, 96, 3, (2, 2)),  # [B, 96, 10, W/4]
            Conv(96, 128, 3),
            Conv(128, 160, 3, (2, 1)),  # [B, 160, 5, W/4]
            Conv(160, 160, 3),
        )
        self.fold = nn.Linear(5 * 160, width)  # a column of the picture becomes a frame
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.drop = nn.Dropout(dropout)
        self.context = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(width, classes + 1)
        self.features = width

    def frames(self, x: Tensor) -> Tensor:
        """Return the features of each frame, float32 [B, T, D]."""
        x = self.stem(x.unsqueeze(1).to(self.fold.weight.dtype) / 255)  # [B, C, 5, T]
        x = self.norm(self.fold(x.permute(0, 3, 1, 2).flatten(2)))
        x = self.drop(self.blocks(x))
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            out: Tensor = x + self.context(x)[0]  # a residual keeps the sharp places of the convolutions
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, float32 [B, T, classes + 1]."""
        y = self.frames(x)
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = self.head(self.drop(y))
        return out

    def lengths(self, widths: Tensor) -> Tensor:
        """Return how many frames strips of `widths` columns have."""
        return (widths + 3) // 4


def fuse(net: N) -> N:
    """Return a copy for reading, its batch normalisations folded into the convolutions before them."""
    net = copy.deepcopy(net).cpu().eval()
    for block in net.modules():
        if isinstance(block, Conv):
            block[0], block[1] = _folded(block[0], block[1]), nn.Identity()
        elif isinstance(block, Block):
            block.mix, block.norm = _folded(block.mix, block.norm), nn.Identity()  # type: ignore[assignment]
    return net


def _folded(conv: Any, norm: nn.Module) -> Any:
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    weight, bias = fuse_conv_bn_weights(
        conv.weight, None, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    conv.weight, conv.bias = weight, bias
    return conv
