"""The whole set as one uint8 tensor on the device, shuffled and normalised in whole batches.

MNIST is 47 MB as bytes: nothing is gained by loading it sample by sample in worker processes, and a
batch costs one gather and three elementwise operations. An unaugmented batch is bit-identical to
torchvision's `ToTensor` and `Normalize` applied to each picture.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unscrawl.learn.sets import ImageSet

__all__ = ["epoch_order", "generator", "normalise", "pixels", "seed_of", "statistics"]


def pixels(images: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """Return [N, H, W] or [N, H, W, C] pictures as a uint8 tensor [N, C, H, W] on `device`."""
    x = torch.from_numpy(np.require(images, requirements=("C", "W")))  # copies read-only views only
    x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()
    return x.to(device)


def statistics(images: ImageSet) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and standard deviation of each channel, with pixels as 0 … 1.

    Computed from the counts of the 256 values: exact, and no copy of the set in floating point.
    """
    x = images.images[..., None] if images.images.ndim == 3 else images.images
    value = np.arange(256) / 255.0
    means, deviations = [], []
    for c in range(x.shape[-1]):
        count = np.zeros(256, np.int64)
        for part in range(0, len(x), 1000):  # bincount needs eight bytes a pixel
            count += np.bincount(x[part : part + 1000, ..., c].ravel(), minlength=256)
        share = count / count.sum()
        mean = float(share @ value)
        means.append(mean)
        deviations.append(max(float(np.sqrt(share @ (value - mean) ** 2)), 1e-3))  # an all-blank set
    return tuple(means), tuple(deviations)


def normalise(x: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Return (x / 255 - mean) / std as float32 for uint8 [N, C, H, W]; float input is taken as 0 … 1.

    The operations and their order are those of ToTensor and Normalize, so the bits are too.
    """
    scaled = x.to(torch.float32).div_(255) if x.dtype == torch.uint8 else x.clone()
    m = torch.tensor(mean, dtype=torch.float32, device=x.device).view(-1, 1, 1)
    s = torch.tensor(std, dtype=torch.float32, device=x.device).view(-1, 1, 1)
    return scaled.sub_(m).div_(s)


def seed_of(*parts: int) -> int:
    """Mix integers (seed, epoch, step …) into one well-spread 63-bit seed.

    What is random in a step is a function of its numbers alone, so a resumed run needs no replay.
    """
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(device: torch.device | str, *parts: int) -> torch.Generator:
    """Return a generator on `device` seeded with `seed_of(*parts)`."""
    return torch.Generator(device).manual_seed(seed_of(*parts))


def epoch_order(labels: Tensor, seed: int, epoch: int, balance: float = 0.0) -> Tensor:
    """Return the indices [N] in which an epoch visits the samples.

    With `balance` 0 each sample comes once. Above it, a class of n samples gets a share of the epoch
    in proportion to n ** (1 - balance): 1 gives every class the same share. Samples of one class come
    equally often, give or take one; the epoch keeps its length.
    """
    g = generator("cpu", seed, epoch)
    N = labels.numel()
    if balance == 0.0:
        return torch.randperm(N, generator=g)
    labels = labels.cpu()
    count = torch.bincount(labels).double()
    weight = torch.where(count > 0, count.pow(1 - balance), torch.zeros_like(count))
    draws = (weight / weight.sum() * N).round().long().tolist()
    chosen = []
    for label, k in enumerate(draws):
        members = (labels == label).nonzero().flatten()
        if members.numel() == 0:
            continue
        rounds = -(-max(k, 1) // members.numel())
        shuffled = [members[torch.randperm(members.numel(), generator=g)] for _ in range(rounds)]
        chosen.append(torch.cat(shuffled)[: max(k, 1)])
    index = torch.cat(chosen)
    return index[torch.randperm(index.numel(), generator=g)]
