"""``fsctl users import``: people from files, any number of them."""

from __future__ import annotations

import click

from .app import App
from .import_options import HELP, Asked, import_options
from .options import Command
from .results import Result

_HELP = """Import people from JSONL, JSON, CSV or TSV files, also .gz, and - for stdin.

A person with the same uid, or Fullstory id, is updated. Columns of CSV and TSV named id, uid, email
and name (or display_name) are these; any other is a property. Cells are text unless their column
has a type (seats:int, or --type seats=int), and empty cells are passed over. JSON records are sent
as they stand."""


@click.command(
    "import",
    cls=Command,
    help=_HELP + HELP.format(kind="users"),
    examples=(
        "fsctl --sandbox users import people.csv --check",
        "fsctl --sandbox users import people.csv --map plan=tier --ignore display_name",
        "fsctl --sandbox users import people.csv people.jsonl --strict -o json",
        "fsctl --sandbox users import - --spool crm.jsonl --rejects bad.jsonl < people.jsonl",
    ),
)
@import_options
def import_(app: App, asked: Asked) -> Result:
    from .import_run import run

    return run(app, "users", asked)
