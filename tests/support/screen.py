"""A world whose streams are kept in memory, to read what a screen, a pipe or a log would get."""

from __future__ import annotations

import io
from datetime import UTC
from typing import Any

from fsctl.terminal.world import World


class Screen(World):
    """A world to print in. ``out`` and ``err`` are what was written so far, decoded strictly."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(
            **{"stdout": io.BytesIO(), "stderr": io.BytesIO(), "timezone": UTC, **facts}
        )

    @property
    def out(self) -> str:
        return _written(self.stdout)

    @property
    def err(self) -> str:
        return _written(self.stderr)


def terminal(width: int = 80, **facts: Any) -> Screen:
    """A terminal window of that many cells, without colour or hyperlinks unless asked for."""
    facts = {"stdout_is_terminal": True, "stderr_is_terminal": True, **facts}
    return Screen(width=width, **facts)


def pipe(**facts: Any) -> Screen:
    """A pipe, as a script reads it."""
    return Screen(**facts)


def build_log(**facts: Any) -> Screen:
    """The log of a build service, which looks for commands in it."""
    return Screen(under_ci=True, **facts)


def _written(stream: object) -> str:
    assert isinstance(stream, io.BytesIO)
    return stream.getvalue().decode("utf-8")
