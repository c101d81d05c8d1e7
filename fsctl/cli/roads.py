"""Choose and build the road to Membrane (DESIGN §1, the table of gateways)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from .. import __version__
from ..errors import NeedsPerson
from ..settings import env
from .expiry import tell_of_expiry, tell_of_membranes_token

if TYPE_CHECKING:
    from ..bulk.segment_export import Storage
    from ..membrane.gateway import Gateway
    from ..membrane.tokens import TokenSource
    from .app import App

CONNECT_TIMEOUT = 10.0  # seconds

SET_UP = (
    "Run `fsctl init`, which shows the way; or set MEMBRANE_TOKEN, or install the membrane command "
    "line and run `fsctl login`, or try the command with --sandbox."
)


class Road(NamedTuple):
    """The way to Membrane that a command takes, and why; nobody has been asked anything yet."""

    name: Literal["http", "cli", "sandbox"]
    why: str
    tokens: TokenSource | None = None  # of http
    command: Sequence[str] = ()  # of cli: the argv prefix of membrane


def choose(app: App) -> Road:
    """The road that ``--transport`` names, or the best there is for ``auto``.

    Raises :class:`NeedsPerson` where that road cannot be taken, :class:`Unavailable` where the help
    of ``membrane`` does not come.
    """
    name, origin = app.transport
    why = f"asked for by {'--sandbox' if name == 'sandbox' and origin[0] == '-' else origin}"
    match name:
        case "sandbox":
            return Road("sandbox", why)
        case "http":
            return Road("http", why, _required_tokens(app))
        case "cli":
            return Road("cli", why, command=required_membrane(app))
        case _:
            return _best(app)


def _best(app: App) -> Road:
    tokens = _tokens(app, with_binary=False)
    if tokens is not None:
        return Road("http", f"a token is at hand ({tokens.origin})", tokens)
    command = membrane_command(app)
    if command is None:
        raise NeedsPerson(
            "There is no way to reach Membrane: no token in the environment, and no membrane "
            "binary on PATH.",
            hint=SET_UP,
            code="no_road",
        )
    tokens = _tokens(app, with_binary=True)
    if tokens is not None:
        return Road("http", "the membrane command line gives a token", tokens)
    return Road("cli", "no token is at hand, and membrane is installed", command=command)


def needs_membrane(app: App) -> bool:
    """Whether there is no road but through the ``membrane`` binary; it is not run to find out."""
    name = app.transport.value
    return name == "cli" or (name != "sandbox" and _tokens(app, with_binary=False) is None)


def build(app: App) -> Gateway:
    """The gateway at the end of :attr:`App.road`."""
    road = app.road
    if road.tokens is not None:
        return _http(app, road.tokens)
    return _sandbox(app) if road.name == "sandbox" else _cli(app, road.command)


def _sandbox(app: App) -> Gateway:
    from ..sandbox.clock import Clock
    from ..sandbox.gateway import SandboxGateway

    app.messages.announce("sandbox: nothing leaves this machine.")

    def unkept(why: str) -> None:
        app.messages.warn(
            f"{why} It is in memory, and gone when this command ends; {env.DATA_DIR} names "
            "another place."
        )

    # Who has named the place is told that it is none; without a home directory all goes on.
    named = app.world.environ.get(env.DATA_DIR)
    return SandboxGateway(sandbox_file(app), Clock(), unkept=None if named else unkept)


def storage(app: App) -> Storage:
    """What fetches files from signed addresses; the sandbox's own lie in this process."""
    gateway = app.gateway
    if app.in_sandbox:
        from ..sandbox.gateway import SandboxGateway
        from ..sandbox.signed import Storage as InProcess

        assert isinstance(gateway, SandboxGateway)
        return InProcess(gateway.store)
    from ..membrane.hosts import parse_api_url
    from ..membrane.signed import Storage as Signed

    address = api_address(app)
    return Signed(
        own=parse_api_url(address, source="the API address") if address else None,
        environ=app.world.environ,
        connect_timeout=connect_timeout(app),
        read_timeout=app.timeout,
        user_agent=f"fsctl/{__version__}",
        trace=app.messages.debug if app.flags.get("debug") else None,
        now=app.unix_time,
    )


def connect_timeout(app: App) -> float:
    """Seconds in which a connection has to come about."""
    setting = app.settings.seconds("connect_timeout", env.CONNECT_TIMEOUT, CONNECT_TIMEOUT)
    return setting.value


def sandbox_file(app: App) -> Path:
    """Where the sandbox keeps its state."""
    return app.directory("data") / "sandbox.sqlite3"


def _required_tokens(app: App) -> TokenSource:
    tokens = _tokens(app, with_binary=False) or _tokens(app, with_binary=True)
    if tokens is None:
        raise NeedsPerson(
            "There is no Membrane token for the http transport.",
            hint="Set MEMBRANE_TOKEN, or MEMBRANE_WORKSPACE_KEY, MEMBRANE_WORKSPACE_SECRET and "
            "MEMBRANE_TENANT_KEY, or token_command in a profile.",
            code="no_token",
        )
    return tokens


