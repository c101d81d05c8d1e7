"""``--fields a,b.c``: which parts of a row to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import Usage

MISSING: Any = object()

_SHOWN_KEYS = 20


def parse_fields(text: str, origin: str = "--fields") -> tuple[str, ...]:
    """The paths of a ``--fields`` value, in order, each once; ``origin`` says where it stands.

    Raises Usage for an empty list or an empty path in it.
    """
    paths = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if "" in paths:
        raise Usage(
            f"{origin} {text!r} holds an empty field name.",
            hint="Give names with commas between them, such as --fields id,email,properties.plan.",
            code="fields",
        )
    return paths


def pick(row: Any, path: str) -> Any:
    """The value at a dotted path, or MISSING.

    A key that itself holds dots wins over nesting, the longest first; a number picks from a list.
    """
    if isinstance(row, Mapping):
        if path in row:
            return row[path]
        cut = path.rfind(".")
        while cut >= 0:
            if path[:cut] in row:
                found = pick(row[path[:cut]], path[cut + 1 :])
                if found is not MISSING:
                    return found
            cut = path.rfind(".", 0, cut)
    elif isinstance(row, Sequence) and not isinstance(row, str | bytes):
        index, _, rest = path.partition(".")
        if index.isascii() and index.isdigit() and len(index) < 10 and int(index) < len(row):
            return pick(row[int(index)], rest) if rest else row[int(index)]
    return MISSING


class Selection:
    """The fields asked for, applied to rows, with an eye on names that match nothing.

    ``known`` are the names that rows of this type may have: one that is absent from all rows is
    then no mistake.
    """

    def __init__(self, paths: Sequence[str], known: Iterable[str] = ()) -> None:
        self.paths = tuple(paths)
        self._unmatched = dict.fromkeys(path for path in paths if path not in set(known))
        self._available: dict[str, None] = {}
        self._rows = 0

    def apply(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row as ``{path: value}``, in the order asked for; null where it has no such field."""
        self._rows += 1
        chosen: dict[str, Any] = {}
        for path in self.paths:
            value = pick(row, path)
            if value is MISSING:
                chosen[path] = None
            else:
                chosen[path] = value
                self._unmatched.pop(path, None)
        if self._unmatched and len(self._available) < _SHOWN_KEYS:
            self._available.update(dict.fromkeys(list(row)[:_SHOWN_KEYS]))
        return chosen

    def complaint(self) -> str | None:
        """A sentence on the paths that no row had; None where all is well or there were no rows."""
        if not self._unmatched or not self._rows:
            return None
        names = ", ".join(self._unmatched)
        available = list(self._available)
        shown = ", ".join(available[:_SHOWN_KEYS]) + (", …" if len(available) > _SHOWN_KEYS else "")
        return f"nothing has the field {names}; there are: {shown or 'none'}"
