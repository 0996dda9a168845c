from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import torch

from unscrawl.errors import ModelError, OutputError
from unscrawl.learn import models
from unscrawl.learn.checkpoint import Run, load, load_state, save_state, write


def a_run(folder: Path, classes: tuple[str, ...] = ("a", "b", "c")) -> Run:
    torch.manual_seed(0)
    return Run(
        folder=folder,
        model=models.build("tiny", len(classes), 1, 16),
        model_name="tiny",
        classes=classes,
        channels=1,
        size=16,
        mean=(0.1,),
        std=(0.3,),
        recipe={"name": "none"},
        seed=3,
        history=[{"epoch": 1.0, "loss": 0.5}],
    )


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    run.save()
    again = load(tmp_path)
    assert (again.classes, again.mean, again.seed, again.history) == (
        run.classes,
        run.mean,
        3,
        run.history,
    )
    for name, value in run.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value)
    assert not again.model.training


@pytest.mark.parametrize(("keep", "kept"), [("best", 0.9), ("last", 0.8), (None, 0.9)])
def test_the_validation_accuracy_is_that_of_the_weights_kept(
    tmp_path: Path, keep: str | None, kept: float
) -> None:
    run = a_run(tmp_path)
    run.recipe = {"keep": keep} if keep else {}
    run.history = [{"epoch": i + 1.0, "validation_accuracy": a} for i, a in enumerate((0.7, 0.9, 0.8))]
    assert run.validation_accuracy == kept
    run.history = [{"epoch": 1.0}]
    assert run.validation_accuracy is None


def test_a_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    tree = {
        "weights": {"a": torch.tensor([1.5, -0.0, float("inf")])},
        "optimizers": [{"state": {0: {"step": torch.tensor(3.0)}, 7: {"flag": None}}, "lr": 0.1}],
        "random": torch.get_rng_state(),
        "empty": [],
        "none": {},
    }
    save_state(tmp_path, tree)
    again = load_state(tmp_path)
    assert torch.equal(again["weights"]["a"], tree["weights"]["a"])
    assert torch.equal(again["random"], tree["random"])
    assert list(again["optimizers"][0]["state"]) == [0, 7]  # integers stay integers
    assert again["optimizers"][0]["lr"] == 0.1
    assert (again["empty"], again["none"]) == ([], {})


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device; what was there is kept"):
        write(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / "file" / "run.json", b"")


def test_a_folder_without_a_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no training run here"):
        load(tmp_path)


def test_a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Edith,")
    with pytest.raises(ModelError, match=r"letter\.txt: no training run here"):
        load(tmp_path / "letter.txt")


def test_missing_weights_are_said(tmp_path: Path) -> None:
    a_run(tmp_path).save()
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors: no such file"):
        load(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 200, 3000])
def test_half_written_weights_are_said(tmp_path: Path, keep: int) -> None:
    a_run(tmp_path).save()
    os.truncate(tmp_path / "model.safetensors", keep)
    with pytest.raises(ModelError, match="damaged or half-written"):
        load(tmp_path)


NUMBER = '{"classes": ["a"], "mean": [0], "std": [1], "model_name": 5}'


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"classes": 3}', NUMBER, "[" * 100_000])
def test_a_damaged_record_is_said(tmp_path: Path, text: str) -> None:
    a_run(tmp_path).save()
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ModelError, match="damaged record"):
        load(tmp_path)


def test_weights_for_another_class_list_are_said(tmp_path: Path) -> None:
    a_run(tmp_path / "three").save()
    a_run(tmp_path / "four", ("a", "b", "c", "d")).save()
    (tmp_path / "three" / "model.safetensors").replace(tmp_path / "four" / "model.safetensors")
    with pytest.raises(ModelError, match=r"another network or class list \(out\.weight is \[3, \d+\]"):
        load(tmp_path / "four")


def test_weights_of_another_network_are_said(tmp_path: Path) -> None:
    a_run(tmp_path).save()
    record = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(record | {"model_name": "mlp"}))
    with pytest.raises(ModelError, match="weights of another network"):
        load(tmp_path)
