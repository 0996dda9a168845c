"""Trains the line recogniser: one loop, looked at on held-back lines, saved so that it can go on."""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from unscrawl.alphabet import LINE
from unscrawl.card import read_card
from unscrawl.distort import distort
from unscrawl.errors import ModelError
from unscrawl.learn import checkpoint, optimizers
from unscrawl.learn.lines.again import net_of, restored
from unscrawl.learn.lines.batches import Batch, Writer, batches
from unscrawl.learn.lines.evaluation import Score, evaluate
from unscrawl.learn.lines.net import Net, fuse
from unscrawl.learn.lines.nets import build
from unscrawl.learn.lines.pretrained import PretrainedNet, find, start
from unscrawl.learn.lines.recipe import LineRecipe
from unscrawl.learn.lines.sources import Sample
from unscrawl.line_recogniser import LineRecogniser

__all__ = ["Progressing", "begun", "keep", "load_net", "origin", "remember", "train"]

_log = logging.getLogger(__name__)
NET, START, RECORD = "net.safetensors", "start.safetensors", "run.json"
_SEEN: Final = 256  # lines from which an exported network's normalisations are made whole


@dataclass
class Progressing:
    """Where a run stands."""

    step: int = 0
    lines: int = 0
    """Lines seen."""
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


def train(
    recipe: LineRecipe,
    training: Sequence[Sample],
    held: Sequence[Sample],
    out: Path,
    *,
    writer: Writer | None = None,
    seed: int = 0,
    resume: bool = False,
    start_from: Path | None = None,
    pretrained: Path | None = None,
    device: torch.device | None = None,
    workers: int = 1,
    console: Console | None = None,
) -> Net:
    """Train, and leave net.safetensors (averaged weights), run.json and state.safetensors in `out`.

    With `start_from` start.safetensors lies there too, the weights to begin with.

    Ctrl-C saves first. Resumed on the CPU, a run gives the weights that it would have given uninterrupted.

    Args:
        start_from: a finished run or an exported file (.onnx) whose network this one starts from.
        pretrained: the file that a `PretrainedNet` starts from; None finds it in the package it comes with.

    Raises:
        ModelError: nothing to resume, or another recipe's; a run or file to start from that is none, or of
            another size; no file of the pretrained network.
    """
    device = device or torch.device("cpu")
    console = console or Console(stderr=True)
    torch.manual_seed(seed)
    net = build(recipe.net(len(LINE)))
    if isinstance(net, PretrainedNet) and not resume and start_from is None:
        start(net, pretrained or find())
    net.to(device)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start_from is not None and not resume:
        _begin(net, start_from, training, recipe, seed)
        keep(out, net, START)
    average = AveragedModel(net, multi_avg_fn=_mean(recipe.ema), use_buffers=True)
    steppers = optimizers.build(net, recipe)  # type: ignore[arg-type]
    peaks = [[group["lr"] for group in s.param_groups] for s in steppers]
    point = _restore(out, net, average, steppers) if resume else Progressing()
    stream = batches(training, recipe, seed, writer=writer, start=point.step, workers=workers)
    board = _board(out)
    began, rolling = time.perf_counter() - point.seconds, 0.0
    with _bar(console) as bar:
        task = bar.add_task("", total=recipe.steps, completed=point.step, loss=0.0, cer=1.0)
        try:
            for batch in stream:
                if point.step >= recipe.steps:
                    break
                with _whole():
                    optimizers.set_rate(steppers, peaks, recipe.rate(point.step))
                    torch.manual_seed(seed * 1_000_003 + point.step)  # dropout's, so that resuming is exact
                    loss = _step(net, steppers, batch, recipe, device)
                    average.update_parameters(net)
                    rolling = loss if not rolling else 0.98 * rolling + 0.02 * loss
                    point.step += 1
                    point.lines += len(batch.widths)
                    point.seconds = time.perf_counter() - began
                bar.update(task, completed=point.step, loss=rolling)
                if point.step % recipe.every == 0 or point.step == recipe.steps:
                    score = evaluate(_averaged(average), _few(held, recipe.look))
                    _note(point, rolling, score, console, board)
                    bar.update(task, cer=score.pooled)
                    _save(out, recipe, seed, net, average, steppers, point)
        except KeyboardInterrupt:
            _save(out, recipe, seed, net, average, steppers, point)
            console.print(f"stopped at step {point.step}; the same command with --resume goes on")
            raise
        finally:
            if board is not None:
                board.close()
    return _averaged(average)


def _begin(net: Net, place: Path, training: Sequence[Sample], recipe: LineRecipe, seed: int) -> None:
    """Put the weights of the run or the exported file at `place` into `net`."""
    if place.suffix != ".onnx" or place.is_dir():
        checkpoint.fit_into(net, load_net(place).state_dict(), str(place))
        return
    recogniser = LineRecogniser(place, threads=1)
    checkpoint.fit_into(fuse(net), net_of(recogniser).state_dict(), str(place))  # before lines are read
    rng = np.random.default_rng(seed)
    some = [training[i] for i in rng.permutation(len(training))[:_SEEN]]
    images = [distort(s.ink, s.rows, rng, recipe.strength) for s in some]
    checkpoint.fit_into(net, restored(recogniser, images).state_dict(), str(place))


def origin(place: Path) -> dict[str, Any]:
    """Return what is on record of a run, or of an exported file: licences, what it was trained on, …

    Raises:
        ModelError: it is neither.
    """
    if place.suffix == ".onnx" and not place.is_dir():
        return read_card(place.with_suffix(".json"))
    return _record(place)


