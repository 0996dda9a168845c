"""Thorough teaching of lines: the whole network is taught, on every core there is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import ModelError
from unscrawl.hand import Sample
from unscrawl.line_recogniser import SOFTER, LineRecogniser
from unscrawl.onnxfile import SIDES
from unscrawl.recogniser import cores
from unscrawl.teach.adapt import log_softmax
from unscrawl.teach.posteriors import posteriors
from unscrawl.teach.pupil import Base, Lesson
from unscrawl.teach.trial import Trial
from unscrawl.teach.whole import Whole, steps_for
from unscrawl.teach.wording import classes

__all__ = ["LEAST", "Deep", "blended", "teach_deeply"]

LEAST: Final = 8
"""Lines at least: of four, held-out ones do not tell what reads the rest of a letter worse."""

_FOLDS: Final = 4  # parts, each held out once
_RANK: Final = 8  # of what is kept
_SHARES: Final = (0.75, 0.5, 0.25)  # of the way from the base to what was learnt: the first that is no worse
_CAUTION: Final = 1.15  # lines to come are further from the taught ones than these from each other
_SOFTEST: Final = 2.0  # the most that a temperature is raised by; it is never lowered
_OFTEN: Final = 0.2  # seconds between two looks at how far it is

Floats = NDArray[np.float32]
Changes = Mapping[str, Floats]


@dataclass(frozen=True)
class Deep:
    """What is to be added to the weights, nothing where the base reads better; errors of lines held out."""

    changes: Changes
    before: float
    after: float


class _StoppedError(Exception):
    """Somebody does not want to wait for the end."""


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
        None where this cannot be done: with fewer than `LEAST` lines, or a network that was exported without
        the way back through it.
    """
    if len(lines) < LEAST:
        return None
    try:
        whole = Whole(recogniser)
    except ModelError:
        return None
    rest = [[s for i, s in enumerate(lines) if i % _FOLDS != fold] for fold in range(_FOLDS)]
    parts = _learn(whole, rest, steps_for(len(lines)), watch)
    trial = Trial([Lesson(f, classes(s.text)) for f, s in zip(seen, lines, strict=True)], _FOLDS, Base(head))
    before = after = 0.0
    for share in _SHARES:
        found = [
            _read(recogniser.adapted(blended([part], share)), lines[fold::_FOLDS])
            for fold, part in enumerate(parts)
        ]
        best, before, after = trial.choose([found])
        if best is not None:
            softer = np.array([_softer(found, [lines[fold::_FOLDS] for fold in range(_FOLDS)])], np.float32)
            return Deep({**blended(parts, share), SOFTER: softer}, before, after)
    return Deep({}, before, after)


def _learn(
    whole: Whole, rest: Sequence[Sequence[Sample]], steps: int, watch: Callable[[float], None] | None
) -> list[Changes]:
    """Learn each part of the lines; in threads, while this one watches and hears Ctrl-C."""
    done, stop = [0] * len(rest), threading.Event()

    def learn(fold: int) -> Changes:
        def step() -> None:
            done[fold] += 1
            if stop.is_set():
                raise _StoppedError

        return whole.learn(rest[fold], steps=steps, seed=fold, step=step)

    with ThreadPoolExecutor(min(len(rest), cores())) as pool:
        running = [pool.submit(learn, fold) for fold in range(len(rest))]
        try:
            while wait(running, _OFTEN).not_done:
                if watch:
                    watch(sum(done) / (steps * len(rest)))
        except BaseException:
            stop.set()
            raise
    return [part.result() for part in running]


def _read(pupil: LineRecogniser, lines: Sequence[Sample]) -> list[Floats]:
    return [pupil.log_probabilities(f) for f in pupil.features([s.strip for s in lines])]


def _softer(found: Sequence[Sequence[Floats]], held: Sequence[Sequence[Sample]]) -> float:
    """Return what to divide the logits of a taught network by, fold by fold as lines held out are read.

    A network that was taught few lines is surer than it is right, and the language has too little say.
    What makes the texts most probable is found by trying (Guo et al. 2017, arXiv:1706.04599).
    """
    frames = [log_p for fold in found for log_p in fold]
    texts = [classes(line.text) for fold in held for line in fold]
    best, tried = -np.inf, 1.0
    for softer in np.geomspace(1 / _CAUTION, _SOFTEST / _CAUTION, 12).astype(np.float32):
        _, likelihood = posteriors([log_softmax(log_p / softer) for log_p in frames], texts)
        if likelihood.sum() > best:
            best, tried = float(likelihood.sum()), float(softer)
    return _CAUTION * tried


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
