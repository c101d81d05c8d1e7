"""Properties that Fullstory may take otherwise than they are meant: said, and never refused.

Rules: contracts/fullstory-api §1.5. A name may end in ``_real`` because that is what it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from .limits import PROPERTY_TYPES
from .properties import leaves

_MOST_NAMED = 5
_SUFFIXED = re.compile(rf".*_(?:{'|'.join(PROPERTY_TYPES)})", re.DOTALL)


def doubts(properties: Mapping[str, Any], *, declared_by: str = "--schema") -> list[str]:
    """Warnings about these properties, a sentence each, at most one of a sort.

    ``declared_by`` is the option that declares a type.
    """
    told = []
    if suffixed := [path for path, _ in leaves(properties) if _SUFFIXED.fullmatch(path)]:
        told.append(
            f"{_named(suffixed)} like a name of Fullstory's first API, which told the type so; the "
            "second has no such endings. Unless that is the whole name, leave the ending out and "
            f"declare the type ({declared_by} KEY=TYPE)."
        )
    if mixed := [path for path, value in leaves(properties) if _is_mixed(value)]:
        told.append(
            f"{_named(mixed, 'holds', 'hold')} values of several types: Fullstory has arrays of "
            "one type only, and what it does with others is not documented."
        )
    return told


def _named(paths: Sequence[str], one: str = "ends", several: str = "end") -> str:
    names = ", ".join(ascii(path) for path in islice(paths, _MOST_NAMED))
    if len(paths) == 1:
        return f"the property {names} {one}"
    more = f" and {len(paths) - _MOST_NAMED} more" if paths[_MOST_NAMED:] else ""
    return f"the properties {names}{more} {several}"


def _is_mixed(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(_types(value)) > 1


def _types(values: Iterable[Any]) -> set[str]:
    """What types of JSON there are; numbers are of one, and null is of any."""
    found = {type(value).__name__ for value in values if value is not None}
    return {"float" if name == "int" else name for name in found}
