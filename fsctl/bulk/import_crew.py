"""The threads of an import: each carries one batch at a time, and says what became of it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from ..fullstory.repeats import Clock
from .carrying import Carrier, Task
from .import_events import Event
from .import_record import Kept
from .keeping import Torn
from .sending import Stopped

TICK = 0.2  # seconds that :meth:`Crew.heard` waits at most
_GRACE = 3.0  # seconds in which requests on their way may still be answered when a run ends
_SLICE = 0.25  # seconds between two looks at whether the run ends


class Taken(NamedTuple):
    """A job has the batch of a stretch."""

    kept: Kept


class Carried(NamedTuple):
    """A task is done, and its thread free; what has to be done in its place, or is over."""

    left: list[Kept]


class Crew:
    """So many threads. Those who work on a task sleep by ``clock``, which ends with the run."""

    def __init__(self, size: int, clock: Clock) -> None:
        self.size = size
        self.clock = clock._replace(sleep=self._sleep)
        self._real_sleep = clock.sleep
        self._said: queue.SimpleQueue[Event | Taken | Carried | Torn | BaseException]
        self._said = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, carrier: Carrier) -> None:
        for _ in range(self.size):
            thread = threading.Thread(target=self._work, args=(carrier,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def give(self, task: Task) -> None:
        """Have the next free thread do it."""
        self._inbox.put(task)

    def tell(self, event: Event) -> None:
        """Say something; from any thread."""
        self._said.put(event)

    def heard(self, *, wait: bool) -> Iterator[Event | Taken | Carried | Torn]:
        """What was said; with ``wait`` at least for a moment. Raises what a thread ended with,
        but for :class:`Torn`, which concerns its task only."""
        while True:
            try:
                said = self._said.get(timeout=TICK) if wait else self._said.get_nowait()
            except queue.Empty:
                return
            wait = False
            if isinstance(said, BaseException) and not isinstance(said, Torn):
                raise said
            yield said

    def end(self) -> None:
        """Have the threads end, with a little time for what is on its way."""
        self._stop.set()
        for _ in self._threads:
            self._inbox.put(None)
        ends = time.monotonic() + _GRACE
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))

    def _work(self, carrier: Carrier) -> None:
        while (task := self._inbox.get()) is not None and not self._stop.is_set():
            try:
                left = carrier.carry(task, lambda kept: self._said.put(Taken(kept)))
                self._said.put(Carried(left))
            except Stopped:
                return
            except Torn as torn:
                self._said.put(torn)
            except BaseException as error:  # told by the thread that called
                self._said.put(error)
                return

    def _sleep(self, seconds: float) -> None:
        """Sleep, unless the run ends: then raise, so that the thread does."""
        while seconds > 0 and not self._stop.is_set():
            self._real_sleep(min(seconds, _SLICE))
            seconds -= _SLICE
        if self._stop.is_set():
            raise Stopped
