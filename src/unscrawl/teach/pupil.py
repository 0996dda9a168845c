"""A line recogniser being taught one writer's lines: first what its blocks look for, then its last layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.teach.adapt import Anchors, Replay, Student, log_softmax
from unscrawl.teach.posteriors import posteriors
from unscrawl.teach.tail import Tail

__all__ = ["Base", "Learnt", "Lesson", "learn", "read"]

_BATCH: Final = 4  # lines a step
_EPOCHS: Final = (3, 6)  # how often all lines are gone through: many lines, few lines
_PASSES: Final = 48  # lines gone through at least, as far as that many epochs allow
_RATE: Final = 0.00125  # of Adam's first step, times the root of the number of lines; it falls to zero
_FASTEST: Final = 0.01
_BETAS: Final = (0.9, 0.99)
_HEAD_STEPS: Final = 4
_PULL: Final = 0.03  # weight of a base frame's shifted answers beside one of the writer's frames
_MEANS: Final = 0.3  # weight of a character's mean frame, for each line taught

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Base:
    """The recogniser that is taught.

    `head`: its last layer, weight [D, C] and bias [C], the temperature taken in. `replay`: statistics of its
    training, and `tail`: the end of its trunk, where it has them.
    """

    head: tuple[Floats, Floats]
    replay: Replay | None = None
    tail: Tail | None = None


@dataclass(frozen=True)
class Lesson:
    """A line as the base sees it: features [T, D], the classes of its characters, frames before the tail."""

    features: Floats
    text: tuple[int, ...]
    frames: Floats | None = None


@dataclass(frozen=True)
class Learnt:
    """What is to be added to the base's last layer, and the biases of its blocks in place of its own."""

    weight: Floats
    bias: Floats
    biases: Mapping[str, Floats] = field(default_factory=dict)


def learn(lessons: Sequence[Lesson], base: Base) -> Learnt:
    """Teach the base at least one line."""
    biases = _learn_biases(lessons, base.tail, base.head) if base.tail else {}
    features = _features(lessons, base, biases)
    x = np.concatenate(features)
    layer = Student(x, log_softmax(x @ base.head[0] + base.head[1]), _anchors(x, len(lessons), base))
    ends = np.cumsum([len(f) for f in features])[:-1]
    for _ in range(_HEAD_STEPS):
        wanted, _ = posteriors(np.split(layer.now, ends), [u.text for u in lessons])
        layer.step(np.concatenate(wanted))
    return Learnt(layer.weight, layer.bias, biases)


def read(lessons: Sequence[Lesson], base: Base, learnt: Learnt | None = None) -> list[Floats]:
    """Return log p(class | frame), [T, C], of each line, as the base or what was learnt reads it."""
    weight, bias = base.head
    if learnt is not None:
        weight, bias = weight + learnt.weight, bias + learnt.bias
    features = _features(lessons, base, learnt.biases if learnt else {})
    return [log_softmax(f @ weight + bias) for f in features]


def _features(lessons: Sequence[Lesson], base: Base, biases: Mapping[str, Floats]) -> list[Floats]:
    if not biases or base.tail is None:
        return [u.features for u in lessons]
    out: list[Floats] = []
    for start in range(0, len(lessons), _BATCH):
        part = lessons[start : start + _BATCH]
        found, _ = base.tail.forward([u.frames for u in part if u.frames is not None], biases)
        out += [f[: len(u.features)] for f, u in zip(found, part, strict=True)]
    return out


def _learn_biases(lessons: Sequence[Lesson], tail: Tail, head: tuple[Floats, Floats]) -> dict[str, Floats]:
    """Go through the lines with Adam (Kingma & Ba 2015), lines of like length together."""
    rng = np.random.default_rng(0)
    order = np.argsort([len(u.features) for u in lessons], kind="stable")
    batches = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
    epochs = int(np.clip(round(_PASSES / len(lessons)), *_EPOCHS))
    biases = {name: value.copy() for name, value in tail.biases.items()}
    first, second = ({name: np.zeros_like(v) for name, v in biases.items()} for _ in range(2))
    steps = epochs * len(batches)
    fastest = min(_FASTEST, _RATE * len(lessons) ** 0.5)
    turns = [b for _ in range(epochs) for b in rng.permutation(len(batches))]
    for step, b in enumerate(turns, start=1):
        gradient = _gradient([lessons[i] for i in batches[b]], tail, head, biases)
        rate = fastest * (1 - (step - 1) / steps)
        for name, g in gradient.items():
            first[name] += (1 - _BETAS[0]) * (g - first[name])
            second[name] += (1 - _BETAS[1]) * (g * g - second[name])
            size = np.sqrt(second[name] / (1 - _BETAS[1] ** step)) + 1e-8
            biases[name] -= np.float32(rate / (1 - _BETAS[0] ** step)) * first[name] / size
    return biases


def _gradient(
    lessons: Sequence[Lesson], tail: Tail, head: tuple[Floats, Floats], biases: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Return the gradient of CTC's loss with respect to each bias."""
    features, trace = tail.forward([u.frames for u in lessons if u.frames is not None], biases)
    log_p = [
        log_softmax(f[: len(u.features)] @ head[0] + head[1]) for f, u in zip(features, lessons, strict=True)
    ]
    wanted, _ = posteriors(log_p, [u.text for u in lessons])
    wrong = [(np.exp(p) - w) @ head[0].T for p, w in zip(log_p, wanted, strict=True)]
    return tail.backward(wrong, trace)


def _anchors(x: Floats, lines: int, base: Base) -> Anchors:
    if base.replay is None:  # the lines themselves must do
        ones = np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)
        none = x[:0]
        return Anchors(none, none @ base.head[0], 0.0, ones.T @ ones / np.float32(len(x)), _PULL * len(x))
    means = base.replay.mean[base.replay.count > 0]
    answers = log_softmax(means @ base.head[0] + base.head[1])
    return Anchors(means, answers, _MEANS * lines, base.replay.moments(), _PULL * len(x))
