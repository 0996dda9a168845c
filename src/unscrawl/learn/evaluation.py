"""How good a network is: accuracy with its uncertainty, calibration, confusions, worst mistakes. NumPy only.

MNIST's test part has labels that are wrong; `CORRECTIONS` has them, so that both figures can be given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import DataError
from unscrawl.learn.scoring import Scored, align, part_to_measure, restrict, score_exported, score_run
from unscrawl.learn.sets import Data

if TYPE_CHECKING:
    from unscrawl.learn.checkpoint import Run

__all__ = [
    "CORRECTIONS",
    "ClassResult",
    "Mistake",
    "Report",
    "evaluate",
    "fit_temperature",
    "measure",
    "recall",
    "remember",
    "softmax",
    "wilson",
]

CORRECTIONS: Final = {
    947: 9, 1621: 6, 1901: 4, 2130: 4, 2462: 0, 2597: 3, 2654: 1, 3520: 6,
    3558: 0, 5937: 3, 6651: 6, 6783: 6, 8527: 4, 9679: 6, 9729: 6,
}  # fmt: skip
"""Test picture → label, for the 15 label errors of Northcutt et al. (arXiv 2103.14749).

Five people chose between the label each has and the one proposed. Where more of them took the proposal, it is
the label here; elsewhere the label stays: 2130 and 8527 (as many for each; an open 4 to us), 3520 and 9679
(most saw no digit).
"""

_BINS: Final = 15
_MISTAKES: Final = 100
_Z: Final = 1.959964  # 95 % of a normal distribution


@dataclass(frozen=True)
class ClassResult:
    """How one class fared; None where there is nothing to divide by."""

    name: str
    n: int
    accuracy: float | None
    """Share of its pictures that were recognised (recall)."""
    precision: float | None
    """Share of the guesses of this class that were right."""


@dataclass(frozen=True)
class Mistake:
    """A picture that was taken for something else."""

    index: int
    label: str
    guess: str
    confidence: float


@dataclass(frozen=True)
class Report:
    """The result of measuring a network on labelled pictures."""

    data: str
    classes: tuple[str, ...]
    n: int
    accuracy: float
    interval: tuple[float, float]
    """95 % Wilson score interval of the accuracy."""
    ece: float
    """Expected calibration error of the top choice over 15 equal bins (Guo et al. 2017)."""
    bins: tuple[tuple[float, float, int], ...]
    """Of each bin: mean confidence, accuracy, pictures."""
    per_class: tuple[ClassResult, ...]
    confusion: NDArray[np.int64]
    """[classes, classes]: label, guess."""
    mistakes: tuple[Mistake, ...]
    """The surest first, at most 100."""
    corrected: tuple[float, tuple[float, float]] | None = None
    """Accuracy and interval with MNIST's label errors corrected; None for other data."""

    def confusions(self, most: int = 10) -> list[tuple[str, str, int]]:
        """Return (label, guess, count) of the commonest mistakes."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        pairs = [divmod(int(place), len(self.classes)) for place in order]
        return [(self.classes[i], self.classes[j], int(wrong[i, j])) for i, j in pairs if wrong[i, j]]

    def export(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        result: dict[str, Any] = {
            "data": self.data,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "n": self.n,
            "ece": self.ece,
            "per_class": {
                c.name: {"n": c.n, "accuracy": c.accuracy, "precision": c.precision} for c in self.per_class
            },
            "confusions": [list(triple) for triple in self.confusions()],
        }
        if self.corrected is not None:
            result["corrected"] = {"accuracy": self.corrected[0], "interval": list(self.corrected[1])}
        return result


def softmax(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities [N, classes] for `logits` divided by `temperature`."""
    scaled = logits.astype(np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = scaled / scaled.sum(axis=1, keepdims=True)
    return result


def wilson(right: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval (Wilson 1927) of a share of `right` in `n`."""
    if n == 0:
        return 0.0, 1.0
    share, square = right / n, _Z * _Z / n
    middle = (share + square / 2) / (1 + square)
    half = sqrt(share * (1 - share) / n + square / (4 * n)) * _Z / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def fit_temperature(logits: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> float:
    """Return the T for which softmax(logits / T) gives `labels` the highest likelihood (Guo et al. 2017).

    Between 0.05 and 20: without a mistake in `labels` ever smaller T would fit ever better.

    Args:
        logits: [N, classes], of pictures that were not trained on.
        labels: [N].
    """
    z = logits.astype(np.float64)
    rows = np.arange(len(labels))

    def slope(sharpness: float) -> float:
        """Derivative of the mean loss, which is convex in the sharpness 1 / T."""
        expected = (softmax(z, 1 / sharpness) * z).sum(axis=1)
        return float((expected - z[rows, labels]).mean())

    low, high = 1 / 20, 1 / 0.05
    for _ in range(40):
        middle = sqrt(low * high)
        low, high = (middle, high) if slope(middle) <= 0 else (low, middle)
    return 1 / sqrt(low * high)


def measure(scored: Scored, labels: NDArray[np.int64], data: str = "") -> Report:
    """Compare what a network said with the labels [N] (indices into `scored.classes`)."""
    N, C = scored.logits.shape
    if N == 0:
        raise DataError(f"{data}: no pictures to measure on")
    share = softmax(scored.logits, scored.temperature)
    guess = share.argmax(axis=1)
    sure = share[np.arange(N), guess]
    right = guess == labels
    confusion = np.bincount(labels * C + guess, minlength=C * C).reshape(C, C)
    bins = _bins(sure, right)
    wrong = np.flatnonzero(~right)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:_MISTAKES]
    names = scored.classes
    return Report(
        data=data,
        classes=names,
        n=N,
        accuracy=float(right.mean()),
        interval=wilson(int(right.sum()), N),
        ece=float(sum(count / N * abs(accuracy - confidence) for confidence, accuracy, count in bins)),
        bins=bins,
        per_class=tuple(_per_class(name, i, confusion) for i, name in enumerate(names)),
        confusion=confusion,
        mistakes=tuple(Mistake(int(i), names[labels[i]], names[guess[i]], float(sure[i])) for i in wrong),
        corrected=_corrected(guess, labels, names, data),
    )


def _bins(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[tuple[float, float, int], ...]:
    place = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    members = [place == b for b in range(_BINS)]
    return tuple((float(sure[m].mean()), float(right[m].mean()), int(m.sum())) for m in members if m.any())


def _per_class(name: str, i: int, confusion: NDArray[np.int64]) -> ClassResult:
    n, guessed, right = int(confusion[i].sum()), int(confusion[:, i].sum()), int(confusion[i, i])
    return ClassResult(name, n, right / n if n else None, right / guessed if guessed else None)


def _corrected(
    guess: NDArray[np.int64], labels: NDArray[np.int64], names: Sequence[str], data: str
) -> tuple[float, tuple[float, float]] | None:
    if data != "mnist" or len(labels) != 10_000:  # all its digits are classes then
        return None
    mended = labels.copy()
    mended[list(CORRECTIONS)] = [names.index(str(digit)) for digit in CORRECTIONS.values()]
    right = int((guess == mended).sum())
    return right / len(mended), wilson(right, len(mended))


def evaluate(
    model: Run | Path, data: Data, *, device: str = "auto", tta: bool | None = None, only: bool = False
) -> Report:
    """Measure a run, or an exported network (`.onnx` with its card beside it), on `data`.

    The classes of `data` are matched by name; with `only`, the network chooses among them alone. It is
    measured on `part_to_measure`, with shift averaging as its recipe has it unless `tta` says otherwise.

    Raises:
        DataError: pictures of another size, or classes that the network does not know.
        ModelError: the exported network cannot be loaded.
        OptionError: no such device.
    """
    if isinstance(model, Path):
        images, part = part_to_measure(data)
        scored = score_exported(model, images)
    else:
        images, part = part_to_measure(data, model)
        scored = score_run(model, images, device=device, tta=model.tta if tta is None else tta)
    if only:
        scored = restrict(scored, data.classes)
    labels = align(images.labels, data.classes, scored.classes, data.name)
    return measure(scored, labels, data.name if part == "test" else f"{data.name} ({part} part)")


_RESULTS: Final = "evaluation.json"


def remember(run: Run, report: Report) -> None:
    """Note `report` in the run's folder, beside those on other data.

    Raises:
        OutputError: the folder cannot be written.
    """
    from unscrawl.formats import write_text

    results = _results(run) | {report.data: report.export()}
    write_text(run.folder / _RESULTS, json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def recall(run: Run) -> dict[str, float]:
    """Return data → accuracy, of every data set that `run` was measured on."""
    return {data: float(result["accuracy"]) for data, result in _results(run).items()}


def _results(run: Run) -> dict[str, Any]:
    try:
        results = json.loads((run.folder / _RESULTS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return results if isinstance(results, dict) else {}
