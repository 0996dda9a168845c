"""How probable is this text: a mixture of word list, character n-gram and codes, spelt out.

A word is written by one of K experts (`experts`); the text's probability is the exact sum over
them. At every space the experts mix again with a sticky prior, so a line that began in capitals or in codes
is expected to go on that way: the forward algorithm of a hidden Markov model (Herbster & Warmuth 1998,
"Tracking the best expert"). What is no English costs at most what its code costs: a bounded price, the same
for every character.

The n-gram is interpolated absolute discounting (Ney, Essen & Kneser 1994; discounts after Chen & Goodman
1998), pruned by weighted difference (Seymore & Rosenfeld 1996) and kept in back-off form: P(c | h) is
stored or α(h) P(c | h without its first character). Both n-gram and word list are tries in breadth-first
order with 8-bit log probabilities.
"""

from __future__ import annotations

import copy
import io
import zipfile
from dataclasses import dataclass
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError
from unscrawl.language.experts import (
    CODES,
    EXPERTS,
    case_of_words,
    case_table,
    code_table,
    joint_table,
    next_word,
    switch_table,
)
from unscrawl.language.fold import APOSTROPHE, FOLD, N_LETTERS, SYMBOLS
from unscrawl.language.trie import IMPOSSIBLE, STEP, Floats, Ints, Trie, dequantise

__all__ = ["KEYS", "State", "TextModel", "logsumexp", "read_arrays"]

_IS_STOP: Final = np.array([c in ".!?" for c in LINE])
_IS_CLOSER: Final = np.array([c in "'\")»" for c in LINE])
_IS_LETTER: Final = np.array([c.isalpha() for c in LINE])
_IS_UPPER: Final = np.array([c.isupper() for c in LINE])
KEYS: Final = (FOLD * 2 + _IS_UPPER).astype(np.uint64)
"""[128] what a character adds to `State.key`."""
_SOUND: Final = 2  # symbols of context that "sound" knows


@dataclass(frozen=True)
class State:
    """What the model must remember of B texts."""

    experts: Floats  # [B, K] log p(text, expert of the last word)
    memory: NDArray[np.int32]  # [B, order + 3] the columns named below
    key: NDArray[np.uint64]  # [B] equal for texts with equal future

    @property
    def context(self) -> NDArray[np.int32]:
        """[B, order - 1] n-gram trie node of the last 1, 2, … symbols."""
        return self.memory[:, :_WORD]

    @property
    def total(self) -> Floats:
        """[B] log p(text)."""
        return logsumexp(self.experts)

    def take(self, rows: Ints) -> State:
        """Return the texts at `rows`."""
        return State(self.experts[rows], self.memory[rows], self.key[rows])

    def put(self, rows: Ints, texts: State) -> None:
        """Replace the texts at `rows`; for the owner of a state only."""
        self.experts[rows], self.memory[rows], self.key[rows] = texts.experts, texts.memory, texts.key

    @staticmethod
    def join(states: list[State]) -> State:
        """Return the texts of all `states`, one after the other."""
        return State(
            np.concatenate([s.experts for s in states]),
            np.concatenate([s.memory for s in states]),
            np.concatenate([s.key for s in states]),
        )


_WORD: Final = -4  # column of `State.memory`: word trie node
_LETTERS: Final = -3  # letters in this word so far
_OPENING: Final = -2  # this word begins a sentence
_ENDED: Final = -1  # the last mark ended a sentence


