"""How probable is this text: a mixture of word list, character n-gram and codes, spelt out.

A word is written by one of K *experts*: the word list or the n-gram, each in small letters, Capitalised,
CAPITALS or mixed, or one of five makers of random groups (numbers, small letters, capitals, capitals with
digits, anything). The text's probability is the exact sum over experts; at every space the experts mix
again with a sticky prior, so a line that began in capitals or in codes is expected to go on that way (the
forward algorithm of a hidden Markov model; Herbster & Warmuth 1998, "Tracking the best expert"). A word
that is no English costs at most what its code costs: a bounded price for each character, the same for every
character.

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

from unscrawl.alphabet import ALPHABET, DIGITS, LOWER, MARKS, UPPER
from unscrawl.errors import ModelError

__all__ = ["EXPERTS", "FOLD", "FOLDED", "STEP", "State", "TextModel", "Trie", "fold_text"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

FOLDED: Final = " " + LOWER + "'0" + MARKS.replace("'", "")
"""The symbols of the n-gram: space, letters without case, apostrophe, one symbol for all digits, marks."""

_PLACE: Final = {c: i for i, c in enumerate(FOLDED)}
FOLD: Final = np.array([_PLACE["0" if c in DIGITS else c.lower()] for c in ALPHABET])
"""[84] the folded symbol of each character of the alphabet."""

STEP: Final = 1 / 16
"""Nats in one step of a stored 8-bit log probability."""

CASES: Final = ("lower", "title", "upper", "mixed")
CODES: Final = ("number", "lower", "upper", "plate", "any")
EXPERTS: Final = tuple(f"{kind} {case}" for kind in ("list", "gram") for case in CASES) + tuple(
    f"code {kind}" for kind in CODES
)
_K: Final = len(EXPERTS)
_IMPOSSIBLE: Final = -40.0
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


class Trie:
    """A trie in breadth-first order: node 0 is the root, the node after the last is "nowhere".

    Args:
        symbols: uint8 [n] the symbol leading to each node (0 for the root).
        counts: uint8 [n] number of children; children of one node lie side by side, by rising symbol.
    """

    def __init__(self, symbols: NDArray[np.uint8], counts: NDArray[np.uint8]) -> None:
        n = len(symbols)
        if n == 0 or len(counts) != n or int(counts.sum(dtype=np.int64)) != n - 1:
            raise ModelError("language file: broken trie; install unscrawl again")
        self.nowhere = n
        self.symbols = symbols
        self.counts = np.append(counts, np.uint8(0)).astype(np.int32)
        self.first = np.ones(n + 1, np.int32)
        np.cumsum(self.counts[:-1], out=self.first[1:])
        self.first[1:] += 1
        bits = np.left_shift(np.uint64(1), symbols.astype(np.uint64))
        self.mask = np.zeros(n + 1, np.uint64)
        inner = np.flatnonzero(self.counts)
        self.mask[inner] = np.bitwise_or.reduceat(bits, self.first[inner])

    def child(self, nodes: NDArray[np.int32], symbols: Ints) -> NDArray[np.int32]:
        """Return the children of `nodes` along `symbols` (broadcast), `nowhere` where there is none."""
        bit = np.left_shift(np.uint64(1), symbols.astype(np.uint64))
        mask = self.mask[nodes]
        child = self.first[nodes] + np.bitwise_count(mask & (bit - np.uint64(1)))
        return np.where(mask & bit, child, self.nowhere).astype(np.int32)

    def children(self, nodes: NDArray[np.int32]) -> tuple[Ints, Ints]:
        """Return (row, child) index pairs of all children of `nodes` [B]."""
        counts = self.counts[nodes]
        rows = np.repeat(np.arange(len(nodes)), counts)
        ends = np.cumsum(counts)
        offsets = np.arange(len(rows)) - np.repeat(ends - counts, counts)
        return rows, self.first[nodes][rows] + offsets


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
            self._gram_log = _dequantise(arrays["gram_log"])
            self._back_off = (np.append(arrays["gram_back"], np.uint8(128)).astype(np.float32) - 128) * STEP
            self._word_log = _dequantise(arrays["word_log"])
            self._word_end = _dequantise(arrays["word_end"])
            self._order = int(arrays["order"][0])
        except KeyError as e:
            raise ModelError(f"language file: no array {e.args[0]!r}; install unscrawl again") from None
        self._root_row = np.full(len(FOLDED), _IMPOSSIBLE, np.float32)
        inner = slice(int(self.grams.first[0]), int(self.grams.first[0] + self.grams.counts[0]))
        self._root_row[self.grams.symbols[inner]] = self._gram_log[inner]
        self._case = _case_table()
        self._code = _code_table()
        self._switch = np.stack([_switch_table(opening=False), _switch_table(opening=True)])
        self._start = np.log(0.5 * _next_word(opening=False) + 0.5 * _next_word(opening=True))

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
        context = np.full((1, self._order - 1), self.grams.nowhere, np.int32)
        context[0, 0] = self.grams.child(np.zeros(1, np.int32), np.zeros(1, np.int64))[0]
        return State(
            experts=self._start[None].astype(np.float32),
            context=context,
            word=np.zeros(1, np.int32),
            letters=np.zeros(1, np.int64),
            opening=np.zeros(1, bool),
            ended=np.zeros(1, bool),
            key=np.zeros(1, np.uint64),
        )

    def _gram_rows(self, state: State) -> Floats:
        """[B, 50] log P_gram(symbol | context)."""
        rows = np.repeat(self._root_row[None], len(state.word), axis=0)
        for k in range(self._order - 1):
            nodes = state.context[:, k]
            if not self.grams.counts[nodes].any():
                continue
            rows += self._back_off[nodes][:, None]
            row, child = self.grams.children(nodes)
            rows[row, self.grams.symbols[child]] = self._gram_log[child]
        return rows

    def _list_rows(self, state: State, gram: Floats) -> Floats:
        """[B, 50] log P_list(symbol | word so far): the list decides on letters and the word's end.

        At the end, the n-gram chooses between space and marks; before the first letter, between letter and
        mark.
        """
        rows = np.full_like(gram, _IMPOSSIBLE)
        row, child = self.words.children(state.word)
        rows[row, self.words.symbols[child]] = self._word_log[child]
        marks = np.ones(gram.shape[1], bool)
        marks[1:_N_WORDLIKE] = False
        fresh = state.word == 0
        ends = self._word_end[state.word] - logsumexp(gram[:, marks])
        rows[:, marks] = gram[:, marks] + np.where(fresh, 0.0, ends)[:, None].astype(np.float32)
        rows[:, 1:_N_WORDLIKE] += np.where(fresh, logsumexp(gram[:, 1:_N_WORDLIKE]), 0.0)[:, None]
        return np.maximum(rows, _IMPOSSIBLE)

    def extend(self, state: State, chars: Ints) -> Floats:
        """Return experts [B, K, C] of the texts of `state` followed by each of `chars` [C]."""
        gram = self._gram_rows(state)
        lists = self._list_rows(state, gram)
        folded = FOLD[chars]
        digit = np.where(chars < len(DIGITS), -np.log(10.0), 0.0).astype(np.float32)
        case = self._case[np.minimum(state.letters, 1)][:, :, chars]
        code = np.broadcast_to(self._code[:, chars], (len(gram), len(CODES), len(chars)))
        inc = np.concatenate(
            [(lists[:, folded] + digit)[:, None] + case, (gram[:, folded] + digit)[:, None] + case, code],
            axis=1,
        )
        experts: Floats = state.experts[:, :, None] + inc
        return experts

    def follow(self, state: State, rows: Ints, chars: Ints, experts: Floats) -> State:
        """Return the state after text `rows[i]` took `chars[i]`, given `experts` [n, K] from `extend`."""
        symbols = FOLD[chars]
        context = state.context[rows]
        wordlike = (symbols > 0) & (symbols < _N_WORDLIKE)
        word = np.where(wordlike, self.words.child(state.word[rows], symbols), 0)
        upper = (chars >= len(DIGITS)) & (chars < len(DIGITS) + len(UPPER))
        letter = (chars >= len(DIGITS)) & (chars < len(DIGITS) + len(UPPER) + len(LOWER))
        mark = ALPHABET_ARRAY[chars]
        ended = np.isin(mark, (".", "!", "?")) | (state.ended[rows] & np.isin(mark, ("'", '"', ")")))
        return State(
            experts=experts,
            context=self._advance(context, symbols),
            word=word.astype(np.int32),
            letters=state.letters[rows] + letter,
            opening=state.opening[rows],
            ended=ended,
            key=(state.key[rows] << np.uint64(7)) + (symbols * 2 + upper).astype(np.uint64),
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
        gram = self._gram_rows(state)
        lists = self._list_rows(state, gram)
        inc = np.concatenate(
            [
                np.repeat(lists[:, :1], len(CASES), axis=1),
                np.repeat(gram[:, :1], len(CASES), axis=1),
                np.full((len(gram), len(CODES)), np.log(_CODE_STOP), np.float32),
            ],
            axis=1,
        )
        ended = state.experts + inc
        top = ended.max(axis=1, keepdims=True)
        share = np.exp(ended - top)
        mixed = np.where(state.ended[:, None], share @ self._switch[1], share @ self._switch[0])
        return State(
            experts=(np.log(np.maximum(mixed, 1e-30)) + top).astype(np.float32),
            context=self._advance(state.context, np.zeros(len(gram), np.int64)),
            word=np.zeros(len(gram), np.int32),
            letters=np.zeros(len(gram), np.int64),
            opening=state.ended,
            ended=np.zeros(len(gram), bool),
            key=state.key << np.uint64(7),
        )


ALPHABET_ARRAY: Final = np.array(list(ALPHABET))
_CODE_STOP: Final = 0.2


def logsumexp(x: Floats) -> Floats:
    """Return log Σ exp(x) over axis 1."""
    top = x.max(axis=1)
    total: Floats = top + np.log(np.exp(x - np.expand_dims(top, 1)).sum(axis=1))
    return total


def _dequantise(values: NDArray[np.uint8]) -> Floats:
    """Stored steps below 0 → log probabilities, with an impossible one for "nowhere"."""
    return np.append(values.astype(np.float32) * -STEP, np.float32(_IMPOSSIBLE))


def _case_table() -> Floats:
    """[2, 4, 84] log P(case | first or later letter, case expert); 0 for what has no case."""
    table = np.zeros((2, len(CASES), len(ALPHABET)), np.float32)
    small, large = slice(36, 62), slice(10, 36)
    table[:, 0, large] = _IMPOSSIBLE
    table[0, 1, small] = _IMPOSSIBLE
    table[1, 1, large] = _IMPOSSIBLE
    table[:, 2, small] = _IMPOSSIBLE
    table[:, 3, 10:62] = np.log(0.5)
    return table


def _code_table() -> Floats:
    """[5, 84] log P(character | maker of random groups)."""
    marks = 0.06
    shares = {
        "number": {DIGITS: 0.85, MARKS: 0.15},
        "lower": {LOWER: 1 - marks, MARKS: marks},
        "upper": {UPPER: 1 - marks, MARKS: marks},
        "plate": {UPPER + DIGITS: 1 - marks, MARKS: marks},
        "any": {UPPER + LOWER + DIGITS: 1 - marks, MARKS: marks},
    }
    table = np.full((len(CODES), len(ALPHABET)), np.exp(_IMPOSSIBLE))
    for row, kind in zip(table, CODES, strict=True):
        for chars, share in shares[kind].items():
            row[[ALPHABET.index(c) for c in chars]] = share * (1 - _CODE_STOP) / len(chars)
    return np.log(table).astype(np.float32)


def _next_word(*, opening: bool) -> Floats:
    """[K] P(expert of a word), at the opening of a sentence or not, whatever came before."""
    if opening:
        cases = {"lower": 0.3, "title": 0.6, "upper": 0.03, "mixed": 0.004}
    else:
        cases = {"lower": 0.8, "title": 0.12, "upper": 0.02, "mixed": 0.003}
    codes = {"number": 0.02, "lower": 0.005, "upper": 0.005, "plate": 0.005, "any": 0.003}
    p = [0.5 * cases[c] for c in CASES] * 2 + [codes[c] for c in CODES]
    return np.array([share / sum(p) for share in p], np.float32)


def _switch_table(*, opening: bool) -> Floats:
    """[K, K] P(expert of the next word | expert of this one): capitals and codes like to go on."""
    fresh = _next_word(opening=opening)
    table = np.repeat(fresh[None], _K, axis=0)
    for i, name in enumerate(EXPERTS):
        kind, case = name.split()
        again = np.zeros(_K, np.float32)
        if kind == "code" and case != "number":
            again[i] = 1.0
            table[i] = 0.5 * fresh + 0.5 * again
        elif case == "upper":
            again[[EXPERTS.index("list upper"), EXPERTS.index("gram upper")]] = 0.48
            again[[EXPERTS.index("code upper"), EXPERTS.index("code number")]] = 0.02
            table[i] = 0.25 * fresh + 0.75 * again
    return table.astype(np.float32)


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
