"""The steps of ``fsctl init``, one after the other: each asks, or takes the flag.

Nothing is written before the last one. What is decided without asking is in ``init_plan``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import FsctlError, Usage
from . import init_plan as plan
from .app import App
from .init_found import Preview
from .init_plan import Answers, Found, Road
from .init_run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from ..membrane.gateway import Connection

NEW = "\x00new"  # no profile has such a name
CHECK_UID = "fsctl-init-check"  # nobody's: the check reads nothing of anybody


class Stored(NamedTuple):
    """What the set-up came to.

    ``changes`` are the keys of the profile that are written, None for one that is taken away;
    ``keys`` is what it says afterwards.
    """

    profile: str
    road: Road
    connection: Connection | None
    changes: dict[str, Any]
    keys: dict[str, Any]
    path: Path
    in_use: bool
    checked: bool


def set_up(run: Run) -> Stored:
    """Go through all the steps. Raises as a command does; then nothing is stored."""
    from . import init_connection, init_road

    try:
        run.remember()
        _choose_profile(run)
        road, connections = init_road.settle(run)
        sandbox = road == "sandbox"
        connection = None if sandbox else init_connection.settle(run, connections)
        name = _name(run, road)
        in_use = _is_used(run, name)
        reachable = sandbox or connection is not None
        checked = run.checks and reachable and _check(run)
        return _store(run, name, road, connection, in_use, checked)
    finally:
        run.preview.close()


# -- which profile


def _choose_profile(run: Run) -> None:
    """Which profile is set up, where there are some already."""
    name = run.answers.profile
    if name is None and run.asks and run.found.profiles:
        name = _ask_profile(run)
    if name is not None and name in run.found.profiles:
        run.answers.profile = name
        run.keys = run.found.profiles[name]
    run.remember()


def _ask_profile(run: Run) -> str | None:
    from ..terminal.prompts import Choice, select

    active = run.found.active
    choices = [
        Choice(name, name, plan.in_words(keys, in_use=name == active))
        for name, keys in run.found.profiles.items()
    ]
    choices.append(Choice(NEW, "A new profile", "the others stay as they are"))
    picked = select(run.app.world, "Which profile to set up?", choices, default=active)
    return None if picked == NEW else picked


# -- its name, and whether it is in use


def _name(run: Run, road: Road) -> str:
    if run.answers.profile is None:
        from ..terminal.prompts import ask_text

        run.answers.profile = ask_text(
            run.app.world,
            "A name for this profile:",
            default=plan.suggested_name(road, run.found),
            check=lambda name: _wrong_name(name, run.found),
        )
    run.remember()
    return run.answers.profile


def _wrong_name(name: str, found: Found) -> str | None:
    from ..settings.profile_files import check_name

    if name in found.profiles:
        return "There is a profile of that name already."
    try:
        check_name(name)
    except Usage as error:
        return f"{error.message} {error.hint or ''}"
    return None


def _is_used(run: Run, name: str) -> bool:
    """Whether the profile is in use from now on."""
    use = run.answers.use
    if use is None and plan.asks_for_use(name, run.found):
        use = bool(run.app.flags.get("yes")) or _ask_use(run, name)
    if use is None:
        return True
    return use or name == run.found.active


def _ask_use(run: Run, name: str) -> bool:
    from ..terminal.prompts import confirm

    question = f"Use {name} from now on, in place of {run.found.active}?"
    return confirm(run.app.world, question, default=True)


# -- the check


def _check(run: Run) -> bool:
    """Whether Fullstory answered; a person may go on where it did not."""
    from ..fullstory.operations import LIST_USERS
    from ..fullstory.types import Call

    world = run.preview.world
    began = world.monotonic()
    try:
        answer = run.preview.caller.call(Call(LIST_USERS, {"uid": CHECK_UID}))
    except FsctlError as error:
        _not_answered(run, error)
        return False
    how = "an action" if answer.via == "action" else "the proxy"
    took = world.monotonic() - began
    run.guide.done(f"It works: Fullstory answered by {how}, in {took:.1f} s.")
    return True


def _not_answered(run: Run, error: FsctlError) -> None:
    """Ask whether to go on all the same. Raises ``error`` where not."""
    if not run.asks:
        error.hint = f"{error.hint or ''} Nothing was stored; --no-check stores it.".strip()
        raise error
    from ..terminal.prompts import confirm

    run.guide.trouble(f"Fullstory was asked one thing: {error.message}", error.hint)
    if not confirm(run.app.world, "Store the profile all the same?", default=False):
        raise error


# -- the end


def _store(
    run: Run, name: str, road: Road, connection: Connection | None, in_use: bool, checked: bool
) -> Stored:
    """Write the profile, in one step; nothing with ``--dry-run``."""
    from ..settings.profile_files import store
    from ..settings.profiles import FILE_NAME
    from .completion_names import learn_profiles

    directory = run.app.directory("config")
    chosen = connection.id if connection else None
    changes = plan.changes(run.answers, road, chosen, run.keys, run.found)
    if not run.app.dry_run:
        activate = in_use and run.found.active != name
        store(directory, name, changes, activate=activate, new=name not in run.found.profiles)
        learn_profiles(run.app)
    run.app.resume = None
    keys = run.keys_to_be(road, chosen)
    return Stored(name, road, connection, changes, keys, directory / FILE_NAME, in_use, checked)


def check_values(answers: Answers) -> None:
    """Refuse, before anything is asked, what could not be stored in the end."""
    from ..settings.keys import check_value
    from ..settings.profile_files import check_name

    if answers.profile is not None:
        check_name(answers.profile)
    for key in ("token_command", "connection"):
        if (value := getattr(answers, key)) is not None:
            check_value(key, value)
    for key, value in answers.kept.items():
        check_value(key, value)


def leave_profile_out(app: App) -> None:
    """Let the environment choose no profile for the settings of init itself.

    It need not exist yet, and what stands in it is about to change.
    """
    preview = Preview(app, "", {})
    app.settings = preview.settings
