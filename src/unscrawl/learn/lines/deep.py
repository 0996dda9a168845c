"""Teaches a whole line recogniser one writer's lines: what a hand gets where torch is installed.

Without torch a hand changes the last layers. But what makes a hand hard to read is mostly seen by the first
ones: with all of them adapted twice as many errors go, and more. Products of two thin matrices are added to
every weight ("LoRA", Hu et al. 2022, arXiv:2106.09685), small kernels and biases are changed as they are; in
half precision that is half a megabyte, where the whole network would be eight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from unscrawl import onnxfile
from unscrawl.distort import distort
from unscrawl.errors import ModelError
from unscrawl.hand import Sample
from unscrawl.learn.lines.batches import collate
from unscrawl.learn.lines.net import Net, fuse
from unscrawl.learn.lines.nets import build
from unscrawl.line_recogniser import LineRecogniser

__all__ = ["STEPS", "learn", "net_of"]

STEPS: Final = 60
_BATCH: Final = 4  # lines a step
_RANK: Final = 4
_RATES: Final = (3e-3, 1e-3)  # of Adam's first steps, thin matrices and whole values; they fall to zero
_WARM: Final = 5  # steps until the rate is reached
_SMALL: Final = 9  # values of a kernel up to which it is changed as it is
_COPIES: Final = 0.8  # share of lines that are distorted
_STRENGTH: Final = 1.0  # of the distortion
_CONTEXT: Final = "context."  # what the language makes of a line is not the hand's

Changes = dict[str, NDArray[np.float32]]


def net_of(recogniser: LineRecogniser) -> Net:
    """Return the torch network that an exported recogniser came from, normalisations folded, for `learn`.

    Raises:
        ModelError: its file does not hold the weights by their names, or is of no known network.
    """
    try:
        stored = onnxfile.initialisers(recogniser.model)
        net = fuse(build(dict(recogniser.card["net"])))
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                parameter.copy_(torch.tensor(_weight(net, name, stored, recogniser)))
                parameter.requires_grad_(parameter.requires_grad and not name.startswith(_CONTEXT))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{recogniser.path} cannot be taught as a whole: {error}") from None
    return net.eval()


def _weight(
    net: Net, name: str, stored: dict[str, NDArray[Any]], recogniser: LineRecogniser
) -> NDArray[np.float32]:
    """Return the values of a parameter, shaped as torch has it."""
    part, _, kind = name.rpartition(".")
    if part == "head":
        value = recogniser.head[kind == "bias"]
        return np.ascontiguousarray(value.T)
    if part == "context":
        letter = {"weight_ih": "W", "weight_hh": "R"}.get(kind[:9], "B")
        value = onnxfile.plain(stored, f"net.context.{letter}")[int(kind.endswith("_reverse"))]
        if letter == "B":
            value = np.split(value, 2)[int(kind.startswith("bias_hh"))]
        i, o, f, c = np.split(value, 4)  # torch has another order of the gates
        return np.concatenate([i, f, c, o])
    value = onnxfile.plain(stored, f"net.{name}")
    dense = isinstance(net.get_submodule(part), nn.Linear) and kind == "weight"
    return np.ascontiguousarray(value.T) if dense else value


class _Student:
    """What is learnt: two thin matrices for each weight, whose product is added, or what is added itself."""

    def __init__(self, net: Net, rank: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.net = net
        self.old = {n: p.detach() for n, p in net.named_parameters() if p.requires_grad}
        self.thin: dict[str, tuple[Tensor, Tensor]] = {}
        self.whole: dict[str, Tensor] = {}
        for name, p in self.old.items():
            inside = p[0].numel()
            if p.ndim == 1 or inside <= _SMALL:
                self.whole[name] = torch.zeros_like(p, requires_grad=True)
            else:
                into = torch.randn(rank, inside, generator=generator) / inside**0.5
                self.thin[name] = (
                    torch.zeros(len(p), rank, requires_grad=True),
                    into.requires_grad_(),
                )

    def __call__(self, images: Tensor) -> Tensor:
        """Return log probabilities [B, T, C] as far as it has learnt."""
        new = {n: self.old[n] + (a @ b).reshape(self.old[n].shape) for n, (a, b) in self.thin.items()}
        new |= {n: self.old[n] + change for n, change in self.whole.items()}
        logits: Tensor = functional_call(self.net, new, (images,))
        return logits.float().log_softmax(2)

    def changes(self) -> Changes:
        """Return what was learnt by the names of the file's arrays, as `LineRecogniser.adapted` takes it."""
        out: Changes = {}
        for name, (first, second) in self.thin.items():
            dense = isinstance(self.net.get_submodule(name.rpartition(".")[0]), nn.Linear)
            pair = (second.T, first.T) if dense else (first, second)
            for side, matrix in zip(onnxfile.SIDES, pair, strict=True):
                out[_stored(name) + side] = matrix.detach().numpy().astype(np.float32)
        for name, change in self.whole.items():
            out[_stored(name)] = change.detach().numpy()
        return out


def _stored(name: str) -> str:
    return name if name.startswith("head.") else f"net.{name}"


def learn(
    lines: Sequence[Sample],
    net: Net,
    *,
    steps: int = STEPS,
    seed: int = 0,
    step: Callable[[], None] = lambda: None,
) -> Changes:
    """Teach `net` lines of one writer, at least one; return what to add to its weights.

    The same arguments give the same result on one machine with as many threads of torch.

    Args:
        lines: with texts in the alphabet.
        net: from `net_of`; it is left as it is.
        steps: batches of four lines that are learnt from.
        seed: of the order, the distortion and the first matrices.
        step: called after each of them.
    """
    student, rng = _Student(net, _RANK, seed), np.random.default_rng(seed)
    thin, whole = [m for pair in student.thin.values() for m in pair], list(student.whole.values())
    optimizer = torch.optim.Adam([{"params": thin}, {"params": whole}])
    order: list[int] = []
    quick = torch.backends.cpu.get_cpu_capability() == "AVX512"  # bfloat16: others take twice the time in it
    for done in range(steps):
        for group, rate in zip(optimizer.param_groups, _RATES, strict=True):
            group["lr"] = rate * min(1, (done + 1) / _WARM) * (1 - done / steps)
        while len(order) < min(_BATCH, len(lines)):
            order += rng.permutation(len(lines)).tolist()
        part, order = [lines[i] for i in order[:_BATCH]], order[_BATCH:]
        with torch.autocast("cpu", torch.bfloat16, enabled=quick):
            loss = _loss(student, part, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        size = nn.utils.clip_grad_norm_(thin + whole, 1.0)
        if size.isfinite():  # a batch from which nothing can be learnt is left out
            optimizer.step()
        step()
    return student.changes()


def _loss(student: _Student, lines: Sequence[Sample], rng: np.random.Generator) -> Tensor:
    """Return the CTC loss of lines, most of them distorted."""
    images = [
        distort(s.strip, (0.0, float(len(s.strip))), rng, _STRENGTH) if rng.random() < _COPIES else s.strip
        for s in lines
    ]
    batch = collate(images, [s.text for s in lines])
    log_p = student(batch.images).transpose(0, 1)
    frames = student.net.lengths(batch.widths).clamp(max=len(log_p))
    return nn.functional.ctc_loss(log_p, batch.targets, frames, batch.lengths, zero_infinity=True)
