"""All the sets of a run: found, put together, with the licences that stand beside them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from unscrawl.errors import DataError, OptionError
from unscrawl.learn.lines.sources import LineSet, Sample, find_sets, set_name

__all__ = ["Gathered", "find", "gather", "licence"]


@dataclass(frozen=True)
class Gathered:
    """Lines to train on, lines held back, and the lines of the sets that a run does without."""

    training: list[Sample] = field(default_factory=list)
    held: list[Sample] = field(default_factory=list)
    apart: list[Sample] = field(default_factory=list)


def find(places: Iterable[Path]) -> dict[str, Path]:
    """Return the sets at `places` by their names.

    Raises:
        DataError: a place without a set.
        OptionError: two sets of one name.
    """
    sets: dict[str, Path] = {}
    for place in places:
        for path in find_sets(place):
            if sets.setdefault(set_name(path), path).resolve() != path.resolve():
                raise OptionError(f"{path}: another set is called {set_name(path)!r} too; rename one of them")
    return sets


def gather(sets: Iterable[LineSet], leave_out: Collection[str] = ()) -> Gathered:
    """Put sets together, but those of the names in `leave_out` apart, all their lines.

    Raises:
        DataError: nothing to train on, or nothing held back to measure with.
    """
    lines = Gathered()
    for part in sets:
        if part.name in leave_out:
            lines.apart.extend([*part.training, *part.held])
        else:
            lines.training.extend(part.training)
            lines.held.extend(part.held)
    if not lines.training:
        raise DataError("nothing to train on: no usable line in these sets")
    if not lines.held:
        raise DataError(
            "nothing to measure with: all lines are of one page; add lines of another page or writer"
        )
    return lines


def licence(path: Path) -> str:
    """Return licence and attribution of the set at `path`, as the SOURCES.md beside it states them.

    There, a section headed by the set's name has lines "- licence: …" and "- attribution: …".
    """
    name = set_name(path)
    try:
        text = ((path if path.is_dir() else path.parent) / "SOURCES.md").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    section = re.search(rf"^#+ {re.escape(name)}$(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    facts = re.findall(r"^- (?:licence|attribution)[^:]*: (.+)$", section[1], re.MULTILINE) if section else []
    return f"{name}: {'; '.join(facts) or 'licence not stated'}"
