"""A line recogniser being taught one writer's lines: first what its blocks look for, then its last layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unscrawl.teach.adapt import Anchors, Replay, Student, log_softmax
from unscrawl.teach.posteriors import posteriors
from unscrawl.teach.tail import Tail

__all__ = [
    "QUICK",
    "THOROUGH",
    "Base",
    "Effort",
    "Learnt",
    "Lesson",
    "View",
    "blend",
    "learn",
    "read",
    "turns",
]

_BATCH: Final = 4  # lines a step
_RATE: Final = 0.003  # of Adam's first step; it falls to zero
_BETAS: Final = (0.9, 0.99)
_HEAD_STEPS: Final = 4
_PULL: Final = 0.03  # weight of a base frame's shifted answers beside one of the writer's frames
_MEANS: Final = 0.3  # weight of a character's mean frame, for each line taught

Floats = NDArray[np.float32]
View: TypeAlias = tuple[Floats, int]
"""Frames before the tail [T, D], and how many of them are the line's: the others are paper beyond its end."""


@dataclass(frozen=True)
class Effort:
    """How much is done for a hand.

    `epochs`: how often all lines are gone through, many lines and few lines; `passes`: lines gone through, as
    far as that many epochs allow; `copies`: distorted pictures of each line; `rank` of the products that are
    added to the blocks' weights, 0 for biases alone.
    """

    epochs: tuple[int, int]
    passes: int
    copies: int
    rank: int


QUICK: Final = Effort((4, 8), 48, 2, 8)
THOROUGH: Final = Effort((6, 12), 128, 5, 8)


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
    """A line as the base sees it: features [T, D], the classes of its characters.

    `views` are those of the line itself, then of distorted copies; none where the base has no tail.
    """

    features: Floats
    text: tuple[int, ...]
    views: tuple[View, ...] = ()


@dataclass(frozen=True)
class Learnt:
    """What is to be added to the base's last layer, and `given` to its trunk: biases and thin matrices."""

    weight: Floats
    bias: Floats
    given: Mapping[str, Floats] = field(default_factory=dict)


def learn(
    lessons: Sequence[Lesson], base: Base, effort: Effort = QUICK, step: Callable[[], None] = lambda: None
) -> Learnt:
    """Teach the base at least one line; `step` is called after each of the `turns` that this takes."""
    given = _learn_tail(lessons, base.tail, base.head, effort, step) if base.tail else {}
    features = _features(lessons, base, given)
    x = np.concatenate(features)
    layer = Student(x, log_softmax(x @ base.head[0] + base.head[1]), _anchors(x, len(lessons), base))
    ends = np.cumsum([len(f) for f in features])[:-1]
    for _ in range(_HEAD_STEPS):
        wanted, _ = posteriors(np.split(layer.now, ends), [u.text for u in lessons])
        layer.step(np.concatenate(wanted))
    return Learnt(layer.weight, layer.bias, given)


def blend(learnt: Sequence[Learnt], share: float, base: Base) -> Learnt:
    """Return the mean of what was learnt from several parts of the lines, taken back towards the base.

    What is peculiar to one part cancels, what all have found stays ("model soups", Wortsman et al. 2022,
    arXiv:2203.05482); a `share` below 1 of the way from the base to there is safer than all of it (the same
    authors 2022, arXiv:2109.01903).
    """

    def mean(parts: Sequence[Floats]) -> Floats:
        return np.asarray(np.mean(parts, axis=0, dtype=np.float32), np.float32)

    own = base.tail.biases if base.tail else {}
    part = np.float32(share)
    given = {name: v + part * (mean([one.given[name] for one in learnt]) - v) for name, v in own.items()}
    for A, B in base.tail.thin if base.tail else ():
        if A in learnt[0].given:  # the mean of products is the product of all, side by side
            given[A] = np.concatenate([one.given[A] for one in learnt], axis=1)
            given[B] = np.concatenate([one.given[B] for one in learnt]) * (part / np.float32(len(learnt)))
    return Learnt(
        part * mean([one.weight for one in learnt]), part * mean([one.bias for one in learnt]), given
    )


