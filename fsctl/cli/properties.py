"""The options that give typed properties, shared by every command that sends some."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import Usage

if TYPE_CHECKING:
    from ..fullstory.assignments import Given
    from .app import App

Function = TypeVar("Function", bound=Callable[..., Any])


def property_options(function: Function) -> Function:
    """``-p``, ``--properties`` and ``--schema``; :func:`given` reads what they bring."""
    for decorate in (
        click.option(
            "--schema",
            "declarations",
            multiple=True,
            metavar="KEY=TYPE",
            help="Declare a property's type, nested ones by dotted path (repeatable).",
        ),
        click.option(
            "--properties",
            "document",
            metavar="JSON|@FILE|-",
            help="Properties as a JSON object; -p adds to it and replaces.",
        ),
        click.option(
            "-p",
            "--property",
            "assignments",
            multiple=True,
            metavar="KEY[:TYPE]=VALUE",
            help="A property (repeatable): plan=paid is a text; types are int, real, bool, date, "
            "json. A dot nests, as in company.plan=paid.",
        ),
    ):
        function = decorate(function)
    return function


def given(
    app: App,
    assignments: tuple[str, ...],
    document: str | None,
    declarations: tuple[str, ...],
) -> Given:
    """The properties that the options bring, with a warning where they may be taken otherwise.

    Raises :class:`Usage` naming the key.
    """
    from ..fullstory.assignments import collect
    from ..fullstory.doubts import doubts
    from .input import read_value

    body = None if document is None else read_value(app.world, document, "--properties")
    try:
        found = collect(assignments, body, declarations, now=app.world.now(), zone=app.time_zone)
    except Usage:  # it may quote a value
        if (masker := app.masker) is not None:
            for assignment in assignments:
                masker.learn("value", assignment.partition("=")[2])
        raise
    for doubt in doubts(found.properties):
        app.messages.warn_once(doubt)
    return found
