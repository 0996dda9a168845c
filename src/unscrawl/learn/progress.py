"""What a run shows while it goes: a bar with loss, accuracy and time left, and a TensorBoard log."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from unscrawl.errors import OptionError
from unscrawl.learn.checkpoint import Run

__all__ = ["Log"]

_EVERY: Final = 20
"""Least number of steps from one point in the TensorBoard log to the next."""


class Log:
    """Context of one run's progress; on standard error, so that standard output stays for results."""

    def __init__(self, run: Run, steps: int, *, start: int, shown: bool, tensorboard: bool) -> None:
        """Show `run` of `steps` steps, which begins with number `start` (from 0)."""
        self.console = Console(stderr=True, quiet=not shown)
        self.epochs, self.steps = run.recipe["epochs"], steps
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:.2%}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not shown or not self.console.is_terminal,
        )
        self.task = self.bar.add_task(
            "", total=steps, completed=start, epoch=1, epochs=self.epochs, loss=0.0, accuracy=0.0
        )
        self.writer, self.next = _writer(run, start) if tensorboard else None, start
        self.console.print(
            f"{run.data}: {run.samples['train']:,} pictures to train on, {run.samples['validation']:,} held "
            f"back; {run.model_name} on {run.device}, seed {run.seed}",
            highlight=False,
            soft_wrap=True,
        )

    def __enter__(self) -> Log:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()
        if self.writer:
            self.writer.close()

    def step(self, step: int, loss: float, accuracy: float, lr: float) -> None:
        """Show where step number `step` (from 0) of the run got to."""
        self.bar.update(
            self.task,
            completed=step + 1,
            epoch=step * self.epochs // self.steps + 1,
            loss=loss,
            accuracy=accuracy,
        )
        if self.writer and step >= self.next:
            self.next = step + _EVERY
            self.writer.add_scalar("training/loss", loss, step)
            self.writer.add_scalar("training/accuracy", accuracy, step)
            self.writer.add_scalar("training/rate", lr, step)

    def epoch(self, entry: dict[str, float]) -> None:
        """Print the line of a finished epoch."""
        line = f"epoch {entry['epoch']:.0f}  loss {entry['loss']:.4f}  accuracy {entry['accuracy']:.2%}"
        if "validation_accuracy" in entry:
            line += (
                f"  validation loss {entry['validation_loss']:.4f}"
                f"  accuracy {entry['validation_accuracy']:.2%}"
            )
        self.console.print(f"{line}  {entry['seconds']:.0f} s", highlight=False, soft_wrap=True)
        if self.writer:
            for name in ("validation_loss", "validation_accuracy"):
                if name in entry:
                    self.writer.add_scalar(name.replace("_", "/"), entry[name], int(entry["epoch"]))


def _writer(run: Run, start: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise OptionError(
            "the TensorBoard log needs the package tensorboard: pip install 'unscrawl[train]'"
        ) from error
    return SummaryWriter(str(run.folder), purge_step=start or None)  # steps that are made again count once
