"""How much better a hand is read after a few of its lines were taught.

    python bench/teach.py DATA/lines --json results.json --plot docs/teach.png
    python bench/teach.py DATA/lines SET... --model runs/left/line.onnx --unseen --languages runs/left

Of each hand that the base never saw some lines are taught and others are read, at most 30: once the first k
lines are taught, once the last k. That is done quickly and thoroughly with the taught lines alone, and as in
a letter of which k lines were corrected: the pictures of the lines to be read are given beside, without their
text. Lines are read without a language, and in their language with the hand's own words. Hands are those held
back as a whole. One text of Copiste was copied by several volunteers: there, a hand is a sheet. Left out are
sets whose held-back pages are of hands that were trained on.

A model that was trained without whole sets (`unscrawl learn-lines --leave-out`) is measured on them with
`--unseen`: on every writer with 60 lines or more, of which the first are taught and the last are read. The
package's language files know the texts of these sets, so others belong to it that were made without them
(`python -m unscrawl.learn.words`): en.npz and fr.npz in the folder `--languages`. Where there are none only
what is read greedily counts, and no lines lie beside.
"""

from __future__ import annotations

import csv
import io
import re
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from teaching import options, tell
from unscrawl.alphabet import LINE
from unscrawl.hand import Hand, Sample
from unscrawl.language import Language
from unscrawl.learn.lines.sources import held_back
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.spelling import clean
from unscrawl.strip import prepare
from unscrawl.teach import teach
from unscrawl.teach.trial import greedy

SETS: Final = ("copiste_fr", "cremma_mss19_fr", "poilus_fr", "stanford1905")
TAUGHT: Final = (4, 16, 64)
READ: Final = 30
"""Lines read at most."""
LEAST: Final = 8
"""Lines read at least."""

LINES: Final = 60
"""Lines of a writer at least, where a whole set is unseen."""
ONE_HAND: Final = ("hooker",)
"""Sets whose letters, each called a writer there, are all of one hand."""

Frames = list[NDArray[np.float32]]


class Way(NamedTuple):
    """How many lines are taught, whether thoroughly, and whether the lines to be read lie beside them."""

    taught: int
    thorough: bool
    beside: bool


@dataclass(frozen=True)
class Row:
    """A hand taught `taught` lines, once or twice: wrong characters of `characters` before and after.

    `before` and `after` are those read greedily, `spelt_…` those read in their language; `seconds` is the
    longest of its teachings, `kept` how many of them were not given up for the base.
    """

    set: str
    hand: str
    taught: int
    thorough: bool
    beside: bool
    characters: int
    before: int
    after: int
    spelt_before: int
    spelt_after: int
    kept: int
    seconds: float

    @property
    def way(self) -> Way:
        """How it was taught."""
        return Way(self.taught, self.thorough, self.beside)

    @property
    def falls(self) -> tuple[float, float]:
        """By how many percent errors are fewer, read greedily and in the language."""
        pairs = ((self.before, self.after), (self.spelt_before, self.spelt_after))
        return tuple(100 * (1 - after / max(before, 1)) for before, after in pairs)  # type: ignore[return-value]


