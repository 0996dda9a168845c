from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from unscrawl.learn.augment import Augment, augment

AMOUNTS = [f.name for f in fields(Augment) if f.name not in ("cells", "erase_size")]


def bars(n: int = 32) -> Tensor:
    """Upright bars, 4 px wide, in the middle of 28 × 28."""
    x = torch.zeros(n, 1, 28, 28)
    x[:, :, 6:22, 12:16] = 1
    return x


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def centre(x: Tensor) -> Tensor:
    """Centre of mass (x, y) of each picture, [N, 2] in pixels."""
    mass = x.sum((1, 2, 3))
    place = torch.arange(28.0)
    return torch.stack([x.sum((1, 2)) @ place / mass, x.sum((1, 3)) @ place / mass], 1)


def test_nothing_asked_is_nothing_done() -> None:
    assert Augment().off
    assert torch.equal(augment(bars(), Augment(), seeded()), bars())


@pytest.mark.parametrize("amount", AMOUNTS)
def test_every_amount_distorts_within_range(amount: str) -> None:
    how = replace(Augment(), **{amount: 0.4})
    x = augment(bars(), how, seeded())
    assert not how.off
    assert x.shape == bars().shape
    assert not torch.equal(x, bars())
    assert 0 <= float(x.min()) <= float(x.max()) <= 1


@pytest.mark.parametrize("amount", AMOUNTS)
def test_the_same_seed_gives_the_same_bits(amount: str) -> None:
    how = replace(Augment(), **{amount: 0.4})
    assert torch.equal(augment(bars(), how, seeded(3)), augment(bars(), how, seeded(3)))
    assert not torch.equal(augment(bars(), how, seeded(3)), augment(bars(), how, seeded(4)))


def test_the_input_is_left_alone() -> None:
    x = bars()
    augment(x, Augment(2, 10, 0.1, 0.1, 0.1, 1, 4, 0.5, 0.5, 0.5, 0.1, 0.5), seeded())
    assert torch.equal(x, bars())


def test_pictures_of_a_batch_are_distorted_differently() -> None:
    x = augment(bars(2), Augment(shift=3), seeded())
    assert not torch.equal(x[0], x[1])


def test_shift_moves_by_up_to_its_pixels() -> None:
    moved = centre(augment(bars(500), Augment(shift=3), seeded())) - centre(bars(500))
    assert float(moved.abs().max()) <= 3.01
    assert float(moved.abs().amax(0).min()) > 2.8  # both ways, nearly all of it


def test_shift_can_be_undone_to_a_tenth_of_a_pixel() -> None:
    warped = augment(bars(1), Augment(shift=1e-3), seeded())
    assert torch.allclose(warped, bars(1), atol=5e-3)


def test_rotation_and_scale_keep_the_centre() -> None:
    x = augment(bars(100), Augment(rotate=30, scale=0.2), seeded())
    assert float((centre(x) - centre(bars(100))).abs().max()) < 0.1


def test_rotation_turns_by_up_to_its_degrees() -> None:
    x = augment(bars(500), Augment(rotate=20), seeded())
    yy, xx = torch.meshgrid(torch.arange(28.0) - 13.5, torch.arange(28.0) - 13.5, indexing="ij")
    tilt = (x[:, 0] * xx * yy).sum((1, 2)) / (x[:, 0] * (yy**2 - xx**2)).sum((1, 2))
    angle = torch.rad2deg(torch.atan(2 * tilt) / 2)
    assert 18 < float(angle.max()) < 21
    assert -21 < float(angle.min()) < -18


def test_scale_changes_the_area_both_ways() -> None:
    area = augment(bars(500), Augment(scale=0.2), seeded()).sum((1, 2, 3)) / 64
    assert 1.4 < float(area.max()) < 1.6  # exp(2 · 0.2) = 1.49
    assert 0.6 < float(area.min()) < 0.75


def test_thickness_grows_and_shrinks_strokes() -> None:
    ink = augment(bars(200), Augment(thickness=1.0), seeded()).sum((1, 2, 3)) / 64
    assert float(ink.max()) == pytest.approx(6 * 18 / 64, rel=0.05)
    assert float(ink.min()) == pytest.approx((1 + 2 * 14 / 64) / 2, rel=0.05)


def test_erase_hits_its_share_with_one_small_hole() -> None:
    x = torch.ones(2000, 1, 28, 28)
    holes = (augment(x, Augment(erase=0.5, erase_size=0.25), seeded()) == 0).sum((1, 2, 3))
    assert 0.4 < float((holes > 0).float().mean()) < 0.5  # the smallest miss every pixel
    assert int(holes.max()) <= 8 * 8


def test_colour_pictures_keep_their_channels_together() -> None:
    x = bars().repeat(1, 3, 1, 1)
    y = augment(x, Augment(shift=2, rotate=10, elastic=1), seeded())
    assert torch.equal(y[:, 0], y[:, 2])
