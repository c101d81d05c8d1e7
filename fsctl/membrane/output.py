"""What the ``membrane`` command line printed: a document, nothing, or a failure.

Its exact output is not documented, and it has been seen to exit 0 with an error inside and to print
the whole request, bearer token included, as if that were the answer. So: exactly one JSON document
somewhere on stdout, judged before it is believed (contracts/membrane §1.5, §8 U1 to U6, U24, U26).
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import payload
from .ansi import strip_ansi
from .child import ChildResult
from .complaints import failed, from_document, from_words, glimpse
from .failures import from_membrane, is_membrane_error, unreadable, upstream_response
from .gateway import Fate, GatewayError, Origin, Response, Trouble
from .shapes import http_status


@dataclass(frozen=True, slots=True)
class Output:
    """What a child that did not fail printed; ``empty`` where that was nothing at all.

    ``large`` says that it was megabytes.
    """

    document: Any
    empty: bool = False
    large: bool = False


def read_output(
    result: ChildResult, *, secrets: Iterable[str] = (), proxied: bool = False
) -> Output:
    """The one JSON document on stdout, or nothing.

    ``secrets`` are texts that must not be shown if the child repeats them: tokens, and the input it
    was given. With ``proxied``, a Fullstory response inside Membrane's error is the document, as an
    envelope. Raises :class:`GatewayError` for everything that is not plainly an answer: a Membrane
    error under any exit status, an echoed request, another failure, output that cannot be read.
    """
    secrets = tuple(secrets)
    if result.code < 0:
        raise failed(f"membrane was killed by signal {-result.code}.", "killed")
    if not result.stdout.strip():
        if result.code == 0:
            return Output(None, empty=True)
        raise from_words(result, secrets)
    try:
        document = parse(result.stdout)
    except payload.BadPayload as problem:
        if result.code != 0:
            raise from_words(result, secrets) from None
        page = glimpse(result.stdout, secrets)
        raise unreadable(f"The output of membrane cannot be read: {problem}{page}.") from None
    _refuse_echo(document)
    envelope = membrane_error(document)
    if envelope is not None:
        upstream = upstream_response(envelope) if proxied else None
        if upstream is None:
            raise from_membrane(envelope, None)
        return Output({"status": upstream[0], "data": upstream[1]})
    if result.code != 0:
        raise from_document(document, result, secrets)
    return Output(document, large=len(result.stdout) > payload.LARGE)


# -- finding the document

# A line that a JSON document could start with; "[DEPRECATED] ..." and "[12:30:01] ..." are not.
_START = re.compile(
    r"""^(?:\{\s*["}]|\[\s*(?:["{\[\]]|(?:-?[0-9][0-9.eE+-]*|true|false|null)\s*[,\]]))""",
    re.MULTILINE,
)
_DECODER = json.JSONDecoder()


def parse(stdout: bytes) -> Any:
    """The one JSON value in ``stdout``, with whatever lines before and after it (§8 U4).

    Raises :class:`~.payload.BadPayload` where there is none, where it is broken, and where there
    are several and none can be told to be the answer.
    """
    try:
        return _checked(stdout.removeprefix(BOM_UTF8))
    except payload.BadPayload as problem:
        text = stdout.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
        document = _document(strip_ansi(text).replace("\r", "\n"))
        if document is None:
            raise problem from None
    return _checked(document.encode("utf-8", "surrogateescape"))


def _checked(encoded: bytes) -> Any:
    try:
        encoded.decode()  # a byte that is not UTF-8 must not pass as half a character
    except UnicodeDecodeError:
        raise payload.BadPayload("it is not UTF-8") from None
    return payload.decode(encoded)


def _document(text: str) -> str | None:
    """The only JSON document that starts on a line of its own; None where no line does."""
    found, position = None, 0
    while start := _START.search(text, position):
        try:
            _, end = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            raise payload.BadPayload("it holds broken JSON") from None
        position = text.find("\n", end)
        position = len(text) if position < 0 else position
        beside = text[end:position].strip()
        if beside and text[start.start()] == "[":
            continue  # "[2024] some banner"
        if found is not None or beside[:1] in ("{", "["):
            raise payload.BadPayload("it holds several JSON documents")
        found = text[start.start() : end]
    return found


# -- judging the document

_BOOKKEEPING = frozenset(["actionRunId", "id", "logs", "status", "ok", "success"])
_WRAPPERS = ("error", "output", "data", "result")


def membrane_error(document: Any) -> Mapping[str, Any] | None:
    """Membrane's error envelope, at the top or as the one thing wrapped (§8 U5).

    A document that *has* an error, as a connection or a run log does, is no failure of the call.
    """
    if is_membrane_error(document):
        return dict(document)
    if not isinstance(document, Mapping):
        return None
    for key in _WRAPPERS:
        inner = document.get(key)
        if (
            isinstance(inner, Mapping)
            and is_membrane_error(inner)
            and set(document) - {key} <= _BOOKKEEPING - {"id"}
        ):
            return {"actionRunId": document.get("actionRunId"), **inner}
    return None


def _refuse_echo(document: Any) -> None:
    """Raise for the request itself printed back: its credentials stand in it (§1.4a, §8 U2)."""
    wrapped = document if isinstance(document, Mapping) else {}
    if any(map(_is_echo, (document, wrapped.get("error"), wrapped.get("output")))):
        raise GatewayError(
            "membrane printed the request it made instead of an answer to it.",
            trouble=Trouble.UNREADABLE,
            fate=Fate.UNKNOWN,
            origin=Origin.LOCAL,
            code="echoed_request",
            hint="Update Membrane's command line (npm install -g @membranehq/cli@latest), or set"
            " MEMBRANE_TOKEN; what was printed held a token, which is not shown.",
        )


def _is_echo(document: Any) -> bool:
    if not isinstance(document, Mapping):
        return False
    if document.get("name") == "AxiosError" or _is_request(document):
        return True
    return "id" not in document and any(_is_request(document.get(k)) for k in ("config", "request"))


def _is_request(value: Any) -> bool:
    return isinstance(value, Mapping) and {"method", "url", "headers"} <= set(value)


# -- Fullstory's response inside the document


def response(document: Any, *, large: bool = False) -> Response:
    """Fullstory's response, from an envelope or a bare body (§8 U2).

    An envelope has a numeric status and one of ``data``, ``body`` and ``headers``, possibly under
    ``output``. Anything else is the body itself, and the status is unknown. ``large`` as of
    :class:`Output`.
    """
    value = document
    if isinstance(document, Mapping) and set(document) <= _BOOKKEEPING | {"output"}:
        if "output" in document:
            value = document["output"]
        elif set(document) == {"actionRunId"}:
            return Response(None, (), b"")
    if not isinstance(value, Mapping) or not {"data", "body", "headers"} & set(value):
        return Response(None, (), _body(value, large))
    status = http_status(value.get("status")) or http_status(value.get("statusCode"))
    if status is None:
        return Response(None, (), _body(value, large))
    body = value["body"] if "body" in value else value.get("data")
    if isinstance(body, Mapping) and is_membrane_error(body):
        raise from_membrane(body, status)
    return Response(
        status, headers(value.get("headers")), b"" if body is None else _body(body, large)
    )


def headers(value: Any) -> tuple[tuple[str, str], ...]:
    """Response headers from a JSON object; an array is several of the same name."""
    if not isinstance(value, Mapping):
        return ()
    return tuple(
        (str(name), str(each))
        for name, told in value.items()
        for each in (told if isinstance(told, list) else [told])
        if each is not None
    )


def _body(value: Any, large: bool) -> bytes:
    """A body's bytes: text as it is (it may be JSON itself), everything else written as JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    try:
        return payload.encode(value, large=large)
    except payload.BadPayload as problem:
        raise unreadable(f"The output of membrane cannot be used: {problem}.") from None
