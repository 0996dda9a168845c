"""Downloading: with progress, a time limit, retries, and going on where an earlier try stopped."""

from __future__ import annotations

import hashlib
import http.client
import time
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from unscrawl.errors import DataError, OutputError
from unscrawl.learn.data.catalogue import Download
from unscrawl.learn.data.files import is_web_page

__all__ = ["fetch"]

_TIMEOUT: Final = 20.0
_TRIES: Final = 4
_BLOCK: Final = 1 << 18
_WEB_PAGE: Final = "a web page came instead of the data"
_NETWORK: Final = (OSError, http.client.HTTPException)


def fetch(download: Download, folder: Path, *, wait: float = 1.0) -> Path:
    """Bring `download` into `folder` from the first address that serves it whole, and return its path.

    A part already there (`NAME.part`) is continued. The file appears under its name only when its digest
    is right. `wait` is the pause in seconds before the second try of an address; it doubles each time.

    Raises:
        DataError: no address serves it; the message gives each one's reason.
        OutputError: `folder` cannot be written.
    """
    part = folder / f"{download.name}.part"
    reasons = []
    for url in download.urls:
        for attempt in range(_TRIES):
            continued = part.exists()
            try:
                _transfer(url, part)
                _verify(download, part)
            except HTTPError as error:
                reason = f"HTTP {error.code} {error.reason}"
                if error.code < 500:
                    break
            except _NETWORK as error:
                reason = _reason(error)
                if isinstance(error, URLError):
                    break  # no such host, no network, no answer: asking again at once does not help
            except DataError as error:
                reason = str(error)
                part.unlink(missing_ok=True)
                if not continued:
                    break
                continue  # another server's beginning may have been continued: begin anew
            else:
                return _finish(part, folder / download.name)
            if attempt + 1 < _TRIES:
                time.sleep(wait * 2**attempt)
        reasons.append(f"{urlsplit(url).netloc}: {reason}")
    raise DataError(f"{download.name} could not be fetched ({'; '.join(reasons)})")


def _reason(error: BaseException) -> str:
    if isinstance(error, URLError) and isinstance(error.reason, BaseException):
        return _reason(error.reason)
    if isinstance(error, TimeoutError):
        return f"no answer within {_TIMEOUT:.0f} s"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection broke off, what came is kept and continued the next time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _transfer(url: str, part: Path) -> None:
    """Append what `part` still lacks of the file at `url`."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "unscrawl"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urlopen(Request(url, headers=headers), timeout=_TIMEOUT)
    except HTTPError as error:
        if error.code == 416:  # nothing beyond `have`: whole already, or too long; the digest tells
            return
        raise
    with answer:
        if "text/html" in answer.headers.get("Content-Type", ""):
            raise DataError(_WEB_PAGE)
        continued = have > 0 and answer.status == 206
        start = have if continued else 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        if not continued:
            _append(part, b"", anew=True)
        with _progress() as progress:
            task = progress.add_task(urlsplit(url).path.rsplit("/", 1)[-1], total=total, completed=start)
            while block := answer.read(_BLOCK):
                _append(part, block)
                progress.advance(task, len(block))
    if total is not None and part.stat().st_size < total:
        raise http.client.IncompleteRead(b"", total - part.stat().st_size)


def _finish(part: Path, path: Path) -> Path:
    try:
        return part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def _append(path: Path, block: bytes, *, anew: bool = False) -> None:
    """Write at the end of `path`, or `anew`; a full disk is told apart from a failing network."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb" if anew else "ab") as file:
            file.write(block)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); set UNSCRAWL_CACHE to another folder"
        ) from None


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _verify(download: Download, path: Path) -> None:
    """Raise `DataError` unless `path` has the digest that is published, if one is, and is no web page."""
    with path.open("rb") as file:
        if is_web_page(file.read(64)):
            raise DataError(_WEB_PAGE)
    for algorithm, published in (("sha256", download.sha256), ("md5", download.md5)):
        if not published:
            continue
        digest = hashlib.new(algorithm, usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        if digest.hexdigest() != published:
            size = path.stat().st_size
            raise DataError(f"what came ({size:,} bytes) is not the published file: its {algorithm} differs")
