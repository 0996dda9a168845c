"""Measures line and piece finding on made pages, and fits the odds of cuts and breaks.

    python bench/layout.py measure                    # table of figures
    python bench/layout.py fit                        # constants for src/unscrawl/layout/spacing.py

`--fonts DIR` takes more TTF files than the bundled ones; fit with many, or the odds learn six hands.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unscrawl import image, ink, synth
from unscrawl.lattice import hypotheses
from unscrawl.layout import LineInk, find_lines, find_rows, spacing

_WORDS = """
the of and to in a is that it was for on are as with his they at be this from have or by one had not but what
all were when we there can an your which their said if do will each about how up out them then she many some
so these would other into has more her two like him see time could no make than first been its who now people
my made over did down only way find use may water long little very after words called just where most know
apple boat quick jazz fox lazy dog zebra quiet vexed hymn jumping kitchen garden yellow
Dear Andrew Monday London Kate Yours James Queen Victor Zoe William Faithfully Gabriel
""".split()


def text(rng: np.random.Generator, lines: int) -> str:
    """Make lines of words, capitals, numbers, codes and marks, as letters and lists have them."""
    return "\n".join(_line(rng) for _ in range(lines))


def _line(rng: np.random.Generator) -> str:
    words = [str(w) for w in rng.choice(_WORDS, int(rng.integers(1, 8)))]
    kind = rng.random()
    if kind < 0.12:
        words = [w.upper() for w in words]
    elif kind < 0.2:
        words = ["".join(c.upper() if rng.random() < 0.5 else c for c in w) for w in words]
    elif kind < 0.3:
        digits = rng.integers(0, 6, len(words)).tolist()
        words = [str(rng.integers(1, 10**n)) if n else w for w, n in zip(words, digits, strict=True)]
    if rng.random() < 0.5:
        for _ in range(2):
            i = int(rng.integers(len(words)))
            words[i] += str(rng.choice(list(".,.,;:!?'-\"")))
    return " ".join(words)


@dataclass(frozen=True)
class Truth:
    """The true characters of a made page, in the working frame."""

    centres: NDArray[np.float64]  # [n, 2] (x, y)
    halves: NDArray[np.float64]  # [n, 2] half width and height of their boxes
    place: list[tuple[int, int]]  # line and word
    x_height: float

    @classmethod
    def of(cls, sheet: synth.Sheet, found: ink.Ink) -> Truth:
        """Bring the boxes of a sheet into the working frame."""
        boxes = np.array([g.box for g in sheet.glyphs], dtype=np.float64)
        scale = float(np.hypot(found.to_picture[0, 0], found.to_picture[1, 0]))
        offset = boxes[:, :2] + boxes[:, 2:] / 2 - found.to_picture[:, 2]
        words = [(i, j, w) for i, line in enumerate(sheet.lines) for j, w in enumerate(line.words)]
        place = [(i, j) for i, j, w in words for _ in w.glyphs]
        small = [g.box.height for g in sheet.glyphs if g.text in "acemnorsuvwxz"]
        x_height = float(np.median(small)) / scale if small else np.nan
        centres = offset @ np.linalg.inv(found.to_picture[:, :2]).T
        return cls(centres, boxes[:, 2:] / 2 / scale, place, x_height)


@dataclass
class Case:
    """What was found on a made page."""

    lines: list[LineInk]
    owners: list[list[int]]  # number of the true character of piece j of line i, -1 for none
    pure: list[list[bool]]  # whether a piece's ink is of one character
    truth: Truth
    seconds: float


def sheets(fonts: Sequence[Path], count: int, seed: int) -> Iterator[tuple[ink.Ink, Truth]]:
    """Make `count` pages by random hands and extract their ink; every third is a single line."""
    rng = np.random.default_rng(seed)
    for n in range(count):
        style = _spaced(synth.Style.random(rng, (fonts[int(rng.integers(len(fonts)))],)), rng)
        camera = synth.Camera(
            tilt=float(rng.normal(0, 2)), blur=float(rng.uniform(0.2, 1.0)), noise=float(rng.uniform(0, 3))
        )
        words = text(rng, 1 if n % 3 == 2 else 8)
        sheet = synth.letter(words, style, synth.Paper(texture=0.2), camera, rng)
        found = ink.extract(image.load(sheet.picture))
        yield found, Truth.of(sheet, found)


def judge(found: ink.Ink, truth: Truth) -> Case:
    """Find the lines of a page and compare them with the truth."""
    start = time.process_time()
    lines = find_lines(found)
    case = Case(lines, [], [], truth, time.process_time() - start)
    for line in lines:
        owners = [_owner(p.x, p.y, p.ink > 127, truth) for p in line.pieces]
        case.owners.append([o for o, _ in owners])
        case.pure.append([share > 0.85 for _, share in owners])
    return case


def _spaced(style: synth.Style, rng: np.random.Generator) -> synth.Style:
    """Widen the range of spacing: touching and spread letters, narrow and wide spaces, tight lines."""
    tracking = float(rng.choice([rng.uniform(-0.12, 0.1), rng.uniform(0.0, 0.4), rng.uniform(0.3, 0.9)]))
    word_gap = max(0.5, tracking + float(rng.uniform(0.4, 1.4)))
    uneven = style.spacing * float(rng.uniform(0.7, 3.0))
    line_gap = float(rng.uniform(2.5, 4.4))
    return replace(style, tracking=tracking, word_gap=word_gap, spacing=uneven, line_gap=line_gap)


def _owner(x: int, y: int, mask: NDArray[np.bool_], truth: Truth) -> tuple[int, float]:
    """Return the true character that most of a piece's ink lies in, and the share that does; -1 for none."""
    ys, xs = np.nonzero(mask)
    if len(xs) == 0:
        return -1, 0.0
    points = np.stack([xs + x + 0.5, ys + y + 0.5], axis=1)
    away = np.abs(truth.centres - points.mean(axis=0))
    near = np.flatnonzero((away < 6 * truth.halves.mean(axis=0) + 9).all(axis=1))
    if len(near) == 0:
        return -1, 0.0
    off = (np.abs(points[:, None, :] - truth.centres[near]) / (truth.halves[near] + 1.0)).max(axis=2)
    owner = np.where(off.min(axis=1) < 1.15, off.argmin(axis=1), -1)
    names, counts = np.unique(owner, return_counts=True)
    best = int(names[counts.argmax()])
    return (int(near[best]) if best >= 0 else -1), float(counts.max() / len(owner))