class TextModel:
    """Spells texts. Immutable once made, so it may be shared between threads.

    Args:
        arrays: the arrays of a language file (see `unscrawl.learn.words`).
    """

    def __init__(self, arrays: dict[str, NDArray[np.uint8]]) -> None:
        try:
            self.grams = Trie(arrays["gram_symbol"], arrays["gram_count"])
            self.words = Trie(arrays["word_symbol"], arrays["word_count"])
            self._gram_log = dequantise(arrays["gram_log"])
            self._back_off = (np.append(arrays["gram_back"], np.uint8(128)).astype(np.float32) - 128) * STEP
            self._word_log = dequantise(arrays["word_log"])
            self._word_end = dequantise(arrays["word_end"])
            self._word_case = case_of_words(arrays["word_title"])
            self._share = dequantise(arrays["share"])[:-1]
            self._order = int(arrays["order"][0])
            # In English an apostrophe is within a word (don't), in French it ends one (l'homme).
            n_inner = N_LETTERS + int(arrays["apostrophe"][0])
        except KeyError as e:
            raise ModelError(f"language file: no array {e.args[0]!r}; install unscrawl again") from None
        self._n_inner = n_inner
        self._joins = np.zeros(len(SYMBOLS), bool)  # symbols that end a word but no space follows
        self._joins[[SYMBOLS.index("-"), *range(n_inner, APOSTROPHE + 1)]] = True
        self._root_row = np.full(len(SYMBOLS), IMPOSSIBLE, np.float32)
        inner = slice(int(self.grams.first[0]), int(self.grams.first[0] + self.grams.counts[0]))
        self._root_row[self.grams.symbols[inner]] = self._gram_log[inner]
        self._case = np.ascontiguousarray(case_table().transpose(0, 2, 1))  # [2, 128, 4]
        self._code = np.ascontiguousarray(code_table().transpose(0, 2, 1))  # [2, 128, 6]
        self._switch = np.stack([switch_table(opening=False), switch_table(opening=True), joint_table()])
        self._start = np.log(0.5 * next_word(opening=False) + 0.5 * next_word(opening=True))

    def without_case(self) -> TextModel:
        """Return the same model where a small letter stands for both cases."""
        model = copy.copy(self)
        model._case, model._code = self._case.copy(), self._code.copy()
        pairs = [(i, LINE.index(c.lower())) for i, c in enumerate(LINE) if c.isupper()]
        upper, lower = (list(side) for side in zip(*pairs, strict=True))
        for table in (model._case, model._code):
            table[..., lower, :] = np.logaddexp(table[..., upper, :], table[..., lower, :])
        return model

    def start(self) -> State:
        """Return the state of one empty text."""
        context = self._advance(
            np.full((1, self._order - 1), self.grams.nowhere, np.int32), np.zeros(1, np.int64)
        )
        memory = np.concatenate([context, np.array([[0, 0, 1, 0]], np.int32)], axis=1)
        return State(self._start[None].astype(np.float32), memory, np.zeros(1, np.uint64))

    def _gram_rows(self, context: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """[B, 63] log P(symbol | context) by n-gram and by sound, for nodes [B, m] of the last 1 … m symbols.

        Where several contexts know a symbol the longest counts, with the back-off weights of those longer.
        """
        back = self._back_off[context]
        which, child = self.grams.children(context.T.ravel())  # short contexts first: later writes win
        length, row = np.divmod(which, len(context))
        symbol, log = self.grams.symbols[child], self._gram_log[child]
        sound = self._root_row + back[:, :_SOUND].sum(axis=1, keepdims=True)
        n = int(np.searchsorted(which, _SOUND * len(context)))
        sound[row[:n], symbol[:n]] = log[:n] + np.where(length[:n] == 0, back[row[:n], 1], np.float32(0))
        beyond = back[:, ::-1].cumsum(axis=1)[:, ::-1] - back  # back-off weights of the contexts longer still
        gram = sound + (beyond[:, _SOUND - 1])[:, None]
        gram[row[n:], symbol[n:]] = log[n:] + beyond[row[n:], length[n:]]
        return gram, sound

    def _rows(self, state: State) -> Floats:
        """[B, 63, 3] log P(symbol) by word list, n-gram and sound.

        The list decides on letters and the word's end; the n-gram chooses between space and marks at the end,
        between letter and mark before the first letter.
        """
        gram, sound = self._gram_rows(state.context)
        rows = np.full((*gram.shape, 3), IMPOSSIBLE, np.float32)
        rows[:, :, 1], rows[:, :, 2] = gram, sound
        word, n = state.memory[:, _WORD], self._n_inner
        p = np.exp(gram)
        letters = p[:, 1:n].sum(axis=1)
        marks = p[:, 0] + p[:, n:].sum(axis=1)
        fresh = word == 0
        row, child = self.words.children(word)
        starts = np.where(fresh, np.log(letters), np.float32(0))
        rows[row, self.words.symbols[child], 0] = self._word_log[child] + starts[row]
        ends = np.where(fresh, np.float32(0), self._word_end[word] - np.log(marks))
        rows[:, 0, 0] = gram[:, 0] + ends
        rows[:, n:, 0] = gram[:, n:] + ends[:, None]
        return np.maximum(rows, IMPOSSIBLE, out=rows)

    def extend(self, state: State, rows: Ints, chars: Ints) -> Floats:
        """Return experts [n, K] of text `rows[i]` followed by `chars[i]`, a place in LINE."""
        symbols = FOLD[chars]
        # What a word now complete adds to each case: "I", "London" and "Mrs" have their own.
        ending = self._word_case[state.memory[:, _OPENING], state.memory[:, _WORD]]
        later = np.minimum(state.memory[:, _LETTERS], 1)[rows]
        case = self._case[later, chars]
        case += ending[rows] * ~self._inner(symbols)[:, None]
        spelt = self._rows(state)[rows, symbols] + self._share[chars][:, None]
        experts = np.empty((len(rows), len(EXPERTS)), np.float32)
        experts[:, : -len(CODES)] = (spelt[:, :, None] + case[:, None]).reshape(len(rows), -1)
        experts[:, -len(CODES) :] = self._code[later, chars]
        experts += state.experts[rows]
        return experts

    def follow(self, state: State, rows: Ints, chars: Ints, experts: Floats) -> State:
        """Return the state after text `rows[i]` took `chars[i]`, given `experts` [n, K] from `extend`.

        After a space, or a joint (Anglo-Saxon, l'homme), the word is complete and the experts mix again.
        """
        symbols = FOLD[chars]
        inner, space, joint = self._inner(symbols), symbols == 0, self._joins[symbols]
        before = state.memory[rows]
        opening = np.where(space, before[:, _ENDED], before[:, _OPENING] & ~joint)
        memory = np.empty_like(before)
        memory[:, :_WORD] = self._advance(before[:, :_WORD], symbols)
        memory[:, _WORD] = np.where(inner, self.words.child(before[:, _WORD], symbols), 0)
        memory[:, _LETTERS] = np.where(space | joint, 0, before[:, _LETTERS] + _IS_LETTER[chars])
        memory[:, _OPENING] = opening
        memory[:, _ENDED] = _IS_STOP[chars] | (before[:, _ENDED] & _IS_CLOSER[chars])
        mixing = np.flatnonzero(space | joint)
        if len(mixing):
            experts = experts.copy()
            experts[mixing] = self._mix(experts[mixing], np.where(joint, 2, opening)[mixing])
        return State(experts, memory, (state.key[rows] << np.uint64(7)) + KEYS[chars])

    def _mix(self, experts: Floats, table: Ints) -> Floats:
        """Let each of the experts [n, K] hand over to the next by the table of its row."""
        top = experts.max(axis=1, keepdims=True)
        mixed = (np.exp(experts - top)[:, None] @ self._switch[table])[:, 0]
        logs: Floats = (np.log(np.maximum(mixed, 1e-30)) + top).astype(np.float32)
        return logs

    def _inner(self, symbols: Ints) -> NDArray[np.bool_]:
        return (symbols > 0) & (symbols < self._n_inner)

    def _advance(self, context: NDArray[np.int32], symbols: Ints) -> NDArray[np.int32]:
        longer = np.zeros_like(context)
        longer[:, 1:] = context[:, :-1]
        return self.grams.child(longer, symbols[:, None])

    def spell(self, state: State, texts: list[list[int]]) -> Floats:
        """Return [B] log p of each text of `state` going on with `texts[i]`: places in LINE."""
        lengths = np.array([len(t) for t in texts])
        order = np.argsort(-lengths, kind="stable")
        state = state.take(order)
        out = np.zeros(len(texts), np.float32)
        for step in range(int(lengths.max(initial=0))):
            going = int((lengths > step).sum())
            out[order[going : len(state.key)]] = state.total[going:]
            state = state.take(np.arange(going))
            chars = np.array([texts[i][step] for i in order[:going]])
            state = self.step(state, chars)
        out[order[: len(state.key)]] = state.total
        return out

    def step(self, state: State, chars: Ints) -> State:
        """Return the state after each text took its character of `chars` [B]."""
        rows = np.arange(len(chars))
        return self.follow(state, rows, chars, self.extend(state, rows, chars))

    def space(self, state: State) -> State:
        """Return the state after a space."""
        return self.step(state, np.zeros(len(state.key), np.int64))


def logsumexp(x: Floats) -> Floats:
    """Return log Σ exp(x) over axis 1."""
    top = x.max(axis=1, keepdims=True)
    total: Floats = top[:, 0] + np.log(np.exp(x - top).sum(axis=1))
    return total


def read_arrays(name: str) -> dict[str, NDArray[np.uint8]]:
    """Return the arrays of the language file `weights/NAME.npz`.

    Raises:
        ModelError: there is no such file, or it is damaged.
    """
    file = resources.files("unscrawl") / "weights" / f"{name}.npz"
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except FileNotFoundError:
        raise ModelError(f"no language {name!r}: the package has no file weights/{name}.npz") from None
    except (OSError, ValueError, zipfile.BadZipFile) as e:
        raise ModelError(f"language {name!r}: the file weights/{name}.npz is damaged ({e})") from None
