"""Run a whole command line inside the test's process, in a world that is made for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fsctl.cli.main import main
from tests.support.command import Ended
from tests.support.screen import Screen


class Program:
    """``fsctl`` in this process: the sandbox unless told otherwise, with a home of its own."""

    def __init__(self, home: Path, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.env = {
            "PATH": os.defpath,
            "HOME": str(home),
            **{
                f"FSCTL_{kind}_DIR": str(home / kind.lower())
                for kind in ("CONFIG", "CACHE", "STATE", "DATA")
            },
            **(env or {}),
        }

    def __call__(
        self, *arguments: str, env: Mapping[str, str] | None = None, **facts: Any
    ) -> Ended:
        """``facts`` are fields of the :class:`World`, such as ``stdout_is_terminal``.

        Pauses before retries take no time unless ``sleep`` is given.
        """
        world = Screen(environ={**self.env, **(env or {})}, **{"sleep": _at_once, **facts})
        return Ended(main(arguments, world), world.out, world.err)

    def profile(self, text: str) -> None:
        """Write the user's ``config.toml``."""
        (self.home / "config").mkdir(exist_ok=True)
        (self.home / "config" / "config.toml").write_text(text)


def _at_once(_seconds: float) -> None:
    """A sleep that is over."""
