"""Imports: every row is imported once or told of, whenever and however a run ends."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from fsctl.bulk import import_journal, importing
from fsctl.bulk.import_events import (
    Begun,
    Event,
    JobDone,
    Progress,
    Smaller,
    Summary,
    Waiting,
    Withheld,
    ending,
)
from fsctl.bulk.import_input import Input
from fsctl.bulk.importing import Options
from fsctl.errors import ExitCode, FsctlError, NeedsPerson, Refused, Unavailable, Usage
from fsctl.membrane.gateway import (
    Capabilities,
    Fate,
    GatewayError,
    Origin,
    Request,
    Response,
    Trouble,
)
from tests.support.import_inputs import (
    Hours,
    Killed,
    Watched,
    bulk_caller,
    input_of,
    read_lines,
    write_lines,
)

DAY = 24 * 3600


class Town:
    """A sandbox and a caller that share one time."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.hours = Hours()
        self.gateway = Watched(self.hours)
        connection = next(iter(self.gateway.connections())).id
        self.caller = bulk_caller(self.gateway, self.hours, connection)

    def run(self, *inputs: Input, **options: Any) -> list[Event]:
        asked = Options(**({"rows": 4} | options))
        kind = inputs[0].reader.kind
        return list(importing.run(self.caller, self.state, kind, inputs, asked))

    def summary(self, one: Input, **options: Any) -> Summary:
        last = self.run(one, **options)[-1]
        assert isinstance(last, Summary)
        return last

    def people(self) -> list[str]:
        with self.gateway.store.connection() as db:
            rows = db.execute("SELECT display_name FROM users ORDER BY display_name")
            return [row[0] for row in rows]

    def journals(self) -> list[Path]:
        folder = self.state / import_journal.FOLDER
        return sorted(folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path / "state")
    yield town
    town.gateway.close()


def users(count: int) -> list[dict[str, Any]]:
    return [{"uid": f"u{n:03}", "display_name": f"Person {n:03}"} for n in range(count)]


def anonymous(count: int) -> list[dict[str, Any]]:
    return [{"display_name": f"Person {n:03}"} for n in range(count)]


def named(count: int) -> list[str]:
    return [f"Person {n:03}" for n in range(count)]


def unanswered() -> GatewayError:
    return GatewayError(
        "No answer.", trouble=Trouble.UNAVAILABLE, fate=Fate.UNKNOWN, origin=Origin.LOCAL
    )


def answer(status: int, code: str, *headers: tuple[str, str]) -> Response:
    return Response(status, headers, json.dumps({"message": "No", "code": code}).encode())


# -- what becomes of rows


def test_all_rows_of_a_file_become_people(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(10))
    told = town.summary(input_of(path))
    assert (told.read, told.accepted, told.rejected, told.bad, told.jobs) == (10, 10, 0, 0, 3)
    assert ending(told) is None
    assert town.people() == named(10)
    assert town.journals() == []
    assert not (tmp_path / "people.rejects.jsonl").exists()


def test_progress_ends_with_all_rows_and_all_bytes(town: Town, tmp_path: Path) -> None:
    one = input_of(write_lines(tmp_path / "people.jsonl", users(10)))
    events = town.run(one)
    told = [event for event in events if isinstance(event, Progress)]
    assert events[0] == Begun("people.jsonl", resumed=False, size=one.size)
    last = told[-1]
    assert (last.read, last.sent, last.accepted, last.jobs) == (10, 10, 10, 0)
    assert last.offset == last.size == one.size
    assert [event.accepted for event in told] == sorted(event.accepted for event in told)


def test_an_empty_file_is_done(town: Town, tmp_path: Path) -> None:
    told = town.summary(input_of(write_lines(tmp_path / "people.jsonl", [])))
    assert (told.read, told.jobs, town.gateway.posts) == (0, 0, [])


def test_each_rejected_row_is_written_with_its_reason_and_line(town: Town, tmp_path: Path) -> None:
    rows = users(10)
    rows[2]["properties"] = {"bad": 1}  # not sent
    rows[5]["uid"] = "x" * 300  # refused by Fullstory
    path = write_lines(tmp_path / "people.jsonl", rows)
    told = town.summary(input_of(path))
    assert (told.read, told.accepted, told.rejected, told.bad) == (10, 8, 1, 1)
    error = ending(told)
    assert error is not None
    assert error.exit_code is ExitCode.PARTIAL
    first, second = read_lines(tmp_path / "people.rejects.jsonl")
    assert first == rows[2] | {"_error_code": "bad", "_error_message": "It is bad.", "_line": 3}
    assert second["uid"] == rows[5]["uid"]
    assert (second["_error_code"], second["_line"]) == ("invalid_argument", 6)
    assert "256" in second["_error_message"]
    assert (tmp_path / "people.rejects.jsonl").stat().st_mode & 0o777 == 0o600


