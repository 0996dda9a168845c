"""What a network says about a data set: which part, which classes, by torch or by ONNX Runtime."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError, ModelError
from unscrawl.learn.sets import Data, ImageSet, split

if TYPE_CHECKING:
    from unscrawl.learn.checkpoint import Run

__all__ = ["Scored", "align", "part_to_measure", "score_exported", "score_run"]


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

    _check_form(images, run.size, run.channels, str(run.folder))
    place = choose(device)
    scores = logits(run.model.to(place), pixels(images.images, place), run.mean, run.std, tta=tta)
    return Scored(scores.cpu().numpy(), run.classes, run.temperature)


def score_exported(path: Path, images: ImageSet) -> Scored:
    """Return what an exported network says about `images`; needs no torch."""
    import onnxruntime

    card = path.with_suffix(".json")
    try:
        facts = json.loads(card.read_text("utf-8"))
        classes, size, channels = tuple(facts["classes"]), int(facts["size"]), int(facts.get("channels", 1))
        temperature = float(facts.get("temperature", 1.0))
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: cannot be used, or its card {card.name} cannot: {error}") from None
    except Exception as error:  # ONNX Runtime's own kinds
        raise ModelError(f"{path}: not a network that ONNX Runtime can load: {error}") from None
    _check_form(images, size, channels, str(path))
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: images.images[i : i + 1000]})[0] for i in range(0, len(images), 1000)]
    return Scored(np.concatenate(parts), classes, temperature)


def _check_form(images: ImageSet, size: int, channels: int, model: str) -> None:
    if images.images.shape[1:3] != (size, size) or images.channels != channels:
        form = " × ".join(str(n) for n in images.images.shape[1:])
        raise DataError(
            f"{model} takes pictures of {size} × {size} with {channels} channel(s), these are {form}"
        )
