"""The options of `users import` and `events import`: what they are called, and what they come to."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import click

from .numbers import Number
from .options import pass_app

MOST_JOBS = 50  # at once: Fullstory runs 100 of an account, and others import too


class Asked(NamedTuple):
    """What was asked for; ``sources`` are files' names, and ``-`` for stdin."""

    sources: tuple[str, ...]
    mapped: tuple[str, ...]
    ignored: tuple[str, ...]
    typed: tuple[str, ...]
    empty_as_null: bool
    check: bool
    strict: bool
    concurrency: int | None
    restart: bool
    force: bool
    rejects: str | None
    imports: str | None
    spool: str | None


_OPTIONS = (
    click.argument("sources", nargs=-1, required=True, metavar="FILE..."),
    click.option(
        "--map",
        "mapped",
        multiple=True,
        metavar="COLUMN=FIELD",
        help="Take this column for that field.",
    ),
    click.option(
        "--ignore", "ignored", multiple=True, metavar="COLUMN", help="Leave this column out."
    ),
    click.option(
        "--type",
        "typed",
        multiple=True,
        metavar="COLUMN=TYPE",
        help="Read this column as int, real, bool, date, json or str.",
    ),
    click.option(
        "--empty-as-null", is_flag=True, help="An empty cell takes the value away in Fullstory."
    ),
    click.option("--check", is_flag=True, help="Only check the rows; send nothing."),
    click.option("--strict", is_flag=True, help="Send nothing if any row is bad."),
    click.option(
        "--concurrency",
        type=Number(1, MOST_JOBS),
        metavar="N",
        help="So many jobs at once (default 4); 1 keeps the order of the rows.",
    ),
    click.option("--restart", is_flag=True, help="Begin anew, whatever an earlier run has sent."),
    click.option("--force", is_flag=True, help="Replace files that are there already."),
    click.option(
        "--rejects",
        metavar="FILE",
        help="Write rows that were not imported there (default FILE.rejects.EXT).",
    ),
    click.option("--imports", metavar="FILE", help="Write the ids that Fullstory gave there."),
    click.option(
        "--spool",
        metavar="FILE",
        help="Keep stdin there meanwhile, so that it can be gone on with.",
    ),
)


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command, which gets the app and what they come to."""

    @wraps(command)
    def with_options(app: Any, **values: Any) -> Any:
        return command(app, Asked(**values))

    wrapped: Callable[..., Any] = pass_app(with_options)
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