def test_rejects_stand_in_the_order_of_the_input(town: Town, tmp_path: Path) -> None:
    rows = [{"uid": "x" * 257 + str(n)} if n % 3 else {"bad": n} for n in range(40)]
    path = write_lines(tmp_path / "people.jsonl", rows)
    told = town.summary(input_of(path), concurrency=4)
    assert (told.bad, told.rejected, told.accepted) == (14, 26, 0)
    rejects = read_lines(tmp_path / "people.rejects.jsonl")
    assert [row["_line"] for row in rejects] == list(range(1, 41))


def test_a_job_that_failed_in_part_is_told_as_that(town: Town, tmp_path: Path) -> None:
    rows = [*users(3), {"uid": "x" * 300}]
    events = town.run(input_of(write_lines(tmp_path / "people.jsonl", rows)))
    (done,) = [event for event in events if isinstance(event, JobDone)]
    assert (done.status, done.imports, done.errors, done.line) == ("FAILED", 3, 1, 1)


@pytest.mark.parametrize(
    ("status", "counts", "accepted", "rejected", "untold"),
    [
        ("COMPLETED", {"imports": 4, "errors": 0}, 4, 0, 0),
        ("COMPLETED", {}, 4, 0, 0),
        ("COMPLETED", {"imports": 3, "errors": 1}, 3, 1, 1),
        ("COMPLETED", {"imports": 3, "errors": 0}, 3, 1, 1),
        ("FAILED", {"imports": 3, "errors": 0}, 3, 1, 1),
        ("FAILED", {"imports": 0, "errors": 0}, 0, 4, 0),
        ("FAILED", {}, 0, 4, 0),
        ("CANCELLED", {"imports": 1, "errors": 0}, 1, 3, 3),
    ],
)
def test_no_row_is_taken_for_imported_that_its_job_does_not_tell_of(
    town: Town,
    tmp_path: Path,
    status: str,
    counts: dict[str, int],
    accepted: int,
    rejected: int,
    untold: int,
) -> None:
    """The job's word and counts, where no reason comes for any row."""
    told = {"id": "j", "status": status, "finished": "2026-03-01T09:00:00Z"}

    def before(request: Request) -> Response | None:
        if request.method == "POST":
            return None
        if request.path.endswith("/errors"):
            return Response(200, (), b"{}")
        return Response(200, (), json.dumps({"job": told, **counts}).encode())

    town.gateway.before = before
    found = town.summary(input_of(write_lines(tmp_path / "people.jsonl", users(4))))
    assert (found.accepted, found.rejected, found.untold) == (accepted, rejected, untold)
    assert len(read_lines(tmp_path / "people.rejects.jsonl")) == rejected - untold
    assert (ending(found) is None) == (rejected == 0)


def test_events_are_imported_once_each(town: Town, tmp_path: Path) -> None:
    rows = [{"user": {"uid": "ada"}, "name": f"Event {n}"} for n in range(9)]
    rows[4]["name"] = ""
    told = town.summary(input_of(write_lines(tmp_path / "events.jsonl", rows), "events"))
    assert (told.accepted, told.rejected) == (8, 1)
    assert town.gateway.count("events") == 8
    (reject,) = read_lines(tmp_path / "events.rejects.jsonl")
    assert reject["_line"] == 5


def test_assigned_ids_are_kept_where_asked(town: Town, tmp_path: Path) -> None:
    one = input_of(write_lines(tmp_path / "people.jsonl", users(6)))
    town.summary(one._replace(imports=tmp_path / "ids.jsonl"))
    found = {row["uid"]: row["id"] for row in read_lines(tmp_path / "ids.jsonl")}
    with town.gateway.store.connection() as db:
        assert found == {row["uid"]: row["id"] for row in db.execute("SELECT * FROM users")}
    assert len(found) == 6


