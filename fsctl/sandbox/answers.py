"""What Fullstory's routes are given, and the forms in which they answer.

Errors are ``{"message", "code"}`` with Fullstory's documented words (contracts/fullstory-api §1.1).
"""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from ..membrane.gateway import Response

_JSON = ("Content-Type", "application/json")
# Made once: json.dumps would make one for every call that has options.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)

Handler = Callable[["Call"], Response]


class Problem(Exception):
    """A request that Fullstory would refuse. Raised before anything is written."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    def response(self) -> Response:
        extra = () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)
        return answer(self.as_data(), status=self.status, headers=extra)

    def as_data(self) -> dict[str, str]:
        return {"message": self.message, "code": self.code}


def invalid(message: str) -> Problem:
    """400 ``invalid_argument``."""
    return Problem(400, "invalid_argument", message)


def required(name: str) -> Problem:
    """400 ``required_field``."""
    return Problem(400, "required_field", f"{name} is required")


def missing(message: str = "Requested resource does not exist") -> Problem:
    """404 ``resource_not_found``."""
    return Problem(404, "resource_not_found", message)


def answer(value: Any, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """A JSON answer."""
    return Response(status, (_JSON, *headers), dump(value).encode())


def answer_rows(name: str, rows: Iterable[Mapping[str, Any]]) -> Response:
    """The JSON answer ``{name: [rows]}``, of which never more than a row is held but as bytes."""
    body = BytesIO()
    body.write(f'{{"{name}":['.encode())
    for number, row in enumerate(rows):
        body.write((f",{dump(row)}" if number else dump(row)).encode())
    body.write(b"]}")
    return Response(200, (_JSON,), body.getvalue())


def accepted() -> Response:
    """202 with no body: a job's results were asked for while it is still running."""
    return Response(202, (), b"")


def dump(value: Any) -> str:
    """Compact JSON, as stored and as sent."""
    return _ENCODER.encode(value)


@dataclass(frozen=True, slots=True)
class Options:
    """How this sandbox behaves where Fullstory publishes no number.

    ``page_size`` rows a page; ``delete_seconds`` until a deleted user is gone; ``job_seconds`` a
    batch job or an export takes (None: so many, by how much there is to do); ``storage`` is the
    address under which files of exports lie, without a path.
    """

    page_size: int = 100
    delete_seconds: float = 5.0
    job_seconds: float | None = None
    storage: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through a handler.

    ``path`` holds the decoded path parameters, ``now`` the sandbox's time in epoch seconds.
    Handlers of writing methods run inside a transaction of ``db``.
    """

    db: sqlite3.Connection
    now: float
    path: tuple[str, ...]
    query: Mapping[str, str]
    raw: bytes | None
    options: Options

    def body(self) -> dict[str, Any]:
        """The request's JSON object. Raises Problem (400) for anything else."""
        if not self.raw:
            raise invalid("request body is required")
        value = parse_json(self.raw)
        if not isinstance(value, dict):
            raise invalid("request body must be a JSON object")
        return value

    def text(self, name: str) -> str | None:
        """A query parameter; an empty one counts as not given."""
        return self.query.get(name) or None

    def flag(self, name: str) -> bool | None:
        """A boolean query parameter. Raises Problem for a value that is none."""
        value = self.text(name)
        if value is None:
            return None
        known = {"true": True, "1": True, "false": False, "0": False}
        if value.lower() not in known:
            raise invalid(f"{name} must be a boolean")
        return known[value.lower()]

    def count(self, name: str, default: int, *, most: int | None = None) -> int:
        """A positive integer query parameter; one over ``most`` is cut to it."""
        value = self.text(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 10) or int(value) == 0:
            raise invalid(f"{name} must be a positive integer")
        return int(value) if most is None else min(int(value), most)


def parse_json(raw: bytes) -> Any:
    """Strict JSON in UTF-8: no NaN, no overflowing numbers, no lone surrogates.

    Raises Problem (400). What passes can be stored and sent again.
    """
    try:
        value = json.loads(raw.decode(), parse_constant=_no_constant, parse_float=_finite)
        if b"\\u" in raw:
            dump(value).encode()  # an escaped lone surrogate cannot be written again
    except (ValueError, RecursionError):
        raise invalid("request body is not valid JSON") from None
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def text_field(body: Mapping[str, Any], name: str, most: int | None = None) -> str | None:
    """A text field of a body; null and the empty text count as not given, as protobuf has it.

    Raises Problem (400) for another type, and for more than ``most`` characters.
    """
    value = body.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise invalid(f"{name} must be a string")
    if most is not None and len(value) > most:
        raise invalid(f"{name} must be at most {most} characters, got {len(value)}")
    return value


def object_field(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object of a body; null and a missing one are empty. Raises Problem (400) for the rest."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object")
    return value


def page_token(scope: str, after: int) -> str:
    """An opaque token for the page behind row ``after`` of the listing named ``scope``."""
    return base64.urlsafe_b64encode(dump([scope, after]).encode()).decode()


def read_page_token(token: str | None, scope: str) -> int:
    """The row behind which the page starts; 0 without a token.

    Raises Problem where the token is not one, or belongs to another listing: the same filters
    have to be sent along (contracts/fullstory-api §1.4).
    """
    if token is None:
        return 0
    try:
        found, after = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise invalid("page_token is invalid") from None
    if found != scope or type(after) is not int or not 0 <= after < 2**63:
        raise invalid("page_token is invalid for these parameters")
    return after
