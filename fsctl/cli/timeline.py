"""``fsctl sessions timeline``: the story of one session, on the screen, as a page or as data."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from ..errors import Usage
from ..terminal.columns import Column
from .app import App
from .options import Command, pass_app
from .results import Drawn, One, Result, Rows
from .sessions import replay_address, replay_if_known
from .who import reading_options

if TYPE_CHECKING:
    from ..fullstory.ids import SessionId
    from ..fullstory.masked import Mask
    from ..fullstory.people import Reading
    from ..fullstory.story import Step, Story, Who
    from ..terminal.world import World

# Of a step as a row, in the formats that hold rows.
COLUMNS = (
    Column("at", kind="number", importance=7),
    Column("time", kind="time", importance=6),
    Column("type", importance=9),
    Column("text", importance=8),
    Column("selector", importance=2),
    Column("url", kind="url", importance=3),
    Column("properties", kind="json", importance=1),
)
_ROW_FORMATS = ("jsonl", "csv", "tsv", "markdown")


@click.command(
    "timeline",
    cls=Command,
    examples=(
        "fsctl --sandbox sessions timeline ada@example.com",
        "fsctl --sandbox sessions timeline 5517947882585495975:366916161176979767 --errors",
        "fsctl --sandbox sessions timeline ada --html --to ada.html",
    ),
)
@click.argument("session", metavar="SESSION")
@reading_options("SESSION", of=" of a person")
@click.option(
    "--type", "types", multiple=True, metavar="TYPE", help="Only steps of this type (repeatable)."
)
@click.option("--errors", is_flag=True, help="Only errors and signs of frustration.")
@click.option("--html", "as_page", is_flag=True, help="Make one page to attach to a ticket.")
@click.option("--to", metavar="FILE", help="Write the page to this new file, for you alone.")
@click.option("--force", is_flag=True, help="Let --to replace a file.")
@pass_app
def timeline(
    app: App,
    session: str,
    reading: Reading | None,
    types: tuple[str, ...],
    errors: bool,
    as_page: bool,
    to: str | None,
    force: bool,
) -> Result | None:
    """Show what happened in SESSION, step by step.

    SESSION is any form of a session's id or replay URL, or a person, whose newest session it is
    then. On top stands a summary, and how dense the steps are over time; every step has its time
    since the start and stands below the page it happened on. Errors are marked ✗, signs of
    frustration (rage, dead and error clicks, thrashing) with !.

    -o json gives the whole story as one object, -o jsonl and csv its steps, one a row.
    """
    from ..fullstory import sessions, story

    target = _target(app, as_page, to, force)
    app.check_output()
    meant = _meant(app, session, reading)
    told = story.tell(
        sessions.events(app.caller, meant.id),
        session=meant.id.text,
        who=meant.who,
        replay=meant.replay,
        mask=_mask(app, meant.who),
    )
    for name in types:
        if name not in told.kinds:
            app.messages.warn(f"the session has no step of the type {name!a}.")
    wanted = _wanted(types, errors)
    if as_page:
        return _page(app, told, wanted, target, force)
    if app.renders_table and not app.flags.get("fields"):
        from ..terminal.timeline import draw

        return Drawn(draw(told, _world(app), wanted=wanted))
    return _data(app, told, wanted)


class _Meant(NamedTuple):
    """The session that was asked for, and what was learned of it on the way."""

    id: SessionId
    who: Who | None = None
    replay: str = ""


def _meant(app: App, text: str, reading: Reading | None) -> _Meant:
    from ..fullstory import ids, sessions
    from ..fullstory.story import Who

    reference = None if reading else ids.parse_reference(text)
    if reference is not None:
        with suppress(Usage):  # nobody told the organisation, so there is no address to show
            return _Meant(reference.id, replay=replay_address(app, reference))
        return _Meant(reference.id)
    person = sessions.the_person(app.caller, text, reading=reading)
    newest = sessions.newest(app.caller, person)
    if newest is None:
        raise sessions.none_of(text)
    app.messages.note(f"The newest session of {text!a} is {newest.id.text}.")
    return _Meant(newest.id, Who.of(person), replay_if_known(app, newest) or "")


def _mask(app: App, who: Who | None) -> Mask | None:
    """What makes tokens of people's data, where that is asked for; it knows the person's own."""
    masker = app.masker
    if masker is None:
        return None
    if who is not None:
        masker.learn_person({"display_name": who.name, "email": who.email, "uid": who.uid})
    return masker.text


def _target(app: App, as_page: bool, to: str | None, force: bool) -> Path | None:
    """Where the page goes; None for stdout, or where there is none."""
    if not as_page:
        if to is not None or force:
            raise Usage("--to and --force go with --html.", hint="Add --html.")
        return None
    for name in ("output", "jq", "fields"):
        if app.flags.get(name) is not None:
            raise Usage(f"--html and --{name} exclude each other.", hint="Leave out one of them.")
    if to is None:
        if force:
            raise Usage("--force goes with --to.", hint="Leave it out.")
        if app.world.stdout_is_terminal:
            raise Usage("A page is for a file, not for the terminal.", hint="Add --to FILE.")
        return None
    from ..settings.files import check_target
    from ..settings.paths import given_path

    path = given_path(to)
    check_target(path, force=force)
    return path


def _wanted(types: tuple[str, ...], errors: bool) -> Callable[[Step], bool] | None:
    """Which steps are shown; None for all."""
    if not types and not errors:
        return None

    def wanted(step: Step) -> bool:
        return step.kind in types or (errors and step.is_signal)

    return wanted


def _world(app: App) -> World:
    from dataclasses import replace

    return replace(app.world, timezone=app.time_zone)


def _page(
    app: App,
    told: Story,
    wanted: Callable[[Step], bool] | None,
    target: Path | None,
    force: bool,
) -> Drawn | None:
    from ..terminal.page import write

    pieces = write(told, _world(app), wanted=wanted)
    if target is None:
        return Drawn(pieces)
    from ..settings.files import new_file

    size = 0
    with new_file(target, force=force) as stream:
        for piece in pieces:
            size += stream.write(piece.encode("utf-8"))
    app.messages.note(f"Wrote {size:,} bytes to {target}.")
    return None


def _data(app: App, told: Story, wanted: Callable[[Step], bool] | None) -> One | Rows | Drawn:
    from ..fullstory import story_data
    from ..settings import env

    output = app.settings.text("output", env.OUTPUT)
    form = output.value if output else "json"
    if form in _ROW_FORMATS:
        return Rows(story_data.as_rows(told, wanted), COLUMNS, masked=True)
    picked = app.flags.get("jq") is not None or app.fields is not None
    if picked or form != "json":
        return One(story_data.as_data(told, wanted), masked=True)
    from ..terminal.long_object import pieces

    steps = story_data.as_rows(told, wanted)
    ci = app.world.under_ci
    return Drawn(pieces(story_data.summary(told), story_data.STEPS, steps, ci=ci))
