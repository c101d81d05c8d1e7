"""``users imports`` and ``events imports``: what is in flight, and what was not finished."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from ..errors import NotFound, Refused
from ..terminal.columns import Column
from .app import App
from .options import Command, pass_app
from .results import Rows

if TYPE_CHECKING:
    from ..bulk.import_journal import Unfinished
    from ..bulk.import_record import Identity
    from ..fullstory.batch_jobs import Kind

COLUMNS = (
    Column("state", importance=9, never_cut=True),
    Column("source", importance=8),
    Column("begun", kind="time", importance=6),
    Column("read", kind="number", importance=5),
    Column("sent", kind="number", importance=5),
    Column("accepted", kind="number", importance=6),
    Column("rejected", kind="number", importance=4),
    Column("bad", kind="number", importance=3),
    Column("unknown", kind="number", importance=3),
    Column("unanswered", kind="number", importance=4),
    Column("jobs", kind="json", importance=2),
    Column("account", importance=1),
    Column("journal", importance=0),
    Column("resume", importance=7, beneath=True),
)

_RESUMABLE = ("unfinished", "done")

_HELP = """List imports of {what} that are running, or that were cut off.

It is what this machine remembers, and nobody is asked: the command in .resume goes on with it,
and with --restart behind it begins anew. What is "done" waits only for other files that were named
with it, so that the same command imports it once; what is "lost" came from a pipe and cannot be
gone on with. .unanswered rows were sent, and no job of theirs is known yet; .jobs are those that
Fullstory still works on, as far as is known here; `fsctl {kind} job ID` asks.

--forget takes the name of an input, or its .journal, and shows what it has forgotten: what was sent
of it stays sent, and the same command would import all of it anew.
"""
_forget = click.option(
    "--forget", metavar="FILE", help="Remember this import no longer, if it is not running."
)


@click.command(
    "imports",
    cls=Command,
    help=_HELP.format(what="people", kind="users"),
    examples=("fsctl --sandbox users imports", "fsctl --sandbox users imports --jq .resume"),
)
@_forget
@pass_app
def users_imports(app: App, forget: str | None) -> Rows:
    return _imports(app, "users") if forget is None else _forgotten(app, "users", forget)


@click.command(
    "imports",
    cls=Command,
    help=_HELP.format(what="events", kind="events"),
    examples=("fsctl --sandbox events imports", "fsctl --sandbox events imports --jq .resume"),
)
@_forget
@pass_app
def events_imports(app: App, forget: str | None) -> Rows:
    return _imports(app, "events") if forget is None else _forgotten(app, "events", forget)


def _imports(app: App, kind: Kind) -> Rows:
    from ..bulk.import_journal import unfinished

    app.check_output()
    return Rows([_row(kind, one) for one in unfinished(app.directory("state"), kind)], COLUMNS)


def _forgotten(app: App, kind: Kind, name: str) -> Rows:
    """Forget the import of the input with that name, or in that journal; what it was."""
    from ..bulk.import_journal import forget, unfinished

    app.check_output()
    known = list(unfinished(app.directory("state"), kind))
    meant = [one for one in known if _is_meant(name, one)]
    if not meant:
        raise NotFound(
            f"Nothing is remembered of an import of {name!a}.",
            hint=f"`fsctl {kind} imports` lists what is.",
        )
    if len(meant) > 1:
        raise Refused(
            f"{len(meant)} imports of {name!a} are remembered.",
            hint=f"Name one of them by its .journal in `fsctl {kind} imports -o jsonl`.",
            code="ambiguous",
        )
    told = _row(kind, meant[0])
    if not app.dry_run:
        forget(meant[0])
    return Rows([told], COLUMNS)


def _is_meant(name: str, one: Unfinished) -> bool:
    if name == str(one.directory):
        return True
    return one.identity is not None and one.identity.path in (name, os.path.realpath(name))


def _row(kind: Kind, one: Unfinished) -> dict[str, Any]:
    stretches, identity = one.stretches, one.identity
    over = [kept for kept in stretches if kept.is_over]
    done = [kept for kept in over if kept.state == "done"]
    if one.running:
        state = "running"
    elif identity is None:
        state = "damaged"
    elif not identity.ends:
        state = "lost"
    else:
        state = "done" if one.is_read and len(over) == len(stretches) else "unfinished"
    return {
        "state": state,
        "source": str(one.directory) if identity is None else identity.path,
        "begun": one.begun or None,
        "read": sum(kept.rows + kept.bad for kept in stretches),
        "bad": sum(kept.bad for kept in stretches),
        "sent": sum(kept.rows for kept in stretches if kept.job is not None),
        "accepted": sum(kept.imports for kept in done),
        "rejected": sum(kept.errors for kept in done),
        "unknown": sum(kept.rows for kept in over if kept.state == "unknown"),
        "unanswered": sum(kept.unanswered for kept in stretches),
        "jobs": [kept.job for kept in stretches if kept.job is not None and not kept.is_over],
        "account": None if identity is None else identity.account,
        "resume": _resume(kind, identity) if identity and state in _RESUMABLE else None,
        "journal": str(one.directory),
    }


def _resume(kind: Kind, identity: Identity) -> str:
    """The command that goes on with it, over the road and the profile that it was begun with."""
    sandbox = ["--sandbox"] if identity.account.startswith("sandbox/") else []
    words = ["fsctl", *sandbox, kind, "import", *_options(identity.choices), identity.path]
    return shlex.join(words)


def _options(choices: Mapping[str, str]) -> Iterator[str]:
    """The options again; those that may be repeated were kept as a list (``a=b, c=d``)."""
    for name, text in choices.items():
        if name == "--empty-as-null":
            yield name
        else:
            for value in text.split(", ") if name in ("--map", "--ignore", "--type") else [text]:
                yield from (name, value)
