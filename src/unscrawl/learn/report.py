"""Results to look at: text for the terminal, a self-contained HTML page, runs side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
import numpy as np
from numpy.typing import NDArray

from unscrawl.formats import write_text
from unscrawl.learn import charts
from unscrawl.learn.evaluation import CORRECTIONS, Report, recall
from unscrawl.learn.sets import ImageSet

if TYPE_CHECKING:
    from unscrawl.learn.checkpoint import Run

__all__ = ["as_json", "as_text", "comparison", "comparison_text", "first_filters", "write_report"]

_FILTERS: Final = 64
_NONE: Final = "–"


def as_json(values: Any) -> str:
    """Return one JSON object on one line."""
    return json.dumps(values, ensure_ascii=False, allow_nan=False)


def as_text(report: Report) -> str:
    """Return a report for the terminal."""
    low, high = report.interval
    lines = [
        f"{report.data}: {report.n:,} pictures",
        f"accuracy {report.accuracy:.2%}  (95% interval {low:.2%} … {high:.2%}), "
        f"{round(report.n * (1 - report.accuracy)):,} wrong",
    ]
    if report.corrected is not None:
        accuracy, (low, high) = report.corrected
        lines.append(f"with the 15 label errors corrected {accuracy:.2%}  ({low:.2%} … {high:.2%})")
    lines.append(f"expected calibration error {report.ece:.2%}")
    rows = [("class", "pictures", "recognised", "guesses right")]
    rows += [(c.name, f"{c.n:,}", _percent(c.accuracy), _percent(c.precision)) for c in report.per_class]
    lines += ["", *_columns(rows)]
    if confusions := report.confusions():
        pairs = "  ".join(f"{label}→{guess} {count}" for label, guess, count in confusions)
        lines += ["", f"commonest confusions: {pairs}"]
    return "\n".join(lines) + "\n"


def _percent(share: float | None) -> str:
    return _NONE if share is None else f"{share:.2%}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]


def write_report(
    path: Path,
    report: Report,
    images: ImageSet,
    run: Run | None = None,
    *,
    name: str = "",
    command: str = "",
) -> None:
    """Write `report` as one HTML file that needs nothing else.

    Args:
        path: the file.
        report: what was measured.
        images: the pictures it was measured on, for the gallery of mistakes.
        run: gives the curves, the filters, the recipe; None for an exported network.
        name: what to call the network; the run's own name for it unless given.
        command: what made the report.

    Raises:
        OutputError: the file cannot be written.
    """
    history = run.history if run else []
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("unscrawl.learn", "templates"), autoescape=True, trim_blocks=True
    )
    environment.filters |= {"percent": _percent}
    page = environment.get_template("report.html").render(
        report=report,
        run=run,
        name=name or (run.model_name if run else "A network"),
        command=command,
        loss=_curves(history, "loss", percent=False),
        accuracy=_curves(history, "accuracy", percent=True),
        matrix=charts.matrix(report.confusion, report.classes),
        reliability=charts.reliability(report.bins),
        confusions=report.confusions(),
        corrections=CORRECTIONS if report.corrected else {},
        mistakes=[(m, charts.png(images.images[m.index])) for m in report.mistakes],
        filters=[charts.png(image) for image in first_filters(run)] if run else [],
        recipe=_flat({k: v for k, v in run.recipe.items() if k != "model"}) if run else {},
        parameters=_size(run) if run else 0,
    )
    write_text(path, page)


def _curves(history: Sequence[Mapping[str, float]], what: str, *, percent: bool) -> str:
    series = {
        "training": [(entry["epoch"], entry[what]) for entry in history if what in entry],
        "validation": [(e["epoch"], e[f"validation_{what}"]) for e in history if f"validation_{what}" in e],
    }
    return charts.curves(f"{what.capitalize()} over epochs", series, what, percent=percent)


def first_filters(run: Run) -> list[NDArray[np.uint8]]:
    """Return the weights of the first layer as pictures: grey is 0, each scaled by its own largest weight.

    Those are the kernels of a convolution, or the weights from every pixel of a fully connected layer; at
    most 64. Nothing for a network that begins otherwise.
    """
    weights = next((p for p in run.model.parameters() if p.ndim in (2, 4)), None)
    if weights is None:
        return []
    values = weights.detach().cpu().float().numpy()[:_FILTERS]
    if values.ndim == 2:
        if values.shape[1] != run.channels * run.size**2:
            return []
        values = values.reshape(-1, run.channels, run.size, run.size)
    if values.shape[1] not in (1, 3) or max(values.shape[2:]) < 2:
        return []
    largest = np.maximum(np.abs(values).max(axis=(1, 2, 3), keepdims=True), 1e-12)
    grey = np.rint(127.5 + 127.5 * values / largest).astype(np.uint8)
    return [image[0] if len(image) == 1 else image.transpose(1, 2, 0) for image in grey]


def _size(run: Run) -> int:
    """Return the number of trained values."""
    return sum(p.numel() for p in run.model.parameters())


def _flat(recipe: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a recipe without tables within tables: augment.rotate."""
    flat: dict[str, Any] = {}
    for key, value in recipe.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def comparison(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Return run → what → value: network, size, data, time, figures, and the keys in which recipes differ."""
    recipes = [_flat(run.recipe) for run in runs]
    keys = dict.fromkeys(key for recipe in recipes for key in recipe)
    differing = [key for key in keys if len({repr(recipe.get(key)) for recipe in recipes}) > 1]
    table: dict[str, dict[str, Any]] = {}
    for run, recipe in zip(runs, recipes, strict=True):
        facts: dict[str, Any] = {
            "model": run.model_name,
            "parameters": _size(run),
            "data": run.data,
            "seed": run.seed,
            "epochs": len(run.history),
            "seconds": round(run.seconds, 1),
            "device": run.device,
            "validation accuracy": run.validation_accuracy,
        }
        facts |= {f"accuracy on {data}": accuracy for data, accuracy in recall(run).items()}
        facts |= {f"recipe {key}": recipe.get(key) for key in differing if key not in facts}
        table[str(run.folder)] = facts
    return table


def comparison_text(table: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a comparison for the terminal, one column a run."""
    keys = dict.fromkeys(key for facts in table.values() for key in facts)
    rows = [("", *table)]
    for key in sorted(keys, key=lambda key: key.startswith("recipe ")):
        form = _percent if "accuracy" in key else _value
        rows.append((key, *(form(facts.get(key)) for facts in table.values())))
    return "\n".join(_columns(rows)) + "\n"


def _value(value: Any) -> str:
    if value is None:
        return _NONE
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) >= 1 or not math.isfinite(value) else f"{value:.5g}"
    return f"{value:,}" if type(value) is int else str(value)
