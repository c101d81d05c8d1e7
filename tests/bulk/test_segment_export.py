"""Following an export and bringing its file: patience, what is tried again, and what is not."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pytest

from fsctl.bulk.segment_export import Fetched, StillRunning, fetch, follow
from fsctl.errors import FsctlError, NotFound, Refused, Unavailable
from fsctl.fullstory.repeats import Clock, Policy
from fsctl.fullstory.types import Answer, Call
from fsctl.membrane.gateway import Deadline, Fate, GatewayError, Origin, Trouble

ROWS = b'{"IndividualId":"1"}\n' * 1000
PACKED = gzip.compress(ROWS)
DONE = {"state": "COMPLETED", "results": {"searchExportId": "e1"}}
SECRET = "https://storage.example.com/1?Signature=s3cret"


class Calm:
    """A caller with prepared answers (or errors to raise) on a clock that only pauses move."""

    def __init__(self, *answers: Any, retries: int = 3) -> None:
        self.answers = list(answers)
        self.asked: list[Call] = []
        self.time = 0.0
        self.pauses: list[float] = []
        self.notes: list[str] = []
        self.clock = Clock(lambda: self.time, lambda: self.time, self._sleep, lambda: 0.0)
        self.policy = Policy(retries=retries)
        self.note: Callable[[str], None] = self.notes.append

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    def call(self, call: Call) -> Answer:
        self.asked.append(call)
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(told, Exception):
            raise told
        return Answer(told, "proxy", 200)


def followed(caller: Calm, seconds: float = 3600, **more: Any) -> list[Any]:
    """What was told of, and last the export's id."""
    deadline = Deadline.after(seconds, caller.clock.monotonic)
    told: list[Any] = []
    export_id = follow(caller, "op", deadline, told.append, **more)  # type: ignore[arg-type]
    return [*told, export_id]


def pending(percent: int) -> dict[str, Any]:
    return {"state": "PENDING", "estimatePctComplete": percent}


# -- following


def test_looks_grow_rarer_and_the_last_word_is_the_exports_id() -> None:
    caller = Calm(*map(pending, range(10)), DONE)
    events = followed(caller)
    assert events == [*range(10), "e1"]
    assert caller.pauses == sorted(caller.pauses)
    assert caller.pauses[0] == 1 and caller.pauses[-1] == 10


@pytest.mark.parametrize("seconds", [0, 0.5, 1, 5, 10, 60, 3600])
def test_the_time_for_waiting_is_taken_whole_and_ends_with_a_look(seconds: float) -> None:
    caller = Calm(pending(5))
    with pytest.raises(StillRunning, match="still running"):
        followed(caller, seconds)
    assert caller.time == seconds
    assert len(caller.asked) == len(caller.pauses) + 1
    assert len(caller.asked) <= 7 + seconds / 10


def test_what_is_done_in_the_last_second_is_seen() -> None:
    assert followed(Calm(pending(5), pending(90), DONE), 1.5)[-1] == "e1"


def test_a_failure_is_told_in_fullstorys_words() -> None:
    with pytest.raises(Refused, match="could not make the export op: too many rows") as caught:
        followed(Calm({"state": "FAILED", "errorDetails": "too many rows."}))
    assert caught.value.code == "export_failed"
    with pytest.raises(Refused, match=r"the export op\.$"):
        followed(Calm({"state": "FAILED"}))


@pytest.mark.parametrize("state", ["CANCELLED", "canceled", "EXPIRED"])
def test_an_export_that_was_ended_is_not_waited_for(state: str) -> None:
    caller = Calm(pending(1), {"state": state, "errorDetails": "by an admin"})
    with pytest.raises(Refused, match=f"as {state.upper()}: by an admin"):
        followed(caller)
    assert len(caller.asked) == 2


def test_at_the_deadline_the_last_thing_heard_is_told() -> None:
    with pytest.raises(StillRunning, match="the state 'WEIRD'"):
        followed(Calm(pending(1), {"state": "WEIRD"}), 30)
    with pytest.raises(Unavailable, match="tells no state") as caught:
        followed(Calm(pending(1), {"state": 5}), 2)
    assert not isinstance(caught.value, StillRunning)


def test_states_that_nobody_has_written_down_are_waited_for() -> None:
    assert followed(Calm({"state": "RUNNING"}, {"state": "SETTLING"}, DONE))[-1] == "e1"


def test_an_operation_just_begun_may_not_be_known_yet() -> None:
    unknown = NotFound("no", status=404)
    assert followed(Calm(unknown, unknown, DONE), begun_now=True) == ["e1"]
    with pytest.raises(NotFound):
        followed(Calm(unknown, DONE))
    caller = Calm(unknown)
    with pytest.raises(NotFound):
        followed(caller, begun_now=True)
    assert len(caller.asked) == 5
    with pytest.raises(NotFound):  # it was known before
        followed(Calm(pending(1), unknown), begun_now=True)


def test_trouble_on_the_way_is_outlived_but_not_for_ever() -> None:
    away = Unavailable("away")
    assert followed(Calm(away, away, pending(1), away, away, away, DONE))[-1] == "e1"
    caller = Calm(away)
    with pytest.raises(Unavailable, match="away"):
        followed(caller)
    assert len(caller.asked) == 5


