"""How requests of many workers are made: one limiter for all, patience, and an end when told.

The rules of what may be repeated are those of every call (``fullstory/repeats``); what differs is
that a limiter's refusal holds all workers, is waited out for long, and counts as no try: Fullstory
refuses while 200 batches or 500,000 operations are in progress, whatever the rate (contracts/
fullstory-api §1.2).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ..fullstory.repeats import Clock, may_repeat, pause_before_retry
from ..membrane.gateway import Fate, GatewayError, Trouble

T = TypeVar("T")

RETRIES = 8  # of one request: about two minutes of a network that is away
PATIENCE = 3600.0  # seconds that a limiter may refuse everything
_LONGEST_HOLD = 300.0  # seconds between two looks at a limiter that tells none
_VERDICTS = (Trouble.INVALID, Trouble.TOO_LARGE, Trouble.FAILED)
_FIRST_GAP, _WIDEST_GAP, _NO_GAP = 0.1, 2.0, 0.02  # seconds between two requests


class Stopped(Exception):
    """The run ends: nothing more is to be asked."""


class Patience(NamedTuple):
    """How often a request is tried again, and how long a limiter is waited for (seconds)."""

    retries: int = RETRIES
    limited: float = PATIENCE


class Limiter:
    """Lets requests of all workers through, and holds them back together.

    After a refusal nothing goes for as long as was asked; then requests go one by one, further and
    further apart as refusals go on, and closer with every answer.
    """

    def __init__(self, clock: Clock, told: Callable[[float], None] = lambda _seconds: None) -> None:
        self._clock = clock
        self._told = told
        self._lock = threading.Lock()
        self._free_at = float("-inf")
        self._gap = 0.0
        self._refusals = 0
        self._refused_since: float | None = None

    def wait(self) -> None:
        """Wait for one's turn."""
        while True:
            with self._lock:
                now = self._clock.monotonic()
                left = self._free_at - now
                if left <= 0:
                    self._free_at = now + self._gap if self._gap else self._free_at
                    return
            self._clock.sleep(left)

    def refused(self, retry_after: float | None) -> float:
        """A request was refused: hold all for ``retry_after`` seconds, or for ever longer.

        Returns for how many seconds nothing but refusals came.
        """
        with self._lock:
            now = self._clock.monotonic()
            if self._refused_since is None:
                self._refused_since = now
            hold = min(
                _LONGEST_HOLD, pause_before_retry(self._refusals, None, self._clock.random())
            )
            if retry_after is not None:
                hold = pause_before_retry(0, retry_after, self._clock.random())
            news = now + hold > self._free_at
            self._free_at = max(self._free_at, now + hold)
            self._refusals += 1
            self._gap = min(_WIDEST_GAP, max(_FIRST_GAP, self._gap * 2))
            since = now - self._refused_since
        if news:
            self._told(hold)
        return since

    def answered(self) -> None:
        """A request got through."""
        with self._lock:
            self._refused_since = None
            self._refusals = 0
            self._gap = self._gap / 2 if self._gap > _NO_GAP else 0.0


class Sender:
    """Makes requests through one limiter until they are answered, or cannot be."""

    def __init__(
        self,
        clock: Clock,
        limiter: Limiter,
        patience: Patience = Patience(),  # noqa: B008 - it cannot be changed
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.clock = clock
        self._limiter = limiter
        self._patience = patience
        self._note = note

    def ask(self, attempt: Callable[[], T], *, repeatable: bool = True) -> T:
        """The answer of the first attempt that has one.

        ``repeatable``: twice is once. Raises the :class:`GatewayError` of the last attempt; where
        an earlier one may have arrived, its fate is unknown whatever the last one's was.
        """
        tried, doubtful = 0, False
        while True:
            self._limiter.wait()
            try:
                answer = attempt()
            except GatewayError as failure:
                doubtful = doubtful or failure.fate is Fate.UNKNOWN
                if failure.trouble is Trouble.RATE_LIMITED and failure.fate is Fate.REFUSED:
                    if self._limiter.refused(failure.retry_after) > self._patience.limited:
                        raise _as_it_stands(failure, doubtful=doubtful) from None
                    continue
                if tried >= self._patience.retries or not may_repeat(failure, repeatable):
                    raise _as_it_stands(failure, doubtful=doubtful) from None
                pause = pause_before_retry(tried, failure.retry_after, self.clock.random())
                self._note(f"{failure.message} Trying again in {pause:.1f} s.")
            else:
                self._limiter.answered()
                return answer
            self.clock.sleep(pause)
            tried += 1


def _as_it_stands(failure: GatewayError, *, doubtful: bool) -> GatewayError:
    # Under one key a verdict is on all attempts (contracts/fullstory-api §1.3); nothing else is.
    if doubtful and failure.trouble not in _VERDICTS:
        failure.fate = Fate.UNKNOWN
    return failure
