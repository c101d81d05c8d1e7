"""``users job`` and ``events job``: what became of a batch job, by its id alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import FsctlError, NotFound, Partial, Unavailable, Usage
from ..terminal.columns import Column
from .app import App
from .jobs_options import HELP, Asked, JobCommand, job_options
from .results import One, Rows

if TYPE_CHECKING:
    from ..bulk.sending import Sender
    from ..fullstory.batch_jobs import BatchJobs, Kind, Results, Standing

COLUMNS = (
    Column("id", kind="id", importance=9),
    Column("status", importance=9, never_cut=True),
    Column("imports", kind="number"),
    Column("errors", kind="number"),
    Column("created", kind="time"),
    Column("finished", kind="time"),
    Column("rejects_file"),
    Column("imports_file"),
)
ERRORS = (Column("code", importance=8), Column("message", importance=7))
WAIT_FOR = 600.0  # seconds
_JSON = frozenset((".json", ".jsonl", ".ndjson"))


@click.command(
    "job",
    cls=JobCommand,
    help=HELP.format(kind="users"),
    examples=(
        "fsctl users job ID --wait-for 30m",
        "fsctl users job ID --errors -o csv",
        "fsctl users job ID --rejects people.rejects.jsonl",
    ),
)
@job_options
def users_job(app: App, asked: Asked) -> One | Rows:
    return _job(app, "users", asked)


@click.command(
    "job",
    cls=JobCommand,
    help=HELP.format(kind="events"),
    examples=(
        "fsctl events job ID --wait-for 30m",
        "fsctl events job ID --errors -o csv",
        "fsctl events job ID --rejects events.rejects.jsonl",
    ),
)
@job_options
def events_job(app: App, asked: Asked) -> One | Rows:
    return _job(app, "events", asked)


def _job(app: App, kind: Kind, asked: Asked) -> One | Rows:
    from ..fullstory.times import parse_duration

    patience = WAIT_FOR if asked.wait else None
    if asked.wait_for is not None:
        patience = parse_duration(asked.wait_for, what="--wait-for")
    rejects, imports = _places(asked)
    app.check_output()
    job = _Job(app, kind, asked.id)
    standing = job.standing(patience)
    if not standing.ended and (asked.errors or rejects or imports):
        raise Unavailable(
            f"Job {asked.id!a} has not ended, and only then its rows can be had.",
            hint="Wait for it with --wait.",
            code="job_running",
        )
    if asked.errors:
        columns = (*ERRORS, Column(kind.removesuffix("s"), kind="json"))
        return Rows(job.results("errors"), columns, ending=lambda: _verdict(standing, None))
    files = {
        "rejects_file": job.write_rejects(rejects, force=asked.force) if rejects else None,
        "imports_file": job.write_imports(imports, force=asked.force) if imports else None,
    }
    if not standing.ended and patience is None:
        app.messages.note("It has not ended; --wait waits for that.")
    told = {name: str(path) for name, path in files.items() if path is not None}
    hint = "--errors lists the rows that failed, and --rejects FILE writes them."
    if "rejects_file" in told:
        hint = f"{told['rejects_file']!a} holds them: correct them there, and import that file."
    return One(_row(standing) | told, COLUMNS, ending=lambda: _verdict(standing, hint))


def _places(asked: Asked) -> tuple[Path | None, Path | None]:
    from ..bulk.import_rejects import check_outputs
    from ..settings.paths import given_path

    if asked.errors and (asked.rejects or asked.imports):
        raise Usage("--errors lists rows, and writes no files.", hint="Leave it out.")
    rejects, imports = (
        given_path(name) if name is not None else None for name in (asked.rejects, asked.imports)
    )
    if rejects is not None and rejects.suffix.lower() not in _JSON:
        raise Usage(
            f"Rejects of a job are JSON, and {rejects.name!a} is not named so.",
            hint="Name a file that ends with .jsonl or .json.",
        )
    check_outputs([path for path in (rejects, imports) if path is not None], force=asked.force)
    return rejects, imports


class _Job:
    def __init__(self, app: App, kind: Kind, job_id: str) -> None:
        from ..bulk.sending import Limiter, Patience, Sender
        from ..fullstory.batch_jobs import BatchJobs

        caller = app.caller
        connection = caller.ask_connection(lambda connection, _deadline: connection, "connection")
        self._app = app
        self._id = job_id
        self._kind = kind
        self._jobs: BatchJobs = BatchJobs(
            caller.gateway,
            connection,
            kind,
            now=caller.clock.time,
            proxy_base=caller.policy.proxy_base,
        )
        limiter = Limiter(caller.clock, self._tell_wait)
        limited = app.timeout  # seconds
        self._sender: Sender = Sender(
            caller.clock, limiter, Patience(app.retries, limited), app.messages.verbose
        )

    def _tell_wait(self, seconds: float) -> None:
        self._app.messages.verbose(f"Waiting {seconds:.0f} s for the rate limit.")

    def standing(self, patience: float | None) -> Standing:
        """How it stands, at its end where there is patience (seconds)."""
        from ..bulk import following
        from ..terminal.progress import Display, Shown

        display = Display(self._app.world, self._app.messages)

        def seen(now: Standing) -> None:
            display.show(
                Shown(
                    f"job {self._id}",
                    [("imported", now.imports), ("failed", now.errors)],
                    more=[now.status],
                    bad=["failed"],
                )
            )

        try:
            with self._failures():
                found = self._sender.ask(lambda: self._jobs.standing(self._id))
                if found.ended or patience is None:
                    return found
                return following.followed(
                    self._jobs, self._sender, self._id, patience=patience, seen=seen
                )
        finally:
            display.close()

    def results(self, which: Results) -> Iterator[Mapping[str, Any]]:
        from ..bulk import following

        with self._failures():
            yield from following.results(self._jobs, self._sender, self._id, which)

    def write_rejects(self, path: Path, *, force: bool) -> Path | None:
        """Write the failed requests as they can be imported again; None: there were none."""
        from ..bulk.import_rejects import JsonForm, Reason
        from ..fullstory.batch_jobs import failed_request

        form = JsonForm(array=path.suffix.lower() == ".json")
        lines = (
            form.returned(
                failed_request(row, self._kind),
                Reason(_text(row, "code", "failed"), _text(row, "message", "No reason"), None),
            )
            for row in self.results("errors")
        )
        return _write(path, lines, form, force=force)

    def write_imports(self, path: Path, *, force: bool) -> Path | None:
        from ..bulk.import_ids import imported_as
        from ..bulk.import_rejects import JsonForm

        return _write(
            path, map(imported_as(path), self.results("imports")), JsonForm(), force=force
        )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Failures in the words of commands."""
        from ..bulk.following import JobGone
        from ..fullstory.batch_jobs import not_there_yet
        from ..fullstory.outcome import as_error
        from ..membrane.gateway import GatewayError

        try:
            yield
        except JobGone:
            raise self._unknown() from None
        except GatewayError as failure:
            if not_there_yet(failure):
                raise self._unknown() from None
            raise as_error(failure, "job", writes=False) from None

    def _unknown(self) -> NotFound:
        other = "events" if self._kind == "users" else "users"
        return NotFound(
            f"Fullstory knows no job {self._id!a} that imports {self._kind}.",
            hint=f"Jobs that import {other} are asked for with `fsctl {other} job`.",
        )


def _write(path: Path, lines: Iterator[bytes], form: Any, *, force: bool) -> Path | None:
    from ..settings.files import new_file

    first = next(lines, None)
    if first is None:
        return None
    with new_file(path, force=force) as stream:
        stream.write(form.head + first)
        for line in lines:
            stream.write(form.between + line)
        stream.write(form.end)
    return path


def _text(row: Mapping[str, Any], name: str, instead: str) -> str:
    value = row.get(name, row.get(f"error_{name}"))
    return value if isinstance(value, str) and value else instead


def _row(standing: Standing) -> dict[str, Any]:
    names = ("id", "status", "imports", "errors", "created", "finished")
    return {name: getattr(standing, name) for name in names}


def _verdict(standing: Standing, hint: str | None) -> FsctlError | None:
    from .import_run_shown import told_of_job

    if not standing.ended or (not standing.errors and standing.status != "FAILED"):
        return None
    told = told_of_job(standing.id, standing.status, standing.imports, standing.errors)
    return Partial(f"{told}.", hint=hint)
