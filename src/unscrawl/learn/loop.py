"""The training loop: a data set, a network and a recipe in, a run folder out.

Read `fit` from top to bottom. What is random in a step depends on the seed and the step's number only,
so a run that was interrupted and resumed ends, on the CPU, with the same bits as one that was not.
"""

from __future__ import annotations

import copy
import math
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import unscrawl
from unscrawl.errors import OptionError, TrainingError
from unscrawl.formats import check_folder
from unscrawl.learn import models, optimizers
from unscrawl.learn.augment import augment
from unscrawl.learn.batches import epoch_order, generator, normalise, pixels, seed_of, statistics
from unscrawl.learn.checkpoint import Run, kept_source
from unscrawl.learn.crew import Crew
from unscrawl.learn.device import describe
from unscrawl.learn.evaluation import fit_temperature
from unscrawl.learn.predict import logits
from unscrawl.learn.progress import Log
from unscrawl.learn.recipe import Recipe
from unscrawl.learn.resume import Point, restore, save
from unscrawl.learn.sets import Data, check, split

__all__ = ["fit"]

DISTORT, DROP = 1, 2  # what a generator is for: keeps their streams apart
LOOK = {"cpu": 1}  # steps between looks at the loss, 25 elsewhere: a look makes a graphics processor wait


def fit(
    data: Data,
    recipe: Recipe,
    *,
    out: str | Path,
    model: str | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
    progress: bool = True,
    tensorboard: bool = False,
    command: str = "",
) -> Run:
    """Train a network (`model`, or the recipe's own) on `data` and return the finished run.

    The folder `out` gets run.json, model.safetensors and, after every epoch, state.safetensors, from
    which `resume` goes on exactly. The test part is never looked at.

    Raises:
        DataError: pictures or labels that cannot be trained on.
        OptionError: an unknown network or device, or a seed out of range.
        TrainingError: the loss is no number, or the run was stopped with Ctrl-C (it is saved then).
        ModelError: resuming something else than what was interrupted.
        OutputError: the folder cannot be written.
    """
    # ── data: bytes on the device
    check(data)
    if not 0 <= seed < 2**63:
        raise OptionError(f"the seed must be 0 or above and below 2 ** 63, not {seed}")
    crew = Crew(device)
    place = crew.device
    train, held = data.train, data.validation
    if held is None and recipe.validation > 0:
        train, held = split(data.train, recipe.validation, seed)
    mean, std = statistics(train)
    x, y = pixels(train.images, place), torch.from_numpy(train.labels).to(place)  # [N, C, H, W], [N]
    if x.shape[2] != x.shape[3]:
        raise OptionError(f"{data.name}: pictures are {x.shape[2]} × {x.shape[3]}, networks take squares")

    # ── network, its running average, optimizers
    torch.manual_seed(seed)
    name = model or recipe.model
    kept = kept_source(Path(out), name) if resume else None  # whatever became of the file meanwhile
    net = models.build(name, len(data.classes), x.shape[1], x.shape[2], copy=kept).to(place)
    for layer in net.modules():
        if isinstance(layer, (nn.Dropout, nn.Dropout2d)) and recipe.dropout >= 0:
            layer.p = recipe.dropout
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    net = net.to(memory_format=layout)  # type: ignore[call-overload]
    average = copy.deepcopy(net).eval() if recipe.ema else net
    steppers = optimizers.build(net, recipe)
    peaks = [[group["lr"] for group in o.param_groups] for o in steppers]
    forward = crew.join(cast(nn.Module, torch.compile(net)) if recipe.compile else net)
    half = torch.autocast(place.type, torch.bfloat16) if recipe.bf16 else nullcontext()

    run = Run(
        folder=Path(out),
        model=average,
        model_name=name,
        classes=data.classes,
        channels=x.shape[1],
        size=x.shape[2],
        mean=mean,
        std=std,
        recipe=asdict(recipe),
        seed=seed,
        data=data.name,
        tta=recipe.tta,
        device=describe(place),
        versions={"unscrawl": unscrawl.__version__, "torch": torch.__version__} | _machine(),
        command=command,
        samples={"train": len(train), "validation": len(held) if held else 0},
    )
    point = restore(run, net, average, steppers) if resume else Point()
    if crew.leads:
        _check_writable(run.folder)
    per_epoch = len(_batches(y, recipe, seed, 0))
    steps = per_epoch * recipe.epochs
    look_every = LOOK.get(place.type, 25)
    began = time.monotonic() - run.seconds

    start = point.epoch * per_epoch + point.batch
    shown, logged = progress and crew.leads, tensorboard and crew.leads
    with Log(run, steps, start=start, shown=shown, tensorboard=logged) as log, _ctrl_c() as stop:
        for epoch in range(point.epoch, recipe.epochs):
            # ── one epoch
            net.train()
            batches = _batches(y, recipe, seed, epoch)
            pending: list[Tensor] = []  # (loss × samples, right) of the last steps, still on the device
            for batch in range(point.batch, per_epoch):
                step = epoch * per_epoch + batch
                torch.manual_seed(seed_of(seed, DROP, step, crew.rank))
                lr = optimizers.set_rate(steppers, peaks, optimizers.rate(recipe, step, steps))

                index = crew.share(batches[batch])
                target = y[index]
                picture = x[index]  # uint8 [B, C, H, W]
                if not recipe.augment.off:
                    random = generator(place, seed, DISTORT, step, crew.rank)
                    picture = augment(picture.float().div_(255), recipe.augment, random)
                picture = normalise(picture, mean, std).contiguous(memory_format=layout)

                with half:
                    scores = forward(picture).float()  # [B, classes]
                loss = F.cross_entropy(scores, target, label_smoothing=recipe.label_smoothing)

                right = (scores.detach().argmax(1) == target).sum()
                pending.append(torch.stack([loss.detach() * len(index), right.float()]))
                point.seen += len(index) * crew.size
                look = len(pending) == look_every or batch + 1 == per_epoch
                stopping = look and _collect(pending, stop, crew, point, step, run.folder)
                if look:
                    log.step(step, point.loss / point.seen, point.right / point.seen, lr)

                for stepper in steppers:
                    stepper.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                if recipe.clip:
                    nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
                for stepper in steppers:
                    stepper.step()
                if recipe.ema:
                    _follow(average, net, min(recipe.ema, (1 + step) / (10 + step)))

                point.batch = batch + 1
                if stopping:
                    run.seconds = time.monotonic() - began
                    if crew.leads:
                        save(run, net, average, steppers, point)
                    raise TrainingError(
                        f"stopped at step {step + 1} of {steps} and saved: "
                        f"the same command with --resume --out {run.folder} goes on"
                    )

            # ── look at the validation part, save
            entry = {
                "epoch": epoch + 1.0,
                "loss": point.loss / point.seen,
                "accuracy": point.right / point.seen,
            }
            if held and crew.leads:
                scores = logits(average, pixels(held.images, place), mean, std, tta=recipe.tta).cpu()
                labels = torch.from_numpy(held.labels)
                entry["validation_loss"] = float(F.cross_entropy(scores, labels))
                entry["validation_accuracy"] = float((scores.argmax(1) == labels).float().mean())
                if recipe.keep == "best" and entry["validation_accuracy"] >= point.best_accuracy:
                    point.best_accuracy = entry["validation_accuracy"]
                    point.best = {k: v.clone() for k, v in average.state_dict().items()}
            run.seconds = entry["seconds"] = time.monotonic() - began
            run.history.append(entry)
            log.epoch(entry)
            point = Point(epoch + 1, best_accuracy=point.best_accuracy, best=point.best)
            if crew.leads:
                save(run, net, average, steppers, point)

    # ── the weights to keep, and how far to believe them
    if point.best:
        average.load_state_dict(point.best)
    average.eval()
    if held and crew.leads:
        scores = logits(average, pixels(held.images, place), mean, std)
        run.temperature = fit_temperature(scores.cpu().numpy(), held.labels)
    run.seconds = time.monotonic() - began
    if crew.leads:
        run.save()
    crew.part()
    return run


