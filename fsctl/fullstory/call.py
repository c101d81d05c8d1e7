"""Make a call: choose its road, attempt it, and repeat only what may be repeated.

The only place that retries (DESIGN §1, Retries). What was certainly not sent and what a rate
limiter refused is always repeated; an unknown outcome only where doing it twice is doing it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from ..errors import FsctlError, Usage
from ..membrane import payload
from ..membrane.catalogue import Catalogue
from ..membrane.gateway import (
    Action,
    ActionResult,
    Deadline,
    Fate,
    Gateway,
    GatewayError,
    Request,
    Response,
)
from .outcome import (
    FullstoryFailed,
    Gone,
    as_error,
    connection_missing,
    is_gone,
    settled,
    unreadable,
)
from .repeats import Clock, Policy, may_repeat, pause_before_retry
from .routes import (
    ActionRun,
    Route,
    canonical_plan,
    check_road,
    check_size,
    choose,
    encoded,
    route_as_data,
)
from .types import Answer, Call, Operation, Repeat

T = TypeVar("T")

SETTLE_SECONDS = 10.0  # for the one look at the run logs before an outcome is called unknown

_RAW_CHECK = "Look at what it should have changed before sending it again."


class InFlight(NamedTuple):
    """A write that has been sent and not answered: what it is, and how to check on it."""

    noun: str
    check: str | None


@dataclass(slots=True)
class Caller:
    """Calls operations of one connection through one gateway.

    ``connection`` gives the connection's id when it is first needed; ``note`` receives what ``-v``
    tells; ``new_id`` makes run marks and idempotency keys.
    """

    gateway: Gateway
    catalogue: Catalogue
    connection: Callable[[Deadline], str]
    clock: Clock
    new_id: Callable[[], str]
    policy: Policy = field(default_factory=Policy)
    note: Callable[[str], None] = lambda _text: None
    wrote: bool = False  # a write has been done: a closed pipe must not hide that
    in_flight: InFlight | None = None  # a write is unanswered: an interrupt leaves it unknown

    def call(self, call: Call, *, deadline: Deadline | None = None) -> Answer:
        """Do it. Raises a :class:`FsctlError` whose exit code tells how it failed."""
        limit = deadline or self._deadline()
        operation = call.operation

        def work(connection_id: str, _anew: bool) -> Answer:
            route = self._route(call, connection_id, limit)
            writes = InFlight(operation.noun, operation.check) if operation.writes else None
            with self._judged(connection_id, operation.noun, writes):
                if isinstance(route, Request):
                    return self._through_proxy(connection_id, route, call, writes, limit)
                return self._through_action(connection_id, route, call, writes, limit)

        answer = self._on_connection(work, limit)
        self.wrote = self.wrote or operation.writes
        return answer

    def plan(self, call: Call) -> dict[str, Any]:
        """What :meth:`call` would send, as data, for ``--dry-run``; it may read, never write.

        Without a way to ask (no credentials, no connection, the service away) it is the canonical
        request, marked ``"fitted": false``.
        """
        limit = self._deadline()

        def work(connection_id: str, _anew: bool) -> tuple[str, Route]:
            return connection_id, self._route(call, connection_id, limit)

        try:
            connection_id, route = self._on_connection(work, limit)
        except Usage:
            raise
        except FsctlError as error:
            self.note(f"{error.message} The plan is as Fullstory's own API has it.")
            return canonical_plan(call)
        head = {"dry_run": True, "fitted": True, "connection": connection_id}
        return head | route_as_data(route, call.operation)

    def send(self, request: Request) -> tuple[Response, FsctlError | None]:
        """A raw request. A write is never repeated once it may have arrived.

        Fullstory's own failure comes back with its response, so that both can be shown.
        """
        limit = self._deadline()
        noun = f"{request.method} request"
        reads = request.method in ("GET", "HEAD", "OPTIONS")
        writes = None if reads else InFlight(noun, _RAW_CHECK)

        def work(connection_id: str, _anew: bool) -> tuple[Response, FsctlError | None]:
            with self._judged(connection_id, noun, writes):
                try:
                    response = self._send(connection_id, request, _same, reads, writes, limit)
                    return response, None
                except FullstoryFailed as failure:
                    error = as_error(failure, noun, writes=not reads, check=_RAW_CHECK)
                    return failure.response, error

        response, error = self._on_connection(work, limit)
        self.wrote = self.wrote or (not reads and error is None)
        return response, error

    def run(self, action: Action, arguments: Mapping[str, Any], *, writes: bool) -> ActionResult:
        """A raw action; repeated after an unknown outcome only if it is known to read."""
        limit = self._deadline()
        noun = f"action {action.key or action.name}"
        mark = InFlight(noun, _RAW_CHECK) if writes else None

        def work(connection_id: str, anew: bool) -> ActionResult:
            current = action
            if anew:
                current = self._action(connection_id, action.key or action.name, limit) or action
            with self._judged(connection_id, noun, mark):
                return self._run(
                    connection_id, ActionRun(current, arguments), None, not writes, mark, limit
                )

        result = self._on_connection(work, limit)
        self.wrote = self.wrote or writes
        return result

    def ask(self, question: Callable[[Deadline], T], noun: str) -> T:
        """Something of Membrane's own that only reads, with the same patience."""
        limit = self._deadline()
        try:
            return self._attempts(lambda: question(limit), True, None, limit)
        except GatewayError as failure:
            raise as_error(failure, noun, writes=False) from None

    def ask_connection(self, question: Callable[[str, Deadline], T], noun: str) -> T:
        """Something of Membrane's about the connection, whose id ``question`` gets."""
        limit = self._deadline()

        def work(connection_id: str, _anew: bool) -> T:
            with self._judged(connection_id, noun, None):
                return self._attempts(lambda: question(connection_id, limit), True, None, limit)

        return self._on_connection(work, limit)

    # -- the connection, the road, and how it ended

    def _on_connection(self, work: Callable[[str, bool], T], deadline: Deadline) -> T:
        """``work`` on the connection; once more, anew, where Membrane knows something no more."""
        try:
            return work(self._connection_id(deadline), False)
        except Gone as gone:
            self.note("What the cache knew is gone: looking it up again.")
            self.catalogue.forget(gone.connection_id)
        try:
            return work(self._connection_id(deadline), True)
        except Gone as again:
            self.catalogue.forget(again.connection_id)
            raise connection_missing(again) from None

    def _connection_id(self, deadline: Deadline) -> str:
        try:
            return self._attempts(lambda: self.connection(deadline), True, None, deadline)
        except GatewayError as failure:
            raise as_error(failure, "list of connections", writes=False) from None

    def _route(self, call: Call, connection_id: str, deadline: Deadline) -> Route:
        """The road to take; everything asked here is a read."""
        action = None
        key = call.operation.action
        if key is not None and self.policy.via != "proxy":
            action = self._action(connection_id, key, deadline)
        route, reason = choose(call, action, self.policy.via, self.policy.proxy_base)
        if reason:
            self.note(f"Using the proxy: {reason}.")
        return route

    def _action(self, connection_id: str, key: str, deadline: Deadline) -> Action | None:
        def look_up() -> Action | None:
            return self.catalogue.action(connection_id, key, deadline=deadline)

        with self._judged(connection_id, "list of actions", None):
            return self._attempts(look_up, True, None, deadline)

    @contextmanager
    def _judged(self, connection_id: str, noun: str, writes: InFlight | None) -> Iterator[None]:
        """Turn a failure into the error that ends the command, or into :class:`Gone`.

        Nothing is in flight afterwards, but for an interrupt, which leaves the mark.
        """
        try:
            yield
        except GatewayError as failure:
            self.in_flight = None
            if is_gone(failure):
                raise Gone(failure, connection_id) from None
            check = writes.check if writes else None
            raise as_error(failure, noun, writes=writes is not None, check=check) from None
        except Exception:
            self.in_flight = None
            raise
        self.in_flight = None

    # -- attempts

    def _through_action(
        self,
        connection_id: str,
        route: ActionRun,
        call: Call,
        writes: InFlight | None,
        deadline: Deadline,
    ) -> Answer:
        # An action carries no Idempotency-Key, so KEY gives no leave to repeat one.
        safe = call.operation.repeatable(call.values) is Repeat.SAFE
        result = self._run(connection_id, route, call.operation, safe, writes, deadline)
        return Answer(result.output, "action", action_run_id=result.action_run_id)

    def _through_proxy(
        self,
        connection_id: str,
        request: Request,
        call: Call,
        writes: InFlight | None,
        deadline: Deadline,
    ) -> Answer:
        repeat = call.operation.repeatable(call.values)
        can_repeat = repeat is Repeat.SAFE
        if repeat is Repeat.KEY and self.gateway.capabilities.headers:
            key = ("Idempotency-Key", self.new_id())
            request, can_repeat = request._replace(headers=(*request.headers, key)), True

        def read(response: Response) -> Answer:
            return _read(response, call.operation)

        return self._send(connection_id, request, read, can_repeat, writes, deadline)

    def _run(
        self,
        connection_id: str,
        route: ActionRun,
        operation: Operation | None,
        repeat: bool,
        writes: InFlight | None,
        deadline: Deadline,
    ) -> ActionResult:
        """Run an action; a raw one, without an ``operation``, may answer with nothing."""
        check_size(self.gateway, len(encoded(route.arguments, "The input")))
        marker = self.new_id()

        def attempt() -> ActionResult:
            result = self.gateway.run_action(
                connection_id,
                route.action,
                route.arguments,
                meta={"fsctlRun": marker},
                deadline=deadline,
            )
            # A read has to bring a value; a write at least the run that did it.
            told = not result.empty or (writes is not None and result.action_run_id is not None)
            if operation is not None and not (told or operation.empty_ok):
                raise unreadable(_EMPTY.format(operation.noun), result.action_run_id)
            return result

        try:
            return self._attempts(attempt, repeat, writes, deadline)
        except GatewayError as failure:
            if writes is None or failure.fate is not Fate.UNKNOWN:
                raise
            ended = self._settle(connection_id, marker, repeated=repeat)
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

    def _send(
        self,
        connection_id: str,
        request: Request,
        read: Callable[[Response], T],
        repeat: bool,
        writes: InFlight | None,
        deadline: Deadline,
    ) -> T:
        check_road(self.gateway, request)

        def attempt() -> T:
            response = self.gateway.request(connection_id, request, deadline=deadline)
            status = response.status
            if status is not None and status >= 300 and status != 304:
                raise FullstoryFailed(response, self.clock.time())
            return read(response)

        return self._attempts(attempt, repeat, writes, deadline)

    def _attempts(
        self,
        attempt: Callable[[], T],
        repeat: bool,
        writes: InFlight | None,
        deadline: Deadline,
    ) -> T:
        tried = 0
        while True:
            self.in_flight = writes
            try:
                answer = attempt()
            except GatewayError as failure:
                if failure.fate is not Fate.UNKNOWN:
                    self.in_flight = None
                if tried >= self.policy.retries or not may_repeat(failure, repeat):
                    raise
                pause = pause_before_retry(tried, failure.retry_after, self.clock.random())
                if pause >= deadline.remaining():
                    raise
                self.note(f"{failure.message} Trying again in {pause:.1f} s.")
            else:
                self.in_flight = None
                return answer
            self.clock.sleep(pause)
            tried += 1

    def _deadline(self) -> Deadline:
        return Deadline.after(self.policy.patience, self.clock.monotonic)


_EMPTY = "The answer for the {} was empty."


def _same(response: Response) -> Response:
    return response


def _read(response: Response, operation: Operation) -> Answer:
    """Fullstory's answer as a value; an empty one only where the operation may have none."""
    if not response.body.strip():
        if operation.empty_ok:
            return Answer(None, "proxy", response.status)
        raise unreadable(_EMPTY.format(operation.noun))
    try:
        return Answer(payload.decode(response.body), "proxy", response.status)
    except payload.BadPayload as problem:
        raise unreadable(f"Fullstory's answer cannot be read: {problem}.") from None
