"""The road that ``fsctl init`` settles on: asked for, tried out, mended where it is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import FsctlError, NeedsPerson, Unavailable, Usage
from . import init_plan as plan
from .init_found import lacking
from .init_plan import Road
from .init_run import Run
from .roads import membrane_command

if TYPE_CHECKING:
    from ..membrane.gateway import Connection

# Logging in does not bring what these miss, and trying again finds nothing else.
_NO_LOGIN = ("no_membrane", "membrane_missing", "token_first")
_NO_CHANGE = ("no_token", "token_first")


def settle(run: Run) -> tuple[Road, list[Connection]]:
    """How to reach Membrane, tried out; and the connections there.

    Raises :class:`NeedsPerson` and :class:`Unavailable` where nobody is asked, or who is stops.
    """
    while True:
        run.look()
        road = run.answers.road or _ask(run)
        try:
            if road == "login":
                membrane_command(run.preview)  # a setting that names none is refused as such
            problem = lacking(road, run.answers, run.keys, run.found)
            if problem is not None:
                raise problem
            connections = _reach(run, road)
        except (NeedsPerson, Unavailable) as error:
            if not run.asks:
                raise
            _mend(run, road, error)
            continue
        run.answers.road = road
        run.remember()
        return road, connections


def _ask(run: Run) -> Road:
    current = plan.current_road(run.keys, run.found)
    if not run.asks:
        assert current is not None  # else its flag was missing
        return current
    from ..terminal.prompts import Choice, select

    choices = [Choice(*words) for words in plan.roads_in_words(run.keys, run.found)]
    likely = plan.likely_road(run.keys, run.found)
    picked = select(run.app.world, "How do you reach Membrane?", choices, default=likely)
    return next(road for road in plan.ROADS if road == picked)


def _reach(run: Run, road: Road) -> list[Connection]:
    """Ask Membrane for the connections, on the road as the profile will have it."""
    run.take(road)
    if run.answers.token_command is not None and run.found.token is not None:
        run.guide.trouble(
            f"{run.found.token} is set, and goes before the command that prints a token.",
            f"Run `unset {run.found.token}` to use the command.",
        )
    world = run.preview.world
    began = world.monotonic()
    connections = run.connections()
    if road == "sandbox":
        run.guide.done("The sandbox is ready, with made-up people in it.")
    else:
        took = world.monotonic() - began
        run.guide.done(_whose(run))
        run.guide.note(plan.reached_in_words(len(connections), took))
    return connections


def _whose(run: Run) -> str:
    """Where the credentials come from and whose they are; nothing secret."""
    road = run.preview.road
    if road.tokens is None:
        return "The membrane login works; it stays with membrane."
    from ..membrane.token_facts import read_facts

    now = run.preview.unix_time()
    facts = read_facts(road.tokens.token(), road.tokens.origin, now)
    return plan.token_in_words(facts, now)


# -- what is in the way


def _mend(run: Run, road: Road, error: FsctlError) -> None:
    """Say what is in the way and do what the person chooses. Raises ``error`` to stop."""
    from ..terminal.prompts import Choice, select

    run.guide.trouble(error.message, error.hint)
    choices = []
    if road == "login" and error.code not in _NO_LOGIN:
        choices.append(Choice("login", "Log in now", "runs `membrane login --tenant` here"))
    if road == "token" and run.found.token is None:
        choices.append(
            Choice("command", "Name a command that prints a token", "a password manager's")
        )
    if error.code not in _NO_CHANGE:
        choices.append(Choice("again", "Try again", "once it is mended"))
    choices.append(Choice("road", "Reach Membrane in another way"))
    choices.append(Choice("stop", "Stop here", "nothing is stored"))
    picked = select(run.app.world, "What now?", choices)
    if picked == "stop":
        raise error
    run.answers.road = None if picked == "road" else road
    if picked == "road":
        run.answers.transport = run.answers.token_command = None
    elif picked == "login":
        _log_in(run)
    elif picked == "command":
        _ask_token_command(run)
    run.remember()


def _log_in(run: Run) -> None:
    from .auth import log_in

    try:
        log_in(run.preview)
    except (NeedsPerson, Unavailable) as error:
        run.guide.trouble(error.message, error.hint)


def _ask_token_command(run: Run) -> None:
    from ..terminal.prompts import ask_text

    current = run.answers.token_command or str(run.keys.get("token_command", ""))
    run.answers.token_command = ask_text(
        run.app.world, "The command:", default=current, check=_wrong_token_command
    )


def _wrong_token_command(text: str) -> str | None:
    from ..settings.keys import check_value

    if not text:
        return "Type a command, such as: pass show membrane"
    try:
        check_value("token_command", text)
    except Usage as error:
        return f"{error.message} {error.hint or ''}"
    return None
