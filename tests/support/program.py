"""Run a whole command line inside the test's process, in a world that is made for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsctl.cli.main import main
from tests.support.screen import Screen


@dataclass(frozen=True)
class Run:
    """How a command line ended, and what its world got to see."""

    code: int
    out: str
    err: str

    @property
    def show(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Program:
    """``fsctl`` in this process: the sandbox unless told otherwise, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ = {
            "PATH": os.defpath,
            "HOME": str(home),
            **{
                f"FSCTL_{kind}_DIR": str(home / kind.lower())
                for kind in ("CONFIG", "CACHE", "STATE", "DATA")
            },
        }

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None, **facts: Any) -> Run:
        """``facts`` are fields of the :class:`World`, such as ``stdout_is_terminal``."""
        world = Screen(environ={**self.environ, **(env or {})}, **facts)
        return Run(main(arguments, world), world.out, world.err)

    def profile(self, text: str) -> None:
        """Write the user's ``config.toml``."""
        (self.home / "config").mkdir(exist_ok=True)
        (self.home / "config" / "config.toml").write_text(text)
