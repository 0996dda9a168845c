"""Figures of what line readers read: errors, certainty, seconds, memory; as Markdown and drawn."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from rapidfuzz.distance import Levenshtein

from linesets import LINES, POOLED

__all__ = ["LEFT_OUT", "OURS", "RIVALS", "Results", "cer", "judge", "plot", "rows", "sure", "table", "wer"]

Entry: TypeAlias = dict[str, Any]
"""What an entrant read of a set: readings (name, truth, text), confidences, lines, seconds, peak MB."""
Results: TypeAlias = dict[str, dict[str, Entry]]
"""By entrant and set."""

OURS: Final = ("unscrawl", "ink alone")
RIVALS: Final = ("rapidocr", "tesserocr")
LEFT_OUT: Final = "left out"
SURE: Final = 0.9
"""Confidence from which a character counts as certain."""


def cer(entries: Iterable[Entry]) -> float:
    """Character error rate, pooled: Levenshtein distance over the length of the truth."""
    pairs = [(truth, read) for e in entries for _, truth, read in e["readings"]]
    return sum(Levenshtein.distance(t, r) for t, r in pairs) / sum(len(t) for t, _ in pairs)


def wer(entries: Iterable[Entry]) -> float:
    """Word error rate, pooled."""
    pairs = [(truth.split(), read.split()) for e in entries for _, truth, read in e["readings"]]
    return sum(Levenshtein.distance(t, r) for t, r in pairs) / sum(len(t) for t, _ in pairs)


def judge(truth: str, read: str, confidences: Sequence[float]) -> list[tuple[float, bool]]:
    """Return (confidence, right?) of every character read but spaces, aligned with the fewest edits.

    Raises:
        ValueError: not one confidence a character.
    """
    wrong = {op.src_pos for op in Levenshtein.editops(read, truth) if op.tag != "insert"}
    places = [i for i, c in enumerate(read) if c != " "]
    return [(c, i not in wrong) for c, i in zip(confidences, places, strict=True)]


def sure(entries: Iterable[Entry]) -> tuple[float, float]:
    """Return the share of characters read that are certain, and the share of these that are right."""
    judged = [
        pair
        for e in entries
        for (_, truth, read), confidences in zip(e["readings"], e["confidences"], strict=True)
        for pair in judge(truth, read, confidences)
    ]
    certain = [right for confidence, right in judged if confidence >= SURE]
    return len(certain) / max(1, len(judged)), sum(certain) / max(1, len(certain))


def rows(
    results: Results, entrants: Sequence[str], order: Sequence[str]
) -> Iterator[tuple[str, dict[str, list[Entry]]]]:
    """Yield the name and the entries by entrant of each row: every set, the French ones and all lines pooled.

    An entrant that has not read all that others have of a pool is left out of that row.
    """
    for name in order:
        if by := {e: [results[e][name]] for e in entrants if name in results.get(e, {})}:
            yield name, by
        for pool, title in ((POOLED, "other French sets, pooled"), (LINES, "all joined lines, pooled")):
            parts = [n for n in pool if any(n in results.get(e, {}) for e in entrants)]
            whole = [e for e in entrants if parts and all(n in results.get(e, {}) for n in parts)]
            if name == pool[-1] and whole:
                yield title, {e: [results[e][n] for n in parts] for e in whole}


# ── Markdown ──────────────────────────────────────────────────────────────────────────────────────


def table(results: Results, order: Sequence[str], cores: int) -> str:
    """Return tables of errors, of certainty and time, of memory, and of sources left out of training."""
    entrants = [e for e in (*OURS, *RIVALS) if results.get(e)]
    found = list(rows(results, entrants, order))
    machine = f"{platform.machine()}, {cores} cores, Python {platform.python_version()}"
    versions = "".join(f", {n} {importlib.metadata.version(n)}" for n in RIVALS if n in entrants)
    parts = [_errors(found, entrants), _certainty(found, entrants), _memory(results, entrants)]
    if results.get(LEFT_OUT):
        parts.append(_left_out(results, order))
    return "\n\n".join([*parts, f"{machine}{versions}."]) + "\n"


def _errors(found: Sequence[tuple[str, dict[str, list[Entry]]]], entrants: Sequence[str]) -> str:
    out = ["Wrong characters / wrong words.", "", *_head("set", "lines", *entrants)]
    for name, by in found:
        both = [f"{cer(by[e]):.1%} / {wer(by[e]):.1%}" if e in by else "–" for e in entrants]
        out.append(_row(name, _lines(by), *both))
    return "\n".join(out)


def _certainty(found: Sequence[tuple[str, dict[str, list[Entry]]]], entrants: Sequence[str]) -> str:
    out = [
        f"Characters given a confidence from {SURE}, errors with language against without, seconds a line."
    ]
    out += ["", *_head("set", "certain", "of these right", "language", *entrants)]
    for name, by in found:
        certain = [f"{share:.1%}" for share in sure(by["unscrawl"])] if "unscrawl" in by else ["–", "–"]
        both = [cer(by[e]) for e in OURS if e in by]
        change = f"{both[0] / both[1] - 1:+.0%}" if len(both) == 2 and both[1] else "–"
        out.append(
            _row(name, *certain, change, *(f"{_pace(by[e]):.3f}" if e in by else "–" for e in entrants))
        )
    return "\n".join(out)


def _memory(results: Results, entrants: Sequence[str]) -> str:
    out = ["Most memory of the process, and processor seconds a line.", ""]
    out += _head("", "lines", "pages", "processor seconds, lines", "pages")
    for entrant in entrants:
        pages = [e for name, e in results[entrant].items() if "page" in name]
        lines = [e for name, e in results[entrant].items() if "page" not in name]
        peaks = [f"{max(e['peak MB'] for e in part)} MB" if part else "–" for part in (lines, pages)]
        work = [f"{_pace(part, 'processor seconds'):.3f}" if part else "–" for part in (lines, pages)]
        out.append(_row(entrant, *peaks, *work))
    return "\n".join(out)


def _left_out(results: Results, order: Sequence[str]) -> str:
    shown = ["unscrawl", LEFT_OUT, *RIVALS]
    out = ["Wrong characters on sources left out of training.", ""]
    out += _head("source", "lines", "trained on others of it", "trained without it", *RIVALS)
    for name, by in rows(results, shown, order):
        if LEFT_OUT in by:
            out.append(_row(name, _lines(by), *(f"{cer(by[e]):.1%}" if e in by else "–" for e in shown)))
    return "\n".join(out)


def _head(*cells: str) -> list[str]:
    return [_row(*cells), "|---" * len(cells) + "|"]


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _lines(by: dict[str, list[Entry]]) -> int:
    return sum(int(entry["lines"]) for entry in next(iter(by.values())))


def _pace(entries: Sequence[Entry], clock: str = "seconds") -> float:
    """Seconds a line, warm."""
    return float(sum(e[clock] for e in entries) / max(1, sum(e["lines"] for e in entries)))


# ── drawn ─────────────────────────────────────────────────────────────────────────────────────────


def plot(results: Results, order: Sequence[str], path: Path) -> None:
    """Draw the character error rates of each set, with their values.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure

    entrants = [e for e in ("unscrawl", *RIVALS) if results.get(e)]
    found = list(rows(results, entrants, order))
    figure = Figure(figsize=(7.5, 0.9 + 0.55 * len(found)), layout="constrained")
    axes = figure.add_subplot(xlabel="wrong characters, %")
    high = 0.8 / max(1, len(entrants))
    for k, entrant in enumerate(entrants):
        here = [(i, 100 * cer(by[entrant])) for i, (_, by) in enumerate(found) if entrant in by]
        at = [i + (k - (len(entrants) - 1) / 2) * high for i, _ in here]
        colour = {"unscrawl": "#1f6f8b", "rapidocr": "#c4c4c4", "tesserocr": "#8f8f8f"}[entrant]
        bars = axes.barh(at, [v for _, v in here], 0.9 * high, label=entrant, color=colour)
        axes.bar_label(bars, [f"{v:.1f}" for _, v in here], padding=2, fontsize=7)
    axes.set_yticks(range(len(found)), [f"{name} ({_lines(by)})" for name, by in found], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.spines[["top", "right"]].set_visible(False)
    if entrants:
        figure.legend(fontsize=8, ncols=3, loc="outside upper center", frameon=False)
    figure.savefig(path, dpi=150)
