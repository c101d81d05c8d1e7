"""People on every road: found, created, changed and erased, and never the wrong ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import ExitCode
from tests.support.everywhere import ROADS, RoadName, Somewhere, somewhere

ADA = "7400589116837456607"
OFFICE = "office@studio.example"


@pytest.fixture(params=ROADS)
def road(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Somewhere]:
    name: RoadName = request.param
    with somewhere(name, tmp_path) as found:
        yield found


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Somewhere]:
    with somewhere("http", tmp_path) as found:
        yield found


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def id_of(road: Somewhere, uid: str) -> str:
    return str(road.rows("SELECT id FROM users WHERE uid = ?", uid)[0][0])


def being_deleted(road: Somewhere) -> list[str]:
    return [
        uid for (uid,) in road.rows("SELECT uid FROM users WHERE gone_at IS NOT NULL ORDER BY uid")
    ]


def everyone(road: Somewhere) -> list[tuple[Any, ...]]:
    return road.rows("SELECT * FROM users ORDER BY seq")


# -- on every road


def test_somebody_is_found_by_whatever_a_ticket_tells(road: Somewhere) -> None:
    mei = id_of(road, "mei")

    def found(query: str, code: int = 0) -> list[tuple[str, str | None, str]]:
        done = road("users", "find", query, "--no-sessions")
        assert done.code == code, done.show
        return [(row["match"], row["by"], row["uid"]) for row in lines(done.out)]

    assert found("Ada@Example.com") == [("exact", "email", "ada")]
    assert found(mei) == [("exact", "id", "mei"), ("exact", "uid", mei)]
    assert found(OFFICE) == [("exact", "email", "marco"), ("exact", "email", "maria")]
    assert found("lovelace", ExitCode.NOT_FOUND) == [("similar", None, "ada")]
    assert found("no-such-person", ExitCode.NOT_FOUND) == []


def test_a_person_is_created_with_typed_properties_and_changed(road: Somewhere) -> None:
    typed = ("-p", "plan=paid", "-p", "seats:int=5", "-p", "company.zip=01234")
    done = road("users", "create", "--uid", "sam", "--email", "s@example.com", *typed)
    assert done.code == 0, done.show
    created = json.loads(done.out)
    assert created["id"] == id_of(road, "sam")

    done = road("users", "update", "s@example.com", "--name", "Sam", "-p", "since:date=2024-02-29")
    assert done.code == 0, done.show
    assert json.loads(done.out)["id"] == created["id"]

    ((name, properties, types),) = road.rows(
        "SELECT display_name, properties, types FROM users WHERE uid = 'sam'"
    )
    assert name == "Sam"
    assert json.loads(properties) == {
        "plan": "paid", "seats": 5, "company": {"zip": "01234"}, "since": "2024-02-29"
    }  # fmt: skip
    assert json.loads(types)["seats"] == "int"
    assert json.loads(types)["since"] == "date"


def test_a_write_that_means_nobody_or_several_changes_nothing(road: Somewhere) -> None:
    before = everyone(road)
    mei = id_of(road, "mei")
    refused = {
        ("users", "update", "nobody", "-p", "a=b"): ExitCode.NOT_FOUND,
        ("users", "update", OFFICE, "-p", "a=b"): ExitCode.FAILED,
        ("users", "update", mei, "-p", "a=b"): ExitCode.FAILED,
        ("users", "update", "ada", "--uid", "eva"): ExitCode.FAILED,
        ("users", "delete", "nobody", "--yes"): ExitCode.NOT_FOUND,
        ("users", "delete", OFFICE, "--yes"): ExitCode.FAILED,
        ("users", "delete", mei, "--yes", "--all"): ExitCode.FAILED,
        ("events", "create", "x", "--user", OFFICE): ExitCode.FAILED,
        ("events", "create", "x", "--user", "nobody"): ExitCode.NOT_FOUND,
    }
    events = road.rows("SELECT count(*) FROM events")
    for line, code in refused.items():
        done = road(*line)
        assert (done.code, done.out) == (code, ""), f"{line}\n{done.show}"
    assert everyone(road) == before
    assert road.rows("SELECT count(*) FROM events") == events


def test_one_person_is_deleted_by_id_and_nobody_else(road: Somewhere, tmp_path: Path) -> None:
    receipt = tmp_path / "r.jsonl"
    mei = id_of(road, "mei")
    done = road("users", "delete", "--uid", mei, "--yes", "--receipt", str(receipt))
    assert done.code == 0, done.show
    assert json.loads(done.out)["display_name"] == "Tobias Klein"
    assert json.loads(done.out)["state"] == "accepted"
    assert "  name      Tobias Klein\n" in done.err
    assert being_deleted(road) == [mei]
    first, second = lines(receipt.read_text())
    assert (first["state"], second["state"]) == ("requested", "accepted")
    assert first["id"] == second["id"] == id_of(road, mei)
    assert second["answered"]["body"] == {}


def test_everyone_with_one_email_is_deleted_with_all(road: Somewhere) -> None:
    done = road("users", "delete", OFFICE.upper(), "--all", "--yes")
    assert done.code == 0, done.show
    assert [row["uid"] for row in lines(done.out)] == ["marco", "maria"]
    assert being_deleted(road) == ["marco", "maria"]
    again = road("users", "delete", OFFICE, "--all", "--yes")
    assert [row["state"] for row in lines(again.out)] == ["being_deleted"] * 2, again.show


def test_an_event_goes_to_the_one_owner_that_was_named(road: Somewhere) -> None:
    newest = "5517947882585495975:366916161176979767"
    typed = ("-p", "ticket=FH-1", "-p", "count:int=3")
    for owner in (
        ("--user", "ada"),
        ("--session", newest),
        ("--user", "grace@example.com", "--most-recent-session"),
        ("--anonymous",),
    ):
        done = road("events", "create", "Ticket", *owner, *typed, "--context-url", "https://x.test")
        assert done.code == 0, done.show
    stored = road.rows(
        "SELECT users.uid, session_seq IS NOT NULL, events.types, context FROM events"
        " JOIN users ON users.seq = user_seq WHERE name = 'Ticket' ORDER BY events.seq"
    )
    assert [row[:2] for row in stored] == [("ada", 0), ("ada", 1), ("grace", 1), (None, 0)]
    for _, _, types, context in stored:
        assert json.loads(types) == {"ticket": "str", "count": "int"}
        assert json.loads(context) == {"browser": {"url": "https://x.test"}}


# -- the rest, over HTTP


def test_the_newest_session_is_told_with_its_age_and_replay(http: Somewhere) -> None:
    done = http("users", "find", "ada", "--jq", ".newest_session")
    assert done.code == 0, done.show
    session = json.loads(done.out)
    assert session["id"] == "5517947882585495975:366916161176979767"
    assert session["url"].endswith("/session/5517947882585495975:366916161176979767")
    assert session["age"].endswith(" ago")
    assert "tried 'ada' as a uid, 'ada' as a name." in done.err
    before = len(http.sent)
    http("users", "find", "ada", "--no-sessions")
    assert len(http.sent) == before + 2


def test_somebody_whose_sessions_cannot_be_told_is_found_all_the_same(http: Somewhere) -> None:
    for number in (1, 2):  # without a uid, and with the same e-mail
        created = http("users", "create", "--email", "twin@example.com", "--name", f"T{number}")
        assert "makes a new anonymous person" in created.err
    done = http("users", "find", "twin@example.com")
    assert done.code == 0, done.show
    assert [row["newest_session"] for row in lines(done.out)] == [None, None]
    assert done.err.count("warning: the newest session of ") == 2


def test_nobody_is_told_with_the_reasons(http: Somewhere) -> None:
    done = http("users", "find", "zed@example.com")
    assert (done.code, done.out) == (3, ""), done.show
    for reason in ("never identified", "sampling", "indexing", "deleted", "spelled otherwise"):
        assert reason in done.err


def test_find_as_a_table_keeps_similar_people_apart(http: Somewhere) -> None:
    http("users", "create", "--uid", "lovelace", "--name", "Countess")
    done = http("users", "find", "lovelace", "-o", "table", "--no-sessions")
    assert done.code == 0, done.show
    head, first, second = done.out.splitlines()
    assert head.startswith("MATCH")
    assert first.startswith("exact")
    assert "Countess" in first
    assert second.startswith("similar")
    assert "Ada Lovelace" in second


def test_find_masks_people(http: Somewhere) -> None:
    done = http("users", "find", "ada@example.com", "--mask")
    assert done.code == 0, done.show
    for secret in ("ada@example.com", "Lovelace", '"ada"', "'ada"):
        assert secret not in done.out + done.err
    assert lines(done.out)[0]["match"] == "exact"


def test_wrong_values_are_refused_before_anybody_is_asked(http: Somewhere) -> None:
    for line in (
        ("users", "create", "--uid", "x" * 257),
        ("users", "create", "-p", "9lives=1"),
        ("users", "create", "-p", "a:int=x"),
        ("users", "create", "--properties", "{"),
        ("users", "create", "--properties", "@/no/such/file"),
        ("users", "update", "ada"),
        ("users", "update", "ada", "--name", ""),
        ("users", "update", "ada", "-p", "a=1", "--schema", "b=int"),
        ("users", "update", "x", "--by", "id", "-p", "a=1"),
        ("users", "delete", "ada", "--yes", "--wait-for", "soon"),
        ("users", "delete", "ada", "--yes", "--receipt", "/no/such/place/r"),
        ("users", "delete", "ada", "--yes", "--receipt", "/proc/r"),
        ("users", "delete", "ada", "--yes", "--receipt", "-"),
        ("users", "delete", "ada"),
        ("users", "delete", "ada", "--no-input"),
        ("users", "delete", "ada", "--yes", "--uid", "--email"),
        ("users", "get", ADA, "--id", "--uid"),
        ("sessions", "latest", ADA, "--email", "--user-id"),
        ("sessions", "latest", "ada", "--url", "--id"),
        ("sessions", "latest", "ada", "--open", "--url"),
        ("events", "create", "x"),
        ("events", "create", "x", "--user", "ada", "--anonymous"),
        ("events", "create", "x", "--session", "1:2", "--user", "ada"),
        ("events", "create", "x", "--session", "1:2", "--most-recent-session"),
        ("events", "create", "", "--user", "ada"),
        ("events", "create", "x", "--user", "ada", "--at", "soon"),
        ("events", "create", "x", "--user", "ada", "--context", '{"web": {}}'),
        ("events", "create", "x", "--user", "ada", "--context", "[]"),
    ):
        done = http(*line)
        assert (done.code, done.out) == (ExitCode.USAGE, ""), f"{line}\n{done.show}"
    assert http.sent == []


def test_properties_come_from_a_file_or_a_pipe(http: Somewhere, tmp_path: Path) -> None:
    import io

    file = tmp_path / "p.json"
    file.write_text('{"plan": "free", "seats": 3}')
    done = http("users", "create", "--uid", "sam", "--properties", f"@{file}", "-p", "plan=paid")
    assert json.loads(done.out)["properties"] == {"plan": "paid", "seats": 3}
    piped = io.BytesIO(b'{"deep": {"n": 1}}')
    done = http(
        "users", "update", "sam", "--properties", "-", "--schema", "deep.n=int", stdin=piped
    )
    assert json.loads(done.out)["schema"] == {"properties": {"deep.n": "int"}}, done.show


def test_a_uid_of_somebody_else_is_not_given_away(http: Somewhere) -> None:
    user_id = json.loads(http("users", "create", "--email", "new@example.com").out)["id"]
    taken = http("users", "update", user_id, "--by", "id", "--uid", "ada")
    assert (taken.code, taken.out) == (1, ""), taken.show
    assert f"is that of user {ADA}" in taken.err
    free = http("users", "update", user_id, "--by", "id", "--uid", "neu")
    assert free.code == 0, free.show
    assert id_of(http, "neu") == user_id


def test_a_dry_run_reads_and_sends_no_write(http: Somewhere, tmp_path: Path) -> None:
    before, receipt = everyone(http), tmp_path / "r"
    plans = [
        json.loads(http(*line, "--dry-run", "--via", "proxy").out)
        for line in (
            ("users", "create", "--uid", "sam"),
            ("users", "update", "ada", "-p", "a=b"),
            ("users", "delete", "ada", "--receipt", str(receipt)),
            ("events", "create", "x", "--user", "ada", "--at", "2026-01-01T00:00:00Z"),
        )
    ]
    assert [(plan["method"], plan["path"]) for plan in plans] == [
        ("POST", "/v2/users"),
        ("POST", f"/v2/users/{ADA}"),
        ("DELETE", f"/v2/users/{ADA}"),
        ("POST", "/v2/events"),
    ]
    assert plans[1]["body"] == {"properties": {"a": "b"}}
    assert plans[3]["body"]["user"] == {"id": ADA}
    several = http("users", "delete", OFFICE, "--all", "--dry-run")
    assert len(lines(several.out)) == 2
    assert everyone(http) == before
    assert not receipt.exists()


def test_a_dry_run_without_credentials_shows_the_canonical_request(http: Somewhere) -> None:
    env = {"MEMBRANE_TOKEN": ""}
    for line in (
        ("users", "delete", ADA, "--id"),
        ("users", "delete", "ada"),
        ("users", "update", "ada", "-p", "a=b"),
    ):
        done = http(*line, "--dry-run", env=env)
        assert done.code == 0, done.show
        plan = json.loads(done.out)
        assert plan["fitted"] is False
        assert plan["path"] == ("/v2/users/" + (ADA if "--id" in line else "ID"))
    assert http.sent == []


# -- deletion


def test_waiting_ends_when_fullstory_knows_the_person_no_more(
    http: Somewhere, tmp_path: Path
) -> None:
    receipt = tmp_path / "r.jsonl"
    done = http("users", "delete", "ada", "--yes", "--wait", "--receipt", str(receipt))
    assert done.code == 0, done.show
    assert json.loads(done.out)["state"] == "gone"
    assert [line["state"] for line in lines(receipt.read_text())] == [
        "requested", "accepted", "gone"
    ]  # fmt: skip
    assert http("users", "delete", "--id", ADA, "--yes").code == ExitCode.NOT_FOUND
    missing = http("users", "delete", "--id", ADA, "--yes", "--missing-ok")
    assert missing.code == 0, missing.show
    assert json.loads(missing.out) == {"who": ADA, "state": "missing"}


def test_waiting_too_short_is_5_and_running_it_again_asks_for_nothing_twice(
    http: Somewhere, tmp_path: Path
) -> None:
    receipt = tmp_path / "r.jsonl"
    line = ("users", "delete", "ada", "--yes", "--via", "proxy", "--wait-for", "2s")
    done = http(*line, "--receipt", str(receipt))
    assert done.code == ExitCode.UNAVAILABLE, done.show
    assert json.loads(done.out)["state"] == "being_deleted"
    assert lines(receipt.read_text())[-1]["state"] == "being_deleted"
    assert "--id " + ADA in done.err
    again = http(*line[:-2], "--wait")
    assert again.code == 0, again.show
    assert "is being deleted already; nothing was sent" in again.err
    assert len([line for line in http.sent if line.startswith("DELETE ")]) == 1


def test_an_email_that_is_another_ones_uid_is_not_deleted_with_all(http: Somewhere) -> None:
    line = ("users", "create", "--uid", OFFICE, "--email")
    assert http(*line, "other@example.com").code == 0
    done = http("users", "delete", OFFICE, "--all", "--yes")
    assert (done.code, done.out) == (1, ""), done.show
    assert "--all is only for people who share an e-mail" in done.err
    assert http(*line, OFFICE).code == 0  # now it is somebody's uid and e-mail
    done = http("users", "delete", OFFICE, "--all", "--yes")
    assert (done.code, done.out) == (1, ""), done.show
    assert being_deleted(http) == []
    explicit = http("users", "delete", "--email", OFFICE, "--all", "--yes")
    assert explicit.code == 0, explicit.show
    assert being_deleted(http) == ["marco", "maria", OFFICE]


def test_a_receipt_is_never_written_over(http: Somewhere, tmp_path: Path) -> None:
    receipt = tmp_path / "r.jsonl"
    receipt.write_text("mine")
    done = http("users", "delete", "ada", "--yes", "--receipt", str(receipt))
    assert (done.code, receipt.read_text()) == (2, "mine"), done.show
    assert being_deleted(http) == []


def test_a_receipt_says_that_nobody_was_found(http: Somewhere, tmp_path: Path) -> None:
    receipt = tmp_path / "r.jsonl"
    line = ("users", "delete", "zed@example.com", "--yes", "--receipt", str(receipt))
    assert http(*line).code == ExitCode.NOT_FOUND
    assert http(*line, "--missing-ok", "--dry-run").code == 0
    assert not receipt.exists()
    assert http(*line, "--missing-ok").code == 0
    [told] = lines(receipt.read_text())
    assert told["time"]
    assert told["connection"]
    assert (told["state"], told["id"], told["answered"]) == ("missing", None, None)
    assert told["asked"] == {
        "operation": "list-users", "who": "zed@example.com", "read_as": ["email", "uid"]
    }  # fmt: skip


def test_a_hostile_person_is_shown_harmless_before_being_deleted(http: Somewhere) -> None:
    done = http("users", "delete", "mallory", "--yes", under_ci=True)
    assert done.code == 0, done.show
    for poison in ("\x1b", "\x07", "\u202e", "\n::error"):
        assert poison not in done.err
    assert "  uid       mallory" in done.err


# -- reading


def test_properties_and_their_types_are_readable_in_a_table(http: Somewhere) -> None:
    line = ("users", "get", "ada", "otto", "--include-schema", "-o", "table")
    done = http(*line)
    assert done.code == 0, done.show
    head, ada, otto = done.out.splitlines()
    for title in ("PROPERTIES", "TYPES", "CONFLICTS"):
        assert title in head
    assert "plan=business seats=12 " in ada
    assert "company.address.zip=01537" in ada
    assert "seats=int" in ada
    assert otto.endswith('seats=["int","str"]')
    only = http("users", "get", "ada", "--fields", "uid,properties.plan", "-o", "table")
    assert only.out.split() == ["uid", "ada", "properties.plan", "business"]


def test_an_interrupted_wait_says_how_to_go_on(http: Somewhere) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    done = http("users", "delete", "ada", "--yes", "--wait", sleep=interrupted)
    assert (done.code, done.out) == (130, ""), done.show
    assert f" users delete --id {ADA} --wait --missing-ok --yes" in done.err
    assert being_deleted(http) == ["ada"]
