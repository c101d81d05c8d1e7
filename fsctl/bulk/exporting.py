"""Export people: all pages of their list, as they come or to a file that is there when it is whole.

What is fetched goes to a partial file beside the final one, a record a line, and the token of the
next page to the state directory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ..errors import FsctlError, NotFound, Refused, Usage
from ..fullstory.call import Caller
from ..settings.files import cannot_write, check_target
from .export_file import Target, make, move
from .export_pages import Wanted, gathered
from .export_partial import Partial
from .export_state import Keeper, State, differences
from .locked import Busy, Untrusted, locked

# How a page token that is not taken any more is refused (contracts/fullstory-api §1.1, §1.4).
_REFUSED = (400, 404, 410)


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

    def events(self) -> Iterator[Event]:
        keeper, target = self._keeper, self._target
        earlier = None if target.restart else keeper.earlier()
        if earlier is not None:
            keeper.sweep(earlier)
            if target.resume and keeper.is_published(earlier):
                self._remove()
                yield _finished(earlier)  # all but its last traces was done
                return
        there = _is_something(keeper.partial)
        self._check(earlier, there)
        try:
            with locked(keeper.partial, create=True) as descriptor:
                state = yield from self._begun(earlier, there)
                partial = Partial(descriptor, keeper, state, self._caller.clock.monotonic)
                try:
                    yield from self._fetched(partial)
                    if target.is_made:
                        yield Writing(partial.people)
                        make(descriptor, target, self._wanted.choice, partial.announce)
                    else:
                        move(keeper.partial, target, partial.announce)
                except BaseException:
                    if not there and partial.state.offset == 0:
                        self._remove()
                    raise
                self._remove()
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
        if os.name == "nt":
            self._remove()  # while it was open it could not be
        yield _finished(partial.state)

    # -- the beginning

    def _check(self, earlier: State | None, there: bool) -> None:
        """Raise :class:`Usage` for a file that is there already."""
        target = self._target
        if target.resume and earlier is None and not there and _is_plain(target.path):
            raise Usage(
                f"There is nothing to go on with: {str(target.path)!a} is whole.",
                hint="Use it as it is; for a new export drop --resume, and add --force to replace "
                "it.",
                code="whole",
            )
        check_target(target.path, force=target.force)

    def _begun(self, earlier: State | None, there: bool) -> Generator[Event, None, State]:
        """What there is to go on with, or nothing yet. Raises where something is in the way."""
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
            return earlier
        if there and not target.restart:
            raise Usage(
                f"{partial!a} is in the way, and nothing is known of an export that it is from.",
                hint="Move it away, or add --restart to write over it.",
            )
        if target.resume:
            why = "There is nothing to go on with" if earlier is None else f"{partial!a} is gone"
            yield StartedAgain(f"{why}, so it begins with the first page.")
        begun = datetime.fromtimestamp(self._caller.clock.time(), UTC).isoformat()
        return State(target.facts, begun)

    # -- the pages

    def _fetched(self, partial: Partial) -> Iterator[Event]:
        """Fetch what is missing; a token that is not taken any more is one time no matter."""
        if partial.is_cut():
            yield _again(partial, "The partial file is shorter than it was")
        partial.check()
        partial.cut()
        yield Begun(partial.people)
        try:
            try:
                yield from self._pages(partial)
            except (Refused, NotFound) as error:
                if not partial.state.token or error.status not in _REFUSED:
                    raise
                why = f"Fullstory does not take the page token any more ({error.code})"
                yield _again(partial, why)
                partial.cut()
                yield from self._pages(partial)
        except BaseException:
            with suppress(FsctlError, OSError):
                partial.keep()
            raise

    def _pages(self, partial: Partial) -> Iterator[Event]:
        state = partial.state
        if state.complete:
            return
        pages = gathered(self._caller, self._wanted, token=state.token, taken=state.people)
        for page in pages:
            partial.add(page)
            yield Fetched(partial.people, page.total)
        partial.complete()

    def _remove(self) -> None:
        with suppress(OSError):
            self._keeper.partial.unlink()
        self._keeper.forget()


def _again(partial: Partial, why: str) -> StartedAgain:
    partial.restart()
    return StartedAgain(f"{why}, so it begins with the first page again.")


def _finished(state: State) -> Finished:
    return Finished(state.people, state.left_out)


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _is_something(path: Path) -> bool:
    """Whether more is there than the empty file that a run makes first of all."""
    try:
        facts = path.lstat()
    except OSError:
        return False
    return facts.st_size > 0 or not stat.S_ISREG(facts.st_mode)
