"""`unscrawl learn-lines`: train the recogniser of whole lines on transcribed ones."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from unscrawl.cli.console import put, say
from unscrawl.cli.runs import DEVICE, RESUME, run_folder
from unscrawl.errors import OptionError

if TYPE_CHECKING:
    from unscrawl.learn.lines.net import Net
    from unscrawl.learn.lines.sources import LineSet, Sample

__all__ = ["register"]

_NAMED: Final = 3  # pictures named on the screen of those left out for one reason
_LOG: Final = "left_out.tsv"


def register(app: typer.Typer) -> None:
    """Add the command `learn-lines` to `app`."""
    app.command("learn-lines")(learn_lines)


def learn_lines(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="A set, NAME.tsv beside NAME.zip; a folder of such sets; or a folder of lines X.png, each "
            "with its text in X.txt.",
            show_default=False,
        ),
    ],
    recipe: Annotated[str, typer.Option(help="line, line-quick, or a .toml file.")] = "line-quick",
    steps: Annotated[int | None, typer.Option(show_default="the recipe's")] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="SET=2.0", help="How often lines of a set come.", show_default="the recipe's"),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SET", help="Train without this set, and measure on all of it.", show_default=False
        ),
    ] = None,
    fonts: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Handwriting fonts to draw more lines with: .ttf, .otf, or what scripts/fetch_fonts.py got.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Books for drawn lines, .txt or .txt.xz.", show_default=False),
    ] = None,
    characters: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Pictures of characters (.npz: x, label, group) to put drawn lines together from.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order, distortions and drawn lines.")] = 0,
    device: Annotated[str, DEVICE] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that draw and distort.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the run goes.", show_default="runs/lines"),
    ] = None,
    resume: Annotated[bool, RESUME] = False,
    start_from: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Start from the network of this run's folder, or of this exported .onnx file.",
            show_default=False,
        ),
    ] = None,
    blend: Annotated[
        bool,
        typer.Option(
            "--blend",
            help="With --from: end with the mean of the weights before and after that reads a fourth of the "
            "held-back lines best. It keeps what the network knew.",
        ),
    ] = False,
    pretrained: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The .onnx file that a pretrained network starts from.",
            show_default="that of the package rapidocr",
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The .onnx file to write at the end.", show_default="OUT/line.onnx"
        ),
    ] = None,
) -> None:
    """Train the line recogniser on DATA and write it as ONNX, its head (.npz) and card (.json) beside it.

    One line in ten is held back to measure with, by writer or page. What cannot be used is named and skipped.
    """
    from unscrawl.formats import check_folder, write_text
    from unscrawl.learn import device as devices
    from unscrawl.learn.lines import evaluation, gather, loop, writers
    from unscrawl.learn.lines import recipe as recipes
    from unscrawl.learn.lines.export import export as write
    from unscrawl.learn.lines.pretrained import LICENCE

    if text and fonts is None:
        raise OptionError("--text is written with fonts: add --fonts FOLDER")
    if characters and fonts is None:
        raise OptionError("--characters is for drawn lines: add --fonts FOLDER")
    if blend and start_from is None:
        raise OptionError("--blend is for a network that is trained on: add --from RUN")
    if export is not None and export.suffix != ".onnx":
        raise OptionError(f"{export}: --export takes the name of an .onnx file")
    plan = recipes.load(recipe, steps=steps)
    sets = gather.find(data)
    plan = replace(plan, weights=plan.weights | dict(_weight(given, sets) for given in weight or ()))
    apart = [_known(name, sets) for name in leave_out or ()]
    faces, books = (writers.find(fonts) if fonts else []), writers.read(text or [])
    processor = devices.choose(device)
    folder = run_folder(out, resume, "lines")

    if blend and resume:
        loop.begun(folder)  # rather than after hours
    before = loop.origin(start_from) if start_from else {}
    left_out: list[str] = []
    lines = gather.gather(_told(sets.values(), left_out), apart)
    writer = writers.build(faces, books, lines.training, plan.weights, characters or []) if faces else None
    target = export or folder / "line.onnx"
    for place in (folder, target.parent):
        check_folder(place)
    write_text(folder / _LOG, "".join(left_out))
    net = loop.train(
        plan,
        lines.training,
        lines.held,
        folder,
        writer=writer,
        seed=seed,
        resume=resume,
        start_from=start_from,
        pretrained=pretrained,
        device=processor,
        workers=workers,
    )
    share = _blend(net, folder, lines.held) if blend else 1.0
    unseen = evaluation.evaluate(net, lines.apart)
    facts: dict[str, Any] = {
        "command": _command(),
        "seed": seed,
        "recipe": asdict(plan),
        "trained on": dict(Counter(s.source for s in lines.training)),
        "left out": {name: round(cer, 4) for name, cer in unseen.by_set.items()},
    }
    licences = [gather.licence(path) for name, path in sets.items() if name not in apart]
    licences += writers.licences(fonts) if fonts else []
    licences += [LICENCE] if plan.network == "pretrained" else []
    if start_from:
        facts["started from"] = {"name": start_from.name, "trained on": before.get("trained on", {})}
        facts["share of the weights trained on"] = share
    facts["licences"] = list(dict.fromkeys([*before.get("licences", []), *licences]))
    score = write(net.cpu(), target, lines.held, lines.training, **facts)
    loop.remember(folder, **facts, score={"lines": len(lines.held), "CER": round(score.pooled, 4)})
    put(f"{folder}: CER {score.pooled:.2%} on {len(lines.held):,} lines held back\n")
    for name, cer in unseen.by_set.items():
        count = sum(s.source == name for s in lines.apart)
        put(f"{name}, left out of training: CER {cer:.2%} on {count:,} lines\n")
    say(f"wrote {target}")


def _blend(net: Net, folder: Path, held: Sequence[Sample]) -> float:
    """Put the network between what it was and what it is, say how well each mean reads, and keep the best."""
    from unscrawl.learn.lines import blend, loop

    share, found = blend.blend(loop.begun(folder), net, held)
    loop.keep(folder, net)
    rates = ", ".join(f"{part:.0%}: {cer:.2%}" for part, cer in sorted(found.items()))
    say(f"CER on a fourth of the lines held back, by share of the new weights: {rates}; kept is {share:.0%}")
    return share


def _known(name: str, sets: Iterable[str]) -> str:
    from unscrawl.learn.names import unknown

    if name not in sets:
        raise unknown("set", name, sets)
    return name


def _weight(given: str, sets: Iterable[str]) -> tuple[str, float]:
    """Take SET=NUMBER apart."""
    name, _, number = given.rpartition("=")
    try:
        weight = float(number)
    except ValueError:
        raise OptionError(f"--weight takes SET=NUMBER, such as letters=2.0, not {given!r}") from None
    return _known(name, sets), weight


def _told(paths: Iterable[Path], left_out: list[str]) -> Iterator[LineSet]:
    """Read sets, say of each what is in it, and note in `left_out` what cannot be used and why."""
    from unscrawl.learn.lines.sources import read_set

    for path in paths:
        lines = read_set(path)
        reasons: dict[str, list[str]] = {}
        for file, why in lines.left_out:
            reasons.setdefault(why, []).append(file)
            left_out.append(f"{lines.name}\t{file}\t{why}\n")
        parts = [f"{lines.name}: {len(lines.training):,} lines to train on, {len(lines.held):,} held back"]
        for why, files in reasons.items():
            some = ", ".join(files[:_NAMED]) + (", …" if len(files) > _NAMED else "")
            parts.append(f"{len(files):,} left out, {why} ({some})")
        say("; ".join(parts))
        yield lines


def _command() -> str:
    """Return this command line for the card, with files and folders by their names alone."""
    words = (Path(word).name if Path(word).exists() else word for word in sys.argv[1:])
    return shlex.join(["unscrawl", *words])