@contextmanager
def _whole() -> Iterator[None]:
    """Put Ctrl-C off until the block is done: of half a step nothing can be saved."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked and callable(before):
        before(asked[0], None)


def _step(
    net: Net,
    steppers: Sequence[optimizers.Stepper],
    batch: Batch,
    recipe: LineRecipe,
    device: torch.device,
) -> float:
    net.train()
    with torch.autocast(device.type, torch.bfloat16):
        logits = net(batch.images.to(device))  # [B, T, C + 1]
    log_p = logits.log_softmax(2).transpose(0, 1)
    frames = net.lengths(batch.widths).clamp(max=logits.shape[1])
    loss = F.ctc_loss(log_p, batch.targets.to(device), frames, batch.lengths, zero_infinity=True)
    for stepper in steppers:
        stepper.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    if recipe.clip:
        nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
    for stepper in steppers:
        stepper.step()
    return float(loss.detach())


def _mean(decay: float) -> Any:
    """Averages exponentially, over fewer steps while there are few: a start soon forgotten."""

    @torch.no_grad()
    def update(kept: list[Tensor], now: list[Tensor], count: Tensor | int) -> None:
        share = min(decay, (1 + float(count)) / (10 + float(count)))
        for mine, theirs in zip(kept, now, strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - share)
            else:
                mine.copy_(theirs)

    return update


def _few(held: Sequence[Sample], count: int) -> list[Sample]:
    """The same `count` lines of each set every time, spread over its writers."""
    by_set: dict[str, list[Sample]] = {}
    for sample in held:
        by_set.setdefault(sample.source, []).append(sample)
    return [s for samples in by_set.values() for s in samples[:: max(1, len(samples) // count)][:count]]


def _averaged(average: AveragedModel) -> Net:
    net = average.module
    assert isinstance(net, Net)
    return net


def _note(point: Progressing, loss: float, score: Score, console: Console, board: Any) -> None:
    sets = {name: round(cer, 4) for name, cer in score.by_set.items()}
    entry = {
        "step": point.step,
        "lines": point.lines,
        "seconds": round(point.seconds),
        "loss": round(loss, 4),
    }
    point.history.append({**entry, "cer": round(score.pooled, 4), "sets": sets})
    told = "  ".join(f"{name} {cer:.1%}" for name, cer in sets.items())
    console.print(
        f"step {point.step}  {point.seconds / 60:.0f} min  loss {loss:.3f}  CER {score.pooled:.2%}  {told}"
    )
    for right, read in score.examples[:3]:
        console.print(f"  {right}\n  {read}", markup=False, highlight=False)
    if board is not None:
        _log_to(board, point, loss, score)


def _board(out: Path) -> Any:
    """Return a TensorBoard log, or None where the package is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(out))


def _log_to(board: Any, point: Progressing, loss: float, score: Score) -> None:
    board.add_scalar("training/loss", loss, point.step)
    board.add_scalar("held back/CER", score.pooled, point.step)
    for name, cer in score.by_set.items():
        board.add_scalar(f"held back/{name}", cer, point.step)
    lines = "\n\n".join(f"{right}  \n{read}" for right, read in score.examples[:10])
    board.add_text("readings", lines, point.step)


def _save(
    out: Path,
    recipe: LineRecipe,
    seed: int,
    net: Net,
    average: AveragedModel,
    steppers: Sequence[optimizers.Stepper],
    point: Progressing,
) -> None:
    tree = {
        "net": net.state_dict(),
        "average": average.state_dict(),
        "optimizers": [s.state_dict() for s in steppers],
        "point": asdict(point),
    }
    checkpoint.save_state(out, tree)
    keep(out, _averaged(average))
    record = {"recipe": asdict(recipe), "net": net.config, "seed": seed, "classes": LINE, **asdict(point)}
    checkpoint.write(out / RECORD, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())


def keep(folder: Path, net: Net, name: str = NET) -> None:
    """Write the weights of `net` into the run's folder, as those that `load_net` reads."""
    values = {k: v.detach().cpu().contiguous() for k, v in net.state_dict().items()}
    checkpoint.write(folder / name, to_bytes(values))


def begun(folder: Path) -> dict[str, Tensor]:
    """Return the weights that a run with `start_from` started with.

    Raises:
        ModelError: the run started from nothing, or its file is damaged.
    """
    if not (folder / START).is_file():
        raise ModelError(f"{folder}: the run did not start from another network (no {START})")
    return checkpoint.read(folder / START)


def remember(folder: Path, **facts: Any) -> None:
    """Add `facts` to the record of the run in `folder`."""
    record = json.loads((folder / RECORD).read_text("utf-8")) | facts
    checkpoint.write(folder / RECORD, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())


def _restore(
    out: Path, net: Net, average: AveragedModel, steppers: Sequence[optimizers.Stepper]
) -> Progressing:
    tree = checkpoint.load_state(out)
    try:
        checkpoint.fit_into(net, tree["net"], str(out))
        checkpoint.fit_into(average, tree["average"], str(out))
        for stepper, state in zip(steppers, tree["optimizers"], strict=True):
            stepper.load_state_dict(state)
        return Progressing(**tree["point"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{out}: the state to resume from is of another recipe or version") from error


def load_net(folder: Path) -> Net:
    """Read the network of a run, in evaluation mode.

    Raises:
        ModelError: no run there, or a damaged one.
    """
    try:
        net = build(_record(folder)["net"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"{folder}: no run of the line recogniser here ({error})") from error
    tensors: dict[str, Tensor] = checkpoint.read(folder / NET)
    checkpoint.fit_into(net, tensors, str(folder / NET))
    return net.eval()


def _record(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / RECORD).read_text("utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{folder}: no run of the line recogniser here ({error})") from error


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(),
        TextColumn("loss {task.fields[loss]:.3f}  held back {task.fields[cer]:.1%}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
