"""Characters of the known alphabet as one writer makes them: a taught layer on the glyph recogniser's logits.

Anchors are the characters of the handwriting fonts in the package, so that what was not taught is read as
before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import cache, partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET
from unscrawl.errors import DataError
from unscrawl.glyph import SIDE, prepare
from unscrawl.hand import Character, GlyphHead
from unscrawl.recogniser import Recogniser
from unscrawl.synth.hands import FontHand, bundled_fonts
from unscrawl.teach.adapt import Anchors, Student
from unscrawl.teach.symbols import redraw
from unscrawl.teach.trial import LOOKS, choose, look

__all__ = ["Adapted", "adapt_characters"]

_COPIES: Final = 4  # pictures made of one character, the first unchanged
_FOLDS: Final = 5
_ANCHOR: Final = 0.1  # weight of an anchor beside one picture
_PULL: Final = 0.02  # weight of an anchor's shifted answers, for each picture
_X_HEIGHT: Final = 32  # px at which anchors are drawn

Floats = NDArray[np.float32]


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
    looks = np.zeros((len(LOOKS) + 1, 2))
    for out in np.array_split(rng.permutation(len(y)), min(_FOLDS, len(y))):
        rest = np.delete(np.arange(len(y)), out)
        layer = _student(x[rest], fixed, recogniser)
        step = partial(layer.step, _wanted(y[rest], x.shape[2]))
        looks += look(step, partial(_measure, layer, x[out, 0], y[out], recogniser))
    steps, good = choose(looks)
    after = int(looks[LOOKS.index(steps) + 1, 0])
    if not good:
        return Adapted(None, int(looks[0, 0]), after, len(y))
    layer = _student(x, fixed, recogniser)
    for _ in range(steps):
        layer.step(_wanted(y, x.shape[2]))
    return Adapted(_head(layer, recogniser), int(looks[0, 0]), after, len(y))


def _student(x: Floats, fixed: Floats, recogniser: Recogniser) -> Student:
    """Make a layer on the logits x [N, copies, K], held by those of the anchors, [M, K]."""
    frames = x.reshape(-1, x.shape[2])
    ones = np.concatenate([fixed, np.ones((len(fixed), 1), np.float32)], axis=1)
    moments = ones.T @ ones / np.float32(len(ones))
    anchors = Anchors(fixed, recogniser.calibrate(fixed), _ANCHOR, moments, _PULL * len(frames))
    return Student(frames, recogniser.calibrate(frames), anchors)


def _wanted(y: NDArray[np.int64], classes: int) -> Floats:
    return np.eye(classes, dtype=np.float32)[np.repeat(y, _COPIES)]


def _measure(layer: Student, x: Floats, y: NDArray[np.int64], recogniser: Recogniser) -> tuple[int, float]:
    log_p = layer.log_p(x, recogniser.calibrate(x))
    return int((log_p.argmax(axis=1) != y).sum()), -float(log_p[np.arange(len(y)), y].sum())


def _head(layer: Student, recogniser: Recogniser) -> GlyphHead:
    """Fold the base's calibration and what was taught into one layer."""
    K = len(recogniser.classes)
    bias = recogniser.calibrate(np.zeros((1, K), np.float32))[0] + layer.bias
    weight = np.eye(K, dtype=np.float32) / np.float32(recogniser.temperature) + layer.weight
    return GlyphHead(recogniser.classes, weight, bias, recogniser.fingerprint)


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