def read(lessons: Sequence[Lesson], base: Base, learnt: Learnt | None = None) -> list[Floats]:
    """Return log p(class | frame), [T, C], of each line, as the base or what was learnt reads it."""
    weight, bias = base.head
    if learnt is not None:
        weight, bias = weight + learnt.weight, bias + learnt.bias
    features = _features(lessons, base, learnt.given if learnt else {})
    return [log_softmax(f @ weight + bias) for f in features]


def turns(lessons: int, effort: Effort) -> int:
    """Return the steps that teaching so many lines takes."""
    return _epochs(lessons, effort) * -(-lessons // _BATCH)


def _epochs(lessons: int, effort: Effort) -> int:
    return int(np.clip(round(effort.passes / lessons), *effort.epochs))


def _features(lessons: Sequence[Lesson], base: Base, given: Mapping[str, Floats]) -> list[Floats]:
    if not given or base.tail is None:
        return [u.features for u in lessons]
    out: list[Floats] = []
    for start in range(0, len(lessons), _BATCH):
        views = [u.views[0] for u in lessons[start : start + _BATCH]]
        found, _ = base.tail.forward([frames for frames, _ in views], given)
        out += [f[:n] for f, (_, n) in zip(found, views, strict=True)]
    return out


def _learn_tail(
    lessons: Sequence[Lesson],
    tail: Tail,
    head: tuple[Floats, Floats],
    effort: Effort,
    done: Callable[[], None],
) -> dict[str, Floats]:
    """Go through the lines and their copies with Adam (Kingma & Ba 2015), lines of like length together."""
    rng = np.random.default_rng(0)
    order = np.argsort([len(u.features) for u in lessons], kind="stable")
    batches = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
    epochs = _epochs(len(lessons), effort)
    given = {name: value.copy() for name, value in tail.biases.items()} | _thin(tail, effort.rank, rng)
    first, second = ({name: np.zeros_like(v) for name, v in given.items()} for _ in range(2))
    steps = epochs * len(batches)
    order_of_all = [(epoch, b) for epoch in range(epochs) for b in rng.permutation(len(batches))]
    for step, (epoch, b) in enumerate(order_of_all, start=1):
        part = [(lessons[i].views[(epoch + i) % len(lessons[i].views)], lessons[i].text) for i in batches[b]]
        gradient = _gradient(part, tail, head, given)
        rate = _RATE * (1 - (step - 1) / steps)
        for name, g in gradient.items():
            first[name] += (1 - _BETAS[0]) * (g - first[name])
            second[name] += (1 - _BETAS[1]) * (g * g - second[name])
            size = np.sqrt(second[name] / (1 - _BETAS[1] ** step)) + 1e-8
            given[name] -= np.float32(rate / (1 - _BETAS[0] ** step)) * first[name] / size
        done()
    return given


def _thin(tail: Tail, rank: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Return matrices A and B to begin with: their products are zero, but B's gradient is not."""
    found: dict[str, Floats] = {}
    for (A, B), (inside, outside) in tail.thin.items() if rank else ():
        found[A] = rng.normal(0, inside**-0.5, (inside, rank)).astype(np.float32)
        found[B] = np.zeros((rank, outside), np.float32)
    return found


def _gradient(
    lines: Sequence[tuple[View, tuple[int, ...]]],
    tail: Tail,
    head: tuple[Floats, Floats],
    given: Mapping[str, Floats],
) -> dict[str, Floats]:
    """Return the gradient of CTC's loss with respect to each value."""
    features, trace = tail.forward([frames for (frames, _), _ in lines], given)
    log_p = [log_softmax(f[:n] @ head[0] + head[1]) for f, ((_, n), _) in zip(features, lines, strict=True)]
    wanted, _ = posteriors(log_p, [text for _, text in lines])
    wrong = [(np.exp(p) - w) @ head[0].T for p, w in zip(log_p, wanted, strict=True)]
    return tail.backward(wrong, trace, given)


def _anchors(x: Floats, lines: int, base: Base) -> Anchors:
    if base.replay is None:  # the lines themselves must do
        ones = np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)
        none = x[:0]
        return Anchors(none, none @ base.head[0], 0.0, ones.T @ ones / np.float32(len(x)), _PULL * len(x))
    means = base.replay.mean[base.replay.count > 0]
    answers = log_softmax(means @ base.head[0] + base.head[1])
    return Anchors(means, answers, _MEANS * lines, base.replay.moments(), _PULL * len(x))
