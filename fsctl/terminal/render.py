"""The one place that prints data.

Commands hand over values; what is asked for on the command line (``-o``, ``--fields``, ``--jq``)
decides how they are written to stdout. Lists are written as they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Usage, meant
from ..settings.choices import FORMATS, Format
from .columns import Column, Row
from .encode import compact, pretty
from .fields import Selection
from .formats import JsonArray, JsonLines, ListFormat
from .messages import Messages
from .sanitise import ci_safe, clean
from .streams import write_bytes, write_text
from .world import World

if TYPE_CHECKING:
    from .jq import Program
    from .mask import Masker

__all__ = ["Column", "Output", "Renderer", "Row", "parse_format"]

# How many rows a table or CSV looks at to settle its columns, where the source has no pages.
FIRST_PAGE = 100

_NAMES_SHOWN = 10


def parse_format(text: str, origin: str) -> Format:
    """A format by its name. Raises Usage, naming the setting's origin, where there is none."""
    for name in FORMATS:
        if text == name:
            return name
    guess = meant(text, FORMATS)
    raise Usage(f"{origin} holds {text!a}.", hint=f"{guess}Use one of {', '.join(FORMATS)}.")


class Output(NamedTuple):
    """How the data is to be printed, as the command line says.

    ``format`` None is the default: a table on a terminal; in a pipe ``jsonl`` for lists and
    ``json`` for one thing. ``fields`` are paths from ``parse_fields``, ``jq`` an expression, whose
    results replace the format.
    """

    format: Format | None = None
    fields: tuple[str, ...] = ()
    jq: str | None = None
    raw_csv: bool = False


