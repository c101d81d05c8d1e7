"""``fsctl annotations``: marks on Fullstory's charts."""

from __future__ import annotations

import click

from ..terminal.columns import Column
from .app import App
from .options import Command, LazyGroup, pass_app
from .results import One

COLUMNS = (
    Column("text"),
    Column("start_time", "START", kind="time"),
    Column("end_time", "END", kind="time"),
    Column("source"),
)

MEMBERS = {
    "create": (
        ".annotations:create",
        "Create an annotation with TEXT.",
    ),
    "deploy": (".annotations_deploy:deploy", "Annotate a deploy, from any build system."),
    "run": (".annotations_run:run", "Run COMMAND, and annotate when it ran and how it ended."),
    "flush": (".annotations_flush:flush", "Send what deploys have left in an outbox."),
}


@click.group(
    "annotations",
    cls=LazyGroup,
    members=MEMBERS,
    examples=(
        "fsctl --sandbox annotations create 'Sale begins'",
        "fsctl --sandbox annotations deploy --service checkout --version v1.4.2",
    ),
)
def group() -> None:
    """Mark moments on Fullstory's charts.

    An annotation cannot be listed, changed or deleted through the API: look at it with --dry-run
    first. A sent one is never sent again, whatever happens.
    """


@click.command(
    cls=Command,
    examples=(
        'fsctl --sandbox annotations create "v1.4.2 deployed" --source README',
        'fsctl --sandbox annotations create "Database upgrade" --start -15m --end now',
        'echo "Sale begins" | fsctl --sandbox annotations create - --duration 2h',
    ),
)
@click.argument("text")
@click.option(
    "--start",
    metavar="TIME",
    help="When it began: ISO 8601, now, -15m, '2h ago' or Unix seconds (default: now, by "
    "Fullstory's clock).",
)
@click.option("--end", metavar="TIME", help="When it ended, after its start.")
@click.option("--duration", metavar="TIME", help="How long it took, such as 5m, instead of --end.")
@click.option("--source", metavar="NAME", help="What made it, such as a pipeline's name (40).")
@pass_app
def create(
    app: App,
    text: str,
    start: str | None,
    end: str | None,
    duration: str | None,
    source: str | None,
) -> One:
    """Create an annotation with TEXT.

    TEXT has up to 200 characters; - reads it from stdin.

    Times without an offset are local.
    """
    from ..fullstory import annotations as service
    from ..fullstory.times import parse_duration, parse_time

    now, zone = app.world.now(), app.time_zone
    call = service.create(
        _piped(app) if text == "-" else text,
        now=now,
        start=None if start is None else parse_time(start, now=now, zone=zone, what="--start"),
        end=None if end is None else parse_time(end, now=now, zone=zone, what="--end"),
        duration=None if duration is None else parse_duration(duration, what="--duration"),
        source=source if source is not None else app.text_setting("source"),
    )
    app.check_output()
    if app.dry_run:
        return One(app.plan(call))
    answer = app.caller.call(call)
    return One(service.created(call, answer.body), COLUMNS)


def _piped(app: App) -> str:
    from .input import read_text

    return read_text(app.world, "the text")
