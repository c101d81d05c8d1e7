"""Import users or events from files: any size, checked, resumable, every rejected row told.

One thread, the caller's, reads and cuts the input; a few more each carry a batch to its end. What
is held is the batches on their way. The events come as they happen; the last one of each input is
its :class:`Summary`.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..errors import FsctlError
from ..fullstory.batch_jobs import BatchJobs, Kind
from ..fullstory.call import Caller
from ..fullstory.repeats import Clock
from . import following, import_journal
from .batches import Bounds, Stretch, gaps, stretches, until
from .carrying import Carrier, Task
from .import_check import checked, refuse_bad
from .import_counts import Counts
from .import_events import Begun, Checked, Event, Note, Progress, Summary, Waiting
from .import_ids import imported_as
from .import_input import Input
from .import_journal import Journal
from .import_record import Kept
from .import_rejects import JsonForm, check_outputs, publish
from .memory import give_back_large_blocks
from .sending import Limiter, Patience, Sender, Stopped

CONCURRENCY = 4  # jobs: with 50,000 rows each far from Fullstory's 100 jobs and 500,000 operations
_GRACE = 3.0  # seconds in which requests on their way may still be answered when a run ends
_TICK = 0.2  # seconds between two words on progress
_SLICE = 0.25  # seconds between two looks at whether the run ends


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
        for one in asked:
            work = _Run(caller, jobs, state, one, options)
            journals.append(kept.enter_context(work.journal()))
            yield from work.events(journals[-1])
            summary = work.finished(journals[-1])
            if len(journals) == len(asked):
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
        self._said: queue.SimpleQueue[Event | _Taken | _Carried | BaseException]
        self._said = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._carried: list[_Carried] = []
        self._counts = Counts(Progress(one.reader.name, size=one.size))
        self._told_at = float("-inf")
        self._began = caller.clock.monotonic()

    def journal(self) -> AbstractContextManager[Journal]:
        begun = datetime.fromtimestamp(self._caller.clock.time(), UTC).isoformat()
        return import_journal.opened(
            self._state, self._input.identity, restart=self._options.restart, begun=begun
        )

    def events(self, journal: Journal) -> Iterator[Event]:
        """Do the work; :meth:`finished` is for its end."""
        one = self._input
        if journal.is_new:
            check_outputs(one.outputs, force=self._options.force)
        yield Begun(one.reader.name, not journal.is_new, one.size)
        carrier = self._carrier(journal)
        try:
            yield from self._work(journal, carrier)
        except BaseException:
            self._end()
            if not one.resumable:  # its rejects would never be written
                with suppress(FsctlError):
                    self._written(journal)
            raise
        self._end()
        yield self._counts.progress

    def _carrier(self, journal: Journal) -> Carrier:
        clock = self._caller.clock
        stoppable = Clock(clock.monotonic, clock.time, self._sleep, clock.random)
        limiter = Limiter(stoppable, lambda seconds: self._said.put(Waiting(seconds)))
        imports = self._input.imports
        return Carrier(
            self._input.reader,
            self._jobs,
            Sender(
                stoppable, limiter, self._options.patience, lambda text: self._said.put(Note(text))
            ),
            journal,
            self._bounds,
            new_id=self._caller.new_id,
            tell=self._said.put,
            imported=imported_as(imports) if imports else None,
            job_patience=self._options.job_patience,
        )

    def _sleep(self, seconds: float) -> None:
        """Sleep, unless the run ends: then raise, so that the thread does."""
        while seconds > 0 and not self._stop.is_set():
            self._caller.clock.sleep(min(seconds, _SLICE))
            seconds -= _SLICE
        if self._stop.is_set():
            raise Stopped

    # -- the work

    def _work(self, journal: Journal, carrier: Carrier) -> Iterator[Event]:
        """Hand out tasks while there is a free thread, and tell what they say."""
        tasks = self._tasks(journal, carrier)
        inbox = self._inbox
        self._threads = [
            threading.Thread(target=self._worker, args=(carrier,), daemon=True)
            for _ in range(self._options.concurrency)
        ]
        smaller: deque[Kept] = deque()  # in place of stretches that were too large
        on_their_way, more = 0, True
        for thread in self._threads:
            thread.start()
        while on_their_way or more or smaller:
            while on_their_way < len(self._threads) and (smaller or more):
                task = carrier.again(smaller.popleft()) if smaller else next(tasks, None)
                if task is None:
                    more = False
                    break
                inbox.put(task)
                on_their_way += 1
                self._counts.jobs(on_their_way)
                yield from self._heard(wait=False)
                on_their_way -= self._freed(smaller)
            if on_their_way:
                yield from self._heard(wait=True)
                on_their_way -= self._freed(smaller)
                self._counts.jobs(on_their_way)

    def _tasks(self, journal: Journal, carrier: Carrier) -> Iterator[Task]:
        """What earlier runs left, then what nobody has read yet, in the order of the input."""
        earlier = journal.stretches()
        for kept in earlier:
            self._counts.read(kept)
            if kept.is_over:
                self._counts.over(kept)
        for kept in earlier:
            if not kept.is_over:
                yield carrier.again(kept)
        for start, end in list(gaps([(kept.start, kept.end) for kept in earlier])):
            blocks = self._input.reader.blocks(start)
            inside = until(blocks, None if end is None else end.offset)
            # Nothing here holds on to a stretch or a task while the next one is read.
            yield from map(partial(self._fresh, carrier), stretches(inside, self._bounds, end))

    def _fresh(self, carrier: Carrier, stretch: Stretch) -> Task:
        task = carrier.fresh(stretch)
        self._counts.read(task.kept)
        return task

    def _worker(self, carrier: Carrier) -> None:
        while (task := self._inbox.get()) is not None and not self._stop.is_set():
            try:
                left = carrier.carry(task, lambda kept: self._said.put(_Taken(kept)))
                self._said.put(_Carried(left))
            except Stopped:
                return
            except BaseException as error:  # told by the thread that called
                self._said.put(error)
                return

    def _heard(self, *, wait: bool) -> Iterator[Event]:
        """What the threads said; with ``wait`` at least for a moment."""
        while True:
            try:
                said = self._said.get(timeout=_TICK) if wait else self._said.get_nowait()
            except queue.Empty:
                break
            wait = False
            if isinstance(said, BaseException):
                raise said
            if isinstance(said, _Taken):
                self._caller.wrote = True
                self._counts.sent(said.kept)
            elif isinstance(said, _Carried):
                self._carried.append(said)
            else:
                yield said
        now = self._caller.clock.monotonic()
        if self._carried or now - self._told_at >= _TICK:
            self._told_at = now
            yield self._counts.progress

    def _freed(self, smaller: deque[Kept]) -> int:
        """Count what was carried; how many threads are free for it."""
        for carried in self._carried:
            for kept in carried.left:
                if kept.is_over:
                    self._counts.over(kept)
                else:
                    smaller.append(kept)
        freed = len(self._carried)
        self._carried = []
        return freed

    def _end(self) -> None:
        """Have the threads end, with a little time for what is on its way."""
        self._stop.set()
        for _ in self._threads:
            self._inbox.put(None)
        ends = time.monotonic() + _GRACE
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))

    # -- the end

    def finished(self, journal: Journal) -> Summary:
        """Write the outputs, and tell what it came to."""
        over = journal.stretches()
        written = self._written(journal)
        progress = self._counts.progress
        return Summary(
            self._input.reader.name,
            progress.read,
            progress.bad,
            progress.sent,
            progress.accepted,
            progress.rejected,
            progress.unknown,
            sum(kept.untold for kept in over),
            sum(kept.job is not None for kept in over),
            self._caller.clock.monotonic() - self._began,
            written.get("rejects"),
            written.get("unknown"),
            written.get("imports"),
        )

    def _written(self, journal: Journal) -> dict[str, Path]:
        """The outputs that there are rows for, written."""
        one, form = self._input, self._input.reader.form
        outputs = (
            ("rejects", one.rejects, form),
            ("unknown", one.unknown, form),
            ("imports", one.imports, JsonForm()),
        )
        return {
            sort: path
            for sort, path, shape in outputs
            if path is not None
            and publish(journal.parts(sort), path, shape, force=self._options.force)
        }


class _Taken(NamedTuple):
    kept: Kept


class _Carried(NamedTuple):
    left: list[Kept]
