"""``fsctl sessions events``, ``open`` and ``summary``: what one session holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from ..errors import Refused, Usage
from ..terminal.columns import Column
from .app import App
from .moments import span
from .numbers import Number
from .options import Command, heading, pass_app
from .results import Drawn, One, Rows
from .sessions import replay_address, replay_of
from .who import reading_options

if TYPE_CHECKING:
    from ..fullstory.people import Reading

Event = Mapping[str, Any]

EVENT_COLUMNS = (
    Column("event_time", "TIME", kind="time", importance=8),
    Column("event_type", "TYPE", importance=9, never_cut=True),
    Column("source_properties.url.path", "PAGE", importance=7),
    Column("event_properties", "DETAILS", kind="json", importance=6),
)
OPEN_COLUMNS = (Column("url", kind="url"), Column("opened", kind="bool"))
SUMMARY_COLUMNS = (Column("summary"), Column("response", kind="json"))
_PAGE = 500  # events written at a time: a session may have a hundred thousand


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox sessions events ada@example.com --errors",
        "fsctl --sandbox sessions events 5517947882585495975:366916161176979767 --type click",
        "fsctl --sandbox sessions events ada --url-contains checkout --limit 5 --jq .event_type",
    ),
)
@click.argument("session", metavar="SESSION")
@heading("Whose session")
@reading_options("SESSION", of=" of a person")
@heading("Which events")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only this type; repeatable.")
@click.option("--errors", is_flag=True, help="Only errors, and rage, dead and error clicks.")
@click.option("--since", metavar="TIME", help="Only events at that time or later.")
@click.option("--until", metavar="TIME", help="Only events at that time or before.")
@click.option("--url-contains", metavar="TEXT", help="Only events on pages with this in their URL.")
@click.option("--limit", type=Number(1), metavar="N", help="Stop after N events.")
@pass_app
def events(
    app: App,
    session: str,
    reading: Reading | None,
    types: tuple[str, ...],
    errors: bool,
    since: str | None,
    until: str | None,
    url_contains: str | None,
    limit: int | None,
) -> Rows:
    """List the events of SESSION, in Fullstory's own words and order.

    SESSION is any form of a session's id or replay URL, or a person, whose newest session it is
    then. Fullstory gives a session whole; the options pick from it. An event counts if it fits all
    of them; --type and --errors add to each other.
    """
    from ..fullstory import sessions

    begin, end = span(app, since, until)
    app.check_output()
    identifier = sessions.resolve(app.caller, session, note=app.messages.note, reading=reading)
    found = sessions.events(app.caller, identifier)
    wanted = sessions.picked(
        found, types=types, errors=errors, since=begin, until=end, url_contains=url_contains
    )
    return Rows(_paged(app, found, islice(wanted, limit), types), EVENT_COLUMNS)


def _paged(
    app: App, found: Sequence[Event], wanted: Iterator[Event], types: Sequence[str]
) -> Iterator[list[Event]]:
    """Pages of what was picked; where that is nothing, a note on what there is."""
    page = list(islice(wanted, _PAGE))
    if not page and found:
        from collections import Counter

        counts = Counter(str(event.get("event_type")) for event in found)
        told = ", ".join(f"{kind} ({count:,})" for kind, count in counts.most_common(15))
        app.messages.note(f"No event fits; the session has {told}.")
    while page:
        yield page
        page = list(islice(wanted, _PAGE))


@click.command(
    "open",
    cls=Command,
    examples=(
        "fsctl --sandbox sessions open ada@example.com",
        "fsctl --sandbox sessions open 5517947882585495975:366916161176979767",
    ),
)
@click.argument("session", metavar="SESSION")
@reading_options("SESSION", of=" of a person")
@pass_app
def open_(app: App, session: str, reading: Reading | None) -> Drawn | One | None:
    """Open the replay of SESSION in the browser; without a display, print its URL.

    SESSION is any form of a session's id or replay URL, or a person, whose newest session it is
    then. The URL is made anew from the ids: nothing but a replay in Fullstory's app is ever opened.
    An id alone needs org (and, for Europe, region = "eu1") in the profile. In the sandbox, and with
    --dry-run, the URL is only printed.
    """
    from ..fullstory.ids import parse_reference

    app.check_output()
    reference = None if reading else parse_reference(session)
    if reference is None:
        return open_newest(app, session, reading)
    return _show(app, replay_address(app, reference))


def open_newest(
    app: App, who: str, reading: Reading | None, *, by_id: str = "--id"
) -> Drawn | One | None:
    """Open the newest session of the one person whom ``who`` means."""
    from ..fullstory import sessions
    from ..fullstory.ids import REPLAY_HOSTS, parse_reference

    newest = sessions.newest_of(
        app.caller, who, note=app.messages.note, reading=reading, by_id=by_id
    )
    if newest.url is None:
        return _show(app, replay_of(app, newest))
    try:
        told = parse_reference(newest.url)
    except Usage:
        told = None
    if told is None or told.id != newest.id:
        raise Refused(
            f"Fullstory's address of the session is none that is opened: {newest.url[:200]!a}.",
            hint=f"Opened are replays on {', '.join(sorted(REPLAY_HOSTS))}; "
            "`fsctl sessions latest WHO --url` prints whatever Fullstory gave.",
            code="not_a_replay",
        )
    return _show(app, replay_address(app, told))


def _show(app: App, url: str) -> Drawn | One | None:
    from ..terminal import browser

    world = app.world
    opened = False
    if not app.in_sandbox and not app.dry_run and browser.can_show(world):
        from pathlib import Path

        opened = browser.show(url, world.environ, Path.cwd())
        if opened:
            app.messages.note(f"Opened {url}")
        else:
            app.messages.warn("no browser could be started; here is the URL.")
    if app.data_asked:
        return One({"url": url, "opened": opened}, OPEN_COLUMNS)
    if opened:
        return None
    return Drawn([f"{url if app.masker is None else app.masker.url(url)}\n"])


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox sessions summary ada@example.com",
        "fsctl --sandbox sessions summary 5517947882585495975:366916161176979767 --jq .summary",
    ),
)
@click.argument("session", metavar="SESSION")
@reading_options("SESSION", of=" of a person")
@click.option("--summary-profile", metavar="ID", help="Summarise as this summary profile says.")
@pass_app
def summary(app: App, session: str, reading: Reading | None, summary_profile: str | None) -> One:
    """Show Fullstory's own summary of SESSION, written by its language model.

    SESSION is any form of a session's id or replay URL, or a person, whose newest session it is
    then. Summaries are part of the plans Enterprise and Advanced, which have a monthly number of
    them: --dry-run shows the request and spends none.
    """
    from ..fullstory import sessions

    if summary_profile == "":
        raise Usage("--summary-profile is empty.", hint="Give the profile's id, or leave it out.")
    app.check_output()
    identifier = sessions.resolve(app.caller, session, note=app.messages.note, reading=reading)
    call = sessions.summary_call(identifier, summary_profile)
    if app.dry_run:
        return One(app.plan(call))
    _learn_whose(app, session, reading)
    return One(sessions.summary(app.caller, call), SUMMARY_COLUMNS)


def _learn_whose(app: App, session: str, reading: Reading | None) -> None:
    """With ``--mask``, have the names that the text may hold known, as far as they can be."""
    from ..fullstory import ids, sessions

    if app.masker is None:
        return
    if reading is None and ids.parse_session(session) is not None:
        app.messages.warn(
            "the summary is free text, and whose session it is was not said: read it before "
            "passing it on, or name the person."
        )
    else:
        person = sessions.the_person(app.caller, session, reading=reading)
        app.masker.learn_person(person)
