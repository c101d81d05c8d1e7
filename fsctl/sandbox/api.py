"""Fullstory's HTTP API as an engine in this process: a request in, a response out.

:class:`FullstoryApi` finds the route, gives every write one transaction and an idempotency key its
rights. What the routes do stands in the modules they come from. Credentials are not its business:
whoever serves it decides who may call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from ..membrane.gateway import Request, Response
from . import batches, digest, events, exports, idempotency, segments, sessions, signed, users
from .annotations import create as create_annotation
from .answers import Call, Handler, Options, Problem, invalid, missing
from .store import Store


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path, whose ``{}`` segments take any one decoded segment."""

    method: str
    pattern: str
    handler: Handler
    idempotent: bool = False  # honours Idempotency-Key (contracts/fullstory-api §1.3)


def _batch_routes(batch: batches.Batch) -> tuple[Route, ...]:
    root = f"/v2/{batch.kind}/batch"
    return (
        Route("POST", root, batch.create, idempotent=True),
        Route("GET", f"{root}/{{}}", batch.status),
        Route("GET", f"{root}/{{}}/imports", batch.imports),
        Route("GET", f"{root}/{{}}/errors", batch.errors),
    )


# The first match wins: fixed segments stand before variable ones.
ROUTES: tuple[Route, ...] = (
    *_batch_routes(batches.USERS),
    Route("GET", "/v2/users", users.list_users),
    Route("POST", "/v2/users", users.create, idempotent=True),
    Route("DELETE", "/v2/users", users.delete_by_uid),
    Route("GET", "/v2/users/{}", users.get),
    Route("POST", "/v2/users/{}", users.update),
    Route("DELETE", "/v2/users/{}", users.delete_by_id),
    *_batch_routes(batches.EVENTS),
    Route("POST", "/v2/events", events.create, idempotent=True),
    Route("POST", "/v2/annotations", create_annotation),
    Route("GET", "/sessions/v2", sessions.list_v1),
    Route("GET", "/v2/sessions", sessions.list_v2),
    Route("GET", "/v2/sessions/{}/events", sessions.list_events),
    Route("GET", "/v2/sessions/{}/summary", digest.summary),
    Route("POST", "/v2/sessions/{}/summary", digest.summary),
    Route("POST", "/v2/sessions/{}/context", digest.context),
    Route("GET", "/segments/v1", segments.list_segments),
    Route("POST", "/segments/v1/exports", exports.create),
    Route("GET", "/segments/v1/{}", segments.get),
    Route("GET", "/operations/v1", exports.list_operations),
    Route("GET", "/operations/v1/{}", exports.operation),
    Route("GET", "/search/v1/exports/{}/results", signed.results),
)
# Also served under /v2beta (contracts/fullstory-api §1, §2.5).
_BETA_TWINS = ("/v2/users", "/v2/events", "/v2/sessions/{}/summary", "/v2/sessions/{}/context")


class FullstoryApi:
    """Fullstory, answering from a store. Safe to call from many threads at once.

    ``page_size``, ``delete_seconds``, ``job_seconds`` and ``storage`` are described in
    :class:`~fsctl.sandbox.answers.Options`.
    """

    def __init__(
        self,
        store: Store,
        *,
        page_size: int = 100,
        delete_seconds: float = 5.0,
        job_seconds: float | None = None,
        storage: str = signed.ADDRESS,
    ) -> None:
        self.store = store
        exports.prepare(store)
        self.options = Options(page_size, delete_seconds, job_seconds, storage)
        self._routes = tuple(_compiled(ROUTES))

    def handle(self, request: Request) -> Response:
        """Answer as Fullstory would, whatever the request; bad input is answered, never raised.

        Raises only the errors of the store itself (a damaged file, a full disk).
        """
        try:
            path, query = _split(request)
            route, parameters = self._find(request.method.upper(), path)
            return self._run(route, request, parameters, query)
        except Problem as problem:
            return problem.response()
        except UnicodeEncodeError:
            return invalid("the request holds text that is not valid Unicode").response()
        except RecursionError:
            return invalid("the request is nested too deeply").response()

    def _find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]]:
        segments = path.split("/")
        for route, pattern in self._routes:
            if route.method != method or len(pattern) != len(segments):
                continue
            if all(want in ("{}", got) for want, got in zip(pattern, segments, strict=True)):
                values = (got for want, got in zip(pattern, segments, strict=True) if want == "{}")
                return route, tuple(_decoded(value) for value in values)
        raise missing()

    def _run(
        self,
        route: Route,
        request: Request,
        parameters: tuple[str, ...],
        query: Mapping[str, str],
    ) -> Response:
        now = self.store.clock.time()
        self._forget_deleted(now)
        if route.method == "GET":
            with self.store.connection() as db:
                return route.handler(Call(db, now, parameters, query, None, self.options))
        with self.store.transaction() as db:
            call = Call(db, now, parameters, query, request.body, self.options)
            key = _header(request, "Idempotency-Key") if route.idempotent else None
            if key:
                return idempotency.once(call, key, request, route.handler)
            return route.handler(call)

    def _forget_deleted(self, now: float) -> None:
        """Remove the users whose deletion has run its time, with all that hangs on them."""
        with self.store.connection() as db:
            due = db.execute("SELECT 1 FROM users WHERE gone_at <= ? LIMIT 1", (now,)).fetchone()
        if due:
            with self.store.transaction() as db:
                db.execute("DELETE FROM users WHERE gone_at <= ?", (now,))


def _compiled(routes: tuple[Route, ...]) -> Iterator[tuple[Route, list[str]]]:
    for route in routes:
        yield route, route.pattern.split("/")
        if route.pattern.startswith(_BETA_TWINS):
            yield route, route.pattern.replace("/v2/", "/v2beta/", 1).split("/")


def _split(request: Request) -> tuple[str, dict[str, str]]:
    """The still encoded path, and the query parameters; of a repeated one the last counts."""
    try:
        parts = urlsplit(request.path) if "://" in request.path else None
    except ValueError:
        raise missing() from None
    path, _, in_path = request.path.partition("?")
    if parts is not None:
        path, in_path = parts.path, parts.query
    query = dict(parse_qsl(in_path, keep_blank_values=True))
    query.update(request.query)
    return path, query


def _decoded(segment: str) -> str:
    try:
        value = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise invalid("the path is not valid UTF-8") from None
    if not value:
        raise missing()
    return value


def _header(request: Request, name: str) -> str | None:
    return next((value for key, value in request.headers if key.lower() == name.lower()), None)