def hands(folder: Path, name: str) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each hand of a set that was held back as a whole."""
    rows = _rows(folder, name)
    held = held_back(name, rows)
    trained = {row["writer"] for i, row in enumerate(rows) if i not in held}
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        if row["writer"] not in trained and clean(row["text"]):
            sheet = re.sub(r"_\d$", "", Path(row["page"]).stem)  # _1, _2: its pages
            found.setdefault(sheet if name == "copiste_fr" else row["writer"], []).append(row)
    return found


def writers(folder: Path, name: str) -> dict[str, list[dict[str, str]]]:
    """Return the first and last rows of each writer of a set who wrote enough of it."""
    found: dict[str, list[dict[str, str]]] = {}
    for row in _rows(folder, name):
        if clean(row["text"]):
            found.setdefault(name if name in ONE_HAND else row["writer"], []).append(row)
    most = TAUGHT[-1] + READ
    enough = {writer: rows for writer, rows in found.items() if len(rows) >= LINES}
    return {
        writer: rows if len(rows) <= most else rows[: TAUGHT[-1]] + rows[-READ:]
        for writer, rows in enough.items()
    }


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _sample(archive: zipfile.ZipFile, row: dict[str, str]) -> Sample:
    grey = cv2.imdecode(np.frombuffer(archive.read(row["file"]), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    return Sample(prepare(np.asarray(grey, np.uint8)).image, clean(row["text"]) or "", row["file"])


def frames(recogniser: LineRecogniser, lines: Sequence[Sample], hand: Hand | None) -> Frames:
    """Return log p(class | frame) of each line as the base or the hand sees it."""
    taught = hand.line if hand else None
    given = taught.biases if taught else None
    recogniser = recogniser.adapted(taught.deep) if taught and taught.deep else recogniser
    head = taught.on(recogniser.head) if taught else None
    found = recogniser.features([line.strip for line in lines], given)
    return [recogniser.log_probabilities(f, head) for f in found]


def errors(log_p: Frames, lines: Sequence[Sample], language: Language) -> NDArray[np.int64]:
    """Return wrong characters read greedily, and read in the language."""
    plain = ["".join(LINE[c - 1] for c in greedy(p)) for p in log_p]
    spelt = ["".join(span.char for span in spans) for spans in language.decode_ctc(log_p)]
    return np.array(
        [
            sum(Levenshtein.distance(text, line.text) for text, line in zip(read, lines, strict=True))
            for read in (plain, spelt)
        ]
    )


def stand_in(folder: Path) -> AbstractContextManager[object]:
    """Return a context in which the language files of a folder stand in for the package's."""

    def arrays(name: str) -> dict[str, NDArray[np.uint8]]:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
            return dict(stored)

    return patch("unscrawl.language.read_arrays", arrays)


QUICK: Final = tuple(Way(k, thorough=False, beside=False) for k in TAUGHT)
BESIDE: Final = tuple(Way(k, thorough=False, beside=True) for k in TAUGHT)
THOROUGH: Final = tuple(Way(k, thorough=True, beside=False) for k in TAUGHT)


def measure(
    recogniser: LineRecogniser, folder: Path, sets: Sequence[str], *, unseen: bool, ways: Sequence[Way]
) -> Iterator[Row]:
    """Yield a row for each hand and way that it has lines enough for."""
    for name in sets:
        language = Language.load("fr" if name.endswith("_fr") else "en")
        with zipfile.ZipFile(folder / f"{name}.zip") as archive:
            for hand, rows in (writers if unseen else hands)(folder, name).items():
                own = [way for way in ways if way.taught + LEAST <= len(rows)]
                lines = [_sample(archive, row) for row in rows] if own else []
                for way in own:
                    taught = _taught(recogniser, lines, way, language, once=unseen)
                    yield Row(name, hand, way.taught, way.thorough, way.beside, *taught)


