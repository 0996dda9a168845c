"""`unscrawl learn-lines`: a small run from folders of lines to files that read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from conftest import Ran
from lines_made import line, png, sample
from unscrawl.cli.lines import _command
from unscrawl.learn.lines import writers
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.synth import bundled_fonts

Command = Callable[..., Ran]
RECIPE = "batch = 2\nsteps = 2\nevery = 2\nwidth = 16\nblocks = 1\nlook = 2\nsynthetic = 0.5\n"


@pytest.fixture
def learn(unscrawl: Command, tmp_path: Path) -> Command:
    """Run `unscrawl learn-lines ARGUMENTS...` in a folder with sets `mine` and `yours` and a tiny recipe."""
    (tmp_path / "tiny.toml").write_text(RECIPE, encoding="utf-8")
    for folder, texts in (
        ("mine", ["hello", "dear Ann", "see", "you", "soon"]),
        ("yours", ["but", "when", "is it"]),
    ):
        for n, text in enumerate(texts):
            png(tmp_path / folder / f"{n}.png", line(text))
            (tmp_path / folder / f"{n}.txt").write_text(text + "\n", encoding="utf-8")
    return lambda *arguments: unscrawl("learn-lines", *arguments)


def test_run_from_pictures_to_a_recogniser(learn: Command, tmp_path: Path) -> None:
    (tmp_path / "mine" / "4.txt").write_text("漢字", encoding="utf-8")
    (tmp_path / "mine" / "SOURCES.md").write_text("# mine\n- licence: CC0\n", encoding="utf-8")
    fonts = bundled_fonts()[0].parent
    ran = learn(
        *("mine", "yours", "--recipe", "tiny.toml", "--out", "runs/x", "--workers", 0, "--seed", 3),
        *("--leave-out", "yours", "--weight", "mine=2", "--fonts", fonts, "--device", "cpu"),
    )
    assert ran.code == 0
    assert ran.out.splitlines()[0].startswith("runs/x: CER ")
    assert ran.out.splitlines()[1].startswith("yours, left out of training: CER ")
    assert ran.out.splitlines()[1].endswith(" on 3 lines")
    assert "1 left out, characters outside the alphabet (4.png)" in ran.err
    assert "step 2" in ran.err
    run = tmp_path / "runs" / "x"
    assert (run / "left_out.tsv").read_text("utf-8") == "mine\t4.png\tcharacters outside the alphabet\n"
    recogniser = LineRecogniser(run / "line.onnx")
    assert recogniser.replay is not None
    assert recogniser.card["licences"][0] == "mine: CC0"
    assert "handwriting fonts" in recogniser.card["licences"][1]
    assert recogniser.card["recipe"]["weights"] == {"mine": 2.0}
    assert recogniser.card["left out"].keys() == {"yours"}
    record = json.loads((run / "run.json").read_text("utf-8"))
    assert (record["step"], record["seed"], record["lines"]) == (2, 3, 4)
    assert record["trained on"].keys() == {"mine"}


def test_run_goes_on_and_is_exported_elsewhere(learn: Command, tmp_path: Path) -> None:
    usual = ("mine", "--recipe", "tiny.toml", "--out", "runs/x", "--workers", 0, "--device", "cpu")
    assert learn(*usual, "--steps", 1).code == 0
    again = learn(*usual)
    assert (again.code, "holds a run already" in again.err) == (2, True)
    assert learn(*usual, "--resume", "--export", "net/mine.onnx").code == 0
    assert json.loads((tmp_path / "runs" / "x" / "run.json").read_text("utf-8"))["step"] == 2
    assert LineRecogniser(tmp_path / "net" / "mine.onnx").card["recipe"]["steps"] == 2


@pytest.mark.parametrize("start", ["runs/x", "runs/x/line.onnx"])
def test_card_tells_what_the_network_started_from(learn: Command, tmp_path: Path, start: str) -> None:
    (tmp_path / "mine" / "SOURCES.md").write_text("# mine\n- licence: CC0\n", encoding="utf-8")
    usual = ("--recipe", "tiny.toml", "--workers", 0, "--device", "cpu")
    assert learn("mine", "--out", "runs/x", *usual).code == 0
    assert learn("yours", "--out", "runs/y", "--from", start, *usual).code == 0
    card = LineRecogniser(tmp_path / "runs" / "y" / "line.onnx").card
    assert card["licences"] == ["mine: CC0", "yours: licence not stated"]
    assert card["started from"]["trained on"].keys() == {"mine"}


def test_what_was_known_can_be_blended_in(learn: Command, tmp_path: Path) -> None:
    usual = ("--recipe", "tiny.toml", "--workers", 0, "--device", "cpu")
    assert learn("mine", "--out", "runs/x", *usual).code == 0
    ran = learn("yours", "--out", "runs/y", "--from", "runs/x", "--blend", *usual)
    assert (ran.code, "kept is" in ran.err) == (0, True)
    x, y = (load_file(tmp_path / "runs" / name / "net.safetensors")["head.bias"] for name in "xy")
    state = load_file(tmp_path / "runs" / "y" / "state.safetensors")
    trained = next(value for name, value in state.items() if name.endswith("average/module.head.bias"))
    share = LineRecogniser(tmp_path / "runs" / "y" / "line.onnx").card["share of the weights trained on"]
    assert torch.equal(y, torch.lerp(x, trained, share))
    assert not torch.equal(x, trained)


def test_only_what_was_trained_on_is_blended(learn: Command) -> None:
    usual = ("--recipe", "tiny.toml", "--workers", 0, "--device", "cpu", "--out", "runs/x")
    assert learn("mine", *usual).code == 0
    ran = learn("mine", *usual, "--resume", "--from", "runs/x", "--blend")
    assert (ran.code, "did not start from another network" in ran.complaints[-1]) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["none"], "none: neither a folder nor"),
        (["empty"], "empty: no lines here"),
        (["mine", "--recipe", "line-quik"], "did you mean 'line-quick'"),
        (["mine", "--steps", "0"], "steps must be above 0"),
        (["mine", "--leave-out", "mne"], "did you mean 'mine'"),
        (["mine", "--leave-out", "mine"], "nothing to train on"),
        (["mine", "--weight", "yours=2"], "unknown set 'yours'"),
        (["mine", "--weight", "mine"], "--weight takes SET=NUMBER"),
        (["mine", "--weight", "mine=-1"], "weight of set 'mine'"),
        (["mine", "--weight", "mine=much"], "--weight takes SET=NUMBER"),
        (["mine", "--text", "book.txt"], "add --fonts"),
        (["mine", "--fonts", "empty"], "empty: no .ttf"),
        (["mine", "--fonts", "fonts", "--text", "none.txt"], "none.txt: cannot read"),
        (["mine", "--export", "line.npz"], "takes the name of an .onnx file"),
        (["mine", "--blend"], "add --from RUN"),
        (["mine", "--device", "cpuu"], "unknown device"),
        (["mine", "--resume"], "--resume needs --out"),
        (["mine", "--from", "none", "--out", "x"], "none: no run"),
        (["mute"], "nothing to train on"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line(learn: Command, tmp_path: Path, options: list[str], said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts" / "one.ttf").write_bytes(bundled_fonts()[0].read_bytes())
    for n in range(3):
        png(tmp_path / "mute" / f"{n}.png", line("hello"))
        (tmp_path / "mute" / f"{n}.txt").write_text("\n", encoding="utf-8")
    ran = learn(*options)
    assert ran.code == 2
    assert said in ran.complaints[-1]
    assert "Traceback" not in ran.err
    assert not list(tmp_path.rglob("run.json"))


def test_card_s_command_names_no_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my lines").mkdir()
    words = ["unscrawl", "learn-lines", str(tmp_path / "my lines"), "--seed", "3"]
    monkeypatch.setattr("sys.argv", words)
    assert _command() == "unscrawl learn-lines 'my lines' --seed 3"


def test_joined_fonts_count_twice(tmp_path: Path) -> None:
    columns = "family\tkind\tlicence\tusable\n"
    table = columns + "a\thand-printed\tOFL-1.1\tyes\nb\tjoined\tApache-2.0\tyes\nc\tjoined\tOFL-1.1\tno\n"
    (tmp_path / "fonts.tsv").write_text(table, encoding="utf-8")
    for kind, name in (("hand-printed", "a"), ("joined", "b"), ("joined", "c")):
        (tmp_path / kind).mkdir(exist_ok=True)
        (tmp_path / kind / f"{name}.ttf").write_bytes(b"")
    assert sorted(f.stem for f in writers.find(tmp_path)) == ["a", "b", "b"]
    assert writers.licences(tmp_path)[0] == "handwriting fonts: Apache-2.0 or OFL-1.1"


def test_texts_of_sets_weighed_down_are_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    class Pen:
        def __init__(self, fonts: list[Path], texts: list[str], *_: object, **__: object) -> None:
            given.extend(texts)

        def open(self) -> None:
            pass

    monkeypatch.setattr(writers, "LineWriter", Pen)
    monkeypatch.setattr(writers, "french_words", list)
    samples = [
        sample("a line of a letter", "letters"),
        sample("a cell of a register", "register"),
        sample("short"),
    ]
    writers.build([], ["a book"], samples, {"register": 0.4})
    assert given == ["a book", "a line of a letter"]
