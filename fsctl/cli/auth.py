"""``fsctl auth``: log in to Membrane and out again, and see how one stands with it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ..errors import NeedsPerson, Usage
from ..terminal.columns import Column
from .app import App
from .options import Command, Group, pass_app
from .results import One

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..membrane.login import Installed
    from .standing import Local, Told

STATUS_COLUMNS = (
    Column("gateway"),
    Column("why"),
    Column("api_url", kind="url"),
    Column("profile"),
    Column("token_from"),
    Column("token_kind"),
    Column("workspace"),
    Column("tenant"),
    Column("expires_at", kind="time"),
    Column("expires_in"),
    Column("renews", kind="bool"),
    Column("accepted", kind="bool"),
)

_SEE = "`fsctl auth status` shows how you stand with Membrane now."


@click.group("auth", cls=Group)
def group() -> None:
    """Log in to Membrane, log out, and see how you stand with it.

    fsctl keeps no credentials. A login is the membrane command line's own; without one, a token
    comes from the environment or from a profile's token_command.
    """


@group.command(cls=Command, examples=("fsctl auth login", "fsctl login --no-browser"))
@click.option(
    "--no-browser", is_flag=True, help="Print the address to open, as where there is no terminal."
)
@click.option(
    "--client-name", metavar="NAME", help="Tell Membrane this name, where its login takes one."
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
        app.messages.note(
            "Open the address in a browser, then give the code it shows to `fsctl auth complete`."
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


@group.command(
    cls=Command,
    examples=("fsctl --sandbox auth status", "fsctl --sandbox auth status --expires-within 7d"),
)
@click.option(
    "--expires-within",
    metavar="TIME",
    help="End with 4 where the token ends sooner than this, such as 7d.",
)
@pass_app
def status(app: App, expires_within: str | None) -> One:
    """Show the road, its token, and who you are to Membrane.

    What the token tells is read here and not verified. Ends with 4 where a person must act, with 5
    where the service is away; what is known is shown all the same. A token that the next command
    gets anew by itself (`renews`) never ends too soon.
    """
    from ..fullstory.times import parse_duration
    from .standing import Told, local_standing, told_standing

    app.check_output()
    within = None
    if expires_within is not None:
        within = parse_duration(expires_within, what="--expires-within")
    local = local_standing(app)
    ending = _too_short(app, local, within, expires_within or "")
    told = told_standing(app) if local.error is None else Told()
    if told.accepted and told.identity is None:
        app.messages.verbose("The service tells this kind of token not who it is.")
    errors = [local.error, told.error]
    acting = [error for error in errors if isinstance(error, NeedsPerson)]
    final = next(iter([*acting, *filter(None, [ending, *errors])]), None)
    data = as_data(app, local, told)
    return One(_for_people(data) if app.renders_table else data, STATUS_COLUMNS, lambda: final)


def _for_people(data: dict[str, Any]) -> dict[str, Any]:
    from ..membrane.token_facts import in_words

    left = data["expires_in"]
    told = data | {"gateway": data["gateway"] or "none"}
    if left is not None:
        told["expires_in"] = in_words(left) if left > 0 else "expired"
    return {key: value for key, value in told.items() if value is not None}


def as_data(app: App, local: Local, told: Told) -> dict[str, Any]:
    """The standing as data: nothing secret, but the account's names."""
    from ..membrane.tokens import moment

    facts, road = local.facts, local.road
    expires = facts.expires if facts else None
    identity = told.identity
    return {
        "gateway": road.name if road else None,
        "why": road.why if road else None,
        "api_url": local.api_url,
        "profile": app.settings.profile()[0],
        "token_from": facts.origin if facts else None,
        "token_kind": facts.kind if facts else None,
        "workspace": facts.workspace if facts else None,
        "tenant": facts.tenant if facts else None,
        "expires_at": moment(expires) if expires is not None else None,
        "expires_in": int(expires - app.unix_time()) if expires is not None else None,
        "renews": facts.renews if facts else None,
        "accepted": told.accepted,
        "identity": None
        if identity is None
        else {key: identity.get(key) for key in ("name", "tenant", "workspace")},
    }


def _too_short(app: App, local: Local, within: float | None, asked: str) -> NeedsPerson | None:
    """The error for a token that ends sooner than was asked for."""
    from ..membrane.token_facts import expiry_warning
    from ..membrane.tokens import EnvironmentToken

    facts = local.facts
    if within is None or local.error is not None or app.in_sandbox:
        return None
    if facts is None or (facts.expires is None and not facts.renews):
        whose = f"the token from {facts.origin}" if facts else "the login"
        app.messages.note(f"When {whose} ends is unknown: it does not tell.")
        return None
    now = app.unix_time()
    if not facts.ends_within(within, now):
        return None
    app.expiry_told = True
    remedy = local.road.tokens.remedy if local.road and local.road.tokens else None
    return NeedsPerson(
        expiry_warning(facts, now, within) or "",
        hint=remedy or EnvironmentToken.remedy,
        code="expires_soon",
    )


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

    try:
        yield
    finally:
        if not app.dry_run:
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
        app.messages.note("The sandbox needs no login.")
    return app.in_sandbox
