"""The names that completion offers: kept when a command learns them, asked for when they are old.

Whoever presses TAB waits, and has not said that anything may happen. So nothing here asks a
person, runs a program (``token_command`` may open a password manager), writes a message, or waits
for the network longer than a second; and with an answer that did not come, the last one stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..settings import env
from ..settings.names import (
    FRESH_SECONDS,
    OF_A_SCOPE,
    Kind,
    Name,
    account_named,
    encoded,
    file_of,
    keep,
    kept,
    scope,
)

if TYPE_CHECKING:
    from ..membrane.gateway import Action, Connection
    from ..membrane.tokens import TokenSource
    from .app import App

PATIENCE: Final = 1.0  # seconds for the service
AGAIN_AFTER: Final = 300.0  # seconds until it is asked again after it did not answer


# -- learning


def learn_profiles(app: App) -> None:
    """The profiles have changed: so may the account have that others' names are of."""
    _keep(app, "profiles", lambda: _profiles(app))


def learn_connections(app: App, connections: Iterable[Connection]) -> None:
    """All connections were listed."""
    _keep(app, "connections", lambda: _of_connections(connections))


def learn_actions(app: App, actions: Iterable[Action]) -> None:
    """All actions of the connection in use were listed."""
    _keep(app, "actions", lambda: _of_actions(actions))


def forget_names(app: App) -> None:
    """Somebody else may be logged in now, or what there was is gone."""
    from ..settings.names import forget

    with suppress(Exception):
        forget(app.directory("cache"))


def _keep(app: App, kind: Kind, names: Callable[[], list[Name]]) -> None:
    """Keep them where the shell will look. What a command is for never depends on it."""
    with suppress(Exception):
        if app.flags.get("mask") or (kind in OF_A_SCOPE and not _plain_scope(app)):
            return
        file = file_of(app.directory("cache"), kind, scope(app.flags, app.world.environ))
        if file is not None:
            until = app.unix_time() + FRESH_SECONDS
            of, named = _account(app, kind)
            keep(file, encoded(names(), until=until, of=of, named=named))


def _plain_scope(app: App) -> bool:
    """Whether a shell would take the account for the one it is.

    It knows neither what a project file names nor what a transport makes of a profile.
    """
    if scope(app.flags, app.world.environ) == "sandbox":
        return True
    _, keys = app.settings.profile()
    asked = app.flags.get("profile") or app.world.environ.get(env.PROFILE)
    by_project = not asked and "profile" in app.settings.project().values
    return not by_project and app.in_sandbox == (keys.get("transport") == "sandbox")


def _account(app: App, kind: Kind) -> tuple[str, str]:
    """What the names are of, and what the environment says of it, which a shell can compare.

    The default of yesterday may be another profile today, or have another token.
    """
    if kind not in OF_A_SCOPE:
        return "", ""
    named = account_named(scope(app.flags, app.world.environ), app.world.environ)
    tokens = None if app.in_sandbox else _tokens(app)
    parts = (app.settings.profile()[0], tokens.account if tokens else None)
    return " ".join(part for part in parts if part), named


# -- refreshing


def refreshed(app: App, kind: Kind) -> str:
    """The names of that kind as the text of their file, which is written anew. Never raises."""
    app.world = replace(app.world, stderr=None)  # the prompt that is being typed stands there
    app.flags["no_input"] = True
    try:
        return _refreshed(app, kind)
    except Exception:  # a broken profile, a sandbox that cannot be opened: TAB is silent
        return encoded((), until=0, of="")


def _refreshed(app: App, kind: Kind) -> str:
    file = file_of(app.directory("cache"), kind, scope(app.flags, app.world.environ))
    of, named = _account(app, kind)
    names = _asked(app, kind)
    now = app.unix_time()
    if names is None:
        old = kept(file, of=of, named=named) if file is not None else []
        text = encoded(old, until=now + AGAIN_AFTER, of=of, named=named)
    else:
        text = encoded(names, until=now + FRESH_SECONDS, of=of, named=named)
    if file is not None:
        with suppress(OSError):
            keep(file, text)
    return text


def _within(seconds: float, question: Callable[[], list[Name] | None]) -> list[Name] | None:
    """The answer; None where it failed or takes longer.

    In a thread that is left behind: looking up a host's name cannot be interrupted.
    """
    from threading import Thread

    answers: list[list[Name] | None] = []

    def ask() -> None:
        with suppress(Exception):
            answers.append(question())

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return answers[0] if answers else None


def _asked(app: App, kind: Kind) -> list[Name] | None:
    match kind:
        case "profiles":
            return _profiles(app)
        case "topics":
            return _topics()
        case _ if app.in_sandbox:
            return _of_the_service(app, kind)
        case _ if app.transport.value != "cli" and _tokens(app) is not None:
            return _within(PATIENCE, lambda: _of_the_service(app, kind))
        case _:
            return None


def _tokens(app: App) -> TokenSource | None:
    """Where a token comes from without running a program for it."""
    from ..membrane.tokens import find_token_source
    from .roads import environ

    state = app.directory("state")
    return find_token_source(environ(app), None, None, state, app.unix_time)


def _of_the_service(app: App, kind: Kind) -> list[Name]:
    from ..membrane.gateway import Deadline

    deadline = Deadline.after(PATIENCE)
    if kind == "connections":
        return _of_connections(app.gateway.connections(deadline=deadline))
    setting = app.connection_setting
    connection = app.catalogue.connection_id(setting.value if setting else None, deadline=deadline)
    return _of_actions(app.catalogue.actions(connection, deadline=deadline))


# -- what a shell is told


def _profiles(app: App) -> list[Name]:
    from ..settings.profiles import load

    there = load(app.directory("config"))
    return [
        Name(name, _settings(profile) + (" (in use)" if name == there.active else ""))
        for name, profile in there.profiles.items()
    ]


def _settings(profile: object) -> str:
    keys = profile if isinstance(profile, dict) else {}
    told = [str(keys[key]) for key in ("transport", "connection", "tenant") if key in keys]
    return ", ".join(told)


def _of_connections(connections: Iterable[Connection]) -> list[Name]:
    from ..membrane.connecting import state_in_words

    return [
        Name(each.id, f"{each.name} ({state_in_words(each)})")
        for each in connections
        if each.is_fullstory and not each.archived
    ]


def _of_actions(actions: Iterable[Action]) -> list[Name]:
    return [Name(each.key or each.id, each.name or each.description or "") for each in actions]


def _topics() -> list[Name]:
    from .help import topics

    pages: Sequence[tuple[str, str]] = [
        (name, page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# "))
        for name, page in topics().items()
    ]
    return [Name(name, title) for name, title in pages]
