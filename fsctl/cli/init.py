"""``fsctl init``: from nothing to a command that works, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import Usage
from ..settings import env
from . import init_plan as plan
from .app import App
from .options import Command, pass_app
from .results import One

if TYPE_CHECKING:
    from ..terminal.guide import Guide
    from .init_steps import Stored

# Options that are kept under the same name. --output is not: it says how init tells what it did.
KEPT = ("via", "timeout", "retries")


@click.command(
    cls=Command,
    examples=(
        "fsctl init",
        "fsctl init --no-input --road sandbox --profile-name play",
        "fsctl init --sandbox --profile-name play --no-use --dry-run --json",
    ),
)
@click.option(
    "--road",
    type=click.Choice(plan.ROADS),
    help="Reach Membrane with a token of the environment, by the membrane login, or try the "
    "sandbox.",
)
@click.option(
    "--token-command",
    metavar="COMMAND",
    help="Let this command print the token, such as a password manager's; for --road token.",
)
@click.option(
    "--create-connection",
    "create",
    metavar="[NAME]",
    is_flag=False,
    flag_value="",
    help="Create a connection to Fullstory where there is none (of that name).",
)
@click.option(
    "--wait-for",
    metavar="TIME",
    help="Give a connection so long to get ready (default 10m, and 30s where nobody is asked).",
)
@click.option(
    "--profile-name", metavar="NAME", help="Set up this profile: a new one, or one to change."
)
@click.option(
    "--use/--no-use", default=None, help="Use the profile from now on, or only where it is named."
)
@click.option(
    "--check/--no-check",
    "checks",
    default=True,
    help="Ask Fullstory one harmless thing before the profile is stored, or do not.",
)
@pass_app
def init(
    app: App,
    road: plan.Road | None,
    token_command: str | None,
    create: str | None,
    wait_for: str | None,
    profile_name: str | None,
    use: bool | None,
    checks: bool,
) -> One | None:
    """Set up fsctl, step by step.

    How to reach Membrane, which connection to use, under which name to keep that: it finds what is
    there already, says what is missing and the command for it, asks Fullstory one harmless
    thing, and stores a profile in the end, in one step. Nothing secret is ever stored. Every
    question has an option, --connection among them; with --no-input, without a terminal and in
    CI nothing is asked, and an option that is missing is named. Run it again to change a
    profile: what it says already is pointed at first, and the rest of it stays as it is.

    --transport, --via, --api-host, --timeout and --retries are kept in the profile, too; --output
    only says how init tells what it did.
    """
    from ..terminal.guide import Guide
    from ..terminal.prompts import can_prompt
    from .init_found import find
    from .init_run import Run
    from .init_steps import check_values, leave_profile_out, set_up

    named = _profile(app, profile_name)
    leave_profile_out(app)
    app.check_output()
    answers = plan.consistent(
        plan.Answers(
            profile=named,
            road=road,
            transport=app.flags.get("transport"),
            token_command=token_command,
            connection=app.flags.get("connection"),
            create=create,
            use=use,
            kept=_kept(app),
            words=_words(app, wait_for, checks),
        )
    )
    check_values(answers)
    asks = can_prompt(app.world, app.flags)
    wait = _wait(wait_for, asks)
    found = find(app)
    if not asks and (flags := plan.missing(answers, found)):
        raise plan.refuse_missing(flags, _why_nobody(app))
    app.messages = guide = Guide(app.messages)
    if asks:
        about = "A few questions; nothing secret is stored, and on Ctrl-C nothing at all."
        guide.title("Set up fsctl", about)
    stored = set_up(Run(app, guide, answers, found, asks=asks, checks=checks, wait=wait))
    as_data = not app.renders_table or app.asks_for_data or app.dry_run
    if not app.dry_run:
        _tell(app, guide, stored)
    if as_data:
        return One(_as_data(app, stored, answers.create))
    commands = plan.next_commands(stored.road, stored.profile, stored.in_use)
    guide.commands("Type next:", commands)
    return None


def _profile(app: App, profile_name: str | None) -> str | None:
    """The profile that is named: by either option, or by the environment."""
    flag = app.flags.pop("profile", None)
    if flag is not None and profile_name not in (None, flag):
        raise Usage(
            f"--profile {flag} and --profile-name {profile_name} name different profiles.",
            hint="Give one of them.",
        )
    return profile_name or flag or app.world.environ.get(env.PROFILE) or None


def _kept(app: App) -> dict[str, Any]:
    """What the global options say that is for the profile, as its file has it."""
    from ..settings.keys import read_value

    kept = {key: read_value(key, app.flags[key]) for key in KEPT if key in app.flags}
    return kept | ({"allowed_hosts": list(hosts)} if (hosts := app.flags.get("api_host")) else {})


def _words(app: App, wait_for: str | None, checks: bool) -> list[str]:
    """The options to give again, to go on."""
    from .resuming import options

    waiting = [] if wait_for is None else ["--wait-for", wait_for]
    unchecked = [] if checks else ["--no-check"]
    answered = ("connection", "profile", "transport")
    flags = {name: value for name, value in app.flags.items() if name not in answered}
    return [*waiting, *unchecked, *options(flags)]


def _wait(wait_for: str | None, asks: bool) -> float:
    """How many seconds a connection may take to get ready."""
    from ..fullstory.times import parse_duration
    from ..membrane.connecting import HELD
    from .connecting import WAIT_FOR

    if wait_for is not None:
        return parse_duration(wait_for, what="--wait-for")
    return WAIT_FOR if asks else HELD


def _why_nobody(app: App) -> str:
    if app.flags.get("no_input"):
        return "--no-input was given"
    return "CI is set" if app.world.under_ci else "there is no terminal to ask on"


def _tell(app: App, guide: Guide, stored: Stored) -> None:
    """What was done, and what goes before it."""
    what = f"The profile {stored.profile}"
    kept = "" if stored.changes else " already says so; nothing in it had to change"
    where = kept or f" is stored in {plan.at_home(str(stored.path), app.world.environ)}"
    use = "; it is in use from now on" if stored.in_use else f"; --profile {stored.profile} uses it"
    guide.done(f"{what}{where}{use}.")
    for variable, value in plan.overruling(app.world.environ, stored.profile, stored.keys):
        guide.trouble(
            f"{variable} is set to {value!a}, and a variable goes before the profile.",
            f"Run `unset {variable}` to go by the profile.",
        )


def _as_data(app: App, stored: Stored, create: str | None) -> dict[str, Any]:
    """What was done, for programs; ``create`` is the connection that a plan would create."""
    data: dict[str, Any] = {"dry_run": True} if app.dry_run else {}
    if create is not None:
        data["create_connection"] = create or True
    return data | {
        "profile": stored.profile,
        "road": stored.road,
        "connection": None if stored.connection is None else stored.connection.id,
        "changes": stored.changes,
        "in_use": stored.in_use,
        "checked": stored.checked,
        "path": str(stored.path),
        "next": plan.next_commands(stored.road, stored.profile, stored.in_use),
    }