def _tokens(app: App, *, with_binary: bool) -> TokenSource | None:
    """The token at hand; ``with_binary`` asks a ``membrane`` that has the verb ``token`` too."""
    from ..membrane.tokens import find_token_source

    command = app.settings.raw("token_command")
    binary = membrane_command(app) if with_binary else None
    if binary is not None and not _has_token_verb(app, binary):
        binary = None
    if command is None and binary is None:  # nothing to run: no directory to make for it
        return find_token_source(environ(app), None, None, app.directory("state"), app.unix_time)
    return find_token_source(
        environment_of_children(app),
        command.value if command else None,
        binary,
        run_directory(app),
        app.unix_time,
        app.timeout,
    )


def _has_token_verb(app: App, binary: Sequence[str]) -> bool:
    from ..fullstory.outcome import as_error
    from ..membrane.gateway import GatewayError
    from ..membrane.verbs import read_verbs

    try:
        verbs = read_verbs(
            binary, cache=app.cache, cwd=run_directory(app), env=environment_of_children(app)
        )
    except GatewayError as failure:
        raise as_error(failure, "help of membrane", writes=False) from None
    return verbs.has("token")


def environ(app: App) -> Mapping[str, str]:
    """The environment, with the profile's tenant where no variable names one."""
    from ..membrane.tokens import ENV_TENANT_KEY

    tenant = app.settings.text("tenant", ENV_TENANT_KEY)
    return (
        app.world.environ if tenant is None else {**app.world.environ, ENV_TENANT_KEY: tenant.value}
    )


def environment_of_children(app: App) -> Mapping[str, str]:
    """What children see whose output is read."""
    from ..membrane.binary import plain

    return plain(environment_before_a_person(app))


def environment_before_a_person(app: App) -> Mapping[str, str]:
    """What a ``membrane`` sees that talks to a person.

    Whichever variable of the address it reads, it is the checked one.
    """
    from ..membrane.binary import safe_environment

    address = api_address(app)
    told = {} if address is None else dict.fromkeys(env.API_URLS, address)
    return safe_environment(environ(app), Path.cwd()) | told


def _http(app: App, tokens: TokenSource) -> Gateway:
    from ..membrane.hosts import DEFAULT_API_URL
    from ..membrane.http import HttpGateway
    from ..membrane.token_facts import Watched

    address = api_address(app) or DEFAULT_API_URL
    app.messages.verbose(f"Using HTTP to {address}, with the token of {tokens.origin}.")
    version = app.settings.text("api_version", env.API_VERSION)
    return HttpGateway(
        address,
        Watched(tokens, partial(tell_of_expiry, app, tokens.remedy), app.unix_time),
        environ=app.world.environ,
        connect_timeout=connect_timeout(app),
        read_timeout=app.timeout,
        api_version=version.value if version else None,
        clock=app.unix_time,
        user_agent=f"fsctl/{__version__}",
        trace=app.messages.debug if app.flags.get("debug") else None,
    )


def api_address(app: App) -> str | None:
    """The base URL that was set, if credentials may go there: the environment's, the profile's."""
    from ..membrane.hosts import check_api_url

    environ = app.world.environ
    variable = next((name for name in env.API_URLS if environ.get(name)), None)
    setting = app.settings.text("api_url", variable)
    if setting is None:
        return None
    allowed = [*app.flags.get("api_host", ())]
    in_profile = app.settings.profile()[1].get("allowed_hosts", ())
    return check_api_url(
        setting.value,
        source=setting.origin,
        allowed_hosts=[*allowed, *in_profile],
    )


def _cli(app: App, command: Sequence[str]) -> Gateway:
    from ..membrane.cli import CliGateway

    app.messages.verbose(f"Using the membrane command line: {' '.join(command)}.")
    app.messages.note(
        "what you send stands in the arguments of the membrane process, which other users of this "
        "machine may see; a token avoids that."
    )
    tell_of_membranes_token(app)
    return CliGateway(
        command,
        cache=app.cache,
        environ=environ(app),
        run_dir=run_directory(app),
        timeout=app.timeout,
        api_url=api_address(app),
        trace=app.messages.debug if app.flags.get("debug") else None,
    )


def required_membrane(app: App) -> Sequence[str]:
    """The argv prefix of the ``membrane`` command; :class:`NeedsPerson` where there is none."""
    command = membrane_command(app)
    if command is None:
        raise NeedsPerson(
            "The membrane command line is not installed, or not on PATH outside this directory.",
            hint="Run `npm install -g @membranehq/cli` (it needs Node.js), then `fsctl login`.",
            code="no_membrane",
        )
    return command


def membrane_command(app: App) -> Sequence[str] | None:
    """The argv of the ``membrane`` command: the user's own override, or the binary on PATH."""
    from ..membrane.binary import resolve_command

    setting = app.settings.text("membrane_command", env.MEMBRANE_COMMAND)
    return resolve_command(setting.value if setting else None, app.world.environ, Path.cwd())


def run_directory(app: App) -> Path:
    """Where children run: never in a checkout, whose files could steer them (DESIGN §2)."""
    from ..settings.files import make_private_directory

    path = app.directory("state")
    try:
        return make_private_directory(path)
    except OSError:
        return Path(path.anchor)
