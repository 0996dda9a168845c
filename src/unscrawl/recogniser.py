"""Glyph pictures → calibrated probabilities: an exported network with its card, run by ONNX Runtime."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from unscrawl.card import JUNK, Card
from unscrawl.errors import ModelError
from unscrawl.glyph import SIDE

__all__ = ["JUNK", "Recogniser", "cores", "session_options"]

_CHUNK: Final = 64  # pictures a run: what a core's cache holds; a page may have a thousand hypotheses
_HEAVY_TAIL: Final = 4.0  # degrees of freedom of the place on the line: an odd hand is no impossibility

Floats = NDArray[np.float32]


class Recogniser:
    """An exported glyph classifier. One instance may be used from several threads.

    Args:
        path: an `.onnx` file with its card, the same name ending in `.json`; None takes the shipped one.
        threads: for ONNX Runtime; None takes every core it may use, four at most.
        any_form: take networks of other pictures too than `glyph.prepare` gives, to measure them.

    Raises:
        ModelError: a file is missing, damaged, the two do not fit together, or the pictures are others.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        threads: int | None = None,
        any_form: bool = False,
    ) -> None:
        shipped = Path(str(resources.files("unscrawl"))) / "weights" / "glyph.onnx"
        self.path = Path(path) if path is not None else shipped
        if not self.path.is_file():
            raise ModelError(f"{self.path}: no such model; `unscrawl export` writes one")
        self.card = Card.read(self.path.with_suffix(".json"))
        self.classes = self.card.classes
        self.temperature = self.card.temperature
        self.junk = self.classes.index(JUNK) if JUNK in self.classes else None
        (high, wide), channels = self.card.size, self.card.channels
        if not any_form and (high, wide, channels) != (SIDE, SIDE, 1):
            form = f"{high} x {wide} {'grey' if channels == 1 else 'colour'}"
            raise ModelError(
                f"{self.path} takes {form} pictures, not {SIDE} x {SIDE} grey ones: train on a folder with "
                "--prepare for that"
            )
        try:
            self._session = ort.InferenceSession(
                self.path.read_bytes(), session_options(threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime has no exception tree of its own
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"{self.path} is not a model ONNX Runtime can run: {reason}") from None
        self._check()

    def _check(self) -> None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(uint8)" or len(outputs) != 1:
            raise ModelError(f"{self.path} does not take one uint8 picture and give one row of logits")
        self._input = inputs[0].name
        deep = [self.card.channels] if self.card.channels > 1 else []
        try:
            width = self.logits(np.zeros((1, *self.card.size, *deep), np.uint8)).shape[1]
        except Exception as error:  # as above: the card's size is not the network's
            raise ModelError(f"{self.path} does not take pictures of its card's size and channels") from error
        if width != len(self.classes):
            raise ModelError(
                f"{self.path} gives {width} logits but its card names {len(self.classes)} classes"
            )

    @cached_property
    def fingerprint(self) -> str:
        """Name of the weights, 16 hex digits: what was taught on others does not fit these."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:16]

    def logits(self, images: NDArray[np.uint8]) -> Floats:
        """Run the network on uint8 [N, 28, 28]: float32 [N, C], not calibrated."""
        parts = [
            np.asarray(self._session.run(None, {self._input: images[i : i + _CHUNK]})[0], np.float32)
            for i in range(0, len(images), _CHUNK)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), np.float32)

    def log_probabilities(self, images: NDArray[np.uint8]) -> Floats:
        """Return calibrated log p(class | picture), float32 [N, C], with the card's bias and temperature."""
        return self.calibrate(self.logits(images))

    def calibrate(self, logits: Floats, softer: float = 1.0) -> Floats:
        """Turn logits [N, C] into log probabilities; the temperature is the card's, times `softer`."""
        return _log_softmax((logits + self.card.bias) / (self.temperature * softer))

    def with_places(self, log_p: Floats, places: NDArray[np.float64]) -> Floats:
        """Return log p(class | picture, place on the line): Bayes with the card's places, [N, C].

        Args:
            log_p: from `log_probabilities`, [N, C].
            places: (top, bottom) of each ink above the baseline in x-heights, [N, 2].
        """
        density = self._place_density(places)
        return log_p if density is None else _log_softmax(log_p + density)

    def fit_line(self, log_p: Floats, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `places` [N, 2] rescaled and shifted so that the line's glyphs fit where they belong.

        The layout cannot know whether a line is all capitals; the glyphs can. Of 35 pairs of scale and
        shift the one under which the confident glyphs are most probable is taken, the present one
        preferred.
        """
        if self.card.places is None or not len(places):
            return places
        sure = np.argsort(log_p[:, self.junk])[:60] if self.junk is not None else np.arange(len(places))[:60]
        best, best_value = places, -np.inf
        for scale in (0.64, 0.8, 1.0, 1.25, 1.55):
            for shift in (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3):
                moved = places * scale + shift
                density = self._place_density(moved[sure])
                assert density is not None
                fit = _logsumexp(log_p[sure] + density).sum()
                value = fit - 2.0 * np.log(scale) ** 2 * 4 - 10.0 * shift**2
                if value > best_value:
                    best, best_value = moved, value
        return best

    def _place_density(self, places: NDArray[np.float64]) -> Floats | None:
        """Log density of Student's t around each class's place, [N, C]; None where the card has no places."""
        if self.card.places is None:
            return None
        mean, spread = self.card.places
        z = ((places[:, None, :] - mean) / spread) ** 2  # [N, C, 2]
        t = -0.5 * (_HEAVY_TAIL + 1) * np.log1p(z / _HEAVY_TAIL) - np.log(spread)
        return np.asarray(t.sum(axis=2), np.float32)


def cores() -> int:
    """Return how many processors this process may use; only Linux knows better than the machine's number."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def session_options(threads: int | None) -> ort.SessionOptions:
    """Return how ONNX Runtime is to run; threads None takes the cores there are, four at most."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or min(4, cores())
    options.log_severity_level = 3
    # Between two calls its threads would keep the cores busy that OpenCV and NumPy need by then.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _logsumexp(x: Floats) -> Floats:
    top = x.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(x - top).sum(axis=1)) + top[:, 0], np.float32)


def _log_softmax(x: Floats) -> Floats:
    return np.asarray(x - _logsumexp(x)[:, None], np.float32)
