"""Characters of the known alphabet as one writer makes them: a taught layer on the glyph recogniser's logits.

First a bias takes up what sort of characters this writer writes (see `leaning`), then the layer is taught how
they look. Anchors are the characters of the handwriting fonts in the package, so that what was not taught is
read as before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET
from unscrawl.errors import DataError
from unscrawl.glyph import SIDE, prepare
from unscrawl.hand import Character, GlyphHead
from unscrawl.recogniser import Recogniser
from unscrawl.synth.hands import FontHand, bundled_fonts
from unscrawl.teach.adapt import Anchors, Student, log_softmax
from unscrawl.teach.leaning import lean
from unscrawl.teach.symbols import redraw

__all__ = ["Adapted", "adapt_characters"]

_LOOKS: Final = (0, 2, 4, 7, 11)  # steps after which characters that were held out are read
_COPIES: Final = 4  # pictures made of one character, the first unchanged
_FOLDS: Final = 5
_ANCHOR: Final = 0.3  # weight of an anchor beside one picture
_PULL: Final = 0.2  # weight of an anchor's shifted answers, for each picture
_RIGHT: Final = 3.0  # characters read right for one that was not, at least, on any page
_X_HEIGHT: Final = 32  # px at which anchors are drawn

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Adapted(NamedTuple):
    """The layer (None: the base is as good); of `tried` characters held out, how many wrong then and now."""

    head: GlyphHead | None
    before: int
    after: int
    tried: int


def adapt_characters(characters: Sequence[Character], recogniser: Recogniser, *, seed: int = 0) -> Adapted:
    """Teach the writer's characters, each of them one of the recogniser's classes.

    Kept is what reads held-out characters of the same writer no worse and makes them more probable.
    """
    if len(characters) < 2:
        return Adapted(None, 0, 0, 0)
    rng = np.random.default_rng(seed)
    pictures = redraw(np.stack([c.picture for c in characters]), _COPIES, rng)
    x = recogniser.logits(pictures.reshape(-1, SIDE, SIDE)).reshape(len(characters), _COPIES, -1)
    y = np.array([recogniser.classes.index(c.label) for c in characters])
    fixed = recogniser.logits(_printed())
    base = _measure(recogniser.calibrate(x[:, 0]), y)
    looks = np.zeros((len(_LOOKS), 2))
    for out in np.array_split(rng.permutation(len(y)), min(_FOLDS, len(y))):
        rest = np.delete(np.arange(len(y)), out)
        layer = _Layer(x[rest], y[rest], fixed, recogniser)
        for i, steps in enumerate(_LOOKS):
            layer.learn(steps)
            looks[i] += _measure(layer.log_p(x[out, 0]), y[out])
    good = [i for i, (wrong, loss) in enumerate(looks) if wrong <= base[0] and loss < base[1]]
    best = min(good or range(len(looks)), key=lambda i: tuple(looks[i]))
    counts = base[0], int(looks[best, 0]), len(y)
    if not good:
        return Adapted(None, *counts)
    layer = _Layer(x, y, fixed, recogniser)
    layer.learn(_LOOKS[best])
    return Adapted(layer.head(), *counts)


class _Layer:
    """What is learnt of characters: x [N, copies, K] their logits, y [N] their classes, `fixed` anchors."""

    def __init__(self, x: Floats, y: Ints, fixed: Floats, recogniser: Recogniser) -> None:
        self._recogniser, self._taken = recogniser, 0
        self._leaning = _leaning(x[:, 0], y, fixed, recogniser)
        frames = x.reshape(-1, x.shape[2])
        ones = np.concatenate([fixed, np.ones((len(fixed), 1), np.float32)], axis=1)
        moments = ones.T @ ones / np.float32(len(ones))
        anchors = Anchors(fixed, self._base(fixed), _ANCHOR, moments, _PULL * len(frames))
        self._student = Student(frames, self._base(frames), anchors)
        self._wanted = np.eye(x.shape[2], dtype=np.float32)[np.repeat(y, x.shape[1])]

    def _base(self, logits: Floats) -> Floats:
        return log_softmax(self._recogniser.calibrate(logits) + self._leaning)

    def learn(self, steps: int) -> None:
        """Go on until so many steps are taken."""
        for _ in range(self._taken, steps):
            self._student.step(self._wanted)
        self._taken = max(self._taken, steps)

    def log_p(self, logits: Floats) -> Floats:
        """Return log p(class | picture), [N, K], as far as it is taught."""
        return self._student.log_p(logits, self._base(logits))

    def head(self) -> GlyphHead:
        """Fold the base's calibration and what was taught into one layer."""
        base = self._recogniser
        K = len(base.classes)
        weight = np.eye(K, dtype=np.float32) / np.float32(base.temperature) + self._student.weight
        bias = self._base(np.zeros((1, K), np.float32))[0] + self._student.bias
        return GlyphHead(base.classes, weight, bias, base.fingerprint)


def _leaning(x: Floats, y: Ints, fixed: Floats, recogniser: Recogniser) -> Floats:
    """Return what the writer's characters, logits x [N, K], say of those to come, [K].

    Where mostly such are taught as were misread, the `fixed` ones of the fonts stand for those read right.
    """
    log_p, answers = recogniser.calibrate(x), recogniser.calibrate(fixed)
    wrong = int((log_p.argmax(axis=1) != y).sum())
    missing = max(0.0, _RIGHT * wrong - (len(y) - wrong))
    weight = np.repeat([1.0, missing / len(fixed)], [len(y), len(fixed)])
    every, classes = np.concatenate([log_p, answers]), np.append(y, answers.argmax(axis=1))
    return np.asarray(lean(every, classes, weight, recogniser.classes), np.float32)


def _measure(log_p: Floats, y: Ints) -> tuple[int, float]:
    """Return how many characters are read wrong, and their log loss."""
    return int((log_p.argmax(axis=1) != y).sum()), -float(log_p[np.arange(len(y)), y].sum())


@cache
def _printed() -> NDArray[np.uint8]:
    """Return the alphabet in the package's handwriting fonts, uint8 [M, 28, 28]."""
    drawn = []
    for path in bundled_fonts():
        hand = FontHand(path, _X_HEIGHT)
        for c in ALPHABET:
            with contextlib.suppress(DataError):  # a font without this character
                drawn.append(prepare(hand.draw(c, np.random.default_rng(0)).ink))
    return np.stack(drawn)
