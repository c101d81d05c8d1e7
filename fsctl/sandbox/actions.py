"""The eight Fullstory actions of the embedded Membrane, in the styles a catalogue may come in.

Keys, names and operations: contracts/fullstory-api §3. The real inputs are not published, so the
catalogue can spell them in every likely way (:class:`Style`), and fsctl has to fit all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from ..errors import Usage
from ..membrane.gateway import Request

_STRING: Mapping[str, Any] = {"type": "string"}
_BOOLEAN: Mapping[str, Any] = {"type": "boolean"}
_NUMBER: Mapping[str, Any] = {"type": "number"}
_INTEGER: Mapping[str, Any] = {"type": "integer"}
_TIME: Mapping[str, Any] = {"type": "string", "format": "date-time"}
_OBJECT: Mapping[str, Any] = {"type": "object", "additionalProperties": True}
_ABSENT = object()


class MissingInput(Exception):
    """Required inputs are not there; ``names`` are the catalogue's own."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


@dataclass(frozen=True, slots=True)
class Style:
    """How a catalogue spells its actions' inputs, and what it leaves out."""

    camel: bool = False
    flattened: bool = False
    keyless: bool = False  # as public catalogue items come (contracts/membrane §2.7)
    missing: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Style:
        """Read words such as ``camel,flattened,keyless,missing:create-event``."""
        words = [word for word in text.split(",") if word]
        for word in words:
            known = word in ("snake", "camel", "nested", "flattened", "keyless")
            if not known and not word.startswith("missing:"):
                raise Usage(
                    f"There is no action style {word!a}.",
                    hint="Use snake or camel, nested or flattened, keyless, missing:ACTION.",
                )
        return cls(
            camel="camel" in words,
            flattened="flattened" in words,
            keyless="keyless" in words,
            missing=frozenset(w.removeprefix("missing:") for w in words if w.startswith("missing")),
        )

    def spell(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Where an input of Fullstory's stands in the action's input."""
        parts = ("_".join(path),) if self.flattened else path
        return tuple(_camel(part) for part in parts) if self.camel else parts


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One input: its path in Fullstory's own spelling, where it goes, and its JSON Schema."""

    path: tuple[str, ...]
    place: Literal["path", "query", "body"]
    schema: Mapping[str, Any]
    required: bool = False


@dataclass(frozen=True, slots=True)
class SandboxAction:
    """One action: a Fullstory operation with names for its inputs."""

    id: str
    key: str
    description: str
    method: str
    route: str
    fields: tuple[Field, ...]
    output: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.key.replace("-", " ").title()

    def input_schema(self, style: Style) -> dict[str, Any]:
        """The JSON Schema of the action's input, as the catalogue tells it."""
        schema: dict[str, Any] = {"type": "object", "properties": {}}
        for field in self.fields:
            *parents, name = style.spell(field.path)
            inside = schema
            for parent in parents:
                inside = inside["properties"].setdefault(
                    parent, {"type": "object", "properties": {}}
                )
            inside["properties"][name] = dict(field.schema)
            if field.required:
                inside.setdefault("required", []).append(name)
        return schema

    def request(self, given: Mapping[str, Any], style: Style) -> Request:
        """The request that runs the action. Inputs of other names are ignored, as Membrane does.

        Raises :class:`MissingInput`.
        """
        values = {field: _at(given, style.spell(field.path)) for field in self.fields}
        missing = [
            ".".join(style.spell(field.path))
            for field, value in values.items()
            if field.required and value in (_ABSENT, None, "")
        ]
        if missing:
            raise MissingInput(missing)
        present = {field: value for field, value in values.items() if value is not _ABSENT}
        body = _nested((f.path, value) for f, value in present.items() if f.place == "body")
        return Request(
            method=self.method,
            path=_filled(
                self.route, {f.path[0]: v for f, v in present.items() if f.place == "path"}
            ),
            query=tuple(
                (f.path[0], as_query(v))
                for f, v in present.items()
                if f.place == "query" and v is not None
            ),
            headers=(("Content-Type", "application/json"),) if self.method == "POST" else (),
            body=json.dumps(body, ensure_ascii=False).encode() if self.method == "POST" else None,
        )


def as_query(value: Any) -> str:
    """A JSON value as it goes into a query string."""
    return value if isinstance(value, str) else json.dumps(value)


def _at(given: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(given, Mapping) or part not in given:
            return _ABSENT
        given = given[part]
    return given


def _nested(leaves: Iterator[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for (*parents, name), value in leaves:
        inside = body
        for parent in parents:
            inside = inside.setdefault(parent, {})
        inside[name] = value
    return body


def _filled(route: str, values: Mapping[str, Any]) -> str:
    """``route`` with its parameters encoded once; a segment whose parameter is absent goes."""
    for name in re.findall(r"\{(\w{1,40})\}", route):
        value = values.get(name)
        text = "" if value in (None, "") else f"/{quote(as_query(value), safe='')}"
        route = route.replace(f"/{{{name}}}", text)
    return route


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _query(name: str, schema: Mapping[str, Any] = _STRING) -> Field:
    return Field((name,), "query", schema)


def _body(path: str, schema: Mapping[str, Any] = _STRING, *, required: bool = False) -> Field:
    return Field(tuple(path.split(".")), "body", schema, required)


def _told(description: str) -> Mapping[str, Any]:
    return {"type": "string", "description": description}


_USER_FIELDS = (
    _body("uid", _told("The user's id in your own system.")),
    _body("display_name"),
    _body("email"),
    _body("properties", _OBJECT),
    _body("schema", _OBJECT),
)
_USER: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "id": _STRING,
        "uid": _STRING,
        "display_name": _STRING,
        "email": _STRING,
        "is_being_deleted": _BOOLEAN,
        "properties": _OBJECT,
        "schema": _OBJECT,
        "app_url": _STRING,
    },
}
_ID_ONLY: Mapping[str, Any] = {"type": "object", "properties": {"id": _STRING}}

ACTIONS: tuple[SandboxAction, ...] = (
    SandboxAction(
        id="6976672484a1c0de51d30001",
        key="list-users",
        description="Retrieve the users that match the given filter criteria.",
        method="GET",
        route="/v2/users",
        fields=(
            _query("uid"),
            _query("email"),
            _query("display_name"),
            _query("is_identified", _BOOLEAN),
            _query("page_token"),
            _query("include_schema", _BOOLEAN),
        ),
        output={
            "type": "object",
            "properties": {
                "results": {"type": "array", "items": _USER},
                "total_records": _STRING,
                "next_page_token": _STRING,
                "app_url": _STRING,
            },
        },
    ),
    SandboxAction(
        id="6976672484a1c0de51d30002",
        key="get-user",
        description="Retrieve a single user by their Fullstory-assigned ID.",
        method="GET",
        route="/v2/users/{id}",
        fields=(
            Field(("id",), "path", _told("The Fullstory-assigned ID."), required=True),
            _query("include_schema", _BOOLEAN),
        ),
        output=_USER,
    ),
    SandboxAction(
        id="6976672484a1c0de51d30003",
        key="create-user",
        description="Create a user with the given details, or update the one with that uid.",
        method="POST",
        route="/v2/users",
        fields=_USER_FIELDS,
        output=_ID_ONLY,
    ),
    SandboxAction(
        id="6976672484a1c0de51d30004",
        key="update-user",
        description="Update a user with the given details.",
        method="POST",
        route="/v2/users/{id}",
        fields=(
            Field(("id",), "path", _told("The Fullstory-assigned ID."), required=True),
            *_USER_FIELDS,
        ),
        output=_ID_ONLY,
    ),
    SandboxAction(
        id="6976672484a1c0de51d30005",
        key="delete-user",
        description="Delete a user by their Fullstory-assigned ID or application-specific uid.",
        method="DELETE",
        route="/v2/users/{id}",
        fields=(
            Field(("id",), "path", _told("The Fullstory-assigned ID.")),
            _query("uid", _told("The user's id in your own system.")),
        ),
        output=_OBJECT,
    ),
    SandboxAction(
        id="6976672484a1c0de51d30006",
        key="create-event",
        description="Create one event with the given details.",
        method="POST",
        route="/v2/events",
        fields=(
            _body("name", required=True),
            _body("timestamp", _TIME),
            _body("properties", _OBJECT),
            _body("schema", _OBJECT),
            _body("user.id"),
            _body("user.uid"),
            _body("session.id"),
            _body("session.use_most_recent", _BOOLEAN),
            _body("context.browser.url"),
            _body("context.browser.user_agent"),
            _body("context.browser.initial_referrer"),
            _body("context.mobile.app_id"),
            _body("context.mobile.app_version"),
            _body("context.mobile.app_name"),
            _body("context.mobile.build_variant"),
            _body("context.device.manufacturer"),
            _body("context.device.model"),
            _body("context.device.screen_width", _INTEGER),
            _body("context.device.screen_height", _INTEGER),
            _body("context.device.viewport_width", _INTEGER),
            _body("context.device.viewport_height", _INTEGER),
            _body("context.location.ip_address"),
            _body("context.location.country"),
            _body("context.location.region"),
            _body("context.location.city"),
            _body("context.location.latitude", _NUMBER),
            _body("context.location.longitude", _NUMBER),
        ),
        output=_OBJECT,
    ),
    SandboxAction(
        id="6976672484a1c0de51d30007",
        key="create-annotation",
        description=(
            "Mark a significant event or a time period, for example a deployment or a campaign,"
            " on Fullstory's charts."
        ),
        method="POST",
        route="/v2/annotations",
        fields=(
            _body("text", _told("The annotation's text, at most 200 characters."), required=True),
            _body("start_time", _TIME),
            _body("end_time", _TIME),
            _body("source", _told("Where it comes from, at most 40 characters.")),
        ),
        output={
            "type": "object",
            "properties": {
                "text": _STRING,
                "start_time": _TIME,
                "end_time": _TIME,
                "source": _STRING,
            },
        },
    ),
    SandboxAction(
        id="6976672484a1c0de51d30008",
        key="get-session-events",
        description="Retrieve raw event data for a session.",
        method="GET",
        route="/v2/sessions/{session_id}/events",
        fields=(
            Field(("session_id",), "path", _told("DeviceId:SessionId."), required=True),
            _query("enable_event_cache", _BOOLEAN),
        ),
        output={
            "type": "object",
            "properties": {"events": {"type": "array", "items": _OBJECT}},
        },
    ),
)
