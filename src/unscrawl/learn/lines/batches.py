"""Batches of lines of like width, drawn by seed and place in the run: any worker gives the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from unscrawl.alphabet import LINE
from unscrawl.distort import distort
from unscrawl.learn.lines.recipe import LineRecipe
from unscrawl.learn.lines.sources import Sample, fits, to_ink
from unscrawl.spelling import clean
from unscrawl.strip import HEIGHT, band

__all__ = ["POOL", "Batch", "Writer", "batches", "collate", "encode"]

POOL: Final = 16
"""Batches that are drawn together, sorted by width and cut up: little padding, still mixed."""


class Writer(Protocol):
    """Draws a line of writing: grey uint8 [64, W] and its text."""

    def line(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
        """Draw the next one."""


@dataclass(frozen=True)
class Batch:
    """`images` uint8 [B, 40, W], padded with paper; `widths` [B]; `targets`, class numbers end to end."""

    images: Tensor
    widths: Tensor
    targets: Tensor
    lengths: Tensor  # [B] characters of each text


def encode(text: str) -> list[int]:
    """Return the network's classes of `text`; 0 is the blank."""
    return [LINE.index(c) + 1 for c in text]


def collate(images: Sequence[NDArray[np.uint8]], texts: Sequence[str]) -> Batch:
    """Pad lines to one width, a multiple of 32."""
    widths = [image.shape[1] for image in images]
    padded = np.zeros((len(images), HEIGHT, -(-max(widths) // 32) * 32), np.uint8)
    for row, image in zip(padded, images, strict=True):
        row[:, : image.shape[1]] = image
    codes = [encode(t) for t in texts]
    targets = torch.tensor([c for code in codes for c in code], dtype=torch.long)
    lengths = torch.tensor([len(c) for c in codes])
    return Batch(torch.from_numpy(padded), torch.tensor(widths), targets, lengths)


class _Pools(Dataset[list[Batch]]):
    """Item i: the batches of pool i of the run."""

    def __init__(
        self,
        samples: Sequence[Sample],
        recipe: LineRecipe,
        seed: int,
        writer: Writer | None,
    ) -> None:
        self.samples, self.recipe, self.seed, self.writer = samples, recipe, seed, writer
        share = np.array([recipe.weights.get(s.source, 1.0) for s in samples])
        self.share = share / share.sum()

    def __getitem__(self, pool: int) -> list[Batch]:
        rng = np.random.default_rng([self.seed, pool])
        count = POOL * self.recipe.batch
        drawn = rng.binomial(count, self.recipe.synthetic) if self.writer else 0
        lines = [self._real(int(i), rng) for i in rng.choice(len(self.samples), count - drawn, p=self.share)]
        lines += [self._drawn(rng) for _ in range(drawn)]
        lines.sort(key=lambda line: line[0].shape[1])
        order = rng.permutation(POOL) * self.recipe.batch
        parts = (lines[i : i + self.recipe.batch] for i in order)
        return [collate([image for image, _ in part], [text for _, text in part]) for part in parts]

    def _real(self, i: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
        sample = self.samples[i]
        return distort(sample.ink, sample.rows, rng, self.recipe.strength), sample.text

    def _drawn(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
        assert self.writer is not None
        while True:
            grey, text = self.writer.line(rng)
            known = clean(text)
            ink = to_ink(grey)
            if known and fits(known, ink.shape[1]):
                return distort(ink, band(ink), rng, 0.7 * self.recipe.strength), known


def batches(
    samples: Sequence[Sample],
    recipe: LineRecipe,
    seed: int,
    *,
    writer: Writer | None = None,
    start: int = 0,
    workers: int = 1,
) -> Iterator[Batch]:
    """Yield the run's batches from step `start` on, without end.

    Args:
        workers: processes that draw and distort; 0 does it here.
    """
    if workers:
        cv2.setNumThreads(1)  # stops OpenCV's threads: a process forked beside them would wait for ever
    first, skip = divmod(start, POOL)
    total = max(1, -(-recipe.steps // POOL) - first)
    loader: DataLoader[Any] = DataLoader(
        _Pools(samples, recipe, seed, writer),
        batch_size=None,
        sampler=range(first, first + total),
        num_workers=workers,
        worker_init_fn=_alone,
        prefetch_factor=2 if workers else None,
    )
    for pool in loader:
        yield from pool[skip:]
        skip = 0


def _alone(_: int) -> None:
    """A worker takes one core."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
