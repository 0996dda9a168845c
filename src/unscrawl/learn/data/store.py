"""Files of data sets in a folder: finding them packed or not, and keeping them unpacked in the cache."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import platformdirs
from filelock import FileLock
from numpy.typing import NDArray

from unscrawl.errors import DataError, OutputError
from unscrawl.learn.data.files import read_file, unpack

__all__ = ["Content", "alone", "cache_folder", "discard", "find", "keep", "read", "read_sums"]

_ARCHIVE: Final = "gzip.zip"
_PACKED: Final = (".gz", ".bz2", ".xz")
_SUMS: Final = "SHA256SUMS"


@dataclass(frozen=True)
class Content:
    """The unpacked bytes of a file, and where they were found."""

    bytes: NDArray[np.uint8]
    source: str

    @cached_property
    def sha256(self) -> str:
        """The digest of the bytes."""
        return hashlib.sha256(self.bytes.data).hexdigest()


def cache_folder() -> Path:
    """Return where data sets are kept: `UNSCRAWL_CACHE`, or the platform's own folder for such."""
    own = os.environ.get("UNSCRAWL_CACHE")
    return Path(own) if own else platformdirs.user_cache_path("unscrawl", appauthor=False)


def find(folder: Path, name: str) -> Path | None:
    """Return the file in `folder` that holds `name`: itself, packed, or an archive that may have it."""
    return next((path for path in _places(folder, name) if path.is_file()), None)


def _places(folder: Path, name: str) -> list[Path]:
    names = [name, *(name + suffix for suffix in _PACKED)]
    # Some copies of MNIST write train-images.idx3-ubyte.
    dotted = [other.replace("-idx", ".idx") for other in names if "-idx" in other]
    return [folder / other for other in (*names, *dotted, f"gzip/{name}.gz", _ARCHIVE)]


def read(folder: Path, name: str) -> Content | None:
    """Return the unpacked file `name`, None where `folder` does not have it.

    Raises:
        DataError: it is damaged.
    """
    path = find(folder, name)
    if path is None:
        return None
    if path.name != _ARCHIVE:
        return Content(read_file(path), str(path))
    member = f"gzip/{name}.gz"
    try:
        with zipfile.ZipFile(path) as archive:
            packed = np.frombuffer(archive.read(member), np.uint8)
    except KeyError:
        return None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: not a whole zip file ({error}); fetch it again") from None
    return Content(unpack(packed, f"{path}: {member}"), f"{path}: {member}")


def read_sums(folder: Path) -> dict[str, str]:
    """Return the digests noted when files were put into this folder of the cache."""
    try:
        lines = (folder / _SUMS).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time fill this folder of the cache.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire()
    except OSError as error:
        raise _unwritable(folder, error) from None
    try:
        yield
    finally:
        lock.release()


def keep(folder: Path, name: str, content: Content) -> None:
    """Put unpacked bytes into the cache, whole or not at all, with their digest; a packed copy goes.

    Raises:
        OutputError: the folder cannot be written.
    """
    if content.source == str(folder / name) and name in read_sums(folder):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{name}.{os.getpid()}.part"
        draft.write_bytes(content.bytes.data)
        draft.replace(folder / name)
        sums = read_sums(folder) | {name: content.sha256}
        draft.write_text("".join(f"{sha256}  {file}\n" for file, sha256 in sorted(sums.items())), "utf-8")
        draft.replace(folder / _SUMS)
        for suffix in _PACKED:
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{folder}: cannot be written ({error.strerror}); set UNSCRAWL_CACHE to another folder"
    )


def discard(folder: Path, name: str) -> None:
    """Remove the file in this folder of the cache that `name` would be read from.

    Raises:
        OutputError: it cannot be removed.
    """
    path = find(folder, name)
    try:
        if path is not None:
            path.unlink()
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed ({error.strerror}); remove it by hand") from None
