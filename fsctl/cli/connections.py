"""``fsctl connections``: the Membrane connections to Fullstory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import FsctlError, NotFound, Usage
from ..terminal.columns import Column
from .app import App
from .connections_create import create, reconnect, wait
from .options import Command, Group, pass_app
from .results import One, Rows

if TYPE_CHECKING:
    from ..membrane.gateway import Connection, Deadline

COLUMNS = (
    Column("name", importance=8),
    Column("state", importance=9, never_cut=True),
    Column("app", importance=3),
    Column("owner", importance=5),
    Column("id", kind="id", importance=9),
    Column("key", kind="id", importance=2),
    Column("error", importance=4),
)
ANY_APP_COLUMNS = COLUMNS[:-2]
LIST_COLUMNS = tuple(column for column in ANY_APP_COLUMNS if column.key != "app")
CONNECTOR_COLUMNS = (Column("name", importance=8), Column("id", kind="id", importance=9))


@click.group(
    "connections",
    cls=Group,
    examples=("fsctl --sandbox connections list", "fsctl --sandbox connections create --wait"),
)
def group() -> None:
    """See, make and mend the connections to Fullstory.

    A Membrane connection holds the credentials for one Fullstory account; they never come here.
    Which one a command uses: --connection, FSCTL_CONNECTION, the profile, or the only one there is.
    """


group.add_command(create)
group.add_command(wait)
group.add_command(reconnect)


@group.command(
    "list",
    cls=Command,
    examples=(
        "fsctl --sandbox connections list",
        "fsctl --sandbox connections list --any-app --jq .id",
    ),
)
@click.option("--any-app", is_flag=True, help="List connections to other apps too.")
@pass_app
def list_(app: App, any_app: bool) -> Rows:
    """List the connections to Fullstory: state, owner, id."""
    from .connecting import all_connections, as_row

    app.check_output()
    found = [each for each in all_connections(app) if any_app or each.is_fullstory]
    return Rows([as_row(each) for each in found], ANY_APP_COLUMNS if any_app else LIST_COLUMNS)


@group.command(
    cls=Command,
    examples=(
        "fsctl --sandbox connections show",
        'fsctl --sandbox connections show "Fullstory (sandbox)" --jq .state',
    ),
)
@click.argument("selector", required=False, metavar="[ID]")
@pass_app
def show(app: App, selector: str | None) -> One:
    """Show the connection ID, or the one that commands use.

    ID is an id, a key or a name.
    """
    from .connecting import as_row, the_connection

    app.check_output()
    if selector is None:
        selector = app.caller.ask_connection(lambda used, _: used, "connection")
    return One(as_row(the_connection(app, selector)), COLUMNS)


@group.command(
    cls=Command,
    examples=(
        "fsctl --sandbox connections use 6920c5a1d3f4e5b6a7c8d901 --dry-run",
        "fsctl profiles create sb --sandbox && "
        'fsctl --profile sb connections use "Fullstory (sandbox)"',
    ),
)
@click.argument("selector", required=False, metavar="[ID]")
@pass_app
def use(app: App, selector: str | None) -> One:
    """Use the connection ID from now on, or the one that is picked.

    ID is an id, a key or a name. The profile in use remembers the connection.
    """
    from . import connecting

    app.check_output()
    profile = connecting.profile_name(app)
    if not connecting.can_remember(app) and not app.dry_run:
        raise _of_the_other_world(app, profile)
    chosen = _picked(app) if selector is None else connecting.the_connection(app, selector)
    if not chosen.usable:
        from ..membrane.catalogue import unready

        problem = unready(chosen)
        app.messages.warn(f"{problem.message} {problem.hint}")
    row = {"profile": profile, "connection": chosen.id, "name": chosen.name}
    if app.dry_run:
        return One({"dry_run": True, **row})
    connecting.remember(app, chosen)
    return One(row)


def _of_the_other_world(app: App, profile: str) -> Usage:
    """The refusal to let a profile name a connection that it could never use."""
    if app.in_sandbox:
        return Usage(
            f"The profile {profile!a} is not the sandbox's, so it names no connection of the "
            "sandbox.",
            hint="Make a profile for it: `fsctl profiles create trial --sandbox`.",
        )
    return Usage(
        f"The profile {profile!a} is the sandbox's, so it names no connection of a real account.",
        hint=f"Make a profile for it: `fsctl profiles create work --transport "
        f"{app.transport.value}`, then add --profile work.",
    )


def _picked(app: App) -> Connection:
    from ..terminal.prompts import can_prompt
    from .connecting import all_connections, pick

    if not can_prompt(app.world, app.flags):
        raise Usage(
            "Nobody can be asked which connection to use.",
            hint="Name it: `fsctl connections use ID`; see `fsctl connections list`.",
            code="no_terminal",
        )
    found = [each for each in all_connections(app) if each.is_fullstory]
    if not found:
        raise NotFound(
            "There is no Fullstory connection in this Membrane tenant.",
            hint="Create one with `fsctl connections create --wait`.",
        )
    return pick(app, found, "Which connection is to be used from now on?")


@group.command(
    cls=Command,
    examples=(
        "fsctl --sandbox connections search fullstory",
        "fsctl --sandbox connections search fullstory --limit 1 --jq .id",
    ),
)
@click.argument("text")
@click.option(
    "--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="At most so many."
)
@pass_app
def search(app: App, text: str, limit: int) -> Rows:
    """Search Membrane's connectors: what can be connected to."""
    app.check_output()
    if not 1 <= len(text.strip()) <= 200:
        raise Usage("A search has 1 to 200 characters.", hint="Use a few words.")

    def question(deadline: Deadline) -> list[dict[str, str]]:
        hits = app.gateway.search_connectors(text, limit=limit, deadline=deadline)
        return [{"id": hit.id, "name": hit.name} for hit in hits]

    return Rows(app.caller.ask(question, "search"), CONNECTOR_COLUMNS)


