"""Where hands lie on the disk: a folder for each name, a numbered file for each state, a lock for changes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import platformdirs
from filelock import FileLock, Timeout

from unscrawl.errors import ModelError, OptionError, OutputError

__all__ = ["SUFFIX", "add", "check_name", "drop", "folder", "locked", "names", "read", "states", "write"]

SUFFIX: Final = ".hand"
"""Ending of a hand's file."""
STATES: Final = 10
"""Files kept of one hand."""

_WAIT: Final = 30.0  # seconds that a change waits for another one of the same hand
_LARGEST: Final = 4 << 20  # bytes of a file that is looked into at all
_NAME: Final = re.compile(r"\w([\w .'-]{0,62}[\w'-])?")
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # no names on Windows


def folder() -> Path:
    """Return where hands are kept: `UNSCRAWL_HANDS`, or the platform's own folder for such."""
    own = os.environ.get("UNSCRAWL_HANDS")
    return Path(own) if own else platformdirs.user_data_path("unscrawl", appauthor=False) / "hands"


def names() -> list[str]:
    """Return the names of the hands there are, sorted.

    Raises:
        OutputError: the folder cannot be looked into.
    """
    try:
        return sorted(p.name for p in folder().iterdir() if _is_name(p.name) and states(p.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OutputError(f"{folder()}: cannot look into this folder ({error.strerror})") from None


def check_name(name: str) -> str:
    """Return `name`, which may be that of a hand.

    Raises:
        OptionError: it may not.
    """
    if not _is_name(name):
        raise OptionError(
            f"{name!r} cannot be the name of a hand: use up to 64 letters, digits, spaces, - and _, "
            "a letter or digit first"
        )
    return name


def _is_name(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and not _RESERVED.fullmatch(name)


def states(name: str) -> list[int]:
    """Return the numbers of the states that are kept of a hand, rising; none where there is no such hand."""
    try:
        files = [p.stem for p in (folder() / check_name(name)).iterdir() if p.suffix == SUFFIX]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise OutputError(f"{folder() / name}: cannot look into this folder ({error.strerror})") from None
    return sorted(int(stem) for stem in files if stem.isdecimal())


def path(name: str, state: int) -> Path:
    """Return the file of one state."""
    return folder() / check_name(name) / f"{state:06}{SUFFIX}"


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep every other process and thread from changing the hand; may be entered again inside.

    Raises:
        OptionError: no hand may have this name.
        OutputError: the folder cannot be written, or another change takes too long.
    """
    file = folder() / f".{check_name(name)}.lock"
    lock = FileLock(file, timeout=_WAIT, is_singleton=True)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"the hand {name!r} is being taught elsewhere: try again when that is done"
        ) from None
    except OSError as error:
        raise OutputError(f"{file.parent}: cannot keep hands there ({error.strerror or error})") from None
    try:
        yield
    finally:
        lock.release()


def add(name: str, data: bytes) -> int:
    """Keep `data` as the hand's next state and return its number; of many states the oldest go.

    Raises:
        OutputError: it cannot be written; nothing is changed then.
    """
    with locked(name):
        there = states(name)
        state = (there[-1] if there else 0) + 1
        write(path(name, state), data)
        for old in there[: max(0, len(there) + 1 - STATES)]:
            with contextlib.suppress(OSError):  # one file too many does no harm
                path(name, old).unlink()
    return state


def drop(name: str, state: int | None = None) -> None:
    """Delete one state of the hand, or the hand with all of them.

    Raises:
        OutputError: it cannot be deleted.
    """
    home = folder() / check_name(name)
    with locked(name):
        try:
            for number in reversed(states(name)) if state is None else [state]:
                path(name, number).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{home}: cannot delete from this folder ({error.strerror})") from None
        if not states(name):
            shutil.rmtree(home, ignore_errors=True)


def read(file: Path) -> bytes:
    """Return the bytes of a hand's file.

    Raises:
        ModelError: it cannot be read, or is far too large for a hand.
    """
    try:
        with file.open("rb") as source:
            data = source.read(_LARGEST + 1)
    except FileNotFoundError:
        raise ModelError(f"{file}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"{file}: cannot be read ({reason})") from None
    if len(data) > _LARGEST:
        raise ModelError(f"{file} is no hand: it is larger than {_LARGEST >> 20} MiB")
    return data


def write(file: Path, data: bytes) -> None:
    """Put `data` into a file, whole or not at all; it is on the disk when this returns.

    Raises:
        OutputError: it cannot be written.
    """
    partial = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        partial.replace(file)
    except OSError as error:
        raise OutputError(
            f"{file}: cannot write it ({error.strerror or error}); nothing was changed"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
