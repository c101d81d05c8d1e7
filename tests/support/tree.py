"""The tree of fsctl's commands, and the examples that its help shows."""

from __future__ import annotations

from collections.abc import Iterator

import click

from fsctl.cli.root import fsctl


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every group and command with the words that call it: ``("fsctl users get", ...)``."""
    yield from _below("fsctl", fsctl)


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            assert child is not None, f"{path} lists {name}, and has no such command"
            yield from _below(f"{path} {name}", child)


def examples() -> list[str]:
    """Every example of every help page, each once."""
    found = (example for _, command in commands() for example in getattr(command, "examples", ()))
    return list(dict.fromkeys(found))
