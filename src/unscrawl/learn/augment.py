"""Distort whole batches the way hands, pens and cameras do.

Every picture draws its own distortion; all of a batch's geometry is one sampling grid and one
`grid_sample`. Works on [N, C, H, W] floats 0 … 1 with background 0, before normalising.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from unscrawl.errors import OptionError

__all__ = ["Augment", "augment"]


@dataclass(frozen=True)
class Augment:
    """How strongly to distort. Zero leaves out; amounts are drawn per picture, evenly from ± the value."""

    shift: float = 0.0
    """Pixels."""
    rotate: float = 0.0
    """Degrees."""
    scale: float = 0.0
    """Logarithmic: 0.1 is up to about 10 % larger or smaller."""
    stretch: float = 0.0
    """Logarithmic, width against height."""
    shear: float = 0.0
    """Slant: tangent of the angle."""
    elastic: float = 0.0
    """Standard deviation in pixels of a smooth random displacement (Simard et al. 2003)."""
    cells: int = 4
    """Control points of the displacement along each side: more is wigglier."""
    thickness: float = 0.0
    """Share, 0 … 1, of the way to strokes one pixel broader all round, or half of it to finer ones."""
    blur: float = 0.0
    """Share, 0 … 1, of a 3 × 3 average; drawn from 0 upwards."""
    contrast: float = 0.0
    """Relative change of the ink's strength, cut off at full ink."""
    noise: float = 0.0
    """Standard deviation of added noise, 0 … 1; drawn from 0 upwards."""
    erase: float = 0.0
    """Share of pictures that lose one rectangle (Zhong et al. 2017)."""
    erase_size: float = 0.25
    """Largest side of that rectangle, as a share of the picture's."""

    def __post_init__(self) -> None:
        for f in fields(self):
            if not 0 <= getattr(self, f.name) < math.inf:
                raise OptionError(f"{f.name} must be 0 or above, not {getattr(self, f.name)}")
        if self.cells < 1:
            raise OptionError(f"cells must be 1 or above, not {self.cells}")

    @property
    def off(self) -> bool:
        """True where nothing at all is distorted."""
        return all(getattr(self, f.name) == 0 for f in fields(self) if f.name not in ("cells", "erase_size"))


def augment(x: Tensor, how: Augment, generator: torch.Generator) -> Tensor:
    """Return distorted pictures [N, C, H, W]; the same generator state gives the same bits.

    `x` is float, 0 … 1, background 0; `generator` lives on x's device.
    """
    if how.thickness:
        x = _thicken(x, _uniform(x, generator, how.thickness))
    if how.shift or how.rotate or how.scale or how.stretch or how.shear or how.elastic:
        x = _warp(x, how, generator)
    if how.blur:
        share = _uniform(x, generator, how.blur).abs()
        x = x.lerp(F.avg_pool2d(x, 3, 1, 1), share)
    if how.contrast:
        x = (x * (1 + _uniform(x, generator, how.contrast))).clamp(0, 1)
    if how.noise:
        grain = torch.randn(x.shape, generator=generator, device=x.device)
        x = torch.addcmul(x, grain, _uniform(x, generator, how.noise)).clamp(0, 1)
    if how.erase:
        x = _erase(x, how, generator)
    return x


def _uniform(x: Tensor, generator: torch.Generator, amount: float) -> Tensor:
    """One number per picture from -amount … amount, [N, 1, 1, 1]."""
    u = torch.rand(x.shape[0], 1, 1, 1, generator=generator, device=x.device)
    return u.mul_(2).sub_(1).mul_(amount)


def _thicken(x: Tensor, amount: Tensor) -> Tensor:
    """Blend with the 3 × 3 maximum (amount > 0) or minimum (< 0): a broader or a finer pen."""
    grown = F.max_pool2d(x, 3, 1, 1)
    shrunk = -F.max_pool2d(-x, 3, 1, 1)
    return torch.where(amount > 0, x.lerp(grown, amount.abs()), x.lerp(shrunk, amount.abs() / 2))


def _warp(x: Tensor, how: Augment, generator: torch.Generator) -> Tensor:
    """Rotate, scale, stretch, shear, shift and bend, all in one resampling."""
    N, _, H, W = x.shape

    def draw(amount: float) -> Tensor:
        return _uniform(x, generator, amount).flatten()

    angle, slant = draw(math.radians(how.rotate)), draw(how.shear)
    zoom, stretch = draw(how.scale), draw(how.stretch / 2)
    cos, sin = angle.cos(), angle.sin()
    sx, sy = (-zoom - stretch).exp(), (-zoom + stretch).exp()  # from output to input, hence inverted
    theta = torch.stack(  # [N, 2, 3] in the -1 … 1 coordinates of grid_sample
        [
            torch.stack([cos * sx, (slant * cos - sin) * sx, draw(2 * how.shift / W)], 1),
            torch.stack([sin * sy, (slant * sin + cos) * sy, draw(2 * how.shift / H)], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, [N, 1, H, W], align_corners=False)  # [N, H, W, 2]
    if how.elastic:
        coarse = torch.randn(N, 2, how.cells, how.cells, generator=generator, device=x.device)
        field = F.interpolate(coarse, (H, W), mode="bicubic", align_corners=True)
        pixel = torch.tensor([2 / W, 2 / H], device=x.device) * how.elastic
        grid = torch.addcmul(grid, field.permute(0, 2, 3, 1), pixel)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _erase(x: Tensor, how: Augment, generator: torch.Generator) -> Tensor:
    """Blank one rectangle in a share of the pictures."""
    N, _, H, W = x.shape
    u = torch.rand(5, N, 1, generator=generator, device=x.device)
    half = u[0:2] * how.erase_size / 2  # [2, N, 1] half height and width, as shares
    row = (torch.arange(H, device=x.device) + 0.5) / H
    column = (torch.arange(W, device=x.device) + 0.5) / W
    inside_rows = (row - u[2]).abs() < half[0]  # [N, H]
    inside_columns = (column - u[3]).abs() < half[1]  # [N, W]
    hit = (u[4] < how.erase)[:, :, None] & inside_rows[:, :, None] & inside_columns[:, None, :]
    return x.masked_fill(hit[:, None], 0.0)
