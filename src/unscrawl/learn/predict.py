"""What a network says about pictures, in batches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unscrawl.learn.batches import normalise

__all__ = ["logits"]

SHIFTS = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))


@torch.no_grad()
def logits(
    model: nn.Module,
    x: Tensor,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    *,
    tta: bool = False,
    batch_size: int = 1000,
) -> Tensor:
    """Return logits [N, classes] in float32 for uint8 pictures [N, C, H, W], on the device of `x`.

    With `tta` the probabilities of five copies, as is and shifted by one pixel each way, are averaged
    and their logarithm is returned.
    """
    model.eval()
    out = []
    for batch in torch.split(x, batch_size):
        if not tta:
            out.append(model(normalise(batch, mean, std)).float())
            continue
        H, W = batch.shape[2:]
        padded = F.pad(batch, (1, 1, 1, 1))
        views = [padded[:, :, 1 + dy : 1 + dy + H, 1 + dx : 1 + dx + W] for dy, dx in SHIFTS]
        shares = [model(normalise(view, mean, std)).float().softmax(1) for view in views]
        out.append(torch.stack(shares).mean(0).clamp_min(1e-12).log())
    return torch.cat(out)
