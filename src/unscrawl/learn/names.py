"""One message for every unknown name: what was asked for, what is nearest, what there is."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from unscrawl.errors import OptionError

__all__ = ["unknown"]


def unknown(what: str, name: str, known: Iterable[str]) -> OptionError:
    """Return the error for `name`, which is not one of the `known` names of `what`."""
    known = list(known)
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return OptionError(f"unknown {what} {name!r}: {hint}choose one of {', '.join(known)}")
