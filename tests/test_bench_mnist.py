"""What the comparison on MNIST counts: kept runs beside timed ones, and several networks together."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[1] / "bench"
if not BENCH.is_dir():
    pytest.skip("measuring scripts are not in the source distribution", allow_module_level=True)
sys.path.insert(0, str(BENCH))

torch = pytest.importorskip("torch")

import mnistfigures  # noqa: E402
import mnistours  # noqa: E402
from unscrawl.errors import ModelError  # noqa: E402
from unscrawl.learn import models, recipe  # noqa: E402
from unscrawl.learn.checkpoint import Run  # noqa: E402
from unscrawl.learn.sets import Data, ImageSet  # noqa: E402

DIGITS = tuple("0123456789")


def result(accuracy: float, seconds: float | None = None) -> mnistfigures.Result:
    """A run that looked at the test part once."""
    mb = None if seconds is None else 400
    return {"curve": [[seconds, accuracy]], "parameters": 1000, "import": seconds and 1.0, "mb": mb}


def cells(table: str, name: str) -> list[str]:
    """The cells of the row of `name`, without it."""
    row = next(line for line in table.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Finished runs of `quick` with seeds 0 and 1, as `unscrawl train` leaves them."""
    for seed in (0, 1):
        torch.manual_seed(seed)
        run(tmp_path, seed, recipe.load("quick").epochs).save()
    return tmp_path


def run(folder: Path, seed: int, epochs: int, **changes: float) -> Run:
    plan = recipe.load("quick").change(**changes)
    return Run(
        folder=folder / f"quick-{seed}",
        model=models.build("mlp", 10).eval(),
        model_name="mlp",
        classes=DIGITS,
        channels=1,
        size=28,
        mean=(0.13,),
        std=(0.31,),
        recipe=asdict(plan),
        seed=seed,
        data="mnist",
        history=[{"epoch": epoch + 1.0} for epoch in range(epochs)],
    )


@pytest.fixture
def mnist(monkeypatch: pytest.MonkeyPatch) -> Data:
    """Pictures of noise in the shape of MNIST, and no other data."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    part = ImageSet(pictures, rng.integers(0, 10, 60))
    data = Data("mnist", DIGITS, part, test=part)
    monkeypatch.setattr(mnistours, "load", lambda folder: (data, part))
    return data


def test_a_kept_run_has_an_accuracy_and_no_seconds() -> None:
    row = cells(mnistfigures.table({"best/0": result(0.997)}), "best")
    assert row == ["1", "1,000", "99.70 %", "99.70 %", "–", "–", "–", "–"]


def test_seconds_are_of_the_runs_that_were_timed() -> None:
    found = {"good/0": result(0.995, 50), "good/1": result(0.994), "good/2": result(0.996, 60)}
    row = cells(mnistfigures.table(found), "good")
    assert row[2] == "99.50 ± 0.08 %"
    assert row[4:] == ["55.0 s (2 runs)", "55.0 s", "1.0 s", "400 MB"]


def test_an_average_comes_after_its_recipe() -> None:
    names = ("sklearn/0", "average of 4 best+best-7/0", "tiny/0", "best/0", "quick/0")
    found = mnistfigures.entrants({name: result(0.99) for name in names})
    assert list(found) == ["quick", "best", "average of 4 best+best-7", "tiny", "sklearn"]


def test_without_seconds_there_is_only_the_plot_of_sizes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    mnistfigures.plots({"best/0": result(0.997), "average of 2 best/0": result(0.998)}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["parameters.png"]


def test_a_finished_run_is_taken_and_not_trained_again(runs: Path, mnist: Data) -> None:
    before = (runs / "quick-1/run.json").read_bytes()
    taken, timed = mnistours.trained("quick", 1, mnist, runs)
    assert not timed
    assert taken.seed == 1
    assert (runs / "quick-1/run.json").read_bytes() == before


def test_a_run_of_another_recipe_is_refused(runs: Path) -> None:
    run(runs, 2, 3, lr=1e-3).save()
    with pytest.raises(ModelError, match="holds another run than quick with seed 2"):
        mnistours.kept("quick", 2, runs)


def test_an_average_is_of_the_probabilities_of_finished_runs(runs: Path, mnist: Data) -> None:
    run(runs, 2, 1).save()  # broken off after one epoch of three
    found = [mnistours.kept("quick", seed, runs) for seed in range(3)]
    assert found[2] is None
    shares = [mnistours.probabilities(one, mnist.train) for one in found if one]
    expected = ((shares[0] + shares[1]).argmax(1).numpy() == mnist.train.labels).mean()
    name, told = mnistours.averaged(["quick"], 5, "", runs)
    assert name == "average of 2 quick"
    assert told["curve"] == [[None, pytest.approx(expected, abs=1e-4)]]
    assert told["parameters"] == 2 * 101_770


def test_different_recipes_may_be_averaged(runs: Path, mnist: Data) -> None:
    other = run(runs, 0, 0)
    plan = recipe.load("good")
    other.folder, other.recipe = runs / "good-0", asdict(plan)
    other.history = [{"epoch": epoch + 1.0} for epoch in range(plan.epochs)]
    other.save()
    name, told = mnistours.averaged(["quick", "good"], 5, "", runs)
    assert name == "average of 3 quick+good"
    assert told["parameters"] == 3 * 101_770


def test_one_run_is_no_average(runs: Path, mnist: Data) -> None:
    with pytest.raises(ModelError, match="an average needs 2 to 5"):
        mnistours.averaged(["quick"], 1, "", runs)
