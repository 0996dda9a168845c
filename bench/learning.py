"""Draw learning curves of line recognisers: error rate on held-back lines against lines seen.

    python bench/learning.py RUN [RUN ...] [--out learning.png]

RUN is a folder that `unscrawl learn-lines` left, with its run.json. One run is drawn set by set, several
beside each other, each named by its folder and size. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator

Points = list[tuple[float, float]]
"""(lines seen, wrong characters in percent)"""

COLOURS: Final = colormaps["tab20"]
READS: Final = 0.8
"""Error rate below which a network reads: until then it has learnt to give blanks, and the curve is flat."""


def history(run: Path) -> tuple[str, list[dict[str, Any]]]:
    """Return the name of a run and its looks at the held-back lines, from the first at which it reads.

    Raises:
        OSError, ValueError, KeyError: no run.json of a line recogniser there.
    """
    record = json.loads((run / "run.json").read_text("utf-8"))
    net, looks = record["net"], record["history"]
    return f"{run.name}, {net['blocks']} × {net['width']}", [k for k in looks if k["cer"] < READS]


def curves(runs: list[tuple[str, list[dict[str, Any]]]]) -> dict[str, Points]:
    """Return the curves to draw, the one of all sets pooled first for a single run."""
    pooled = {name: [(look["lines"], 100 * look["cer"]) for look in looks] for name, looks in runs}
    if len(runs) > 1:
        return pooled
    name, looks = runs[0]
    sets = sorted(looks[-1]["sets"], key=lambda s: -looks[-1]["sets"][s]) if looks else []
    return {
        f"all ({name})": pooled[name],
        **{s: [(k["lines"], 100 * k["sets"][s]) for k in looks if s in k["sets"]] for s in sets},
    }


def draw(axes: Axes, drawn: dict[str, Points], bold: bool) -> None:
    """Draw the curves, each with its last value."""
    for k, (name, points) in enumerate(drawn.items()):
        x, y = zip(*points, strict=True)
        first = bold and k == 0
        colour = "black" if first else COLOURS(k % 20)
        axes.plot(x, y, color=colour, lw=2.2 if first else 1, label=f"{name}: {y[-1]:.1f} %")
        axes.plot(x[-1], y[-1], "o", color=colour, ms=4)
    axes.set_ylim(0, min(100.0, max(y for points in drawn.values() for _, y in points) * 1.05))


def main() -> None:
    """Draw the runs asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("learning.png"))
    args = parser.parse_args()
    try:
        runs = [history(run) for run in args.runs]
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"no run of a line recogniser: {error}")
    if not all(looks for _, looks in runs):
        sys.exit("a run does not read its held-back lines yet: nothing to draw")
    figure = Figure(figsize=(7.5, 4.4), layout="constrained")
    axes = figure.add_subplot(
        xlabel="lines seen", ylabel="wrong characters on held-back lines, %", xscale="log"
    )
    draw(axes, curves(runs), bold=len(runs) == 1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter("")
    axes.grid(alpha=0.3, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(fontsize=8, loc="outside right upper", frameon=False)
    figure.savefig(args.out, dpi=150)


if __name__ == "__main__":
    main()
