"""Export people: all pages of their list, as they come or to a file that is there when it is whole.

What is fetched goes to a partial file beside the final one, a record a line, and the token of the
next page to the state directory. Only what belongs to a page that was written down whole counts:
whoever goes on cuts the rest away and asks for that page again.
"""

from __future__ import annotations

import gzip
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from ..errors import FsctlError, NotFound, Refused, Usage
from ..fullstory.call import Caller
from ..settings.files import cannot_write, check_target, move_into_place, new_file
from .export_pages import CHUNK, Form, Wanted, gathered, lines, tabulated
from .export_state import Facts, Keeper, State, differences
from .locked import Busy, Untrusted, locked

_KEPT_EVERY = 0.5  # seconds between two words on how far it has come
# How a page token that is not taken any more is refused (contracts/fullstory-api §1.1, §1.4).
_REFUSED = (400, 404, 410)


class Target(NamedTuple):
    """Where to export to, and how. ``facts`` are what has to be the same to go on with it.

    ``raw`` leaves cells that a spreadsheet would run as they are.
    """

    path: Path
    form: Form
    facts: Facts
    raw: bool = False
    force: bool = False
    resume: bool = False
    restart: bool = False

    @property
    def packed(self) -> bool:
        return self.path.suffix.lower() == ".gz"

    @property
    def is_made(self) -> bool:
        """Whether the file is made of the partial one, and is not that itself."""
        return self.packed or self.form != "jsonl"


# -- what happens


class Begun(NamedTuple):
    """Work begins, with that many people from an earlier run."""

    people: int


class Fetched(NamedTuple):
    """So many people are there, of so many in all if that is known."""

    people: int
    total: int | None


class StartedAgain(NamedTuple):
    """It begins from the first page again, and why."""

    reason: str


class Writing(NamedTuple):
    """All pages are there, and the file is made of them."""

    people: int


class Finished(NamedTuple):
    """The file is there. ``left_out`` people are being deleted."""

    people: int
    left_out: int


Event = Begun | Fetched | StartedAgain | Writing | Finished


# -- to a file


def to_file(caller: Caller, state: Path, wanted: Wanted, target: Target) -> Iterator[Event]:
    """Export to a file, which appears when it is whole; states below the ``state`` directory.

    Raises :class:`Usage` and :class:`Refused` for what is in the way, and what the service failed
    with; after that the same with ``resume`` goes on. Closing the iterator keeps what was done.
    """
    return _Run(caller, Keeper(state, target.path), wanted, target).events()


