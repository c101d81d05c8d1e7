"""A limit on the time that work takes, whatever it waits for: a name server, a child, an answer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from ..membrane.gateway import Deadline

T = TypeVar("T")
Result = tuple[T | None, BaseException | None]

_TURN = 0.1  # seconds
_MARGIN = 1.5  # seconds in which work that minds its deadline ends before it is given up


class TooLate(Exception):
    """The work did not end in time, and is left to itself."""


class Limit:
    """Until when work may go on; ``monotonic`` is in seconds."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self.seconds = seconds
        self._monotonic = monotonic
        self._ends = monotonic() + seconds
        self._given_up = False

    def left(self) -> float:
        """Seconds that are left, never negative."""
        return max(0.0, self._ends - self._monotonic())

    def deadline(self) -> Deadline:
        """What work asks how long it may go on. Over at once when the work is given up.

        So a request that was not begun by then is not sent later, behind everybody's back.
        """
        left = self.left()
        return Deadline(self._monotonic() + left - min(_MARGIN, left / 4), self._clock)

    def run(self, work: Callable[[], T]) -> T:
        """What ``work`` gives or raises, in a thread of its own. Raises :class:`TooLate`."""
        ended: queue.SimpleQueue[Result[T]] = queue.SimpleQueue()

        def do() -> None:
            try:
                ended.put((work(), None))
            except BaseException as error:
                ended.put((None, error))

        thread = threading.Thread(target=do, daemon=True)
        thread.start()
        try:
            value, error = self._wait(ended)
        except BaseException as stopped:
            from ..membrane.child import end_children

            self._given_up = True
            if isinstance(stopped, queue.Empty):
                # Its time to end well was the margin: a child that minds no TERM gets no more.
                end_children(thread, grace=0.0)
                raise TooLate from None
            end_children(thread)
            raise
        if error is not None:
            raise error
        return value  # type: ignore[return-value]

    def _wait(self, ended: queue.SimpleQueue[Result[T]]) -> Result[T]:
        """What comes; queue.Empty when the time is over.

        In short turns: of two signals at once the kernel may give both to the other thread, and
        nothing would then wake this one, which has to see to them.
        """
        while True:
            left = self.left()
            try:
                return ended.get(timeout=min(left, _TURN))
            except queue.Empty:
                if left <= _TURN:
                    raise

    def _clock(self) -> float:
        return float("inf") if self._given_up else self._monotonic()
