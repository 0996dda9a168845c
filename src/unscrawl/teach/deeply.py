"""Thorough teaching of lines: with torch installed (`unscrawl[train]`) the whole network is taught."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import ModelError
from unscrawl.hand import Sample
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.onnxfile import SIDES
from unscrawl.teach.pupil import Base, Lesson
from unscrawl.teach.trial import Trial
from unscrawl.teach.wording import classes

__all__ = ["Deep", "blended", "teach_deeply"]

_FOLDS: Final = 4  # parts, each held out once; lines at least
_RANK: Final = 8  # of what is kept
_SHARES: Final = (0.75, 0.5, 0.25)  # of the way from the base to what was learnt: the first that is no worse

Floats = NDArray[np.float32]
Changes = Mapping[str, Floats]


@dataclass(frozen=True)
class Deep:
    """What is to be added to the weights, nothing where the base reads better; errors of lines held out."""

    changes: Changes
    before: float
    after: float


def teach_deeply(
    lines: Sequence[Sample],
    seen: Sequence[Floats],
    head: tuple[Floats, Floats],
    recogniser: LineRecogniser,
    watch: Callable[[float], None] | None = None,
) -> Deep | None:
    """Teach the whole network lines of one writer; keep it only where held-out lines are read no worse.

    Three quarters of the lines are learnt from at a time, and what is kept is the mean of all four (see
    `pupil.blend`).

    Args:
        lines: with texts in the alphabet.
        seen: the recogniser's features of each.
        head: its last layer, the temperature taken in.
        recogniser: that is taught.
        watch: told the share of the work that is done.

    Returns:
        None where this cannot be done: without torch, with fewer than four lines, or on a network that torch
        does not know.
    """
    if len(lines) < _FOLDS or find_spec("torch") is None or find_spec("onnx") is None:
        return None
    from unscrawl.learn.lines import deep  # torch, only now

    try:
        net = deep.net_of(recogniser)
    except ModelError:
        return None
    done, whole = itertools.count(1), _FOLDS * deep.STEPS

    def step() -> None:
        if watch:
            watch(next(done) / whole)

    rest = [[s for i, s in enumerate(lines) if i % _FOLDS != fold] for fold in range(_FOLDS)]
    parts = [deep.learn(some, net, seed=fold, step=step) for fold, some in enumerate(rest)]
    trial = Trial([Lesson(f, classes(s.text)) for f, s in zip(seen, lines, strict=True)], _FOLDS, Base(head))
    before = after = 0.0
    for share in _SHARES:
        found = [
            _read(recogniser.adapted(blended([part], share)), lines[fold::_FOLDS])
            for fold, part in enumerate(parts)
        ]
        best, before, after = trial.choose([found])
        if best is not None:
            return Deep(blended(parts, share), before, after)
    return Deep({}, before, after)


def _read(pupil: LineRecogniser, lines: Sequence[Sample]) -> list[Floats]:
    return [pupil.log_probabilities(f) for f in pupil.features([s.strip for s in lines])]


def blended(parts: Sequence[Changes], share: float) -> dict[str, Floats]:
    """Return the mean of several changes, taken back towards the base as `pupil.blend` does.

    The mean of products of thin matrices is one of wider matrices; what matters most of it is kept.
    """
    scale, out = np.float32(share / len(parts)), dict[str, Floats]()
    for name in parts[0]:
        values = [part[name] for part in parts]
        if name.endswith(SIDES[0]):
            other = name.removesuffix(SIDES[0]) + SIDES[1]
            thin = np.concatenate(values, axis=1) * scale, np.concatenate([part[other] for part in parts])
            out[name], out[other] = _narrowed(*thin)
        elif not name.endswith(SIDES[1]):
            out[name] = np.sum(values, axis=0) * scale
    return out


def _narrowed(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return two thinner matrices, of rank `_RANK` at most, whose product is the nearest to theirs."""
    (q, r), (p, s) = np.linalg.qr(first), np.linalg.qr(second.T)
    u, sizes, v = np.linalg.svd(r @ s.T, full_matrices=False)
    return q @ (u[:, :_RANK] * sizes[:_RANK]), v[:_RANK] @ p.T
