"""``fsctl events import``: events from files, any number of them."""

from __future__ import annotations

import click

from .app import App
from .import_options import Asked, import_options
from .options import Command
from .results import Result


@click.command("import", cls=Command, examples=("fsctl --sandbox events import events.csv",))
@import_options
def import_(app: App, asked: Asked) -> Result:
    """Import events from JSONL, JSON, CSV or TSV files."""
    from .import_run import run

    return run(app, "events", asked)
