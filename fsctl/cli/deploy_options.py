"""The options that ``annotations deploy`` and ``annotations run`` share, and what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import click

from ..errors import Usage
from .app import App
from .options import Command, heading, pass_app

FailOn = Literal["never", "misconfigured", "any"]

FACTS = ("service", "version", "environment", "status", "started", "finished", "git")
BUDGET = "20s"


class Asked(NamedTuple):
    """What the command line asks for, checked.

    ``facts`` are the options that ``deploys.gather`` takes; ``fail_on`` None leaves it to whether a
    build system runs us; ``budget`` is in seconds; ``once`` is a key, empty for the default one,
    None where every annotation is sent.
    """

    facts: Mapping[str, str | None] = MappingProxyType({})
    text: str | None = None
    source: str | None = None
    fail_on: FailOn | None = None
    budget: float = 20.0
    once: str | None = None
    once_dir: Path | None = None
    outbox: Path | None = None


class _OneOf(click.Choice[str]):
    """A choice that may be left empty, by an unset variable of the pipeline."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if value == "" else super().convert(value, param, ctx)


class DeployCommand(Command):
    """A command with these options, whose --once has a KEY by "=" alone.

    click would take the next word for it, and that is COMMAND: the word behind COMMAND would be
    run in its place.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        typed = tuple(args)  # click takes it apart
        rest = super().parse_args(ctx, args)
        key = ctx.params.get("once")
        if key and f"--once={key}" not in typed:
            raise Usage(
                f"--once takes a key behind = alone: {key[:40]!a} is another word.",
                hint="Write --once=KEY for a key, or --once -- before what is no key.",
            )
        return rest


_TIMES = "ISO 8601, now, -15m, '2h ago' or Unix seconds"

# How it went: `deploy` is told, `run` sees for itself.
_TOLD = (
    click.option(
        "--status",
        metavar="STATUS",
        help="started, succeeded, failed or rolled-back (default: as the build system tells).",
    ),
    click.option(
        "--started",
        metavar="TIME",
        help=f"When it began: {_TIMES} (default: when the job did, where the build system tells).",
    ),
    click.option("--finished", metavar="TIME", help="When it ended (default: now)."),
)
_SEEN = (
    click.option(
        "--status",
        metavar="STATUS",
        help="What it is when COMMAND succeeds: succeeded or rolled-back (default: succeeded).",
    ),
    click.option(
        "--started",
        metavar="TIME",
        help=f"When it began, where that was not with COMMAND: {_TIMES} "
        "(default: when COMMAND starts).",
    ),
    # Known, so that it is refused with what to do instead.
    click.option("--finished", hidden=True, help="None: COMMAND is seen to end."),
)
_WHAT = (
    heading("What is deployed"),
    click.option("--service", metavar="NAME", help="What is deployed (default: the repository)."),
    click.option("--version", metavar="V", help="Its version (default: the tag)."),
    click.option("--env", "environment", metavar="NAME", help="Where to, such as production."),
)
_REST = (
    heading("What the annotation says"),
    click.option(
        "--text",
        metavar="TEMPLATE",
        help="The annotation's text, with fields such as {service} and {short_commit}.",
    ),
    click.option(
        "--source", metavar="NAME", help="What made it (default: the build system and the job)."
    ),
    click.option("--git", metavar="DIR", help="The checkout that git is asked about (default: .)."),
    heading("When something goes wrong"),
    click.option(
        "--fail-on",
        type=_OneOf(("never", "misconfigured", "any")),
        help="What of fsctl's own trouble is a failure: none, what a person has to mend, or any "
        "(default: never under CI, any elsewhere).",
    ),
    click.option(
        "--budget",
        metavar="TIME",
        default=BUDGET,
        help=f"Spend no longer than this, retries included (default: {BUDGET}).",
    ),
    click.option(
        "--once",
        metavar="[=KEY]",
        is_flag=False,
        flag_value="",
        help="Send nothing where the same was sent before from this machine; KEY (--once=KEY) "
        "tells what is the same (default: the run, the job, the deploy).",
    ),
    click.option(
        "--once-dir", metavar="DIR", help="Remember that here, where it outlives the job."
    ),
    click.option(
        "--outbox", metavar="DIR", help="Keep here what could not be sent, for annotations flush."
    ),
)


def deploy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command's function, which gets the :class:`App` and an ``asked``."""
    return _with_options(command, _TOLD)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for ``annotations run``, which sees when and how COMMAND ends."""
    return _with_options(command, _SEEN)


def _with_options(
    command: Callable[..., Any], outcome: Sequence[Callable[..., Any]]
) -> Callable[..., Any]:
    @wraps(command)
    def wrapped(app: App, **given: Any) -> Any:
        own = {option: given.pop(option) for option in _NAMES}
        return command(app, asked=read_options(app, own), **given)

    result: Callable[..., Any] = pass_app(wrapped)
    for option in reversed((*_WHAT, *outcome, *_REST)):
        result = option(result)
    return result


_CHECKED = {"output", "jq", "fields", "timeout", "retries"}  # what click takes as it comes
_NAMES = (
    *FACTS, "text", "source", "fail_on", "budget", "once", "once_dir", "outbox",
)  # fmt: skip


def read_options(app: App, given: Mapping[str, Any]) -> Asked:
    """The options as they were typed, checked by themselves.

    Raises :class:`Usage` for what the command line has wrong: that fails at the first try, under
    a build system too. A setting, a file or a variable that is wrong is found later, and is
    trouble of the kind that breaks no deploy.
    """
    from ..fullstory.times import parse_duration

    _check_global(app)
    # An option left empty by an unset variable of the pipeline is one that was not given.
    given = {name: value or None for name, value in given.items() if name != "once"} | {
        "once": given["once"]
    }
    if given["once_dir"] and given["once"] is None:
        raise Usage(
            "--once-dir says where --once remembers, and --once is not given.",
            hint="Add --once, or leave --once-dir out.",
        )
    facts = {name: given[name] for name in FACTS}
    if any(facts.values()):
        _check_facts(app, facts)
    if given["text"] is not None:
        from ..fullstory.deploy_text import check

        check(given["text"])
    return Asked(
        facts,
        given["text"],
        given["source"],
        given["fail_on"],
        parse_duration(given["budget"] or BUDGET, what="--budget", bare_seconds=True),
        given["once"],
        _path(given["once_dir"]),
        _path(given["outbox"]),
    )


def fail_on(app: App, asked: Asked) -> FailOn:
    """What of fsctl's own trouble is a failure: nothing under a build system, else anything."""
    return asked.fail_on or ("never" if app.world.under_ci else "any")


