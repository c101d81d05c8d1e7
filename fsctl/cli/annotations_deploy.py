"""``fsctl annotations deploy``: one line in any pipeline puts the deploy on Fullstory's charts."""

from __future__ import annotations

from typing import Any

import click

from ..terminal.columns import Column
from .annotations import COLUMNS
from .app import App
from .deploy_options import Asked, DeployCommand, deploy_options
from .options import heading
from .results import One, Rows

DELIVERED = (*COLUMNS, Column("annotated"), Column("reason"))
FIELDS = (Column("field", never_cut=True), Column("value"), Column("origin", "FROM"))


@click.command(
    cls=DeployCommand,
    examples=(
        "fsctl --sandbox annotations deploy --service checkout --version v1.4.2",
        "fsctl --sandbox annotations deploy --env production --started -4m --once",
        "fsctl --sandbox annotations deploy --service web --text '{service} is live' --dry-run",
        "fsctl annotations deploy --env production --show-fields",
    ),
)
@deploy_options
@heading("Looking first")
@click.option("--show-fields", is_flag=True, help="Show what is known, and send nothing.")
def deploy(app: App, asked: Asked, show_fields: bool) -> One | Rows:
    """Annotate a deploy, from any build system.

    What was deployed, which version, where to, by whom, and the way back to the run.

    In a job of a build system no option is needed. Trouble of fsctl's own is then a warning, and
    the exit code is 0: see --fail-on.

    A request that may have arrived is never sent again. --once sends nothing where the same was
    sent, or may have been, from this machine: two machines that do not share --once-dir both send,
    and so do two jobs whose run, commit or other facts differ. `fsctl help ci` tells more.
    """
    from .deploy_options import fail_on
    from .deploying import deliver

    if show_fields:
        return Rows(_fields(app, asked), FIELDS)
    delivery = deliver(app, asked)
    if delivery.error is not None:
        raise delivery.error
    optional = fail_on(app, asked) == "never"
    if app.dry_run and delivery.annotated == "skipped":
        return One(delivery.annotation, optional=optional)
    annotation: dict[str, Any] = {column.key: None for column in COLUMNS}
    told = {"annotated": delivery.annotated, "reason": delivery.reason or None}
    return One({**annotation, **delivery.annotation, **told}, DELIVERED, optional=optional)


def _fields(app: App, asked: Asked) -> list[dict[str, str]]:
    """What is known, the annotation made of it, and where each comes from."""
    from .deploy_plan import NOT_MEASURED, gather_deploy, plan_call, remark_on_text

    deploy = gather_deploy(app, asked)
    composed = remark_on_text(app, asked, deploy, NOT_MEASURED)
    for remark in (*deploy.remarks, *filter(None, [composed])):
        app.messages.warn(remark)

    def made_from(name: str) -> str:
        return "the fields above" if composed and name == "text" else _made_from(app, asked, name)

    rows = [
        {"field": name, "value": fact.value, "origin": fact.origin}
        for name, fact in deploy.facts.items()
    ]
    return rows + [
        {"field": f"annotation {name}", "value": value, "origin": made_from(name)}
        for name, value in plan_call(app, asked, deploy).values.items()
    ]


def _made_from(app: App, asked: Asked, name: str) -> str:
    """Where a value of the annotation itself comes from."""
    if name in ("text", "source"):
        if getattr(asked, name) is not None:
            return f"--{name}"
        setting = app.settings.text(name)
        return setting.origin if setting is not None else "the fields above"
    told = {"start_time": "started", "end_time": "finished"}[name]
    variable = f"FSCTL_DEPLOY_{told.upper()}"
    if asked.facts.get(told):
        return f"--{told}"
    if app.world.environ.get(variable, "").strip():
        return variable
    return "the job's start, or now" if told == "started" else "now"
