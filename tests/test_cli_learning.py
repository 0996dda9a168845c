"""`unscrawl train`, `evaluate`, `compare`, `export`, once round on a few pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import Ran
from unscrawl.errors import OutputError
from unscrawl.learn import recipe
from unscrawl.learn.data import load
from unscrawl.learn.loop import fit
from unscrawl.learn.models import MODELS

Command = Callable[..., Ran]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright and dark squares, with a test part."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 120)
    images = (rng.integers(0, 60, (120, 28, 28)) + 150 * labels[:, None, None]).astype(np.uint8)
    names = np.array(["dark", "bright"])[labels]
    path = tmp_path_factory.mktemp("data") / "squares.npz"
    np.savez(path, x_train=images[:80], y_train=names[:80], x_test=images[80:], y_test=names[80:])
    return path


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("runs") / "a"
    plan = recipe.load("exercise").change(epochs=2)
    fit(load(data), plan, out=folder, model="mlp", device="cpu", progress=False)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> str:
    """A copy of the finished run that a test may change."""
    shutil.copytree(trained, tmp_path / "runs" / "a")
    return "runs/a"


def test_train_says_where_the_run_is_and_how_good(unscrawl: Command, data: Path, tmp_path: Path) -> None:
    ran = unscrawl("train", data, "--model", "mlp", "--recipe", "exercise", "--epochs", "1")
    assert ran.code == 0
    assert ran.out.startswith("runs/squares-mlp: mlp trained on ")
    assert "on the pictures held back" in ran.out
    assert (tmp_path / "runs" / "squares-mlp" / "run.json").exists()


def test_a_second_run_takes_a_name_of_its_own(unscrawl: Command, data: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / "squares-mlp").mkdir(parents=True)
    ran = unscrawl("train", data, "--model", "mlp", "--recipe", "exercise", "--epochs", "1")
    assert ran.out.startswith("runs/squares-mlp-2: ")


def test_options_change_the_recipe(unscrawl: Command, data: Path, tmp_path: Path) -> None:
    options = ("--epochs", "1", "--batch-size", "32", "--lr", "0.02", "--optimizer", "sgd", "--seed", "7")
    unscrawl("train", data, "--model", "mlp", "--recipe", "exercise", "--out", "r", *options)
    record = json.loads((tmp_path / "r" / "run.json").read_text())
    assert [record["recipe"][key] for key in ("batch_size", "lr", "optimizer")] == [32, 0.02, "sgd"]
    assert record["seed"] == 7


def test_a_run_is_not_written_over(unscrawl: Command, data: Path, run: str) -> None:
    ran = unscrawl("train", data, "--model", "mlp", "--out", run)
    assert ran.code == 2
    assert "holds a run already" in ran.complaints[0]


def test_a_finished_run_resumes_to_itself(unscrawl: Command, data: Path, run: str, tmp_path: Path) -> None:
    before = (tmp_path / run / "model.safetensors").read_bytes()
    ran = unscrawl(
        "train", data, "--model", "mlp", "--recipe", "exercise", "--epochs", "2", "--out", run, "--resume"
    )
    assert ran.code == 0
    assert (tmp_path / run / "model.safetensors").read_bytes() == before


def test_evaluate_prints_one_json_object(unscrawl: Command, data: Path, run: str) -> None:
    ran = unscrawl("evaluate", run, data, "--format", "json")
    assert ran.code == 0
    result = json.loads(ran.out)
    assert result["n"] == 40
    assert result["interval"][0] <= result["accuracy"] <= result["interval"][1]
    assert set(result["per_class"]) == {"bright", "dark"}
    assert 0 <= result["ece"] <= 1


def test_evaluate_writes_the_report_where_it_is_told(
    unscrawl: Command, data: Path, run: str, tmp_path: Path
) -> None:
    ran = unscrawl("evaluate", run, data, "--report", "page.html")
    assert ran.code == 0
    assert "accuracy" in ran.out
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "First layer" in page
    assert "batch_size" in page
    assert page.count("<svg") == 4


def test_evaluate_makes_the_report_s_folder(unscrawl: Command, data: Path, run: str, tmp_path: Path) -> None:
    assert unscrawl("evaluate", run, data, "--report", "new/page.html").code == 0
    assert (tmp_path / "new" / "page.html").exists()


@pytest.mark.parametrize("report", ["taken/page.html", "folder"])
def test_a_report_that_has_no_place_is_found_before_measuring(
    unscrawl: Command, data: Path, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: str
) -> None:
    monkeypatch.delattr("unscrawl.learn.evaluation.evaluate")
    (tmp_path / "taken").write_text("a file where the folder should be")
    (tmp_path / "folder").mkdir()
    ran = unscrawl("evaluate", run, data, "--report", report)
    assert (ran.code, ran.out, len(ran.complaints)) == (2, "", 1)


def test_evaluate_prints_what_it_found_though_the_report_fails(
    unscrawl: Command, data: Path, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OutputError("page.html: cannot write it (No space left on device)")

    monkeypatch.setattr("unscrawl.learn.report.write_report", fails)
    ran = unscrawl("evaluate", run, data)
    assert ran.code == 2
    assert "accuracy" in ran.out


@pytest.mark.parametrize("option", ["--model", "--recipe"])
def test_help_names_every_network_and_recipe(unscrawl: Command, option: str) -> None:
    text = " ".join(unscrawl("train", "--help").out.split())
    told = text.partition(f"{option} <str>")[2].partition(" --")[0]
    names = MODELS if option == "--model" else recipe.names()
    assert set(names) <= set(told.replace(",", "").split())


def test_help_says_what_a_network_of_ones_own_is_given(unscrawl: Command) -> None:
    assert "called with (classes, channels, size)" in " ".join(unscrawl("train", "--help").out.split())


def test_compare_puts_runs_side_by_side(unscrawl: Command, data: Path, run: str) -> None:
    unscrawl("evaluate", run, data)
    unscrawl(
        "train",
        data,
        "--model",
        "mlp",
        "--recipe",
        "exercise",
        "--epochs",
        "1",
        "--seed",
        "5",
        "--out",
        "runs/b",
    )
    ran = unscrawl("compare", run, "runs/b", "--format", "json")
    table = json.loads(ran.out)
    assert ran.code == 0
    assert (table["runs/a"]["seed"], table["runs/b"]["seed"]) == (0, 5)
    assert table["runs/a"]["parameters"] == 100_738
    assert any(key.startswith("accuracy on") for key in table["runs/a"])
    assert "recipe optimizer" not in table["runs/a"]


def test_an_exported_run_measures_the_same(unscrawl: Command, data: Path, run: str, tmp_path: Path) -> None:
    ran = unscrawl("export", run)
    assert ran.code == 0
    assert (tmp_path / run / "model.json").exists()
    theirs = json.loads(unscrawl("evaluate", ran.out.strip(), data, "--format", "json").out)
    ours = json.loads(unscrawl("evaluate", run, data, "--format", "json").out)
    assert theirs["accuracy"] == ours["accuracy"]
    assert theirs["ece"] == pytest.approx(ours["ece"], abs=1e-5)


def test_export_in_eight_bits_says_how_far_it_agrees(unscrawl: Command, data: Path, tmp_path: Path) -> None:
    unscrawl("train", data, "--model", "tiny", "--epochs", "1", "--out", "r")
    ran = unscrawl("export", "r", "--int8", data)
    assert (ran.code, ran.out) == (0, "r/model.onnx\n")
    assert "of 40 pictures get the same answer as in 32 bits" in ran.complaints[0]
    assert unscrawl("evaluate", "r/model.onnx", data).code == 0


def test_a_compiler_that_fails_is_told_in_one_line(
    unscrawl: Command, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch._dynamo.exc import TorchDynamoException

    def fails(*_: object, **__: object) -> None:
        raise TorchDynamoException("No working C++ compiler found\n\nand more")

    monkeypatch.setattr("unscrawl.learn.loop.fit", fails)
    ran = unscrawl("train", data, "--compile")
    assert ran.code == 2
    assert ran.complaints == [
        "unscrawl: torch.compile fails here: No working C++ compiler found; --no-compile does without"
    ]


def test_a_second_ctrl_c_says_what_is_kept(
    unscrawl: Command, data: Path, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unscrawl.learn.loop.fit", interrupted)
    ran = unscrawl("train", data, "--out", run, "--resume")
    assert ran.code == 130
    assert ran.complaints == [
        "unscrawl: stopped at once; the same command with --resume --out runs/a goes on where it was saved"
    ]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.full((20, 28, 28), 200, np.uint8), "white ink on black"),
        (np.zeros((20, 16, 16), np.uint8), "28 x 28 grey pictures, not 16 x 16, grey"),
        (np.zeros((20, 28, 28, 3), np.uint8), "28 x 28 grey pictures, not 28 x 28, colour"),
    ],
)
def test_export_says_where_classify_would_show_other_pictures(
    unscrawl: Command, tmp_path: Path, images: np.ndarray, message: str
) -> None:
    np.savez(tmp_path / "own.npz", x=images, label=["a", "b"] * 10)
    unscrawl("train", "own.npz", "--model", "mlp", "--recipe", "exercise", "--epochs", "1", "--out", "r")
    ran = unscrawl("export", "r")
    assert ran.code == 0
    assert message in ran.complaints[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "DATA", "--model", "mlpp"), "did you mean 'mlp'"),
        (("train", "DATA", "--recipe", "quik"), "did you mean 'quick'"),
        (("train", "DATA", "--optimizer", "adaam"), "did you mean 'adam'"),
        (("train", "DATA", "--device", "cudda"), "did you mean 'cuda'"),
        (("train", "DATA", "--epochs", "0"), "epochs must be above 0"),
        (("train", "DATA", "--resume"), "--resume needs --out"),
        (("train", "DATA", "--resume", "--out", "nothing"), "nothing to resume"),
        (("train", "nothing"), "unknown data 'nothing'"),
        (("evaluate", "nothing", "DATA"), "no training run here"),
        (("evaluate", "nothing.onnx", "DATA"), "nothing"),
        (("evaluate", "net.onnx", "DATA", "--tta"), "net.onnx: an exported network is measured as it is"),
        (("train", "DATA", "--seed", "-1"), "the seed must be 0 or above"),
        (("train", "DATA", "--lr", "nan"), "lr must be above 0, not nan"),
        (("compare", "nothing"), "no training run here"),
        (("export", "nothing"), "no training run here"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    unscrawl: Command, data: Path, arguments: tuple[str, ...], message: str
) -> None:
    ran = unscrawl(*(str(data) if argument == "DATA" else argument for argument in arguments))
    assert ran.code == 2
    assert len(ran.complaints) == 1, ran.err
    assert message in ran.complaints[0]


GREY = np.zeros((4, 28, 28), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": GREY, "label": ["a"] * 4}, "1 class, at least 2"),
        (
            {"x": GREY, "label": [0, 1, 2, 0], "classes": list("abcdef")},
            "4 training pictures are too few for 6",
        ),
        ({"x": GREY, "label": [0, 1, 2, 9], "classes": list("abc")}, "label 9 of picture 3 is outside 0 … 2"),
        (
            {"x": GREY, "label": [1, 1, 1, 1], "classes": list("abc")},
            "every training picture has the same label",
        ),
        ({"x": GREY[:, :20], "label": [0, 1, 0, 1]}, "pictures are 20 × 28"),
    ],
)
def test_data_that_cannot_be_learned_is_refused_in_one_line(
    unscrawl: Command, tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    ran = unscrawl("train", "bad.npz", "--model", "mlp", "--out", "r")
    assert ran.code == 2
    assert len(ran.complaints) == 1, ran.err
    assert message in ran.complaints[0]
    assert not (tmp_path / "r").exists()


def test_unwritable_out_is_found_before_training(unscrawl: Command, data: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    ran = unscrawl("train", data, "--model", "mlp", "--epochs", "1", "--out", "taken")
    assert (ran.code, len(ran.complaints)) == (2, 1), ran.err
    assert ran.err.startswith("unscrawl: taken: cannot write there")


def test_pictures_of_another_size_are_refused(unscrawl: Command, run: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "small.npz", x=np.zeros((4, 8, 8), np.uint8), label=["dark", "bright"] * 2)
    ran = unscrawl("evaluate", run, "small.npz")
    assert ran.code == 2
    assert "28 × 28" in ran.complaints[0]


def test_classes_that_were_not_learned_are_refused(unscrawl: Command, run: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.zeros((4, 28, 28), np.uint8), label=["cat", "dog"] * 2)
    ran = unscrawl("evaluate", run, "other.npz")
    assert ran.code == 2
    assert "does not know the classes cat, dog" in ran.complaints[0]


def test_data_without_a_test_part_is_measured_on_what_was_held_back(
    unscrawl: Command, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "one.npz", x=images, label=np.arange(60) % 3)
    unscrawl("train", "one.npz", "--model", "mlp", "--recipe", "exercise", "--epochs", "1", "--out", "r")
    result = json.loads(unscrawl("evaluate", "r", "one.npz", "--format", "json").out)
    held = json.loads((tmp_path / "r" / "run.json").read_text())["samples"]["validation"]
    assert result["n"] == held < 60
    assert result["data"] == "one.npz (validation part)"
