"""The endpoints of a batch import, one attempt a call (contracts/fullstory-api §2.2, §2.3).

They have no Membrane action: requests go through the proxy, whose road has to carry a body of
several MB and the ``Idempotency-Key``. Who calls decides about repeating: every failure is a
:class:`GatewayError` with its fate.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from ..errors import Usage
from ..membrane import payload
from ..membrane.gateway import (
    NO_DEADLINE,
    Deadline,
    Gateway,
    GatewayError,
    Origin,
    Request,
    Response,
    Trouble,
)
from .operations import TABLE
from .outcome import FullstoryFailed, unreadable
from .routes import proxy_request
from .types import Call

Kind = Literal["users", "events"]
Results = Literal["imports", "errors"]
T = TypeVar("T")

SMALLEST_ROAD = 1_000_000  # bytes of a body; a road that carries less carries no batches
_JSON = ("Content-Type", "application/json")


class Standing(NamedTuple):
    """How far a job has come.

    ``status`` is PROCESSING, COMPLETED, FAILED (also in part) or whatever else is told;
    ``created`` and ``finished`` are as told, ``raw`` is the whole answer.
    """

    id: str
    status: str
    imports: int = 0
    errors: int = 0
    created: str | None = None
    finished: str | None = None
    raw: Mapping[str, Any] = {}

    @property
    def ended(self) -> bool:
        """Whether nothing more is going to happen."""
        return self.status in ("COMPLETED", "FAILED") or bool(self.finished)


class Page(NamedTuple):
    """A page of a job's results: rows as told, the token of the next page (None at the end)."""

    rows: list[Mapping[str, Any]]
    next: str | None


def check_road(gateway: Gateway) -> None:
    """Refuse a road that cannot carry batches. Raises :class:`Usage` with what to do."""
    if gateway.capabilities.max_body < SMALLEST_ROAD:
        raise Usage(
            f"Batch imports go over HTTP only, and this road ({gateway.name}) has no token for it.",
            hint="Set MEMBRANE_TOKEN, or the profile's token_command, or update the membrane "
            "program to a version that has `membrane token`.",
            code="batch_road",
        )


class BatchJobs:
    """The batch endpoints of one kind, on one connection. Safe to use from several threads.

    ``proxy_base`` is put before paths; ``now`` is Unix time, for ``Retry-After`` dates.
    """

    def __init__(
        self,
        gateway: Gateway,
        connection_id: str,
        kind: Kind,
        *,
        now: Callable[[], float],
        proxy_base: str = "",
    ) -> None:
        check_road(gateway)
        self.kind = kind
        self._gateway = gateway
        self._connection_id = connection_id
        self._now = now
        self._base = proxy_base
        self._there: float | None = None

    @property
    def carries_keys(self) -> bool:
        """Whether an ``Idempotency-Key`` reaches Fullstory on this road."""
        return self._gateway.capabilities.headers

    def time_there(self) -> float | None:
        """The service's Unix time, by the ``Date`` of an answer; None where that is not told.

        Keys are kept by its clock, and this machine's may be wrong. The job asked for is nobody's.
        """
        with contextlib.suppress(GatewayError):
            self.standing("0")
        return self._there

    def create(self, body: bytes, key: str, *, deadline: Deadline = NO_DEADLINE) -> Standing:
        """Start a job of ``{"requests": [...]}``; ``key`` makes the same bytes start it once."""
        path = f"{self._base}{TABLE[f'create-{self.kind}-batch'].path}"
        headers = (_JSON, ("Idempotency-Key", key)) if self.carries_keys else (_JSON,)
        request = Request("POST", path, (), headers, body)
        return self._ask(request, _standing, deadline)

    def standing(self, job_id: str, *, deadline: Deadline = NO_DEADLINE) -> Standing:
        """How far the job has come."""
        request = self._get(f"get-{self.kind}-batch", {"job_id": job_id})
        return self._ask(request, _standing, deadline)

    def results(
        self,
        job_id: str,
        which: Results,
        token: str | None = None,
        *,
        deadline: Deadline = NO_DEADLINE,
    ) -> Page | None:
        """One page of what was imported or of what failed; None while the job is running."""
        values = {"job_id": job_id} | ({"page_token": token} if token else {})
        request = self._get(f"get-{self.kind}-batch-{which}", values)
        return self._ask(request, _page, deadline)

    def _get(self, operation: str, values: Mapping[str, str]) -> Request:
        return proxy_request(Call(TABLE[operation], values), self._base)

    def _ask(self, request: Request, read: Callable[[Response], T], deadline: Deadline) -> T:
        response = self._gateway.request(self._connection_id, request, deadline=deadline)
        self._there = _date(response) or self._there
        status = response.status
        if status is not None and status >= 300:
            raise FullstoryFailed(response, self._now())
        return read(response)


def failed_request(row: Mapping[str, Any], kind: Kind) -> Mapping[str, Any]:
    """The request that a row of ``errors`` gives back whole; empty where there is none."""
    request = row.get("user" if kind == "users" else "event")
    return request if isinstance(request, Mapping) else {}


def _date(response: Response) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(response.header("Date") or "").timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):  # what odd dates have raised
        return None


def _standing(response: Response) -> Standing:
    document = _document(response)
    job = document.get("job", document)  # the specs nest it; one field copy does not
    if not isinstance(job, Mapping) or not isinstance(job.get("id"), str) or not job["id"]:
        raise unreadable("Fullstory's answer tells no job.")
    status = job.get("status")
    return Standing(
        job["id"],
        status.upper() if isinstance(status, str) else "PROCESSING",
        _count(document.get("imports")),
        _count(document.get("errors")),
        _text(job.get("created")),
        _text(job.get("finished")),
        document,
    )


def _page(response: Response) -> Page | None:
    if response.status == 202:
        return None
    if not response.body.strip():
        if response.status is None:  # the road does not tell a 202
            return None
        raise unreadable("Fullstory's answer holds no results.")
    document = _document(response)
    rows = document.get("results") or []
    if not isinstance(rows, list):
        raise unreadable("Fullstory's answer holds no list of results.")
    told = document.get("next_page_token") or document.get("nextPageToken")
    return Page([row for row in rows if isinstance(row, Mapping)], _text(told))


def _document(response: Response) -> Mapping[str, Any]:
    try:
        document = payload.decode(response.body)
    except payload.BadPayload as problem:
        raise unreadable(f"Fullstory's answer cannot be read: {problem}.") from None
    if not isinstance(document, Mapping):
        raise unreadable("Fullstory's answer is not an object.")
    return document


def _count(value: Any) -> int:
    """A count, which may come as a string (contracts/fullstory-api §1)."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def pages(fetch: Callable[[str | None], Page]) -> Iterator[Page]:
    """All pages that ``fetch`` gives for their tokens; ends where a token comes again (§1.4)."""
    token: str | None = None
    seen: set[str] = set()
    while True:
        page = fetch(token)
        yield page
        token = page.next
        if token is None or token in seen:
            return
        seen.add(token)


def not_there_yet(failure: GatewayError) -> bool:
    """Whether Fullstory does not know the job, which may be because it is very new."""
    return failure.origin is Origin.FULLSTORY and failure.trouble is Trouble.NOT_FOUND
