"""``users import`` and ``events import`` from the command line, over HTTP to a sandbox server."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fsctl.bulk.locked import locked
from fsctl.errors import ExitCode
from fsctl.sandbox.faults import Faults
from tests.support.everywhere import Somewhere, somewhere

BATCH = "POST /connections/6920c5a1d3f4e5b6a7c8d901/proxy/v2/{}/batch"
BAD = '{"uid": 5}\n'
UNKNOWN_ID = '{"id": "12345", "email": "x@example.com"}\n'  # good, and refused by Fullstory


@pytest.fixture
def road(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Somewhere]:
    monkeypatch.chdir(tmp_path)
    with somewhere("http", tmp_path) as road:
        yield road


def people(*uids: str) -> str:
    return "".join(json.dumps({"uid": uid, "email": f"{uid}@example.com"}) + "\n" for uid in uids)


def write(name: str, text: str | bytes) -> str:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def batches(road: Somewhere, kind: str = "users") -> int:
    return road.sent.count(BATCH.format(kind))


def emails(road: Somewhere) -> dict[str, str]:
    return dict(road.rows("SELECT uid, email FROM users WHERE uid LIKE 'n-%'"))


FORMATS: dict[str, str | bytes] = {
    "people.jsonl": people("n-1", "n-2"),
    "people.json": json.dumps([json.loads(line) for line in people("n-1", "n-2").splitlines()]),
    "people.csv": "uid,email\nn-1,n-1@example.com\nn-2,n-2@example.com\n",
    "people.tsv": "uid\temail\nn-1\tn-1@example.com\nn-2\tn-2@example.com\n",
    "people.csv.gz": gzip.compress(b"uid,email\nn-1,n-1@example.com\nn-2,n-2@example.com\n"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_imported_and_the_summary_is_data(name: str, road: Somewhere) -> None:
    done = road("users", "import", write(name, FORMATS[name]))
    assert done.code == ExitCode.DONE, done.show
    told = json.loads(done.out)
    assert (told["source"], told["outcome"]) == (name, "imported")
    assert (told["read"], told["sent"], told["accepted"], told["jobs"]) == (2, 2, 2, 1)
    assert told["rejects"] is None
    assert not list(Path().glob("*.rejects.*"))
    assert emails(road) == {"n-1": "n-1@example.com", "n-2": "n-2@example.com"}
    assert f"{name}: 2 rows read, 2 imported (1 job" in done.err


def test_events_are_imported(road: Somewhere) -> None:
    table = "who,title,amount:real\nada,Refund,4.5\ngrace,Refund,3\n"
    line = ("--map", "who=user.uid", "--map", "title=name")
    done = road("events", "import", write("events.csv", table), *line)
    assert done.code == ExitCode.DONE, done.show
    assert json.loads(done.out)["accepted"] == 2
    assert batches(road, "events") == 1


def test_events_of_nobody_are_sent_where_that_is_meant(road: Somewhere) -> None:
    name = write("events.csv", "name,plan\nSeen,x\nSeen,y\n")
    assert "--anonymous" in road("events", "import", name).err
    done = road("events", "import", name, "--anonymous")
    assert done.code == 0, done.show
    assert json.loads(done.out)["accepted"] == 2
    assert road("users", "import", name, "--anonymous").code == ExitCode.USAGE


def test_bad_and_refused_rows_are_rejects_that_import_when_they_are_corrected(
    road: Somewhere,
) -> None:
    name = write("people.jsonl", people("n-1") + BAD + UNKNOWN_ID)
    done = road("users", "import", name, "--imports", "ids.jsonl")
    assert done.code == ExitCode.PARTIAL, done.show
    told = json.loads(done.out)
    assert told["outcome"] == "partial"
    assert (told["read"], told["bad"], told["accepted"], told["rejected"]) == (3, 1, 1, 1)
    assert told["rejects"] == "people.rejects.jsonl"
    rejects = [json.loads(line) for line in Path(told["rejects"]).read_text().splitlines()]
    assert [(row["_line"], row["_error_code"]) for row in rejects] == [
        (2, "invalid_uid"),
        (3, "resource_not_found"),
    ]
    [imported] = map(json.loads, Path("ids.jsonl").read_text().splitlines())
    assert imported["uid"] == "n-1"
    assert imported["id"].isdigit()
    assert "2 rows of 3 in 'people.jsonl' failed; 'people.rejects.jsonl' holds them" in done.err

    for row, uid in zip(rejects, ("n-2", "n-3"), strict=True):
        row.pop("id", None)
        row["uid"] = uid
    Path(told["rejects"]).write_text("".join(json.dumps(row) + "\n" for row in rejects))
    again = road("users", "import", told["rejects"])
    assert again.code == ExitCode.DONE, again.show
    assert set(emails(road)) == {"n-1", "n-2", "n-3"}


def test_what_a_jobs_status_hides_is_said(road: Somewhere) -> None:
    some = road("users", "import", write("some.jsonl", people("n-1") + UNKNOWN_ID))
    assert "is FAILED, though 1 of 2 rows were imported." in some.err, some.show
    none = road("users", "import", write("none.jsonl", UNKNOWN_ID))
    assert "is FAILED: none of 1 row was imported." in none.err, none.show
    good = road("users", "import", write("good.jsonl", people("n-2")))
    assert "Job " not in good.err, good.show
    told = road("users", "import", write("good.jsonl", people("n-2")), "-v")
    assert "is COMPLETED: 1 row imported." in told.err, told.show


def test_check_sends_nothing_and_tells_what_is_wrong(road: Somewhere) -> None:
    name = write("people.jsonl", people("n-1", "n-2", "n-1") + BAD + BAD)
    done = road("users", "import", name, "--check")
    assert done.code == ExitCode.USAGE, done.show
    told = json.loads(done.out)
    assert (told["rows"], told["bad"], told["duplicates"]) == (5, 2, 1)
    assert told["repeated"] == [[1, 3]]
    [problem] = told["problems"]
    assert problem == {
        "code": "invalid_uid",
        "times": 2,
        "message": "uid is a number, not a text",
        "lines": [4, 5],
    }
    assert "2 of 5 rows are bad." in done.err
    assert road.sent == [], "not even a question"
    assert not list(Path().glob("*.rejects.*"))

    seen = road("users", "import", name, "--check", stdout_is_terminal=True)
    assert seen.out == (
        "people.jsonl: 5 rows, 2 bad, 1 uid more than once\n"
        "  2 x invalid_uid, lines 4, 5: uid is a number, not a text\n"
        "  the same uid on lines 1, 3\n"
    )
    assert road("users", "import", write("good.jsonl", people("n-1")), "--check").code == 0


def test_check_of_stdin_needs_no_place_for_rejects(road: Somewhere) -> None:
    done = road("users", "import", "-", "--check", stdin=io.BytesIO(people("n-1").encode()))
    assert done.code == ExitCode.DONE, done.show
    assert json.loads(done.out)["rows"] == 1


def test_strict_sends_nothing_of_any_input_if_a_row_is_bad(road: Somewhere) -> None:
    good, bad = write("good.jsonl", people("n-1")), write("bad.jsonl", people("n-2") + BAD)
    done = road("users", "import", good, bad, "--strict")
    assert done.code == ExitCode.USAGE, done.show
    assert batches(road) == 0
    assert "1 of 3 rows are bad, and nothing was sent" in done.err
    done = road("users", "import", good, write("more.jsonl", people("n-3")), "--strict")
    assert done.code == ExitCode.DONE, done.show
    assert [json.loads(line)["source"] for line in done.out.splitlines()] == [
        "good.jsonl",
        "more.jsonl",
    ]


def test_dry_run_shows_the_request_and_sends_nothing(road: Somewhere) -> None:
    name = write("people.csv", "uid,email,seats:int\n" + "".join(f"n-{i},,{i}\n" for i in range(9)))
    done = road("users", "import", name, "--dry-run")
    assert done.code == ExitCode.DONE, done.show
    told = json.loads(done.out)
    assert (told["dry_run"], told["rows"], told["batches"], told["sent_rows"]) == (True, 9, 1, 9)
    assert (told["via"], told["method"], told["path"]) == ("proxy", "POST", "/v2/users/batch")
    assert told["body"]["requests"][1] == {
        "uid": "n-1",
        "properties": {"seats": 1},
        "schema": {"properties": {"seats": "int"}},
    }
    assert told["body_left_out"] == 9 - len(told["body"]["requests"])
    assert road.sent == []

    masked = road("users", "import", write("p.jsonl", people("n-77")), "--dry-run", "--mask")
    assert "n-77" not in masked.out, masked.show


def test_several_inputs_are_each_told_and_the_worst_of_them_decides(road: Somewhere) -> None:
    names = [
        write("a.jsonl", people("n-1") + BAD),
        write("b.csv", "uid\nn-2\n"),
        write("c.jsonl", people("n-3") + BAD),
    ]
    done = road("users", "import", *names, "-o", "json")
    assert done.code == ExitCode.PARTIAL, done.show
    told = json.loads(done.out)
    assert [(one["source"], one["outcome"]) for one in told] == [
        ("a.jsonl", "partial"),
        ("b.csv", "imported"),
        ("c.jsonl", "partial"),
    ]
    assert "in 'a.jsonl' failed" in done.err
    assert "in 'c.jsonl' failed" in done.err
    assert set(emails(road)) == {"n-1", "n-2", "n-3"}


# What is refused before anything is sent, and in which words.
REFUSED: dict[str, tuple[list[str], str]] = {
    "no file": ([], "FILE is missing."),
    "stdin twice": (["-", "-"], "stdin can be read once only."),
    "the same file twice": (["a.jsonl", "./a.jsonl"], "is named twice."),
    "no such file": (["nobody.csv"], "'nobody.csv' cannot be read"),
    "a directory": (["."], "is a directory."),
    "a spool of a file": (["a.jsonl", "--spool", "s"], "--spool is for stdin."),
    "rejects of two": (["a.jsonl", "b.jsonl", "--rejects", "r"], "--rejects names one file"),
    "imports of two": (["a.jsonl", "b.jsonl", "--imports", "r"], "--imports names one file"),
    "the input as rejects": (["a.jsonl", "--rejects", "./a.jsonl", "--force"], "is an input"),
    "the same rejects": (["a.jsonl", "a.jsonl.gz"], "would be written twice."),
    "two outputs in one": (["a.jsonl", "--rejects", "r", "--imports", "r"], "written twice"),
    "rejects that are there": (["a.jsonl", "--rejects", "there"], "'there' exists already."),
    "those of the second": (["a.jsonl", "b.jsonl"], "'b.rejects.jsonl' exists already."),
    "rejects to stdout": (["a.jsonl", "--rejects", "-"], "--rejects is a file of its own"),
    "imports to stdout": (["a.jsonl", "--imports", "-"], "--imports is a file of its own"),
    "JSON rejects named CSV": (
        ["a.jsonl", "--rejects", "r.csv"],
        "would be JSON lines, and 'r.csv'",
    ),
    "rejects named packed": (["a.jsonl", "--rejects", "r.jsonl.gz"], "would be JSON lines"),
    "imports named CSV": (["a.jsonl", "--imports", "r.CSV"], "would be JSON lines, and 'r.CSV'"),
    "CSV rejects named JSON": (["c.csv", "--rejects", "r.jsonl"], "Rejects of c.csv would be CSV"),
    "no directory": (["a.jsonl", "--rejects", "no/r"], "The directory 'no' does not exist."),
    "a name too long": (["a.jsonl", "--rejects", "r" * 256], "would be too long"),
    "a link": (["a.jsonl", "--rejects", "link", "--force"], "is a symbolic link."),
    "an action": (["a.jsonl", "--via", "action"], "no action for batch imports"),
    "no jobs": (["a.jsonl", "--concurrency", "0"], "--concurrency takes a whole number"),
    "no time": (["a.jsonl", "--wait-for", "soon"], "--wait-for 'soon' is not a length of time."),
    "a wrong type": (["a.jsonl", "--type", "seats=number"], "--type seats=number"),
    "a column of JSON": (["a.jsonl", "--map", "a=b"], "--map is for the columns of CSV and TSV"),
    "an encoding": (["a.jsonl", "--encoding", "klingon"], "'klingon' is no encoding"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_refused_before_anything_is_sent(case: str, road: Somewhere) -> None:
    write("a.jsonl", people("n-1"))
    write("b.jsonl", people("n-2"))
    write("a.jsonl.gz", gzip.compress(people("n-3").encode()))
    write("c.csv", "uid\nn-4\n")
    write("there", "mine")
    write("b.rejects.jsonl", "mine")
    Path("link").symlink_to("there")
    arguments, complaint = REFUSED[case]
    done = road("users", "import", *arguments, stdin=io.BytesIO(b"{}"))
    assert done.code == ExitCode.USAGE, done.show
    assert complaint in done.err
    assert batches(road) == 0
    assert Path("there").read_text() == Path("b.rejects.jsonl").read_text() == "mine"
    assert Path("a.jsonl").read_text() == people("n-1")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_where_nothing_can_be_written_is_told_before(road: Somewhere) -> None:
    Path("closed").mkdir()
    name = write("closed/a.jsonl", people("n-1"))
    Path("closed").chmod(0o500)
    done = road("users", "import", name)
    assert done.code == ExitCode.USAGE, done.show
    assert "--rejects FILE" in done.err
    assert batches(road) == 0


def test_an_older_file_of_rejects_is_replaced_only_with_force(road: Somewhere) -> None:
    name = write("a.jsonl", people("n-1") + BAD)
    write("a.rejects.jsonl", "mine")
    assert road("users", "import", name).code == ExitCode.USAGE
    done = road("users", "import", name, "--force")
    assert done.code == ExitCode.PARTIAL, done.show
    assert "invalid_uid" in Path("a.rejects.jsonl").read_text()


def test_stdin_is_imported_and_its_rejects_have_to_have_a_place(road: Somewhere) -> None:
    def pipe() -> Any:
        return io.BytesIO((people("n-1") + BAD).encode())

    done = road("users", "import", "-", stdin=pipe())
    assert done.code == ExitCode.USAGE, done.show
    assert "--rejects FILE" in done.err
    done = road("users", "import", "-", "--rejects", "r.jsonl", stdin=pipe())
    assert done.code == ExitCode.PARTIAL, done.show
    told = json.loads(done.out)
    assert (told["source"], told["accepted"], told["rejects"]) == ("-", 1, "r.jsonl")
    spooled = ("--rejects", "s.jsonl", "--spool", "spool.jsonl")
    done = road("users", "import", "-", *spooled, stdin=pipe())
    assert done.code == ExitCode.PARTIAL, done.show
    assert not Path("spool.jsonl").exists()


def test_a_pipe_of_another_name_is_read_too(road: Somewhere) -> None:
    read, write_ = os.pipe()
    with open(write_, "wb") as pipe:  # noqa: PTH123 - a descriptor, not a path
        pipe.write(people("n-1").encode())
    try:  # as a shell's <(...) has it
        done = road("users", "import", f"/dev/fd/{read}", "--rejects", "r.jsonl")
    finally:
        os.close(read)
    assert done.code == ExitCode.DONE, done.show
    assert set(emails(road)) == {"n-1"}


def test_doubtful_names_are_told_once(road: Somewhere) -> None:
    rows = "".join(f"n-{i},pro\n" for i in range(3))
    done = road("users", "import", write("a.csv", f"uid,plan_str\n{rows}"))
    assert done.code == ExitCode.DONE, done.show
    assert done.err.count("'plan_str' ends like a name of Fullstory's first API") == 1
    assert "--type KEY=TYPE" in done.err


def test_an_empty_input_is_done(road: Somewhere) -> None:
    for name in ("a.jsonl", "a.csv"):
        done = road("users", "import", write(name, ""))
        assert done.code == ExitCode.DONE, done.show
        assert json.loads(done.out)["read"] == 0
    assert batches(road) == 0


def test_fields_and_jq_pick_from_the_summary(road: Somewhere) -> None:
    name = write("a.jsonl", people("n-1"))
    assert road("users", "import", name, "-q", "--jq", ".accepted").out == "1\n"
    done = road("users", "import", name, "-q", "--fields", "accepted,jobs", "-o", "csv")
    assert (done.out, done.err) == ("accepted,jobs\n1,1\n", "")
    wrong = road("users", "import", name, "--jq", ".[")
    assert wrong.code == ExitCode.USAGE
    assert batches(road) == 2


def test_fullstory_away_is_5_and_the_same_command_goes_on(road: Somewhere) -> None:
    assert road.server is not None
    name = write("a.jsonl", people("n-1", "n-2"))
    road.server.faults = Faults(["500@/v2/users/batch"], seed=0)
    away = road("users", "import", name, "--retries", "1")
    assert away.code == ExitCode.UNAVAILABLE, away.show
    assert "The same command goes on" in away.err
    listed = json.loads(road("users", "imports").out)
    assert (listed["state"], listed["source"]) == ("unfinished", str(Path(name).absolute()))
    assert listed["resume"] == f"fsctl users import {Path(name).absolute()}"

    road.server.faults = Faults()
    done = road("users", "import", name)
    assert done.code == ExitCode.DONE, done.show
    assert "a.jsonl: an earlier run began with it; this one goes on." in done.err
    assert json.loads(done.out)["accepted"] == 2
    assert road("users", "imports").out == ""


@pytest.mark.parametrize("by", ["name", "journal"])
def test_an_import_is_forgotten_by_its_input_or_its_journal(by: str, road: Somewhere) -> None:
    assert road.server is not None
    name = write("a.jsonl", people("n-1"))
    road.server.faults = Faults(["500@/v2/users/batch"], seed=0)
    assert road("users", "import", name, "--retries", "0").code == ExitCode.UNAVAILABLE
    journal = json.loads(road("users", "imports").out)["journal"]
    what = {"name": name, "journal": journal}[by]

    unknown = road("users", "imports", "--forget", "b.jsonl")
    assert unknown.code == ExitCode.NOT_FOUND, unknown.show
    assert road("events", "imports", "--forget", what).code == ExitCode.NOT_FOUND
    assert json.loads(road("users", "imports", "--forget", what, "--dry-run").out)["read"] == 1
    assert Path(journal).exists()

    told = json.loads(road("users", "imports", "--forget", what).out)
    assert (told["journal"], told["state"]) == (journal, "unfinished")
    assert not Path(journal).exists()
    assert road("users", "imports").out == ""


def test_an_import_that_runs_is_not_forgotten(road: Somewhere) -> None:
    assert road.server is not None
    name = write("a.jsonl", people("n-1"))
    road.server.faults = Faults(["500@/v2/users/batch"], seed=0)
    assert road("users", "import", name, "--retries", "0").code == ExitCode.UNAVAILABLE
    journal = Path(json.loads(road("users", "imports").out)["journal"])
    with locked(journal / "lock", create=True):
        done = road("users", "imports", "--forget", name)
    assert done.code == ExitCode.FAILED, done.show
    assert "is running." in done.err
    assert journal.exists()


def test_that_a_request_is_made_again_is_said_while_it_lasts(road: Somewhere) -> None:
    assert road.server is not None
    name = write("a.jsonl", people("n-1"))
    road.server.faults = Faults(["500:x1@/v2/users/batch"], seed=0)
    done = road("users", "import", name)
    assert done.code == ExitCode.DONE, done.show
    assert done.err.count("1 job in flight, ") == done.err.count("Trying again in ") == 1
    quiet = road("users", "import", name, "-q")
    assert quiet.err == ""


def test_a_file_that_was_changed_is_not_gone_on_with(road: Somewhere) -> None:
    assert road.server is not None
    name = write("a.csv", "uid,plan\nn-1,pro\n")
    road.server.faults = Faults(["500@/v2/users/batch"], seed=0)
    assert road("users", "import", name, "--retries", "0").code == ExitCode.UNAVAILABLE
    road.server.faults = Faults()
    other = road("users", "import", name, "--ignore", "plan")
    assert other.code == ExitCode.FAILED, other.show
    assert "--ignore (not given, now plan)" in other.err
    done = road("users", "import", name, "--ignore", "plan", "--restart")
    assert done.code == ExitCode.DONE, done.show


def test_events_whose_fate_nobody_knows_are_set_apart_after_a_day(road: Somewhere) -> None:
    assert road.server is not None
    event = {"name": "Refund", "user": {"uid": "ada"}}
    name = write("a.jsonl", json.dumps(event) + "\n")
    road.server.faults = Faults(["reset-after@/v2/events/batch"], seed=0)

    def now() -> datetime:
        return datetime.fromtimestamp(road.clock.time(), UTC)

    cut = road("events", "import", name, "--retries", "0", now=now)
    assert cut.code == ExitCode.UNAVAILABLE, cut.show
    road.server.faults = Faults()
    road.clock.advance(25 * 3600)
    sent = batches(road, "events")
    done = road("events", "import", name, now=now)
    assert done.code == ExitCode.UNKNOWN, done.show
    told = json.loads(done.out)
    assert (told["outcome"], told["unknown"]) == ("unknown", 1)
    [row] = map(json.loads, Path(told["unknown_rows"]).read_text().splitlines())
    assert (row["name"], row["_line"]) == ("Refund", 1)
    assert batches(road, "events") == sent, "not sent again"


def test_without_a_token_a_batch_has_no_road(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with somewhere("cli-older", tmp_path) as road:
        done = road("users", "import", write("a.jsonl", people("n-1")))
    assert done.code == ExitCode.USAGE, done.show
    assert "Batch imports go over HTTP only" in done.err
    assert "MEMBRANE_TOKEN" in done.err
