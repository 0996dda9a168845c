from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unscrawl.learn.predict import logits


class Corner(nn.Module):
    """Logits are the four pixels in the middle: easy to follow a shift by."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 2:4, 2:4].flatten(1)


PICTURES = torch.randint(0, 256, (7, 1, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("tta", [False, True])
def test_the_size_of_batches_makes_no_difference(tta: bool) -> None:
    whole = logits(Corner(), PICTURES, (0.1,), (0.3,), tta=tta)
    parts = logits(Corner(), PICTURES, (0.1,), (0.3,), tta=tta, batch_size=2)
    assert torch.allclose(whole, parts, atol=1e-6)


def test_shifted_copies_are_averaged_as_probabilities() -> None:
    padded = nn.functional.pad(PICTURES.float() / 255, (1, 1, 1, 1))
    places = [(3, 3), (2, 3), (4, 3), (3, 2), (3, 4)]
    shares = [padded[:, 0, y : y + 2, x : x + 2].flatten(1).softmax(1) for y, x in places]
    found = logits(Corner(), PICTURES, (0.0,), (1.0,), tta=True).exp()
    assert torch.allclose(found, torch.stack(shares).mean(0), atol=1e-6)


def test_dropout_and_batch_norm_are_at_rest() -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm2d(1), nn.Flatten()).train()
    first = logits(model, PICTURES, (0.1,), (0.3,))
    assert torch.equal(first, logits(model, PICTURES, (0.1,), (0.3,)))
    assert not first.requires_grad
