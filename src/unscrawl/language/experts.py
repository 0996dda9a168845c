"""Who may have written a word: the experts of the text model, and how one follows another.

Three kinds spell with the language: the word list, the n-gram, and "sound", the n-gram with a context of two
symbols only (names and foreign words), each in small letters, Capitalised, CAPITALS or mixed. Five kinds
write codes, every character as likely as the next: numbers, small letters, capitals, capitals with digits,
anything. The figures below are rough shares in letters and notes; those of codes were set on synthetic
confusions (`bench/language.py`) so that random groups are read no worse than without a language.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET, DIGITS, LETTERS, LOWER, MARKS, UPPER
from unscrawl.language.trie import IMPOSSIBLE, Floats

__all__ = ["CASES", "CODES", "CODE_STOP", "EXPERTS", "KINDS", "case_of_words", "case_table", "code_table"]
__all__ += ["next_word", "switch_table"]

KINDS: Final = {"list": 0.49, "gram": 0.46, "sound": 0.05}
CASES: Final = ("lower", "title", "upper", "mixed")
CODES: Final = ("number", "lower", "upper", "plate", "any")
EXPERTS: Final = tuple(f"{kind} {case}" for kind in KINDS for case in CASES) + tuple(
    f"code {kind}" for kind in CODES
)
_K: Final = len(EXPERTS)

CODE_PRIOR: Final = 0.003
"""Share of each kind of code among words that nothing announces; numbers are four times as frequent."""
CODE_STAYS: Final = 0.75
"""Probability that a code follows a code of its kind."""
CODE_STOP: Final = 0.2
"""Probability that a code ends after a character."""
CODE_BOOST: Final = 0.7
"""Nats by which a code's characters are dearer to us than their probability: a filler model must not be
forced to shorten what it cannot predict."""
CODE_GOES: Final = 1.5
"""The same for the space after a code."""


def case_of_words(title: NDArray[np.uint8]) -> Floats:
    """[2, n + 1, 4] log P(case | word) / P(case), inside a sentence and at its opening.

    `title` holds the share of capitalised occurrences inside sentences in 255ths, 0 for what is no word.
    """
    usual = next_word(opening=False)
    usual_title = float(usual[1] / (usual[0] + usual[1]))
    q = np.append(title, np.uint8(0)).astype(np.float32) / 255
    table = np.zeros((2, len(q), len(CASES)), np.float32)
    word = q > 0
    table[:, word, 0] = np.log((1.002 - q[word]) / (1 - usual_title))
    table[0, word, 1] = np.log(q[word] / usual_title)
    return table


def case_table() -> Floats:
    """[2, 4, 84] log P(case | first or later letter, case expert); 0 for what has no case."""
    table = np.zeros((2, len(CASES), len(ALPHABET)), np.float32)
    small, large, letters = ([ALPHABET.index(c) for c in chars] for chars in (LOWER, UPPER, LETTERS))
    table[:, 0, large] = IMPOSSIBLE
    table[0, 1, small] = IMPOSSIBLE
    table[1, 1, large] = IMPOSSIBLE
    table[:, 2, small] = IMPOSSIBLE
    table[:, 3, letters] = np.log(0.5)
    return table


def code_table() -> Floats:
    """[5, 84] log P(character | maker of random groups)."""
    marks = 0.06
    shares = {
        "number": {DIGITS: 0.85, MARKS: 0.15},
        "lower": {LOWER: 1 - marks, MARKS: marks},
        "upper": {UPPER: 1 - marks, MARKS: marks},
        "plate": {UPPER + DIGITS: 1 - marks, MARKS: marks},
        "any": {UPPER + LOWER + DIGITS: 1 - marks, MARKS: marks},
    }
    table = np.full((len(CODES), len(ALPHABET)), np.exp(IMPOSSIBLE))
    for row, kind in zip(table, CODES, strict=True):
        for chars, share in shares[kind].items():
            row[[ALPHABET.index(c) for c in chars]] = share * (1 - CODE_STOP) / len(chars)
    boosted: Floats = (np.log(table) + CODE_BOOST).astype(np.float32)
    return boosted


def next_word(*, opening: bool) -> Floats:
    """[K] P(expert of a word), at the opening of a sentence or not, whatever came before."""
    if opening:
        cases = {"lower": 0.3, "title": 0.6, "upper": 0.03, "mixed": 0.004}
    else:
        cases = {"lower": 0.8, "title": 0.12, "upper": 0.02, "mixed": 0.003}
    p = [share * cases[c] for share in KINDS.values() for c in CASES]
    p += [4 * CODE_PRIOR if c == "number" else CODE_PRIOR for c in CODES]
    return np.array([share / sum(p) for share in p], np.float32)


def switch_table(*, opening: bool) -> Floats:
    """[K, K] P(expert of the next word | expert of this one): capitals and codes like to go on."""
    fresh = next_word(opening=opening)
    table = np.repeat(fresh[None], _K, axis=0)
    for i, name in enumerate(EXPERTS):
        kind, case = name.split()
        again = np.zeros(_K, np.float32)
        if kind == "code":
            again[i] = 1.0
            table[i] = np.exp(CODE_GOES) * ((1 - CODE_STAYS) * fresh + CODE_STAYS * again)
        elif case == "upper":
            for k, share in KINDS.items():
                again[EXPERTS.index(f"{k} upper")] = 0.96 * share
            again[[EXPERTS.index("code upper"), EXPERTS.index("code number")]] = 0.02
            table[i] = 0.25 * fresh + 0.75 * again
        elif kind == "sound":
            again[i] = 1.0
            table[i] = 0.7 * fresh + 0.3 * again
    return table.astype(np.float32)
