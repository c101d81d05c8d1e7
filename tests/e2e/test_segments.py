"""``fsctl segments`` on every road: lists, exports, times, formats, and how they are resumed."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Ended
from tests.support.everywhere import ROADS, RoadName, Somewhere, somewhere

PAYING = "kX2pQ9"


@pytest.fixture(params=ROADS)
def road(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Somewhere]:
    name: RoadName = request.param
    with somewhere(name, tmp_path) as found:
        yield found


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Somewhere]:
    with somewhere("http", tmp_path) as found:
        yield found


def rows(done: Ended) -> list[dict[str, object]]:
    assert done.code == 0, done.show
    return [json.loads(line) for line in done.out.splitlines()]


def operation_in(text: str) -> str:
    found = re.search(r"--operation ([0-9a-f]+)", text)
    assert found, text
    return found[1]


# -- on every road


def test_a_segment_is_exported_to_a_file_of_ones_own(road: Somewhere, tmp_path: Path) -> None:
    target = tmp_path / "paying.csv"
    real = {"sleep": _really} if road.server is None else {}
    done = road("segments", "export", PAYING, "--to", str(target), **real)
    assert done.code == 0, done.show
    told = json.loads(done.out)
    assert told["file"] == str(target)
    assert told["bytes"] == target.stat().st_size
    assert told["operation"] == operation_in(done.err)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.glob(".paying*")) == []
    table = list(csv.DictReader(io.StringIO(target.read_text("utf-8"))))
    assert {row["user_plan_str"] for row in table} == {"team", "business"}
    again = road("segments", "export", "--operation", told["operation"], **real)
    assert again.code == 0, again.show
    assert again.out == target.read_text("utf-8")
    assert "ignature" not in done.err + again.err


def _really(seconds: float) -> None:
    import time

    time.sleep(seconds)


def test_segments_are_listed_to_the_last(road: Somewhere) -> None:
    everything = rows(road("segments", "list"))
    assert [row["name"] for row in everything][:2] == ["Everyone", "Paying customers"]
    mine = rows(road("segments", "list", "--creator", "linus@example.com"))
    assert {row["creator"] for row in mine} == {"linus@example.com"}
    assert rows(road("segments", "list", "--limit", "2")) == everything[:2]


# -- lists


def test_an_empty_creator_is_a_mistake_and_not_everybody(here: Somewhere) -> None:
    done = here("segments", "list", "--creator", "")
    assert (done.code, done.out) == (2, ""), done.show
    assert "--creator is empty" in done.err


def test_all_pages_are_asked_for_and_no_more_than_needed(here: Somewhere) -> None:
    with here.server.store.transaction() as db:  # type: ignore[union-attr]
        db.executemany(
            "INSERT INTO segments (id, name, creator, created) VALUES (?, ?, ?, 0)",
            [(f"s{n}", f"Segment {n}", "many@example.com") for n in range(250)],
        )
    listed = rows(here("segments", "list", "--creator", "many@example.com"))
    assert [row["id"] for row in listed] == [f"s{n}" for n in range(250)]
    before = len(here.sent)
    assert len(rows(here("segments", "list", "--limit", "100"))) == 100
    assert len(here.sent) == before + 1


def test_a_table_of_segments_is_drawn_on_a_terminal(here: Somewhere) -> None:
    done = here("segments", "list", stdout_is_terminal=True, width=80)
    assert done.code == 0, done.show
    assert "ID" in done.out.splitlines()[0] and "NAME" in done.out.splitlines()[0]
    assert "Paying customers" in done.out


# -- what is asked for


def asked(here: Somewhere, *words: str) -> dict[str, object]:
    """The body that would be sent."""
    done = here("segments", "export", *words, "--dry-run")
    assert done.code == 0, done.show
    plan = json.loads(done.out)
    assert (plan["method"], plan["path"]) == ("POST", "/segments/v1/exports")
    body: dict[str, object] = plan["body"]
    return body


def test_a_saved_segment_keeps_its_own_time_and_the_built_in_one_takes_what_is_asked(
    here: Somewhere,
) -> None:
    opened = {"start": "", "end": ""}
    assert asked(here, PAYING) == {
        "segmentId": PAYING,
        "type": "TYPE_INDIVIDUAL",
        "format": "FORMAT_NDJSON",
        "timeRange": opened,
    }
    assert asked(here, "everyone")["segmentTimeRange"] == opened
    times = ("--since", "2026-01-02T03:04:05Z", "--until", "2026-02-03")
    between = {"start": "2026-01-02T03:04:05Z", "end": "2026-02-03T00:00:00Z"}
    body = asked(here, "everyone", *times, "--type", "events", "--format", "json")
    assert body["timeRange"] == body["segmentTimeRange"] == between
    assert (body["type"], body["format"]) == ("TYPE_EVENT", "FORMAT_JSON")
    assert asked(here, PAYING, "--since", "2026-01-02T03:04:05Z")["timeRange"] == {
        "start": "2026-01-02T03:04:05Z",
        "end": "",
    }


@pytest.mark.parametrize(
    ("words", "format_"),
    [
        (["--to", "x.csv"], "CSV"),
        (["--to", "x.JSON"], "JSON"),
        (["--to", "x.jsonl"], "NDJSON"),
        (["--to", "x.txt"], "NDJSON"),
        (["--to", "x.csv", "--format", "json"], "JSON"),
    ],
)
def test_the_format_follows_the_name_of_the_file(
    here: Somewhere, words: list[str], format_: str, tmp_path: Path
) -> None:
    words[1] = str(tmp_path / words[1])
    assert asked(here, PAYING, *words)["format"] == f"FORMAT_{format_}"


def test_fields_are_asked_of_fullstory(here: Somewhere) -> None:
    names = "UserEmail,IndividualId"
    assert asked(here, PAYING, "--fields", names)["fields"] == ["UserEmail", "IndividualId"]
    done = here("segments", "export", PAYING, "--fields", names, "--format", "csv")
    assert done.code == 0, done.show
    assert done.out.splitlines()[0] == names


def test_a_segment_may_be_named_by_its_address_in_the_app(here: Somewhere) -> None:
    address = f"https://app.fullstory.com/ui/SANDBOX-na1/segments/{PAYING}/people/0"
    assert asked(here, address)["segmentId"] == PAYING
    other = "https://app.eu1.fullstory.com/ui/ORG/segments/everyone/people:search:abc/0"
    assert asked(here, other)["segmentId"] == "everyone"
    for foreign in ("https://evil.example/ui/O/segments/x", "a/b", "https://app.fullstory.com/x"):
        done = here("segments", "export", foreign)
        assert done.code == 2, done.show


def test_events_go_to_stdout_and_nothing_else_does(here: Somewhere) -> None:
    done = here("segments", "export", "7fTz01", "--type", "events")
    kinds = {str(row["EventType"]) for row in rows(done)}
    assert {"rage-click", "navigate"} <= kinds
    assert list((here.program.home / "state").iterdir()) == []


@pytest.mark.parametrize("form", ["csv", "ndjson", "json"])
def test_what_visitors_wrote_does_no_harm_where_somebody_looks_on(
    here: Somewhere, form: str
) -> None:
    words = ("segments", "export", "everyone", "--format", form, "-q")
    piped = here(*words)
    assert "\u202e" in piped.out  # there is such a visitor, and a pipe gets the file untouched
    assert ("\x1b" in piped.out) is (form == "csv")
    seen = here(*words, stdout_is_terminal=True)
    logged = here(*words, under_ci=True)
    for done in (seen, logged):
        assert done.code == 0, done.show
        assert not set("\x1b\x07\u202e") & set(done.out)
    if form == "json":
        assert json.loads(seen.out) == json.loads(logged.out) == json.loads(piped.out)
    assert not re.search(r"^\s*::|##\[", logged.out, re.MULTILINE)


def test_only_one_export_is_asked_for(here: Somewhere) -> None:
    assert here("segments", "export", PAYING).code == 0
    posts = [line for line in here.sent if line.startswith("POST")]
    assert len(posts) == 1
    assert here.rows("SELECT count(*) FROM exports") == [(1,)]


# -- usage


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Which segment"),
        ([""], "empty id"),
        ([PAYING, "--operation", "1"], "ID has no say"),
        (["--operation", "1", "--type", "events"], "--type has no say"),
        (["--operation", "1", "--until", "-1d"], "--until has no say"),
        (["--operation", "../x"], "operation"),
        ([PAYING, "--format", "xml"], "xml"),
        ([PAYING, "--since", "-1d", "--until", "-2d"], "--since is after --until"),
        ([PAYING, "--wait-for", "soon"], "--wait-for"),
        ([PAYING, "--to", "x.csv.gz"], "without .gz"),
        ([PAYING, "--to", "missing/x.csv"], "does not exist"),
        ([PAYING, "--force"], "--force"),
        ([PAYING, "-o", "csv"], "--format"),
        ([PAYING, "--jq", ".x"], "--format"),
        ([PAYING, "--mask"], "users export --mask"),
        ([PAYING, "--to", ""], "no file's name"),
        ([PAYING, "--to", "~nosuch-user-here/x.csv"], "home directory"),
        (["--operation", "1", "--fields", "UserEmail"], "--fields has no say"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    here: Somewhere, words: list[str], says: str
) -> None:
    done = here("segments", "export", *words)
    assert done.code == 2, done.show
    assert says in done.err, done.show
    assert here.sent == []


def test_nothing_is_written_over_or_through(here: Somewhere, tmp_path: Path) -> None:
    kept = tmp_path / "kept.csv"
    kept.write_text("mine")
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "elsewhere")
    for words in ([str(kept)], [str(link)], [str(link), "--force"], [str(tmp_path), "--force"]):
        done = here("segments", "export", PAYING, "--to", *words)
        assert done.code == 2, done.show
    assert here.sent == []
    assert kept.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()
    assert here("segments", "export", PAYING, "--to", str(kept), "--force").code == 0
    assert kept.read_text().startswith("IndividualId,")


# -- endings


def test_a_segment_that_does_not_exist_is_3_and_an_operation_too(here: Somewhere) -> None:
    for words in (["nothing"], ["--operation", "nothing"]):
        done = here("segments", "export", *words)
        assert done.code == 3, done.show
        assert "resume" not in done.err and "goes on" not in done.err


def test_an_export_that_failed_is_told_in_the_services_words(here: Somewhere) -> None:
    done = here("segments", "export", PAYING, "--fields", "Shoe", "--json", "--to", "x.csv")
    assert done.code == 1, done.show
    assert "there is no field Shoe" in done.err
    assert json.loads(done.err.splitlines()[-1])["error"]["code"] == "export_failed"
    assert "goes on" not in done.err


def test_when_the_time_is_over_the_command_that_goes_on_is_told(
    here: Somewhere, tmp_path: Path
) -> None:
    target = tmp_path / "out.ndjson"
    late = here("segments", "export", PAYING, "--to", str(target), "--wait-for", "1s")
    assert late.code == 5, late.show
    assert "still running" in late.err
    assert not target.exists()
    hint = late.err.splitlines()[-1]
    words = hint.partition("goes on with it: fsctl ")[2].split()
    assert words[:3] == ["segments", "export", "--operation"]
    here.clock.advance(60)
    done = here(*words)
    assert done.code == 0, done.show
    assert target.read_text().count("\n") > 10
    assert here.rows("SELECT count(*) FROM exports") == [(1,)]


def test_a_result_that_is_kept_no_more_is_3(here: Somewhere) -> None:
    operation = operation_in(here("segments", "export", PAYING, "--wait-for", "1s").err)
    here.clock.advance(2 * 86_400)
    done = here("segments", "export", "--operation", operation)
    assert done.code == 3, done.show
    assert "no more" in done.err and "segments export ID" in done.err


def test_a_dry_run_of_an_operation_only_says_what_would_be_read(here: Somewhere) -> None:
    done = here("segments", "export", "--operation", "5d41", "--dry-run")
    assert done.code == 0, done.show
    plan = json.loads(done.out)
    assert (plan["method"], plan["path"]) == ("GET", "/operations/v1/5d41")


def test_quiet_keeps_the_notes_away(here: Somewhere) -> None:
    done = here("segments", "export", PAYING, "-q")
    assert done.code == 0
    assert done.err == ""
