"""Import users or events from files: any size, checked, resumable, every rejected row told.

One thread, the caller's, reads and cuts the input; a few more each carry a batch to its end. What
is held is the batches on their way. The events come as they happen; the last one of each input is
its :class:`Summary`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..errors import FsctlError, Usage
from ..fullstory.batch_jobs import BatchJobs, Kind
from ..fullstory.call import Caller
from . import following, import_ending, import_journal
from .batches import Bounds, Position, Stretch, gaps, stretches, until
from .carrying import Carrier, Task
from .import_check import checked, refuse_bad
from .import_counts import Counts
from .import_crew import TICK, Carried, Crew, Taken
from .import_ending import Outputs
from .import_events import Begun, Checked, Event, Note, Progress, Summary, Waiting
from .import_ids import imported_as
from .import_input import Input
from .import_journal import Journal
from .import_record import Kept
from .import_rejects import check_outputs
from .keeping import Torn, blocks_from
from .memory import give_back_large_blocks
from .sending import Limiter, Patience, Sender

CONCURRENCY = 4  # jobs: with 50,000 rows each far from Fullstory's 100 jobs and 500,000 operations


class Options(NamedTuple):
    """How to import. ``force`` writes over outputs that are there; ``patience`` is of requests,
    ``job_patience`` of jobs (seconds)."""

    concurrency: int = CONCURRENCY
    strict: bool = False  # send nothing if any row of any input is bad
    restart: bool = False
    force: bool = False
    patience: Patience = Patience()
    job_patience: float = following.PATIENCE
    rows: int | None = None  # most rows of a batch, where it is to be fewer than Fullstory's


def run(
    caller: Caller, state: Path, kind: Kind, inputs: Sequence[Input], options: Options
) -> Iterator[Event]:
    """Import the inputs one after the other, journals below ``state``.

    Raises a :class:`FsctlError` where nothing more can be done now, after which the same call goes
    on; what became of rows is in the summaries (see ``import_events.ending``). Closing the iterator
    ends the run within seconds. What is done is forgotten when all inputs are, so that the same
    call tells of it again and sends none of it twice.
    """
    give_back_large_blocks()
    connection = caller.ask_connection(lambda connection, _deadline: connection, "connection")
    jobs = BatchJobs(
        caller.gateway,
        connection,
        kind,
        now=caller.clock.time,
        proxy_base=caller.policy.proxy_base,
    )
    account = f"{caller.gateway.account} {connection}"
    asked = [one._replace(identity=one.identity._replace(account=account)) for one in inputs]
    if options.strict:
        found = []
        for one in asked:
            # What was begun had passed: it is to be gone on with, not to be checked again.
            if options.restart or not import_journal.is_begun(state, one.identity):
                for event in checked(one.reader, one.size):
                    if isinstance(event, Checked):
                        found.append(event)
                    yield event
        refuse_bad(found)
    for one in asked:
        if options.restart or not import_journal.is_begun(state, one.identity):
            check_outputs(one.outputs, force=options.force)
    with ExitStack() as kept:
        journals: list[Journal] = []
        torn = False
        for one in asked:
            work = _Run(caller, jobs, state, one, options)
            journals.append(kept.enter_context(work.journal()))
            begun = any(journal.has_sent for journal in journals[:-1])
            try:
                yield from work.events(journals[-1], alone=not begun)
            except FsctlError:
                if journals[-1].has_sent:
                    yield work.stopped(journals[-1])
                raise
            summary = work.finished(journals[-1])
            torn = torn or summary.torn is not None
            if summary.torn is not None and not (one.resumable and journals[-1].has_sent):
                journals[-1].remove()  # nobody can go on with it, or has to
            if len(journals) == len(asked) and not torn:
                for journal in journals:
                    journal.remove()
            yield summary


def check(inputs: Sequence[Input]) -> Iterator[Event]:
    """Only check: the last event of each input is its :class:`Checked`."""
    for one in inputs:
        yield from checked(one.reader, one.size)


class _Run:
    """One run over one input."""

    def __init__(
        self, caller: Caller, jobs: BatchJobs, state: Path, one: Input, options: Options
    ) -> None:
        self._caller = caller
        self._jobs = jobs
        self._state = state
        self._input = one
        self._options = options
        self._bounds = Bounds()
        if options.rows is not None:
            self._bounds.rows = min(self._bounds.rows, options.rows)
        self._crew = Crew(options.concurrency, caller.clock)
        self._on_their_way = 0
        self._left: deque[Kept] = deque()  # in place of stretches that were not carried to the end
        self._counts = Counts(Progress(one.reader.name, size=one.size))
        self._outputs = Outputs(one, force=options.force)
        self._torn: Usage | None = None  # why nothing more can be read
        self._first: Position | None = None  # where the first row is
        self._earlier = 0  # rows that earlier runs were done with
        self._told_at = float("-inf")
        self._began = caller.clock.monotonic()

    def journal(self) -> AbstractContextManager[Journal]:
        begun = datetime.fromtimestamp(self._caller.clock.time(), UTC).isoformat()
        return import_journal.opened(
            self._state, self._input.identity, restart=self._options.restart, begun=begun
        )

    def events(self, journal: Journal, *, alone: bool) -> Iterator[Event]:
        """Do the work; :meth:`finished` is for its end.

        An input that cannot be read to its end is done as far as it goes, where some of it was
        sent already; else, if it is ``alone``, that is an error as if it could not be opened.
        """
        one = self._input
        if journal.is_new:
            check_outputs(one.outputs, force=self._options.force)
        else:
            self._outputs.recognize(journal)
        yield Begun(one.reader.name, not journal.is_new, one.size)
        carrier = self._carrier(journal)
        try:
            yield from self._work(journal, carrier)
            if self._torn is not None and alone and not journal.has_sent:
                raise self._torn
        except BaseException as error:
            self._crew.end()
            if not one.resumable:  # its rejects would never be written
                with suppress(FsctlError):
                    self._outputs.write(journal)
            if error is self._torn:  # whoever mends it begins with it anew
                journal.remove()
            raise
        self._crew.end()
        yield self._counts.progress

    def _carrier(self, journal: Journal) -> Carrier:
        crew, imports = self._crew, self._input.imports
        limiter = Limiter(crew.clock, lambda seconds: crew.tell(Waiting(seconds)))
        sender = Sender(
            crew.clock, limiter, self._options.patience, lambda text: crew.tell(Note(text))
        )
        return Carrier(
            self._input.reader,
            self._jobs,
            sender,
            journal,
            self._bounds,
            new_id=self._caller.new_id,
            tell=crew.tell,
            imported=imported_as(imports) if imports else None,
            job_patience=self._options.job_patience,
        )

    # -- the work

    def _work(self, journal: Journal, carrier: Carrier) -> Iterator[Event]:
        """Hand out tasks while there is a free thread, and tell what they say."""
        tasks = self._tasks(journal, carrier)
        left, more = self._left, True  # both end where the input does, or is torn
        self._crew.begin(carrier)
        while self._on_their_way or more or left:
            while self._on_their_way < self._crew.size and (left or more):
                try:
                    task = carrier.again(left.popleft()) if left else next(tasks, None)
                except Torn as torn:
                    self._tear(torn)
                    task = None
                if task is None or self._torn is not None:
                    more = False
                    break
                self._crew.give(task)
                self._on_their_way += 1
                self._counts.jobs(self._on_their_way)
                yield from self._heard(wait=False)
            if self._on_their_way:
                yield from self._heard(wait=True)

    def _tasks(self, journal: Journal, carrier: Carrier) -> Iterator[Task]:
        """What earlier runs left, then what nobody has read yet, in the order of the input."""
        earlier = journal.stretches()
        self._first = earlier[0].start if earlier else None
        for kept in earlier:
            self._counts.read(kept)
            if kept.is_over:
                self._counts.over(kept)
                self._earlier += kept.rows + kept.bad
        for kept in earlier:
            if not kept.is_over:
                yield carrier.again(kept)
        for start, end in list(gaps([(kept.start, kept.end) for kept in earlier])):
            blocks = blocks_from(self._input.reader, start)
            inside = until(blocks, None if end is None else end.offset)
            # Nothing here holds on to a stretch or a task while the next one is read.
            yield from map(partial(self._fresh, carrier), stretches(inside, self._bounds, end))

    def _fresh(self, carrier: Carrier, stretch: Stretch) -> Task:
        task = carrier.fresh(stretch)
        self._counts.read(task.kept)
        self._first = min(self._first or stretch.start, stretch.start)
        return task

    def _heard(self, *, wait: bool) -> Iterator[Event]:
        """Count what the threads said, and tell it; with ``wait`` at least for a moment."""
        news = False
        for said in self._crew.heard(wait=wait):
            if isinstance(said, Torn):
                self._on_their_way -= 1
                self._tear(said)
            elif isinstance(said, Taken):
                self._caller.wrote = True
                self._counts.sent(said.kept)
            elif isinstance(said, Carried):
                self._carried(said.left)
                news = True
            else:
                yield said
        now = self._caller.clock.monotonic()
        if news or now - self._told_at >= TICK:
            self._told_at = now
            yield self._counts.progress

    def _carried(self, left: Sequence[Kept]) -> None:
        self._on_their_way -= 1
        self._counts.jobs(self._on_their_way)
        for kept in left:
            if kept.is_over:
                self._counts.over(kept)
            elif self._torn is None:
                self._left.append(kept)

    def _tear(self, torn: Torn) -> None:
        """Nothing more of the input can be read: what is on its way is all that is to be done."""
        self._torn = self._torn or torn.error
        self._left.clear()

    # -- the end

    def finished(self, journal: Journal) -> Summary:
        """Write the outputs, and tell what it came to."""
        return self._summary(journal, self._outputs.write(journal))

    def stopped(self, journal: Journal) -> Summary:
        """Tell how far it came, though it is not done."""
        return self._summary(journal, {}, finished=False)

    def _summary(
        self, journal: Journal, written: dict[str, Path], *, finished: bool = True
    ) -> Summary:
        return import_ending.summary(
            self._input,
            journal,
            written,
            seconds=self._caller.clock.monotonic() - self._began,
            earlier=self._earlier,
            torn=self._torn,
            finished=finished,
            first=self._first,
        )
