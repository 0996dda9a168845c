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
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError
from unscrawl.language.experts import (
    CASES,
    CODES,
    EXPERTS,
    KINDS,
    case_table,
    code_table,
    joint_table,
    next_word,
    switch_table,
    title_table,
)
from unscrawl.language.fold import APOSTROPHE, FOLD, N_LETTERS, SYMBOLS
from unscrawl.language.trie import IMPOSSIBLE, STEP, Floats, Ints, Trie, dequantise
from unscrawl.language.wordlist import WordList

__all__ = ["KEYS", "State", "TextModel", "logsumexp", "read_arrays"]

DOUBT: Final = 1000.0
"""Words that must be seen of a writer to count as much as the word list."""
_CASE_OF_WORD: Final = title_table()
_IS_STOP: Final = np.array([c in ".!?" for c in LINE])
_IS_CLOSER: Final = np.array([c in "'\")»" for c in LINE])
_IS_LETTER: Final = np.array([c.isalpha() for c in LINE])
_IS_UPPER: Final = np.array([c.isupper() for c in LINE])
KEYS: Final = (FOLD * 2 + _IS_UPPER).astype(np.uint64)
"""[128] what a character adds to `State.key`."""
_SPELLING: Final = len(EXPERTS) - len(CODES)
"""The first experts, which spell; codes follow."""
_CASES_OF_KINDS: Final = np.tile(np.arange(len(CASES)), len(KINDS))
_SOUND: Final = 2  # symbols of context that "sound" knows


@dataclass(frozen=True)
class State:
    """What the model must remember of B texts."""

    experts: Floats  # [B, K] log p(text, expert of the last word)
    memory: NDArray[np.int32]  # [B, order + 4] the columns named below
    key: NDArray[np.uint64]  # [B] equal for texts with equal future

    @property
    def context(self) -> NDArray[np.int32]:
        """[B, order] n-gram trie node of the last 0, 1, 2, … symbols."""
        return self.memory[:, :_WORD]

    @property
    def total(self) -> Floats:
        """[B] log p(text)."""
        return logsumexp(self.experts)

    def take(self, rows: Ints) -> State:
        """Return the texts at `rows`."""
        return State(self.experts[rows], self.memory[rows], self.key[rows])

    def put(self, rows: Ints | slice, texts: State) -> None:
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


@dataclass(frozen=True)
class Longer:
    """N texts, each one of a `State` (which is not copied) with a character more."""

    rows: Ints  # [N] of the state
    chars: Ints  # [N] places in LINE
    experts: Floats  # [N, K] log p(longer text, expert of the last word)
    grams: NDArray[np.int32]  # [N, order] n-gram trie node of the last 1, 2, … symbols
    word: NDArray[np.int32]  # [N] word trie node

    def take(self, at: Ints) -> Longer:
        """Return the texts at `at`."""
        return Longer(self.rows[at], self.chars[at], self.experts[at], self.grams[at], self.word[at])


