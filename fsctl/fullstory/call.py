"""Make a call: choose its road, attempt it, and repeat only what may be repeated.

The only place that retries (DESIGN §1, Retries). What was certainly not sent and what a rate
limiter refused is always repeated; an unknown outcome only where doing it twice is doing it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

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
    RunLog,
    Trouble,
)
from .outcome import (
    FullstoryFailed,
    Gone,
    as_error,
    connection_missing,
    is_gone,
    refused_run,
    unreadable,
)
from .routes import ActionRun, Route, choose, proxy_request, route_as_data
from .types import Answer, Call, Operation, Repeat, Via

T = TypeVar("T")

FIRST_PAUSE = 0.5  # seconds; doubled with every try
LONGEST_PAUSE = 30.0
SETTLE_SECONDS = 10.0  # for the one look at the run logs before an outcome is called unknown

_RAW_CHECK = "Look at what it should have changed before sending it again."


@dataclass(frozen=True, slots=True)
class Policy:
    """How patiently to call: ``retries`` after the first try, ``patience`` seconds for all."""

    via: Via = "auto"
    retries: int = 3
    patience: float = 210.0
    proxy_base: str = ""  # put before proxied paths where a connector's base URL is unusual


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, injected: monotonic and Unix seconds, a sleep, a number in [0, 1)."""

    monotonic: Callable[[], float]
    time: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]


def may_repeat(failure: GatewayError, repeatable: bool) -> bool:
    """Whether another try can neither do harm nor be in vain.

    ``repeatable`` says that doing the thing twice is doing it once.
    """
    if failure.fate is Fate.NOT_SENT:
        return failure.trouble is Trouble.UNAVAILABLE
    if failure.trouble is Trouble.RATE_LIMITED:
        return True
    passing = failure.trouble in (Trouble.UNAVAILABLE, Trouble.UNREADABLE)
    return passing and repeatable


def pause_before_retry(tried: int, retry_after: float | None, chance: float) -> float:
    """Seconds to wait after ``tried`` failed retries, with jitter from ``chance`` in [0, 1).

    Never shorter than a ``Retry-After``; else exponential, so that many clients spread out.
    """
    if retry_after is not None:
        return retry_after + chance * min(1.0, max(0.1, retry_after * 0.1))
    ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tried, 30))
    return ceiling * (0.5 + 0.5 * chance)


