"""``fsctl actions``: what the connection's Membrane actions can do, and what they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ..errors import NotFound
from ..terminal.columns import Column
from .app import App
from .options import Command, Group, pass_app
from .results import One, Rows

if TYPE_CHECKING:
    from ..membrane.gateway import Action, Deadline

LIST_COLUMNS = (
    Column("key", kind="id", importance=9),
    Column("name", importance=7),
    Column("description", importance=5),
    Column("id", kind="id", importance=3),
)
FIELD_COLUMNS = (
    Column("direction", importance=9),
    Column("field", kind="id", importance=9),
    Column("type", importance=7),
    Column("required", kind="bool", importance=6),
    Column("description", importance=8),
)
LOG_COLUMNS = (
    Column("id", kind="id"),
    Column("status"),
    Column("name"),
    Column("createdAt", "STARTED", kind="time"),
    Column("completedAt", "ENDED", kind="time"),
    Column("input", kind="json"),
    Column("output", kind="json"),
    Column("error", kind="json"),
)


@click.group(
    "actions",
    cls=Group,
    examples=(
        "fsctl --sandbox actions list",
        "fsctl --sandbox actions show create-annotation",
    ),
)
def group() -> None:
    """See what Membrane's actions do and did."""


@group.command(
    "list",
    cls=Command,
    examples=("fsctl --sandbox actions list", 'fsctl --sandbox actions list "mark a deployment"'),
)
@click.argument("intent", required=False)
@pass_app
def list_(app: App, intent: str | None) -> Rows:
    """List the connection's actions, or those that fit INTENT.

    INTENT is a few words, such as "mark a deployment".
    """
    app.check_output()

    def question(connection_id: str, deadline: Deadline) -> list[Action]:
        if intent is None:
            return app.catalogue.actions(connection_id, deadline=deadline)
        words = intent[:200]  # the most that Membrane takes (contracts/membrane §2.7)
        return app.gateway.actions(connection_id, intent=words, deadline=deadline)

    found = app.caller.ask_connection(question, "list of actions")
    if intent is None:
        from .completion_names import learn_actions

        learn_actions(app, found)
    rows = [{"id": a.id, "key": a.key, "name": a.name, "description": a.description} for a in found]
    return Rows(rows, LIST_COLUMNS)


@group.command(
    cls=Command,
    examples=(
        "fsctl --sandbox actions show create-annotation",
        "fsctl --sandbox actions show get-user -o json",
    ),
)
@click.argument("key")
@pass_app
def show(app: App, key: str) -> One | Rows:
    """Show the action KEY: what it does, what goes in and what comes out."""
    app.check_output()
    action = app.action(key)
    whole = {
        "id": action.id,
        "key": action.key,
        "name": action.name,
        "description": action.description,
        "inputSchema": action.input_schema,
        "outputSchema": action.output_schema,
    }
    if not app.renders_table:
        return One(whole)
    app.messages.note(f"{action.key or action.id}: {action.description or action.name}")
    return Rows(list(_fields(whole)), FIELD_COLUMNS)


def _fields(action: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for direction, schema in (("in", "inputSchema"), ("out", "outputSchema")):
        for row in schema_rows(action[schema] or {}):
            yield {"direction": direction, **row}


def schema_rows(
    schema: Mapping[str, Any], prefix: str = "", depth: int = 0
) -> Iterator[dict[str, Any]]:
    """The properties of a JSON schema, nested ones by their dotted path."""
    properties = schema.get("properties")
    required = schema.get("required")
    if not isinstance(properties, Mapping) or depth > 8:
        return
    for name, inner in properties.items():
        inner = inner if isinstance(inner, Mapping) else {}
        path = f"{prefix}{name}"
        yield {
            "field": path,
            "type": _type_name(inner),
            "required": isinstance(required, list) and name in required,
            "description": inner.get("description") or inner.get("title"),
        }
        items = inner.get("items")
        if isinstance(items, Mapping):
            yield from schema_rows(items, f"{path}[].", depth + 1)
        yield from schema_rows(inner, f"{path}.", depth + 1)


def _type_name(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(str(one) for one in kind)
    if kind == "array" and isinstance(schema.get("items"), Mapping):
        return f"array of {_type_name(schema['items'])}"
    if isinstance(kind, str):
        return f"{kind} ({schema['format']})" if isinstance(schema.get("format"), str) else kind
    return "any"


@group.command(
    cls=Command,
    examples=("fsctl --sandbox raw action list-users -v", "fsctl actions log RUN_ID --details"),
)
@click.argument("run_id")
@click.option("--details", is_flag=True, help="Show the exchange with Fullstory too.")
@pass_app
def log(app: App, run_id: str, details: bool) -> One:
    """Show what became of the action run RUN_ID.

    A log holds whole inputs and outputs, people's data among them. A workspace can switch logs off.
    """
    from ..membrane.redact import redact_data

    app.check_output()
    try:
        found = app.caller.ask(
            lambda deadline: app.gateway.run_log(run_id, details=details, deadline=deadline),
            "action run log",
        )
    except NotFound as missing:
        missing.hint = "Check the id. Logs are not kept for ever, and a workspace can have none."
        raise
    return One(redact_data(dict(found.raw)), LOG_COLUMNS)
