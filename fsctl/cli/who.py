"""The one person whom a WHO means, for commands that write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import NeedsPerson
from .flags import Flag, one_of

if TYPE_CHECKING:
    from ..fullstory.people import Person, Reading
    from .app import App

READINGS = click.Choice(("id", "uid", "email"))
_READINGS_TOLD = {"id": "a Fullstory id", "uid": "a uid (your own id)", "email": "an e-mail"}


def reading_options(
    what: str = "WHO", *, of: str = "", by_id: str = "--id"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--id``, ``--uid`` and ``--email``, which say as what ``what`` is to be read.

    ``of`` ends their help; ``by_id`` is for a command whose ``--id`` means something else. The
    command gets ``reading``; two of them are refused.
    """
    return one_of(
        "reading",
        [
            Flag(by_id if reading == "id" else f"--{reading}", reading, f"{what} is {told}{of}.")
            for reading, told in _READINGS_TOLD.items()
        ],
    )


def the_person(app: App, who: str, reading: Reading | None) -> Person:
    """Whom ``who`` means; with --dry-run and nobody to ask, somebody in their place."""
    from ..fullstory.whom import the_one

    try:
        return the_one(app.caller, who, reading=reading, by_id="--by id")
    except NeedsPerson as error:
        if not app.dry_run:
            raise
        return in_place_of(app, who, reading, error)


def in_place_of(app: App, who: str, reading: Reading | None, error: NeedsPerson) -> Person:
    """A person for a plan that cannot be looked up: an id is taken as it is."""
    from ..fullstory.ids import can_be_fullstory_id

    if reading in (None, "id") and can_be_fullstory_id(who):
        app.messages.note(f"{error.message} {who} is taken for a Fullstory id.")
        return {"id": who}
    app.messages.note(f"{error.message} ID stands for the Fullstory id of {who!a}.")
    return {"id": "ID"}
