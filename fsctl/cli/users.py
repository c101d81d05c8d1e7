"""``fsctl users``: the people Fullstory knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from ..errors import FsctlError
from ..terminal.columns import Column
from .app import App
from .from_file import from_file_options, names
from .numbers import Number
from .options import Command, LazyGroup, pass_app
from .results import One, Rows
from .user_filters import filter_options, given
from .who import reading_options

if TYPE_CHECKING:
    from ..fullstory.people import Person, Reading

COLUMNS = (
    Column("id", kind="id", importance=9, link="app_url"),
    Column("uid", kind="id", importance=7),
    Column("display_name", "NAME", importance=6),
    Column("email", importance=8),
    Column("is_being_deleted", "DELETING", kind="bool", importance=2),
    Column("properties", kind="pairs", importance=3),
    Column("app_url", "URL", kind="url", importance=1),
)
# With --include-schema; of one person the schema is a block of its own.
TYPES = (
    Column("schema.properties", "TYPES", kind="pairs", importance=3),
    Column("type_conflicts.properties", "CONFLICTS", kind="pairs", importance=2),
)


MEMBERS = {
    "find": (".users_find:find", "Look for somebody by id, uid, e-mail or name."),
    "get": (".users:get", "Show who WHO is: a Fullstory id, a uid or an e-mail."),
    "list": (".users:list_", "List people, all of them unless --limit says otherwise."),
    "create": (".users_write:create", "Create a person, or update the one with that uid."),
    "update": (".users_write:update", "Change what Fullstory knows of a person."),
    "delete": (".users_delete:delete", "Erase a person with all sessions and events, for good."),
    "export": (".users_export:export", "Write people to a file that an import reads."),
    "import": (".users_import:import_", "Import people from JSONL, JSON, CSV or TSV files."),
    "imports": (".imports:users_imports", "List imports that are running, or were cut off."),
    "job": (".jobs:users_job", "Show what became of a batch job, by its id."),
}


@click.group(
    "users",
    cls=LazyGroup,
    members=MEMBERS,
    examples=(
        "fsctl --sandbox users find ada@example.com",
        "fsctl --sandbox users list --limit 5 -o csv",
    ),
)
def group() -> None:
    """Find, change and erase the people Fullstory knows."""


@click.command(
    "get",
    cls=Command,
    examples=(
        "fsctl --sandbox users get ada@example.com",
        "fsctl --sandbox users get --uid ada --fields id,properties",
        "fsctl --sandbox users get ada ada@example.com --jq .email",
        "echo ada | fsctl --sandbox users get --from-file - --fields id,uid -o csv",
    ),
)
@click.argument("who", nargs=-1, metavar="[WHO]...")
@reading_options()
@from_file_options
@click.option("--include-schema", is_flag=True, help="Show the properties' types too.")
@pass_app
def get(
    app: App,
    who: tuple[str, ...],
    reading: Reading | None,
    source: str | None,
    column: str | None,
    include_schema: bool,
) -> One | Rows:
    """Show who WHO is: a Fullstory id, a uid or an e-mail.

    Only exact matches count. Where one WHO means several people, all are shown and the exit code
    is 1; where it means nobody, it is 3.
    """
    from ..fullstory import people
    from ..fullstory.whom import nobody, several

    wanted = names(app, who, reading, source, column)
    app.check_output()
    failures: list[FsctlError] = []

    def each() -> Iterator[Person]:
        for name in wanted:
            found = people.find(app.caller, name, reading=reading, include_schema=include_schema)
            if len(found.people) != 1:
                failures.append(several(found) if found.people else nobody(found))
            yield from found.people

    columns = (*COLUMNS, *TYPES) if include_schema else COLUMNS
    if len(wanted) > 1 or source is not None:
        return Rows(each(), columns, ending=lambda: _judged(app, failures))
    rows = list(each())
    if len(rows) == 1:
        return One(rows[0], COLUMNS)
    if not rows:
        raise failures[0]
    return Rows(rows, columns, ending=lambda: failures[0])


def _judged(app: App, failures: Sequence[FsctlError]) -> FsctlError | None:
    """The failure of the look-ups, after everyone found has been shown."""
    if not failures:
        return None
    worst, *others = sorted(failures, key=lambda failure: failure.exit_code)
    for failure in others:
        app.messages.warn(failure.message)
    return worst


@click.command(
    "list",
    cls=Command,
    examples=(
        "fsctl --sandbox users list --limit 5",
        "fsctl --sandbox users list --email ada@example.com -o json",
        "fsctl --sandbox users list --identified --fields uid,properties.plan -o csv",
    ),
)
@filter_options
@click.option("--limit", type=Number(1), metavar="N", help="Stop after N people.")
@click.option("--include-schema", is_flag=True, help="Show the properties' types too.")
@pass_app
def list_(app: App, limit: int | None, include_schema: bool, **filters: str | bool | None) -> Rows:
    """List people, all of them unless --limit says otherwise.

    Pages are fetched as they are needed, so the first rows are out before the last are asked for.
    The filters are Fullstory's own; whether they match exactly is up to Fullstory.
    """
    from ..fullstory.people import list_people

    wanted = given(filters)
    app.check_output()
    pages = list_people(app.caller, wanted, include_schema=include_schema)
    return Rows(_first(pages, limit), (*COLUMNS, *TYPES) if include_schema else COLUMNS)


def _first(
    pages: Iterator[Sequence[Mapping[str, Any]]], limit: int | None
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Pages until ``limit`` rows are out; the page after is never asked for."""
    left = limit
    for page in pages:
        if left is None:
            yield page
            continue
        yield list(islice(page, left))
        left -= len(page)
        if left <= 0:
            return
