"""Membrane's documents, read tolerantly: what is unknown about them stands in contracts/membrane.

Both gateways read the same shapes; the command line only wraps them in more ways (§8 U1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .gateway import Action, ActionResult, Connection, Connector, RunLog


class UnexpectedShape(ValueError):
    """A document is not what it should be. The message names keys, never values (§8 U1)."""


def items(document: Any, plural: str) -> tuple[list[Any], str | None]:
    """The rows of a list answer, and the cursor of the next page.

    ``document`` is an array, ``{items}``, ``{plural}``, or either inside a lone ``output``,
    ``data`` or ``result`` (contracts/membrane §8 U1).
    """
    for _ in range(3):
        if isinstance(document, list):
            return document, None
        if not isinstance(document, Mapping):
            break
        for key in ("items", plural):
            if isinstance(document.get(key), list):
                cursor = document.get("cursor")
                return document[key], str(cursor) if cursor not in (None, "") else None
        inner = next((key for key in ("output", "data", "result") if key in document), None)
        if inner is None:
            break
        document = document[inner]
    raise UnexpectedShape(f"a list of {plural} was expected, but {_told(document)} came")


def record(document: Any, what: str, key: str = "id") -> Mapping[str, Any]:
    """One object whose ``key`` (its id) is told, unwrapped from ``output``, ``data``, ``result``
    or ``what``."""
    for _ in range(3):
        if not isinstance(document, Mapping):
            break
        if isinstance(document.get(key), str | int) and document[key] != "":
            return document
        inner = next((k for k in ("output", "data", "result", what) if k in document), None)
        if inner is None:
            break
        document = document[inner]
    raise UnexpectedShape(f"one {what} was expected, but {_told(document)} came")


def connection(document: Any) -> Connection:
    """A Connection (§2.4). Usable means READY, connected, neither defunct nor deactivated (U9)."""
    raw = record(document, "connection")
    integration = _mapping(raw.get("integration"))
    user = _mapping(raw.get("user"))
    state = _text(raw.get("state"))
    return Connection(
        id=str(raw["id"]),
        name=_text(raw.get("name")) or str(raw["id"]),
        key=_text(raw.get("key")),
        app=_first_text(
            integration.get("key"),
            raw.get("integrationKey"),
            raw.get("connectorKey"),
            integration.get("name"),
        ),
        state=state,
        usable=_usable(raw, state),
        test=raw.get("isTest") is True,
        archived=bool(raw.get("archivedAt")),
        owner=_first_text(user.get("name"), user.get("internalId"), raw.get("tenantId")),
        error=_connection_error(raw),
        client_action={
            key: str(value)
            for key, value in _mapping(raw.get("clientAction")).items()
            if isinstance(value, str)
        }
        or None,
    )


def _usable(raw: Mapping[str, Any], state: str | None) -> bool:
    if raw.get("disconnected") is True or raw.get("connected") is False:
        return False
    if raw.get("isDefunct") is True or raw.get("isDeactivated") is True or raw.get("archivedAt"):
        return False
    return state in (None, "READY")


def _connection_error(raw: Mapping[str, Any]) -> str | None:
    errors = raw.get("errors")
    candidates = [raw.get("error"), *(errors if isinstance(errors, list) else [])]
    for candidate in candidates:
        if isinstance(candidate, str) and candidate:
            return candidate
        message = _text(_mapping(candidate).get("message"))
        if message:
            return message
    return None


def action(document: Any) -> Action:
    """An Action (§2.7); catalogue actions may have an empty key."""
    raw = record(document, "action")
    return Action(
        id=str(raw["id"]),
        name=_text(raw.get("name")) or str(raw["id"]),
        key=_text(raw.get("key")),
        description=_text(raw.get("description")),
        input_schema=_mapping(raw.get("inputSchema")) or None,
        output_schema=_mapping(raw.get("outputSchema") or raw.get("customOutputSchema")) or None,
        app=_text(raw.get("integrationKey")),
    )


def connector(document: Any) -> Connector | None:
    """A search hit: ``{elementType, element: {id, name}}`` or the element itself (§2.6)."""
    raw = _mapping(document)
    element = _mapping(raw.get("element")) or raw
    identifier = _first_text(element.get("id"), element.get("key"))
    if identifier is None:
        return None
    kind = _text(raw.get("elementType")) or "connector"
    return Connector(identifier, _text(element.get("name")) or identifier, kind.lower())


def run_log(document: Any) -> RunLog:
    """An action run log entry (§2.8)."""
    raw = record(document, "actionRunLog")
    return RunLog(
        id=str(raw["id"]),
        status=_text(raw.get("status")),
        output=raw.get("output"),
        error=raw.get("error"),
        raw=raw,
    )


def newest_run(documents: Sequence[Any], marker: str) -> RunLog | None:
    """The first of the run logs (newest first) whose ``meta`` carries fsctl's run id."""
    for document in documents:
        if _mapping(_mapping(document).get("meta")).get("fsctlRun") == marker:
            return run_log(document)
    return None


_BESIDE_OUTPUT = frozenset(("output", "actionRunId", "id", "logs", "status"))
_BESIDE_DATA = frozenset(("data", "status", "statusText", "headers"))


def action_result(document: Any) -> tuple[ActionResult, int | None]:
    """An action's result, and the vendor's HTTP status where it was told (§8 U6).

    ``output`` is unwrapped only when nothing but bookkeeping stands beside it, ``data`` only when
    nothing but the vendor's status and headers does. An explicit null is a value.
    """
    run_id = None
    value, empty = document, document is None
    if isinstance(document, Mapping):
        run_id = _text(document.get("actionRunId"))
        if "output" in document and set(document) <= _BESIDE_OUTPUT:
            value = document["output"]
        elif set(document) <= _BESIDE_OUTPUT - {"output", "id", "status"}:
            value, empty = None, True
    status = None
    if isinstance(value, Mapping) and "data" in value and set(value) <= _BESIDE_DATA:
        status = http_status(value.get("status"))
        value = value["data"]
    return ActionResult(value, run_id, empty), status


def http_status(value: Any) -> int | None:
    """``value`` as an HTTP status, if it is one (a number or its digits, 100 to 599)."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
        return value
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _first_text(*values: Any) -> str | None:
    return next((value for value in values if isinstance(value, str) and value), None)


def _told(document: Any) -> str:
    if isinstance(document, Mapping):
        keys = ", ".join(ascii(str(key))[1:-1] for key in list(document)[:8])
        return f"an object with the keys {keys}" if keys else "an empty object"
    return f"a JSON {type(document).__name__}"
