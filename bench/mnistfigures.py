"""What runs on MNIST come to: a table, and accuracy drawn against seconds and against size."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

Result: TypeAlias = dict[str, Any]
"""What came of a run: `curve` [[seconds, accuracy], …] of its looks at the test part, `parameters`, seconds
of the `import` of torch, peak memory in `mb`. Seconds and memory are None where they were not measured."""

OURS: Final = ("quick", "good", "mlp", "lenet-dropout", "tiny", "best", "best-7")
AVERAGE: Final = "average of "
"""How the name of several networks together begins: `average of 5 best`, `average of 4 best+best-7`."""
LOOKS: Final = {
    "quick": ("#0072B2", "o"), "good": ("#56B4E9", "s"), "mlp": ("#009E73", "D"), "best": ("#D55E00", "*"),
    "best-7": ("#D55E00", "4"),
    "lenet-dropout": ("#E69F00", "^"), "tiny": ("#CC79A7", "v"), "example": ("black", "P"),
    "exercise": ("0.3", "X"), "keras": ("0.45", "<"), "sklearn": ("0.6", ">"),
}  # fmt: skip
"""Colour and mark of each entrant: ours in those that the colour-blind tell apart, the others grey."""
SECONDS: Final = {
    5: "5 s", 10: "10 s", 20: "20 s", 60: "1 min", 120: "2 min", 300: "5 min", 600: "10 min", 1800: "30 min",
    7200: "2 h",
}  # fmt: skip
SIZES: Final = {n: f"{n:,}" for n in (3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)}
ACCURACIES: Final = (90, 95, 97, 98, 98.5, 99, 99.3, 99.5, 99.7, 99.8, 99.9)


def entrants(results: Mapping[str, Result]) -> dict[str, list[Result]]:
    """Group `results` (name/seed → result) by name: in the order of `LOOKS`, an average after its recipe."""
    found: dict[str, list[Result]] = {}
    for key, result in results.items():
        found.setdefault(key.split("/")[0], []).append(result)
    known = list(LOOKS)
    return dict(sorted(found.items(), key=lambda e: (known.index(base(e[0])), e[0].startswith(AVERAGE))))


def base(name: str) -> str:
    """Return the recipe or rival that `name` is of, of several the first."""
    return name.split(" ")[-1].split("+")[0]


def timed(found: list[Result]) -> list[Result]:
    """Return those of `found` whose seconds were measured."""
    return [r for r in found if r["curve"][-1][0] is not None]


def reached(curve: list[list[float]], accuracy: float) -> float | None:
    """Return the seconds after which `accuracy` was first measured."""
    return next((seconds for seconds, value in curve if value >= accuracy), None)


def spread(found: list[Result]) -> str:
    """Return the mean of the accuracies that runs ended with, and their deviation."""
    percent = [100 * r["curve"][-1][1] for r in found]
    off = f" ± {statistics.pstdev(percent):.2f}" if len(percent) > 1 else ""
    return f"{statistics.mean(percent):.2f}{off} %"


def table(results: Mapping[str, Result]) -> str:
    """Return the results as a Markdown table, one row an entrant."""
    rows = [
        "| | runs | parameters | test accuracy | least | seconds | to 99 % | import torch | memory |",
        "|---" * 9 + "|",
    ]
    for name, found in entrants(results).items():
        least = min(100 * r["curve"][-1][1] for r in found)
        cells = [name, len(found), f"{found[0]['parameters']:,}", spread(found), f"{least:.2f} %"]
        rows.append(f"| {' | '.join(map(str, [*cells, *_pace(found)]))} |")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return (
        "\n".join(rows)
        + "\n\nMean ± deviation of accuracy, medians of seconds, most memory; – where a finished run "
        f"was measured, not timed; {machine}.\n"
    )


def _pace(found: list[Result]) -> list[str]:
    """Return the cells of a row that tell of seconds and memory, of the runs that have such."""
    if not (clocked := timed(found)):
        return ["–"] * 4
    of = f" ({len(clocked)} runs)" if len(clocked) < len(found) else ""
    to_99 = [s for r in clocked if (s := reached(r["curve"], 0.99)) is not None]
    return [
        f"{statistics.median(r['curve'][-1][0] for r in clocked):.1f} s{of}",
        f"{statistics.median(to_99):.1f} s" if len(to_99) == len(clocked) else "not in every run",
        f"{statistics.median(r['import'] for r in clocked):.1f} s",
        f"{max(r['mb'] for r in clocked)} MB",
    ]


def looks(found: list[Result]) -> list[list[float]]:
    """Return the mean and deviation of seconds, and of the wrong percent, at each look at the test part."""
    rows = []
    for look in zip(*(r["curve"] for r in found), strict=False):
        seconds, wrong = [s for s, _ in look], [100 * (1 - accuracy) for _, accuracy in look]
        rows.append([f(v) for v in (seconds, wrong) for f in (statistics.mean, statistics.pstdev)])
    return [list(column) for column in zip(*rows, strict=True)]


def dress(axes: Any, kind: str) -> None:
    """Give the axes their ticks, in words one would use, and mark 99 and 99.5 %."""
    low, high = axes.get_xlim()
    ticks = SECONDS if kind == "seconds" else SIZES
    x = {value: label for value, label in ticks.items() if low <= value <= high}
    axes.set_xticks(list(x), list(x.values()))
    most, least = (100 - wrong for wrong in sorted(axes.get_ylim()))
    y = {100 - share: f"{share:g} %" for share in ACCURACIES if least <= share <= most}
    axes.set_yticks(list(y), list(y.values()))
    axes.minorticks_off()
    axes.invert_yaxis()
    axes.grid(alpha=0.25)
    for share in (99.0, 99.5):
        if least <= share <= most:
            axes.axhline(100 - share, color="0.35", lw=1, ls=":")
    axes.spines[["top", "right"]].set_visible(False)


def plots(results: Mapping[str, Result], out: Path) -> None:
    """Draw accuracy against seconds, of the runs that have such, and against the number of parameters.

    Mistakes are on a logarithmic scale: from 99 to 99.5 % is as far as from 98 to 99 %.

    Raises:
        ImportError: matplotlib is not installed.
    """
    found = entrants(results)
    clocked = {name: runs for name, every in found.items() if (runs := timed(every))}
    if clocked:
        _plot(clocked, "seconds", "time from the start of the process", out)
    _plot(found, "parameters", "parameters", out)


def _plot(found: dict[str, list[Result]], kind: str, label: str, out: Path) -> None:
    """Draw runs with their mean and deviation, the entrant that ends best first in the legend."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.6), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel=label, ylabel="right on the test part")
    for name, runs in sorted(found.items(), key=lambda e: -statistics.mean(r["curve"][-1][1] for r in e[1])):
        size = runs[0]["parameters"]
        if kind == "seconds":
            x, late, wrong, off = looks(runs)
        else:
            last = [100 * (1 - r["curve"][-1][1]) for r in runs]
            x, late, wrong, off = [size], [0.0], [statistics.mean(last)], [statistics.pstdev(last)]
        several, ours = name.startswith(AVERAGE), base(name) in OURS
        about = f"{name}{'' if several else f' ({len(runs)})'}  {spread(runs)}, "
        about += f"{x[-1]:,.0f} s" if kind == "seconds" else f"{size:,}"
        colour, marker = LOOKS[base(name)]
        inside = "white" if several else colour
        style = "none" if len(x) == 1 else "-" if ours else "--"
        axes.errorbar(x, wrong, off, late, fmt="none", ecolor=colour, elinewidth=0.8, capsize=2)
        axes.plot(
            x, wrong, marker, ms=7 if ours else 5, color=colour, mfc=inside, ls=style, lw=1.2, label=about
        )
    dress(axes, kind)
    title = f"entrant (runs), mean ± std\n{platform.machine()}, {os.cpu_count()} cores"
    legend = figure.legend(loc="outside right upper", fontsize=8.5, title=title, title_fontsize=8.5)
    legend.set(alignment="left", frame_on=False)
    figure.savefig(out / f"{kind}.png", dpi=150)
