"""Imports that stop before the end of their input: what came of them is data all the same."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsctl.bulk.batches import MOST_BAD_ROWS
from fsctl.bulk.import_events import Summary
from fsctl.cli.import_run_shown import closing
from fsctl.errors import ExitCode
from fsctl.membrane.gateway import Request, Response
from fsctl.sandbox.faults import Faults
from tests.support.everywhere import Somewhere, somewhere


@pytest.fixture
def road(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Somewhere]:
    monkeypatch.chdir(tmp_path)
    with somewhere("http", tmp_path) as road:
        yield road


def test_a_packed_file_that_breaks_off_is_6_once_rows_were_sent(road: Somewhere) -> None:
    chance = random.Random(3)
    bad = "".join(f'{{"uid":5,"x":"{chance.randbytes(30).hex()}"}}\n' for _ in range(9_000))
    whole = ('{"uid":"n-1"}\n' + bad).encode()
    Path("a.jsonl.gz").write_bytes(gzip.compress(whole)[:-80_000])
    done = road("users", "import", "a.jsonl.gz", "-o", "json")
    assert done.code == ExitCode.PARTIAL, done.show
    told = json.loads(done.out)
    assert told["outcome"] == "partial"
    assert (told["accepted"], told["bad"]) == (1, MOST_BAD_ROWS)
    line = MOST_BAD_ROWS + 2
    assert told["unread"] == [{"from": line, "to": None}]
    assert len(Path(told["rejects"]).read_text().splitlines()) == MOST_BAD_ROWS
    assert "ends in the middle" in done.err
    assert f"from line {line:,} on" in done.err
    assert "--restart" not in done.err
    [listed] = map(json.loads, road("users", "imports").out.splitlines())
    assert (listed["state"], listed["sent"]) == ("unfinished", 1)
    again = road("users", "import", "a.jsonl.gz")
    assert again.code == ExitCode.PARTIAL, again.show
    assert road.rows("SELECT count(*) FROM users WHERE uid = 'n-1'") == [(1,)]


def test_what_was_done_before_fullstory_went_away_is_data(road: Somewhere) -> None:
    assert road.server is not None
    Path("a.jsonl").write_text('{"uid":"n-1"}\n{"uid":"n-2"}\n')
    road.server.faults = Faults(["reset-after@/v2/users/batch"], seed=0)
    away = road("users", "import", "a.jsonl", "--retries", "0", "-o", "json")
    assert away.code == ExitCode.UNAVAILABLE, away.show
    told = json.loads(away.out)
    assert (told["outcome"], told["read"], told["unanswered"]) == ("unfinished", 2, 2)
    [listed] = map(json.loads, road("users", "imports").out.splitlines())
    assert (listed["sent"], listed["unanswered"], listed["jobs"]) == (0, 2, [])
    road.server.faults = Faults()
    assert road("users", "import", "a.jsonl").code == ExitCode.DONE


def test_lines_that_are_appended_meanwhile_are_told(
    road: Somewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path("a.jsonl")
    path.write_text('{"uid":"n-1"}\n')
    from fsctl.bulk import importing

    run = importing.run

    def slow(*arguments, **options):  # type: ignore[no-untyped-def]
        with path.open("a") as stream:
            stream.write('{"uid":"n-2"}\n')
        return run(*arguments, **options)

    monkeypatch.setattr(importing, "run", slow)
    done = road("users", "import", "a.jsonl")
    assert done.code == ExitCode.DONE, done.show
    assert json.loads(done.out)["accepted"] == 1
    assert "14 bytes appended to a.jsonl meanwhile: not imported." in done.err


def test_a_sandbox_that_finds_a_batch_too_large_gets_smaller_ones(road: Somewhere) -> None:
    assert road.server is not None
    Path("a.jsonl").write_text("".join(f'{{"uid":"n-{n}"}}\n' for n in range(20)))
    road.server.faults = Faults(["413:x1@/v2/users/batch"], seed=0)
    done = road("users", "import", "a.jsonl", "-v")
    assert done.code == ExitCode.DONE, done.show
    told = json.loads(done.out)
    assert told["accepted"] == 20
    assert told["jobs"] > 1
    assert "A batch was too large" in done.err


def test_a_key_that_may_not_read_why_rows_failed_is_told_of_once(
    road: Somewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert road.server is not None
    Path("a.jsonl").write_text('{"uid":"n-1"}\n{"id":"12345","email":"x@example.com"}\n')
    upstream = road.server.membrane.upstream

    def standard(request: Request) -> Response:
        if not request.path.endswith("/errors"):
            return upstream(request)
        return Response(403, (), b'{"code":"forbidden","message":"Access is forbidden."}')

    monkeypatch.setattr(road.server.membrane, "upstream", standard)
    done = road("users", "import", "a.jsonl")
    assert done.code == ExitCode.PARTIAL, done.show
    told = json.loads(done.out)
    assert (told["accepted"], told["rejected"], told["untold"]) == (1, 1, 1)
    [job] = told["untold_jobs"]
    assert f"warning: Fullstory does not tell of job {job} which rows failed" in done.err
    assert f"`fsctl users job {job} --rejects FILE`" in done.err


def test_the_rate_is_of_this_run() -> None:
    whole = Summary("a", 1_000_001, 0, 1_000_001, 1_000_001, 0, 0, 0, 21, 2.0)
    assert "500,000 rows/s" in closing("a", whole)
    assert ", 1 row/s)" in closing("a", whole._replace(earlier=999_999))
    assert "/s" not in closing("a", whole._replace(earlier=1_000_001))
