"""``fsctl connections create``, ``wait`` and ``reconnect``: until a connection is ready."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..errors import FsctlError, Refused, Usage
from .app import App
from .options import Command, pass_app
from .results import One

if TYPE_CHECKING:
    from ..membrane.connecting import Step
    from ..membrane.gateway import Connection

_LONGEST_NAME = 200  # characters


class Wait(NamedTuple):
    """How long to wait until it is ready, and how that is typed; None: not at all."""

    seconds: float | None
    typed: tuple[str, ...] = ()

    @classmethod
    def of(cls, wait: bool, wait_for: str | None) -> Wait:
        """Raises :class:`Usage` for what is no time."""
        from ..fullstory.times import parse_duration
        from .connecting import WAIT_FOR

        if wait_for is not None:
            return cls(parse_duration(wait_for, what="--wait-for"), ("--wait-for", wait_for))
        return cls(WAIT_FOR) if wait else cls(None)


def wait_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--wait`` and ``--wait-for``."""
    function = click.option(
        "--wait-for", metavar="TIME", help="Wait at most this long (default 10m)."
    )(function)
    return click.option("--wait", "waits", is_flag=True, help="Wait until it is ready.")(function)


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox connections create --wait",
        'fsctl --sandbox connections create --another --name "Fullstory EU" --wait-for 5m',
        "fsctl --sandbox connections create --dry-run",
    ),
)
@click.option("--name", metavar="NAME", help="What to call a new one.")
@click.option(
    "--another", is_flag=True, help="Create one of that --name beside those that are there."
)
@wait_options
@pass_app
def create(app: App, name: str | None, another: bool, waits: bool, wait_for: str | None) -> One:
    """Create a connection, or mend the one that is there.

    Membrane builds it, then a person has to open an address and give a Fullstory API key there; the
    address is printed, and opened where there is a browser. With --wait it ends with 0 once the
    connection is ready, with 4 if it failed or nobody acted in time, and with 5 if Membrane is
    still building it.

    A connection that lost its credentials is reconnected, never made a second time.
    """
    from . import connecting

    patience = Wait.of(waits, wait_for)
    name = _checked_name(name, another)
    app.check_output()
    step = connecting.next_step(app, name, another)
    if app.dry_run:
        return One(_plan(step, name))
    return _finish(app, connecting.take(app, step, name), patience)


def _checked_name(name: str | None, another: bool) -> str | None:
    if name is None:
        if another:
            raise Usage(
                "--another needs a --name, by which the two can be told apart.",
                hint='Add one, such as --name "Fullstory EU".',
            )
        return None
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Usage(
            f"A name has 1 to {_LONGEST_NAME} printable characters.", hint="Give another --name."
        )
    return name


def _plan(step: Step, name: str | None) -> dict[str, Any]:
    from ..membrane.connecting import APP_URL

    there = step.connection
    plan: dict[str, Any] = {"dry_run": True, "step": step.verb}
    if there is not None:
        return plan | {"connection": there.id, "name": there.name}
    return plan | {"app_url": APP_URL, "name": name}


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox connections wait 6920c5a1d3f4e5b6a7c8d901",
        'fsctl --sandbox connections wait "Fullstory (sandbox)" --wait-for 30s',
    ),
)
@click.argument("selector", metavar="ID")
@click.option("--wait-for", metavar="TIME", help="Wait at most this long (default 10m).")
@pass_app
def wait(app: App, selector: str, wait_for: str | None) -> One:
    """Wait until the connection ID is ready.

    ID is an id, a key or a name. Ends with 0 once it is ready, with 4 if it failed or nobody did in
    time what a person has to do, and with 5 if Membrane is still building it.
    """
    from .connecting import the_connection

    patience = Wait.of(True, wait_for)
    app.check_output()
    return _finish(app, the_connection(app, selector, requested=True), patience)


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox connections reconnect 6920c5a1d3f4e5b6a7c8d901 --wait",
        'fsctl --sandbox connections reconnect "Fullstory (sandbox)" --dry-run',
    ),
)
@click.argument("selector", metavar="ID")
@wait_options
@pass_app
def reconnect(app: App, selector: str, waits: bool, wait_for: str | None) -> One:
    """Give the connection ID new credentials.

    ID is an id, a key or a name. A person has to give them: see `fsctl connections create --help`.
    One that is ready may stop working until then, so that has to be confirmed on a terminal.
    """
    from ..membrane.connecting import Step
    from .connecting import take, the_connection

    patience = Wait.of(waits, wait_for)
    app.check_output()
    there = the_connection(app, selector)
    step = Step("reconnect", there)
    if app.dry_run:
        return One(_plan(step, None))
    if there.usable:
        _confirm_ready(app, there)
    return _finish(app, take(app, step, None), patience)


def _confirm_ready(app: App, there: Connection) -> None:
    """Say that this one is ready; where somebody can be asked, ask whether that is known.

    Raises :class:`Refused` where it is not to be.
    """
    from ..terminal.prompts import can_prompt, confirm

    app.messages.warn(
        f"the connection {there.name!a} ({there.id}) is ready. Reconnected, it may not work until "
        "somebody has given its credentials anew."
    )
    if app.flags.get("yes") or not can_prompt(app.world, app.flags):
        return
    with app.person_at_work():
        wanted = confirm(app.world, "Reconnect it all the same?", default=False)
    if not wanted:
        raise Refused("Nothing was done.", hint="The connection is as it was.", code="declined")


def _finish(app: App, connection: Connection, patience: Wait) -> One:
    """Follow it as long as was asked for; what it is then, and how the command ends."""
    from ..membrane.connecting import Phase, failed, phase
    from . import connecting, resuming
    from .connections import COLUMNS

    again = resuming.command(app, "connections", "wait", connection.id, *patience.typed)
    if patience.seconds is not None:
        app.resume = again
        connection = connecting.follow(app, connection, patience.seconds)
    else:
        connection = connecting.follow_briefly(app, connection)
        if phase(connection) in (Phase.BUILDING, Phase.PERSON):
            app.messages.announce(f"it is not ready yet; wait for it with: {again}")
    app.resume = None

    def ending() -> FsctlError | None:
        failure = phase(connection) is Phase.FAILED
        return failed(connection, resuming.command(app)) if failure else None

    return One(connecting.as_row(connection), COLUMNS, ending=ending)
