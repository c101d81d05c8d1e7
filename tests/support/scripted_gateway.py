"""A gateway that answers from a list, and a clock that only sleeping moves."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fsctl.fullstory.call import Caller
from fsctl.fullstory.repeats import Clock, Policy
from fsctl.membrane.cache import Cache, MemoryCache
from fsctl.membrane.catalogue import Catalogue
from fsctl.membrane.gateway import (
    NO_DEADLINE,
    Action,
    ActionResult,
    Capabilities,
    Connection,
    Connector,
    Deadline,
    Fate,
    GatewayError,
    Origin,
    Request,
    Response,
    RunLog,
    Trouble,
)

CONNECTION = Connection("6570c0ffee0123456789abcd", "Fullstory", app="fullstory", state="READY")
EVERYTHING = Capabilities(
    max_body=10_000_000, headers=True, repeated_query=True, raw_bodies=True, metadata=True
)


def failure(
    trouble: Trouble = Trouble.UNAVAILABLE,
    fate: Fate = Fate.UNKNOWN,
    origin: Origin = Origin.LOCAL,
    **more: Any,
) -> GatewayError:
    return GatewayError("It failed.", trouble=trouble, fate=fate, origin=origin, **more)


def not_found(key: str = "bad_request.not_found") -> GatewayError:
    """Membrane's own 404."""
    return failure(Trouble.NOT_FOUND, Fate.REFUSED, Origin.MEMBRANE, status=404, code=key)


def respond(status: int | None = 200, body: bytes = b"{}", *headers: tuple[str, str]) -> Response:
    return Response(status, headers, body)


def ran(output: Any = None, run_id: str | None = "run1", *, empty: bool = False) -> ActionResult:
    return ActionResult(output, run_id, empty)


def action(key: str, schema: Mapping[str, Any] | None = None, identifier: str = "a1") -> Action:
    return Action(identifier, key.replace("-", " ").title(), key, input_schema=schema)


def inputs(*names: str, required: Sequence[str] = ()) -> dict[str, Any]:
    """A schema of an object with these inputs, of any type."""
    return {
        "type": "object",
        "properties": {name: {} for name in names},
        "required": list(required),
    }


@dataclass(frozen=True)
class Run:
    action: Action
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Sent:
    """What reached Fullstory's side: a request through the proxy, or the run of an action."""

    connection: str
    what: Request | Run
    meta: Mapping[str, str] = field(default_factory=dict)

    @property
    def request(self) -> Request:
        assert isinstance(self.what, Request)
        return self.what

    @property
    def arguments(self) -> Mapping[str, Any]:
        assert isinstance(self.what, Run)
        return self.what.arguments

    @property
    def action(self) -> Action:
        assert isinstance(self.what, Run)
        return self.what.action


T = TypeVar("T")

Step = Response | ActionResult | BaseException


