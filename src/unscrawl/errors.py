"""One exception tree: whatever goes wrong in unscrawl is an `UnscrawlError` with a one-line message.

A message says what is wrong, where, and what to do. The command line prints it and exits with 2.
"""

from __future__ import annotations

__all__ = [
    "DataError",
    "ModelError",
    "OptionError",
    "OutputError",
    "PictureError",
    "TrainingError",
    "UnscrawlError",
]


class UnscrawlError(Exception):
    """Base of every error that unscrawl raises on purpose."""


class PictureError(UnscrawlError):
    """A picture cannot be used: missing, unreadable, not a picture, truncated, too large."""


class OptionError(UnscrawlError):
    """A name or value the caller chose does not exist or does not fit."""


class OutputError(UnscrawlError):
    """A result cannot be written where it was asked for."""


class ModelError(UnscrawlError):
    """A model file or its card is missing, damaged, or does not fit its use."""


class DataError(UnscrawlError):
    """A data set is missing, damaged, or of the wrong form."""


class TrainingError(UnscrawlError):
    """Training cannot start or go on."""
