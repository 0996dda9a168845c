"""How well a new alphabet is read that was taught from a few samples of each symbol.

    python bench/alphabets.py DATA --json results.json

Of each alphabet 20 symbols are drawn, and a hand is taught 3, 5 or 10 samples of each as `unscrawl teach
NAME --alphabet new` does. Read are other samples of them, at most 20 a symbol: one by one, and set in rows of
words, where a sign too many, one too few and a wrong one are a mistake each. The samples come from many
writers, mostly one a sample; a person's own symbols are more alike.

Letters are no new symbols to the network. So each picture is mirrored at its diagonal, and only those of
`glyphs_eval/`, which trained nothing, are measured upright as well. What teaching has in settings was chosen
on the mirrored ones of `glyphs/`. Alphabets are capitals or small letters, for the pictures do not tell the
two apart by size, and marks without those that differ in size or place alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from teaching import options, tell
from unscrawl import Reader
from unscrawl.alphabet import LOWER, UPPER
from unscrawl.glyph import prepare, prepare_all
from unscrawl.hand import Character, Hand
from unscrawl.page import Page
from unscrawl.teach import teach

ALPHABETS: Final = {
    "az_capitals": ("glyphs/az_capitals", UPPER),
    "bhmsds": ("glyphs/bhmsds", "0123456789*-+/wxyz"),
    "bp62 capitals": ("glyphs/bp62", UPPER),
    "bp62 small": ("glyphs/bp62", LOWER),
    "comnist": ("glyphs/comnist", UPPER),
    "names": ("glyphs/names_letters", UPPER),
    "omniglot latin": ("glyphs/omniglot_latin", LOWER),
    "ascii marks": ("glyphs_eval/ascii_marks", '!"#$%&()*+-/:;<=>?@[\\]^{|}~'),
    "bp62_dev capitals": ("glyphs_eval/bp62_dev", UPPER),
    "bp62_dev small": ("glyphs_eval/bp62_dev", LOWER),
    "chars74k capitals": ("glyphs_eval/chars74k_dev", UPPER),
    "chars74k small": ("glyphs_eval/chars74k_dev", LOWER),
    "choice capitals": ("glyphs_eval/choice_dev", UPPER),
    "choice small": ("glyphs_eval/choice_dev", LOWER),
    "phone": ("glyphs_eval/phone_dev", UPPER),
}
"""File and characters of each alphabet; those of CHoiCe were cut from joined writing."""

TAUGHT: Final = (3, 5, 10)
SYMBOLS: Final = 20
HELD: Final = 20
"""Samples of a symbol that are read, at most."""
ROWS: Final = 3
"""Rows of each draw; each holds every symbol once."""
WORD: Final = 5
"""Signs between two spaces."""
SIDE: Final = 48
"""Size of a sign in a row, px."""

Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Row:
    """An alphabet taught `taught` samples a symbol, all draws of symbols together.

    `right` of `read` samples are, one by one; `set` signs in rows have `wrong` mistakes; `seconds` is the
    longest teaching.
    """

    alphabet: str
    mirrored: bool
    fresh: bool
    taught: int
    symbols: int
    read: int
    right: int
    set: int
    wrong: int
    seconds: float

    @property
    def shares(self) -> tuple[float, float]:
        """How many percent are right, one by one and in rows."""
        return 100 * self.right / self.read, 100 * (1 - self.wrong / self.set)


def load(data: Path, alphabet: str, *, mirrored: bool) -> dict[str, Pictures]:
    """Return the pictures of each symbol, [N, 64, 64]."""
    file, symbols = ALPHABETS[alphabet]
    with np.load(data / f"{file}.npz", allow_pickle=False) as z:
        x, label = z["x"], z["label"]
    x = np.ascontiguousarray(x.transpose(0, 2, 1)) if mirrored else x
    return {c: x[label == c] for c in symbols}


def drawn(known: Mapping[str, Pictures], rng: np.random.Generator) -> dict[str, Pictures]:
    """Draw symbols with enough pictures for every number of samples, where there are as many; mix these."""
    able: list[str] = []
    for fewest in reversed(TAUGHT):
        if len(able) < SYMBOLS:
            able = [c for c, pictures in known.items() if len(pictures) > fewest]
    chosen = sorted(rng.choice(able, min(SYMBOLS, len(able)), replace=False).tolist())
    return {c: rng.permutation(known[c]) for c in chosen}


def written(signs: Sequence[Pictures], rng: np.random.Generator) -> Pictures:
    """Set signs [64, 64] in a row, as words, with the gaps and the ups and downs of a hand; dark on white."""
    placed, x = [], SIDE
    for i, sign in enumerate(signs):
        small = cv2.resize(sign, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        columns = np.flatnonzero(small.max(axis=0) >= 64)
        ink = small[:, columns[0] : columns[-1] + 1]
        space = rng.normal(1.0, 0.15) if i and i % WORD == 0 else 0.0
        x += round(SIDE * (space + max(rng.normal(0.25, 0.08), 0.08)))
        placed.append((x, SIDE + round(SIDE * rng.normal(0, 0.04)), ink))
        x += ink.shape[1]
    row = np.zeros((3 * SIDE, x + SIDE), np.uint8)
    for left, top, ink in placed:
        row[top : top + SIDE, left : left + ink.shape[1]] = ink
    return np.asarray(255 - 0.8 * row, np.uint8)


def _signs(page: Page) -> list[str]:
    return [glyph.text for line in page.lines for word in line.words for glyph in word.glyphs]


def examine(
    reader: Reader, symbols: Mapping[str, Pictures], rng: np.random.Generator
) -> Iterator[tuple[int, NDArray[np.int64], float]]:
    """Teach the first samples of each symbol and read the last ones, once for each number of samples.

    Yields that number; samples read, right ones, signs in rows, mistakes in these; seconds to teach.
    """
    fewest = min(map(len, symbols.values()))
    counts = [count for count in TAUGHT if count < fewest]
    held = {c: pictures[counts[-1] :][:HELD] for c, pictures in symbols.items()}
    truth = [c for c, pictures in held.items() for _ in pictures]
    shown = prepare_all([p for pictures in held.values() for p in pictures])
    logits = reader.recogniser.logits(shown)
    orders = [[str(c) for c in rng.permutation(list(held))] for _ in range(ROWS)]
    rows = [written([rng.choice(held[c]) for c in order], rng) for order in orders]
    seen = [reader.look(row, layout="line") for row in rows]
    for count in counts:
        given = [Character(prepare(p), c) for c, pictures in symbols.items() for p in pictures[:count]]
        new = Hand("bench", own_alphabet=True)
        report = teach(new, (), given, recogniser=None, glyphs=reader.recogniser, own_alphabet=True)
        taught = reader.with_hand(report.hand)
        best = taught.log_probabilities(logits, shown)[:, :-1].argmax(axis=1)  # the last is no character
        read = [_signs(taught.tell(one)) for one in seen]
        right = sum(taught.classes[i] == c for i, c in zip(best, truth, strict=True))
        wrong = sum(map(Levenshtein.distance, orders, read))
        yield count, np.array([len(truth), right, sum(map(len, orders)), wrong]), report.seconds


def measure(
    reader: Reader, data: Path, alphabets: Sequence[str], *, draws: int = 3, seed: int = 0
) -> Iterator[Row]:
    """Yield a row for each alphabet, mirrored or not, and number of samples."""
    for name in alphabets:
        fresh = ALPHABETS[name][0].startswith("glyphs_eval/")
        for mirrored in (True, False)[: 1 + fresh]:
            known = load(data, name, mirrored=mirrored)
            figures = dict.fromkeys(TAUGHT, np.zeros(4, np.int64))
            longest = dict.fromkeys(TAUGHT, 0.0)
            for draw in range(draws):
                rng = np.random.default_rng([seed, draw])
                symbols = drawn(known, rng)
                for count, counted, seconds in examine(reader, symbols, rng):
                    figures[count] = figures[count] + counted
                    longest[count] = max(longest[count], seconds)
            for count in TAUGHT:
                read, right, placed, wrong = figures[count].tolist()
                if read:
                    ways = name, mirrored, fresh, count, len(symbols)
                    yield Row(*ways, read, right, placed, wrong, longest[count])


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each kind of alphabets and number of samples: mean over alphabets and their spread."""
    kinds = {
        "chose the settings, mirrored": (True, False),
        "mirrored": (True, True),
        "upright": (False, True),
    }
    for kind, (mirrored, fresh) in kinds.items():
        for count in TAUGHT:
            own = [r for r in rows if (r.mirrored, r.fresh, r.taught) == (mirrored, fresh, count)]
            if own:
                mean, spread = (f([row.shares for row in own], axis=0) for f in (np.mean, np.std))
                yield (
                    f"{kind}, {count} samples, mean of {len(own)}: "
                    f"{mean[0]:.1f} ± {spread[0]:.1f} % one by one (n = {sum(row.read for row in own)}), "
                    f"{mean[1]:.1f} ± {spread[1]:.1f} % in rows (n = {sum(row.set for row in own)})"
                )


def main() -> None:
    """Measure, print a table, and write the figures where asked to."""
    parser = options(__doc__, "the shared data folder: glyphs/, glyphs_eval/")
    parser.add_argument("--draws", type=int, default=3, help="of the symbols of each alphabet")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    reader = Reader(model=args.model, language=None, threads=args.threads)
    rows = []
    for row in measure(reader, args.data, args.sets or list(ALPHABETS), draws=args.draws, seed=args.seed):
        rows.append(row)
        alone, together = row.shares
        print(
            f"{row.alphabet:18} {'mirrored' if row.mirrored else 'upright':8} {row.symbols} × {row.taught:2} "
            f"{alone:6.1f} % of {row.read:4} one by one {together:6.1f} % of {row.set:3} in rows  "
            f"{row.seconds:.1f} s",
            flush=True,
        )
    tell(summary(rows), rows, args.json)


if __name__ == "__main__":
    main()
