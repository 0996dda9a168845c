"""What a user's own Python file defines: a network, a data set."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from unscrawl.errors import OptionError

__all__ = ["defined", "defined_with_source"]


def defined(what: str, source: str) -> Any:
    """Return what `source`, "path/to/file.py:NAME", names; the file may import those beside it.

    `what` says in messages what is being looked for.

    Raises:
        OptionError: there is no such file, it fails, or it has no such name.
    """
    return defined_with_source(what, source)[0]


def defined_with_source(what: str, source: str, copy: Path | None = None) -> tuple[Any, bytes]:
    """Return what `source` names, as `defined` does, and the content of the file that defines it.

    With `copy`, that file is taken instead of the one `source` names; it may still import those beside the
    latter, where they can be found.

    Raises:
        OptionError: there is no such file, it fails, or it has no such name.
    """
    path, _, name = source.rpartition(":")
    file = copy or Path(path)
    where = f"{what} {source!r}" + (f" as kept in {copy}" if copy else "")
    try:
        content = file.read_bytes() if file.is_file() else None
    except OSError as error:
        raise OptionError(f"{where}: {file} cannot be read ({error.strerror})") from None
    if content is None:
        raise OptionError(f"{where}: there is no file {file}; write path/to/file.py:NAME")
    beside = [place.parent for place in (file, Path(path)) if place.is_file()]
    module = _run(content, file, beside, where)
    if not hasattr(module, name):
        raise OptionError(f"{where}: {file} has no {name}")
    return getattr(module, name), content


def _run(content: bytes, file: Path, folders: list[Path], where: str) -> ModuleType:
    """Return the module that `content`, read from `file`, makes; it may import what lies in `folders`."""
    spec = importlib.util.spec_from_file_location(f"_own_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise OptionError(f"{where}: {file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    for folder in folders:
        if (place := str(folder.resolve())) not in sys.path:
            sys.path.append(place)
    try:
        # Not by the loader, which may take an older .pyc and reads the file another time.
        exec(compile(content, spec.origin or str(file), "exec", dont_inherit=True), module.__dict__)
    except Exception as error:  # whatever the user's file raises is told in one line
        raise OptionError(f"{where}: {file} fails: {type(error).__name__}: {error}") from error
    return module
