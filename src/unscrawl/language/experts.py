"""Who may have written a word: the experts of the text model, and how one follows another.

Three kinds spell with the language: the word list, the n-gram, and "sound", the n-gram with a context of
two symbols only (names and foreign words), each in small letters, Capitalised, CAPITALS or mixed. Six kinds
write codes, every character as likely as the next: numbers, small letters, small letters behind a capital
(so that strange names keep it), capitals, capitals with digits, anything. The figures below are rough
shares in letters and notes; those of codes were set on synthetic confusions (`bench/language.py`) so that
random groups are read no worse than without a language.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from unscrawl.alphabet import DIGITS, LETTERS, LINE, LOWER, MARKS, UPPER
from unscrawl.language.trie import IMPOSSIBLE, Floats

__all__ = ["CASES", "CODES", "EXPERTS", "KINDS", "case_table", "code_table", "joint_table", "next_word"]
__all__ += ["switch_table", "title_table"]

KINDS: Final = {"list": 0.49, "gram": 0.46, "sound": 0.05}
CASES: Final = ("lower", "title", "upper", "mixed")
CODES: Final = ("number", "lower", "name", "upper", "plate", "any")
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


def title_table() -> Floats:
    """[2, 256, 4] log P(case | word) / P(case), inside a sentence and at its opening.

    Of words that are capitalised inside sentences in so many cases of 255; 0 is for what is no word.
    """
    usual = next_word(opening=False)
    usual_title = float(usual[1] / (usual[0] + usual[1]))
    q = np.arange(1, 256, dtype=np.float32) / 255
    table = np.zeros((2, 256, len(CASES)), np.float32)
    table[:, 1:, 0] = np.log((1.002 - q) / (1 - usual_title))
    table[0, 1:, 1] = np.log(q / usual_title)
    return table


def case_table() -> Floats:
    """[2, 4, 128] log P(case | first or later letter, case expert); 0 for what has no case."""
    table = np.zeros((2, len(CASES), len(LINE)), np.float32)
    small = [i for i, c in enumerate(LINE) if c.islower()]
    large = [i for i, c in enumerate(LINE) if c.isupper()]
    table[:, 0, large] = IMPOSSIBLE
    table[0, 1, small] = IMPOSSIBLE
    table[1, 1, large] = IMPOSSIBLE
    table[:, 2, small] = IMPOSSIBLE
    table[:, 3, small + large] = np.log(0.5)
    return table


def code_table() -> Floats:
    """[2, 6, 128] log P(character | first or later letter, code); the space ends a code."""
    marks, accents = 0.06, 0.03
    small, large = (
        "".join(c for c in LINE if case(c) and c not in LETTERS) for case in (str.islower, str.isupper)
    )
    lower = {LOWER: 1 - marks - accents, small: accents, MARKS: marks}
    upper = {UPPER: 1 - marks - accents, large: accents, MARKS: marks}
    shares = {
        "number": ({DIGITS: 0.85, MARKS: 0.15},) * 2,
        "lower": (lower, lower),
        "name": (upper, lower),
        "upper": (upper, upper),
        "plate": ({UPPER + DIGITS: 1 - marks, MARKS: marks},) * 2,
        "any": ({UPPER + LOWER + DIGITS: 1 - marks, MARKS: marks},) * 2,
    }
    table = np.full((2, len(CODES), len(LINE)), np.exp(IMPOSSIBLE))
    for k, kind in enumerate(CODES):
        for place, share_of in enumerate(shares[kind]):
            for chars, share in share_of.items():
                table[place, k, [LINE.index(c) for c in chars]] = share * (1 - CODE_STOP) / len(chars)
    boosted: Floats = (np.log(table) + CODE_BOOST).astype(np.float32)
    boosted[:, :, 0] = np.log(CODE_STOP)
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


def joint_table() -> Floats:
    """[K, K] P(expert of the next part of a word): what spells goes on spelling, a code stays as it is."""
    table = np.eye(_K, dtype=np.float32)
    spells = [not name.startswith("code") for name in EXPERTS]
    words = switch_table(opening=False)[np.ix_(spells, spells)]
    table[np.ix_(spells, spells)] = words / words.sum(axis=1, keepdims=True)
    return table
