"""How much better single characters of a hand are read once ten that were misread are corrected.

    python bench/characters.py DATA/lines --json results.json

The characters are cut out of lines of hands that were held back as a whole, along their transcriptions; kept
are those whose neighbours fit, whatever they are read as themselves. Each is read by its picture alone: no
place on the line, no language. A person corrects the first ten mistakes in reading order. Taught are all
characters up to there, then, in another run, the ten alone; counted are mistakes in characters that were not
taught. Hands of which few characters could be cut are left out: they are joined.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from teach import hands
from teaching import options, tell
from unscrawl.errors import UnscrawlError
from unscrawl.glyph import prepare
from unscrawl.hand import Character, GlyphHead
from unscrawl.image import load
from unscrawl.ink import extract
from unscrawl.layout import find_lines
from unscrawl.recogniser import Recogniser
from unscrawl.teach.cutting import cut_line
from unscrawl.teach.glyphs import adapt_characters

SETS: Final = ("copiste_fr",)
CORRECTED: Final = 10
LINES: Final = 20
"""Lines that a hand has at least."""
CUT: Final = 100
"""Characters that can be cut out of them at least."""


@dataclass(frozen=True)
class Row:
    """A hand: of `read` characters that were not taught, how many were wrong before and after.

    `taught` characters were: with `alone` the corrected ones, else all up to the last of these.
    """

    set: str
    hand: str
    alone: bool
    taught: int
    read: int
    before: int
    after: int
    kept: bool

    @property
    def fall(self) -> float:
        """By how many percent mistakes are fewer."""
        return 100 * (1 - self.after / max(self.before, 1))


def characters(
    recogniser: Recogniser, archive: zipfile.ZipFile, rows: Sequence[dict[str, str]]
) -> Iterator[Character]:
    """Yield the characters that can be cut out of a hand's lines, in reading order."""
    for row in rows:
        try:
            picture = load(io.BytesIO(archive.read(row["file"])), row["file"])
            lines = find_lines(extract(picture, layout="line"), layout="line")
        except UnscrawlError:
            continue
        for cut in cut_line(recogniser, lines[0], row["text"], itself=-np.inf) if lines else ():
            if cut.char in recogniser.classes:
                yield Character(prepare(cut.ink), cut.char)


def read(
    recogniser: Recogniser,
    logits: NDArray[np.float32],
    pictures: NDArray[np.uint8],
    head: GlyphHead | None,
) -> NDArray[np.int64]:
    """Return the class of each character, [N]."""
    log_p = head.log_probabilities(logits, pictures) if head else recogniser.calibrate(logits)
    if recogniser.junk is not None:
        log_p[:, recogniser.junk] = -np.inf
    return np.asarray(log_p.argmax(axis=1), np.int64)


def measure(recogniser: Recogniser, folder: Path, sets: Sequence[str]) -> Iterator[Row]:
    """Yield two rows for each hand."""
    for name in sets:
        with zipfile.ZipFile(folder / f"{name}.zip") as archive:
            for hand, rows in hands(folder, name).items():
                found = list(characters(recogniser, archive, rows)) if len(rows) >= LINES else []
                if len(found) < CUT:
                    continue
                pictures = np.stack([c.picture for c in found])
                logits = recogniser.logits(pictures)
                truth = np.array([recogniser.classes.index(c.label) for c in found])
                wrong = read(recogniser, logits, pictures, None) != truth
                corrected = np.flatnonzero(wrong)[:CORRECTED]
                for alone, taught in ((False, np.arange(corrected[-1] + 1)), (True, corrected)):
                    head = adapt_characters([found[i] for i in taught], recogniser).head
                    rest = np.delete(np.arange(len(found)), taught)
                    after = read(recogniser, logits[rest], pictures[rest], head) != truth[rest]
                    counts = len(taught), len(rest), int(wrong[rest].sum()), int(after.sum())
                    yield Row(name, hand, alone, *counts, head is not None)


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each way of teaching: mean over hands, their spread, all hands pooled."""
    for alone in (False, True):
        own = [row for row in rows if row.alone == alone]
        falls = np.array([row.fall for row in own])
        before, after = sum(row.before for row in own), sum(row.after for row in own)
        yield (
            f"{'the ten alone' if alone else 'all up to the tenth mistake'}: {len(own)} hands, "
            f"{np.mean([row.taught for row in own]):.0f} characters taught; mistakes fewer by "
            f"{falls.mean():.1f} ± {falls.std():.1f} % (pooled {100 * (1 - after / max(before, 1)):.1f} %), "
            f"least {falls.min():.1f} %"
        )


def main() -> None:
    """Measure, print a table, and write the figures where asked to."""
    args = options(__doc__, "folder of NAME.tsv and NAME.zip").parse_args()
    rows = []
    for row in measure(Recogniser(args.model, threads=args.threads), args.data, args.sets or SETS):
        rows.append(row)
        print(
            f"{row.set:12} {row.hand[-28:]:28} {'alone' if row.alone else 'all':5} {row.taught:4} taught, of "
            f"{row.read:4} wrong {row.before:4} → {row.after:4} {row.fall:+6.1f} %"
            f"{'' if row.kept else ', the base kept'}",
            flush=True,
        )
    tell(summary(rows), rows, args.json)


if __name__ == "__main__":
    main()