def _check_facts(app: App, facts: Mapping[str, str | None]) -> None:
    from ..fullstory.deploys import gather

    alone = gather({}, facts, git=None, now=app.world.now(), zone=app.world.timezone)
    if alone.started and alone.finished and alone.finished < alone.started:
        raise Usage("--finished is before --started.", hint="Exchange the two.")
    if facts["git"] and not Path(facts["git"]).is_dir():
        raise Usage(
            f"--git {facts['git']!a} is no directory.",
            hint="Name the checkout of what is deployed.",
        )


def _check_global(app: App) -> None:
    """Refuse wrong global options: those of the command line, without any other setting."""
    if app.flags.keys() & _CHECKED:
        alone = without_settings(app)
        alone.check_output()
        _ = alone.timeout, alone.retries


def without_settings(app: App) -> App:
    """The same run with what the command line says, and no setting from anywhere else."""
    from ..settings.profiles import Profiles
    from ..settings.resolve import Settings

    alone = App(app.world)
    alone.flags = app.flags
    alone.messages = app.messages
    alone.settings = Settings(app.flags, {}, lambda: Profiles(Path()))
    return alone


def _path(text: str | None) -> Path | None:
    if text is None:
        return None
    try:
        return Path(text).expanduser()
    except RuntimeError:  # the home directory of nobody
        return Path(text)
