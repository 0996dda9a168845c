"""The characters of a line that was read: where each is, and how sure it is with its rivals in context.

The frames give the odds of every character against its rivals (`ctc.rivals`, exact sums over all paths); the
language adds what each rival would make of the characters behind it. Where a whole word was misread no single
rival is better: so the probability of a character is a logistic function of its odds with and without the
language and of how clear its word and its line are (Platt 1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl import ctc
from unscrawl.alphabet import LINE
from unscrawl.language.ctcbeam import BONUS, SPACE_BONUS, Found
from unscrawl.language.textmodel import State, TextModel
from unscrawl.language.trie import Ints

__all__ = ["confidence", "evidence", "weigh"]

Floats = NDArray[np.float64]

CLEAR: Final = 0.99
"""Probability by the frames alone from which a character is not weighed in context."""
POSSIBLE: Final = -7.0
"""Log odds from which a rival is weighed in context."""
TAIL: Final = 4
"""Characters behind a place that its rivals are weighed with."""
TRUST: Final = (0.418, 0.189, 2.138, 1.91, -3.05)
"""Weights of the log odds in context, of those by the frames alone, of the mean probability by the frames
in the word and in the line, and a constant; fitted to held-back lines (`bench/language.py`)."""
_SURE: Final = 8.0  # log odds beyond which evidence counts no further


@dataclass(frozen=True)
class _Weighed:
    """A line's characters with their rivals; the last column stands for no character at all."""

    frames: list[tuple[int, int]]
    chars: Ints  # [U, n] places in LINE
    odds: Floats  # [U, n + 1] log odds against the text as it was read, by the frames alone


def weigh(
    lines: Sequence[NDArray[np.floating]], found: Sequence[Found], model: TextModel, weight: float
) -> list[list[ctc.Span]]:
    """Return the characters of every line.

    Args:
        lines: [T, 129] log probabilities of each line.
        found: what was read in each.
        model: of the language.
        weight: of the model, as in the search.
    """
    weighed, context = odds(lines, found, model, weight)
    return [_spans(w, c, f.text) for w, c, f in zip(weighed, context, found, strict=True)]


def odds(
    lines: Sequence[NDArray[np.floating]], found: Sequence[Found], model: TextModel, weight: float
) -> tuple[list[_Weighed], list[Floats]]:
    """Return for every line the odds by the frames alone, and those in context; arguments as for `weigh`."""
    weighed = [_by_frames(log_p, f.text) for log_p, f in zip(lines, found, strict=True)]
    return weighed, _in_context(weighed, found, model, weight)


def _by_frames(log_p: NDArray[np.floating], text: list[int]) -> _Weighed:
    kept = ctc.squeeze(log_p)
    classes = np.array(text, np.int64) + 1
    frames = ctc.align(log_p[kept], classes) or []
    chars, odds, gone = ctc.rivals(log_p[kept], classes, frames)
    places = [(int(kept[a]), int(kept[b - 1]) + 1) for a, b in frames]
    return _Weighed(places, chars - 1, np.concatenate([odds, gone[:, None]], axis=1))


def _in_context(
    weighed: Sequence[_Weighed], found: Sequence[Found], model: TextModel, weight: float
) -> list[Floats]:
    """Return the odds of each line with the language's part, where the frames leave a character in doubt.

    All variants of all lines are spelt together, one character further at a time.
    """
    states: list[State] = []
    variants: list[list[int]] = []
    where: list[tuple[Ints, Ints]] = []
    for w, f in zip(weighed, found, strict=True):
        doubtful = np.exp(w.odds).sum(axis=1) > 1 / CLEAR
        i, j = np.nonzero(doubtful[:, None] & (w.odds > POSSIBLE))
        tails = [[*f.text[k + 1 : k + 1 + TAIL], 0][:TAIL] for k in range(len(f.text))]
        chars = np.append(w.chars, np.full((len(w.chars), 1), -1), axis=1)[i, j].tolist()
        variants += [tails[k] if c < 0 else [c, *tails[k]] for k, c in zip(i.tolist(), chars, strict=True)]
        states.append(f.states.take(i))
        where.append((i, j))
    context = [w.odds.copy() for w in weighed]
    if not variants:
        return context
    chars = np.array([len(v) for v in variants])
    blanks = np.array([v.count(0) for v in variants])
    logs = weight * (model.spell(State.join(states), variants) + BONUS * chars + SPACE_BONUS * blanks)
    parts = np.split(logs, np.cumsum([len(i) for i, _ in where])[:-1])
    for odds, (i, j), part in zip(context, where, parts, strict=True):
        first = np.flatnonzero(j == 0)  # the character itself, before its rivals
        odds[i, j] += part - part[first].repeat(np.diff(np.append(first, len(j))))
    return context


def confidence(ink: Floats, context: Floats, text: Sequence[int]) -> Floats:
    """[U] the probability that each character of a line is right.

    Args:
        ink: [U, n] log odds of the characters' rivals, the character itself first, by the frames alone.
        context: the same with the language.
        text: places in LINE.
    """
    p: Floats = 1 / (1 + np.exp(-evidence(ink, context, text) @ np.array(TRUST)))
    return p


def evidence(ink: Floats, context: Floats, text: Sequence[int]) -> Floats:
    """[U, 5] what `TRUST` weighs, for the arguments of `confidence`."""
    seen, meant = (
        np.clip(-np.log(np.maximum(np.exp(odds[:, 1:]).sum(axis=1), 1e-9)), -_SURE, _SURE)
        for odds in (ink, context)
    )
    clear = 1 / (1 + np.exp(-seen))
    word = np.cumsum(np.asarray(text) == 0)
    by_word = np.bincount(word, clear) / np.maximum(np.bincount(word), 1)
    by_line = np.full(len(clear), clear.mean() if len(clear) else 0.0)
    return np.stack([meant, seen, by_word[word], by_line, np.ones(len(clear))], axis=1)


def _spans(weighed: _Weighed, context: Floats, text: list[int]) -> list[ctc.Span]:
    if not text:
        return []
    sure = confidence(weighed.odds, context, text)
    p = np.exp(context - context[:, 1:].max(axis=1, keepdims=True))
    p *= ((1 - sure) / p[:, 1:].sum(axis=1))[:, None]
    p[:, 0] = sure
    return [
        ctc.Span(LINE[char], start, stop, float(np.log(row[0])), ctc.ranked(who + 1, row, LINE))
        for (start, stop), char, who, row in zip(weighed.frames, text, weighed.chars, p[:, :-1], strict=True)
    ]
