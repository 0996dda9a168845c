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

from unscrawl.alphabet import ALPHABET, DIGITS, LOWER, MARKS
from unscrawl.errors import ModelError
from unscrawl.language.experts import (
    CODE_STOP,
    CODES,
    case_of_words,
    case_table,
    code_table,
    next_word,
    switch_table,
)
from unscrawl.language.trie import IMPOSSIBLE, STEP, Floats, Ints, Trie, dequantise

__all__ = ["FOLD", "FOLDED", "State", "TextModel", "fold_text", "logsumexp", "read_arrays"]

FOLDED: Final = " " + LOWER + "'0" + MARKS.replace("'", "")
"""The symbols of the n-gram: space, letters without case, apostrophe, one symbol for all digits, marks."""

_PLACE: Final = {c: i for i, c in enumerate(FOLDED)}
FOLD: Final = np.array([_PLACE["0" if c in DIGITS else c.lower()] for c in ALPHABET])
"""[84] the folded symbol of each character of the alphabet."""

_MARKS: Final = np.array([0, *range(28, len(FOLDED))])  # symbols that end a word
_IS_STOP: Final = np.array([c in ".!?" for c in ALPHABET])
_IS_CLOSER: Final = np.array([c in "'\")" for c in ALPHABET])
_IS_LETTER: Final = np.array([c.isalpha() for c in ALPHABET])
_IS_UPPER: Final = np.array([c.isupper() for c in ALPHABET])
_SOUND: Final = 2  # symbols of context that "sound" knows
_N_WORDLIKE: Final = 28  # symbols 1 … 27 of FOLDED make words: letters and the apostrophe


