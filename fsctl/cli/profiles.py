"""``fsctl profiles``: settings kept under a name, and the project files that are trusted."""

from __future__ import annotations

from typing import Any

import click

from ..terminal.columns import Column
from .app import App
from .options import Command, LazyGroup, pass_app
from .profiles_shared import in_use, load_profiles, shown
from .results import One, Rows

LIST_COLUMNS = (
    Column("name", kind="id", importance=9),
    Column("in_use", kind="bool", importance=8),
    Column("settings", kind="pairs", importance=7),
)
ORIGIN_COLUMNS = (
    Column("key", kind="id", importance=9),
    Column("value", importance=9),
    Column("origin", importance=8),
)

MEMBERS = {
    "list": (".profiles:list_", "List the profiles, with what they set."),
    "show": (".profiles:show", "Show the profile NAME, or the one in use."),
    "use": (".profiles_changes:use", "Use the profile NAME from now on, where no other is named."),
    "create": (
        ".profiles_changes:create",
        "Create the profile NAME with the global options given here.",
    ),
    "set": (".profiles_changes:set_", "Set KEY to VALUE in a profile."),
    "unset": (".profiles_changes:unset", "Remove KEY from a profile."),
    "delete": (".profiles_changes:delete", "Delete the profile NAME."),
    "path": (".profiles:path", "Print where the profiles are kept."),
    "trust": (
        ".profiles_trust:trust",
        "Let DIR/.fsctl.toml name a profile, a connection and a transport.",
    ),
}


@click.group(
    "profiles",
    cls=LazyGroup,
    members=MEMBERS,
    examples=(
        "fsctl profiles create eu --connection 'Fullstory EU' --use",
        "fsctl profiles show --origin",
    ),
)
def group() -> None:
    """Keep settings under a name, one for each account.

    A profile is chosen by --profile, FSCTL_PROFILE or `profiles use`; the one called default is
    used where none is. What is given with a command or in an FSCTL_ variable goes before it. No
    profile holds a secret: token_command names a command that prints the token.
    """


# -- looking


@click.command(
    "list",
    cls=Command,
    examples=("fsctl profiles list", "fsctl profiles list --jq .name"),
)
@pass_app
def list_(app: App) -> Rows:
    """List the profiles, with what they set."""
    there = load_profiles(app)
    named = app.settings.named_profile(there.active)
    if named is not None and named.value not in there.profiles:  # the list helps to choose another
        app.messages.warn(there.missing(*named).message)
        app.settings.leave_profile_out()
        current = None
    else:
        current = in_use(app, there)
    rows = [
        {"name": name, "in_use": name == current, "settings": shown(profile)}
        for name, profile in there.profiles.items()
    ]
    return Rows(rows, LIST_COLUMNS)


@click.command(
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
    there = load_profiles(app)
    if name is not None and name not in there.profiles:
        raise there.missing(name)
    chosen = name if name is not None else in_use(app, there)
    if chosen is None or chosen not in there.profiles:
        app.messages.note("no profile is in use; `fsctl profiles create NAME` makes one.")
        return One({"profile": None})
    return One({"profile": chosen, **shown(there.profiles[chosen])})


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


@click.command(
    cls=Command,
    examples=("fsctl profiles path", 'echo "My profiles are in $(fsctl profiles path)."'),
)
@pass_app
def path(app: App) -> One | None:
    """Print where the profiles are kept.

    The file need not exist, and may be broken: it is only named.
    """
    from ..settings.profiles import FILE_NAME
    from ..terminal.sanitise import clean
    from ..terminal.streams import write_text

    where = str(app.directory("config") / FILE_NAME)
    if app.data_asked:
        return One({"path": where})
    # Not through the renderer, which reads the settings, and so the very file.
    write_text(app.world.stdout, clean(where) + "\n")
    return None
