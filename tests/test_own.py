"""A run with a network of one's own stands on its own: it keeps the file that the network came from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import Ran
from unscrawl.errors import OptionError
from unscrawl.learn import checkpoint, models

Command = Callable[..., Ran]

NET = """
from torch import nn
class Net(nn.Module):
    def __init__(self, classes, channels, size):
        super().__init__()
        self.out = nn.Linear(channels * size * size, classes)
    def forward(self, x):
        return self.out(x.flatten(1))
"""
EDITED = NET.replace("return self", "return -self")
OPTIONS = ("train", "d.npz", "--model", "mine.py:Net", "--recipe", "exercise", "--epochs", "1", "--out", "r")


@pytest.fixture
def trained(unscrawl: Command, tmp_path: Path) -> Path:
    """The run of a network of one's own, named by a relative path."""
    (tmp_path / "mine.py").write_text(NET)
    labels = np.arange(40) % 2
    pictures = np.random.default_rng(0).integers(0, 100, (40, 8, 8)) + 150 * labels[:, None, None]
    np.savez(tmp_path / "d.npz", x=pictures.astype(np.uint8), label=labels)
    assert unscrawl(*OPTIONS).code == 0
    return tmp_path / "r"


def logits(run: Path) -> torch.Tensor:
    with torch.no_grad():
        out: torch.Tensor = checkpoint.load(run).model(torch.ones(1, 1, 8, 8))
    return out


def test_the_run_keeps_a_copy(trained: Path) -> None:
    assert (trained / "model.py").read_text() == NET


def test_the_run_is_loaded_from_another_folder(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = logits(trained)
    (tmp_path / "mine.py").unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert torch.equal(logits(trained), before)


def test_what_becomes_of_the_file_later_does_not_change_the_run(trained: Path, tmp_path: Path) -> None:
    before = logits(trained)
    (tmp_path / "mine.py").write_text(EDITED)
    assert torch.equal(logits(trained), before)


def test_resuming_goes_on_with_the_copy(unscrawl: Command, trained: Path, tmp_path: Path) -> None:
    before = (trained / "model.safetensors").read_bytes()
    (tmp_path / "mine.py").write_text(NET.replace("classes)", "classes, bias=False)"))
    ran = unscrawl(*OPTIONS, "--resume")
    assert (ran.code, (trained / "model.py").read_text()) == (0, NET), ran.err
    assert (trained / "model.safetensors").read_bytes() == before


def test_the_copy_is_of_the_file_as_it_was_when_the_network_was_built(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NET)
    name = f"{tmp_path / 'mine.py'}:Net"
    net = models.build(name, 2, 1, 8)
    (tmp_path / "mine.py").write_text(EDITED)
    run = checkpoint.Run(
        folder=tmp_path / "r",
        model=net,
        model_name=name,
        classes=("a", "b"),
        channels=1,
        size=8,
        mean=(0.0,),
        std=(1.0,),
        recipe={},
        seed=0,
    )
    run.save()
    assert (tmp_path / "r" / "model.py").read_text() == NET


def test_a_run_without_a_copy_takes_the_file_itself(trained: Path, tmp_path: Path) -> None:
    before = logits(trained)
    (trained / "model.py").unlink()
    (tmp_path / "mine.py").write_text(EDITED)
    assert torch.equal(logits(trained), -before)


def test_the_copy_may_still_import_what_lies_beside_the_file(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "beside_the_file.py").write_text("WIDTH = 3\n")
    (trained / "model.py").write_text(f"import beside_the_file\n{NET}")
    assert logits(trained).shape == (1, 2)


def test_a_copy_that_fails_is_told_in_one_line(trained: Path) -> None:
    (trained / "model.py").write_text("1 / 0")
    with pytest.raises(OptionError, match=r"'mine\.py:Net' as kept in .*model\.py: .* fails: Zero") as caught:
        checkpoint.load(trained)
    assert "\n" not in str(caught.value)


def test_the_file_has_annotations_as_it_asks_for_them(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        f"{NET}\ndef f(x: int): pass\nassert f.__annotations__ == {{'x': int}}\n"
    )
    assert models.build(f"{tmp_path / 'mine.py'}:Net", 2, 1, 8) is not None
