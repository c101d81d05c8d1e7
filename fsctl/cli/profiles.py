"""``fsctl profiles``: settings kept under a name, and the project files that are trusted."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import NeedsPerson, Usage
from ..terminal.columns import Column
from .app import App
from .options import Command, Group, pass_app
from .results import One, Rows

if TYPE_CHECKING:
    from ..settings.profiles import Profiles

LIST_COLUMNS = (
    Column("name", kind="id", importance=9),
    Column("in_use", kind="bool", importance=8),
    Column("settings", kind="pairs", importance=7),
)
ORIGIN_COLUMNS = (
    Column("key", kind="id", importance=9),
    Column("value", importance=8),
    Column("origin", importance=9),
)

# Global options that are kept by `create`, under the same name in the profile.
KEPT = ("transport", "connection", "via", "output", "timeout", "retries")


@click.group("profiles", cls=Group)
def group() -> None:
    """Keep settings under a name, one for each account.

    A profile is chosen by --profile, FSCTL_PROFILE or `profiles use`; the one called default is
    used where none is. What is given with a command or in an FSCTL_ variable goes before it. No
    profile holds a secret: token_command names a command that prints the token.
    """


# -- looking


@group.command(
    "list",
    cls=Command,
    examples=("fsctl profiles list", "fsctl profiles list --jq .name"),
)
@pass_app
def list_(app: App) -> Rows:
    """List the profiles, with what they set."""
    there = _load(app)
    named = app.settings.named_profile(there.active)
    if named is not None and named.value not in there.profiles:  # the list helps to choose another
        app.messages.warn(there.missing(*named).message)
        app.settings.leave_profile_out()
        in_use = None
    else:
        in_use = _in_use(app, there)
    rows = [
        {"name": name, "in_use": name == in_use, "settings": _shown(profile)}
        for name, profile in there.profiles.items()
    ]
    return Rows(rows, LIST_COLUMNS)


@group.command(
    cls=Command,
    examples=(
        "fsctl profiles show",
        "fsctl profiles show --origin",
        "fsctl --sandbox profiles show --origin --jq '.key + \": \" + .origin'",
    ),
)
@click.argument("name", required=False)
@click.option("--origin", is_flag=True, help="Show all settings that hold, and where each is from.")
@pass_app
def show(app: App, name: str | None, origin: bool) -> One | Rows:
    """Show the profile NAME, or the one in use.

    With --origin: every setting that would hold for a command here, wherever it comes from.
    """
    if name is not None and origin:
        app.flags["profile"] = name
    if origin:
        return Rows(_origins(app), ORIGIN_COLUMNS)
    there = _load(app)
    if name is not None and name not in there.profiles:
        raise there.missing(name)
    chosen = name if name is not None else _in_use(app, there)
    if chosen is None or chosen not in there.profiles:
        app.messages.note("no profile is in use; `fsctl profiles create NAME` makes one.")
        return One({"profile": None})
    return One({"profile": chosen, **_shown(there.profiles[chosen])})


def _origins(app: App) -> list[dict[str, Any]]:
    from ..membrane.hosts import DEFAULT_API_URL
    from ..membrane.redact import redact_data
    from ..settings.effective import effective
    from . import roads
    from .app import READ_TIMEOUT, RETRIES

    defaults = {
        "transport": "auto",
        "via": "auto",
        "api_url": DEFAULT_API_URL,
        "output": "table" if app.world.stdout_is_terminal else "json, and jsonl for lists",
        "time_zone": "the system's",
        "timeout": f"{READ_TIMEOUT:g}s",
        "connect_timeout": f"{roads.CONNECT_TIMEOUT:g}s",
        "retries": RETRIES,
    }
    found = effective(app.settings, app.flags, app.world.environ, defaults)
    apart = _of_real_accounts(app)
    return [
        {"key": each.key, "value": redact_data(each.value), "origin": each.origin}
        for each in found
        if each.key not in apart
    ]


def _of_real_accounts(app: App) -> tuple[str, ...]:
    """The keys that do not hold in the sandbox, which has values of its own."""
    if not app.in_sandbox:
        return ()
    return ("org", "region") if app.connection_setting else ("org", "region", "connection")


@group.command(
    cls=Command,
    examples=("fsctl profiles path", 'echo "My profiles are in $(fsctl profiles path)."'),
)
@pass_app
def path(app: App) -> None:
    """Print where the profiles are kept.

    The file need not exist, and may be broken: it is only named.
    """
    from ..settings.profiles import FILE_NAME
    from ..terminal.sanitise import clean
    from ..terminal.streams import write_text

    # Not through the renderer, which reads the settings, and so the very file.
    write_text(app.world.stdout, clean(str(app.directory("config") / FILE_NAME)) + "\n")


# -- changing


@group.command(
    cls=Command,
    examples=("fsctl --sandbox profiles create rehearsal && fsctl profiles use rehearsal",),
)
@click.argument("name", required=False)
@click.option("--none", is_flag=True, help="Use no profile where none is named.")
@pass_app
def use(app: App, name: str | None, none: bool) -> One | None:
    """Use the profile NAME from now on, where no other is named."""
    from ..settings import profile_files

    if (name is None) is not none:
        raise Usage("`profiles use` takes a NAME or --none.", hint="See `fsctl profiles list`.")
    if app.dry_run:
        if name is not None and name not in (there := _load(app)).profiles:
            raise there.missing(name)
        return _plan(app, {"active": name})
    other = app.settings.named_profile(None)
    profile_files.use(app.directory("config"), name)
    where = " where no other is named" if other else ""
    told = f"the profile in use{where} is {name!a}." if name else f"no profile is in use{where}."
    app.messages.note(told)
    if other and other.value != name:
        app.messages.note(f"{other.origin} goes before that, and names {other.value!a}.")
    return None


@group.command(
    cls=Command,
    examples=(
        "fsctl profiles create work --connection 6570c0ffee0123456789abcd --timeout 30s",
        "fsctl --sandbox profiles create rehearsal --use",
        "fsctl profiles create deploys --transport http --retries 5",
    ),
)
@click.argument("name")
@click.option("--use", "activate", is_flag=True, help="Use it from now on.")
@pass_app
def create(app: App, name: str, activate: bool) -> One | None:
    """Create the profile NAME with the global options given here.

    Kept are --connection, --transport (--sandbox), --via, --api-host, --output (--json), --timeout
    and --retries; `profiles set` adds the keys that are no options.
    """
    from ..settings import profile_files
    from ..settings.keys import read_value

    if app.flags.get("profile") is not None:
        raise Usage("--profile names another profile than NAME.", hint="Leave it out.")
    kept = {key: read_value(key, app.flags[key]) for key in KEPT if key in app.flags}
    if hosts := app.flags.get("api_host"):
        kept["allowed_hosts"] = list(hosts)
    if app.dry_run:
        profile_files.check(name, kept)
        if name in _load(app).profiles:
            raise profile_files.exists(name)
        return _plan(app, {"profile": name, "set": kept})
    profile_files.store(app.directory("config"), name, kept, activate=activate, new=True)
    told = f" with {_pairs(kept)}" if kept else ", empty so far"
    app.messages.note(f"created the profile {name!a}{told}.")
    how = f"use it with --profile, or always with `fsctl profiles use {shlex.quote(name)}`."
    app.messages.note("it is in use from now on." if activate else how)
    return None


@group.command(
    "set",
    cls=Command,
    short_help="Set KEY to VALUE in a profile.",
    examples=(
        "fsctl profiles set timeout 30s",
        'fsctl profiles set token_command "op read op://team/membrane/token"',
        "fsctl profiles create eu && fsctl profiles set region eu1 --profile eu",
    ),
)
@click.argument("key")
@click.argument("value")
@pass_app
def set_(app: App, key: str, value: str) -> One | None:
    """Set KEY to VALUE in the profile in use, or in the one that --profile names.

    Several hosts of allowed_hosts have commas between them.
    """
    from ..settings import profile_files
    from ..settings.effective import variable
    from ..settings.keys import read_value

    key = _known(key)
    name, values = _target(app), {key: read_value(key, value)}
    if app.dry_run:
        profile_files.check(name, values)
        return _plan(app, {"profile": name, "set": values})
    profile_files.store(app.directory("config"), name, values)
    app.messages.note(f"{_pairs(values)} in the profile {name!a}.")
    if key == "api_url":
        _warn_of_host(app, name, value)
    over = variable(key, app.world.environ)
    if over and app.world.environ.get(over):
        app.messages.note(f"{over} is set, and goes before that.")
    return None


def _warn_of_host(app: App, profile: str, url: str) -> None:
    """Say so where no command will send credentials to an address that was stored."""
    from ..membrane.hosts import check_api_url

    allowed = _load(app).profiles[profile].get("allowed_hosts", ())
    try:
        check_api_url(url, source="api_url", allowed_hosts=allowed)
    except NeedsPerson as error:
        app.messages.warn(f"{error.message} {error.hint}")


@group.command(
    cls=Command,
    short_help="Remove KEY from a profile.",
    examples=(
        "fsctl profiles set timeout 30s && fsctl profiles unset timeout",
        "fsctl profiles create work --retries 5 && fsctl profiles unset retries --profile work",
    ),
)
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@pass_app
def unset(app: App, keys: tuple[str, ...]) -> One | None:
    """Remove KEY from the profile in use, or from the one that --profile names."""
    from ..settings import profile_files

    wanted = [_known(key) for key in keys]
    name = _target(app)
    held = _load(app).profiles.get(name, {})
    there = [key for key in wanted if key in held]
    if app.dry_run:
        return _plan(app, {"profile": name, "unset": there})
    if there:
        profile_files.unset(app.directory("config"), name, there)
    for key in wanted:
        was = f"removed {key} from" if key in there else f"there is no {key} in"
        app.messages.note(f"{was} the profile {name!a}.")
    return None


@group.command(
    cls=Command,
    examples=("fsctl profiles create old && fsctl profiles delete old",),
)
@click.argument("name")
@pass_app
def delete(app: App, name: str) -> One | None:
    """Delete the profile NAME. What it set is told, to set it again."""
    from ..settings import profile_files
    from ..settings.profiles import UNNAMED

    there = _load(app)
    if name not in there.profiles:
        raise there.missing(name)
    if app.dry_run:
        return _plan(app, {"delete": name, "settings": _shown(there.profiles[name])})
    profile_files.delete(app.directory("config"), name)
    told = _pairs(there.profiles[name])
    app.messages.note(f"deleted the profile {name!a}{f', which had {told}' if told else ''}.")
    if there.active == name:
        left = UNNAMED in there.profiles and name != UNNAMED
        now = f"the profile {UNNAMED!a} is" if left else "no profile is"
        app.messages.note(f"{now} in use now; `fsctl profiles use NAME` chooses one.")
    return None


@group.command(
    cls=Command,
    examples=(
        "echo 'connection = \"6570c0ffee0123456789abcd\"' > .fsctl.toml && fsctl profiles trust .",
        "fsctl profiles trust . --revoke",
    ),
)
@click.argument("folder", metavar="DIR")
@click.option("--revoke", is_flag=True, help="Trust it no longer.")
@pass_app
def trust(app: App, folder: str, revoke: bool) -> One | None:
    """Let DIR/.fsctl.toml name a profile, a connection and a transport.

    Only as the file is now: when it changes, that ends. Without trust a project file sets service,
    environment, source, text, output, fields and time_zone. Hosts and commands it never sets.
    """
    from ..settings import project_file

    place, state = Path(folder), app.directory("state")
    record = project_file.record_of(place, state)
    if revoke:
        if app.dry_run:
            return _plan(app, {"distrust": str(place.resolve())}, record)
        was = project_file.distrust(place, state)
        app.messages.note(f"{str(place.resolve())!a} {'is' if was else 'was'} not trusted.")
        return None
    names = project_file.names(place)
    if "profile" in names and names["profile"] not in (there := _load(app)).profiles:
        raise there.missing(names["profile"], f"profile in {str(place.resolve())!a}")
    if app.dry_run:
        return _plan(app, {"trust": str(place.resolve()), "names": names}, record)
    named = project_file.trust(place, state)
    app.messages.note(
        f"trusted, until the file changes: {_pairs(named)} for everything in "
        f"{str(place.resolve())!a}."
    )
    return None


# -- shared


def _load(app: App) -> Profiles:
    from ..settings.profiles import load

    return load(app.directory("config"))


def _in_use(app: App, there: Profiles) -> str | None:
    """The name of the profile in use: the one called default where none is named."""
    from ..settings.profiles import UNNAMED

    named = app.settings.named_profile(there.active)
    if named is None:
        return UNNAMED if UNNAMED in there.profiles else None
    if named.value not in there.profiles:
        raise there.missing(*named)
    return named.value


def _target(app: App) -> str:
    """The profile that is to be changed."""
    from ..settings.profiles import UNNAMED

    return _in_use(app, _load(app)) or UNNAMED


def _known(key: str) -> str:
    """The key as it is spelled in files. Raises :class:`Usage`."""
    from ..settings.keys import KEYS, unknown_key

    spelled = key.replace("-", "_")
    if spelled not in KEYS:
        raise unknown_key(key, "of a profile", KEYS)
    return spelled


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """A profile without what a person may have written into it against all advice."""
    from ..membrane.redact import redact_data

    shown: dict[str, Any] = redact_data(dict(values))
    return shown


def _pairs(values: Mapping[str, Any]) -> str:
    def told(value: Any) -> str:
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    return ", ".join(f"{key} = {told(value)}" for key, value in values.items())


def _plan(app: App, change: Mapping[str, Any], file: Path | None = None) -> One:
    """What would be written, for --dry-run; to the profiles' file unless ``file`` is another."""
    from ..settings.profiles import FILE_NAME

    file = file or app.directory("config") / FILE_NAME
    return One({"dry_run": True, "file": str(file), **change})
