"""The line recogniser: a small convolutional recurrent network trained with CTC (Graves 2006; Shi 2015)."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

__all__ = ["Block", "LineNet", "Net", "fuse"]

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


class Net(nn.Module):
    """What line recognisers share: uint8 [B, 40, W], 0 paper to 255 ink → logits [B, T, classes + 1].

    Class 0 is the blank. A network says how it sees the columns of a picture; the same end turns them into
    features and those into logits.

    Args:
        kind: of the network, for `nets.build`.
        classes: characters of the alphabet.
        width: features of a frame; the last ones, [B, T, `features`], are what a hand's head is taught on.
    """

    stride: float
    """Columns of the strip for each frame."""

    def __init__(self, kind: str, classes: int, width: int, blocks: int, dropout: float) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "kind": kind, "classes": classes, "width": width, "blocks": blocks, "dropout": dropout,
        }  # fmt: skip
        self.features = width

    def add_end(self, inside: int) -> None:
        """Add what comes behind the columns, `inside` values each; a subclass calls it last."""
        width = self.features
        self.fold = nn.Linear(inside, width)  # a column of the picture becomes a frame
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(self.config["blocks"])))
        self.drop = nn.Dropout(self.config["dropout"])
        self.context = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(width, self.config["classes"] + 1)

    def columns(self, x: Tensor) -> Tensor:
        """Return what is seen of the pictures x, their numbers floating: [B, T, inside]."""
        raise NotImplementedError

    def lengths(self, widths: Tensor) -> Tensor:
        """Return how many frames strips of `widths` columns have."""
        raise NotImplementedError

    def frames(self, x: Tensor) -> Tensor:
        """Return the features of each frame, float32 [B, T, D]."""
        x = self.columns(x.unsqueeze(1).to(self.fold.weight.dtype))
        x = self.drop(self.blocks(self.norm(self.fold(x))))
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


class LineNet(Net):
    """A network from nothing: T is ceil(W / 4)."""

    stride = 4.0

    def __init__(self, classes: int, *, width: int = 256, blocks: int = 6, dropout: float = 0.15) -> None:
        super().__init__("line", classes, width, blocks, dropout)
        self.stem = nn.Sequential(  # [B, 1, 40, W]
            Conv(1, 32, 5, (2, 2)),  # [B, 32, 20, W/2]
            Conv(32, 64, 3),
            Conv(64, 96, 3, (2, 2)),  # [B, 96, 10, W/4]
            Conv(96, 128, 3),
            Conv(128, 160, 3, (2, 1)),  # [B, 160, 5, W/4]
            Conv(160, 160, 3),
        )
        self.add_end(5 * 160)

    def columns(self, x: Tensor) -> Tensor:
        """Return the columns of the convolutions' maps."""
        return self.stem(x / 255).permute(0, 3, 1, 2).flatten(2)  # type: ignore[no-any-return]

    def lengths(self, widths: Tensor) -> Tensor:
        """Return how many frames strips of `widths` columns have."""
        return (widths + 3) // 4


def fuse(net: N) -> N:
    """Return a copy for reading, its batch normalisations folded into the convolutions before them.

    Of a network that this was done to already it is but a copy.
    """
    net = copy.deepcopy(net).cpu().eval()
    for block in net.modules():
        if isinstance(block, Conv) and not isinstance(block[1], nn.Identity):
            block[0], block[1] = _folded(block[0], block[1]), nn.Identity()
        elif isinstance(block, Block) and not isinstance(block.norm, nn.Identity):
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
