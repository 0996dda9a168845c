"""Lines of writing → log probabilities of characters, frame by frame: a CTC network run by ONNX Runtime.

The network comes in two parts: the trunk (`.onnx`), which turns a strip into features, and the head (`.npz`),
one linear layer, which a writer's hand may replace. The card (`.json`) says what both are.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from functools import cached_property
from importlib import resources
from math import ceil
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from unscrawl.card import read_card
from unscrawl.errors import ModelError
from unscrawl.onnxfile import added, changed
from unscrawl.recogniser import cores, session_options
from unscrawl.strip import HEIGHT

__all__ = ["LESSON", "SOFTER", "STEP", "Head", "LineRecogniser", "Replay"]

Floats = NDArray[np.float32]
Head: TypeAlias = tuple[Floats, Floats]
"""Weight [D, C + 1] and bias [C + 1]; class 0 is the blank."""

Replay: TypeAlias = tuple[Floats, Floats, Floats]
"""What stands for the lines trained on: mean feature of each class [C + 1, D], its frames [C + 1], and
the mean of f fᵀ over all frames [D, D]."""

_REPLAY: Final = ("mean", "count", "second")
LESSON: Final = ("forth", "back")
"""Arrays beside the head: the bytes of two ONNX graphs, by which the whole trunk is taught."""
SOFTER: Final = "head.softer"
"""Name of what a hand multiplies the temperature by."""
STEP: Final = 64
"""Strips are padded to a multiple of this width: what ONNX Runtime keeps for a shape serves many."""


class LineRecogniser:
    """An exported line recogniser. One instance may be used from several threads.

    Args:
        path: an `.onnx` file with `.npz` and `.json` beside it; None takes the shipped one.
        threads: for ONNX Runtime; None takes every core it may use, four at most.

    Raises:
        ModelError: a file is missing, damaged, or they do not fit together.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, threads: int | None = None) -> None:
        shipped = Path(str(resources.files("unscrawl"))) / "weights" / "line.onnx"
        self.path = Path(path) if path is not None else shipped
        card = self.path.with_suffix(".json")
        self.card = read_card(card)
        try:
            self.classes: str = "".join(self.card["classes"])
            self.temperature = float(self.card.get("temperature", 1.0))
            self.stride = float(self.card.get("stride", 4))
            if not 1 <= self.stride <= STEP:
                raise ValueError("stride")
        except (TypeError, ValueError):
            raise ModelError(
                f"{card} is no line recogniser's card: classes, stride or temperature are not such"
            ) from None
        try:
            self.model = self.path.read_bytes()
            with np.load(self.path.with_suffix(".npz")) as file:
                self.head: Head = (file["weight"].astype(np.float32), file["bias"].astype(np.float32))
                kept = [file[name].astype(np.float32) for name in _REPLAY if name in file]
                self.lesson = tuple(file[name].tobytes() for name in LESSON if name in file)
                self.replay: Replay | None = (kept[0], kept[1], kept[2]) if len(kept) == 3 else None
            self._threads = threads or min(4, cores())
            self._session = _session(self.model, self._threads)
        except FileNotFoundError as error:
            raise ModelError(
                f"{error.filename}: no such file; a line recogniser is .onnx, .npz, .json"
            ) from None
        except Exception as error:  # ONNX Runtime and NumPy have no exception tree in common
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"{self.path} is no line recogniser that can be run: {reason}") from None
        self._check()

    def adapted(self, changes: Mapping[str, Floats]) -> LineRecogniser:
        """Return this recogniser as one hand has it: with `changes` added to its weights.

        Args:
            changes: by the names of the file's arrays (see `onnxfile.changed`), "head.weight", "head.bias";
                `SOFTER`, where it is there, makes the answers less sure.

        Raises:
            ModelError: the network has no such weights, or the temperature would be none.
        """
        trunk = {name: value for name, value in changes.items() if not name.startswith("head.")}
        other = copy(self)
        other.__dict__.pop("fingerprint", None)
        other.__dict__.pop("tail", None)
        other.__dict__.pop("_single", None)
        try:
            weight, bias = self.head
            other.head = (
                weight + added(changes, "head.weight", weight.shape),
                bias + added(changes, "head.bias", bias.shape),
            )
            other.temperature = self.temperature * float(changes.get(SOFTER, np.ones(1)).item())
            if not 0 < other.temperature < np.inf:
                raise ModelError(f"{SOFTER} makes no temperature")
            other.model = changed(self.model, trunk)
            other._session = _session(other.model, self._threads)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{self.path} cannot be changed so: {error}") from None
        other._check()
        return other

    def _check(self) -> None:
        weight, bias = self.head
        width = self.run(np.zeros((1, HEIGHT, STEP), np.uint8), ["features"])[0].shape[2]
        if weight.shape != (width, len(self.classes) + 1) or bias.shape != weight.shape[1:]:
            raise ModelError(
                f"{self.path}: trunk, head and card do not fit: {width} features, head {list(weight.shape)}, "
                f"{len(self.classes)} classes"
            )

    @cached_property
    def fingerprint(self) -> str:
        """Name of trunk and head, 16 hex digits: what was taught on others does not fit these."""
        weight, bias = self.head
        return hashlib.sha256(self.model + weight.tobytes() + bias.tobytes()).hexdigest()[:16]

    @cached_property
    def tail(self) -> dict[str, Any] | None:
        """What a hand may change in the trunk, by names of inputs and outputs; None for one without such."""
        text = self._session.get_modelmeta().custom_metadata_map.get("tail")
        return json.loads(text) if text else None

    def run(self, images: NDArray[np.uint8], outputs: Sequence[str]) -> list[Floats]:
        """Return outputs of the trunk for uint8 [B, 40, W], W a multiple of 64."""
        return self._run(images, outputs, None, self._session)

    @cached_property
    def _single(self) -> ort.InferenceSession:
        """The network in one thread, for several lines at a time."""
        return _session(self.model, 1)

    def _run(
        self,
        images: NDArray[np.uint8],
        outputs: Sequence[str],
        given: Mapping[str, Floats] | None,
        session: ort.InferenceSession,
    ) -> list[Floats]:
        """Return the same as `run`, where `given` stands in for the biases of that name (see `tail`).

        Raises:
            ModelError: it has none of that name and size.
        """
        try:
            found = session.run(list(outputs), {"strip": images, **(given or {})})
            return [np.asarray(value, np.float32) for value in found]
        except Exception as error:  # ONNX Runtime has no exception tree
            if not given:
                raise
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"what a hand has learnt does not fit {self.path}: {reason}") from None

    def features(
        self, strips: Sequence[NDArray[np.uint8]], given: Mapping[str, Floats] | None = None
    ) -> list[Floats]:
        """Return the features of each strip's frames, float32 [T, D], T = ceil(W / stride).

        Args:
            strips: uint8 [40, W] each, from `strip.prepare`.
            given: a hand's biases, in place of the network's own.

        What a strip gives does not depend on the strips beside it.
        """
        return self.frames(strips, "features", given)

    def frames(
        self, strips: Sequence[NDArray[np.uint8]], output: str, given: Mapping[str, Floats] | None = None
    ) -> list[Floats]:
        """Return an output of the trunk for each strip, float32 [T, D], as `features` does."""
        return [found[0] for found in self.outputs(strips, [output], given)]

    def outputs(
        self,
        strips: Sequence[NDArray[np.uint8]],
        names: Sequence[str],
        given: Mapping[str, Floats] | None = None,
    ) -> list[list[Floats]]:
        """Return several outputs of the trunk for each strip, float32 [T, D] each, as `features` does."""

        def one(strip: NDArray[np.uint8], session: ort.InferenceSession) -> list[Floats]:
            image = np.zeros((1, HEIGHT, max(1, -(-strip.shape[1] // STEP)) * STEP), np.uint8)
            image[0, :, : strip.shape[1]] = strip
            found = self._run(image, names, given, session)
            return [rows[0, : self.length(strip.shape[1])] for rows in found]

        if self._threads == 1 or len(strips) == 1:
            return [one(strip, self._session) for strip in strips]
        with ThreadPoolExecutor(self._threads) as pool:  # a line for each thread beats all threads for each
            return list(pool.map(lambda strip: one(strip, self._single), strips))

    def length(self, wide: int) -> int:
        """Return how many frames a strip of `wide` columns has."""
        return ceil(wide / self.stride - 1e-6)

    def log_probabilities(self, features: Floats, head: Head | None = None) -> Floats:
        """Return calibrated log p(class | frame), float32 [T, C + 1]; class 0 is the blank.

        Args:
            features: [T, D] from `features`.
            head: a hand's, in place of the network's own.
        """
        weight, bias = head or self.head
        logits = (features @ weight + bias) / np.float32(self.temperature)
        logits -= logits.max(axis=1, keepdims=True)
        return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), np.float32)


def _session(model: bytes, threads: int) -> ort.InferenceSession:
    return ort.InferenceSession(model, session_options(threads), providers=["CPUExecutionProvider"])
