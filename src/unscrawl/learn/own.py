"""What a user's own Python file defines: a network, a data set."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from unscrawl.errors import OptionError

__all__ = ["defined"]


def defined(what: str, source: str) -> Any:
    """Return what `source`, "path/to/file.py:NAME", names; the file may import those beside it.

    `what` says in messages what is being looked for.

    Raises:
        OptionError: there is no such file, it fails, or it has no such name.
    """
    path, _, name = source.rpartition(":")
    file = Path(path)
    if not file.is_file():
        raise OptionError(f"{what} {source!r}: there is no file {path}; write path/to/file.py:NAME")
    spec = importlib.util.spec_from_file_location(f"_own_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise OptionError(f"{what} {source!r}: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    if (folder := str(file.resolve().parent)) not in sys.path:
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file raises is told in one line
        raise OptionError(f"{what} {source!r}: {path} fails: {type(error).__name__}: {error}") from error
    if not hasattr(module, name):
        raise OptionError(f"{what} {source!r}: {path} has no {name}")
    return getattr(module, name)
