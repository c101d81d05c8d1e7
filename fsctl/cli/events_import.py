"""``fsctl events import``: events from files, any number of them."""

from __future__ import annotations

import click

from .app import App
from .import_options import HELP, Asked, event_import_options
from .options import Command
from .results import Result

_HELP = """Import events from JSONL, JSON, CSV or TSV files, also .gz, and - for stdin.

Columns of CSV and TSV named name, timestamp, user.id, user.uid, session.id and context.* (such as
context.browser.url) are these; any other is a property. Each event needs a name and one owner, a
user or a session; --anonymous sends rows of CSV and TSV that have none. Cells are text unless their
column has a type (amount:real, or --type amount=real), and empty cells are passed over. JSON
records are sent as they stand.

Fullstory has no id for events, so one that is sent twice is there twice: within 24 hours a repeated
batch counts once; after that, what was never answered is not sent again, and the exit code is 7."""


@click.command(
    "import",
    cls=Command,
    help=_HELP + HELP.format(kind="events"),
    examples=(
        "fsctl --sandbox events import events.csv --check",
        "fsctl --sandbox events import events.csv --map ticket=case --type minutes=real",
        "fsctl --sandbox events import events.csv events.jsonl --concurrency 1 -o json",
        "fsctl --sandbox events import - --spool shop.jsonl --rejects bad.jsonl < events.jsonl",
    ),
)
@event_import_options
def import_(app: App, asked: Asked) -> Result:
    from .import_run import run

    return run(app, "events", asked)
