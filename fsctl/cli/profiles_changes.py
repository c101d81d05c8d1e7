"""``fsctl profiles use``, ``create``, ``set``, ``unset`` and ``delete``."""

from __future__ import annotations

import shlex

import click

from ..errors import NeedsPerson, Usage
from .app import App
from .completion_names import learn_profiles
from .options import Command, pass_app
from .profiles_shared import known_key, load_profiles, pairs, plan, shown, target
from .results import One

# Global options that are kept by `create`, under the same name in the profile.
KEPT = ("transport", "connection", "via", "output", "timeout", "retries")


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox profiles create rehearsal && fsctl profiles use rehearsal",
        "fsctl profiles use --none",
    ),
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
        if name is not None and name not in (there := load_profiles(app)).profiles:
            raise there.missing(name)
        return plan(app, {"active": name})
    other = app.settings.named_profile(None)
    profile_files.use(app.directory("config"), name)
    learn_profiles(app)
    where = " where no other is named" if other else ""
    told = f"the profile in use{where} is {name!a}." if name else f"no profile is in use{where}."
    app.messages.note(told)
    if other and other.value != name:
        app.messages.note(f"{other.origin} goes before that, and names {other.value!a}.")
    return None


@click.command(
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
        if name in load_profiles(app).profiles:
            raise profile_files.exists(name)
        return plan(app, {"profile": name, "set": kept})
    profile_files.store(app.directory("config"), name, kept, activate=activate, new=True)
    learn_profiles(app)
    told = f" with {pairs(kept)}" if kept else ", empty so far"
    app.messages.note(f"created the profile {name!a}{told}.")
    how = f"use it with --profile, or always with `fsctl profiles use {shlex.quote(name)}`."
    app.messages.note("it is in use from now on." if activate else how)
    return None


@click.command(
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

    key = known_key(key)
    name, values = target(app), {key: read_value(key, value)}
    if app.dry_run:
        profile_files.check(name, values)
        return plan(app, {"profile": name, "set": values})
    profile_files.store(app.directory("config"), name, values)
    learn_profiles(app)
    app.messages.note(f"{pairs(values)} in the profile {name!a}.")
    if key == "api_url":
        _warn_of_host(app, name, value)
    over = variable(key, app.world.environ)
    if over and app.world.environ.get(over):
        app.messages.note(f"{over} is set, and goes before that.")
    return None


def _warn_of_host(app: App, profile: str, url: str) -> None:
    """Say so where no command will send credentials to an address that was stored."""
    from ..membrane.hosts import check_api_url

    allowed = load_profiles(app).profiles[profile].get("allowed_hosts", ())
    try:
        check_api_url(url, source="api_url", allowed_hosts=allowed)
    except NeedsPerson as error:
        app.messages.warn(f"{error.message} {error.hint}")


@click.command(
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

    wanted = [known_key(key) for key in keys]
    name = target(app)
    held = load_profiles(app).profiles.get(name, {})
    there = [key for key in wanted if key in held]
    if app.dry_run:
        return plan(app, {"profile": name, "unset": there})
    if there:
        profile_files.unset(app.directory("config"), name, there)
        learn_profiles(app)
    for key in wanted:
        was = f"removed {key} from" if key in there else f"there is no {key} in"
        app.messages.note(f"{was} the profile {name!a}.")
    return None


@click.command(
    cls=Command,
    examples=(
        "fsctl profiles create old && fsctl profiles delete old",
        "fsctl profiles create old && fsctl profiles delete old --dry-run",
    ),
)
@click.argument("name")
@pass_app
def delete(app: App, name: str) -> One | None:
    """Delete the profile NAME. What it set is told, to set it again."""
    from ..settings import profile_files
    from ..settings.profiles import UNNAMED

    there = load_profiles(app)
    if name not in there.profiles:
        raise there.missing(name)
    if app.dry_run:
        return plan(app, {"delete": name, "settings": shown(there.profiles[name])})
    profile_files.delete(app.directory("config"), name)
    learn_profiles(app)
    told = pairs(there.profiles[name])
    app.messages.note(f"deleted the profile {name!a}{f', which had {told}' if told else ''}.")
    if there.active == name:
        left = UNNAMED in there.profiles and name != UNNAMED
        now = f"the profile {UNNAMED!a} is" if left else "no profile is"
        app.messages.note(f"{now} in use now; `fsctl profiles use NAME` chooses one.")
    return None
