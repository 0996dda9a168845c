"""What the commands say: results on standard output, one-line messages and progress on standard error."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence

from unscrawl.errors import OutputError

__all__ = ["put", "say", "speak_utf8", "track"]


def say(message: str) -> None:
    """Print `message` as one line on standard error, if there is such."""
    if sys.stderr is not None:
        print("unscrawl:", " ".join(message.split()), file=sys.stderr)


def put(text: str) -> None:
    """Write `text` to standard output at once, so that a pipe sees each result when it is there.

    Raises:
        OutputError: standard output takes no more, say for a full disk, or is closed.
        BrokenPipeError: nobody reads standard output any longer.
    """
    if sys.stdout is None:
        raise OutputError("cannot write: standard output is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to standard output ({error.strerror})") from None


def speak_utf8() -> None:
    """Make standard output UTF-8: £ and € survive a pipe in any locale, and so does every file name."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def track(sources: Sequence[str], *, quiet: bool = False) -> Iterator[str]:
    """Go through `sources` with a progress bar, where there is something to show and someone to see it.

    That is: several sources, standard error a terminal, and standard output none, as results would run
    through the bar, unless it is `quiet` and none are printed.
    """
    watched, printed = (stream is not None and stream.isatty() for stream in (sys.stderr, sys.stdout))
    if len(sources) < 2 or not watched or (printed and not quiet):
        yield from sources
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        yield from progress.track(sources, description="Reading")
