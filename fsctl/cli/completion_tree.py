"""The command tree as completion needs it: words, options and what their values are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import click

from .options import Command, Group, global_options

Kind = Literal[
    "any", "choice", "file", "at-file", "directory", "command",
    "profiles", "connections", "actions", "topics",
]  # fmt: skip

# Values that are names which fsctl keeps in flat files, one for each kind (settings/names.py).
NAMED: Final[tuple[Kind, ...]] = ("profiles", "connections", "actions", "topics")

# What Click cannot say of a value: (command, parameter) with * for every command of a group.
_KINDS: dict[tuple[str, str], Kind] = {
    ("*", "profile"): "profiles",
    ("*", "connection"): "connections",
    ("init", "profile_name"): "profiles",
    ("profiles show", "name"): "profiles",
    ("profiles use", "name"): "profiles",
    ("profiles delete", "name"): "profiles",
    ("connections *", "selector"): "connections",
    ("actions show", "key"): "actions",
    ("raw action", "key"): "actions",
    ("help", "topic"): "topics",
    ("annotations run", "command"): "command",
}


class Value(NamedTuple):
    """What an option or an argument takes; ``choices`` are those of the kind ``choice``."""

    kind: Kind
    label: str
    choices: tuple[str, ...] = ()


class Option(NamedTuple):
    """``names`` exclude each other and themselves, unless the option may be repeated."""

    names: tuple[str, ...]
    help: str
    value: Value | None
    repeated: bool
    bare: bool  # its value may be left out, and then stands only behind =


class Argument(NamedTuple):
    value: Value
    variadic: bool


class Node(NamedTuple):
    """A group or a command. ``path`` are its words without ``fsctl``."""

    path: str
    help: str
    commands: tuple[tuple[str, str], ...]
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]


def tree() -> Iterator[Node]:
    """Every group and every command that help shows, the root first."""
    from .root import fsctl

    yield from _below("", fsctl, click.Context(fsctl, info_name="fsctl"))


def common_options() -> tuple[Option, ...]:
    """The options that every node takes, but for names that it has itself."""
    asks_help = Option(("-h", "--help"), "Show the help", None, repeated=False, bare=False)
    return (asks_help, *(_option("", param) for param in global_options()))


def _below(path: str, command: click.Command, ctx: click.Context) -> Iterator[Node]:
    members: list[tuple[str, click.Command]] = []
    if isinstance(command, click.Group):
        found = [(name, command.get_command(ctx, name)) for name in command.list_commands(ctx)]
        members = [(name, each) for name, each in found if each is not None and not each.hidden]
    assert isinstance(command, Command | Group)
    own = command.own_params(ctx)
    yield Node(
        path=path,
        help=_purpose(command),
        commands=tuple((name, _purpose(member)) for name, member in members),
        options=tuple(
            _option(path, param)
            for param in own
            if isinstance(param, click.Option) and not param.hidden and "--help" not in param.opts
        ),
        arguments=tuple(
            Argument(_value(path, param), param.nargs != 1)
            for param in own
            if isinstance(param, click.Argument)
        ),
    )
    for name, member in members:
        inner = click.Context(member, info_name=name, parent=ctx)
        yield from _below(f"{path} {name}".lstrip(), member, inner)


def _option(path: str, param: click.Option) -> Option:
    takes_none = param.is_flag or param.count
    return Option(
        names=(*param.opts, *param.secondary_opts),
        help=_sentence(param.help or ""),
        value=None if takes_none else _value(path, param),
        repeated=param.multiple,
        bare=not takes_none and (param.metavar or "").startswith("["),
    )


def _value(path: str, param: click.Parameter) -> Value:
    label = _label(param.metavar or param.name or "")
    if isinstance(param.type, click.Choice):
        return Value("choice", label, tuple(str(each) for each in param.type.choices))
    if kind := _special(path, param.name or ""):
        return Value(kind, label)
    if path in ("profiles set", "profiles unset") and label == "KEY":
        from ..settings.keys import KEYS

        return Value("choice", label, tuple(KEYS))
    if (path, param.name) == ("raw request", "method"):
        return Value("choice", label, ("GET", "POST", "PUT", "PATCH", "DELETE"))
    return Value(_kind_of(label), label)


def _label(metavar: str) -> str:
    """A metavar without what says how it is typed: ``[=CAUSE]``, ``'K: V'``, ``ID...``."""
    kept = "".join(letter for letter in metavar if letter not in "[]'\"").replace("...", "")
    return kept.strip("=._").upper() or "VALUE"


def _special(path: str, name: str) -> Kind | None:
    group = f"{path.partition(' ')[0]} *"
    keys = ((path, name), (group, name), ("*", name))
    return next((_KINDS[key] for key in keys if key in _KINDS), None)


def _kind_of(label: str) -> Kind:
    if "@FILE" in label:
        return "at-file"
    if "FILE" in label:
        return "file"
    return "directory" if label == "DIR" else "any"


def _purpose(command: click.Command) -> str:
    return _sentence(command.get_short_help_str(limit=200))


def _sentence(text: str) -> str:
    """The first sentence, without its full stop, in one line."""
    line = " ".join(text.split())
    open_brackets = 0
    for place, letter in enumerate(line):
        open_brackets += (letter == "(") - (letter == ")")
        ends = letter in ".:;" and line[place + 1 : place + 2] == " "
        if ends and not open_brackets and place > 12:
            return line[:place]
    return line.removesuffix(".")