class TextModel:
    """Spells texts. Immutable once made, so it may be shared between threads.

    Args:
        arrays: the arrays of a language file (see `unscrawl.learn.words`).
    """

    def __init__(self, arrays: dict[str, NDArray[np.uint8]]) -> None:
        try:
            self.grams = Trie(arrays["gram_symbol"], arrays["gram_count"])
            self._gram_log = dequantise(arrays["gram_log"])
            self._back_off = (np.append(arrays["gram_back"], np.uint8(128)).astype(np.float32) - 128) * STEP
            self.words = WordList(
                Trie(arrays["word_symbol"], arrays["word_count"]),
                dequantise(arrays["word_log"]),
                dequantise(arrays["word_end"]),
                np.append(arrays["word_title"], np.uint8(0)),
            )
            self._share = dequantise(arrays["share"])[:-1]
            self._order = int(arrays["order"][0])
            # In English an apostrophe is within a word (don't), in French it ends one (l'homme).
            n_inner = N_LETTERS + int(arrays["apostrophe"][0])
        except KeyError as e:
            raise ModelError(f"language file: no array {e.args[0]!r}; install unscrawl again") from None
        self._n_inner = n_inner
        self._inner = np.zeros(len(SYMBOLS), bool)  # symbols within a word
        self._inner[1:n_inner] = True
        self._joins = np.zeros(len(SYMBOLS), bool)  # symbols that end a word but no space follows
        self._joins[[SYMBOLS.index("-"), *range(n_inner, APOSTROPHE + 1)]] = True
        self._letter_or_not = np.stack([self._inner, ~self._inner], axis=1).astype(np.float32)
        # Sums up the back-off weights of the contexts longer than each.
        self._longer = np.tri(self._order, k=-1, dtype=np.float32)
        self._usual = _usual(self._share)
        self._switch = np.stack([switch_table(opening=False), switch_table(opening=True), joint_table()])
        self._start = np.log(0.5 * next_word(opening=False) + 0.5 * next_word(opening=True))

    def without_case(self) -> TextModel:
        """Return the same model where a small letter stands for both cases."""
        model = copy.copy(self)
        model._usual = _usual(self._share, fold_case=True)
        return model

    def with_words(self, words: Mapping[str, float]) -> TextModel:
        """Return the same model that also knows `words`, each with how often it was seen."""
        model = copy.copy(self)
        model.words = self.words.joined(words, self._inner, DOUBT)
        return model

    def start(self) -> State:
        """Return the state of one empty text."""
        memory = np.full((1, self._order + 4), self.grams.nowhere, np.int32)
        memory[:, 0] = 0  # no symbol …
        memory[:, 1] = self.grams.child(memory[:, 0], np.zeros(1, np.int64))  # … or a space
        memory[:, _WORD:] = [0, 0, 1, 0]
        return State(self._start[None].astype(np.float32), memory, np.zeros(1, np.uint64))

    def extend(self, state: State, rows: Ints, chars: Ints) -> Longer:
        """Return each text `rows[i]` of `state` followed by `chars[i]`, a place in LINE."""
        symbols, memory = FOLD[chars], state.memory[rows]
        context, word = memory[:, :_WORD], memory[:, _WORD]
        grams = self.grams.child(context, symbols[:, None])
        inner, fresh = self._inner[symbols], word == 0
        grown = np.where(inner, self.words.trie.child(word, symbols), 0)
        spelt = np.empty((len(rows), 3), np.float32)
        self._by_grams(context, grams, spelt)
        # The list decides on letters and the word's end; the n-gram chooses between space and marks at the
        # end, between letter and mark before the first letter.
        end = np.where(fresh, np.float32(0), self.words.end[word])
        spelt[:, 0] = np.where(inner, self.words.log[grown], spelt[:, 1] + end)
        turning = np.flatnonzero(fresh == inner)
        if len(turning):
            turns = self._turns(state, rows[turning])
            spelt[turning, 0] += np.where(inner[turning], turns[:, 0], -turns[:, 1])
        experts = self._usual[np.minimum(memory[:, _LETTERS], 1), chars]
        experts[:, :_SPELLING].reshape(len(rows), 3, -1)[...] += np.maximum(spelt, IMPOSSIBLE)[:, :, None]
        # What a word now complete adds to each case: "I", "London" and "Mrs" have their own.
        ending = np.flatnonzero(~inner)
        if len(ending):
            case = _CASE_OF_WORD[memory[ending, _OPENING], self.words.title[word[ending]]]
            experts[ending, :_SPELLING] += case[:, _CASES_OF_KINDS]
        experts += state.experts[rows]
        return Longer(rows, chars, experts, grams, grown)

    def _by_grams(self, context: NDArray[np.int32], longer: NDArray[np.int32], spelt: Floats) -> None:
        """Put log P(symbol | context) by n-gram and by sound into columns 1 and 2 of `spelt`.

        Args:
            context: [N, order] nodes of the last 0, 1, … symbols.
            longer: [N, order] the nodes that the symbol leads to from there.
            spelt: [N, 3].

        Where several contexts know the symbol the longest counts, with the back-off weights of those longer.
        """
        known = longer != self.grams.nowhere
        beyond = self._back_off[context] @ self._longer
        logs = self._gram_log[longer] + beyond
        longest = self._order - 1 - known[:, ::-1].argmax(axis=1)
        spelt[:, 1] = logs[np.arange(len(logs)), longest]
        spelt[:, 2] = (
            np.where(known[:, 2], logs[:, 2], np.where(known[:, 1], logs[:, 1], logs[:, 0])) - beyond[:, 2]
        )

    def by_grams(self, chars: Ints) -> Floats:
        """[N] log P(character's symbol | those before) by n-gram for a text of N places in LINE."""
        symbols, start = FOLD[chars], self.start().context
        context = np.repeat(start, len(chars), axis=0)
        for n in range(1, self._order):  # a context is the one before it, a symbol shorter, and a symbol
            shorter = np.append(start[:, n - 1], context[1:-1, n - 1])
            context[1:, n] = self.grams.child(shorter, symbols[:-1])
        spelt = np.empty((len(chars), 3), np.float32)
        self._by_grams(context, self.grams.child(context, symbols[:, None]), spelt)
        return spelt[:, 1]

    def _turns(self, state: State, rows: Ints) -> Floats:
        """[N, 2] log P(letter) and log P(space or mark) by n-gram behind the texts `rows`."""
        fresh = np.ones(len(rows), bool)
        fresh[1:] = rows[1:] != rows[:-1]  # mostly neighbours are equal
        p = np.exp(self.gram_rows(state.context[rows[fresh]]))
        turns: Floats = np.log(p @ self._letter_or_not)[fresh.cumsum() - 1]
        return turns

    def gram_rows(self, context: NDArray[np.int32]) -> Floats:
        """[B, 63] log P(symbol | context) by n-gram, for nodes [B, order] as in `State.context`."""
        which, child = self.grams.children(context.T.ravel())  # short contexts first: later writes win
        length, row = np.divmod(which, len(context))
        beyond = self._back_off[context] @ self._longer
        gram = np.full((len(context), len(SYMBOLS)), IMPOSSIBLE, np.float32)
        gram[row, self.grams.symbols[child]] = self._gram_log[child] + beyond[row, length]
        return gram

    def follow(self, state: State, longer: Longer) -> State:
        """Return the state after texts of `state` grew, as `extend` told.

        After a space, or a joint (Anglo-Saxon, l'homme), the word is complete and the experts mix again.
        """
        symbols, chars = FOLD[longer.chars], longer.chars
        space, joint = symbols == 0, self._joins[symbols]
        before = state.memory[longer.rows]
        opening = np.where(space, before[:, _ENDED], before[:, _OPENING] & ~joint)
        memory = np.empty_like(before)
        memory[:, 0] = 0
        memory[:, 1:_WORD] = longer.grams[:, :-1]
        memory[:, _WORD] = longer.word
        memory[:, _LETTERS] = np.where(space | joint, 0, before[:, _LETTERS] + _IS_LETTER[chars])
        memory[:, _OPENING] = opening
        memory[:, _ENDED] = _IS_STOP[chars] | (before[:, _ENDED] & _IS_CLOSER[chars])
        experts, mixing = longer.experts, np.flatnonzero(space | joint)
        if len(mixing):
            experts = experts.copy()
            experts[mixing] = self._mix(experts[mixing], np.where(joint, 2, opening)[mixing])
        return State(experts, memory, (state.key[longer.rows] << np.uint64(7)) + KEYS[chars])

    def _mix(self, experts: Floats, table: Ints) -> Floats:
        """Let each of the experts [n, K] hand over to the next by the table of its row."""
        top = experts.max(axis=1, keepdims=True)
        mixed = (np.exp(experts - top)[:, None] @ self._switch[table])[:, 0]
        logs: Floats = (np.log(np.maximum(mixed, 1e-30)) + top).astype(np.float32)
        return logs

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
        return self.follow(state, self.extend(state, np.arange(len(chars)), chars))

    def space(self, state: State) -> State:
        """Return the state after a space."""
        return self.step(state, np.zeros(len(state.key), np.int64))


def _usual(share: Floats, *, fold_case: bool = False) -> Floats:
    """[2, 128, K] what each expert adds for a first or later character, whatever was written before.

    By codes that is all; by what spells it is the case and `share`, P(character | symbol and case).
    """
    case, code = case_table(), code_table()
    if fold_case:  # a small letter stands for both
        upper = [i for i, c in enumerate(LINE) if c.isupper()]
        lower = [LINE.index(LINE[i].lower()) for i in upper]
        for table in (case, code):
            table[..., lower] = np.logaddexp(table[..., upper], table[..., lower])
    parts = [np.tile(case + share, (1, len(KINDS), 1)), code]
    return np.ascontiguousarray(np.concatenate(parts, axis=1).transpose(0, 2, 1), np.float32)


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
