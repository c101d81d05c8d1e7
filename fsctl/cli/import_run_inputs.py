"""The inputs of an import, opened, and the places for what comes of them: all checked at first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import Usage
from .app import App
from .import_options import Asked

if TYPE_CHECKING:
    from ..bulk.import_input import Input
    from ..bulk.mapping import Choices
    from ..bulk.rows import Rows
    from ..bulk.source import Source
    from ..fullstory.batch_jobs import Kind

_FILES_EACH = 3  # the input, its journal and the journal's lock
_FILES_MORE = 128
_LONGEST_NAME = 255  # bytes, on all systems that are in use
_CALLED = {"jsonl": "JSON lines", "json": "a JSON array", "csv": "CSV", "tsv": "TSV"}
_SAMPLE = 200  # rows that are looked at for doubtful names of properties


class Opened(NamedTuple):
    """An input: what it was called, and where it can be read."""

    name: str
    source: Source
    rows: Rows

    @property
    def called(self) -> str:
        """What messages call it."""
        return "stdin" if self.name == "-" else self.name

    @property
    def is_lasting(self) -> bool:
        """Whether it can be read again by another run."""
        return self.source.origin.path is not None


@contextmanager
def opened(app: App, kind: Kind, asked: Asked) -> Iterator[list[Opened]]:
    """All inputs, in their order. Raises :class:`Usage` for what cannot be read."""
    _check_sources(asked)
    _allow_files(_FILES_EACH * len(asked.sources) + _FILES_MORE)
    choices = asked.choices()
    with ExitStack() as stack:
        found = []
        for name in asked.sources:
            one = _open(app, kind, asked, choices, name, stack)
            found.append(one)
        _check_different(found)
        yield found


def _check_sources(asked: Asked) -> None:
    from ..bulk.values import STDIN

    if not asked.sources:
        raise Usage("FILE is missing.", hint="Name a file, or - for stdin.")
    if asked.sources.count(STDIN) > 1:
        raise Usage("stdin can be read once only.", hint="Give - once.")
    if asked.spool is not None and STDIN not in asked.sources:
        raise Usage("--spool is for stdin.", hint="Leave it out: a file can be read again.")


def _allow_files(count: int) -> None:
    """Have the system let us hold that many open at once, where it may: shells allow few."""
    try:
        import resource
    except ImportError:  # Windows, which counts none
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _open(
    app: App, kind: Kind, asked: Asked, choices: Choices, name: str, stack: ExitStack
) -> Opened:
    from ..bulk.rows import open_rows
    from ..bulk.source import open_source
    from ..bulk.values import STDIN
    from ..settings.paths import given_path

    spool = given_path(asked.spool) if asked.spool is not None and name == STDIN else None
    source = open_source(
        app.world,
        name,
        spool=spool,
        encoding=asked.encoding,
        form=asked.form,  # type: ignore[arg-type]
    )
    stack.callback(source.close)
    for note in source.notes:
        app.messages.note(note)
    rows = open_rows(source, kind, choices)
    app.messages.verbose(f"{source.name} is read as {source.format} in {source.encoding}.")
    for column, told in rows.columns:
        app.messages.verbose(f"{source.name}: the column {column!a} becomes {told}.")
    return Opened(name, source, rows)


def _check_different(found: Sequence[Opened]) -> None:
    paths = [one.source.origin.path for one in found if one.source.origin.path is not None]
    again = next((path for path in paths if paths.count(path) > 1), None)
    if again is not None:
        raise Usage(f"{str(again)!a} is named twice.", hint="Name each file once.")


def warn_of_doubts(app: App, found: Sequence[Opened]) -> None:
    """Warn once of names of properties that Fullstory may not take as they are meant."""
    from ..fullstory.doubts import doubts
    from ..membrane import payload

    properties = {}
    for one in found:
        block = next(one.rows.blocks(), ())
        for row in block[:_SAMPLE]:
            if not row.problems:
                held = payload.decode(row.body).get("properties")
                properties.update(held if isinstance(held, dict) else {})
    for doubt in doubts(properties, declared_by="--type"):
        app.messages.warn(doubt)


# -- outputs


def inputs_of(app: App, asked: Asked, found: Sequence[Opened]) -> list[Input]:
    """The inputs with places for their outputs.

    Raises :class:`Usage` where there is none, or where something could not be written there.
    """
    from ..bulk.import_input import input_of
    from ..settings.paths import given_path

    for option, given in (("--rejects", asked.rejects), ("--imports", asked.imports)):
        if given is not None and len(found) > 1:
            raise Usage(
                f"{option} names one file, and there are {len(found)} inputs.",
                hint="Leave it out: each has its own beside it."
                if option == "--rejects"
                else "Import them one after the other.",
            )
    _check_names(asked, found)
    choices = asked.choices()
    facts = {
        **choices.as_facts(),
        **({"--format": asked.form} if asked.form else {}),
        **({"--encoding": asked.encoding} if asked.encoding else {}),
    }
    inputs = []
    for one in found:
        rejects, unknown = _beside(one, asked.rejects)
        inputs.append(
            input_of(
                one.rows,
                one.source.origin,
                rejects=rejects,
                unknown=unknown,
                imports=given_path(asked.imports) if asked.imports is not None else None,
                choices=facts,
                size=one.source.size,
                new_id=app.caller.new_id,
            )
        )
    _check_places(found, inputs)
    return inputs


def _check_names(asked: Asked, found: Sequence[Opened]) -> None:
    """Refuse names of outputs that say something else than what would be in the files."""
    from ..bulk.source_kind import format_named
    from ..bulk.values import STDIN

    forms = {"--rejects": found[0].source.format, "--imports": "jsonl"}
    for option, given in (("--rejects", asked.rejects), ("--imports", asked.imports)):
        if given == STDIN:
            raise Usage(
                f"{option} is a file of its own, and - is none.",
                hint=f"Name it: {option} FILE. What became of the rows is told on stdout.",
            )
        path = Path(given or "")
        named = "gz" if path.suffix.lower() == ".gz" else format_named(path.suffix.lower())
        form = forms[option]
        if named is None or named == form or {named, form} == {"json", "jsonl"}:
            continue
        what = f"Rejects of {found[0].called}" if option == "--rejects" else "What --imports writes"
        raise Usage(
            f"{what} would be {_CALLED[form]}, and {path.name!a} is not named so.",
            hint=f"Name a file that ends with .{form}.",
        )


def _beside(one: Opened, rejects: str | None) -> tuple[Path, Path]:
    """Where its rejects go, and the rows of which nobody knows what became."""
    from ..bulk.import_rejects import default_path
    from ..bulk.values import STDIN
    from ..settings.paths import given_path

    if rejects is not None:
        path = given_path(rejects)
        return path, default_path(path.with_name(path.name.replace(".rejects.", ".", 1)), "unknown")
    if one.name == STDIN or not one.is_lasting:
        what = "stdin" if one.name == STDIN else one.source.name
        raise Usage(
            f"There is no place for rejects beside {what}.", hint="Name one with --rejects FILE."
        )
    path = given_path(one.name)
    return default_path(path, "rejects"), default_path(path, "unknown")


def _check_places(found: Sequence[Opened], inputs: Sequence[Input]) -> None:
    """Refuse now what could not be written when all is sent."""
    from ..settings.files import trial

    read = {one.source.origin.path for one in found}
    taken: set[Path] = set()
    for path in [path for one in inputs for path in one.outputs]:
        if len(os.fsencode(path.name)) > _LONGEST_NAME:
            raise Usage(
                f"The name {path.name!a} would be too long for a file.",
                hint="Name a shorter one with --rejects FILE.",
            )
        whole = Path(os.path.abspath(path))  # noqa: PTH100 - a link is not followed here
        if path.resolve() in read or whole in read:
            raise Usage(
                f"{str(path)!a} is an input, and would be written over.",
                hint="Name another file.",
            )
        if whole in taken:
            raise Usage(
                f"{str(path)!a} would be written twice.",
                hint="Import these files one after the other, or give each output its own name.",
            )
        taken.add(whole)
    for folder in {path.parent for path in taken}:
        if folder.is_dir() and (error := trial(folder)) is not None:
            raise Usage(
                f"Nothing can be written in {str(folder)!a}: {error.strerror}.",
                hint="Name a place for rejects with --rejects FILE.",
            )
