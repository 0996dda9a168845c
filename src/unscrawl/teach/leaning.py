"""What a writer writes, as far as a few characters tell: small letters, capitals or digits, prose or codes.

A classifier of single characters holds all of them for equally probable: in prose it mistakes o for 0 or O
again and again. A bias for each class takes that up. It is a sum of one for the kind of character, a multiple
of how frequent its letter is in the package's languages, and a little of the class's own; each is as near to
zero as what was taught allows (Gaussian priors), so that ten characters do.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.language import Language
from unscrawl.language.fold import FOLD
from unscrawl.reader import LANGUAGES

__all__ = ["lean"]

Floats = NDArray[np.float64]

_KIND, _FREQUENT, _OWN = 1.0, 1.0, 0.3  # standard deviations of the three parts, in nats
_RARE: Final = -12.0  # log frequency below which all are alike
_STEPS: Final = 30  # of Newton's method at most
_ENOUGH: Final = 1e-4  # a step, in nats, from which no further is taken


def lean(log_p: NDArray[np.floating], y: NDArray[np.int64], weight: Floats, classes: Sequence[str]) -> Floats:
    """Return what to add to each class's log probability, [K].

    Args:
        log_p: [N, K] of characters.
        y: [N] what they are.
        weight: [N] how much each of them counts.
        classes: the names of the classes; those of more than one character are none.
    """
    K = len(classes)
    design = np.concatenate([_traits(tuple(classes)), np.eye(K)], axis=1)
    kinds = design.shape[1] - K - 1
    prior = np.repeat([_KIND, _FREQUENT, _OWN], [kinds, 1, K]) ** -2.0
    wanted, theta = np.eye(K)[y], np.zeros(len(prior))

    def loss(theta: Floats) -> float:
        z = log_p + design @ theta
        return float(
            weight @ (np.logaddexp.reduce(z, axis=1) - z[np.arange(len(y)), y]) + prior @ theta**2 / 2
        )

    now = loss(theta)
    for _ in range(_STEPS):  # Newton, each step halved until it leads downhill: the loss is convex
        z = log_p + design @ theta
        p = np.exp(z - np.logaddexp.reduce(z, axis=1)[:, None])
        open_ = p * weight[:, None]
        curvature = design.T @ (np.diag(open_.sum(axis=0)) - open_.T @ p) @ design + np.diag(prior)
        step = np.linalg.solve(curvature, design.T @ ((p - wanted).T @ weight) + prior * theta)
        while (then := loss(theta - step)) > now and np.abs(step).max() > _ENOUGH:
            step = step / 2
        if np.abs(step).max() <= _ENOUGH:
            break
        theta, now = theta - step, then
    return np.asarray(design @ theta, np.float64)


@cache
def _traits(classes: tuple[str, ...]) -> Floats:
    """[K, kinds + 1] which kind each class is of, and how frequent its letter is: log, 0 on average."""
    kinds = [
        (c.islower(), c.isupper(), c.isdigit(), not c.isalnum()) if len(c) == 1 else (0,) * 4 for c in classes
    ]
    symbols = [FOLD[LINE.index(c)] if len(c) == 1 and c in LINE else 0 for c in classes]
    known = np.array(symbols) > 0
    frequent = np.where(known, _frequency()[symbols], 0.0)
    frequent[known] -= frequent[known].mean()
    return np.column_stack([np.array(kinds, np.float64), frequent])


@cache
def _frequency() -> Floats:
    """Return log P(symbol) out of any context, the mean over the languages of the package."""
    found = []
    for name in LANGUAGES:
        model = Language.load(name).model
        context = np.full_like(model.start().context, model.grams.nowhere)
        context[:, 0] = 0  # no symbol before it
        found.append(model.gram_rows(context)[0])
    return np.maximum(np.mean(found, axis=0, dtype=np.float64), _RARE)
