from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from test_loop import DATA
from unscrawl.learn.checkpoint import load
from unscrawl.learn.crew import Crew
from unscrawl.learn.loop import fit
from unscrawl.learn.recipe import Recipe

RECIPE = Recipe(epochs=2, batch_size=16, optimizer="sgd", lr=0.003, validation=0.2, schedule="constant")
"""96 samples to train on are six full batches: halves of a batch then weigh as the whole."""


def main(folder: str) -> None:
    """What each of the processes runs."""
    fit(DATA, RECIPE, model="mlp", out=folder, device="cpu")


def test_alone_everything_is_its_own() -> None:
    crew = Crew("cpu")
    assert (crew.size, crew.rank, crew.leads) == (1, 0, True)
    assert crew.share(torch.arange(5)).tolist() == [0, 1, 2, 3, 4]
    assert crew.total(torch.ones(2)).tolist() == [1, 1]


@pytest.mark.slow
def test_two_processes_train_what_one_trains(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    main(str(tmp_path / "one"))
    root = Path(__file__).parents[1]
    code = f"from test_crew import main; main({str(tmp_path / 'two')!r})"
    (tmp_path / "go.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "go.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{root / 'tests'}:{root / 'src'}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("epoch 2  loss") == 1  # one of them talks
    one, two = load(tmp_path / "one"), load(tmp_path / "two")
    assert two.history[-1]["loss"] == pytest.approx(one.history[-1]["loss"], rel=1e-4)
    assert two.history[-1]["accuracy"] == one.history[-1]["accuracy"]
    for name, value in one.model.state_dict().items():
        assert torch.allclose(value, two.model.state_dict()[name], atol=1e-5), name
