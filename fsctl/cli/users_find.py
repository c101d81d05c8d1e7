"""``fsctl users find``: somebody, by whatever a ticket tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ..errors import FsctlError, NotFound
from ..terminal.columns import Column
from .app import App
from .options import Command, pass_app
from .results import Rows
from .sessions import replay_if_known

if TYPE_CHECKING:
    from ..fullstory.finding import Match, Matches
    from ..fullstory.people import Person

COLUMNS = (
    Column("match", importance=9, never_cut=True),
    Column("by", importance=3),
    Column("id", kind="id", importance=8, link="app_url"),
    Column("uid", kind="id", importance=6),
    Column("display_name", "NAME", importance=7),
    Column("email", importance=7),
    Column("is_being_deleted", "DELETING", kind="bool", importance=2),
    Column(
        "newest_session.age",
        "LAST SESSION",
        never_cut=True,
        link="newest_session.url",
        beneath=True,
    ),
    Column("newest_session.url", "REPLAY", kind="url", beneath=True),
)

WHY_MISSING = (
    "A person can be missing because the visitor was never identified (no uid or e-mail was sent), "
    "was not captured (sampling, blocked or declined recording), is too new (indexing takes "
    "minutes, and someone made by the API has no session yet), was deleted, or is spelled "
    "otherwise: try another id, or a part of the name."
)


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox users find ada@example.com",
        "fsctl --sandbox users find 'Ada Lovelace' --no-sessions",
        "fsctl --sandbox users find grace --jq .newest_session.url",
    ),
)
@click.argument("query")
@click.option("--no-sessions", is_flag=True, help="Leave the newest sessions out; it is faster.")
@pass_app
def find(app: App, query: str, no_sessions: bool) -> Rows:
    """Look for QUERY, whatever it is: a Fullstory id, a uid, an e-mail or a name.

    Everyone who is exactly meant comes first, with the newest session; people who are similar
    follow and are marked so. Where nobody is exactly meant the exit code is 3.
    """
    from ..fullstory import finding, people

    people.readings_of(finding.bare(query))
    app.check_output()
    matches = finding.find(app.caller, query, warn=app.messages.warn)
    app.messages.note(f"tried {', '.join(map(str, matches.looks))}.")
    if matches.cut:
        app.messages.warn(
            f"more than {finding.SIMILAR_MOST} people are similar; some are left out."
        )
    failure = _nobody(query, matches) if not matches.exact else None
    if not matches.exact and not matches.similar:
        assert failure is not None
        raise failure
    rows = _rows(app, matches, with_sessions=not no_sessions)
    columns = [c for c in COLUMNS if not (no_sessions and c.key.startswith("newest_session"))]
    return Rows(rows, columns, ending=lambda: failure)


def _nobody(query: str, matches: Matches) -> NotFound:
    from ..fullstory.finding import bare

    if matches.similar:
        count = len(matches.similar)
        people = (
            "1 person who is similar is" if count == 1 else f"{count} people who are similar are"
        )
        return NotFound(
            f"Nobody is exactly {bare(query)!a}; {people} shown.",
            hint="Take one of them by the id, if it is who you mean.",
            code="user_not_found",
        )
    return NotFound(f"Nobody is {bare(query)!a}.", hint=WHY_MISSING, code="user_not_found")


def _rows(app: App, matches: Matches, *, with_sessions: bool) -> Iterator[dict[str, Any]]:
    for match in (*matches.exact, *matches.similar):
        row = _as_row(match)
        if with_sessions:
            row["newest_session"] = _newest(app, match.person)
        yield row


def _as_row(match: Match) -> dict[str, Any]:
    head = {"match": "exact" if match.by else "similar", "by": " ".join(match.by) or None}
    return head | dict(match.person)


def _newest(app: App, person: Person) -> dict[str, Any] | None:
    """The newest session of a person; None where there is none or none can be told."""
    from ..fullstory import sessions
    from ..fullstory.times import to_api

    if not (person.get("uid") or person.get("email")):
        return None
    try:
        session = sessions.newest(app.caller, person)
    except FsctlError as error:  # the person is found all the same
        app.messages.warn(f"the newest session of {person['id']} cannot be told: {error.message}")
        return None
    if session is None:
        return None
    age = None
    if session.created is not None:
        age = f"{sessions.age_of(session.created, app.unix_time())} ago"
    created = to_api(session.created) if session.created else None
    url = replay_if_known(app, session)
    return {"id": session.id.text, "created": created, "age": age, "url": url}
