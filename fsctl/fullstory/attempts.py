"""Attempts at one thing: repeated where that is harmless, looked up where nobody answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from ..membrane.gateway import (
    ActionResult,
    Deadline,
    Fate,
    Gateway,
    GatewayError,
    Request,
    Response,
)
from .outcome import FullstoryFailed, empty, settled
from .repeats import Clock, Policy, may_repeat, pause_before_retry
from .routes import ActionRun, check_road, check_size, encoded
from .types import Operation

T = TypeVar("T")

SETTLE_SECONDS = 10.0  # for the one look at the run logs before an outcome is called unknown


class InFlight(NamedTuple):
    """A write that has been sent and not answered: what it is, and how to check on it."""

    noun: str
    check: str | None


class Terms(NamedTuple):
    """How a thing may be attempted."""

    deadline: Deadline
    repeat: bool = True  # doing it twice is doing it once
    writes: InFlight | None = None  # None: it only reads


@dataclass(slots=True)
class Attempts:
    """Makes attempts through one gateway, with what a :class:`Caller` was given."""

    gateway: Gateway
    clock: Clock
    new_id: Callable[[], str]
    policy: Policy
    note: Callable[[str], None]
    in_flight: InFlight | None = None  # the caller takes it away once the write is answered

    def at(self, attempt: Callable[[], T], terms: Terms) -> T:
        """The answer of the first attempt that has one. Raises the last :class:`GatewayError`."""
        tried = 0
        while True:
            self.in_flight = terms.writes
            try:
                return attempt()
            except GatewayError as failure:
                if failure.fate is not Fate.UNKNOWN:
                    self.in_flight = None
                if tried >= self.policy.retries or not may_repeat(failure, terms.repeat):
                    raise
                pause = pause_before_retry(tried, failure.retry_after, self.clock.random())
                if pause >= terms.deadline.remaining():
                    raise
                self.note(f"{failure.message} Trying again in {pause:.1f} s.")
            self.clock.sleep(pause)
            tried += 1

    def at_request(
        self, connection_id: str, request: Request, read: Callable[[Response], T], terms: Terms
    ) -> T:
        """What ``read`` makes of Fullstory's answer. Its failures are attempts that failed."""
        check_road(self.gateway, request)

        def attempt() -> T:
            response = self.gateway.request(connection_id, request, deadline=terms.deadline)
            status = response.status
            if status is not None and status >= 300 and status != 304:
                raise FullstoryFailed(response, self.clock.time())
            return read(response)

        return self.at(attempt, terms)

    def at_action(
        self, connection_id: str, route: ActionRun, operation: Operation | None, terms: Terms
    ) -> ActionResult:
        """What the action put out; a raw one, without an ``operation``, may put out nothing."""
        check_size(self.gateway, len(encoded(route.arguments, "The input")))
        marker = self.new_id()

        def attempt() -> ActionResult:
            result = self.gateway.run_action(
                connection_id,
                route.action,
                route.arguments,
                meta={"fsctlRun": marker},
                deadline=terms.deadline,
            )
            # A read has to bring a value; a write at least the run that did it.
            told = not result.empty or (terms.writes and result.action_run_id)
            if operation is not None and not (told or operation.empty_ok):
                raise empty(operation.noun, result.action_run_id)
            return result

        try:
            return self.at(attempt, terms)
        except GatewayError as failure:
            if terms.writes is None or failure.fate is not Fate.UNKNOWN:
                raise
            ended = self._settle(connection_id, marker, repeated=terms.repeat)
            if ended is None:
                raise
            self.note("Membrane's run log tells how it ended.")
            if isinstance(ended, GatewayError):
                raise ended from None
            return ended

    def _settle(
        self, connection_id: str, marker: str, *, repeated: bool
    ) -> ActionResult | GatewayError | None:
        """One look at the action run logs (they may be off): how did the unanswered run end?"""
        if not self.gateway.capabilities.metadata:
            return None
        limit = Deadline.after(SETTLE_SECONDS, self.clock.monotonic)
        try:
            found = self.gateway.find_run(connection_id, marker, deadline=limit)
        except GatewayError:
            return None
        ended = None if found is None else settled(found)
        # The newest of several tries that failed says nothing of those before it.
        return None if repeated and isinstance(ended, GatewayError) else ended
