"""The options of `users job` and `events job`, and their one argument."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import click

from ..settings.choices import FORMATS
from .options import Command, heading, pass_app

_HYPHENED = re.compile(r"-[A-Za-z0-9_][A-Za-z0-9_-]{6,}=*")  # longer than flags put together

HELP = """Show how far the batch job ID has come, and what failed.

The exit code is 0 while nothing has failed, and 6 once the job has ended with rows that failed,
whatever Fullstory calls that: its FAILED may mean one row, and its COMPLETED may hide some.

--errors lists the rows that failed, and --rejects FILE writes them as JSON lines that `fsctl {kind}
import` takes when they are corrected: Fullstory gives them back whole, but not their line numbers.
How long it keeps them is not documented. `fsctl {kind} imports` tells the jobs of imports that
run here; -v of an import tells all of them.
"""


class Asked(NamedTuple):
    """What was asked for of a job."""

    id: str
    wait: bool
    wait_for: str | None
    errors: bool
    rejects: str | None
    imports: str | None
    force: bool


_OPTIONS = (
    click.argument("id", metavar="ID"),
    heading("Waiting"),
    click.option("--wait", is_flag=True, help="Wait until it has ended."),
    click.option("--wait-for", metavar="TIME", help="Wait at most this long (default 10m)."),
    heading("What became of its rows"),
    click.option("--errors", is_flag=True, help="List the rows that failed, and why."),
    click.option("--rejects", metavar="FILE", help="Write the rows that failed there."),
    click.option(
        "--imports", metavar="FILE", help="Write what was imported there, with Fullstory's ids."
    ),
    click.option("--force", is_flag=True, help="Replace files that are there already."),
)


class JobCommand(Command):
    """Takes an id that begins with a hyphen, as base64 for URLs may, for no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found = [word for word in args if _HYPHENED.fullmatch(word) and word[2:] not in FORMATS]
        if len(found) == 1 and "--" not in args:
            args = [*(word for word in args if word != found[0]), "--", found[0]]
        return super().parse_args(ctx, args)


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(command)
    def with_options(app: Any, **values: Any) -> Any:
        return command(app, Asked(**values))

    wrapped: Callable[..., Any] = pass_app(with_options)
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
