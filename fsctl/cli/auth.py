"""``fsctl auth``: log in to Membrane and out again, and see how one stands with it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ..errors import NeedsPerson, Usage
from .app import App
from .auth_status import status
from .options import Command, Group, pass_app
from .results import One

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..membrane.login import Installed

_SEE = "`fsctl auth status` shows how you stand with Membrane now."


@click.group(
    "auth", cls=Group, examples=("fsctl --sandbox auth status", "fsctl auth login --no-browser")
)
def group() -> None:
    """Log in to Membrane, log out, and see how you stand with it.

    fsctl keeps no credentials. A login is the membrane command line's own; without one, a token
    comes from the environment or from a profile's token_command.
    """


group.add_command(status)


@group.command(cls=Command, examples=("fsctl auth login", "fsctl login --no-browser"))
@click.option(
    "--no-browser", is_flag=True, help="Print the address to open, as where there is no terminal."
)
@click.option(
    "--client-name",
    metavar="NAME",
    help="Tell Membrane this name (`--clientName`), where its login takes one.",
)
@pass_app
def login(app: App, no_browser: bool, client_name: str | None) -> One | None:
    """Log in to Membrane on this terminal.

    This runs `membrane login --tenant`, which opens a browser. Without a terminal, with --no-input
    or --no-browser it prints an address to open anywhere, and `fsctl auth complete` takes the code
    that is shown there.
    """
    return log_in(app, browser=not no_browser, client_name=client_name)


def log_in(app: App, *, browser: bool = True, client_name: str | None = None) -> One | None:
    """Run the login; what it would run, with ``--dry-run``.

    Raises :class:`NeedsPerson` where ``membrane`` is missing, is another program, or fails.
    """
    from ..membrane import login as logins
    from ..membrane.tokens import ENV_TENANT_KEY
    from .roads import api_address

    app.check_output()
    if _needs_none(app):
        return None
    membrane = installed(app, talks=browser)
    tenant = app.settings.text("tenant", ENV_TENANT_KEY)
    wishes = logins.Wishes(tenant.value if tenant else None, api_address(app), client_name)
    with _as_errors():
        arguments = logins.login_arguments(membrane, wishes, note=app.messages.note)
    if app.dry_run:
        return _plan(membrane, arguments)
    with _forgetting(app):
        logins.run(membrane, arguments)
    if membrane.streams.stdin:
        app.messages.note(_SEE)
    else:
        app.messages.announce(
            "nobody is logged in yet. Open the address in a browser, then give the code it shows "
            "to `fsctl auth complete`."
        )
    _warn_of_other_tokens(app, "and are used instead of this login")
    return None


@group.command(cls=Command, examples=("fsctl auth complete CODE", "fsctl auth complete - < code"))
@click.argument("code", required=False)
@pass_app
def complete(app: App, code: str | None) -> One | None:
    """Finish a login with the CODE of the browser.

    The address that the browser ended with will do as well. Without CODE it is asked for, and -
    reads it from stdin, so that it stands in no history. It is good once and for minutes, and only
    on the machine where the login began.
    """
    from ..membrane import login as logins

    app.check_output()
    if _needs_none(app):
        return None
    membrane = installed(app, talks=code != "-")
    with _as_errors():
        arguments = logins.complete_arguments(membrane, _code(app, code))
    if app.dry_run:
        return _plan(membrane, [*arguments[:-1], "CODE"])
    with _forgetting(app):
        logins.run(membrane, arguments)
    app.messages.note(_SEE)
    _warn_of_other_tokens(app, "and are used instead of this login")
    return None


@group.command(cls=Command, examples=("fsctl auth logout", "fsctl logout"))
@pass_app
def logout(app: App) -> One | None:
    """Log out of Membrane, and forget what was cached of the account.

    A token in the environment, or of a token_command, is not touched.
    """
    from ..membrane import login as logins
    from ..membrane.tokens import ENV_TOKENS
    from .roads import membrane_command

    app.check_output()
    if _needs_none(app):
        return None
    if membrane_command(app) is None:
        raise NeedsPerson(
            "The membrane command line is not installed, so there is no login of it to end.",
            hint=f"Where a token stands in the environment, take it away: unset {ENV_TOKENS[0]}.",
            code="no_membrane",
        )
    membrane = installed(app)
    with _as_errors(), _forgetting(app):
        arguments = logins.logout_arguments(membrane)
        if app.dry_run:
            return _plan(membrane, arguments)
        logins.run(membrane, arguments)
    _warn_of_other_tokens(app, "and go on working")
    return None


def installed(app: App, *, talks: bool = True) -> Installed:
    """The ``membrane`` that is installed; with ``talks``, handed the terminal if there is one.

    Raises :class:`NeedsPerson` where it is not installed.
    """
    from ..membrane.handover import Streams
    from ..membrane.login import Installed
    from .roads import environment_before_a_person, required_membrane, run_directory

    world = app.world
    person = talks and world.stdin_is_terminal and not app.flags.get("no_input")
    return Installed(
        required_membrane(app),
        app.cache,
        run_directory(app),
        environment_before_a_person(app),
        Streams(person and not world.under_ci, world.stdout is not None, world.stderr is not None),
    )


@contextmanager
def _forgetting(app: App) -> Iterator[None]:
    """Whoever is logged in afterwards: what was cached may be another account's."""
    from ..membrane.verbs import CACHE_PREFIX
    from .completion_names import forget_names

    try:
        yield
    finally:
        if not app.dry_run:
            forget_names(app)
            app.cache.forget(keep=CACHE_PREFIX)


@contextmanager
def _as_errors() -> Iterator[None]:
    """Failures of asking ``membrane`` for its help, and verbs it has not, as ways to end."""
    from ..fullstory.outcome import as_error
    from ..membrane.gateway import GatewayError

    try:
        yield
    except GatewayError as failure:
        raise as_error(failure, "help of membrane", writes=False) from None


def _code(app: App, given: str | None) -> str:
    """The code: as given, from stdin, or asked for."""
    from ..terminal.prompts import ask_text, can_prompt
    from .input import read_text

    if given == "-":
        return read_text(app.world, "the code")
    if given is not None:
        return given
    if not can_prompt(app.world, app.flags):
        raise Usage("CODE is missing.", hint="Give it, or - to read it from stdin.")
    return ask_text(app.world, "The code, or the address, that the browser ended with:")


def _warn_of_other_tokens(app: App, what: str) -> None:
    """Commands prefer a token that is at hand to the login: whoever logs in or out has to know."""
    from ..membrane.tokens import ENV_TOKENS, ENV_WORKSPACE_SECRET

    names = (*ENV_TOKENS, ENV_WORKSPACE_SECRET)
    there = [name for name in names if app.world.environ.get(name, "").strip()]
    if app.settings.raw("token_command") is not None:
        there.append("token_command")
    if there and app.transport.value != "cli":
        app.messages.warn(f"Tokens of {there[0]} are at hand, {what}.")


def _plan(membrane: Installed, arguments: Sequence[str]) -> One:
    return One({"dry_run": True, "run": shlex.join([*membrane.command, *arguments])})


def _needs_none(app: App) -> bool:
    """Whether this is the sandbox, which needs no login."""
    if app.in_sandbox:
        app.messages.announce(f"The sandbox needs no login.{_why_sandbox(app)}")
    return app.in_sandbox


def _why_sandbox(app: App) -> str:
    """Why it is in use, where that was not just asked for, and what to do instead."""
    origin = app.transport.origin
    if origin.startswith("--"):
        return ""
    return (
        f" It is in use because of {origin}; name another profile with --profile, or add "
        "--transport auto, to deal with an account."
    )
