"""``fsctl segments``: groups of people that are defined in Fullstory."""

from __future__ import annotations

import click

from ..errors import Usage
from ..terminal.columns import Column
from .app import App
from .numbers import Number
from .options import Command, LazyGroup, pass_app
from .results import Rows

COLUMNS = (
    Column("id", kind="id", importance=9),
    Column("name", importance=8),
    Column("creator", importance=4),
    Column("created", kind="time", importance=3),
    Column("url", "URL", kind="url", importance=1),
)


MEMBERS = {
    "list": (".segments:list_", "List the segments that there are."),
    "export": (".segments_export:export", "Bring the people of a segment, or their events."),
}


@click.group(
    "segments",
    cls=LazyGroup,
    members=MEMBERS,
    examples=(
        "fsctl --sandbox segments list",
        "fsctl --sandbox segments export kX2pQ9 --to paying.ndjson",
    ),
)
def group() -> None:
    """See Fullstory's segments, and export their people or events.

    A segment is a saved search for people. It is made in Fullstory itself; `everyone` is there
    always.
    """


@click.command(
    "list",
    cls=Command,
    examples=(
        "fsctl --sandbox segments list",
        "fsctl --sandbox segments list --creator grace@example.com --fields id,name -o csv",
        "fsctl --sandbox segments list --jq .id",
    ),
)
@click.option("--creator", metavar="EMAIL", help="Only those that this Fullstory user made.")
@click.option("--limit", type=Number(1), metavar="N", help="Stop after N segments.")
@pass_app
def list_(app: App, creator: str | None, limit: int | None) -> Rows:
    """List the segments that there are, all of them unless --limit says otherwise."""
    from ..fullstory.segments import list_segments

    app.check_output()
    if creator is not None and not creator.strip():
        raise Usage("--creator is empty.", hint="Leave it out to list all segments.")
    return Rows(list_segments(app.caller, creator=creator, limit=limit), COLUMNS)