def fold_text(text: str) -> NDArray[np.uint8]:
    """Return the folded symbols of `text`; what is outside the alphabet becomes space."""
    table = np.zeros(0x110000, np.uint8)
    for c in ALPHABET:
        table[ord(c)] = _PLACE["0" if c in DIGITS else c.lower()]
    symbols = table[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
    keep = np.ones(len(symbols), bool)
    keep[1:] = (symbols[1:] != 0) | (symbols[:-1] != 0)
    return symbols[keep]


@dataclass(frozen=True)
class State:
    """What the model must remember of B texts."""

    experts: Floats  # [B, K] log p(text, expert of the last word)
    context: NDArray[np.int32]  # [B, order - 1] n-gram trie node of the last 1, 2, … symbols
    word: NDArray[np.int32]  # [B] word trie node
    letters: NDArray[np.int64]  # [B] letters in this word so far
    opening: NDArray[np.bool_]  # [B] this word begins a sentence
    ended: NDArray[np.bool_]  # [B] the last mark ended a sentence
    key: NDArray[np.uint64]  # [B] equal for texts with equal future

    @property
    def total(self) -> Floats:
        """[B] log p(text)."""
        return logsumexp(self.experts)

    def take(self, rows: Ints) -> State:
        """Return the texts at `rows`."""
        return State(*(getattr(self, name)[rows] for name in _FIELDS))

    @staticmethod
    def join(states: list[State]) -> State:
        """Return the texts of all `states`, one after the other."""
        return State(*(np.concatenate([getattr(s, name) for s in states]) for name in _FIELDS))


_FIELDS: Final = tuple(State.__dataclass_fields__)


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
            self._order = int(arrays["order"][0])
        except KeyError as e:
            raise ModelError(f"language file: no array {e.args[0]!r}; install unscrawl again") from None
        self._root_row = np.full(len(FOLDED), IMPOSSIBLE, np.float32)
        inner = slice(int(self.grams.first[0]), int(self.grams.first[0] + self.grams.counts[0]))
        self._root_row[self.grams.symbols[inner]] = self._gram_log[inner]
        self._case = case_table()
        self._code = code_table()
        self._switch = np.stack([switch_table(opening=False), switch_table(opening=True)])
        self._start = np.log(0.5 * next_word(opening=False) + 0.5 * next_word(opening=True))

    def without_case(self) -> TextModel:
        """Return the same model where a small letter stands for both cases."""
        model = copy.copy(self)
        model._case, model._code = self._case.copy(), self._code.copy()
        upper, lower = ALPHABET.index("A"), ALPHABET.index("a")
        for table in (model._case, model._code):
            small = table[..., lower : lower + 26]
            small[...] = np.logaddexp(table[..., upper : upper + 26], small)
        return model

    def start(self) -> State:
        """Return the state of one empty text."""
        return State(
            experts=self._start[None].astype(np.float32),
            context=self._after_space(1),
            word=np.zeros(1, np.int32),
            letters=np.zeros(1, np.int64),
            opening=np.ones(1, bool),
            ended=np.zeros(1, bool),
            key=np.zeros(1, np.uint64),
        )

    def _after_space(self, n: int) -> NDArray[np.int32]:
        context = np.full((n, self._order - 1), self.grams.nowhere, np.int32)
        return self._advance(context, np.zeros(n, np.int64))

    def surprise(self, symbols: NDArray[np.uint8]) -> float:
        """Return the mean of -log P_gram, in nats, over rows [B, T] of folded symbols."""
        context, total = self._after_space(len(symbols)), 0.0
        for column in symbols.T.astype(np.int64):
            total -= float(self._gram_rows(context)[0][np.arange(len(column)), column].sum())
            context = self._advance(context, column)
        return total / symbols.size

    def _gram_rows(self, context: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """[B, 50] log P(symbol | context) by n-gram and by sound, for nodes [B, m] of the last 1 … m symbols.

        Where several contexts know a symbol the longest counts, with the back-off weights of those longer.
        """
        back = self._back_off[context]
        which, child = self.grams.children(context.T.ravel())  # short contexts first: later writes win
        length, row = np.divmod(which, len(context))
        symbol, log = self.grams.symbols[child], self._gram_log[child]
        made = []
        for m in (context.shape[1], _SOUND):
            longer = back[:, m - 1 :: -1].cumsum(axis=1)[:, ::-1]
            rows = self._root_row + longer[:, :1]
            n = int(np.searchsorted(which, m * len(context)))
            spare = (longer - back[:, :m])[row[:n], length[:n]]
            rows[row[:n], symbol[:n]] = log[:n] + spare
            made.append(rows)
        return made[0], made[1]

    def _rows(self, state: State) -> tuple[Floats, Floats, Floats]:
        """[B, 50] log P(symbol) by word list, n-gram and sound."""
        gram, sound = self._gram_rows(state.context)
        return self._list_rows(state, gram), gram, sound

    def _list_rows(self, state: State, gram: Floats) -> Floats:
        """[B, 50] log P_list(symbol | word so far): the list decides on letters and the word's end.

        At the end, the n-gram chooses between space and marks; before the first letter, between letter and
        mark.
        """
        rows = np.full_like(gram, IMPOSSIBLE)
        row, child = self.words.children(state.word)
        rows[row, self.words.symbols[child]] = self._word_log[child]
        fresh = state.word == 0
        marks = gram[:, _MARKS]
        ends = np.where(fresh, np.float32(0), self._word_end[state.word] - logsumexp(marks))
        rows[:, _MARKS] = marks + ends[:, None]
        letters = np.where(fresh, logsumexp(gram[:, 1:_N_WORDLIKE]), np.float32(0))
        rows[:, 1:_N_WORDLIKE] += letters[:, None]
        return np.maximum(rows, IMPOSSIBLE)

    def _ending(self, state: State) -> Floats:
        """[B, 4] what the word now complete adds to each case: "I", "London" and "Mrs" have their own."""
        return self._word_case[state.opening.astype(np.int64), state.word]

    def extend(self, state: State, chars: Ints) -> Floats:
        """Return experts [B, K, C] of the texts of `state` followed by each of `chars` [C]."""
        spelt = self._rows(state)
        folded = FOLD[chars]
        digit = np.where(chars < len(DIGITS), -np.log(10.0), 0.0).astype(np.float32)
        case = self._case[np.minimum(state.letters, 1)][:, :, chars]
        code = np.broadcast_to(self._code[:, chars], (len(state.key), len(CODES), len(chars)))
        case = case + self._ending(state)[:, :, None] * ~_wordlike(folded)
        kinds = [(rows[:, folded] + digit)[:, None] + case for rows in spelt]
        inc = np.concatenate([*kinds, code], axis=1)
        experts: Floats = state.experts[:, :, None] + inc
        return experts

    def follow(self, state: State, rows: Ints, chars: Ints, experts: Floats) -> State:
        """Return the state after text `rows[i]` took `chars[i]`, given `experts` [n, K] from `extend`."""
        symbols = FOLD[chars]
        context = state.context[rows]
        word = np.where(_wordlike(symbols), self.words.child(state.word[rows], symbols), 0)
        ended = _IS_STOP[chars] | (state.ended[rows] & _IS_CLOSER[chars])
        return State(
            experts=experts,
            context=self._advance(context, symbols),
            word=word.astype(np.int32),
            letters=state.letters[rows] + _IS_LETTER[chars],
            opening=state.opening[rows],
            ended=ended,
            key=(state.key[rows] << np.uint64(7)) + (symbols * 2 + _IS_UPPER[chars]).astype(np.uint64),
        )

    def _advance(self, context: NDArray[np.int32], symbols: Ints) -> NDArray[np.int32]:
        longer = np.zeros_like(context)
        longer[:, 1:] = context[:, :-1]
        return self.grams.child(longer, symbols[:, None])

    def spell(self, state: State, texts: list[list[int]]) -> Floats:
        """Return [B] log p of each text of `state` going on with `texts[i]`: alphabet indices, -1 a space."""
        lengths = np.array([len(t) for t in texts])
        order = np.argsort(-lengths, kind="stable")
        state = state.take(order)
        out = np.zeros(len(texts), np.float32)
        for step in range(int(lengths.max(initial=0))):
            going = int((lengths > step).sum())
            out[order[going : len(state.key)]] = state.total[going:]
            state = state.take(np.arange(going))
            chars = np.array([texts[i][step] for i in order[:going]])
            state = self._step(state, chars)
        out[order[: len(state.key)]] = state.total
        return out

    def _step(self, state: State, chars: Ints) -> State:
        spaced, plain = np.flatnonzero(chars < 0), np.flatnonzero(chars >= 0)
        parts = []
        if len(spaced):
            parts.append(self.space(state.take(spaced)))
        if len(plain):
            some = state.take(plain)
            used, column = np.unique(chars[plain], return_inverse=True)
            experts = self.extend(some, used)
            rows = np.arange(len(plain))
            parts.append(self.follow(some, rows, chars[plain], experts[rows, :, column]))
        return State.join(parts).take(np.argsort(np.concatenate([spaced, plain]), kind="stable"))

    def space(self, state: State) -> State:
        """Return the state after a space: the word is complete, the experts mix again."""
        spelt = self._rows(state)
        inc = np.concatenate(
            [
                *(rows[:, :1] + self._ending(state) for rows in spelt),
                np.full((len(state.key), len(CODES)), np.log(CODE_STOP), np.float32),
            ],
            axis=1,
        )
        ended = state.experts + inc
        top = ended.max(axis=1, keepdims=True)
        share = np.exp(ended - top)
        mixed = np.where(state.ended[:, None], share @ self._switch[1], share @ self._switch[0])
        return State(
            experts=(np.log(np.maximum(mixed, 1e-30)) + top).astype(np.float32),
            context=self._advance(state.context, np.zeros(len(state.key), np.int64)),
            word=np.zeros(len(state.key), np.int32),
            letters=np.zeros(len(state.key), np.int64),
            opening=state.ended,
            ended=np.zeros(len(state.key), bool),
            key=state.key << np.uint64(7),
        )


def logsumexp(x: Floats) -> Floats:
    """Return log Σ exp(x) over axis 1."""
    top = x.max(axis=1, keepdims=True)
    total: Floats = top[:, 0] + np.log(np.exp(x - top).sum(axis=1))
    return total


def _wordlike(symbols: Ints) -> NDArray[np.bool_]:
    return (symbols > 0) & (symbols < _N_WORDLIKE)


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
