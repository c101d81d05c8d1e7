"""The rows of ``--imports``: the ids that Fullstory gave, a JSON line for each row imported."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_KEPT = ("id", "uid", "email", "name", "timestamp", "user", "session")


def imported_as(path: Path) -> Callable[[Mapping[str, Any]], bytes]:
    """What makes a line of a row of a job's ``imports``: who or what it became, no properties."""

    def line(row: Mapping[str, Any]) -> bytes:
        kept = {name: row[name] for name in _KEPT if row.get(name) not in (None, {}, "")}
        text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")

    return line
