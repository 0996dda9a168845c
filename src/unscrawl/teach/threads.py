"""One thread of BLAS while anything is taught: the matrices are small, and a second one slows all down."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

__all__ = ["one_thread"]

_lock = threading.Lock()
_inside: list[threadpool_limits] = []


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to one thread, as long as anybody is inside.

    The limit is the whole process's. Were it set and taken back by each teaching by itself, two that overlap
    would leave it behind: the second takes the first one's limit for what was there before.
    """
    with _lock:
        limits = threadpool_limits(limits=1, user_api="blas") if not _inside else _inside[0]
        _inside.append(limits)
    try:
        yield
    finally:
        with _lock:
            _inside.pop()
            if not _inside:
                limits.restore_original_limits()