def _taught(
    recogniser: LineRecogniser, lines: Sequence[Sample], way: Way, language: Language, *, once: bool
) -> tuple[int, int, int, int, int, int, float]:
    """Teach the first lines and read others, then the last unless `once`; return the row's figures."""
    wrong, characters, kept, seconds = np.zeros((2, 2), np.int64), 0, 0, 0.0
    count = way.taught
    parts = [(lines[:count], lines[count:][-READ:]), (lines[-count:], lines[:-count][:READ])]
    for given, others in parts[:1] if once else parts:
        began = time.perf_counter()
        beside = [line.strip for line in others] if way.beside else []
        report = teach(Hand("bench"), given, recogniser=recogniser, thorough=way.thorough, others=beside)
        seconds = max(seconds, time.perf_counter() - began)
        own = language.with_words(report.hand.words)
        wrong[:, 0] += errors(frames(recogniser, others, None), others, language)
        wrong[:, 1] += errors(frames(recogniser, others, report.hand), others, own)
        characters += sum(len(line.text) for line in others)
        kept += report.kept
    (before, after), (spelt_before, spelt_after) = wrong.tolist()
    return characters, before, after, spelt_before, spelt_after, kept, seconds


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each number of lines taught: mean over hands, their spread, all hands pooled."""
    for way in sorted({row.way for row in rows}):
        own = [row for row in rows if row.way == way]
        falls = np.array([row.falls for row in own])
        before, after = (sum(getattr(row, part) for row in own) for part in ("spelt_before", "spelt_after"))
        means, spreads, least = falls.mean(axis=0), falls.std(axis=0), falls.min(axis=0)
        yield (
            f"{way.taught:3} lines{' thoroughly' * way.thorough}{', the others beside' * way.beside}: "
            f"{len(own)} hands; greedily fewer by "
            f"{means[0]:.1f} ± {spreads[0]:.1f} %, in the language by {means[1]:.1f} ± {spreads[1]:.1f} % "
            f"(pooled {100 * (1 - after / max(before, 1)):.1f} %), worst {least[0]:.1f}, {least[1]:.1f} %; "
            f"{np.median([row.seconds for row in own]):.1f} s"
        )


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draw the relative fall of the error rate over the lines taught: each hand, mean and deviation."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for hand in dict.fromkeys(row.hand for row in rows):
        own = [row for row in rows if row.hand == hand and row.thorough]
        axes.plot([0, *(r.taught for r in own)], [0.0, *(r.falls[1] for r in own)], color="#cda", lw=1)
    counts = sorted({row.taught for row in rows})
    for ways, name, colour in (
        (QUICK, "taught quickly", "#b33"),
        (BESIDE, "quickly, the lines to be read beside", "#338"),
        (THOROUGH, "thoroughly, and each hand", "#360"),
    ):
        falls = [np.array([r.falls[1] for r in rows if r.way == way]) for way in ways if way.taught in counts]
        if not all(len(f) for f in falls):
            continue
        middle, spread = [0.0, *(f.mean() for f in falls)], [0.0, *(f.std() for f in falls)]
        axes.errorbar([0, *counts], middle, spread, color=colour, lw=2, marker="o", capsize=4, label=name)
    axes.axhline(0, color="#444", lw=0.8)
    hands_of = {c: len({r.hand for r in rows if r.taught == c}) for c in counts}
    axes.set_xticks([0, *counts], ["0", *(f"{c}\n{hands_of[c]} hands" for c in counts)])
    axes.set(
        xlabel="lines taught",
        ylabel="fewer wrong characters in the language, %",
        title="Hands the base never saw",
    )
    axes.legend(loc="lower right")
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=130)
    path.write_bytes(data.getvalue())


def main() -> None:
    """Measure, print a table, and write figures and the curve where asked to."""
    parser = options(__doc__, "folder of NAME.tsv and NAME.zip")
    parser.add_argument("--plot", type=Path, help="draw the curve")
    parser.add_argument("--unseen", action="store_true", help="the model was trained without these sets")
    parser.add_argument("--only", choices=("quick", "thorough"), help="these teachings alone, none beside")
    parser.add_argument("--languages", type=Path, metavar="FOLDER", help="language files without their texts")
    args = parser.parse_args()
    rows, model = [], LineRecogniser(args.model, threads=args.threads)
    ways = {"quick": QUICK, "thorough": THOROUGH}.get(args.only, QUICK + THOROUGH)
    if not args.only and (args.languages or not args.unseen):
        ways += BESIDE
    with stand_in(args.languages) if args.languages else nullcontext():
        for row in measure(model, args.data, args.sets or SETS, unseen=args.unseen, ways=ways):
            rows.append(row)
            rates = [v / row.characters for v in (row.before, row.after, row.spelt_before, row.spelt_after)]
            print(
                f"{row.set:16} {row.hand[-28:]:28} {row.taught:3}{'+' if row.thorough else ' '}"
                f"{'b' if row.beside else ' '} "
                f"{rates[0]:6.1%} → {rates[1]:6.1%} {row.falls[0]:+6.1f} %   "
                f"{rates[2]:6.1%} → {rates[3]:6.1%} {row.falls[1]:+6.1f} %  "
                f"{row.seconds:5.1f} s, kept {row.kept}",
                flush=True,
            )
    tell(summary(rows), rows, args.json)
    if args.plot:
        plot(rows, args.plot)


if __name__ == "__main__":
    main()
