"""What is kept in an outbox, and whether the connection in use is the one it was made for."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import FsctlError, NeedsPerson, Refused
from ..membrane.gateway import GatewayError
from .app import App

if TYPE_CHECKING:
    from ..bulk.outbox import Entry
    from ..fullstory.types import Call

_SANDBOX = "sandbox"
_LONGEST_ACCOUNT = 500  # characters: of the membrane command line it holds a command


def default_directory(app: App) -> Path:
    """The outbox where no other is named."""
    from ..bulk.outbox import FOLDER

    return app.directory("state") / FOLDER


def warn_if_open(app: App, directory: Path) -> None:
    """Files are trusted by their owner and mode; how far they have come is in their names."""
    from ..bulk.outbox import is_open

    if is_open(directory):
        app.messages.warn(
            f"Every user may rename the files of the outbox {str(directory)!a}, and have one sent "
            "again: `chmod 700` it, if it is yours."
        )


class Kept(NamedTuple):
    """Whether an annotation is new in an outbox, and whether it is known whose it is.

    Where it is not, flushing it takes ``--connection``: see :func:`why_not_here`.
    """

    new: bool
    whose: bool


def keep(
    app: App, call: Call, directory: Path, once: str | None = None, once_dir: Path | None = None
) -> Kept:
    """Keep an annotation that was certainly not sent, unless the same waits there already.

    Nothing is asked of the service for that. An annotation without a start gets this moment, which
    is when it would have been made. ``once`` is what :func:`markers.same` gives, and ``once_dir``
    where that is remembered. Raises :class:`FsctlError` where it cannot be kept.
    """
    from ..bulk import outbox
    from ..fullstory.times import to_api

    now = app.world.now()
    setting = app.connection_setting
    entry = {
        "start_time": to_api(now),
        **call.values,
        "account": _account(app),
        "connection": _connection_at_hand(app),
        "named": setting.value if setting else None,
        "once": once,
        "once_dir": str(once_dir.absolute()) if once and once_dir else None,
    }
    warn_if_open(app, directory)
    whose = any(entry[name] is not None for name in ("account", "connection", "named"))
    if outbox.holds(directory, entry):
        return Kept(False, whose)
    try:
        outbox.keep(directory, entry, now)
    except ValueError as problem:  # a connection's name of a thousand characters, or the like
        raise Refused(f"{problem}.".capitalize(), hint="See what was to be sent.") from None
    return Kept(True, whose)


def why_not_here(app: App, entry: Entry, connection: str | None) -> str | None:
    """Why ``entry`` is not for ``connection``, the id of the one in use; None: it is.

    One that was kept before its connection was known is for the connection of the same name, or
    for the only one of the same account. Raises :class:`NeedsPerson` where neither can be told:
    then somebody has to say by ``--connection`` which one it is for.
    """
    if entry.account == _SANDBOX and not app.in_sandbox:
        return "it was made in the sandbox"
    if app.in_sandbox and entry.account != _SANDBOX:
        return "it was not made in the sandbox"
    if connection is None:
        return "the connection in use is not known"
    setting = app.connection_setting
    if entry.connection or entry.named:
        in_use = (connection, setting.value if setting and not entry.connection else connection)
        wanted = entry.connection or entry.named
        return None if wanted in in_use else f"it is for the connection {wanted}"
    only_one = setting is None and entry.account is not None
    if app.flags.get("connection") or (only_one and entry.account == _account(app)):
        return None
    raise NeedsPerson(
        "It was kept before its connection was known.",
        hint="Say by --connection which one it is for.",
        code="no_connection",
    )


def call_of(entry: Entry, now: datetime) -> Call:
    """The call that makes the annotation, with its original times."""
    from ..fullstory.annotations import create

    return create(
        entry.text,
        now=now,
        start=datetime.fromisoformat(entry.start_time),
        end=datetime.fromisoformat(entry.end_time) if entry.end_time else None,
        source=entry.source,
    )


def _account(app: App) -> str | None:
    if app.in_sandbox:
        return _SANDBOX
    if not _is_known(app):
        return None
    with suppress(FsctlError, GatewayError):
        return app.gateway.account[:_LONGEST_ACCOUNT]
    return None


def _is_known(app: App) -> bool:
    """Whether the account is, without running a command that may be what hangs or fails."""
    return "gateway" in app.__dict__ and getattr(app.road.tokens, "at_hand", True)


def _connection_at_hand(app: App) -> str | None:
    """The id of the connection in use, where it is known without asking anybody."""
    from ..membrane.catalogue import is_id
    from ..membrane.gateway import Deadline

    setting = app.connection_setting
    named = setting.value if setting else None
    if named is not None and is_id(named):
        return named
    if not _is_known(app):
        return None
    at_once = Deadline.after(0, app.working_time)
    with suppress(FsctlError, GatewayError):
        return app.catalogue.connection_id(named, deadline=at_once)
    return None