def test_an_export_that_is_done_without_an_id_cannot_be_fetched() -> None:
    with pytest.raises(Unavailable, match="does not say where"):
        followed(Calm({"state": "COMPLETED"}))


# -- fetching


class Shelf:
    """A storage with prepared answers: bytes, or bytes and then an error, or an error."""

    def __init__(self, *answers: bytes | Exception | tuple[bytes, Exception]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def pieces(self, location: str) -> Iterator[bytes]:
        self.asked.append(location)
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        body, error = told if isinstance(told, tuple) else (told, None)
        if isinstance(body, Exception):
            raise body
        for at in range(0, len(body), 10):
            yield body[at : at + 10]
        if error is not None:
            raise error


def failure(status: int | None = None, *, passing: bool = True, wait: float | None = None) -> Any:
    return GatewayError(
        "The storage is in trouble.",
        trouble=Trouble.UNAVAILABLE if passing else Trouble.FAILED,
        fate=Fate.UNKNOWN,
        origin=Origin.LOCAL,
        code="storage",
        status=status,
        retry_after=wait,
    )


def fetched(caller: Calm, shelf: Shelf) -> tuple[bytes, list[int]]:
    stream = io.BytesIO()
    opened = 0

    def again() -> BinaryIO:
        nonlocal opened
        opened += 1
        stream.seek(0)
        stream.truncate()
        return stream

    sizes: list[int] = []
    for event in fetch(caller, shelf, "e1", again):  # type: ignore[arg-type]
        assert isinstance(event, Fetched)
        sizes.append(event.size)
    assert opened == len(shelf.asked)
    return stream.getvalue(), sizes


def addresses(*locations: str) -> Calm:
    return Calm(*({"location": one, "expires": ""} for one in locations))


def test_the_file_is_unpacked_and_told_as_it_grows() -> None:
    body, sizes = fetched(addresses(SECRET), Shelf(PACKED))
    assert body == ROWS
    assert sizes[-1] == len(ROWS)
    assert fetched(addresses(SECRET), Shelf(gzip.compress(b""))) == (b"", [0])


def test_what_broke_on_the_way_is_fetched_anew_from_the_beginning() -> None:
    caller = addresses(SECRET, f"{SECRET}2", f"{SECRET}3")
    shelf = Shelf((PACKED[:60], failure()), PACKED[:-5], PACKED)
    assert fetched(caller, shelf)[0] == ROWS
    assert shelf.asked == [SECRET, f"{SECRET}2", f"{SECRET}3"]  # signed anew every time
    assert len(caller.pauses) == 2
    assert not any("s3cret" in note for note in caller.notes)


def test_a_storage_that_asks_for_a_pause_gets_it() -> None:
    caller = addresses(SECRET)
    assert fetched(caller, Shelf(failure(429, wait=7), PACKED))[0] == ROWS
    assert caller.pauses == [7]


def test_a_page_of_a_proxy_is_no_export() -> None:
    caller, shelf = addresses(SECRET), Shelf(b"\r\n<html>Please log in", PACKED)
    assert fetched(caller, shelf)[0] == ROWS
    error = ending(addresses(SECRET), Shelf(gzip.compress(b"<!doctype html>")))
    assert isinstance(error, Unavailable)
    assert "HTML" in error.message


def test_an_address_that_has_expired_is_asked_for_anew_at_once() -> None:
    caller = addresses(SECRET, f"{SECRET}2")
    shelf = Shelf(failure(403, passing=False), PACKED)
    assert fetched(caller, shelf)[0] == ROWS
    assert shelf.asked == [SECRET, f"{SECRET}2"]
    assert caller.pauses == []


def ending(caller: Calm, shelf: Shelf) -> FsctlError:
    with pytest.raises(FsctlError) as caught:
        fetched(caller, shelf)
    assert "s3cret" not in f"{caught.value.message}{caught.value.hint}"
    return caught.value


def test_a_storage_that_refuses_every_address_is_believed() -> None:
    caller, shelf = addresses(SECRET), Shelf(failure(403, passing=False))
    error = ending(caller, shelf)
    assert isinstance(error, Refused) and error.status == 403
    assert len(shelf.asked) == 3


def test_a_storage_that_stays_away_is_left_after_the_retries() -> None:
    caller, shelf = addresses(SECRET), Shelf(failure(503))
    error = ending(caller, shelf)
    assert isinstance(error, Unavailable)
    assert len(shelf.asked) == 4


def test_a_bomb_is_not_fetched_twice() -> None:
    packed = gzip.compress(bytes(80 * 1024 * 1024))
    shelf = Shelf(packed)
    error = ending(addresses(SECRET), shelf)
    assert error.code == "gzip_bomb"
    assert len(shelf.asked) == 1


def test_a_result_that_is_kept_no_more_is_not_found() -> None:
    error = ending(Calm(NotFound("no", status=404)), Shelf(PACKED))
    assert isinstance(error, NotFound)
    assert "no more" in error.message
