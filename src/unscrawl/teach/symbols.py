"""A new alphabet from a few samples of each symbol: a new layer on what is seen of a picture.

The base's logits are features that tell symbols apart which it never saw, and the gradients of the picture
say what these do not. Each sample is redrawn a few times (turned, sheared, stretched, moved), which shows how
far one hand's characters stray, and a linear discriminant with a shrunken common covariance does the rest, in
closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.glyph import SIDE, prepare
from unscrawl.gradients import gradients
from unscrawl.hand import Character, GlyphHead
from unscrawl.recogniser import JUNK, Recogniser

__all__ = ["Learnt", "learn_symbols", "redraw"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Pictures = NDArray[np.uint8]

_COPIES: Final = 8  # pictures made of one sample, the first unchanged
_SHRINK: Final = 0.3  # of the covariance towards a multiple of one (Ledoit & Wolf 2004)
_WRONG_CUTS: Final = 3.0  # cuts of a line that yield no character for each one that does, as a prior
_TRUST: Final = (0.02, 0.03, 0.045, 0.07, 0.1, 0.15, 0.2, 0.3)  # factors of the discriminant to choose from
_FOLDS: Final = 5


class Learnt(NamedTuple):
    """A layer, and of how many samples that it was not made of it reads how many right (0 of 0: too few)."""

    head: GlyphHead
    right: int
    tried: int


def learn_symbols(characters: Sequence[Character], recogniser: Recogniser, *, seed: int = 0) -> Learnt:
    """Learn symbols with the user's labels: the classes are those of `characters`, then `JUNK`.

    Two symbols side by side and halves of one stand for what is no character.
    """
    rng = np.random.default_rng(seed)
    classes = tuple(sorted({c.label for c in characters}))
    y = np.array([classes.index(c.label) for c in characters])
    pictures = np.stack([c.picture for c in characters])
    copies = redraw(pictures, _COPIES, rng)
    x = _features(copies.reshape(-1, SIDE, SIDE), recogniser).reshape(len(y), _COPIES, -1)
    junk = _features(_no_characters(pictures, rng), recogniser)
    held = _held_out(x, y, junk, len(classes))
    trust = _trust(*held)
    weight, bias = (trust * part for part in _discriminant(x, y, junk, len(classes)))
    bias[-1] += np.log(_WRONG_CUTS * len(classes))
    head = GlyphHead(
        (*classes, JUNK), weight.astype(np.float32), bias.astype(np.float32), recogniser.fingerprint
    )
    scores, truth = held
    return Learnt(head, int((scores[:, :-1].argmax(axis=1) == truth).sum()) if len(truth) else 0, len(truth))


def _features(pictures: Pictures, recogniser: Recogniser) -> Floats:
    """Return what `GlyphHead` makes its answer of, [N, K]."""
    return np.concatenate([recogniser.logits(pictures), gradients(pictures)], axis=1).astype(np.float64)


def redraw(pictures: Pictures, copies: int, rng: np.random.Generator) -> Pictures:
    """Return each of `pictures` [N, 28, 28] as the same hand might write it again: [N, copies, 28, 28].

    The first copy is the picture itself.
    """
    made = np.empty((len(pictures), copies, SIDE, SIDE), np.uint8)
    middle = np.array([SIDE / 2, SIDE / 2])
    for picture, row in zip(pictures, made, strict=True):
        row[0] = picture
        for i in range(1, copies):
            turn, shear = rng.normal(0, 0.09), rng.normal(0, 0.1)
            wide, high = np.exp(rng.normal(0, 0.1, 2))
            turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            A = turned @ np.array([[wide, shear], [0, high]])
            shift = middle - A @ middle + rng.normal(0, 0.7, 2)
            row[i] = cv2.warpAffine(picture, np.column_stack([A, shift]), (SIDE, SIDE))
    return made


def _no_characters(pictures: Pictures, rng: np.random.Generator, n: int = 240) -> Pictures:
    """Return what wrong cuts of a line look like: neighbours taken for one, halves of one; [n, 28, 28]."""
    made = []
    for i in range(n):
        one, other = (_cropped(pictures[k]) for k in rng.integers(len(pictures), size=2))
        if i % 3 == 0:
            half = max(2, round(one.shape[1] * rng.uniform(0.3, 0.6)))
            part = one[:, :half] if rng.random() < 0.5 else one[:, -half:]
        else:
            height = max(one.shape[0], other.shape[0])
            both = [np.pad(p, ((height - p.shape[0], 0), (0, int(rng.integers(1, 7))))) for p in (one, other)]
            part = np.concatenate(both, axis=1)
        made.append(prepare(part))
    return np.stack(made)


def _cropped(picture: Pictures) -> Pictures:
    ys, xs = np.nonzero(picture > 32)
    return picture[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1] if len(ys) else picture


def _discriminant(x: Floats, y: Ints, junk: Floats, classes: int) -> tuple[Floats, Floats]:
    """Linear discriminant: weights [K, classes + 1], biases; x is [N, copies, K], y [N], junk [M, K]."""
    means = np.stack([*(x[y == c].mean(axis=(0, 1)) for c in range(classes)), junk.mean(axis=0)])
    strays = (x - means[y][:, None]).reshape(-1, x.shape[2])
    covariance = strays.T @ strays / len(strays)
    K = len(covariance)
    covariance += (_SHRINK * np.trace(covariance) / K + 1e-6) * np.eye(K) - _SHRINK * covariance
    weight = np.linalg.solve(covariance, means.T)
    return weight, -0.5 * (means.T * weight).sum(axis=0)


def _held_out(x: Floats, y: Ints, junk: Floats, classes: int) -> tuple[Floats, Ints]:
    """Scores [M, classes + 1] and classes [M] of samples, each by a discriminant made without it."""
    order = np.zeros(len(y), int)
    for c in range(classes):
        order[y == c] = np.arange((y == c).sum()) % _FOLDS
    alone = np.bincount(y, minlength=classes)[y] < 2
    scores, truth = [np.zeros((0, classes + 1))], [np.zeros(0, int)]
    for fold in range(_FOLDS):
        out = (order == fold) & ~alone
        if out.any():
            weight, bias = _discriminant(x[~out], y[~out], junk, classes)
            scores.append(x[out, 0] @ weight + bias)
            truth.append(y[out])
    return np.concatenate(scores), np.concatenate(truth)


def _trust(scores: Floats, truth: Ints) -> float:
    """Return the factor under which the held-out samples are most probable; a careful one without any."""
    if not len(truth):
        return _TRUST[1]

    def loss(factor: float) -> float:
        s = factor * scores[:, :-1]
        return float(np.mean(np.logaddexp.reduce(s, axis=1) - s[np.arange(len(s)), truth]))

    return min(_TRUST, key=loss)
