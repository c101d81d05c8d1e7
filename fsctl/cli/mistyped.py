"""What a command line that cannot be parsed is told: what is wrong, and what was probably meant.

Loaded only then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import click

from ..errors import Usage, meant

# What other tools call our commands.
_ELSEWHERE = {
    "ls": "list", "rm": "delete", "remove": "delete", "del": "delete", "add": "create",
    "new": "create", "edit": "update", "describe": "show", "info": "show", "search": "find",
}  # fmt: skip
_FILE = "A file whose name begins with a hyphen is ./-NAME. "
_MOST = 3  # commands named at once
_NO_COMMAND = re.compile(r"No such command '(.*)'\.?", re.DOTALL)
_NO_CHOICE = re.compile(r"'(.*)' is not one of ", re.DOTALL)


def usage(error: click.ClickException) -> Usage:
    """The refusal, with a hint of what is like it and where to look."""
    ctx: click.Context | None = getattr(error, "ctx", None)
    if isinstance(error, click.NoSuchOption):
        message = error.message  # without click's own guesses
        guess = _option(error.option_name, ctx)
    elif ctx is not None and (found := _NO_COMMAND.match(error.message)):
        message, guess = found[0], _command(found[1], ctx)
    else:
        message = error.format_message()
        guess = _choice(error)
    path = ctx.command_path if ctx is not None else "fsctl"
    ended = message.endswith((".", "?", "!", ".)", "?)"))
    return Usage(message if ended else f"{message}.", hint=f"{guess}Try `{path} --help`.")


def _command(name: str, ctx: click.Context) -> str:
    known = _names(ctx.command, ctx)
    if guess := meant(name, known):
        return guess
    if (ours := _ELSEWHERE.get(name)) in known:
        return f"Did you mean {ours!a}? "
    root = ctx.find_root()
    places = [path for path, _ in _below(root.command, root) if path.split()[-1] == name]
    return f"There is {_listed(places)}. " if places else ""


def _option(name: str, ctx: click.Context | None) -> str:
    if ctx is None:
        return ""
    if not name.startswith("--"):
        return _FILE if _takes_files(ctx.command) else ""
    if guess := meant(name, _options(ctx.command, ctx)):
        return guess
    places = [path for path, each in _below(ctx.command, ctx) if name in _options(each, ctx)]
    return f"{name} stands behind the command that has it: {_listed(places)}. " if places else ""


def _takes_files(command: click.Command) -> bool:
    arguments = (param for param in command.params if isinstance(param, click.Argument))
    return any((argument.metavar or "").startswith("FILE") for argument in arguments)


def _choice(error: click.ClickException) -> str:
    kind = getattr(getattr(error, "param", None), "type", None)
    found = _NO_CHOICE.match(error.message)
    if not isinstance(kind, click.Choice) or not found:
        return ""
    return meant(found[1], map(str, kind.choices))


def _names(command: click.Command, ctx: click.Context) -> list[str]:
    return command.list_commands(ctx) if isinstance(command, click.Group) else []


def _below(
    command: click.Command, ctx: click.Context, path: str = ""
) -> Iterator[tuple[str, click.Command]]:
    """Every command below one, with the words that call it."""
    path = path or ctx.command_path
    for name in _names(command, ctx):
        assert isinstance(command, click.Group)
        child = command.get_command(ctx, name)
        if child is not None:
            yield f"{path} {name}", child
            yield from _below(child, ctx, f"{path} {name}")


def _options(command: click.Command, ctx: click.Context) -> list[str]:
    """The long names of a command's options."""
    return [
        name
        for param in command.get_params(ctx)
        for name in (*param.opts, *param.secondary_opts)
        if name.startswith("--")
    ]


def _listed(places: Iterable[str]) -> str:
    every = list(places)
    more = ", ..." if len(every) > _MOST else ""
    return ", ".join(f"`{place}`" for place in every[:_MOST]) + more
