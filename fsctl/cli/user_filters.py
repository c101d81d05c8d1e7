"""The options that say which people, for commands that read their list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from ..errors import Usage

_OPTIONS = (
    click.option("--email", metavar="EMAIL", help="Only people with this e-mail."),
    click.option("--uid", metavar="UID", help="Only people with this uid."),
    click.option(
        "--name", "display_name", metavar="NAME", help="Only people with this display name."
    ),
    click.option(
        "--identified/--anonymous",
        "is_identified",
        default=None,
        help="Only people who are identified, or who are not.",
    ),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--email``, ``--uid``, ``--name`` and ``--identified/--anonymous``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given(filters: Mapping[str, str | bool | None]) -> dict[str, str | bool]:
    """Those of the filters that were given. Raises :class:`Usage` for an empty one."""
    for name, value in filters.items():
        if value == "":
            raise Usage(f"{option_of(name)} is empty.", hint="Leave it out to list everyone.")
    return {name: value for name, value in filters.items() if value is not None}


def option_of(name: str) -> str:
    """The option that gives a filter."""
    return {"display_name": "--name", "is_identified": "--identified"}.get(name, f"--{name}")
