"""``fsctl users create`` and ``fsctl users update``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .app import App
from .options import Command, pass_app
from .properties import given, property_options
from .results import One
from .users import COLUMNS
from .who import READINGS, the_person

if TYPE_CHECKING:
    from ..fullstory.people import Reading


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox users create --uid sam-1 --email sam@example.com --name 'Sam Lee'",
        "fsctl --sandbox users create --uid sam-1 -p plan=paid -p seats:int=5",
        """fsctl --sandbox users create --uid sam-1 --properties '{"company": {"zip": "01234"}}'""",
    ),
)
@click.option("--uid", metavar="UID", help="Your own id of the person; it stays for good.")
@click.option("--email", metavar="EMAIL", help="The e-mail.")
@click.option("--name", "display_name", metavar="NAME", help="The display name.")
@property_options
@pass_app
def create(
    app: App,
    uid: str | None,
    email: str | None,
    display_name: str | None,
    assignments: tuple[str, ...],
    document: str | None,
    declarations: tuple[str, ...],
) -> One:
    """Create a person, or update the one who has that uid already.

    Without --uid every call makes another anonymous person. Someone new is found by get and list
    at once, and in Fullstory's own search only after a first session or event.
    """
    from ..fullstory import people_changes

    call = people_changes.create_user(
        uid=uid,
        email=email,
        display_name=display_name,
        given=given(app, assignments, document, declarations),
    )
    app.check_output()
    if uid is None:
        app.messages.warn(
            "without --uid this makes a new anonymous person, and another one each time it is run."
        )
    if app.dry_run:
        return One(app.plan(call))
    return One(people_changes.changed(call, app.caller.call(call).body), COLUMNS)


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox users update ada -p plan=enterprise -p seats:int=20",
        "fsctl --sandbox users update ada@example.com --name 'Ada King' --dry-run",
        "fsctl --sandbox users update grace --by uid -p company.address.city=Arlington",
    ),
)
@click.argument("who", metavar="WHO")
@click.option("--by", "reading", type=READINGS, help="What WHO is, where it could be several.")
@click.option("--uid", metavar="UID", help="A uid, for a person who has none yet.")
@click.option("--email", metavar="EMAIL", help="The new e-mail.")
@click.option("--name", "display_name", metavar="NAME", help="The new display name.")
@property_options
@pass_app
def update(
    app: App,
    who: str,
    reading: Reading | None,
    uid: str | None,
    email: str | None,
    display_name: str | None,
    assignments: tuple[str, ...],
    document: str | None,
    declarations: tuple[str, ...],
) -> One:
    """Change what Fullstory knows of WHO: a Fullstory id, a uid or an e-mail.

    WHO is looked up first and has to mean one person. Whether properties that are not given stay
    is Fullstory's choice and not documented: look with `users get`.
    """
    from ..fullstory import people, people_changes

    properties = given(app, assignments, document, declarations)
    people.readings_of(who, reading)
    people_changes.check_fields(uid, email, display_name, properties)
    app.check_output()
    person = the_person(app, who, reading)
    call = people_changes.update_user(
        person, uid=uid, email=email, display_name=display_name, given=properties
    )
    if app.dry_run:
        return One(app.plan(call))
    people_changes.check_uid_is_free(app.caller, person, uid)
    return One(people_changes.changed(call, app.caller.call(call).body), COLUMNS)