def _true_boundaries(
    owners: Sequence[int], place: Sequence[tuple[int, int]]
) -> tuple[list[bool], list[bool]]:
    """Tell for each piece whether a character, and whether a word, begins there."""
    pairs = list(itertools.pairwise(owners))
    cut = [True] + [a != b for a, b in pairs]
    word = [False] + [min(a, b) >= 0 and place[a] != place[b] for a, b in pairs]
    return cut, word


def measure(found: Sequence[Case]) -> dict[str, float]:
    """Return the figures of the table, see `docs/layout.md`."""
    lines = right = extra = chars = whole = pieces = hyps = 0
    x_off, cut_loss, breaks = [], [], []
    for case in found:
        home = np.array([line for line, _ in case.truth.place])
        lines += len(set(home.tolist()))
        chars += len(home)
        seen: set[int] = set()
        for line, owners, pure in zip(case.lines, case.owners, case.pure, strict=True):
            own = [home[t] for t in owners if t >= 0]
            main = int(np.bincount(own).argmax()) if own else -1
            extra += main in seen or main < 0
            if main not in seen and own.count(main) > 0.9 * len(own):
                right += _covered(line, case.truth.centres[home == main])
            seen.add(main)
            offered = {(h.start, h.stop) for h in hypotheses(line)}
            pieces += len(owners)
            hyps += len(offered)
            whole += _whole(offered, owners, pure)
            cut, word = _true_boundaries(owners, case.truth.place)
            p = np.clip(line.cuts[1:], 1e-3, 1 - 1e-3)
            cut_loss += list(-np.log(np.where(cut[1:], p, 1 - p)))
            breaks += list(zip(line.breaks[1:].tolist(), word[1:], strict=True))
            x_off.append(abs(np.log(line.x_height / case.truth.x_height)))
    odds, word = np.array(breaks).T
    p = np.clip(odds, 1e-3, 1 - 1e-3)
    return {
        "lines right, %": 100 * right / lines,
        "lines too many, %": 100 * extra / lines,
        "characters among the hypotheses, %": 100 * whole / chars,
        "pieces a character": pieces / chars,
        "hypotheses a piece": hyps / pieces,
        "cut log loss": float(np.mean(cut_loss)),
        "spaces missed, %": 100 * float((p < 0.5)[word > 0].mean()),
        "spaces too many, % of spaces": 100 * float((p >= 0.5)[word == 0].sum() / word.sum()),
        "break log loss": float(np.mean(-np.log(np.where(word > 0, p, 1 - p)))),
        "x-height off, median %": 100 * float(np.nanmedian(x_off)),
        "x-height off by > 25 %, % of lines": 100 * float((np.array(x_off) > np.log(1.25)).mean()),
        "seconds of processor a page, median": float(np.median([c.seconds for c in found])),
    }


