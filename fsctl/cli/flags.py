"""Flags of which at most one can be meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import click

from ..errors import Usage

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Flag(NamedTuple):
    """``name`` with its dashes; ``value`` is what the command gets for it."""

    name: str
    value: str
    help: str


def one_of(parameter: str, flags: Sequence[Flag]) -> Decorator:
    """The options ``flags``; the command gets ``parameter``, None where none was given.

    Two of them are refused: click would take the last one.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def decided(*arguments: Any, **options: Any) -> Any:
            given = [flag for flag in flags if options.pop(_key(parameter, flag))]
            if given[1:]:
                raise Usage(
                    f"{' and '.join(flag.name for flag in given)} contradict each other.",
                    hint="Give one of them.",
                )
            value = given[0].value if given else None
            return command(*arguments, **{**options, parameter: value})

        for flag in reversed(flags):
            key = _key(parameter, flag)
            decided = click.option(flag.name, key, is_flag=True, help=flag.help)(decided)
        return decided

    return add


def _key(parameter: str, flag: Flag) -> str:
    return f"{parameter}_{flag.value}"
