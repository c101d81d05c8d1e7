"""``--from-file FILE|-``: the people that a command is about, from a list or a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import Usage
from .app import App

if TYPE_CHECKING:
    from ..bulk.values import Value
    from ..fullstory.people import Reading


def from_file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--from-file`` and ``--column`` to a command."""
    column = click.option(
        "--column", metavar="NAME", help="FILE is a CSV or TSV file with WHO in this column."
    )
    source = click.option(
        "--from-file", "source", metavar="FILE|-", help="Read WHO from FILE, one a line."
    )
    return source(column(command))


def names(
    app: App,
    who: Sequence[str],
    reading: Reading | None,
    source: str | None,
    column: str | None,
) -> list[str]:
    """Those named on the command line, or else in the file, all of it.

    Raises :class:`Usage` for both and for neither, for what cannot be read, and for what nobody
    can be called.
    """
    check(who, source, column)
    if source is not None:
        from ..bulk.values import people_of, read_values

        values = people_of(read_values(app.world, source, column=column), source, reading)
        learn(app, values)
        return [value.text for value in values]
    from ..fullstory.people import readings_of

    for name in who:
        readings_of(name, reading)
    return list(who)


def check(who: Sequence[str], source: str | None, column: str | None) -> None:
    """Refuse people named in two ways, or in none."""
    if source is not None:
        if who:
            raise Usage("WHO and --from-file both name people.", hint="Give one of the two.")
        return
    if column is not None:
        raise Usage("--column goes with --from-file.", hint="Leave it out.")
    if not who:
        raise Usage("WHO is missing.", hint="Name somebody, or give a list with --from-file.")


def learn(app: App, values: Sequence[Value]) -> None:
    """With ``--mask``, no message repeats one of these."""
    if (masker := app.masker) is not None:
        for value in values:
            masker.learn("who", value.text)