@dataclass(frozen=True, slots=True)
class InFlight:
    """A write that has been started and not answered: what it is, and how to check on it."""

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
    in_flight: InFlight | None = None  # a write is under way: an interrupt leaves it unknown

    def call(self, call: Call, *, deadline: Deadline | None = None) -> Answer:
        """Do it. Raises a :class:`FsctlError` whose exit code tells how it failed."""
        deadline = deadline or self._deadline()
        operation = call.operation
        try:
            answer = self._call_once(call, deadline)
        except Gone as gone:
            self.note("What the cache knew is gone: looking it up again.")
            self.catalogue.forget(gone.connection_id)
            try:
                answer = self._call_once(call, deadline)
            except Gone as again:
                raise connection_missing(again) from None
        self.wrote = self.wrote or operation.writes
        return answer

    def plan(self, call: Call) -> dict[str, Any]:
        """What :meth:`call` would send, as data, for ``--dry-run``; it may read, never write.

        Without a way to ask (no credentials, no connection, the service away) it is the canonical
        request, marked ``"fitted": false``.
        """
        try:
            connection_id, route = self._route(call, self._deadline())
        except (FsctlError, Gone) as error:
            if isinstance(error, Usage):
                raise
            return canonical_plan(call)
        head = {"dry_run": True, "fitted": True, "connection": connection_id}
        return head | route_as_data(route, call.operation)

    def send(self, request: Request) -> tuple[Response, FsctlError | None]:
        """A raw request. A write is never repeated once it may have arrived.

        Fullstory's own failure comes back with its response, so that both can be shown.
        """
        deadline = self._deadline()
        writes = request.method not in ("GET", "HEAD", "OPTIONS")
        noun = f"{request.method} request"
        connection_id = self._connection_id(deadline)
        try:
            with self._in_flight(noun, _RAW_CHECK, writes=writes):
                response = self._send(connection_id, request, repeat=not writes, deadline=deadline)
        except FullstoryFailed as failure:
            error = as_error(failure, noun, writes=writes, check=_RAW_CHECK)
            return failure.response, error
        except GatewayError as failure:
            raise self._raw_error(failure, connection_id, noun, writes) from None
        self.wrote = self.wrote or writes
        return response, None

    def run(self, action: Action, arguments: Mapping[str, Any], *, writes: bool) -> ActionResult:
        """A raw action; repeated after an unknown outcome only if it is known to read."""
        deadline = self._deadline()
        noun = f"action {action.key or action.name}"
        connection_id = self._connection_id(deadline)
        try:
            with self._in_flight(noun, _RAW_CHECK, writes=writes):
                result = self._run(
                    connection_id, action, arguments, repeat=not writes, deadline=deadline
                )
        except GatewayError as failure:
            raise self._raw_error(failure, connection_id, noun, writes) from None
        self.wrote = self.wrote or writes
        return result

    def ask(self, question: Callable[[Deadline], T], noun: str) -> T:
        """Something of Membrane's own that only reads, with the same patience."""
        deadline = self._deadline()
        try:
            return self._attempts(lambda: question(deadline), repeat=True, deadline=deadline)
        except GatewayError as failure:
            raise as_error(failure, noun, writes=False) from None

    def _call_once(self, call: Call, deadline: Deadline) -> Answer:
        operation = call.operation
        connection_id, route = self._route(call, deadline)
        repeat = operation.repeatable(call.values)
        try:
            with self._in_flight(operation.noun, operation.check, writes=operation.writes):
                if isinstance(route, Request):
                    answer = self._through_proxy(connection_id, route, repeat, deadline)
                else:
                    answer = self._through_action(connection_id, route, repeat, deadline)
            if not (operation.empty_ok or _tells_something(answer, operation)):
                raise unreadable(
                    f"The answer to the {operation.noun} was empty.", answer.action_run_id
                )
        except GatewayError as failure:
            if is_gone(failure):
                raise Gone(failure, connection_id) from None
            raise as_error(
                failure, operation.noun, writes=operation.writes, check=operation.check
            ) from None
        return answer

    def _route(self, call: Call, deadline: Deadline) -> tuple[str, Route]:
        """The connection and the road; everything asked here is a read."""
        connection_id = self._connection_id(deadline)
        action = None
        key = call.operation.action
        if key is not None and self.policy.via != "proxy":

            def look_up() -> Action | None:
                return self.catalogue.action(connection_id, key, deadline=deadline)

            try:
                action = self._attempts(look_up, repeat=True, deadline=deadline)
            except GatewayError as failure:
                if is_gone(failure):
                    raise Gone(failure, connection_id) from None
                raise as_error(failure, "list of actions", writes=False) from None
        route, reason = choose(call, action, self.policy.via, self.policy.proxy_base)
        if reason:
            self.note(f"Using the proxy: {reason}.")
        return connection_id, route

    def _connection_id(self, deadline: Deadline) -> str:
        try:
            return self._attempts(lambda: self.connection(deadline), repeat=True, deadline=deadline)
        except GatewayError as failure:
            raise as_error(failure, "list of connections", writes=False) from None

    @contextmanager
    def _in_flight(self, noun: str, check: str | None, *, writes: bool) -> Iterator[None]:
        """Remember an unanswered write; after an interrupt the mark stays."""
        self.in_flight = InFlight(noun, check) if writes else None
        try:
            yield
        except Exception:
            self.in_flight = None
            raise
        self.in_flight = None

    def _through_action(
        self, connection_id: str, route: ActionRun, repeat: Repeat, deadline: Deadline
    ) -> Answer:
        # An action carries no Idempotency-Key, so KEY gives no leave to repeat one.
        safe = repeat is Repeat.SAFE
        result = self._run(
            connection_id, route.action, route.arguments, repeat=safe, deadline=deadline
        )
        return Answer(result.output, "action", action_run_id=result.action_run_id)

    def _through_proxy(
        self, connection_id: str, request: Request, repeat: Repeat, deadline: Deadline
    ) -> Answer:
        can_repeat = repeat is Repeat.SAFE
        if repeat is Repeat.KEY and self.gateway.capabilities.headers:
            key = ("Idempotency-Key", self.new_id())
            request, can_repeat = replace(request, headers=(*request.headers, key)), True

        response = self._send(connection_id, request, repeat=can_repeat, deadline=deadline)
        if not response.body.strip():
            return Answer(None, "proxy", response.status)
        try:
            return Answer(payload.decode(response.body), "proxy", response.status)
        except payload.BadPayload as problem:
            raise unreadable(f"Fullstory's answer cannot be read: {problem}.") from None

    def _run(
        self,
        connection_id: str,
        action: Action,
        arguments: Mapping[str, Any],
        *,
        repeat: bool,
        deadline: Deadline,
    ) -> ActionResult:
        self._check_size(len(payload.encode(arguments)))
        marker = self.new_id()

        def attempt() -> ActionResult:
            return self.gateway.run_action(
                connection_id, action, arguments, meta={"fsctlRun": marker}, deadline=deadline
            )

        try:
            return self._attempts(attempt, repeat=repeat, deadline=deadline)
        except GatewayError as failure:
            if failure.fate is not Fate.UNKNOWN or repeat:
                raise
            settled = self._settle(connection_id, marker)
            if settled is None:
                raise
            self.note("Membrane's run log tells how it ended.")
            if settled.status == "success":
                return ActionResult(settled.output, settled.id)
            raise refused_run(settled, failure) from None

    def _settle(self, connection_id: str, marker: str) -> RunLog | None:
        """One look at the action run logs (they may be off): how did the unanswered run end?"""
        if not self.gateway.capabilities.metadata:
            return None
        limit = Deadline.after(SETTLE_SECONDS, self.clock.monotonic)
        try:
            found = self.gateway.find_run(connection_id, marker, deadline=limit)
        except GatewayError:
            return None
        return found if found is not None and found.status in ("success", "error") else None

    def _send(
        self, connection_id: str, request: Request, *, repeat: bool, deadline: Deadline
    ) -> Response:
        self._check_road(request)

        def attempt() -> Response:
            response = self.gateway.request(connection_id, request, deadline=deadline)
            if response.status is not None and response.status >= 300:
                raise FullstoryFailed(response, self.clock.time())
            return response

        return self._attempts(attempt, repeat=repeat, deadline=deadline)

    def _attempts(self, attempt: Callable[[], T], *, repeat: bool, deadline: Deadline) -> T:
        tried = 0
        while True:
            try:
                return attempt()
            except GatewayError as failure:
                if tried >= self.policy.retries or not may_repeat(failure, repeat):
                    raise
                pause = pause_before_retry(tried, failure.retry_after, self.clock.random())
                if pause >= deadline.remaining():
                    raise
                self.note(f"{failure.message} Trying again in {pause:.1f} s.")
            self.clock.sleep(pause)
            tried += 1

    def _check_road(self, request: Request) -> None:
        """Refuse what this road cannot carry, before anything is sent (DESIGN §1)."""
        road = self.gateway.capabilities
        self._check_size(len(request.body or b""))
        advice = "Set MEMBRANE_TOKEN, so that requests go over HTTP."
        names = [name for name, _ in request.query]
        if not road.repeated_query and len(names) != len(set(names)):
            raise Usage("This road carries each query parameter once only.", hint=advice)
        if not road.headers and request.headers:
            raise Usage("This road carries no request headers.", hint=advice)
        if request.body and not road.raw_bodies:
            try:
                payload.decode(request.body)
            except payload.BadPayload:
                raise Usage("This road carries JSON bodies only.", hint=advice) from None

    def _check_size(self, size: int) -> None:
        most = self.gateway.capabilities.max_body
        if size > most:
            raise Usage(
                f"The input has {size:,} bytes, and this road ({self.gateway.name}) carries "
                f"at most {most:,}.",
                hint="Set MEMBRANE_TOKEN, so that requests go over HTTP, or send less at a time.",
                code="too_large",
            )

    def _raw_error(
        self, failure: GatewayError, connection_id: str, noun: str, writes: bool
    ) -> FsctlError:
        if is_gone(failure):
            self.catalogue.forget(connection_id)
            return connection_missing(Gone(failure, connection_id))
        return as_error(failure, noun, writes=writes, check=_RAW_CHECK)

    def _deadline(self) -> Deadline:
        return Deadline.after(self.policy.patience, self.clock.monotonic)


def canonical_plan(call: Call) -> dict[str, Any]:
    """The call as Fullstory's API has it: what can be said without asking anyone."""
    head = {"dry_run": True, "fitted": False}
    return head | route_as_data(proxy_request(call), call.operation)


def _tells_something(answer: Answer, operation: Operation) -> bool:
    """A read has to bring a value; a write at least the run that did it."""
    return answer.body is not None or (operation.writes and answer.action_run_id is not None)
