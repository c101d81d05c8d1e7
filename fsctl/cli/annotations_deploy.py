"""``fsctl annotations deploy``: one line in any pipeline puts the deploy on Fullstory's charts."""

from __future__ import annotations

from typing import Any

import click

from ..terminal.columns import Column
from .annotations import COLUMNS
from .app import App
from .deploy_options import Asked, deploy_options
from .options import Command
from .results import One, Rows

DELIVERED = (*COLUMNS, Column("annotated"), Column("reason"))
FIELDS = (Column("field", never_cut=True), Column("value"), Column("origin", "FROM"))


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox annotations deploy --service checkout --version v1.4.2",
        "fsctl --sandbox annotations deploy --env production --started -4m --once",
        "fsctl --sandbox annotations deploy --text '{service} {version} is live' --dry-run",
        "fsctl annotations deploy --show-fields",
    ),
)
@deploy_options
@click.option("--show-fields", is_flag=True, help="Show what is known, and send nothing.")
def deploy(app: App, asked: Asked, show_fields: bool) -> One | Rows:
    """Annotate a deploy: what, which version, where to, by whom, and the way back to the run.

    In a job of a build system no option is needed. Trouble of fsctl's own is then a warning, and
    the exit code is 0: see --fail-on.
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
    from .deploy_plan import gather_deploy, plan_call

    deploy = gather_deploy(app, asked)
    for remark in deploy.remarks:
        app.messages.warn(remark)
    rows = [
        {"field": name, "value": fact.value, "origin": fact.origin}
        for name, fact in deploy.facts.items()
    ]
    planned = plan_call(app, asked, deploy).values
    return rows + [
        {"field": f"annotation {name}", "value": value, "origin": "what is above"}
        for name, value in planned.items()
    ]
