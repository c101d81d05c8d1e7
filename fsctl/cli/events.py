"""``fsctl events``: what happened outside the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..terminal.columns import Column
from .app import App
from .moments import moment
from .options import Command, LazyGroup, heading, pass_app
from .properties import given, property_options
from .results import One
from .who import READINGS, the_person

if TYPE_CHECKING:
    from ..fullstory.events import Owner
    from ..fullstory.people import Reading

COLUMNS = (
    Column("name"),
    Column("timestamp", "AT", kind="time"),
    Column("user", kind="json"),
    Column("session", kind="json"),
    Column("properties", kind="json"),
)


MEMBERS = {
    "create": (".events:create", "Create an event for a user or in a session."),
    "import": (".events_import:import_", "Import events from JSONL, JSON, CSV or TSV files."),
    "imports": (".imports:events_imports", "List imports that are running, or were cut off."),
    "job": (".jobs:events_job", "Show what became of a batch job, by its id."),
}


@click.group(
    "events",
    cls=LazyGroup,
    members=MEMBERS,
    examples=(
        "fsctl --sandbox events create 'Support Ticket' --user ada -p ticket=FH-1042",
        "fsctl --sandbox events import events.csv --check",
    ),
)
def group() -> None:
    """Tell Fullstory what happened outside the browser.

    Server events stand beside what visitors do: a ticket, a payment, a refund.
    """


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox events create 'Support Ticket' --user ada -p ticket=FH-1042",
        "fsctl --sandbox events create 'Refund Issued' --session grace -p amount:real=49.5",
        "fsctl --sandbox events create 'Order Shipped' --user grace --most-recent-session --at -5m",
    ),
)
@click.argument("name")
@heading("Whose event it is")
@click.option("--user", "who", metavar="WHO", help="Whose event it is: an id, a uid or an e-mail.")
@click.option(
    "--most-recent-session",
    is_flag=True,
    help="Put it in the user's newest session if active in the last 30 minutes; else in none.",
)
@click.option("--by", "reading", type=READINGS, help="What WHO is, where it could be several.")
@click.option(
    "--session",
    "session",
    metavar="SESSION",
    help="The session it belongs to: an id, a replay URL, or a WHO for the newest one.",
)
@click.option("--anonymous", is_flag=True, help="Make a new anonymous person for it.")
@heading("What happened")
@click.option("--at", metavar="TIME", help="When it happened, such as -5m (default: now).")
@property_options
@heading("Where it happened")
@click.option("--context-url", metavar="URL", help="The page it is about.")
@click.option("--context-user-agent", metavar="TEXT", help="The browser it is about.")
@click.option("--context-referrer", metavar="URL", help="Where the visitor came from.")
@click.option(
    "--context",
    metavar="JSON|@FILE|-",
    help="All of the context: browser, mobile, device, location.",
)
@pass_app
def create(
    app: App,
    name: str,
    who: str | None,
    most_recent_session: bool,
    reading: Reading | None,
    session: str | None,
    anonymous: bool,
    at: str | None,
    assignments: tuple[str, ...],
    document: str | None,
    declarations: tuple[str, ...],
    context: str | None,
    **browser: str | None,
) -> One:
    """Create the event NAME for exactly one of --user, --session and --anonymous.

    It is sent once: with an Idempotency-Key where the road carries one, and else never again after
    it may have arrived. Fullstory gives an event no id.
    """
    from ..fullstory import events, people

    events.check_one_owner(
        user=who is not None,
        session=session is not None,
        anonymous=anonymous,
        most_recent=most_recent_session,
    )
    if who is not None:
        people.readings_of(who, reading)
    happened = moment(app, at, "--at") or app.world.now()
    properties = given(app, assignments, document, declarations)
    surroundings = _context(app, context, browser)
    events.create(name, events.Owner(), at=happened, given=properties, context=surroundings)
    app.check_output()
    owner = _owner(app, who, reading, session, most_recent_session)
    call = events.create(name, owner, at=happened, given=properties, context=surroundings)
    if app.dry_run:
        return One(app.plan(call))
    app.caller.call(call)
    if most_recent_session:
        app.messages.note(
            "Whether a session took the event is not told: one that was active in the last 30 "
            "minutes did, and without one it is stored for the user alone. --session WHO names the "
            "newest session, however old."
        )
    return One(call.values, COLUMNS)


def _owner(
    app: App, who: str | None, reading: Reading | None, session: str | None, most_recent: bool
) -> Owner:
    """Whose event it is; a user goes by id, because a uid that is unknown would make a new one."""
    from ..fullstory import sessions
    from ..fullstory.events import Owner

    if who is not None:
        person = the_person(app, who, reading)
        return Owner(user_id=str(person["id"]), most_recent_session=most_recent)
    if session is not None:
        found = sessions.resolve(
            app.caller, session, note=app.messages.note, reading=reading, by_id="--by id"
        )
        return Owner(session_id=found.text)
    return Owner(anonymous=True)


def _context(app: App, document: str | None, browser: dict[str, str | None]) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if document is not None:
        from ..fullstory.assignments import read_object
        from .input import read_value

        context = read_object(read_value(app.world, document, "--context"), "--context")
    names = {
        "context_url": "url",
        "context_user_agent": "user_agent",
        "context_referrer": "initial_referrer",
    }
    told = {names[option]: text for option, text in browser.items() if text is not None}
    if told:
        part = context.setdefault("browser", {})
        if isinstance(part, dict):
            part |= told
    return context
