"""A request that cannot be answered as it stands."""

from __future__ import annotations

from unscrawl.errors import UnscrawlError

__all__ = ["RefusedError"]


class RefusedError(UnscrawlError):
    """One clear line with the HTTP status that says it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
