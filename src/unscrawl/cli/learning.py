"""`unscrawl train`, `evaluate`, `compare`, `export`: the workbench from the command line."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from unscrawl.cli.console import put, say
from unscrawl.cli.data import CACHE, DATA, DATA_DIR, FONTS_DIR, OFFLINE, PREPARE
from unscrawl.cli.runs import DEVICE, RESUME, run_folder
from unscrawl.errors import OptionError, OutputError, TrainingError

__all__ = ["register"]

Form = Literal["text", "json"]
_RUN: Final = typer.Argument(metavar="RUN", help="The folder of a training run.", show_default=False)
_PREPARE: Final = "train on the folder with --prepare for that"
_FORM: Final = typer.Option("--format", help="Text to read, or one JSON object.")


def register(app: typer.Typer) -> None:
    """Add the commands `train`, `evaluate`, `compare` and `export` to `app`."""
    for command in (train, evaluate, compare, export):
        app.command()(command)


def train(
    data: Annotated[str, DATA],
    model: Annotated[
        str | None,
        typer.Option(
            help="mlp, lenet-dropout, example, fast, best, best-7, tiny, glyph, or path/to/file.py:Class, "
            "called with (classes, channels, size), or without arguments if it takes none.",
            show_default="the recipe's",
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="exercise, quick, good, mlp, lenet-dropout, tiny, best, best-7, glyph, or a .toml file."
        ),
    ] = "quick",
    epochs: Annotated[
        int | None, typer.Option(help="Times through the data.", show_default="the recipe's")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Pictures a step.", show_default="the recipe's")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.", show_default="the recipe's")] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="sgd, adam, adamw, adadelta or muon.", show_default="the recipe's")
    ] = None,
    device: Annotated[str, DEVICE] = "auto",
    compile_: Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile",
            help="Let torch.compile speed the network up: pays on long runs.",
            show_default="the recipe's",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order, distortions and split.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the run goes.", show_default="runs/DATA-MODEL"),
    ] = None,
    resume: Annotated[bool, RESUME] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write a TensorBoard log too.")] = False,
    data_dir: Annotated[Path | None, DATA_DIR] = None,
    fonts_dir: Annotated[Path | None, FONTS_DIR] = None,
    cache: Annotated[Path | None, CACHE] = None,
    offline: Annotated[bool, OFFLINE] = False,
    prepare: Annotated[bool, PREPARE] = False,
) -> None:
    """Train a network on DATA and keep it in a run's folder.

    The test part is never looked at. Ctrl-C saves first; the same command with --resume and --out goes on.
    Several processes or machines: torchrun --nproc-per-node 2 -m unscrawl train …
    """
    from unscrawl.learn import recipe as recipes

    plan = recipes.load(recipe).change(
        epochs=epochs, batch_size=batch_size, lr=lr, optimizer=optimizer, compile=compile_
    )
    name = f"{Path(data.split(',')[0].split(':')[0]).stem}-{_plain(model or plan.model)}"
    folder = run_folder(out, resume, name)

    from unscrawl.learn.data import load
    from unscrawl.learn.loop import fit

    loaded = load(data, data_dir, cache, fonts_dir=fonts_dir, offline=offline, prepare=prepare)
    leads = os.environ.get("RANK", "0") == "0"  # of several processes the first one speaks
    try:
        run = fit(
            loaded,
            plan,
            out=folder,
            model=model,
            seed=seed,
            device=device,
            resume=resume,
            progress=True,
            tensorboard=tensorboard,
            command=shlex.join(["unscrawl", *sys.argv[1:]]),
        )
    except TrainingError:
        if leads:
            raise
        raise typer.Exit(2) from None
    except RuntimeError as error:
        if not plan.compile or not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        reason = str(error).splitlines()[0]
        raise TrainingError(f"torch.compile fails here: {reason}; --no-compile does without") from error
    except KeyboardInterrupt:
        if leads and (folder / "state.safetensors").exists():
            say(f"stopped at once; the same command with --resume --out {folder} goes on where it was saved")
        raise
    if leads:
        held = run.validation_accuracy
        figure = f", {held:.2%} on the pictures held back" if held is not None else ""
        put(f"{run.folder}: {run.model_name} trained on {run.data} in {run.seconds:.1f} s{figure}\n")


def evaluate(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run, or an exported .onnx file.")
    ],
    data: Annotated[str, DATA],
    form: Annotated[Form, _FORM] = "text",
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the report goes.",
            show_default="RUN/report.html, or report.html here for a .onnx file",
        ),
    ] = None,
    device: Annotated[str, DEVICE] = "auto",
    tta: Annotated[
        bool | None,
        typer.Option("--tta/--no-tta", help="Average five shifted copies.", show_default="the run's"),
    ] = None,
    only: Annotated[bool, typer.Option("--only", help="Choose among the classes of DATA alone.")] = False,
    data_dir: Annotated[Path | None, DATA_DIR] = None,
    fonts_dir: Annotated[Path | None, FONTS_DIR] = None,
    cache: Annotated[Path | None, CACHE] = None,
    offline: Annotated[bool, OFFLINE] = False,
    prepare: Annotated[bool, PREPARE] = False,
) -> None:
    """Measure a network on the test part of DATA.

    Prints accuracy with its 95 % interval, calibration and confusions, and writes a report with pictures.
    """
    from unscrawl.formats import check_folder
    from unscrawl.learn import evaluation, scoring
    from unscrawl.learn.data import load
    from unscrawl.learn.report import as_json, as_text, write_report

    exported = run.suffix == ".onnx"
    if exported and (tta or device not in ("auto", "cpu")):
        raise OptionError(f"{run}: an exported network is measured as it is, on the processor")
    record: Any = None
    if not exported:
        from unscrawl.learn.checkpoint import load as load_run

        record = load_run(run)
    loaded = load(data, data_dir, cache, fonts_dir=fonts_dir, offline=offline, prepare=prepare)
    target = report or (Path("report.html") if exported else run / "report.html")
    if target.is_dir():
        raise OutputError(f"{target}: is a folder: give --report the name of a file")
    check_folder(target.parent)  # rather than after measuring
    result = evaluation.evaluate(run if exported else record, loaded, device=device, tta=tta, only=only)
    images, _ = scoring.part_to_measure(loaded, record)
    put(as_text(result) if form == "text" else as_json(result.export()) + "\n")
    name = run.name if exported else ""
    command = shlex.join(["unscrawl", *sys.argv[1:]])
    write_report(target, result, images, record, name=name, command=command)
    if record is not None:
        evaluation.remember(record, result)
    say(f"wrote {target}")


def compare(
    runs: Annotated[list[Path], _RUN],
    form: Annotated[Form, _FORM] = "text",
) -> None:
    """Put training runs side by side.

    Network, size, data, time, accuracy, and where their recipes differ.
    """
    from unscrawl.learn.checkpoint import load as load_run
    from unscrawl.learn.report import as_json, comparison, comparison_text

    table = comparison([load_run(folder) for folder in runs])
    put(comparison_text(table) if form == "text" else as_json(table) + "\n")


def export(
    run: Annotated[Path, _RUN],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The .onnx file to write.", show_default="RUN/model.onnx"),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store weights in 16 bits: half the size.")] = False,
    int8: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Compute convolutions in 8-bit integers, with scales found on pictures of DATA: "
            "two to three times as quick, hardly less accurate.",
            show_default=False,
        ),
    ] = None,
    data_dir: Annotated[Path | None, DATA_DIR] = None,
    fonts_dir: Annotated[Path | None, FONTS_DIR] = None,
    cache: Annotated[Path | None, CACHE] = None,
    offline: Annotated[bool, OFFLINE] = False,
    prepare: Annotated[bool, PREPARE] = False,
) -> None:
    """Write a run's network as ONNX, with a card beside it.

    It needs no torch, and works at once in `unscrawl classify --model` and in `Reader`.
    """
    from unscrawl.glyph import SIDE
    from unscrawl.learn.checkpoint import load as load_run
    from unscrawl.learn.export import export as write

    trained = load_run(run)
    loaded = None
    if int8 is not None:
        from unscrawl.learn.data import load

        loaded = load(int8, data_dir, cache, fonts_dir=fonts_dir, offline=offline, prepare=prepare)
    path = write(trained, out or run / "model.onnx", half=half, int8=loaded.train.images if loaded else None)
    put(f"{path}\n")
    if loaded:
        _say_agreement(trained, path, loaded)
    given = "note: `unscrawl classify` gives a network"
    form = f"{trained.size} x {trained.size}, {'grey' if trained.channels == 1 else 'colour'}"
    if (trained.size, trained.channels) != (SIDE, 1):
        say(f"{given} {SIDE} x {SIDE} grey pictures, not {form}; {_PREPARE}")
    elif trained.mean[0] > 0.5:
        say(f"{given} white ink on black, not dark on light; {_PREPARE}")


def _say_agreement(run: Any, path: Path, data: Any) -> None:
    """Say on how many pictures, of the test part if there is one, an exported network answers as its run."""
    from unscrawl.learn.quantise import agreement
    from unscrawl.learn.scoring import score_exported, score_run

    images = (data.test or data.train).take(range(min(1000, len(data.test or data.train))))
    same = agreement(score_run(run, images, device="cpu").logits, score_exported(path, images).logits)
    say(f"{same:.2%} of {len(images):,} pictures get the same answer as in 32 bits")


def _plain(model: str) -> str:
    """Return a model's name as it may stand in a file name."""
    return model.rpartition(":")[2]
