"""What ``fsctl users delete`` remembers of values that it has refused as ambiguous."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import FsctlError
from .app import App

if TYPE_CHECKING:
    from ..bulk.doubts import Doubts
    from ..fullstory.people import Found, Reading


def doubts_of(app: App) -> Doubts:
    """Those about the connection in use. A dry run adds none."""
    from ..bulk.doubts import Doubts

    connection = app.caller.ask_connection(lambda connection, _: connection, "connection")
    return Doubts(app.directory("state"), connection, forgetful=app.dry_run)


def refuse_lost(app: App, who: str, reading: Reading | None) -> None:
    """Raises :class:`Refused` where ``who`` once meant people who are not all there any more."""
    from ..bulk import doubts

    if reading == "id":
        return
    meant = doubts_of(app).about(who)
    if doubts.has_lost_one(app.caller, who, meant):
        raise doubts.lost(who, meant or ())


def remember(app: App, found: Found) -> None:
    """Have ``found.who`` stay refused when one of these people is deleted."""
    ids = frozenset(str(person["id"]) for person in found.people)
    try:
        doubts_of(app).remember({found.who: ids})
    except FsctlError as error:  # it is refused all the same, and that has to be told
        app.messages.warn(f"That it is ambiguous cannot be remembered: {error.message}")
