"""`unscrawl hands`: the hands there are, what they hold, taking them elsewhere, forgetting them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unscrawl.cli.console import put, say
from unscrawl.errors import ModelError

__all__ = ["app"]

app = typer.Typer(help="List, show, export, import and forget hands.", rich_markup_mode=None)

_NAME = typer.Argument(metavar="NAME", help="A hand that `unscrawl hands list` shows.", show_default=False)


@app.command("list")
def list_() -> None:
    """List the hands there are."""
    from unscrawl.hand import Hand
    from unscrawl.shelf import folder

    for name in Hand.names():
        try:
            put(f"{name}\t{_summary(Hand.load(name))}\n")
        except ModelError as error:
            say(str(error))
    say(f"hands are kept in {folder()}")


@app.command()
def show(name: Annotated[str, _NAME]) -> None:
    """Show what a hand was taught: the text of its lines, its characters, its words."""
    from unscrawl.hand import Hand

    hand = Hand.load(name)
    put(f"{hand.name}\t{_summary(hand)}\n")
    for line in hand.lines:
        put(f"{_shown(line.name) or 'line'}\t{_shown(line.text)}\n")
    labels = sorted({c.label for c in hand.characters})
    if labels:
        put(f"characters\t{' '.join(map(_shown, labels))}\n")


@app.command()
def export(
    name: Annotated[str, _NAME],
    to: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file, or a folder.", show_default="NAME.hand")
    ] = Path(),
) -> None:
    """Write a hand to one file, to be imported elsewhere."""
    from unscrawl.hand import Hand

    put(f"{Hand.load(name).export(to)}\n")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `unscrawl hands export` wrote.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another name for it.", show_default="its own")
    ] = None,
) -> None:
    """Keep the hand in a file; one of that name that is there already can be had back with `teach --undo`."""
    from unscrawl.hand import Hand

    hand = Hand.import_(file, name)
    put(f"{hand.name}\t{_summary(hand)}\n")


@app.command()
def forget(name: Annotated[str, _NAME]) -> None:
    """Delete a hand with all that it was taught."""
    from unscrawl.hand import Hand

    Hand.forget(name)
    put(f"{name}: forgotten\n")


def _shown(text: str) -> str:
    """Return a text from a hand's file, which may come from anywhere, with nothing that moves a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _summary(hand: object) -> str:
    """Return what a hand holds and whether it reads better than the base."""
    from unscrawl.hand import Hand

    assert isinstance(hand, Hand)
    parts = [f"{len(hand.lines)} lines", f"{len(hand.characters)} characters"]
    if hand.own_alphabet:
        parts.append("an alphabet of its own")
    before, after = (hand.figures.get(f"cer_{when}") for when in ("before", "after"))
    if hand.line is not None and before is not None and after is not None:
        parts.append(f"{after:.1%} of characters wrong instead of {before:.1%}")
    elif hand.glyph is None:
        parts.append("read as the base reads")
    return ", ".join(parts)
