"""How much of what fsctl sends an action catalogue can carry.

The inputs of Membrane's actions are not public and differ between tenants (contracts/membrane §2.7,
§8 U12). Every value that a command may send is fitted alone to the live schema, so that it can be
told beforehand which ones make a command take the proxy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..membrane.catalogue import find_action
from ..membrane.gateway import Action
from .events import CONTEXT
from .fitting import fit
from .operations import (
    CREATE_ANNOTATION,
    CREATE_EVENT,
    CREATE_USER,
    DELETE_USER,
    GET_SESSION_EVENTS,
    GET_USER,
    LIST_USERS,
    UPDATE_USER,
)
from .types import Operation, Values

_TIME = "2024-01-01T00:00:00Z"
_OWN = {"properties": {"plan": "paid"}, "schema": {"properties": {"plan": "str"}}}
_PERSON = {"uid": "ada", "email": "ada@example.com", "display_name": "Ada", **_OWN}
_OF_TYPE = {str: "a", int: 1, float: 1.5}
_CONTEXT = {
    part: {name: _OF_TYPE[kind] for name, kind in fields.items()}
    for part, fields in CONTEXT.items()
}

# What commands send, with values of the types they send.
_SENT: Sequence[tuple[Operation, Values]] = (
    (
        LIST_USERS,
        {
            "uid": "ada",
            "email": "ada@example.com",
            "display_name": "Ada",
            "is_identified": True,
            "page_token": "a",
            "include_schema": True,
        },
    ),
    (GET_USER, {"id": "1", "include_schema": True}),
    (CREATE_USER, _PERSON),
    (UPDATE_USER, {"id": "1", **_PERSON}),
    (DELETE_USER, {"id": "1"}),
    (
        CREATE_EVENT,
        {
            "name": "Order placed",
            "timestamp": _TIME,
            "user": {"id": "1"},
            "session": {"id": "1:2", "use_most_recent": True},
            **_OWN,
            "context": _CONTEXT,
        },
    ),
    (
        CREATE_ANNOTATION,
        {"text": "deployed", "start_time": _TIME, "end_time": _TIME, "source": "ci"},
    ),
    (GET_SESSION_EVENTS, {"session_id": "1:2"}),
)
_WHOLE = ("properties", "schema")  # objects with the user's own names: fitted whole


class Coverage(NamedTuple):
    """What one action can carry.

    ``found`` whether the catalogue has it, ``told`` whether it tells an input schema, ``unfitted``
    the inputs that have no place in it, ``unknown`` inputs it requires and fsctl never sends.
    """

    action: str
    found: bool
    told: bool = False
    unfitted: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether anything can go through the action at all."""
        return self.found and self.told and not self.unknown


def coverage(actions: Sequence[Action]) -> list[Coverage]:
    """What each of the eight Fullstory actions can carry on this connection."""
    return [_covered(operation, values, actions) for operation, values in _SENT]


def _covered(operation: Operation, values: Values, actions: Sequence[Action]) -> Coverage:
    key = operation.action or operation.name
    action = find_action(actions, key)
    schema = action.input_schema if action else None
    if schema is None:
        return Coverage(key, found=action is not None)
    unfitted = tuple(
        path for path, alone in _alone(values) if fit(alone, schema, operation.aliases).unplaced
    )
    missing = fit(values, schema, operation.aliases).missing
    return Coverage(key, True, True, _grouped(unfitted, values), tuple(missing))


def _alone(values: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each value by itself, with its path: ``("user.id", {"user": {"id": "1"}})``."""
    for name, value in values.items():
        if isinstance(value, Mapping) and name not in _WHOLE:
            for path, inner in _alone(value):
                yield f"{name}.{path}", {name: inner}
        else:
            yield name, {name: value}


def _grouped(paths: Iterable[str], values: Values) -> tuple[str, ...]:
    """``paths``, with the name of an object in place of all its members."""
    left = list(paths)
    every = [path for path, _ in _alone(values)]
    grouped: dict[str, None] = {}
    for path in left:
        parts = path.split(".")
        for length in range(1, len(parts) + 1):
            head = ".".join(parts[:length])
            below = [each for each in every if f"{each}.".startswith(f"{head}.")]
            if set(below) <= set(left):
                grouped[head] = None
                break
    return tuple(grouped)