@group.command(
    cls=Command,
    examples=(
        'fsctl --sandbox connections delete "Fullstory (sandbox)" --dry-run',
        "fsctl --sandbox connections delete 6920c5a1d3f4e5b6a7c8d901 --yes",
    ),
)
@click.argument("selector", metavar="ID")
@pass_app
def delete(app: App, selector: str) -> One:
    """Archive the connection ID, after its id was typed.

    ID is an id, a key or a name. What uses the connection stops working. Membrane keeps an archived
    one and its credentials, and can bring it back; nothing at Fullstory is changed.
    """
    from .connecting import the_connection

    app.check_output()
    if not app.dry_run:
        _check_can_confirm(app)
    there = the_connection(app, selector)
    if there.archived:
        raise NotFound(
            f"The connection {there.name!a} ({there.id}) is archived already.",
            hint="See `fsctl connections list`.",
        )
    _check_can_archive(app)
    if app.dry_run:
        return One({"dry_run": True, "archive": there.id, "name": there.name})
    _confirm(app, there)
    app.caller.change(
        lambda deadline: app.gateway.archive(there.id, deadline=deadline),
        "request to archive it",
        check="See whether `fsctl connections list` still has it.",
    )
    _after(app, there)
    return One({"id": there.id, "name": there.name, "state": "archived"})


def _check_can_confirm(app: App) -> None:
    from ..terminal.confirm import can_ask

    if not app.flags.get("yes") and (app.flags.get("no_input") or not can_ask(app.world)):
        raise Usage(
            "A deletion has to be confirmed, and there is no terminal to ask on.",
            hint="Look with --dry-run, then run it in a terminal or add --yes.",
            code="unconfirmed",
        )


def _check_can_archive(app: App) -> None:
    """Refuse what cannot be done before a person is asked to confirm it."""
    if not app.caller.ask(lambda _: app.gateway.capabilities.archiving, "help of membrane"):
        raise Usage(
            "The installed membrane has no command `connection archive`.",
            hint="Update it (npm install -g @membranehq/cli@latest), or set MEMBRANE_TOKEN.",
            code="unsupported",
        )


def _confirm(app: App, there: Connection) -> None:
    """Show what it is, and have its id typed where --yes was not given."""
    from ..membrane.connecting import state_in_words
    from ..terminal import confirm

    shown = {
        "name": confirm.escaped(there.name),
        "app": confirm.escaped(there.app or "-"),
        "state": state_in_words(there),
        "owner": confirm.escaped(there.owner or "-"),
        "id": confirm.escaped(there.id),
    }
    app.messages.announce("about to archive this connection; what uses it stops working:")
    for label, value in shown.items():
        app.messages.announce(f"  {label:<6} {value}")
    if app.flags.get("yes"):
        return
    question = f"Type {confirm.escaped(there.id)} to archive it:"
    with app.person_at_work():
        confirm.typed(app.world, app.messages, question, [there.id])


def _after(app: App, gone: Connection) -> None:
    """What was remembered of it is forgotten; what names it is told."""
    from contextlib import suppress

    from .completion_names import forget_names

    forget_names(app)
    with suppress(FsctlError):
        app.catalogue.changed()
        app.catalogue.forget(gone.id)
    setting = app.connection_setting
    if setting is not None and setting.value in (gone.id, gone.key, gone.name):
        app.messages.warn(
            f"{setting.origin} still names it; choose another with `fsctl connections use`."
        )
