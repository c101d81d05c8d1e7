"""``users job`` and ``events job``: what became of a batch job, by its id alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from fsctl.errors import ExitCode
from tests.support.everywhere import Somewhere, somewhere

GOOD = "".join(json.dumps({"uid": f"n-{number}"}) + "\n" for number in range(3))
REFUSED = "".join(json.dumps({"id": f"1234{n}", "email": "n@example.com"}) + "\n" for n in range(2))
SERVED = "/connections/6920c5a1d3f4e5b6a7c8d901/proxy/v2/users/batch"


@pytest.fixture
def road(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Somewhere]:
    monkeypatch.chdir(tmp_path)
    with somewhere("http", tmp_path) as road:
        yield road


def job_of(road: Somewhere, rows: str, kind: str = "users") -> str:
    """The id of the job that imported these."""
    Path("rows.jsonl").write_text(rows)
    done = road(kind, "import", "rows.jsonl", "--rejects", "mine.jsonl", "--force", "-v")
    found = re.search(r"Job (\S+) ", done.err)
    assert found, done.show
    return found[1]


def begun(road: Somewhere) -> str:
    """The id of a job that goes on."""
    body = json.dumps({"requests": [{"uid": "n-1"}]})
    line = ("raw", "request", "/v2/users/batch", "-X", "POST", "-d", body)
    done = road(*line, "--jq", ".job.id")
    assert done.code == ExitCode.DONE, done.show
    return done.out.strip()


def test_a_job_that_went_well_is_shown(road: Somewhere) -> None:
    job = job_of(road, GOOD)
    done = road("users", "job", job)
    assert done.code == ExitCode.DONE, done.show
    told = json.loads(done.out)
    assert (told["id"], told["status"], told["imports"], told["errors"]) == (
        job,
        "COMPLETED",
        3,
        0,
    )
    assert told["finished"] >= told["created"]


def test_a_job_with_rows_that_failed_ends_with_6_whatever_its_status(road: Somewhere) -> None:
    done = road("users", "job", job_of(road, GOOD + REFUSED))
    assert done.code == ExitCode.PARTIAL, done.show
    assert json.loads(done.out)["errors"] == 2
    assert "is FAILED, though 3 of 5 rows were imported." in done.err
    assert "--rejects FILE writes them" in done.err
    none = road("users", "job", job_of(road, REFUSED))
    assert none.code == ExitCode.PARTIAL, none.show
    assert "is FAILED: none of 2 rows was imported." in none.err


def test_errors_lists_the_rows_that_failed(road: Somewhere) -> None:
    job = job_of(road, GOOD + REFUSED)
    done = road("users", "job", job, "--errors")
    assert done.code == ExitCode.PARTIAL, done.show
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [(row["code"], row["user"]["id"]) for row in rows] == [
        ("resource_not_found", "12340"),
        ("resource_not_found", "12341"),
    ]
    table = road("users", "job", job, "--errors", "--color", "never", stdout_is_terminal=True)
    assert table.out.splitlines()[0].split() == ["CODE", "MESSAGE", "USER"]
    masked = road("users", "job", job, "--errors", "--mask")
    assert "n@example.com" not in masked.out
    assert road("users", "job", job_of(road, GOOD), "--errors").out == ""


def test_rejects_and_imports_are_written_from_the_id_alone(road: Somewhere) -> None:
    job = job_of(road, GOOD + REFUSED)
    line = ("users", "job", job, "--rejects", "r.jsonl", "--imports", "i.jsonl")
    done = road(*line)
    assert done.code == ExitCode.PARTIAL, done.show
    told = json.loads(done.out)
    assert (told["rejects_file"], told["imports_file"]) == ("r.jsonl", "i.jsonl")
    assert "'r.jsonl' holds them: correct them there" in done.err
    rejects = [json.loads(text) for text in Path("r.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rejects] == ["12340", "12341"]
    assert {(row["_error_code"], row["_line"]) for row in rejects} == {("resource_not_found", None)}
    assert Path("r.jsonl").stat().st_mode & 0o777 == 0o600
    imported = [json.loads(text) for text in Path("i.jsonl").read_text().splitlines()]
    assert [row["uid"] for row in imported] == ["n-0", "n-1", "n-2"]

    again = road(*line)
    assert again.code == ExitCode.USAGE, again.show
    assert "'r.jsonl' exists already." in again.err
    assert road(*line, "--force").code == ExitCode.PARTIAL
    for row in rejects:
        row.pop("id")
        row["uid"] = f"mended-{row['email']}"
    Path("r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rejects))
    assert road("users", "import", "r.jsonl").code == ExitCode.DONE

    assert road("users", "job", job, "--rejects", "array.json").code == ExitCode.PARTIAL
    assert len(json.loads(Path("array.json").read_text())) == 2


def test_no_file_is_written_where_there_is_nothing_to_write(road: Somewhere) -> None:
    done = road("users", "job", job_of(road, GOOD), "--rejects", "r.jsonl")
    assert done.code == ExitCode.DONE, done.show
    assert "rejects_file" not in json.loads(done.out)
    assert not Path("r.jsonl").exists()


def test_a_job_that_goes_on_is_waited_for_if_that_is_asked_for(road: Somewhere) -> None:
    job = begun(road)
    now = road("users", "job", job)
    assert now.code == ExitCode.DONE, now.show
    assert json.loads(now.out)["status"] == "PROCESSING"
    assert "It has not ended; --wait waits for that." in now.err
    early = road("users", "job", job, "--errors")
    assert early.code == ExitCode.UNAVAILABLE, early.show
    assert "has not ended" in early.err
    done = road("users", "job", job, "--wait")
    assert done.code == ExitCode.DONE, done.show
    assert json.loads(done.out)["status"] == "COMPLETED"


def test_a_wait_that_is_too_short_ends_with_5(road: Somewhere) -> None:
    seconds = count()  # pass with every look at the clock, but not for Fullstory

    def monotonic() -> float:
        return float(next(seconds))

    line = ("users", "job", begun(road), "--wait-for", "10s")
    done = road(*line, sleep=lambda _seconds: None, monotonic=monotonic)
    assert done.code == ExitCode.UNAVAILABLE, done.show
    assert "has not ended" in done.err


def test_a_job_that_nobody_knows_is_3(road: Somewhere) -> None:
    for kind, other in (("users", "events"), ("events", "users")):
        done = road(kind, "job", job_of(road, GOOD) if kind == "events" else "nobodys")
        assert done.code == ExitCode.NOT_FOUND, done.show
        assert f"fsctl {other} job" in done.err


def test_an_id_is_one_segment_of_a_path(road: Somewhere) -> None:
    for wrong in ("..", "a/b", "%2e%2e"):
        done = road("users", "job", wrong)
        assert done.code == ExitCode.USAGE, done.show
    job = job_of(road, GOOD)
    road("users", "job", job)
    assert "=" in job
    assert road.sent[-1] == f"GET {SERVED}/{job.replace('=', '%3D')}"


def test_an_id_that_begins_with_a_hyphen_is_no_option(road: Somewhere) -> None:
    for line in (["-X0ab_cd-ef=="], ["-q", "-X0ab_cd-ef==", "-ojsonl"], ["--", "-X0ab_cd-ef=="]):
        done = road("users", "job", *line)
        assert done.code == ExitCode.NOT_FOUND, done.show
        assert road.sent[-1] == f"GET {SERVED}/-X0ab_cd-ef%3D%3D"
    assert "No such option" in road("users", "job", "any", "-X").err
    assert "-omarkdown" not in road("users", "job", "any", "-omarkdown").err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--rejects", "r.csv"), "Rejects of a job are JSON"),
        (("--errors", "--rejects", "r.jsonl"), "--errors lists rows"),
        (("--rejects", "a.jsonl", "--imports", "a.jsonl"), "Two outputs have the same name."),
        (("--wait-for", "soon"), "--wait-for 'soon'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    options: tuple[str, ...], complaint: str, road: Somewhere
) -> None:
    done = road("users", "job", "any", *options)
    assert done.code == ExitCode.USAGE, done.show
    assert complaint in done.err
    assert road.sent == []
