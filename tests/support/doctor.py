"""The report of ``fsctl doctor``, read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.command import Ended


@dataclass(frozen=True)
class Report:
    """One run: its exit code, and its lines by name."""

    ended: Ended
    lines: dict[str, dict[str, Any]]

    @property
    def code(self) -> int:
        return self.ended.code

    def line(self, name: str) -> tuple[str, str, str]:
        """State, detail and mend of one line."""
        line = self.lines[name]
        return line["state"], line["detail"], line["mend"] or ""

    def those(self, state: str) -> list[str]:
        """The names of the lines in that state."""
        return [name for name, line in self.lines.items() if line["state"] == state]

    def expect(self, name: str, state: str, detail: str, mend: str = "") -> None:
        """One line is in that state, and both texts stand in it."""
        found = self.line(name)
        good = found[0] == state and detail in found[1] and mend in found[2]
        assert good and bool(found[2]) == (state in ("warn", "fail")), self.ended.show


def doctor(run: Callable[..., Ended], *arguments: str, **more: Any) -> Report:
    """Run it for the data."""
    ended = run("doctor", "-o", "jsonl", *arguments, **more)
    lines = [json.loads(line) for line in ended.out.splitlines()]
    return Report(ended, {line["name"]: line for line in lines})
