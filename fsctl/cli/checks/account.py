"""Who we are to Membrane: the token, the login, and the connection to Fullstory.

Names are not told here: those of a tenant, a person or a connection may be somebody's.
"""

from __future__ import annotations

import re

from ...errors import NeedsPerson
from ...membrane.gateway import Connection, Deadline, GatewayError, Trouble
from ...membrane.token_facts import WARN_BEFORE, TokenFacts, in_words, read_facts
from ...membrane.tokens import TokenExpired, moment
from ..app import App
from ..resuming import on_the_account
from .findings import Findings
from .outcome import Outcome, fail, failed, ok, skip, warn

_WORD = re.compile(r"[A-Za-z0-9_.~-]{1,100}")
_ON_ITS_WAY = ("BUILDING", "SETUP_IN_PROGRESS")
_ASKING = ("token_command", "membrane token")  # commands, which may go to the network
_KINDS = {"jwt": "a signed token", "personal": "a personal token", "opaque": "an opaque token"}


def token(findings: Findings, deadline: Deadline) -> Outcome:
    """Where the token comes from, what kind it is, and when it ends: never itself."""
    from ..expiry import environment_facts

    app = findings.app
    if findings.in_sandbox:
        return ok("not needed in the sandbox")
    now = app.unix_time()
    source = app.road.tokens
    if source is None:
        seen = environment_facts(app)
        if seen is None:
            return ok("kept by the membrane command line, and never seen here")
        log_in = on_the_account(app, "login")
        return _lasting(seen, f"Put another into the variable, or run `{log_in}`.", now)
    if findings.offline and source.origin in _ASKING:
        return skip(f"{source.origin} may ask the network, --offline does not")
    try:
        text = source.token(deadline)
    except TokenExpired as error:
        return fail(f"{_told(error.facts)}, which ended {_ago(error.facts, now)}", source.remedy)
    except NeedsPerson as error:
        return failed(error)
    return _lasting(read_facts(text, source.origin, now), source.remedy, now)


def _lasting(facts: TokenFacts, remedy: str, now: float) -> Outcome:
    if facts.expires is None:
        return ok(f"{_told(facts)}, which does not tell when it ends")
    if facts.expires <= now:
        return fail(f"{_told(facts)}, which ended {_ago(facts, now)}", remedy)
    left = f"{_told(facts)}, good for {in_words(facts.expires - now)}"
    if facts.ends_within(WARN_BEFORE, now):
        return warn(f"{left}, until {moment(facts.expires)}", remedy)
    return ok(f"{left}; another is made then" if facts.renews else left)


def _told(facts: TokenFacts) -> str:
    return f"{_KINDS[facts.kind]} from {facts.origin}"


def _ago(facts: TokenFacts, now: float) -> str:
    return f"{in_words(now - (facts.expires or now))} ago"


def login(findings: Findings, deadline: Deadline) -> Outcome:
    """Does Membrane accept us?"""
    app = findings.app
    try:
        app.gateway.identity(deadline=deadline)
    except GatewayError as error:
        refused = error.trouble in (Trouble.UNAUTHENTICATED, Trouble.FORBIDDEN)
        source = app.road.tokens
        by_login = source is None or source.origin == "membrane token"
        log_in = f"Run `{on_the_account(app, 'login')}`."
        return failed(error, log_in if refused and by_login else "")
    if findings.in_sandbox:
        return ok("not needed in the sandbox")
    return ok("Membrane accepts it; `fsctl auth status` tells who it is")


def connection(findings: Findings, deadline: Deadline) -> Outcome:
    """Which connection is used, why, and whether it can be."""
    app = findings.app
    setting = app.connection_setting
    wanted = setting.value if setting else None
    found = _find(app, wanted, deadline)
    if isinstance(found, Outcome):
        return found
    findings.connection = found
    why = f"named by {setting.origin}" if setting else "the one for Fullstory"
    return _state(app, found, why)


def _find(app: App, wanted: str | None, deadline: Deadline) -> Connection | Outcome:
    """The connection that commands would use (``membrane.catalogue``), in whatever state."""
    if wanted is not None:
        from ...membrane.paths import check_selector

        check_selector(wanted, "The connection")
        try:
            return app.gateway.connection(wanted, deadline=deadline)
        except GatewayError as error:
            if error.trouble is not Trouble.NOT_FOUND:
                raise
    every = list(app.gateway.connections(deadline=deadline))
    if wanted is not None:
        named = [each for each in every if each.name.casefold() == wanted.casefold()]
        exactly = [each for each in named if each.name == wanted]
        absent = fail("there is none with the id, key or name that is set", f"{_choose(app)}.")
        return _one_of(app, exactly or named, absent)
    fit = [each for each in every if each.is_fullstory and not each.test]
    usable = [each for each in fit if each.usable]
    create = on_the_account(app, "connections", "create")
    absent = fail("there is none for Fullstory", f"Run `{create}`.")
    return _one_of(app, usable or fit, absent)


def _one_of(app: App, found: list[Connection], absent: Outcome) -> Connection | Outcome:
    if not found:
        return absent
    if len(found) == 1:
        return found[0]
    ids = ", ".join(each.id for each in found[:5]) + (" and more" if found[5:] else "")
    return fail(f"{len(found)} connections would do: {ids}", f"{_choose(app)}.")


def _state(app: App, found: Connection, why: str) -> Outcome:
    told = f"{found.id}, {why}"
    if found.usable and not found.archived:
        if not found.is_fullstory:
            return warn(
                f"{told}: ready, but nothing about it says Fullstory",
                f"{_choose(app)}, if it is not.",
            )
        return ok(f"{told}: ready{', a test connection' if found.test else ''}")
    state = "archived" if found.archived else found.state or "disconnected"
    state = "disconnected" if state == "READY" else state
    reason = found.error or (found.client_action or {}).get("description")
    told = f"{told}: {state}" + (f", {reason}" if reason else "")
    if not _WORD.fullmatch(found.id) or found.archived:
        return fail(told, f"{_choose(app)}.")
    verb = "wait" if state in _ON_ITS_WAY else "reconnect"
    return fail(told, f"Run `{on_the_account(app, 'connections', verb, found.id)}`.")


def _choose(app: App) -> str:
    return f"Choose one with `{on_the_account(app, 'connections', 'use')}`"
