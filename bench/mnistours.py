"""Our runs on MNIST: trained now or kept from earlier, measured one by one and several together."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mnistfigures import AVERAGE, Result

if TYPE_CHECKING:
    from torch import Tensor

    from unscrawl.learn.checkpoint import Run
    from unscrawl.learn.sets import Data, ImageSet

MOST: Final = 5
"""Networks averaged at most."""
Report = Callable[[float], None]
"""Takes the test accuracy so far; notes the time."""


def kept(recipe: str, seed: int, runs: Path) -> Run | None:
    """Return the finished run in the folder `recipe`-`seed` of `runs`; None where there is none.

    Raises:
        ModelError: damaged, or of another seed or of the recipe as it once was.
    """
    from unscrawl.errors import ModelError
    from unscrawl.learn import checkpoint
    from unscrawl.learn import recipe as recipes

    folder = runs / f"{recipe}-{seed}"
    if not (folder / checkpoint.RUN).exists():
        return None
    run, plan = checkpoint.load(folder), recipes.load(recipe)
    if (run.recipe, run.seed, run.data) != (asdict(plan), seed, "mnist"):
        raise ModelError(f"{folder}: holds another run than {recipe} with seed {seed}; --keep another folder")
    return run if len(run.history) == plan.epochs else None


def trained(recipe: str, seed: int, data: Data, runs: Path | None) -> tuple[Run, bool]:
    """Return a run, and whether all of it was trained just now."""
    from unscrawl.learn import checkpoint, loop
    from unscrawl.learn import recipe as recipes

    plan = recipes.load(recipe)
    if runs is None:
        with tempfile.TemporaryDirectory() as out:
            return loop.fit(data, plan, out=out, seed=seed, progress=False), True
    if run := kept(recipe, seed, runs):
        return run, False
    folder = runs / f"{recipe}-{seed}"
    begun = (folder / checkpoint.STATE).exists()
    return loop.fit(data, plan, out=folder, seed=seed, resume=begun, progress=False), not begun


def load(folder: str) -> tuple[Data, ImageSet]:
    """Return MNIST as the package has it, and its test part."""
    from unscrawl.learn import data

    mnist = data.load("mnist", folder, offline=True)
    assert mnist.test is not None
    return mnist, mnist.test


def probabilities(run: Run, test: ImageSet) -> Tensor:
    """Return what a run makes of the test part [N, 10], measured as its recipe says."""
    from unscrawl.learn.batches import pixels
    from unscrawl.learn.predict import logits

    return logits(run.model, pixels(test.images), run.mean, run.std, tta=run.tta).softmax(1)


def right(share: Tensor, test: ImageSet) -> float:
    """Return the accuracy of probabilities [N, 10]."""
    return float((share.argmax(1).numpy() == test.labels).mean())


def ours(recipe: str, seed: int, folder: str, runs: Path | None, report: Report) -> tuple[int, bool]:
    """Train one of the package's recipes and measure it; return its parameters, and whether it was timed."""
    from unscrawl.errors import UnscrawlError
    from unscrawl.learn.models import parameters

    try:
        mnist, test = load(folder)
        run, timed = trained(recipe, seed, mnist, runs)
    except UnscrawlError as error:
        sys.exit(str(error))
    report(right(probabilities(run, test), test))
    return parameters(run.model), timed


def averaged(recipes: Sequence[str], seeds: int, folder: str, runs: Path) -> tuple[str, Result]:
    """Measure what the finished runs of recipes say together, five at most; return its name and the result.

    Raises:
        ModelError: there are fewer than two or too many, or one is not of its recipe.
    """
    import torch

    from unscrawl.errors import ModelError
    from unscrawl.learn.models import parameters

    found = [run for name in recipes for seed in range(seeds) if (run := kept(name, seed, runs))]
    several = "+".join(recipes)
    if not 2 <= len(found) <= MOST:
        raise ModelError(f"{runs}: {len(found)} finished run(s) of {several}; an average needs 2 to {MOST}")
    _, test = load(folder)
    accuracy = right(torch.stack([probabilities(run, test) for run in found]).mean(0), test)
    size = sum(parameters(run.model) for run in found)
    told = {"curve": [[None, round(accuracy, 4)]], "parameters": size, "import": None, "mb": None}
    return f"{AVERAGE}{len(found)} {several}", told
