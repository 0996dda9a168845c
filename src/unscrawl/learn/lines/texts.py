"""Transcriptions, brought into the line alphabet (see `unscrawl.spelling`)."""

from __future__ import annotations

from unscrawl.spelling import clean

__all__ = ["clean"]