def _covered(line: LineInk, centres: NDArray[np.float64]) -> bool:
    """Tell whether the pieces of a found line span at least 90 % of a true line's characters [n, 2]."""
    left = np.array([p.x for p in line.pieces])[:, None] - 0.3 * line.x_height
    right = np.array([p.x + p.ink.shape[1] for p in line.pieces])[:, None] + 0.3 * line.x_height
    inside = (left <= centres[:, 0]) & (centres[:, 0] <= right)
    return bool(inside.any(axis=0).mean() >= 0.9)


def _whole(offered: set[tuple[int, int]], owners: Sequence[int], pure: Sequence[bool]) -> int:
    """Count the characters that are exactly the pieces of one hypothesis."""
    spans: dict[int, list[int]] = {}
    for i, t in enumerate(owners):
        spans.setdefault(t, []).append(i)
    return sum(
        t >= 0 and s[-1] - s[0] + 1 == len(s) and all(pure[i] for i in s) and (s[0], s[-1] + 1) in offered
        for t, s in spans.items()
    )


@dataclass
class Examples:
    """Rows of features with their labels, for one logistic regression."""

    rows: list[NDArray[np.float64]] = field(default_factory=list)
    labels: list[bool] = field(default_factory=list)

    def add(self, row: NDArray[np.float64], label: bool) -> None:
        """Append one example."""
        self.rows.append(row)
        self.labels.append(label)


def examples(pages: Iterable[tuple[ink.Ink, Truth]]) -> dict[str, Examples]:
    """Collect the boundaries of made pages: cuts through ink, white gaps, and spaces."""
    found = {"seam": Examples(), "white": Examples(), "break": Examples()}
    for page, truth in pages:
        labels, rows = find_rows(page, least=0.0)
        gaps = [spacing.measure(row.atoms, labels, row.shape.x_height) for row in rows]
        for row, gap, features in zip(rows, gaps, spacing.break_features(gaps), strict=True):
            owners = [_owner(a.x, a.y, a.mask(labels), truth) for a in row.atoms]
            cut, word = _true_boundaries([o for o, _ in owners], truth.place)
            for i in range(1, len(owners)):
                if min(owners[i - 1][1], owners[i][1]) < 0.7 or min(owners[i - 1][0], owners[i][0]) < 0:
                    continue
                seam = row.atoms[i].seam
                if seam is not None:
                    found["seam"].add(seam, cut[i])
                else:
                    found["white"].add(gap.shape[i], cut[i])
                    found["break"].add(features[i], word[i])
    return found


def fit(data: Examples) -> NDArray[np.float64]:
    """Fit a logistic regression by Newton's method with a weak ridge; return the weights."""
    x, y = np.array(data.rows), np.array(data.labels, dtype=np.float64)
    weights = np.zeros(x.shape[1])
    for _ in range(40):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (y - p) - weights
        curve = (x.T * (p * (1 - p) + 1e-6)) @ x + np.eye(x.shape[1])
        weights += np.linalg.solve(curve, slope)
    p = np.clip(1 / (1 + np.exp(-np.clip(x @ weights, -30, 30))), 1e-4, 1 - 1e-4)
    loss = float(-np.log(np.where(y > 0, p, 1 - p)).mean())
    wrong = float(((p > 0.5) != (y > 0)).mean())
    print(f"# {len(y)} examples, {y.mean():.1%} true: log loss {loss:.3f}, wrong {wrong:.1%}")
    return weights


def main() -> None:
    """Run from the command line."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("task", choices=["measure", "fit"])
    parser.add_argument("--fonts", type=Path, help="folder of TTF files (default: the bundled fonts)")
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    fonts = sorted(options.fonts.glob("*.ttf")) if options.fonts else list(synth.bundled_fonts())
    pages = sheets(fonts, options.pages, options.seed)
    if options.task == "measure":
        for name, value in measure([judge(*page) for page in pages]).items():
            print(f"| {name} | {value:.3g} |")
        return
    for name, data in examples(pages).items():
        print(f"_{name.upper()} = np.array([{', '.join(f'{w:.3f}' for w in fit(data))}])")


if __name__ == "__main__":
    main()