def test_a_batch_that_is_refused_as_a_whole_goes_to_the_rejects(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(8))

    def before(request: Request) -> Response | None:
        refused = request.method == "POST" and b"u001" in (request.body or b"")
        return answer(400, "invalid_argument") if refused else None

    town.gateway.before = before
    told = town.summary(input_of(path))
    assert (told.accepted, told.rejected) == (4, 4)
    assert [row["_line"] for row in read_lines(tmp_path / "people.rejects.jsonl")] == [1, 2, 3, 4]


def test_what_is_in_the_way_of_the_rejects_is_refused_before_anything_is_sent(
    town: Town, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(3))
    (tmp_path / "people.rejects.jsonl").symlink_to(tmp_path / "else")
    with pytest.raises(Usage, match="symbolic link"):
        town.run(input_of(path))
    assert town.gateway.posts == []
    assert town.journals() == []


# -- trouble on the way


def test_a_lost_answer_repeats_the_same_bytes_with_the_same_key(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", anonymous(4))
    lost = iter([True, True, False])

    def after(request: Request) -> None:
        if request.method == "POST" and next(lost):
            raise unanswered()

    town.gateway.after = after
    assert town.summary(input_of(path)).accepted == 4
    assert town.people() == named(4)
    assert len(town.gateway.posts) == 3
    assert len({(post.body, post.headers) for post in town.gateway.posts}) == 1


def test_only_a_413_makes_batches_smaller(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(60))

    def before(request: Request) -> Response | None:
        return answer(413, "too_large") if len(request.body or b"") > 400 else None

    town.gateway.before = before
    events = town.run(input_of(path), rows=20, concurrency=2)
    told = events[-1]
    assert isinstance(told, Summary)
    assert (told.read, told.accepted, told.rejected) == (60, 60, 0)
    assert town.people() == named(60)
    assert any(isinstance(event, Smaller) for event in events)
    assert all(len(post.body or b"") <= 400 for post in town.gateway.posts)


def test_a_single_row_that_is_too_large_is_a_reject(town: Town, tmp_path: Path) -> None:
    rows = users(4)
    rows[1]["display_name"] = "y" * 200
    path = write_lines(tmp_path / "people.jsonl", rows)

    def before(request: Request) -> Response | None:
        return answer(413, "too_large") if b"yyy" in (request.body or b"") else None

    town.gateway.before = before
    told = town.summary(input_of(path))
    assert (told.accepted, told.rejected) == (3, 1)
    assert [row["_line"] for row in read_lines(tmp_path / "people.rejects.jsonl")] == [2]


def test_a_rate_limit_is_waited_for_and_said_aloud(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(8))
    limited = iter([True] * 30)

    def before(request: Request) -> Response | None:
        if request.method == "POST" and next(limited, False):
            return answer(429, "too_many_requests", ("Retry-After", "7"))
        return None

    town.gateway.before = before
    events = town.run(input_of(path), concurrency=1)
    assert town.people() == named(8)
    waits = [event.seconds for event in events if isinstance(event, Waiting)]
    assert len(waits) == 30
    assert all(7 <= wait < 9 for wait in waits)


def test_a_rate_limit_holds_all_workers_for_as_long_as_was_asked(
    town: Town, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(40))
    together = threading.Barrier(4)
    asked: list[float] = []

    def before(_request: Request) -> Response | None:
        asked.append(town.hours.now)
        if len(asked) > 4:
            return None
        together.wait(10)
        return answer(429, "too_many_requests", ("Retry-After", "30"))

    town.gateway.before = before
    assert town.summary(input_of(path), concurrency=4).accepted == 40
    first, later = asked[:4], asked[4:]
    assert max(first) == min(first)
    assert min(later) >= max(first) + 30
    one, two = sorted(later)[:2]
    assert two - one > 0.05, "they do not come back all at once"
    assert {len(json.loads(post.body or b"")["requests"]) for post in town.gateway.posts} == {4}


def test_a_network_that_is_away_ends_the_run_which_is_gone_on_with(
    town: Town, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "people.jsonl", anonymous(9))
    seen = 0

    def after(request: Request) -> None:
        nonlocal seen
        seen += 1
        if seen > 4:
            raise unanswered()

    town.gateway.after = after
    with pytest.raises(Unavailable, match="No answer") as caught:
        town.run(input_of(path), concurrency=2)
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert "goes on" in str(caught.value.hint)
    town.gateway.lives()
    told = town.summary(input_of(path), concurrency=2)
    assert (told.read, told.accepted) == (9, 9)
    assert town.people() == named(9)


def test_a_token_that_is_refused_ends_the_run_and_what_was_not_sent_is_not_unknown(
    town: Town, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "people.jsonl", anonymous(4))
    town.gateway.before = lambda _request: answer(401, "unauthorized")
    with pytest.raises(NeedsPerson):
        town.run(input_of(path))
    town.gateway.lives()
    town.hours.now += 3 * DAY
    assert town.summary(input_of(path)).accepted == 4
    assert town.people() == named(4)


def test_a_road_that_cannot_carry_batches_is_refused_with_advice(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = Capabilities(100_000, True, False, False, True)
    monkeypatch.setattr(Watched, "capabilities", property(lambda _self: narrow))
    with pytest.raises(Usage, match="HTTP only") as caught:
        town.run(input_of(write_lines(tmp_path / "people.jsonl", users(1))))
    assert "MEMBRANE_TOKEN" in str(caught.value.hint)
    assert town.journals() == []


# -- dying and going on


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_whenever_a_run_dies_the_next_loses_nothing_and_imports_nothing_twice(
    tmp_path: Path, answered: bool, concurrency: int
) -> None:
    rows = anonymous(14)
    rows[3] = {"bad": "3"}
    rows[9] = {"uid": "x" * 300}
    number, died = 0, True
    while died:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        town = Town(folder / "state")
        path = write_lines(folder / "people.jsonl", rows)
        town.gateway.dies(number, answered=answered)
        try:
            told = town.summary(input_of(path), concurrency=concurrency)
            died = False
        except Killed:
            town.gateway.lives()
            town.hours.now += DAY / 2
            told = town.summary(input_of(path), concurrency=concurrency)
        assert (told.read, told.bad, told.accepted, told.rejected) == (14, 1, 12, 1)
        assert town.people() == [n for i, n in enumerate(named(14)) if i not in (3, 9)]
        rejects = read_lines(folder / "people.rejects.jsonl")
        assert [row["_line"] for row in rejects] == [4, 10]
        assert town.journals() == []
        town.gateway.close()
    assert number > 8


@pytest.mark.parametrize("number", range(1, 12))
def test_whenever_a_run_dies_among_batches_that_get_smaller_the_next_completes_it(
    town: Town, tmp_path: Path, number: int
) -> None:
    path = write_lines(tmp_path / "people.jsonl", anonymous(12))
    town.gateway.dies(number, answered=False)
    dies = town.gateway.before

    def before(request: Request) -> Response | None:
        dies(request)
        return answer(413, "too_large") if len(request.body or b"") > 150 else None

    town.gateway.before = before
    with pytest.raises(Killed):
        town.run(input_of(path), rows=6, concurrency=1)
    town.gateway.lives()
    assert town.summary(input_of(path), rows=6).read == 12
    assert town.people() == named(12)


def _die_unanswered(town: Town, path: Path) -> None:
    """A run that is killed after its second batch took effect, before the answer came."""
    posts = 0

    def after(request: Request) -> None:
        nonlocal posts
        posts += request.method == "POST"
        if posts == 2:
            raise Killed

    town.gateway.after = after
    with pytest.raises(Killed):
        town.run(input_of(path), concurrency=1)
    town.gateway.lives()


def test_after_a_day_an_unanswered_upsert_is_sent_again_with_a_new_key(
    town: Town, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(12))
    _die_unanswered(town, path)
    town.hours.now += DAY
    assert town.summary(input_of(path)).accepted == 12
    assert town.people() == named(12)
    second, third = town.gateway.posts[1:3]
    assert second.body == third.body
    assert second.headers != third.headers


def test_after_a_day_rows_without_an_id_are_unknown_and_not_sent_again(
    town: Town, tmp_path: Path
) -> None:
    rows = anonymous(12)
    rows[4]["uid"] = "u4"  # one that could be sent again does not help the others
    rows[6]["bad"] = 1
    path = write_lines(tmp_path / "people.jsonl", rows)
    _die_unanswered(town, path)
    town.hours.now += DAY
    told = town.summary(input_of(path))
    assert (told.read, told.unknown, told.accepted, told.bad) == (12, 4, 7, 1)
    error = ending(told)
    assert error is not None
    assert error.exit_code is ExitCode.UNKNOWN
    unknown = read_lines(tmp_path / "people.unknown.jsonl")
    assert [row["_line"] for row in unknown] == [5, 6, 8, 9]
    assert {row["_error_code"] for row in unknown} == {"outcome_unknown"}
    assert [row["_line"] for row in read_lines(tmp_path / "people.rejects.jsonl")] == [7]
    assert len(town.people()) == 11


@pytest.mark.parametrize(("rows", "unknown"), [(anonymous(8), 4), (users(8), 0)])
def test_a_key_is_not_relied_upon_by_a_run_that_sleeps_for_days(
    town: Town, tmp_path: Path, rows: list[dict[str, Any]], unknown: int
) -> None:
    """A laptop is closed after a batch took effect, and opened when its key is forgotten."""
    path = write_lines(tmp_path / "people.jsonl", rows)
    posts = 0

    def after(request: Request) -> None:
        nonlocal posts
        posts += request.method == "POST"
        if request.method == "POST" and posts == 2:
            town.hours.now += 2 * DAY
            raise unanswered()

    town.gateway.after = after
    told = town.summary(input_of(path), concurrency=1)
    assert (told.unknown, told.accepted) == (unknown, 8 - unknown)
    assert len(town.people()) == 8
    keys = [post.headers for post in town.gateway.posts]
    assert len(set(keys)) == len(keys)


def test_by_the_service_s_clock_a_day_is_over_whatever_this_machine_s_says(
    town: Town, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "people.jsonl", anonymous(12))
    _die_unanswered(town, path)
    later = datetime.fromtimestamp(town.hours.now + DAY, UTC)
    dated = answer(404, "resource_not_found", ("Date", format_datetime(later, usegmt=True)))
    town.gateway.before = lambda asked: dated if asked.path.endswith("/0") else None
    assert town.summary(input_of(path)).unknown == 4
    assert len(town.people()) == 12


@pytest.mark.parametrize(("rows", "unknown"), [(anonymous(12), 4), (users(12), 0)])
def test_bytes_that_cannot_be_made_again_are_never_sent_with_the_old_key(
    town: Town, tmp_path: Path, rows: list[dict[str, Any]], unknown: int
) -> None:
    path = write_lines(tmp_path / "people.jsonl", rows)
    _die_unanswered(town, path)
    earlier = input_of(path).identity
    path.write_text(path.read_text().replace("Person", "People"))
    told = town.summary(input_of(path)._replace(identity=earlier))  # as another version reads it
    assert told.unknown == unknown
    keys = {post.headers: post.body for post in town.gateway.posts}
    assert all(keys[post.headers] == post.body for post in town.gateway.posts)
    assert len(town.people()) == 12


def test_where_headers_are_dropped_an_unanswered_batch_is_not_sent_twice(
    town: Town, tmp_path: Path
) -> None:
    town.gateway.carries_headers = False
    path = write_lines(tmp_path / "people.jsonl", anonymous(8))
    _die_unanswered(town, path)
    told = town.summary(input_of(path))
    assert (told.unknown, told.accepted) == (4, 4)
    assert len(town.people()) == 8


def test_events_are_no_upserts_whatever_they_name(town: Town, tmp_path: Path) -> None:
    rows = [{"user": {"uid": "a"}, "name": f"E{n}"} for n in range(8)]
    path = write_lines(tmp_path / "events.jsonl", rows)
    posts = 0

    def after(request: Request) -> None:
        nonlocal posts
        posts += request.method == "POST"
        if posts == 2:
            raise Killed

    town.gateway.after = after
    with pytest.raises(Killed):
        town.run(input_of(path, "events"), concurrency=1)
    town.gateway.lives()
    town.hours.now += DAY
    assert town.summary(input_of(path, "events")).unknown == 4
    assert town.gateway.count("events") == 8


def test_a_job_that_fullstory_forgot_leaves_its_rows_unknown(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(4))
    town.gateway.dies(2, answered=False)
    with pytest.raises(Killed):
        town.run(input_of(path), concurrency=1)
    town.gateway.before = lambda _request: answer(404, "resource_not_found")
    told = town.summary(input_of(path))
    assert (told.unknown, told.sent) == (4, 4)
    assert read_lines(tmp_path / "people.unknown.jsonl")[0]["_error_code"] == "job_gone"


def test_a_changed_input_is_refused_and_told_what_changed(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(8))
    _die_unanswered(town, path)
    path.write_text(path.read_text() + '{"uid":"new"}\n')
    with pytest.raises(Refused, match=r"its size \(.* bytes\)") as caught:
        town.run(input_of(path))
    assert "--restart" in str(caught.value.hint)
    assert len(town.gateway.posts) == 2


def test_changed_options_are_refused_and_named(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(8))
    _die_unanswered(town, path)
    with pytest.raises(Refused, match=r"--map \(not given, now a=b\)"):
        town.run(input_of(path, choices={"--map": "a=b"}))


def test_restart_begins_anew(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(8))
    _die_unanswered(town, path)
    write_lines(path, users(4))
    told = town.summary(input_of(path), restart=True)
    assert (told.read, told.accepted) == (4, 4)
    assert town.journals() == []


def test_rejects_of_all_runs_are_in_one_file(town: Town, tmp_path: Path) -> None:
    rows = [{"uid": "x" * 257 + str(n)} for n in range(12)]
    path = write_lines(tmp_path / "people.jsonl", rows)
    _die_unanswered(town, path)
    assert town.summary(input_of(path)).rejected == 12
    rejects = read_lines(tmp_path / "people.rejects.jsonl")
    assert [row["_line"] for row in rejects] == list(range(1, 13))


def test_an_input_that_another_run_works_on_is_refused(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(8))
    asked = Options(rows=4)
    first = importing.run(town.caller, town.state, "users", [input_of(path)], asked)
    next(first)
    with pytest.raises(Refused, match="Another fsctl"):
        town.run(input_of(path))
    assert isinstance(list(first)[-1], Summary)


def test_a_run_that_is_closed_half_way_is_gone_on_with(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", anonymous(40))
    asked = Options(rows=4, concurrency=2)
    events = importing.run(town.caller, town.state, "users", [input_of(path)], asked)
    for event in events:
        if isinstance(event, JobDone):
            break
    events.close()  # type: ignore[attr-defined]
    (left,) = import_journal.unfinished(town.state)
    assert left.identity is not None
    assert (left.identity.path, left.identity.kind, left.running) == (str(path), "users", False)
    assert not left.is_read
    assert town.summary(input_of(path)).accepted == 40
    assert town.people() == named(40)
    assert list(import_journal.unfinished(town.state)) == []


def test_what_cannot_be_gone_on_with_leaves_its_rejects(town: Town, tmp_path: Path) -> None:
    rows = [{"bad": 1}, *anonymous(12)]
    path = write_lines(tmp_path / "people.jsonl", rows)
    town.gateway.dies(7, answered=False)
    with pytest.raises(Killed):
        town.run(input_of(path)._replace(resumable=False), concurrency=1)
    assert [row["_line"] for row in read_lines(tmp_path / "people.rejects.jsonl")] == [1]


def test_no_row_content_is_in_the_journal(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(8))
    _die_unanswered(town, path)
    (directory,) = town.journals()
    text = (directory / "journal.jsonl").read_text()
    assert "u00" not in text
    assert "Person" not in text
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in directory.iterdir()} == {0o600}


def test_several_inputs_are_imported_one_after_the_other(town: Town, tmp_path: Path) -> None:
    one = input_of(write_lines(tmp_path / "a.jsonl", users(3)))
    two = input_of(write_lines(tmp_path / "b.jsonl", users(6)[3:]))
    sources = [event.source for event in town.run(one, two) if isinstance(event, Summary)]
    assert sources == ["a.jsonl", "b.jsonl"]
    assert town.people() == named(6)


def test_an_error_that_concerns_all_is_an_fsctl_error(town: Town, tmp_path: Path) -> None:
    town.gateway.before = lambda _request: answer(403, "forbidden")
    with pytest.raises(FsctlError):
        town.run(input_of(write_lines(tmp_path / "people.jsonl", users(4))))


# -- results that Fullstory does not give


@pytest.mark.parametrize("status", [403, 404, 400])
def test_failures_that_a_key_may_not_read_are_counted_and_end_nothing(
    town: Town, tmp_path: Path, status: int
) -> None:
    """A Standard key may import, and see how a job ended, and no more (contracts §2)."""
    rows = users(12)
    rows[5]["uid"] = "x" * 300
    path = write_lines(tmp_path / "people.jsonl", rows)
    town.gateway.before = lambda asked: (
        answer(status, "forbidden") if asked.path.endswith("/errors") else None
    )
    events = town.run(input_of(path), concurrency=1)
    told = events[-1]
    assert isinstance(told, Summary)
    assert (told.accepted, told.rejected, told.untold, told.unknown) == (11, 1, 1, 0)
    assert town.journals() == []
    (job,) = told.untold_jobs
    assert [event.which for event in events if isinstance(event, Withheld)] == ["errors"]
    error = ending(told)
    assert error is not None
    assert error.exit_code is ExitCode.PARTIAL
    assert "Admin or Architect key" in str(error.hint)
    assert f"fsctl users job {job} --rejects FILE" in str(error.hint)


def test_where_every_row_failed_each_is_a_reject_though_no_reason_is_given(
    town: Town, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "people.jsonl", [{"uid": "x" * 300 + str(n)} for n in range(3)])
    town.gateway.before = lambda asked: (
        answer(403, "forbidden") if asked.path.endswith("/errors") else None
    )
    told = town.summary(input_of(path))
    assert (told.rejected, told.untold) == (3, 0)
    assert [row["_line"] for row in read_lines(tmp_path / "people.rejects.jsonl")] == [1, 2, 3]


def test_errors_of_which_a_page_is_not_found_are_kept_as_far_as_they_came(
    town: Town, tmp_path: Path
) -> None:
    rows = [*users(2), {"uid": "x" * 300}, {"uid": "x" * 301}]
    path = write_lines(tmp_path / "people.jsonl", rows)

    def before(asked: Request) -> Response | None:
        if not asked.path.endswith("/errors"):
            return None
        if asked.query:
            return answer(404, "resource_not_found")
        one = {"user": rows[2], "code": "bad", "message": "Bad"}
        return Response(200, (), json.dumps({"results": [one], "next_page_token": "t"}).encode())

    town.gateway.before = before
    told = town.summary(input_of(path))
    assert (told.accepted, told.rejected, told.untold, told.unknown) == (2, 2, 1, 0)
    (reject,) = read_lines(tmp_path / "people.rejects.jsonl")
    assert (reject["_line"], reject["_error_code"]) == (3, "bad")


def test_ids_that_a_key_may_not_read_are_told_to_be_missing(town: Town, tmp_path: Path) -> None:
    one = input_of(write_lines(tmp_path / "people.jsonl", users(6)))
    town.gateway.before = lambda asked: (
        answer(403, "forbidden") if asked.path.endswith("/imports") else None
    )
    told = town.summary(one._replace(imports=tmp_path / "ids.jsonl"))
    assert (told.accepted, told.nameless, told.imports) == (6, 6, None)
    error = ending(told)
    assert error is not None
    assert error.exit_code is ExitCode.PARTIAL
    assert "--imports FILE" in str(error.hint)
    assert "and 1 more" in str(error.hint)


def test_a_key_that_may_not_import_is_told_which_one_may(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(12))
    town.gateway.before = lambda asked: (
        answer(403, "forbidden") if b"u004" in (asked.body or b"") else None
    )
    with pytest.raises(NeedsPerson) as caught:
        town.run(input_of(path), concurrency=1)
    assert "Standard" in str(caught.value.hint)
    town.gateway.lives()
    assert town.summary(input_of(path)).accepted == 12


def test_a_run_that_cannot_go_on_ends_with_what_is_done(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", users(12))

    def after(asked: Request) -> None:
        if b"u004" in (asked.body or b""):
            raise unanswered()

    town.gateway.after = after
    seen: list[Event] = []
    asked = Options(rows=4, concurrency=1)
    with pytest.raises(Unavailable):
        for event in importing.run(town.caller, town.state, "users", [input_of(path)], asked):
            seen.append(event)
    last = seen[-1]
    assert isinstance(last, Summary)
    assert not last.finished
    assert (last.read, last.sent, last.accepted, last.unanswered) == (8, 4, 4, 4)


def test_a_state_directory_that_vanishes_is_named(town: Town, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "people.jsonl", [{"uid": "x" * 300}])

    def after(asked: Request) -> None:
        if asked.method == "GET":
            shutil.rmtree(town.state, ignore_errors=True)

    town.gateway.after = after
    with pytest.raises(Refused, match="cannot be written") as caught:
        town.run(input_of(path))
    assert "FSCTL_STATE_DIR" in str(caught.value.hint)
