"""Teaches a hand thoroughly beside everything else: it takes minutes, which no request may."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import Final, Literal

from unscrawl.errors import UnscrawlError
from unscrawl.teach.deeply import LEAST
from unscrawl.web.lessons import Hands
from unscrawl.web.refused import RefusedError

__all__ = ["Progress", "State", "Thorough"]

State = Literal["none", "running", "done", "failed", "stopped"]

_PATIENCE: Final = 10.0  # seconds that the server waits for the end, once it was told to stop

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a thorough teaching is.

    `state` is none where none of this hand was begun, or one of another hand since. `share`, 0 to 1, is done.
    At the end `kept` says whether the hand was changed, or `error` in one line why that failed.
    """

    state: State = "none"
    share: float = 0.0
    kept: bool | None = None
    error: str | None = None


class Thorough:
    """One thorough teaching at a time, in a thread of its own. Any thread may use it."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._lock = threading.Lock()
        self._job: _Job | None = None

    def start(self, hand: str) -> Progress:
        """Begin to teach `hand` once more all that it keeps.

        Raises:
            RefusedError: a hand is being taught so already (409), or this one keeps too few lines (422).
            OptionError: there is no such hand.
        """
        held = self._hands.about(hand).lines
        if held < LEAST:
            raise RefusedError(
                422, f"a thorough teaching needs {LEAST} lines, {hand} keeps {held}: teach it more first"
            )
        with self._lock:
            if self._job is not None:
                self.check(self._job.hand)
            self._job = _Job(hand, self._hands)
            self._job.thread.start()
            return self._job.now

    def of(self, hand: str) -> Progress:
        """Tell how far the teaching of `hand` is, or how it ended if none was begun since."""
        job = self._job
        return job.now if job is not None and job.hand == hand else Progress()

    def stop(self, hand: str) -> Progress:
        """Stop the teaching of `hand`, which takes a moment; the hand stays as it was."""
        job = self._job
        if job is not None and job.hand == hand:
            job.stopped.set()
        return self.of(hand)

    def check(self, hand: str) -> None:
        """Refuse to change a hand that is being taught.

        Raises:
            RefusedError: it is (409). Whoever changed it would wait for minutes.
        """
        if self.of(hand).state == "running":
            raise RefusedError(409, f"{hand} is being taught thoroughly: wait for its end or stop it")

    def close(self) -> None:
        """Stop what is being taught."""
        job = self._job
        if job is not None:
            job.stopped.set()
            job.thread.join(_PATIENCE)


class _StoppedError(Exception):
    """Nobody waits for the end any more."""


class _Job:
    """The teaching of one hand; `now` is replaced as a whole, so that it can be read at any time."""

    def __init__(self, hand: str, hands: Hands) -> None:
        self.hand = hand
        self.now = Progress("running")
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(hands,), name=f"teaching {hand}", daemon=True)

    def _run(self, hands: Hands) -> None:
        try:
            report = hands.thoroughly(self.hand, self._watch)
        except _StoppedError:
            self.now = replace(self.now, state="stopped")
        except UnscrawlError as error:
            self._fail(" ".join(str(error).split()))
        except Exception as error:  # nobody else would hear of it, and the page wait for ever
            _log.exception("thorough teaching of %s", self.hand)
            self._fail(f"a mistake in unscrawl ({type(error).__name__}): the hand is as it was")
        else:
            self.now = Progress("done", 1.0, report.kept)

    def _watch(self, share: float) -> None:
        if self.stopped.is_set():
            raise _StoppedError
        self.now = Progress("running", min(max(share, self.now.share), 1.0))

    def _fail(self, why: str) -> None:
        self.now = replace(self.now, state="failed", error=why)
