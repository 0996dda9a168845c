"""A line recogniser that starts from an openly licensed one: the convolutions and attention of PP-OCRv6's.

The network's first part is the small text recogniser of PP-OCRv6 (PaddleOCR, Apache-2.0) as the package
`rapidocr` carries it, without its last layer of 18,710 characters. Its convolutions are like those of
PP-LCNet (Cui et al. 2021, arXiv:2109.15099), with the normalisations folded in; its neck is that of SVTR (Du
et al. 2022, arXiv:2205.00159). Behind it comes the end of `net.LineNet`, so that a hand is taught alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError
from unscrawl.learn.lines.net import Block, Net
from unscrawl.spelling import clean

__all__ = ["LICENCE", "PretrainedNet", "find", "start"]

LICENCE: Final = "started from PP-OCRv6_rec_small: Apache-2.0; PaddleOCR, Baidu and the PaddlePaddle Authors"

_ROWS: Final = 48
"""Rows of the picture that the convolutions were trained on; strips have 40."""
_ZOOM: Final = _ROWS / 40
_WIDTH: Final = 120  # features of the neck
_LENGTH: Final = 38.0  # of a frame behind the neck, typically
_FILE: Final = "PP-OCRv6_rec_small.onnx"
_STAGES: Final = ((96, (1, 0, 0)), (192, (1, 0, 1, 0, 1, 0)), (384, (1, 0)))
"""Channels of each stage, and which of its mixers weigh their channels."""


class Stem(nn.Module):
    """[B, 1, 48, W] → [B, 96, 12, W / 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 48, 3, 2, 1)
        self.narrow = nn.Conv2d(48, 24, 2)
        self.widen = nn.Conv2d(24, 48, 2)
        self.join = nn.Conv2d(96, 48, 3, 2, 1)
        self.last = nn.Conv2d(48, 96, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Halve the picture, see it in two ways, halve it again."""
        x = F.relu(self.first(x))
        beside = F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 2, 1)
        x = F.relu(self.narrow(F.pad(x, (0, 1, 0, 1))))
        x = F.relu(self.widen(F.pad(x, (0, 1, 0, 1))))
        return F.relu(self.last(F.relu(self.join(torch.cat([beside, x], 1)))))


class Weigh(nn.Module):
    """Channels weighed by what there is in the whole line (Hu et al. 2018, squeeze and excitation)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(width, width // 4, 1)
        self.up = nn.Conv2d(width // 4, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return x * F.hardsigmoid(self.up(F.relu(self.down(x.mean((2, 3), keepdim=True)))))


class Mixer(nn.Module):
    """Depthwise convolution, then a two-layer perceptron at each place, residual where the shape stays."""

    def __init__(self, inside: int, outside: int, *, weigh: bool = False) -> None:
        super().__init__()
        self.grows = inside != outside  # halves the height too
        self.mix = nn.Conv2d(inside, inside, 3, (2 if self.grows else 1, 1), 1, groups=inside)
        self.weigh = Weigh(inside) if weigh else nn.Identity()
        self.up = nn.Conv2d(inside, 2 * inside, 1)
        self.down = nn.Conv2d(2 * inside, outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inside, H, T] → [B, outside, H or half of it, T]."""
        x = self.weigh(self.mix(x))
        y: Tensor = self.down(F.gelu(self.up(x)))
        return y if self.grows else x + y


class Attention(nn.Module):
    """Self-attention over the frames of a line and a perceptron for each, both residual."""

    def __init__(self, width: int = _WIDTH, heads: int = 8) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.answer = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:  # [B, T, D] → the same
        """Let each frame look at all others."""
        asked = self.ask(self.before(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(asked[0], asked[1], asked[2])  # [B, heads, T, D / heads]
        x = x + self.answer(seen.transpose(1, 2).flatten(2))
        out: Tensor = x + self.down(F.silu(self.up(self.between(x))))
        return out


class Neck(nn.Module):
    """[B, 384, 3, T + 1] → [B, T, 120]: columns become frames, which look at each other.

    The recogniser it comes from gives a frame for two columns; here there are twice as many, each of two
    columns still: joined writing is narrow. Its convolution along the line skips every other frame for that.
    """

    def __init__(self) -> None:
        super().__init__()
        wide = _STAGES[-1][0]
        self.short = nn.Conv2d(wide, _WIDTH, 1)
        self.fold = nn.Conv2d(wide, _WIDTH, 1)
        self.along = nn.Conv2d(_WIDTH, _WIDTH, (1, 7), padding=(0, 6), dilation=(1, 2), groups=_WIDTH)
        self.attend = nn.Sequential(Attention(), Attention())
        self.norm = nn.LayerNorm(_WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Map columns to frames."""
        x = F.avg_pool2d(x, (3, 2), (3, 1))
        y = F.silu(self.fold(x))
        y = (y + F.silu(self.along(y)))[:, :, 0].transpose(1, 2)
        out: Tensor = self.norm(self.attend(y)) + F.silu(self.short(x))[:, :, 0].transpose(1, 2)
        return out


class PretrainedNet(Net):
    """A network whose convolutions and attention start from another's (see `start`)."""

    stride = 4 / _ZOOM

    def __init__(self, classes: int, *, width: int = 256, blocks: int = 3, dropout: float = 0.1) -> None:
        super().__init__("pretrained", classes, width, blocks, dropout)
        self.stem = Stem()
        mixers, inside = [], _STAGES[0][0]
        for wide, weighed in _STAGES:
            if wide != inside:
                mixers.append(Mixer(inside, wide))
            mixers += [Mixer(wide, wide, weigh=bool(yes)) for yes in weighed]
            inside = wide
        self.body = nn.Sequential(*mixers)
        self.neck = Neck()
        self.add_end(_WIDTH)
        self.stem.requires_grad_(False)  # edges are edges in every hand, and it is a fifth of the work
        for block in self.blocks:
            assert isinstance(block, Block)
            nn.init.zeros_(block.down.weight)
            nn.init.zeros_(block.down.bias)  # at first the frames go through as they are

    def columns(self, x: Tensor) -> Tensor:
        """Return the frames behind the neck."""
        x = F.interpolate(1 - x * (2 / 255), scale_factor=_ZOOM, mode="bilinear", align_corners=False)
        out: Tensor = self.neck(self.body(self.stem(x.contiguous(memory_format=torch.channels_last))))
        return out

    def lengths(self, widths: Tensor) -> Tensor:
        """Return how many frames strips of `widths` columns have."""
        return ((widths * 3 + 9) // 10 - 1).clamp(min=1)  # rounded up; a frame is of two columns


def find() -> Path:
    """Return the recogniser's file in the installed package.

    Raises:
        ModelError: the package is not installed, or came without the file.
    """
    if find_spec("rapidocr") is not None:
        path = Path(str(resources.files("rapidocr"))) / "models" / _FILE
        if path.is_file():
            return path
    raise ModelError(
        f"{_FILE}, which a pretrained network starts from, comes with the package rapidocr 3.10: "
        "`pip install rapidocr`, or name the file with --pretrained"
    )


def start(net: PretrainedNet, path: Path) -> None:
    """Put the weights of PP-OCRv6's small recogniser at `path` (.onnx) into `net`, and its characters' too.

    Raises:
        ModelError: the file is not that recogniser.
    """
    try:
        model = onnx.load(str(path))
        names = next(p.value for p in model.metadata_props if p.key == "character").split("\n")
        arrays = _arrays(model)
        with torch.no_grad():
            for part in (net.stem, net.body, net.neck):
                for parameter in part.parameters():
                    parameter.copy_(torch.from_numpy(next(arrays)).reshape(parameter.shape))
            _start_head(net, next(arrays), next(arrays), names)
    except (OSError, ValueError, KeyError, RuntimeError, StopIteration, DecodeError) as error:
        raise ModelError(f"{path} is not the recogniser that this network starts from ({error})") from error


def _arrays(model: onnx.ModelProto) -> Iterator[NDArray[np.float32]]:
    """Yield the weights of the graph in its order, as torch has them; each layer's weight, then its bias."""
    stored = {t.name: np.array(onnx.numpy_helper.to_array(t), np.float32) for t in model.graph.initializer}
    nodes = list(model.graph.node)
    for node, after in zip(nodes, [*nodes[1:], onnx.NodeProto()], strict=True):
        given = [stored[name] for name in node.input if name in stored]
        if node.op_type == "Conv":
            weight, bias = given[0], next((stored[n] for n in after.input if n in stored), given[-1])
            if after.op_type == "BatchNormalization":
                scale, shift, mean, variance = (stored[name] for name in after.input[1:])
                scale = scale / np.sqrt(variance + _epsilon(after))
                weight, bias = weight * scale[:, None, None, None], shift - mean * scale
            yield weight.sum(axis=1, keepdims=True) if node.input[0] == model.graph.input[0].name else weight
            yield bias
        elif node.op_type == "MatMul" and given:
            yield np.ascontiguousarray(given[0].T)
        elif node.op_type in ("Mul", "Add") and given and given[0].ndim == 1 and given[0].size > 1:
            yield given[0]  # of a normalisation, or the bias of a dense layer


def _epsilon(node: onnx.NodeProto) -> float:
    return next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)


def _start_head(
    net: PretrainedNet, weight: NDArray[np.float32], bias: NDArray[np.float32], names: list[str]
) -> None:
    """Take over what the last layer knew of the characters that the alphabet has.

    The frames reach the head turned into a wider space and brought to one length, by which the weights are
    stretched.
    """
    place: dict[str, int] = {}
    for i, name in enumerate([*names, " "], start=1):
        place.setdefault(clean(name) or name, i)
        place[name] = i
    rows = [0, *(place[c] for c in LINE)]
    nn.init.orthogonal_(net.fold.weight)
    nn.init.zeros_(net.fold.bias)
    turned = torch.from_numpy(weight[rows]) @ net.fold.weight.T
    net.head.weight.copy_(turned * (_LENGTH / net.features**0.5))
    net.head.bias.copy_(torch.from_numpy(bias[rows]))
