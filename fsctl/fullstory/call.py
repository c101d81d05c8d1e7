"""Make a call: find the connection, choose the road, and tell how it ended.

Every attempt is repeated here and nowhere else (DESIGN §1, Retries; ``attempts``). What was
certainly not sent and what a rate limiter refused is always repeated; an unknown outcome only
where doing it twice is doing it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import FsctlError, Unavailable
from ..membrane import payload
from ..membrane.catalogue import Catalogue
from ..membrane.gateway import (
    Action,
    ActionResult,
    Deadline,
    Gateway,
    GatewayError,
    Request,
    Response,
)
from .attempts import Attempts, InFlight, Terms
from .outcome import (
    FullstoryFailed,
    Gone,
    as_error,
    connection_missing,
    empty,
    is_gone,
    unreadable,
)
from .repeats import Clock, Policy
from .routes import ActionRun, Route, choose, route_as_data
from .types import Answer, Call, Operation, Repeat

T = TypeVar("T")

_RAW_CHECK = "Look at what it should have changed before sending it again."


@dataclass(slots=True)
class Caller:
    """Calls operations of one connection through one gateway.

    ``connection`` gives the connection's id when it is first needed; ``note`` receives what ``-v``
    tells, ``warn`` what was odd in an answer; ``new_id`` makes run marks and idempotency keys.
    """

    gateway: Gateway
    catalogue: Catalogue
    connection: Callable[[Deadline], str]
    clock: Clock
    new_id: Callable[[], str]
    policy: Policy = field(default_factory=Policy)
    note: Callable[[str], None] = lambda _text: None
    warn: Callable[[str], None] = lambda _text: None
    wrote: bool = False  # a write has been done: a closed pipe must not hide that
    _attempt: Attempts = field(init=False)

    def __post_init__(self) -> None:
        self._attempt = Attempts(self.gateway, self.clock, self.new_id, self.policy, self.note)

    @property
    def in_flight(self) -> InFlight | None:
        """The write that may have arrived and was not answered; it survives an interrupt."""
        return self._attempt.in_flight

    def call(self, call: Call, *, deadline: Deadline | None = None) -> Answer:
        """Do it. Raises a :class:`FsctlError` whose exit code tells how it failed."""
        limit = deadline or self._deadline()
        operation = call.operation
        writes = InFlight(operation.noun, operation.check) if operation.writes else None

        asking = True  # what is asked before the road is known only reads

        def work(connection_id: str, _anew: bool) -> Answer:
            nonlocal asking
            route = self._route(call, connection_id, limit)
            asking = False
            repeat = operation.repeatable(call.values)
            terms = Terms(limit, repeat is Repeat.SAFE, writes)
            with self._judged(connection_id, operation.noun, writes):
                if isinstance(route, Request):
                    answer = self._through_proxy(connection_id, route, operation, repeat, terms)
                else:
                    # An action carries no Idempotency-Key, so KEY gives no leave to repeat one.
                    result = self._attempt.at_action(connection_id, route, operation, terms)
                    answer = Answer(result.output, "action", action_run_id=result.action_run_id)
                # While it is still in flight: whoever looks in from another thread finds one
                # of the two.
                self.wrote = self.wrote or operation.writes
                return answer

        try:
            return self._on_connection(work, limit)
        except Unavailable as error:
            if asking and operation.writes:
                error.hint = f"{error.hint} The {operation.noun} was not sent."
            raise

    def plan(self, call: Call) -> dict[str, Any]:
        """What :meth:`call` would send, as data, for ``--dry-run``; it may read, never write."""
        limit = self._deadline()

        def work(connection_id: str, _anew: bool) -> tuple[str, Route]:
            return connection_id, self._route(call, connection_id, limit)

        connection_id, route = self._on_connection(work, limit)
        head = {"dry_run": True, "fitted": True, "connection": connection_id}
        return head | route_as_data(route, call.operation)

    def send(self, request: Request) -> tuple[Response, FsctlError | None]:
        """A raw request. A write is never repeated once it may have arrived.

        Fullstory's own failure comes back with its response, so that both can be shown.
        """
        limit = self._deadline()
        noun = f"{request.method} request"
        reads = request.method == "GET"
        writes = None if reads else InFlight(noun, _RAW_CHECK)

        def work(connection_id: str, _anew: bool) -> tuple[Response, FsctlError | None]:
            with self._judged(connection_id, noun, writes):
                try:
                    terms = Terms(limit, reads, writes)
                    response = self._attempt.at_request(connection_id, request, _same, terms)
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
                route = ActionRun(current, arguments)
                terms = Terms(limit, not writes, mark)
                return self._attempt.at_action(connection_id, route, None, terms)

        result = self._on_connection(work, limit)
        self.wrote = self.wrote or writes
        return result

    def ask(self, question: Callable[[Deadline], T], noun: str) -> T:
        """Something of Membrane's own that only reads, with the same patience."""
        limit = self._deadline()
        try:
            return self._attempt.at(lambda: question(limit), Terms(limit))
        except GatewayError as failure:
            raise as_error(failure, noun, writes=False) from None

    def change(
        self,
        question: Callable[[Deadline], T],
        noun: str,
        *,
        check: str,
        repeat: bool = False,
        patience: float | None = None,
    ) -> T:
        """Something of Membrane's own that writes; ``repeat`` where twice is once.

        ``check`` says how to find out whether it was done, ``patience`` (in seconds) how long it
        may take where that is longer than most.
        """
        limit = self._deadline(patience)
        try:
            done = self._attempt.at(
                lambda: question(limit), Terms(limit, repeat, InFlight(noun, check))
            )
        except GatewayError as failure:
            self._attempt.in_flight = None
            raise as_error(failure, noun, writes=True, check=check) from None
        except Exception:
            self._attempt.in_flight = None
            raise
        self._attempt.in_flight = None
        self.wrote = True
        return done

    def ask_connection(self, question: Callable[[str, Deadline], T], noun: str) -> T:
        """Something of Membrane's about the connection, whose id ``question`` gets."""
        limit = self._deadline()

        def work(connection_id: str, _anew: bool) -> T:
            with self._judged(connection_id, noun, None):
                return self._attempt.at(lambda: question(connection_id, limit), Terms(limit))

        return self._on_connection(work, limit)

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
            return self._attempt.at(lambda: self.connection(deadline), Terms(deadline))
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
            return self._attempt.at(look_up, Terms(deadline))

    @contextmanager
    def _judged(self, connection_id: str, noun: str, writes: InFlight | None) -> Iterator[None]:
        """Turn a failure into the error that ends the command, or into :class:`Gone`.

        Nothing is in flight afterwards, but for an interrupt, which leaves the mark.
        """
        try:
            yield
        except GatewayError as failure:
            self._attempt.in_flight = None
            if is_gone(failure):
                raise Gone(failure, connection_id) from None
            check = writes.check if writes else None
            raise as_error(failure, noun, writes=writes is not None, check=check) from None
        except Exception:
            self._attempt.in_flight = None
            raise
        self._attempt.in_flight = None

    def _through_proxy(
        self,
        connection_id: str,
        request: Request,
        operation: Operation,
        repeat: Repeat,
        terms: Terms,
    ) -> Answer:
        if repeat is Repeat.KEY and self.gateway.capabilities.headers:
            key = ("Idempotency-Key", self.new_id())
            request = request._replace(headers=(*request.headers, key))
            terms = terms._replace(repeat=True)

        def read(response: Response) -> Answer:
            return _read(response, operation)

        return self._attempt.at_request(connection_id, request, read, terms)

    def _deadline(self, patience: float | None = None) -> Deadline:
        seconds = max(self.policy.patience, patience or 0)
        return Deadline.after(seconds, self.clock.monotonic)


def _same(response: Response) -> Response:
    return response


def _read(response: Response, operation: Operation) -> Answer:
    """Fullstory's answer as a value; an empty one only where the operation may have none."""
    if not response.body.strip():
        if operation.empty_ok:
            return Answer(None, "proxy", response.status)
        raise empty(operation.noun)
    try:
        return Answer(payload.decode(response.body), "proxy", response.status)
    except payload.BadPayload as problem:
        raise unreadable(f"Fullstory's answer cannot be read: {problem}.") from None
