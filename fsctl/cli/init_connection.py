"""The connection that ``fsctl init`` settles on: picked, named by a flag, mended or created."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import FsctlError, NeedsPerson, NotFound, Refused, Unavailable
from ..settings import env
from .init_plan import kept_connection, mending, resuming
from .init_run import Run

if TYPE_CHECKING:
    from ..membrane.gateway import Connection

DEFAULT_NAME = "Fullstory"


def settle(run: Run, connections: Sequence[Connection]) -> Connection | None:
    """The connection to use, ready; None where ``--dry-run`` keeps from creating it.

    Raises :class:`FsctlError` where there is none such and where it does not get ready, if nobody
    is asked, or who is stops.
    """
    while True:
        try:
            connection = _take(run, connections)
        except (NeedsPerson, NotFound, Unavailable, Refused) as error:
            if not run.asks:
                raise
            _ask_to_go_on(run, error)
            connections = run.connections()
            continue
        if connection is not None:
            _settled(run, connection)
        return connection


def _settled(run: Run, connection: Connection) -> None:
    run.answers.connection, run.answers.create = connection.id, None
    run.preview.flags["connection"] = connection.id
    run.remember()


def _ask_to_go_on(run: Run, error: FsctlError) -> None:
    """Whether to choose among the connections again. Raises ``error`` where not."""
    from ..terminal.prompts import Choice, select

    run.guide.trouble(error.message, error.hint)
    choices = [
        Choice("list", "Choose from the connections again"),
        Choice("stop", "Stop here", "nothing is stored"),
    ]
    if select(run.app.world, "What now?", choices) == "stop":
        raise error
    run.answers.connection = run.answers.create = None
    run.remember()


# -- choosing


def _take(run: Run, connections: Sequence[Connection]) -> Connection | None:
    picked = _named(run, connections)
    if picked is None and run.answers.create is None and run.asks:
        picked = _pick(run, connections)
    if picked is None:
        return _create(run, connections)
    return _ready(run, picked)


def _named(run: Run, connections: Sequence[Connection]) -> Connection | None:
    """The one that a flag names or, where nobody is asked, the profile; None: neither does."""
    from ..membrane.catalogue import named

    if run.answers.create is not None:
        return None
    wanted = run.answers.connection or (None if run.asks else _kept(run))
    return None if wanted is None else named(wanted, connections)


def _kept(run: Run) -> str | None:
    return kept_connection(run.keys, run.answers.road)


def _pick(run: Run, connections: Sequence[Connection]) -> Connection | None:
    from ..terminal.picker import pick_connection
    from ..terminal.prompts import ask_text

    if not any(each.is_fullstory for each in connections):
        run.guide.note("There is no connection to Fullstory here yet.")
    world, masker = run.app.world, run.app.masker
    picked = pick_connection(
        world,
        connections,
        creating=True,
        default=_usual(run, connections),
        masked=masker.sentence if masker else str,
    )
    if picked is None:
        run.answers.create = ask_text(
            world, "A name for it:", default=_free_name(connections), check=_wrong
        )
    return picked


def _usual(run: Run, connections: Sequence[Connection]) -> str | None:
    """The id of the connection to point at first: the profile's, or the environment's."""
    wanted = _kept(run) or run.app.world.environ.get(env.CONNECTION)
    for each in connections:
        if wanted and wanted in (each.id, each.key, each.name):
            return each.id
    return None


def _free_name(connections: Sequence[Connection]) -> str:
    taken = {each.name for each in connections}
    names = (DEFAULT_NAME, *(f"{DEFAULT_NAME} {number}" for number in range(2, 999)))
    return next((name for name in names if name not in taken), "")


def _wrong(name: str) -> str | None:
    return None if 0 < len(name) <= 100 else "Type a name of 1 to 100 characters."


# -- getting it ready


def _create(run: Run, connections: Sequence[Connection]) -> Connection | None:
    """A new one or, where one of that name is there already, that one, mended if need be."""
    from . import connecting

    if run.app.dry_run:
        return None
    name = run.answers.create or None
    run.remember()
    another = name is not None and any(each.is_fullstory for each in connections)
    try:
        made = connecting.create(run.preview, name, another=another)
    except NeedsPerson as error:
        if error.code == "several_connections":
            error.hint = (
                "Name one with --connection ID, or a new one with --create-connection NAME."
            )
        raise
    return _followed(run, made)


def _ready(run: Run, connection: Connection) -> Connection:
    """``connection`` once it can be used; what a person has to do for that is said."""
    from ..membrane.catalogue import of_another_app, unready
    from ..membrane.connecting import Phase, Step, address, phase
    from . import connecting

    if connection.is_of_another_app:
        raise of_another_app(connection)
    state = phase(connection)
    if run.app.dry_run or state is Phase.READY:
        return connection
    if state is not Phase.BUILDING:
        if not run.asks:
            problem = unready(connection)
            if address(connection) is None:
                problem.hint = f"Mend it with `{mending(run.answers, connection.name)}`."
            raise problem
        step = Step("reconnect", connection)
        connection = connecting.take(run.preview, step, connection.name)
    return _followed(run, connection)


def _followed(run: Run, connection: Connection) -> Connection:
    from . import connecting

    _settled(run, connection)
    try:
        return connecting.follow(run.preview, connection, run.wait)
    except (NeedsPerson, Unavailable) as error:
        if error.code in ("connection_not_ready", "connection_building"):
            error.hint = f"{_what_to_do(error)} `{resuming(run.answers)}`."
        elif error.code == "connection_failed":
            error.hint = f"Mend that, then run `{mending(run.answers, connection.name)}`."
        raise


def _what_to_do(error: FsctlError) -> str:
    """The hint of a connection that is not ready in time, up to the command that goes on."""
    before, mark, _ = (error.hint or "").partition("then run")
    return before + mark if mark else "Go on with"
