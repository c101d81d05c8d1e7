"""``fsctl profiles trust``: project files that may choose an account."""

from __future__ import annotations

from pathlib import Path

import click

from .app import App
from .options import Command, pass_app
from .profiles_shared import load_profiles, pairs, plan
from .results import One


@click.command(
    cls=Command,
    examples=(
        "echo 'connection = \"6570c0ffee0123456789abcd\"' > .fsctl.toml && fsctl profiles trust .",
        "fsctl profiles trust . --revoke",
    ),
)
@click.argument("folder", metavar="DIR")
@click.option("--revoke", is_flag=True, help="Trust it no longer.")
@pass_app
def trust(app: App, folder: str, revoke: bool) -> One | None:
    """Let DIR/.fsctl.toml name a profile, a connection and a transport.

    Only as the file is now: when it changes, that ends. Without trust a project file sets service,
    environment, source, text, output, fields and time_zone. Hosts and commands it never sets.
    """
    from ..settings import project_file

    place, state = Path(folder), app.directory("state")
    record = project_file.record_of(place, state)
    if revoke:
        if app.dry_run:
            return plan(app, {"distrust": str(place.resolve())}, record)
        was = project_file.distrust(place, state)
        app.messages.note(f"{str(place.resolve())!a} {'is' if was else 'was'} not trusted.")
        return None
    names = project_file.names(place)
    if "profile" in names and names["profile"] not in (there := load_profiles(app)).profiles:
        raise there.missing(names["profile"], f"profile in {str(place.resolve())!a}")
    if app.dry_run:
        return plan(app, {"trust": str(place.resolve()), "names": names}, record)
    named = project_file.trust(place, state)
    app.messages.note(
        f"trusted, until the file changes: {pairs(named)} for everything in "
        f"{str(place.resolve())!a}."
    )
    return None