class ScriptedGateway:
    """Answers sends with ``steps`` in order; a send without a step fails the test.

    ``known`` and ``catalogue`` answer what is asked of Membrane itself; an exception in front of
    them is raised once. ``logs`` answers looks at the run logs.
    """

    name = "scripted"
    account = "https://api.test|tenant"

    def __init__(
        self,
        *steps: Step,
        known: Sequence[Connection | BaseException] = (CONNECTION,),
        catalogue: Sequence[Action | BaseException] = (),
        logs: Sequence[RunLog | BaseException | None] = (),
        capabilities: Capabilities = EVERYTHING,
    ) -> None:
        self.steps = deque(steps)
        self.known = list(known)
        self.catalogue = list(catalogue)
        self.logs = deque(logs)
        self.capabilities = capabilities
        self.sent: list[Sent] = []
        self.asked: list[str] = []

    # -- what reaches Fullstory

    def run_action(
        self,
        connection_id: str,
        action: Action,
        arguments: Mapping[str, Any],
        *,
        meta: Mapping[str, str] | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> ActionResult:
        answer = self._next(Sent(connection_id, Run(action, arguments), meta or {}))
        assert isinstance(answer, ActionResult)
        return answer

    def request(
        self, connection_id: str, request: Request, *, deadline: Deadline = NO_DEADLINE
    ) -> Response:
        answer = self._next(Sent(connection_id, request))
        assert isinstance(answer, Response)
        return answer

    def _next(self, sent: Sent) -> Response | ActionResult:
        self.sent.append(sent)
        assert self.steps, f"nobody expected {sent}"
        step = self.steps.popleft()
        if isinstance(step, BaseException):
            raise step
        return step

    # -- what is asked of Membrane

    def connections(self, *, deadline: Deadline = NO_DEADLINE) -> Iterator[Connection]:
        self.asked.append("connections")
        return iter(_without_failure(self.known))

    def actions(
        self,
        connection_id: str,
        *,
        intent: str | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> list[Action]:
        self.asked.append(f"actions of {connection_id}")
        return _without_failure(self.catalogue)

    def find_run(
        self, connection_id: str, marker: str, *, deadline: Deadline = NO_DEADLINE
    ) -> RunLog | None:
        self.asked.append(f"run {marker}")
        log = self.logs.popleft() if self.logs else None
        if isinstance(log, BaseException):
            raise log
        return log

    def run_log(
        self, run_id: str, *, details: bool = False, deadline: Deadline = NO_DEADLINE
    ) -> RunLog:
        raise AssertionError("not expected")

    def connection(
        self, selector: str, *, wait: float | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        self.asked.append(f"connection {selector}")
        known = [one for one in self.known if isinstance(one, Connection) and one.id == selector]
        assert known, "not expected"
        return known[0]

    def ensure_connection(
        self, app_url: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        raise AssertionError("not expected")

    def connect(
        self, connector_id: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        raise AssertionError("not expected")

    def reconnect(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> Connection:
        raise AssertionError("not expected")

    def archive(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> None:
        raise AssertionError("not expected")

    def search_connectors(
        self, text: str, *, limit: int = 20, deadline: Deadline = NO_DEADLINE
    ) -> list[Connector]:
        raise AssertionError("not expected")

    def identity(self, *, deadline: Deadline = NO_DEADLINE) -> Mapping[str, Any]:
        raise AssertionError("not expected")

    def close(self) -> None:
        pass


def _without_failure(told: list[T | BaseException]) -> list[T]:
    if told and isinstance(told[0], BaseException):
        raise told.pop(0)  # type: ignore[misc]
    return [one for one in told if not isinstance(one, BaseException)]


class StillClock:
    """Time that only sleeping moves; ``slept`` holds the pauses, ``watch`` is called in each."""

    def __init__(self, chance: float = 0.0) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.watch: Callable[[], None] = lambda: None
        self._chance = chance

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.watch()
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(
            monotonic=lambda: self.now,
            time=lambda: 1_700_000_000.0 + self.now,
            sleep=self.sleep,
            random=lambda: self._chance,
        )


@dataclass
class Bench:
    """A caller on a scripted gateway, with everything it told and slept."""

    gateway: ScriptedGateway
    caller: Caller
    time: StillClock
    notes: list[str]
    cache: Cache

    @property
    def sends(self) -> int:
        return len(self.gateway.sent)

    @property
    def looks(self) -> int:
        """How often the run logs were looked at."""
        return sum(asked.startswith("run ") for asked in self.gateway.asked)


def bench(
    *steps: Step,
    policy: Policy | None = None,
    wanted: str | None = None,
    cache: Cache | None = None,
    **script: Any,
) -> Bench:
    """A bench whose gateway answers sends with ``steps``; by default everything is proxied."""
    gateway = ScriptedGateway(*steps, **script)
    cache = cache or MemoryCache()
    catalogue = Catalogue(gateway, cache)
    time = StillClock()
    notes: list[str] = []
    made = iter(range(1, 1000))
    caller = Caller(
        gateway=gateway,
        catalogue=catalogue,
        connection=lambda deadline: catalogue.connection_id(wanted, deadline=deadline),
        clock=time.clock,
        new_id=lambda: f"id-{next(made)}",
        policy=policy or Policy(),
        note=notes.append,
    )
    return Bench(gateway, caller, time, notes, cache)
