"""`unscrawl teach`: lines and characters of one writer → a hand that is read better."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unscrawl.cli.console import put, say
from unscrawl.errors import DataError, OptionError

if TYPE_CHECKING:
    from unscrawl.hand import Hand
    from unscrawl.teach import Report

__all__ = ["register", "tell"]


def register(app: typer.Typer) -> None:
    """Add the command `teach` to `app`."""
    app.command()(teach)


def teach(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the hand.")],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Pictures with their text beside them (X.png and X.txt: one line, or a page), results of "
            "`read --format json` that were corrected, or folders of these and of characters (a/1.png).",
            show_default=False,
        ),
    ] = None,
    alphabet: Annotated[
        Literal["known", "new"],
        typer.Option(help="new: the folders of characters are an alphabet of its own, with their names."),
    ] = "known",
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was taught last.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Teach all that the hand keeps once more, say on a better base.")
    ] = False,
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough",
            help="Teach the whole network, for some minutes: pays from a page of lines on, needs eight; with "
            "fewer, and with --also, go through the lines more often. Ctrl-C changes nothing.",
        ),
    ] = False,
    also: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PICTURE",
            help="A page of the same hand whose text is not known, say the rest of the letter: learnt from "
            "as it is read, by the last layers alone. May be given several times.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Another network for characters.", show_default=False)
    ] = None,
    line_model: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Another network for lines.", show_default=False)
    ] = None,
) -> None:
    """Teach a hand from lines whose text is known; `unscrawl read --hand NAME` then reads it better.

    Exit code: 0 when all was taught that was given, 2 when something was left out or failed.
    """
    if undo + again + bool(sources) != 1:
        raise OptionError("name something to learn from, or --undo, or --again: one of the three")
    if also and (not sources or alphabet == "new"):
        raise OptionError("--also goes with lines whose text is known: not --undo, --again or a new alphabet")
    from unscrawl.shelf import check_name

    check_name(name)

    from unscrawl import teach as teaching  # only now: a mistyped option is answered at once
    from unscrawl.hand import Hand
    from unscrawl.line_recogniser import LineRecogniser
    from unscrawl.recogniser import Recogniser
    from unscrawl.teach.given import learn_from
    from unscrawl.teach.material import gather, reader_of

    if undo:
        before = Hand.undo(name)
        put(f"{name}: {_held(before)}\n" if before else f"{name}: there is no such hand any longer\n")
        return
    lines, glyphs = LineRecogniser(line_model), Recogniser(model)
    if again:
        with _watch(thorough) as watch:
            report = teaching.again(name, recogniser=lines, glyphs=glyphs, watch=watch, thorough=thorough)
        tell(report, thorough)
        return
    material = gather(sources or [], reader_of(lines), also or [])
    with _watch(thorough) as watch:
        report = learn_from(
            name,
            material,
            recogniser=lines,
            glyphs=glyphs,
            own_alphabet=alphabet == "new",
            watch=watch,
            thorough=thorough,
        )
    for what, why in report.left_out:
        say(f"{what}: left out: {why}")
    if not report.lines_used + report.characters_used:
        raise DataError(f"{name}: nothing was taught: all of it was left out")
    tell(report, thorough)
    if report.left_out:
        raise typer.Exit(2)


@contextlib.contextmanager
def _watch(thorough: bool) -> Iterator[Callable[[float], None] | None]:
    """Show how far a thorough teaching is, on standard error where that is a terminal."""
    if not thorough:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Learning", total=1.0)
        yield lambda share: progress.update(task, completed=share)


def tell(report: Report, thorough: bool) -> None:
    """Say what came of it."""
    hand = report.hand
    put(f"{hand.name}: taught {_count(report.lines_used, report.characters_used)} ")
    put(f"in {report.seconds:.1f} s; {_held(hand)}\n")
    for what, before, after in (
        ("lines", report.cer_before, report.cer_after),
        ("single characters", report.characters_before, report.characters_after),
    ):
        if after is not None:
            was = f" instead of {before:.1%}" if before is not None else ""
            put(f"{what} held out: {after:.1%} of characters wrong{was}\n")
    if thorough and hand.lines:
        deep = hand.line is not None and bool(hand.line.deep)
        put(f"taught: {'the whole network' if deep else 'its last layers, not the whole network'}\n")
    if report.shallower and not thorough:
        put("the whole network had been taught, on another base: --again --thorough does it on this one\n")
    if report.dropped:
        put(f"{report.dropped} of the lines taught first are no longer kept: the hand's file has its limit\n")
    if not report.kept:
        put("reading is not better with what was learnt so far, so the base goes on reading this hand\n")


def _held(hand: Hand) -> str:
    return f"it holds {_count(len(hand.lines), len(hand.characters))}"


def _count(lines: int, characters: int) -> str:
    parts = [(lines, "line"), (characters, "character")]
    return " and ".join(f"{n} {what}{'s' * (n != 1)}" for n, what in parts if n or what == "line")
