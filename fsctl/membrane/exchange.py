"""Authorised exchanges with Membrane's HTTP API: tokens, bounds, pages, one re-mint."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from .. import __version__
from ..errors import Usage
from . import answers, payload, shapes
from .answers import Answer, Asked
from .failures import unreadable
from .gateway import Deadline, Fate, GatewayError, Origin, Trouble
from .hosts import parse_api_url
from .tokens import TokenSource

if TYPE_CHECKING:
    from .transport import Transport

T = TypeVar("T")
Pairs = Sequence[tuple[str, str]]

MAX_REQUEST = 10_000_000  # bytes (contracts/membrane §3.3)


class Exchange:
    """One account's exchanges with one address; see :class:`~.http.HttpGateway`.

    Safe to use from several threads. The connection pool, and urllib3 with it, is made at the
    first request.
    """

    def __init__(
        self,
        base_url: str,
        tokens: TokenSource,
        *,
        environ: Mapping[str, str],
        connect_timeout: float = 10.0,
        read_timeout: float = 70.0,
        api_version: str | None = None,
        clock: Callable[[], float] = time.time,
        user_agent: str = f"fsctl/{__version__}",
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.address = parse_api_url(base_url, source="the API address")
        self.tokens = tokens
        self.user_agent = user_agent
        self._environ = environ
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._api_version = api_version
        self._clock = clock
        self._trace = trace
        self._lock = threading.Lock()
        self._opened: Transport | None = None

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def rows(
        self, path: str, plural: str, query: Pairs, limit: int, deadline: Deadline
    ) -> Iterator[Any]:
        """The rows of all pages (contracts §2.3), each page fetched when it is needed."""
        cursor, seen = None, set[str]()
        while True:
            page = [*query, ("limit", str(limit))] + ([("cursor", cursor)] if cursor else [])
            document = self.get(path, page, deadline=deadline)
            rows, cursor = shaped(partial(shapes.items, plural=plural), document, f"GET {path}")
            yield from rows
            if cursor is None:
                return
            if cursor in seen:
                raise unreadable(f"Membrane repeats a page of {plural}.", code="repeated_cursor")
            seen.add(cursor)

    def get(
        self,
        path: str,
        query: Pairs = (),
        *,
        deadline: Deadline,
        read_timeout: float | None = None,
    ) -> Any:
        """The JSON document at ``path``."""
        return self.call(
            "GET", path, None, answers.document, deadline, query=query, read_timeout=read_timeout
        )

    def post(
        self, path: str, body: Mapping[str, Any], query: Pairs = (), *, deadline: Deadline
    ) -> Any:
        """The JSON document that answers ``body``."""
        try:
            encoded = payload.encode(body)
        except payload.BadPayload as error:
            raise Usage(
                f"The input cannot be sent: {error}.", hint="Correct the value and try again."
            ) from None
        check_size(encoded)
        return self.call("POST", path, encoded, answers.document, deadline, query=query)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None,
        read: Callable[[Answer, Asked], T],
        deadline: Deadline,
        *,
        query: Pairs = (),
        headers: Pairs | None = None,
        read_timeout: float | None = None,
    ) -> T:
        """One attempt, and a second with a new token if Membrane did not accept the first one.

        ``path`` and ``headers`` are checked already; without ``headers`` those of Membrane's own
        routes are sent. ``read`` turns the answer into the result, or raises what it means.
        """
        target = path + _query_string(query)
        others = self._own_headers(body) if headers is None else list(headers)
        asked = Asked(method, path, self._clock())
        may_renew = True
        while True:
            token = self.tokens.token(deadline)
            answer = self._transport().send(
                method,
                target,
                [("Authorization", f"Bearer {token}"), *others],
                body,
                deadline=deadline,
                read_timeout=read_timeout,
            )
            try:
                return read(answer, asked)
            except GatewayError as failure:
                if not _token_refused(failure):
                    raise
                if not (may_renew and self._renewed(token, deadline)):
                    failure.hint = _login_hint(self.tokens)
                    raise
                may_renew = False

    def _renewed(self, refused: str, deadline: Deadline) -> bool:
        """Whether there is another token now. Many threads may have been refused the same one."""
        with self._lock:
            return self.tokens.token(deadline) != refused or self.tokens.renew()

    def _own_headers(self, body: bytes | None) -> list[tuple[str, str]]:
        """Headers for Membrane's own routes; no version unless asked for (contracts §8 U16)."""
        headers = [
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip"),
            ("User-Agent", self.user_agent),
        ]
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        if self._api_version:
            headers.append(("membrane-api-version", self._api_version))
        return headers

    def _transport(self) -> Transport:
        with self._lock:
            if self._opened is None:
                from .transport import Transport

                self._opened = Transport(
                    self.address,
                    environ=self._environ,
                    connect_timeout=self._connect_timeout,
                    read_timeout=self._read_timeout,
                    trace=self._trace,
                )
            return self._opened


def shaped(read: Callable[[Any], T], document: Any, asked: str) -> T:
    """A document read as the shape it should have; :class:`GatewayError` where it has another.

    ``asked`` names the request, for example "GET /connections".
    """
    try:
        return read(document)
    except shapes.UnexpectedShape as error:
        raise unreadable(f"Membrane's answer to {asked} cannot be read: {error}.") from None


def _query_string(query: Pairs) -> str:
    if not query:
        return ""
    try:
        return "?" + urlencode(query, quote_via=quote, safe="")
    except UnicodeEncodeError:
        raise Usage(
            "A query parameter holds half a character (a lone surrogate).",
            hint="Write it in UTF-8.",
        ) from None


def _token_refused(failure: GatewayError) -> bool:
    return failure.trouble is Trouble.UNAUTHENTICATED and failure.origin is Origin.MEMBRANE


def _login_hint(tokens: TokenSource) -> str:
    return f"{tokens.origin} was refused: {tokens.remedy[:1].lower()}{tokens.remedy[1:]}"


def check_size(body: bytes | None) -> None:
    """Refuse, before it is sent, a body that Membrane would not take."""
    if body is not None and len(body) > MAX_REQUEST:
        raise GatewayError(
            f"The request is larger than {MAX_REQUEST:,} bytes, the most that Membrane takes.",
            trouble=Trouble.TOO_LARGE,
            fate=Fate.NOT_SENT,
            origin=Origin.LOCAL,
            code="request_too_large",
            hint="Send less at a time.",
        )
