"""A whole line recogniser as a pupil: run forth and back by ONNX Runtime, its weights those of one writer.

What makes a hand hard to read is mostly seen by the first layers: with all of them adapted twice as many
errors go as with the last ones, and more. Products of two thin matrices are added to every weight ("LoRA", Hu
et al. 2022, arXiv:2106.09685), small kernels and biases are changed as they are; in 8 bits that is half a
megabyte, where the whole network would be six. The recurrent layer stays: what the language makes of a line
is not the hand's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from unscrawl import onnxfile
from unscrawl.distort import distort
from unscrawl.errors import ModelError
from unscrawl.hand import Sample
from unscrawl.line_recogniser import STEP, LineRecogniser
from unscrawl.onnxfile import SIDES
from unscrawl.recogniser import session_options
from unscrawl.strip import HEIGHT
from unscrawl.teach import recurrent
from unscrawl.teach.adapt import log_softmax
from unscrawl.teach.posteriors import posteriors
from unscrawl.teach.recurrent import LSTM
from unscrawl.teach.trial import room
from unscrawl.teach.wording import classes

__all__ = ["Whole", "steps_for"]

_STEPS: Final = 60
_FOR: Final = 16  # lines, for which so many steps are enough
_BATCH: Final = 4  # lines a step
_RANK: Final = 4
_RATES: Final = (3e-3, 1e-3)  # of Adam's first steps, thin matrices and whole values; they fall to zero
_BETAS: Final = (0.9, 0.999)  # of Adam
_WARM: Final = 5  # steps until the rate is reached
_MOST: Final = 1.0  # length of a step's gradient
_SMALL: Final = 9  # values of a kernel up to which it is changed as it is
_WIDEST: Final = 2500  # columns of a line, for each of which a thread keeps 126 kB on the way back
_COPIES: Final = 0.8  # share of lines that are distorted
_STRENGTH: Final = 1.0  # of the distortion

_FRAMES, _WRONG, _GRADIENT = "frames", "wrong", ":gradient"  # see `learn.lines.backwards`
_HEAD: Final = ("head.weight", "head.bias")

Floats = NDArray[np.float32]
Changes = dict[str, Floats]


def steps_for(lines: int) -> int:
    """Return how many batches to learn from: more of more lines, though each line is then seen less often."""
    return round(_STEPS * sqrt(max(1.0, lines / _FOR)))


class Whole:
    """A recogniser's weights and the way forth and back through it. Several threads may learn at a time.

    Raises:
        ModelError: it was exported without the way back, or its file does not hold the weights by name.
    """

    def __init__(self, recogniser: LineRecogniser) -> None:
        try:
            self._forth, self._back = (_session(graph) for graph in recogniser.lesson)
            stored = onnxfile.initialisers(recogniser.model)
            inputs = {i.name for way in (self._forth, self._back) for i in way.get_inputs()}
            named = sorted(n for n in inputs if n.startswith("net.") and not n.endswith(SIDES))
            self.base: Changes = {name: onnxfile.plain(stored, name) for name in named}
            self._context = LSTM(*(onnxfile.plain(stored, f"net.context.{part}") for part in "WRB"))
            self.base |= dict(zip(_HEAD, recogniser.head, strict=True))
            gradients = (o.name.removesuffix(_GRADIENT) for o in self._back.get_outputs())
            self.taught = sorted({name.partition(":")[0] for name in gradients}) + list(_HEAD)
            self._length = recogniser.length
            self._try()
        except Exception as error:  # ONNX Runtime and NumPy have no exception tree in common
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"{recogniser.path} cannot be taught as a whole: {reason}") from None

    def _try(self) -> None:
        """Go forth and back once: graphs that do not fit the weights are found before minutes are spent."""
        start = self.start(0)
        found = self.gradient(np.zeros((HEIGHT, STEP), np.uint8), (1,), self.with_changes(start))
        if {name: g.shape for name, g in found.items()} != {name: v.shape for name, v in start.items()}:
            raise ValueError("the gradients are those of another network")

    def start(self, seed: int) -> Changes:
        """Return what is to be learnt, as `onnxfile.changed` takes it, to begin with: it changes nothing."""
        rng, out = np.random.default_rng(seed), Changes()
        for name in self.taught:
            shape = self.base[name].shape
            inside, outside = (shape[0], shape[1]) if len(shape) == 2 else (int(np.prod(shape[1:])), shape[0])
            if len(shape) == 1 or inside <= _SMALL:
                out[name] = np.zeros(shape, np.float32)
                continue
            drawn = rng.normal(0, inside**-0.5, (inside, _RANK)).astype(np.float32)
            none = np.zeros((_RANK, outside), np.float32)
            dense = len(shape) == 2  # [inside, outside], a kernel is [outside, inside, …]
            pair = (drawn, none) if dense else (none.T.copy(), drawn.T.copy())
            out |= dict(zip((name + side for side in SIDES), pair, strict=True))
        return out

    def with_changes(self, changes: Mapping[str, Floats]) -> Changes:
        """Return all weights, those that are taught with `changes` added, and the changes themselves."""
        taught = {name: self.base[name] for name in self.taught}
        new = {name: v + onnxfile.added(changes, name, v.shape) for name, v in taught.items()}
        return {**self.base, **changes, **new}

    def gradient(
        self, strip: NDArray[np.uint8], text: Sequence[int], weights: Mapping[str, Floats]
    ) -> Changes:
        """Return the gradient of CTC's loss for each character of one line with respect to what is learnt.

        Nothing where the line has fewer frames than its text needs, or is too wide for the memory.

        Args:
            strip: uint8 [40, W], from `strip.prepare`.
            text: its classes.
            weights: from `with_changes`.
        """
        count = self._length(strip.shape[1])
        if count < room(text) or strip.shape[1] > _WIDEST:
            return {}
        padded = np.pad(strip, ((0, 0), (0, -strip.shape[1] % STEP)))
        values = _values(weights)
        kept = _run(self._forth, {**values, **_values({"strip": padded[None]})})
        x: Floats = kept.pop(_FRAMES).numpy()
        context, past = recurrent.forward(x, np.ones((*x.shape[:2], 1), np.float32), self._context)
        features = (x + context)[0]
        log_p = log_softmax(features @ weights[_HEAD[0]] + weights[_HEAD[1]])
        (wanted,), _ = posteriors([log_p[:count]], [text])
        wrong = np.zeros_like(log_p)
        wrong[:count] = (np.exp(log_p[:count]) - wanted) / np.float32(max(1, len(text)))
        d = np.asarray(wrong @ weights[_HEAD[0]].T, np.float32)[None]
        d += recurrent.backward(d, past, self._context)
        found = _run(self._back, {**values, **kept, **_values({_WRONG: d})})
        out = {name.removesuffix(_GRADIENT): value.numpy() for name, value in found.items()}
        out |= dict(zip(_HEAD, (features.T @ wrong, wrong.sum(axis=0)), strict=True))
        return _split(out, weights)

    def learn(
        self,
        lines: Sequence[Sample],
        *,
        steps: int = _STEPS,
        seed: int = 0,
        step: Callable[[], None] = lambda: None,
    ) -> Changes:
        """Learn lines of one writer, at least one; return what to add to the weights.

        The same arguments give the same result on one machine.

        Args:
            lines: with texts in the alphabet.
            steps: batches of four lines that are learnt from.
            seed: of the order, the distortion and the first matrices.
            step: called after each of them.
        """
        rng, learnt, adam = np.random.default_rng(seed), self.start(seed), _Adam()
        order: list[int] = []
        for done in range(steps):
            while len(order) < min(_BATCH, len(lines)):
                order += rng.permutation(len(lines)).tolist()
            part, order = [lines[i] for i in order[:_BATCH]], order[_BATCH:]
            strips = [_copy(s.strip, rng) if rng.random() < _COPIES else s.strip for s in part]
            weights, total = self.with_changes(learnt), Changes()
            for strip, line in zip(strips, part, strict=True):
                for name, g in self.gradient(strip, classes(line.text), weights).items():
                    total[name] = total.get(name, np.float32(0)) + g / np.float32(len(part))
            adam.step(learnt, total, min(1, (done + 1) / _WARM) * (1 - done / steps))
            step()
        return learnt


class _Adam:
    """Kingma & Ba 2015, arXiv:1412.6980."""

    def __init__(self) -> None:
        self.count, self.first, self.second = 0, Changes(), Changes()

    def step(self, values: Changes, gradient: Mapping[str, Floats], rate: float) -> None:
        """Change `values` in place; a gradient that is no number is left out, one too long is shortened."""
        size = float(np.sqrt(sum(float(np.vdot(g, g)) for g in gradient.values())))
        if not gradient or not np.isfinite(size):
            return
        self.count += 1
        for name, g in gradient.items():
            g = g * np.float32(min(1.0, _MOST / (size + 1e-6)))
            for mean, power, beta in ((self.first, g, _BETAS[0]), (self.second, g * g, _BETAS[1])):
                mean[name] = np.float32(beta) * mean.get(name, np.float32(0)) + np.float32(1 - beta) * power
            spread = np.sqrt(self.second[name] / np.float32(1 - _BETAS[1] ** self.count)) + np.float32(1e-8)
            pace = rate * _RATES[0 if name.endswith(SIDES) else 1] / (1 - _BETAS[0] ** self.count)
            values[name] -= np.float32(pace) * self.first[name] / spread


def _split(gradient: Changes, weights: Mapping[str, Floats]) -> Changes:
    """Put the gradients of thin matrices in place of that of the weight that their product is added to."""
    for name in [name for name in gradient if name + SIDES[0] in weights]:
        first, second = (weights[name + side] for side in SIDES)
        whole = gradient.pop(name).reshape(len(first), second.shape[1])
        thin = whole @ second.T, first.T @ whole
        gradient |= dict(zip((name + side for side in SIDES), thin, strict=True))
    return gradient


def _copy(strip: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    return distort(strip, (0.0, float(len(strip))), rng, _STRENGTH)


def _session(graph: bytes) -> ort.InferenceSession:
    """Open a graph for one thread: several lines are learnt from at a time."""
    return ort.InferenceSession(graph, session_options(1), providers=["CPUExecutionProvider"])


def _values(arrays: Mapping[str, NDArray[Any]]) -> dict[str, ort.OrtValue]:
    return {name: ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(v)) for name, v in arrays.items()}


def _run(way: ort.InferenceSession, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all outputs; what is given beyond the inputs is left."""
    names = [o.name for o in way.get_outputs()]
    inputs = {i.name: given[i.name] for i in way.get_inputs()}
    return dict(zip(names, way.run_with_ort_values(names, inputs), strict=True))
