"""The options of `users import` and `events import`, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .numbers import Number
from .options import heading, pass_app

if TYPE_CHECKING:
    from ..bulk.mapping import Choices

MOST_JOBS = 50  # at once: Fullstory runs 100 of an account, and others import too
FORMATS = ("jsonl", "json", "csv", "tsv")


class Asked(NamedTuple):
    """What was asked for; ``sources`` are files' names, and ``-`` for stdin."""

    sources: tuple[str, ...]
    mapped: tuple[str, ...]
    ignored: tuple[str, ...]
    typed: tuple[str, ...]
    empty_as_null: bool
    form: str | None
    encoding: str | None
    check: bool
    strict: bool
    concurrency: int | None
    wait_for: str | None
    restart: bool
    spool: str | None
    rejects: str | None
    imports: str | None
    force: bool
    anonymous: bool = False  # only events have it

    def choices(self) -> Choices:
        """How columns are read. Raises :class:`Usage`."""
        from ..bulk.mapping import Choices

        return Choices.parse(
            self.mapped,
            self.ignored,
            self.typed,
            empty_as_null=self.empty_as_null,
            anonymous=self.anonymous,
        )


HELP = """

Bad rows go to the rejects file, with the reason and in FILE's own format, and good ones to
Fullstory; corrected, the rejects are imported as they are. A batch holds at most 50,000 rows and 8
MB, and 4 jobs run at once: the order of rows with the same uid is undefined then, and --concurrency
1 keeps it. Each job is followed to its end, for as long as --wait-for allows.

What was cut off (Ctrl-C, a crash, a lost network) goes on with the same command, and nothing is
imported twice; `fsctl {kind} imports` lists what waits for that. stdin needs --spool for it.

Exit codes: 0 all rows are imported; 6 some were not: the rejects hold them, or
FILE broke off; 7 of some it is
unknown, FILE.unknown.EXT holds them; 5 Fullstory is away or too busy, run it again; 2 it cannot be
read at all, or with --check or --strict some rows are bad.
"""

_EMPTY_AS_NULL = click.option(
    "--empty-as-null",
    is_flag=True,
    help="Empty cells take values away that Fullstory has; else they are passed over.",
)
_ANONYMOUS = click.option(
    "--anonymous",
    is_flag=True,
    help="Send rows of CSV and TSV without an owner, too: each makes a new anonymous person.",
)
_OPTIONS = (
    click.argument("sources", nargs=-1, metavar="FILE..."),
    heading("Reading"),
    click.option(
        "--map",
        "mapped",
        multiple=True,
        metavar="COLUMN=FIELD",
        help="Take a column of CSV or TSV for this field.",
    ),
    click.option(
        "--ignore", "ignored", multiple=True, metavar="COLUMN", help="Leave a column out."
    ),
    click.option(
        "--type",
        "typed",
        multiple=True,
        metavar="COLUMN=TYPE",
        help="Read a column as int, real, bool, date, json or str; of JSON: declare the type of a "
        "property.",
    ),
    _EMPTY_AS_NULL,
    click.option(
        "--format", "form", type=click.Choice(FORMATS), help="What FILE is, where it is mistaken."
    ),
    click.option("--encoding", metavar="NAME", help="How FILE is encoded, where it is mistaken."),
    heading("Checking"),
    click.option("--check", is_flag=True, help="Check all rows and send nothing; 2 if any is bad."),
    click.option("--strict", is_flag=True, help="Send nothing at all if any row is bad."),
    heading("Sending"),
    click.option(
        "--concurrency",
        type=Number(1, MOST_JOBS),
        metavar="N",
        help="How many jobs at once (default 4); with 1 the order of the rows is kept.",
    ),
    click.option(
        "--wait-for", metavar="TIME", help="Wait at most this long for a job (default 6h)."
    ),
    click.option("--restart", is_flag=True, help="Begin anew, whatever an earlier run has sent."),
    click.option(
        "--spool",
        metavar="FILE",
        help="Keep what comes from stdin there meanwhile, so that it can be gone on with.",
    ),
    heading("Output files"),
    click.option(
        "--rejects",
        metavar="FILE",
        help="Write rows that were not imported there (default FILE.rejects.EXT).",
    ),
    click.option(
        "--imports", metavar="FILE", help="Write what was imported there, with Fullstory's ids."
    ),
    click.option("--force", is_flag=True, help="Replace files that are there already."),
)


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command, which gets the app and what they come to."""
    return _with(command, _OPTIONS)


def event_import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds those, and what is for events only."""
    place = _OPTIONS.index(_EMPTY_AS_NULL) + 1
    return _with(command, (*_OPTIONS[:place], _ANONYMOUS, *_OPTIONS[place:]))


def _with(command: Callable[..., Any], options: Sequence[Any]) -> Callable[..., Any]:
    @wraps(command)
    def with_options(app: Any, **values: Any) -> Any:
        return command(app, Asked(**values))

    wrapped: Callable[..., Any] = pass_app(with_options)
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped
