"""What a network says about a data set: which part, which classes, by torch or by ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError
from unscrawl.learn.sets import Data, ImageSet, split

if TYPE_CHECKING:
    from unscrawl.learn.checkpoint import Run

__all__ = ["Scored", "align", "check_form", "part_to_measure", "restrict", "score_exported", "score_run"]


@dataclass(frozen=True)
class Scored:
    """What a network said about pictures."""

    logits: NDArray[np.float32]
    """[N, classes]"""
    classes: tuple[str, ...]
    temperature: float = 1.0


def part_to_measure(data: Data, run: Run | None = None) -> tuple[ImageSet, str]:
    """Return the pictures to measure on, and what part of `data` they are.

    That is the test part. Data without one is measured on what `run` held back from it, where the run was
    trained on this data, else on all of it.
    """
    if data.test is not None:
        return data.test, "test"
    if run is None or os.path.abspath(run.data) != os.path.abspath(data.name):
        return data.train, "whole"
    if data.validation is not None:
        return data.validation, "validation"
    share = float(run.recipe["validation"])
    if share == 0:
        raise DataError(f"{data.name}: has no test part, and the run was trained on all of it")
    return split(data.train, share, run.seed)[1], "validation"


def align(
    labels: NDArray[np.int64], classes: Sequence[str], known: Sequence[str], data: str
) -> NDArray[np.int64]:
    """Return labels that index `classes` as indices into `known`.

    Raises:
        DataError: a class that has pictures is not among the known ones.
    """
    place = {name: i for i, name in enumerate(known)}
    used = np.unique(labels)
    strange = [classes[i] for i in used if classes[i] not in place]
    if strange:
        raise DataError(
            f"{data}: the network does not know the classes {_few(strange)}; it knows {_few(known)}"
        )
    table = np.array([place.get(name, -1) for name in classes], np.int64)
    return table[labels]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def score_run(run: Run, images: ImageSet, *, device: str = "auto", tta: bool = False) -> Scored:
    """Return what the network of `run` says about `images`."""
    from unscrawl.learn.batches import pixels
    from unscrawl.learn.device import choose
    from unscrawl.learn.predict import logits

    check_form(images.images, run.size, run.channels, str(run.folder))
    place = choose(device)
    scores = logits(run.model.to(place), pixels(images.images, place), run.mean, run.std, tta=tta)
    return Scored(scores.cpu().numpy(), run.classes, run.temperature)


def score_exported(path: Path, images: ImageSet) -> Scored:
    """Return what an exported network says about `images`, calibrated as its card has it; needs no torch.

    Raises:
        ModelError: the file or its card is missing or damaged.
        DataError: pictures of another size.
    """
    from unscrawl.recogniser import Recogniser

    recogniser = Recogniser(path, any_form=True)
    check_form(images.images, recogniser.card.size[0], recogniser.card.channels, str(path))
    return Scored(recogniser.log_probabilities(images.images), recogniser.classes)


def restrict(scored: Scored, classes: Sequence[str]) -> Scored:
    """Return `scored` as if the network knew none but `classes`, of those it knows."""
    kept = [i for i, name in enumerate(scored.classes) if name in classes]
    return Scored(scored.logits[:, kept], tuple(scored.classes[i] for i in kept), scored.temperature)


def check_form(images: NDArray[np.uint8], size: int, channels: int, model: str) -> None:
    """Raise `DataError` unless pictures [N, H, W] or [N, H, W, C] are such as `model` takes."""
    if images.shape[1:] != (size, size, channels)[: 3 if channels > 1 else 2]:
        form = " × ".join(str(n) for n in images.shape[1:])
        raise DataError(
            f"{model} takes pictures of {size} × {size} with {channels} channel(s), these are {form}"
        )
