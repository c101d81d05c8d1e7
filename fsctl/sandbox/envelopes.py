"""What the embedded Membrane answers with: JSON bodies, and its own failures."""

from __future__ import annotations

from typing import Any

from ..membrane import payload
from ..membrane.gateway import Response

MAX_REQUEST = 10 * 1024 * 1024  # bytes; Membrane takes 10 MB a request (contracts/membrane §3.3)

_JSON = ("Content-Type", "application/json; charset=utf-8")

# HTTP statuses of bad_request's keys; everything else Membrane refuses with 400 (§3.1).
_STATUS_OF_KEY = {
    "not_authenticated": 401,
    "access_denied": 403,
    "not_found": 404,
    "rate_limit_exceeded": 429,
}


class MembraneFailure(Exception):
    """Membrane refuses: ``{type, key?, message, data?, causedByError?}`` (contracts §3.1).

    ``status`` defaults to the documented mapping of type and key.
    """

    def __init__(
        self,
        type_: str,
        message: str,
        *,
        key: str | None = None,
        data: Any = None,
        cause: dict[str, Any] | None = None,
        status: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.type = type_
        self.message = message
        self.key = key
        self.data = data
        self.cause = cause
        self.status = status or _status(type_, key)
        self.headers = headers

    def envelope(self) -> dict[str, Any]:
        """The error object as it stands in answers, run logs and connections."""
        told = {"type": self.type, "key": self.key, "message": self.message}
        more = {"data": self.data, "causedByError": self.cause}
        return {key: value for key, value in (told | more).items() if value is not None}

    def response(self, action_run_id: str | None = None) -> Response:
        """The answer; a failed run's carries its id beside the error (§3.1)."""
        body = self.envelope()
        if action_run_id is not None:
            body["actionRunId"] = action_run_id
        return json_response(body, self.status, self.headers)


def _status(type_: str, key: str | None) -> int:
    if type_ == "internal":
        return 500
    return _STATUS_OF_KEY.get(key or "", 400) if type_ == "bad_request" else 400


def bad_request(message: str, **data: Any) -> MembraneFailure:
    """A request that Membrane's validation does not like."""
    return MembraneFailure("bad_request", message, data=data or None)


def too_large() -> MembraneFailure:
    """A request over :data:`MAX_REQUEST`."""
    return MembraneFailure("bad_request", "request entity too large", status=413)


def not_found(what: str, selector: str) -> MembraneFailure:
    """An element that does not exist."""
    return MembraneFailure("bad_request", f'{what} "{selector}" not found', key="not_found")


def no_route(method: str, path: str) -> Response:
    """An endpoint that Membrane does not have: its web framework's words, not its own envelope."""
    body = {"message": f"Cannot {method} {path}", "error": "Not Found", "statusCode": 404}
    return json_response(body, 404)


def json_response(
    value: Any,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
    *,
    large: bool = False,
) -> Response:
    """``value`` as JSON; ``large`` as of :func:`payload.encode`."""
    return Response(status, (_JSON, *headers), payload.encode(value, large=large))


def empty_response(status: int = 200) -> Response:
    return Response(status, (), b"")
