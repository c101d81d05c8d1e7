"""``fsctl users export``: everyone to a file, or to stdout, in a form that an import reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..errors import FsctlError, Usage
from .app import App
from .export_place import Place
from .numbers import Number
from .options import Command, heading, pass_app
from .results import Drawn, One
from .resuming import same_command
from .user_filters import filter_options, given, option_of

if TYPE_CHECKING:
    from ..bulk.export_pages import Form, Gathered, Wanted
    from ..bulk.exporting import Finished

FORMS = ("jsonl", "csv", "tsv")
_ENDINGS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".tab": "tsv"}


class Asked(NamedTuple):
    """What was asked for, beside whom."""

    to: str | None
    limit: int | None
    without_ids: bool
    resume: bool
    restart: bool
    force: bool


@click.command(
    "export",
    cls=Command,
    examples=(
        "fsctl --sandbox users export --to people.jsonl",
        "fsctl --sandbox users export --identified --to people.csv",
        "fsctl --sandbox users export --without-ids -o tsv > for-another-account.tsv",
        "fsctl --sandbox users export --fields uid,email,plan,seats --to plans.csv.gz",
    ),
)
@heading("Which people")
@filter_options
@click.option("--limit", type=Number(1), metavar="N", help="Stop after N people.")
@click.option(
    "--without-ids",
    is_flag=True,
    help="Leave Fullstory's own ids out, for an import into another account.",
)
@heading("Output files")
@click.option("--to", metavar="FILE", help="Write to this file (.gz packs it), not to stdout (-).")
@click.option("--resume", is_flag=True, help="Go on with an export to FILE that was not finished.")
@click.option("--restart", is_flag=True, help="Begin anew in place of one that was not finished.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there already.")
@pass_app
def export(app: App, /, **values: Any) -> Drawn | One | None:
    """Write people, all unless filtered, to a file that `users import` reads.

    -o jsonl, csv or tsv; else FILE's ending says it, else it is jsonl. All that an import takes is
    written: ids, names, properties and those of their types that Fullstory would not infer. In CSV
    and TSV the header has them (seats:int), and what is no plain text is JSON (tags:json). --fields
    picks some: uid,email,plan.

    FILE is there when it is whole. Until then people are kept in FILE.partial: after an
    interruption, add --resume. People who are being deleted are left out.

    A row with an id is, when it is imported, a change of that person, in this account only. For
    another account leave the ids out; each import of it makes those without a uid anew.
    """
    names = Asked._fields
    asked = Asked(*(values.pop(name) for name in names))
    return _Export(app, asked, given(values)).run()


class _Export:
    """One export."""

    def __init__(self, app: App, asked: Asked, filters: dict[str, str | bool]) -> None:
        self._app = app
        self._asked = asked
        self._filters = filters
        place = Place.of(asked.to)
        self._path = None if place.path is None else place.path.absolute()
        self._form = _form(app, place)
        self._raw = bool(app.flags.get("raw_csv"))
        self._wanted = self._read()

    def run(self) -> Drawn | One | None:
        app = self._app
        if app.dry_run:
            return self._planned()
        if app.masker is not None:
            app.messages.warn("what is masked cannot be imported again.")
        if self._path is None:
            return Drawn(self._pieces())
        self._to_file(self._path)
        return None

    def _read(self) -> Wanted:
        """What is wanted. Raises :class:`Usage` for options that do not fit together."""
        from ..bulk.export_pages import Wanted
        from ..bulk.export_record import Choice
        from ..terminal.fields import parse_fields

        app, asked = self._app, self._asked
        if app.flags.get("jq") is not None:
            raise Usage(
                "--jq is not for exports: what it makes could not be imported.",
                hint="Pick with --fields, or use `fsctl users list --jq`.",
            )
        if self._path is None:
            for name in ("resume", "restart", "force"):
                if getattr(asked, name):
                    raise Usage(f"--{name} is for files.", hint="Name the file with --to FILE.")
        if asked.resume and asked.restart:
            raise Usage("--resume and --restart contradict each other.", hint="Drop one.")
        told = app.flags.get("fields")
        fields = () if told is None else parse_fields(told)
        choice = Choice.parse(fields, with_ids=not asked.without_ids)
        if not choice.names_people and app.masker is None:
            app.messages.warn(
                "without id and uid, an import makes new people of these; add uid to --fields."
            )
        mask = None if app.masker is None else app.masker.row
        return Wanted(self._filters, choice, asked.limit, mask)

    # -- to stdout

    def _pieces(self) -> Iterator[str]:
        """The export as text, as it comes, or for a table when all are known."""
        from ..bulk.export_pages import gathered, lines
        from ..terminal.sanitise import clean

        world = self._app.world
        pages = self._counted(gathered(self._app.caller, self._wanted))
        if self._form == "jsonl":
            for page in pages:
                yield lines(page.records, ci=world.under_ci)
        else:
            shown = world.stdout_is_terminal or world.under_ci
            for text in self._table(pages):
                yield clean(text, multiline=True) if shown else text

    def _counted(self, pages: Iterator[Gathered]) -> Iterator[Gathered]:
        """The pages; afterwards it is told how many people are not on them."""
        left_out = 0
        for page in pages:
            left_out += page.left_out
            yield page
        self._tell_left_out(left_out)

    def _table(self, pages: Iterator[Gathered]) -> Iterator[str]:
        from ..bulk.export_pages import lines, tabulated
        from ..bulk.export_spool import spooled
        from .users_export_shown import Teller

        assert self._form != "jsonl"
        people = 0
        with (
            spooled(self._app.directory("state")) as spool,
            closing(Teller(self._app, "Exporting")) as teller,
        ):
            for page in pages:
                spool.write(lines(page.records).encode("utf-8", "backslashreplace"))
                people += len(page.records)
                teller.fetched(people, page.total)
            teller.close()
            choice = self._wanted.choice
            yield from tabulated(spool.stream, self._form, choice, raw=self._raw)

    # -- to a file

    def _to_file(self, path: Path) -> None:
        from ..bulk import exporting
        from ..bulk.export_file import Target
        from .users_export_shown import Teller

        app, asked = self._app, self._asked
        target = Target(
            path,
            self._form,
            self._facts(),
            self._raw,
            force=asked.force,
            resume=asked.resume,
            restart=asked.restart,
        )
        events = exporting.to_file(app.caller, app.directory("state"), self._wanted, target)
        try:
            with (
                closing(Teller(app, f"Exporting to {path.name}")) as teller,
                closing(events),  # type: ignore[type-var]
            ):
                for event in events:
                    if isinstance(event, exporting.Begun | exporting.Fetched):
                        app.resume = _resume(app, has_any=event.people > 0)
                    teller.tell(event)
                    if isinstance(event, exporting.Finished):
                        app.resume = None
                        self._tell_finished(event, path)
        except FsctlError:
            if app.resume:
                app.messages.announce(f"it is not whole yet; this goes on with it: {app.resume}")
            raise

    def _facts(self) -> dict[str, str]:
        """What has to be the same to go on: whose people, which of them, and what of each."""
        app, asked = self._app, self._asked
        connection = app.caller.ask_connection(lambda connection, _: connection, "connection")
        facts = {
            "the connection": f"{app.gateway.account} {connection}",
            "-o": self._form,
            "--fields": app.flags.get("fields") or "",
            "--limit": "" if asked.limit is None else str(asked.limit),
        }
        facts |= {option_of(name): str(value) for name, value in self._filters.items()}
        given_flags = {
            "--without-ids": asked.without_ids,
            "--mask": app.masker is not None,
            "--raw-csv": self._raw,
        }
        facts |= {name: "given" for name, is_given in given_flags.items() if is_given}
        return {name: value for name, value in facts.items() if value}

    def _tell_finished(self, event: Finished, path: Path) -> None:
        people = "1 person" if event.people == 1 else f"{event.people:,} people"
        self._app.messages.note(f"{people} written to {str(path)!a}.")
        self._tell_left_out(event.left_out)

    def _tell_left_out(self, count: int) -> None:
        if count:
            whom, are = ("1 person", "is") if count == 1 else (f"{count:,} people", "are")
            self._app.messages.announce(f"{whom} who {are} being deleted {are} left out.")

    # -- a dry run

    def _planned(self) -> One:
        from ..bulk.export_pages import gathered

        first = next(gathered(self._app.caller, self._wanted), None)
        plan = {
            "dry_run": True,
            "to": None if self._path is None else str(self._path),
            "format": self._form,
            "people": first.total if first else None,
        }
        return One(plan)


def _form(app: App, place: Place) -> Form:
    """``-o``, else by the file's ending, else JSONL; a profile's output is for the screen."""
    asked = app.flags.get("output")
    if asked is None and place.path is not None:
        if place.ending == ".json":
            raise Usage(
                f"{place.path.name!a} would be one JSON document, and an export is a record a "
                "line.",
                hint="Name it .jsonl, or add -o jsonl.",
            )
        asked = _ENDINGS.get(place.ending)
    for form in FORMS:
        if (asked or "jsonl") == form:
            return form  # type: ignore[return-value]
    raise Usage(f"An export is never {asked}.", hint="Use -o jsonl, -o csv or -o tsv.")


def _resume(app: App, *, has_any: bool) -> str:
    """The command that goes on, or begins anew where there is nothing yet to go on with."""
    added = ("--resume",) if has_any else ()
    return same_command(app, added=added, dropped=("--restart", "--resume"))
