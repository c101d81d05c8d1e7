"""Fullstory behind Membrane: the actions there are, the proxy's base path, the key's rights."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...fullstory.coverage import Coverage, coverage
from ...fullstory.raw import API_HOSTS
from ...membrane import payload
from ...membrane.failures import unreadable
from ...membrane.gateway import (
    Connection,
    Deadline,
    Gateway,
    GatewayError,
    Origin,
    Request,
)
from ...settings import env
from ...settings.resolve import Setting
from ..app import App
from ..resuming import on_the_account
from .findings import Findings
from .outcome import Outcome, away, fail, ok, skip, warn

_PATH = "/v2/users"
_NOBODY = (("uid", "fsctl-doctor"),)  # so that nobody's data comes
_ROOTS = ("", *(f"https://{host}" for host in API_HOSTS))
_BY_CODE = {"unauthorized": 401, "forbidden": 403, "too_many_requests": 429, "server_error": 500}


def actions(findings: Findings, deadline: Deadline) -> Outcome:
    """Which of the eight actions can be used, and which fall back to the proxy."""
    app = findings.app
    connection = _connection(findings)
    findings.actions = coverage(app.gateway.actions(connection.id, deadline=deadline))
    lost = [each for each in findings.actions if not each.usable]
    every = len(findings.actions)
    via = app.settings.choice("via", env.VIA, ("auto", "action", "proxy"), "auto")
    if via.value == "proxy":
        return ok(f"{every - len(lost)} of {every} are there; none is used ({via.origin})")
    if not lost:
        return ok(f"all {every} are there")
    told = f"{every - len(lost)} of {every} can be used; not {', '.join(map(_lost, lost))}"
    if via.value == "action":
        return fail(f"{told}, and {via.origin} allows no other way", "Use `--via auto`.")
    return warn(
        told,
        "What is missing goes through the proxy; who runs the workspace in Membrane can add it.",
    )


def _lost(action: Coverage) -> str:
    if not action.found:
        return action.action
    if not action.told:
        return f"{action.action} (tells no inputs)"
    return f"{action.action} (wants {', '.join(action.unknown)})"


def inputs(findings: Findings, _deadline: Deadline) -> Outcome:
    """Which of the inputs that commands send have no place in the actions' own."""
    partly = [each for each in findings.actions if each.usable and each.unfitted]
    if not partly:
        return ok("every input of theirs has its place")
    told = "; ".join(f"{each.action} has none for {', '.join(each.unfitted)}" for each in partly)
    return warn(
        told,
        "A command that gives these goes through the proxy; see "
        f"`{on_the_account(findings.app, 'actions', 'show', partly[0].action)}`.",
    )


class Answer(NamedTuple):
    """What came of asking for nobody: ``status`` is Fullstory's, None where it was not there."""

    status: int | None
    message: str = ""

    @property
    def is_fullstory(self) -> bool:
        return self.status is not None


def requests(findings: Findings, deadline: Deadline) -> Outcome:
    """Where Fullstory's API is behind Membrane's proxy (contracts/membrane §8 U13)."""
    app = findings.app
    connection = _connection(findings)
    setting = app.settings.text("proxy_base", env.PROXY_BASE)
    base = app.proxy_base
    answer = _ask(app.gateway, connection, base, deadline)
    if answer.is_fullstory:
        findings.status = answer.status
        if (answer.status or 0) >= 500:
            return away(f"Fullstory fails: {answer.message}", "Run it again later.")
        return ok(f"{base}{_PATH} is answered by Fullstory")
    for other in _ROOTS:
        if other == base:
            continue
        found = _ask(app.gateway, connection, other, deadline)
        if found.is_fullstory:
            findings.status = found.status
            return fail(f"{base}{_PATH} is not there", _rebase(app, other, setting))
    return fail(
        f"Fullstory's API is not behind {base}{_PATH}, nor at {' or '.join(API_HOSTS)}",
        "Ask who made the connector for its base URL, and run "
        f"`{on_the_account(app, 'profiles', 'set', 'proxy_base', 'URL')}`.",
    )


def _rebase(app: App, base: str, setting: Setting[str] | None) -> str:
    by_variable = setting is not None and setting.origin == env.PROXY_BASE
    if by_variable:
        command = f"export {env.PROXY_BASE}={base}" if base else f"unset {env.PROXY_BASE}"
    else:
        words = ("set", "proxy_base", base) if base else ("unset", "proxy_base")
        command = on_the_account(app, "profiles", *words)
    return f"Run `{command}`."


def _ask(gateway: Gateway, connection: Connection, base: str, deadline: Deadline) -> Answer:
    """One read that harms nobody and shows nobody: the users with a uid that none has."""
    request = Request("GET", f"{base}{_PATH}", _NOBODY)
    try:
        response = gateway.request(connection.id, request, deadline=deadline)
    except GatewayError as error:
        if error.origin is Origin.FULLSTORY and error.status not in (None, 404, 405):
            return Answer(error.status, error.message)
        if error.status in (404, 405):
            return Answer(None)
        raise
    if not response.body.strip():
        raise unreadable("Fullstory's answer is empty.", code="empty", status=response.status)
    try:
        document = payload.decode(response.body)
    except payload.BadPayload:
        return Answer(None)
    return _read(response.status, document)


def _read(status: int | None, document: Any) -> Answer:
    if not isinstance(document, dict):
        return Answer(None)
    code, message = document.get("code"), document.get("message")
    if isinstance(code, str) and isinstance(message, str):  # Fullstory's errors (§1.1 of its API)
        told = status if status is not None and status >= 400 else _BY_CODE.get(code)
        return Answer(None if told in (404, 405) else told, message)
    listed = "results" in document or "total_records" in document
    return Answer(200) if listed and (status is None or status < 300) else Answer(None)


def key(findings: Findings, _deadline: Deadline) -> Outcome:
    """What Fullstory lets the connection's key do."""
    connection = _connection(findings)
    reconnect = f"`{on_the_account(findings.app, 'connections', 'reconnect', connection.id)}`"
    match findings.status:
        case 200:
            return ok("may read people's data")
        case 401:
            return fail(
                "Fullstory does not accept the key that the connection holds",
                f"Run {reconnect}, with a valid API key of Fullstory.",
            )
        case 403:
            return fail(
                "Fullstory does not let the key read people's data",
                "Ask an admin of Fullstory for an API key with the role Admin or Architect, then "
                f"run {reconnect}.",
            )
        case 429:
            return warn("Fullstory is busy, and asks to wait", "Run it again in a minute.")
        case _:
            return skip("it needs requests")


def _connection(findings: Findings) -> Connection:
    assert findings.connection is not None  # the check before, which this one needs
    return findings.connection
