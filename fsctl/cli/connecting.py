"""Connections as several commands deal with them: chosen, found, made, followed, remembered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..errors import FsctlError, NeedsPerson, NotFound, Refused

if TYPE_CHECKING:
    from ..membrane.connecting import Step
    from ..membrane.gateway import Connection, Deadline
    from .app import App

WAIT_FOR = 600.0  # seconds
CHECK = "See `fsctl connections list`; the same command again takes what was made."
BLOCKS = 600.0  # seconds: an older membrane ends only when the browser is done


# -- choosing


def choose(app: App, connections: Sequence[Connection]) -> Connection | None:
    """The one a person picks, remembered if they like; None where nobody can be asked."""
    from ..terminal.prompts import can_prompt

    if not can_prompt(app.world, app.flags):
        return None
    picked = pick(app, connections)
    setting = app.connection_setting
    if setting is None or " in the profile " in setting.origin:
        offer_to_remember(app, picked)
    return picked


def pick(
    app: App, connections: Sequence[Connection], question: str = "Which connection?"
) -> Connection:
    """The one a person picks. Whoever asks has made sure that there is one to be asked."""
    from ..terminal.picker import pick_connection

    setting = app.connection_setting
    with app.person_at_work():
        picked = pick_connection(
            app.world,
            connections,
            question=question,
            default=setting.value if setting else None,
            masked=app.masker.sentence if app.masker else str,
        )
    assert picked is not None
    return picked


def offer_to_remember(app: App, connection: Connection) -> None:
    """Ask whether the profile in use should name it from now on; where it cannot, say so."""
    from ..terminal.prompts import confirm

    if app.dry_run or not can_remember(app):
        return
    question = f"Remember it in the profile {profile_name(app)}?"
    with app.person_at_work():
        wanted = confirm(app.world, question, default=True)
    if not wanted:
        return
    try:
        remember(app, connection)
    except FsctlError as error:  # what the command is for does not depend on it
        app.messages.warn(f"{error.message} The choice is not remembered.")


def can_remember(app: App) -> bool:
    """Whether the profile in use may name it: the sandbox's names no real one, nor the reverse."""
    return app.in_sandbox == (app.settings.profile()[1].get("transport") == "sandbox")


def remember(app: App, connection: Connection) -> None:
    """Name the connection in the profile in use."""
    from ..settings.profile_files import store
    from .completion_names import learn_profiles

    path = store(app.directory("config"), profile_name(app), {"connection": connection.id})
    learn_profiles(app)
    app.messages.note(f"the profile {profile_name(app)} uses {connection.id} now ({path}).")


def profile_name(app: App) -> str:
    return app.settings.profile()[0] or "default"


# -- finding


def all_connections(app: App) -> list[Connection]:
    """All of the tenant's, all pages; completion offers them from now on."""
    from .completion_names import learn_connections

    found = app.caller.ask(
        lambda deadline: list(app.gateway.connections(deadline=deadline)), "list of connections"
    )
    learn_connections(app, found)
    return found


def the_connection(app: App, selector: str, *, requested: bool = False) -> Connection:
    """The connection with that id, key or name; with ``requested`` also one that is only asked for.

    Raises :class:`NotFound` for none, and :class:`Refused` for several.
    """
    from ..membrane.catalogue import SeveralConnections, is_id, named
    from ..membrane.paths import check_selector

    check_selector(selector, "The connection")
    if is_id(selector):
        return app.caller.ask(
            lambda deadline: app.gateway.connection(
                selector, wait=1 if requested else None, deadline=deadline
            ),
            "connection",
        )
    connections = all_connections(app)
    try:
        return named(selector, connections)
    except SeveralConnections as several:
        raise Refused(several.message, hint="Give the id of one.", code=several.code) from None
    except NeedsPerson as none:
        raise NotFound(none.message, hint=none.hint, code=none.code) from None


# -- making


def next_step(app: App, name: str | None, another: bool) -> Step:
    """What to do so that there is a connection; a person may have to say which one to mend."""
    from ..membrane import connecting
    from ..terminal.prompts import can_prompt

    try:
        return connecting.next_step(all_connections(app), name=name, another=another)
    except connecting.SeveralUnready as several:
        if not can_prompt(app.world, app.flags):
            raise
        picked = pick(app, several.connections, "None is ready. Which one is to be reconnected?")
        return connecting.Step("reconnect", picked)