class Renderer:
    """Prints to ``world.stdout``.

    Creating one compiles ``output.jq``, so a wrong expression is Usage before anything is sent.
    With a ``masker``, everything but what :meth:`drawn` gets is masked before it is selected from
    or filtered.
    Every method may raise BrokenPipeError (the reader has gone), other OSErrors of writing, and
    whatever the rows' own iterator raises, with the rows before it written.
    """

    def __init__(
        self,
        world: World,
        output: Output,
        messages: Messages | None = None,
        masker: Masker | None = None,
    ) -> None:
        self._world = world
        self._masker = masker
        self._output = output
        self._messages = messages or Messages(world)
        self._program: Program | None = None
        if output.jq is not None:
            from .jq import compile_jq

            self._program = compile_jq(output.jq)

    def rows(
        self,
        rows: Iterable[Row | Sequence[Row]],
        *,
        columns: Sequence[Column] | None = None,
        masked: bool = False,
    ) -> int:
        """Print a list and return how many rows it had; ``masked`` rows need no masking.

        ``rows`` yields rows, or pages (lists of rows), or both. A page is written and flushed
        before the next is asked for, and the first one decides column widths. Rows that come one
        by one are each written at once, but for formats with columns, which look at the first
        hundred; a list or tuple is taken as one page. ``columns`` None means that the type of
        the rows is unknown: the keys of the first page are the columns then.
        """
        selection, columns = self._selection(columns)
        writer = self._list_format(columns)
        lookahead = FIRST_PAGE if writer is not None and writer.looks_ahead else 1
        count = 0
        begun = False
        for page in _pages(rows, lookahead):
            if self._masker is not None and not masked:
                page = [self._masker.row(row) for row in page]
            chosen = [selection.apply(row) for row in page] if selection else page
            count += len(page)
            if writer is None:
                for row in chosen:
                    self._results(row)
                continue
            opening = "" if begun else writer.begin(chosen)
            begun = True
            self._write(opening + writer.lines(chosen))
        if writer is not None:
            self._write(("" if begun else writer.begin(())) + writer.end())
        self._complain(selection)
        self._explain(writer)
        return count

    def one(
        self, thing: Row, *, columns: Sequence[Column] | None = None, masked: bool = False
    ) -> None:
        """Print one thing; ``columns`` give its known keys their order, names and kinds."""
        selection, chosen_columns = self._selection(columns)
        if self._masker is not None and not masked:
            thing = self._masker.row(thing)
        if selection:
            thing = selection.apply(thing)
        chosen_columns = chosen_columns or ()
        form = self._output.format or ("table" if self._world.stdout_is_terminal else "json")
        if self._program is not None:
            self._results(thing)
        elif form == "json":
            self._write(pretty(thing, ci=self._world.under_ci) + "\n")
        elif form == "table":
            from .listing import listing

            self._write(listing(thing, chosen_columns, self._world))
        elif form == "markdown":
            from .columned import markdown_listing

            self._write(markdown_listing(thing))
        else:
            writer = self._list_format(chosen_columns if selection else None)
            assert writer is not None
            self._write(writer.begin([thing]) + writer.lines([thing]) + writer.end())
        self._complain(selection)

    def data(self, document: Any) -> None:
        """Print a free JSON document, such as the answer to ``raw request``.

        It is JSON unless a format with columns is asked for and the document is an object or a
        list of objects; ``jsonl`` writes a list an item a line.
        """
        if self._masker is not None:
            document = self._masker.data(document)
        form = self._output.format or "json"
        is_rows = isinstance(document, list) and all(isinstance(row, Mapping) for row in document)
        if self._program is not None and not self._output.fields:
            self._results(document)
        elif is_rows and (form != "json" or self._output.fields):
            renderer = Renderer(self._world, self._output._replace(format=form), self._messages)
            renderer.rows(document)
        elif isinstance(document, Mapping) and (form != "json" or self._output.fields):
            Renderer(self._world, self._output._replace(format=form), self._messages).one(document)
        elif form == "jsonl":
            items = document if isinstance(document, list) else [document]
            ci = self._world.under_ci
            self._write("".join(compact(item, ci=ci) + "\n" for item in items))
        else:
            self._write(pretty(document, ci=self._world.under_ci) + "\n")

    def text(self, text: str) -> None:
        """Print plain text, such as a URL, sanitised, ending in one line end."""
        if self._masker is not None:
            text = self._masker.sentence(text)
        self._write(clean(text, multiline=True).rstrip("\n") + "\n")

    def drawn(self, pieces: Iterable[str]) -> None:
        """Print text that was made for this world: sanitised, fitted and coloured already."""
        for piece in pieces:
            self._write(piece)

    def raw(self, body: bytes) -> None:
        """Print bytes as they are, but sanitised where people or a build service look at them."""
        shown = self._world.stdout_is_terminal or self._world.under_ci
        if shown or self._masker is not None:
            self.text(body.decode("utf-8", "replace"))
        else:
            write_bytes(self._world.stdout, body)

    def _selection(
        self, columns: Sequence[Column] | None
    ) -> tuple[Selection | None, Sequence[Column] | None]:
        """What ``--fields`` makes of the rows and columns of this type."""
        if not self._output.fields:
            return None, columns
        known = {column.key: column for column in columns or ()}
        chosen = [
            known.get(path, Column(path)).asked_for(path, place)
            for place, path in enumerate(self._output.fields)
        ]
        return Selection(self._output.fields, known), chosen

    def _list_format(self, columns: Sequence[Column] | None) -> ListFormat | None:
        """The writer of lists; None where jq's results take its place."""
        if self._program is not None:
            return None
        form = self._output.format or ("table" if self._world.stdout_is_terminal else "jsonl")
        if form == "jsonl":
            return JsonLines(self._world)
        if form == "json":
            return JsonArray(self._world)
        # Everything with columns is loaded apart: scripts, which ask for JSON, start sooner.
        from . import columned

        match form:
            case "table":
                return columned.TableFormat(self._world, columns)
            case "csv":
                return columned.csv_format(self._world, columns, raw=self._output.raw_csv)
            case "tsv":
                return columned.tsv_format(self._world, columns)
            case "markdown":
                return columned.Markdown(self._world, columns)

    def _results(self, value: Any) -> None:
        """Write what the jq program makes of one value: strings raw, the rest compact."""
        assert self._program is not None
        shown = self._world.stdout_is_terminal or self._world.under_ci
        for result in self._program(value):
            if not isinstance(result, str):
                self._write(compact(result, ci=self._world.under_ci) + "\n")
            else:
                self._write((clean(result, multiline=True) if shown else result) + "\n")

    def _write(self, text: str) -> None:
        if not text:
            return
        # The last fence: whatever the format, no line of it is a build service's command.
        write_text(self._world.stdout, ci_safe(text) if self._world.under_ci else text)

    def _complain(self, selection: Selection | None) -> None:
        complaint = selection.complaint() if selection else None
        if complaint:
            self._messages.warn(complaint)

    def _explain(self, writer: ListFormat | None) -> None:
        if writer is None:
            return
        left_out = list(writer.left_out)
        if left_out:
            names = ", ".join(left_out[:_NAMES_SHOWN]) + (", …" if left_out[_NAMES_SHOWN:] else "")
            self._messages.warn(
                f"later rows also have {names}, left out here; name them with --fields"
            )
        if writer.dropped:
            names = ", ".join(writer.dropped)
            # Of what was asked for by name nothing goes missing in silence.
            tell = self._messages.announce if self._output.fields else self._messages.note
            tell(f"The window is too narrow for {names}; -o json shows everything.")


def _pages(rows: Iterable[Row | Sequence[Row]], lookahead: int) -> Iterator[Sequence[Row]]:
    """The rows as pages. Single rows are gathered up to ``lookahead`` for the first, then alone.

    Where the source fails or is interrupted, what it gave before comes out first.
    """
    if isinstance(rows, list | tuple) and all(isinstance(row, Mapping) for row in rows):
        if rows:
            yield rows
        return
    source = iter(rows)
    gathered: list[Row] = []
    failure: BaseException | None = None
    first = True
    while True:
        try:
            item = next(source)
        except StopIteration:
            break
        except BaseException as error:
            failure = error
            break
        if isinstance(item, Mapping):
            gathered.append(item)
            if first and len(gathered) < lookahead:
                continue
            yield gathered
        else:
            if gathered:
                yield gathered
            if item:
                yield item
        gathered = []
        first = False
    if gathered:
        yield gathered
    if failure is not None:
        raise failure