def _check_writable(folder: Path) -> None:
    """Raise `OutputError` where a run cannot be kept; a run that keeps nothing leaves no folder."""
    new = not folder.exists()
    check_folder(folder)
    if new:
        with suppress(OSError):
            folder.rmdir()


def _batches(labels: Tensor, recipe: Recipe, seed: int, epoch: int) -> list[Tensor]:
    """The epoch's batches of indices; a last one of a single sample is left out (batch norm needs two)."""
    order = epoch_order(labels, seed, epoch, recipe.balance).to(labels.device)
    batches = list(torch.split(order, recipe.batch_size))
    return batches[:-1] if len(batches) > 1 and len(batches[-1]) == 1 else batches


def _collect(
    pending: list[Tensor], stop: threading.Event, crew: Crew, point: Point, step: int, folder: Path
) -> bool:
    """Add the sums of the last steps, up to `step`, to the epoch's; return whether anyone asked to stop."""
    asked = torch.tensor([float(stop.is_set()), 0.0], device=pending[0].device)
    rows = crew.total(torch.stack([*pending, asked])).tolist()  # [steps + 1, 2]
    for i, (loss, right) in enumerate(rows[:-1]):
        if not math.isfinite(loss):
            kept = f"{folder} keeps epoch {point.epoch}" if point.epoch else "no epoch was finished to keep"
            raise TrainingError(
                f"the loss is {loss} at step {step + 2 - len(pending) + i}; {kept}: "
                "try a lower --lr, or `clip` in the recipe"
            )
        point.loss += loss
        point.right += int(right)
    pending.clear()
    return bool(rows[-1][0])


@torch.no_grad()
def _follow(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Move the averaged weights and statistics a little towards the current ones."""
    old, new = average.state_dict(), net.state_dict()
    floats = [k for k, v in old.items() if v.is_floating_point()]
    torch._foreach_lerp_([old[k] for k in floats], [new[k] for k in floats], 1 - decay)


@contextmanager
def _ctrl_c() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; the second one interrupts at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def asked(number: int, frame: Any) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, asked)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _machine() -> dict[str, str]:
    return {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
