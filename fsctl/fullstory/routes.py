"""Which road a call takes, and what exactly goes along it (DESIGN §1, Action or proxy)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import Usage
from ..membrane import payload
from ..membrane.gateway import Action, Gateway, Request
from ..membrane.paths import encode_segment
from .fitting import Fitted, fit
from .types import Call, Operation, Via


class ActionRun(NamedTuple):
    """A Membrane action with its fitted arguments."""

    action: Action
    arguments: Mapping[str, Any]


Route = ActionRun | Request

_JSON = ("Content-Type", "application/json")


def choose(
    call: Call, action: Action | None, via: Via, proxy_base: str = ""
) -> tuple[Route, str | None]:
    """The road for a call, and why the proxy was taken where an action could have been.

    ``action`` is the live one from the catalogue. Raises :class:`Usage` where ``--via action``
    cannot be had.
    """
    operation = call.operation
    if operation.action is None or via == "proxy":
        if via == "action":
            raise Usage(
                f"No Membrane action does {operation.name}.", hint="Leave --via action out."
            )
        return proxy_request(call, proxy_base), None
    if action is None:
        reason = f"the connection has no action {operation.action}"
    elif action.input_schema is None:
        reason = f"the action {operation.action} tells no input schema"
    else:
        fitted = fit(call.values, action.input_schema, operation.aliases)
        if fitted.fits:
            return ActionRun(action, fitted.arguments), None
        reason = _misfit(operation, fitted)
    if via == "action":
        raise _unusable(operation, action, reason)
    return proxy_request(call, proxy_base), reason


def _misfit(operation: Operation, fitted: Fitted) -> str:
    if fitted.unplaced:
        return f"the action {operation.action} has no input for {', '.join(fitted.unplaced)}"
    return f"the action {operation.action} also requires {', '.join(fitted.missing)}"


def _unusable(operation: Operation, action: Action | None, reason: str) -> Usage:
    schema = payload.encode(action.input_schema).decode() if action and action.input_schema else ""
    return Usage(
        f"The action cannot be used: {reason}.",
        hint=(f"Its input schema is {schema}. " if schema else "")
        + "Leave --via action out to go through the proxy.",
        code=f"unfitted_{operation.name}",
    )


def proxy_request(call: Call, proxy_base: str = "") -> Request:
    """The operation as Fullstory's own API has it: path and query filled, the rest as JSON body."""
    operation = call.operation
    values = dict(call.values)
    path = operation.path
    for name in _path_names(path):
        value = encode_segment(str(values.pop(name)), f"The {name}")
        path = path.replace(f"{{{name}}}", value)
    query = tuple(
        (name, _query_text(name, values.pop(name))) for name in operation.query if name in values
    )
    headers: tuple[tuple[str, str], ...] = ()
    body = None
    if operation.writes and operation.method != "DELETE":
        body = encoded(values, f"The {operation.noun}")
        headers = (_JSON,)
    elif values:
        raise AssertionError(f"{operation.name} has no place for {sorted(values)}")
    return Request(operation.method, f"{proxy_base}{path}", query, headers, body)


def encoded(values: Any, what: str) -> bytes:
    """``values`` as JSON. Raises :class:`Usage`, naming ``what``, for text that is not UTF-8."""
    try:
        return payload.encode(values)
    except payload.BadPayload as problem:
        raise Usage(f"{what} cannot be sent: {problem}.", hint="Check its encoding.") from None


def _path_names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _query_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    encoded(text, f"The {name}")  # a lone surrogate, from bytes that are not UTF-8, has no URL
    return text


def route_as_data(route: Route, operation: Operation) -> dict[str, Any]:
    """A route for ``--dry-run``: the exact input or request, as data."""
    if isinstance(route, Request):
        return {"operation": operation.name, "via": "proxy", **request_as_data(route)}
    return {
        "operation": operation.name,
        "via": "action",
        "action": route.action.key or route.action.name,
        "action_id": route.action.id,
        "input": route.arguments,
    }


def request_as_data(request: Request) -> dict[str, Any]:
    """A request as data; a body that is JSON is shown as such, any other as text."""
    data: dict[str, Any] = {"method": request.method, "path": request.path}
    if request.query:
        data["query"] = [{"name": name, "value": value} for name, value in request.query]
    if request.headers:
        data["headers"] = [{"name": name, "value": value} for name, value in request.headers]
    if request.body is not None:
        try:
            data["body"] = payload.decode(request.body)
        except payload.BadPayload:
            data["body_text"] = request.body.decode("utf-8", "backslashreplace")
    return data


def canonical_plan(call: Call) -> dict[str, Any]:
    """The call as Fullstory's API has it: what can be said without asking anyone."""
    head = {"dry_run": True, "fitted": False}
    return head | route_as_data(proxy_request(call), call.operation)


_ADVICE = "Set MEMBRANE_TOKEN, so that requests go over HTTP."


def check_road(gateway: Gateway, request: Request) -> None:
    """Refuse what this road cannot carry, before anything is sent (DESIGN §1)."""
    road = gateway.capabilities
    check_size(gateway, len(request.body or b""))
    names = [name for name, _ in request.query]
    if not road.repeated_query and len(names) != len(set(names)):
        raise Usage("This road carries each query parameter once only.", hint=_ADVICE)
    # A road that carries JSON tells its type itself.
    own_headers = [h for h in request.headers if h != _JSON]
    if own_headers and not road.headers:
        raise Usage("This road carries no request headers.", hint=_ADVICE)
    if request.body and not road.raw_bodies:
        try:
            payload.decode(request.body)
        except payload.BadPayload:
            raise Usage("This road carries JSON bodies only.", hint=_ADVICE) from None


def check_size(gateway: Gateway, size: int) -> None:
    """Refuse an input of that many bytes where this road cannot carry it."""
    most = gateway.capabilities.max_body
    if size > most:
        raise Usage(
            f"The input has {size:,} bytes, and this road ({gateway.name}) carries "
            f"at most {most:,}.",
            hint="Set MEMBRANE_TOKEN, so that requests go over HTTP, or send less at a time.",
            code="too_large",
        )
