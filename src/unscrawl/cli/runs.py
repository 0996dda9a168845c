"""What the commands that train have in common: the device, going on with a run, and where it goes."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Final

import typer

from unscrawl.errors import OptionError

__all__ = ["DEVICE", "RESUME", "run_folder"]

DEVICE: Final = typer.Option(help="auto (the best there is), cpu, cuda, cuda:1, mps or xpu.")
RESUME: Final = typer.Option("--resume", help="Go on where the run at --out stopped.")


def run_folder(out: Path | None, resume: bool, name: str) -> Path:
    """Return where a run goes; without `out` the first free of runs/NAME, runs/NAME-2, …

    Raises:
        OptionError: a run is there already, and is not to be resumed.
    """
    if out is None:
        if resume:
            raise OptionError("--resume needs --out FOLDER: the run to go on with")
        places = (Path("runs") / (name if i == 1 else f"{name}-{i}") for i in count(1))
        return next(place for place in places if not place.exists())
    if not resume and (out / "run.json").exists():
        raise OptionError(
            f"{out}: holds a run already; add --resume to go on with it, or name another folder"
        )
    return out
