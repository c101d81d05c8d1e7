"""The shapes that the rooms pass around: how an operation is described and how a call ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Via = Literal["auto", "action", "proxy"]
Values = Mapping[str, Any]


class Repeat(Enum):
    """Whether a call may be made again when nobody knows if the first one worked."""

    SAFE = "safe"  # doing it twice is doing it once
    KEY = "key"  # safe where an Idempotency-Key reaches Fullstory (contracts/fullstory-api §1.3)
    NEVER = "never"


class Operation(NamedTuple):
    """One thing Fullstory can do: a row of the operations table.

    ``path`` holds ``{names}`` that come from the values; ``query`` names the values that go into
    the query string; every other value is a field of the JSON body. ``aliases`` are other names an
    action's schema may have for a value.
    """

    name: str
    method: str
    path: str
    noun: str  # what a person calls it, for error texts: "annotation"
    action: str | None = None  # the key of the Membrane action, where there is one
    query: tuple[str, ...] = ()
    repeat: Repeat | Callable[[Values], Repeat] = Repeat.SAFE
    empty_ok: bool = False  # an empty 2xx is success
    aliases: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    check: str | None = None  # how a person finds out what became of an unanswered write

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def repeatable(self, values: Values) -> Repeat:
        return self.repeat if isinstance(self.repeat, Repeat) else self.repeat(values)


class Call(NamedTuple):
    """An operation with its values: checked, and not yet sent."""

    operation: Operation
    values: Values


class Answer(NamedTuple):
    """What Fullstory answered, and how it was asked."""

    body: Any
    via: Literal["action", "proxy"]
    status: int | None = None
    action_run_id: str | None = None