def take(app: App, step: Step, name: str | None) -> Connection:
    """Do what the step says, and tell it."""
    from ..membrane import connecting

    there = step.connection
    if there is not None and step.verb == "reconnect" and not there.usable:
        app.messages.announce(
            f"the connection {there.name!a} ({there.id}) is there and not usable "
            f"({connecting.state_in_words(there)}): it is reconnected, not made again."
        )
    if there is not None and step.verb in ("use", "follow"):
        state = "is ready" if step.verb == "use" else "is being built"
        other = "" if name in (None, there.name) else " Add --another to make a second one."
        app.messages.announce(
            f"the connection {there.name!a} ({there.id}) is there already and {state}; "
            f"nothing was made.{other}"
        )
        return there

    if app.gateway.name == "cli":
        app.messages.note(
            "an older membrane opens the browser itself, and ends when you are done there."
        )

    def act(deadline: Deadline) -> Connection:
        return connecting.take(app.gateway, step, name, deadline)

    made = app.caller.change(
        act,
        "request to reconnect it" if step.verb == "reconnect" else "request for a connection",
        check=CHECK,
        repeat=True,
        patience=BLOCKS,
    )
    if step.verb != "reconnect":
        app.messages.note(f"made the connection {made.name!a} ({made.id}).")
    from .completion_names import forget_names

    forget_names(app)
    with suppress(FsctlError):
        app.catalogue.changed()
    return made


def create(app: App, name: str | None, *, another: bool = False) -> Connection:
    """A connection to Fullstory: the one there is, mended if need be, or a new one."""
    return take(app, next_step(app, name, another), name)


# -- following


def follow(app: App, connection: Connection, seconds: float) -> Connection:
    """The connection once it is ready; errors as of :func:`fsctl.membrane.connecting.follow`.

    What a person has to do is said on stderr, and the address opened where that is allowed.
    """
    from ..membrane import connecting
    from ..membrane.gateway import Deadline
    from . import resuming

    return connecting.follow(
        app.gateway,
        connection,
        ask=app.caller.ask,
        deadline=Deadline.after(seconds, app.world.monotonic),
        sleep=app.world.sleep,
        tell=_teller(app),
        program=resuming.command(app),
    )


def follow_briefly(app: App, connection: Connection) -> Connection:
    """The connection as soon as Membrane has built it, ready or not, or after half a minute."""
    from ..membrane import connecting
    from ..membrane.gateway import Deadline

    deadline = Deadline.after(connecting.HELD, app.world.monotonic)

    def enough(seen: Connection) -> bool:
        return connecting.phase(seen) is not connecting.Phase.BUILDING or not deadline.remaining()

    return connecting.follow(
        app.gateway,
        connection,
        ask=app.caller.ask,
        deadline=deadline,
        sleep=app.world.sleep,
        tell=_teller(app),
        until=enough,
    )


def _teller(app: App) -> Callable[[Connection], None]:
    """Tells people what happens to the connection, and shows each address once."""
    from ..membrane.connecting import Phase, phase

    shown: set[str] = set()
    seen: list[Phase] = []

    def tell(connection: Connection) -> None:
        name = f"the connection {connection.name!a} ({connection.id})"
        now = phase(connection)
        if now is Phase.BUILDING:
            app.messages.note(f"{name} is being built.")
        elif now is Phase.PERSON:
            _tell_what_to_do(app, connection, name, shown)
        elif now is Phase.READY and seen:  # what was ready from the start is no news
            app.messages.note(f"{name} is ready.")
        seen.append(now)  # of a failure the error tells

    return tell


def _tell_what_to_do(app: App, connection: Connection, name: str, shown: set[str]) -> None:
    from ..membrane.connecting import address, state_in_words

    url = address(connection)
    action = connection.client_action or {}
    told = action.get("description") or connection.error or state_in_words(connection)
    app.messages.announce(f"{name} needs a person: {told}")
    if url is None:
        if "uiUrl" in action:
            app.messages.warn("Membrane names an address that is not plain https; do not open it.")
        app.messages.announce("finish it in Membrane's console.")
        return
    if url in shown:
        return
    shown.add(url)
    app.messages.announce("open this address and finish there:")
    app.messages.address(url)
    open_address(app, url)


def open_address(app: App, url: str) -> None:
    """Open it in the person's browser, where there is one and that gives nothing away."""
    from pathlib import Path

    from ..membrane.redact import redact
    from ..terminal import browser

    if app.in_sandbox or app.flags.get("no_input") or not browser.can_show(app.world):
        return
    if redact(url) != url:
        return  # a secret in the arguments of a browser is read by whoever shares the machine
    if not browser.show(url, app.world.environ, Path.cwd()):
        app.messages.warn("no browser could be started.")


# -- telling


def as_row(connection: Connection) -> dict[str, Any]:
    """A connection as data, without credentials."""
    from ..membrane.connecting import state_in_words
    from ..membrane.redact import redact_data

    row: dict[str, Any] = redact_data(
        {
            "id": connection.id,
            "name": connection.name,
            "key": connection.key,
            "app": connection.app,
            "state": state_in_words(connection),
            "usable": connection.usable,
            "owner": connection.owner,
            "test": connection.test,
            "error": connection.error,
            "client_action": connection.client_action,
        }
    )
    return row