class _Run:
    def __init__(self, caller: Caller, keeper: Keeper, wanted: Wanted, target: Target) -> None:
        self._caller = caller
        self._keeper = keeper
        self._wanted = wanted
        self._target = target
        begun = datetime.fromtimestamp(caller.clock.time(), UTC).isoformat()
        self._state = State(target.facts, begun)
        self._kept: State | None = None
        self._kept_at = float("-inf")

    def events(self) -> Iterator[Event]:
        keeper, target = self._keeper, self._target
        earlier = None if target.restart else keeper.earlier()
        if earlier is not None:
            keeper.sweep(earlier)
        if target.resume and earlier is not None and keeper.is_published(earlier):
            yield self._finished(earlier)  # all but its last traces was done
            return
        check_target(target.path, force=target.force)
        there = _is_something(keeper.partial)
        try:
            with locked(keeper.partial, create=True) as descriptor:
                try:
                    yield from self._begin(earlier, there)
                    yield from self._fetch(descriptor)
                    if target.is_made:
                        yield Writing(self._state.people)
                        self._write_out(descriptor)
                except BaseException:
                    if not there and self._state.offset == 0:
                        self._remove()
                    raise
            if not target.is_made:
                self._move()
        except Busy:
            raise Refused(
                f"Another fsctl is exporting to {str(target.path)!a} already.",
                hint="Wait until it has ended.",
                code="locked",
            ) from None
        except Untrusted as untrusted:
            raise Refused(
                f"{str(keeper.partial)!a} is not used: {untrusted}.",
                hint="Look at it, and move it away.",
                code="partial",
            ) from None
        except OSError as error:
            raise cannot_write(keeper.partial, error) from None
        yield self._finished(self._state)

    # -- the beginning

    def _begin(self, earlier: State | None, there: bool) -> Iterator[Event]:
        """Find what there is to go on with. Raises where something is in the way."""
        target, partial = self._target, str(self._keeper.partial)
        if earlier is not None and there:
            if not target.resume:
                raise Usage(
                    f"An export to {str(target.path)!a} was not finished; {partial!a} holds the "
                    f"{earlier.people:,} people that it came to.",
                    hint="Add --resume to go on with it, or --restart to begin anew.",
                    code="unfinished",
                )
            if changed := differences(target.facts, earlier.facts):
                raise Refused(
                    f"The unfinished export to {str(target.path)!a} was asked for otherwise: "
                    f"{', '.join(changed)}.",
                    hint="Give the options of that export to go on with it, or --restart to begin "
                    "anew.",
                    code="changed",
                )
            self._state = earlier
        elif there and not target.restart:
            raise Usage(
                f"{partial!a} is in the way, and nothing is known of an export that it is from.",
                hint="Move it away, or add --restart to write over it.",
            )
        elif target.resume:
            why = "there is nothing to go on with" if earlier is None else f"{partial!a} is gone"
            yield StartedAgain(f"{why[0].upper()}{why[1:]}, so it begins with the first page.")

    # -- the pages

    def _fetch(self, descriptor: int) -> Iterator[Event]:
        """Fetch what is missing; a token that is not taken any more is one time no matter."""
        if os.fstat(descriptor).st_size < self._state.offset:
            yield self._again("The partial file is shorter than it was")
        self._cut(descriptor)
        self._keep(descriptor)
        yield Begun(self._state.people)
        try:
            try:
                yield from self._pages(descriptor)
            except (Refused, NotFound) as error:
                if not self._state.token or error.status not in _REFUSED:
                    raise
                yield self._again(f"Fullstory does not take the page token any more ({error.code})")
                self._cut(descriptor)
                self._keep(descriptor)
                yield from self._pages(descriptor)
        except BaseException:
            with suppress(FsctlError, OSError):
                self._keep(descriptor)
            raise

    def _pages(self, descriptor: int) -> Iterator[Event]:
        if self._state.complete:
            return
        pages = gathered(
            self._caller, self._wanted, token=self._state.token, taken=self._state.people
        )
        for page in pages:
            _write(descriptor, lines(page.records).encode("utf-8", "backslashreplace"))
            at = os.lseek(descriptor, 0, os.SEEK_CUR)
            people = self._state.people + len(page.records)
            left_out = self._state.left_out + page.left_out
            if page.token:
                self._state = self._state._replace(
                    token=page.token, offset=at, people=people, left_out=left_out
                )
                if self._caller.clock.monotonic() - self._kept_at >= _KEPT_EVERY:
                    self._keep(descriptor)
            yield Fetched(people, page.total)
        self._state = self._state._replace(
            complete=True, offset=at, people=people, left_out=left_out
        )
        self._keep(descriptor)

    def _again(self, why: str) -> StartedAgain:
        self._state = State(self._state.facts, self._state.begun)
        return StartedAgain(f"{why}, so it begins with the first page again.")

    def _cut(self, descriptor: int) -> None:
        """Take away what belongs to no whole page."""
        os.ftruncate(descriptor, self._state.offset)
        os.lseek(descriptor, self._state.offset, os.SEEK_SET)

    def _keep(self, descriptor: int) -> None:
        if self._state == self._kept:
            return
        os.fsync(descriptor)
        self._keeper.keep(self._state)
        self._kept, self._kept_at = self._state, self._caller.clock.monotonic()

    # -- the file

    def _write_out(self, descriptor: int) -> None:
        target = self._target
        with (
            os.fdopen(os.dup(descriptor), "rb") as spool,
            new_file(target.path, force=target.force) as out,
        ):
            self._announce(os.fstat(out.fileno()))
            packer = gzip.GzipFile("", "wb", 6, out, mtime=0) if target.packed else None
            stream = cast("BinaryIO", packer or out)
            if target.form == "jsonl":
                spool.seek(0)
                while piece := spool.read(CHUNK):
                    stream.write(piece)
            else:
                choice = self._wanted.choice
                for text in tabulated(spool, target.form, choice, raw=target.raw):
                    stream.write(text.encode("utf-8", "backslashreplace"))
            if packer is not None:
                packer.close()

    def _move(self) -> None:
        partial, path = self._keeper.partial, self._target.path
        self._announce(partial.lstat())
        try:
            move_into_place(partial, path, force=self._target.force)
        except OSError as error:
            raise cannot_write(path, error) from None

    def _announce(self, facts: os.stat_result) -> None:
        """Remember which file it will be: a run that dies between two steps is understood."""
        self._keeper.keep(self._state._replace(published=(facts.st_dev, facts.st_ino)))

    def _finished(self, state: State) -> Finished:
        self._remove()
        return Finished(state.people, state.left_out)

    def _remove(self) -> None:
        with suppress(OSError):
            self._keeper.partial.unlink()
        self._keeper.forget()


def _is_something(path: Path) -> bool:
    """Whether more is there than the empty file that a run makes first of all."""
    try:
        facts = path.lstat()
    except OSError:
        return False
    return facts.st_size > 0 or not stat.S_ISREG(facts.st_mode)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
