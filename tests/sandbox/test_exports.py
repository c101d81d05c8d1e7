"""Exports of segments in the sandbox: operations, results, signed addresses, and real content."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fsctl.membrane.gateway import GatewayError, Request, Response
from fsctl.sandbox.clock import iso
from fsctl.sandbox.signed import Storage, serve
from tests.support.fullstory import NOW, Fullstory, seeded

OPEN = {"start": "", "end": ""}
DAY = 86_400.0


@pytest.fixture
def fullstory() -> Fullstory:
    return seeded(people=80)


def wanted(segment: str = "everyone", **more: Any) -> dict[str, Any]:
    return {
        "segmentId": segment,
        "type": "TYPE_INDIVIDUAL",
        "format": "FORMAT_NDJSON",
        "timeRange": OPEN,
        **({"segmentTimeRange": OPEN} if segment == "everyone" else {}),
        **more,
    }


def begun(fullstory: Fullstory, body: Mapping[str, Any]) -> str:
    told = fullstory.ok("POST", "/segments/v1/exports", body)
    assert set(told) == {"operationId"}
    return str(told["operationId"])


def location(fullstory: Fullstory, body: Mapping[str, Any]) -> str:
    """The signed address of the finished export."""
    operation = begun(fullstory, body)
    fullstory.clock.advance(60)
    done = fullstory.ok("GET", f"/operations/v1/{operation}")
    assert done["state"] == "COMPLETED", done
    export_id = done["results"]["searchExportId"]
    return str(fullstory.ok("GET", f"/search/v1/exports/{export_id}/results")["location"])


def fetched(fullstory: Fullstory, address: str, *headers: tuple[str, str]) -> Response:
    parts = urlsplit(address)
    query = tuple(parse_qsl(parts.query))
    return serve(fullstory.store, Request("GET", parts.path, query, headers))


def exported(fullstory: Fullstory, segment: str = "everyone", **more: Any) -> bytes:
    answer = fetched(fullstory, location(fullstory, wanted(segment, **more)))
    assert answer.status == 200
    return gzip.decompress(answer.body)


def rows(fullstory: Fullstory, segment: str = "everyone", **more: Any) -> list[Any]:
    return [json.loads(line) for line in exported(fullstory, segment, **more).splitlines()]


# -- operations


def test_an_export_takes_its_time_and_tells_how_far_it_is(fullstory: Fullstory) -> None:
    path = f"/operations/v1/{begun(fullstory, wanted())}"
    told = fullstory.ok("GET", path)
    assert (told["type"], told["state"], told["estimatePctComplete"]) == (
        "SEARCH_EXPORT",
        "PENDING",
        0,
    )
    assert "results" not in told and told["finishedAt"] == ""
    fullstory.clock.advance(0.8)
    half = fullstory.ok("GET", path)
    assert half["state"] == "PENDING" and 20 < half["estimatePctComplete"] < 90
    fullstory.clock.advance(1)
    done = fullstory.ok("GET", path)
    assert (done["state"], done["estimatePctComplete"]) == ("COMPLETED", 100)
    assert set(done["results"]) == {"searchExportId", "expires"}
    assert done["finishedAt"] < done["results"]["expires"]


def test_operations_are_listed_the_newest_first(fullstory: Fullstory) -> None:
    made = [begun(fullstory, wanted()), begun(fullstory, wanted("kX2pQ9"))]
    listed = fullstory.ok("GET", "/operations/v1", type="SEARCH_EXPORT")["operations"]
    assert [one["id"] for one in listed] == made[::-1]
    assert fullstory.ok("GET", "/operations/v1", type="OTHER") == {"operations": []}
    assert fullstory.refused("GET", "/operations/v1/none")[0] == 404


def test_an_export_of_a_field_that_does_not_exist_fails(fullstory: Fullstory) -> None:
    path = f"/operations/v1/{begun(fullstory, wanted(fields=['IndividualId', 'Shoe']))}"
    assert fullstory.ok("GET", path)["state"] == "PENDING"
    fullstory.clock.advance(60)
    done = fullstory.ok("GET", path)
    assert (done["state"], done["errorDetails"]) == ("FAILED", "there is no field Shoe")
    assert "results" not in done


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"segmentId": ""}, 400),
        ({"segmentId": "nothing"}, 404),
        ({"type": None}, 400),
        ({"type": "individuals"}, 400),
        ({"format": "csv"}, 400),
        ({"timeRange": None}, 400),
        ({"timeRange": {"start": "yesterday", "end": ""}}, 400),
        ({"timeRange": {"start": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}}, 400),
        ({"segmentTimeRange": []}, 400),
        ({"fields": "IndividualId"}, 400),
        ({"eventDetails": {"scope": "ALL"}}, 400),
    ],
)
def test_what_is_asked_for_wrongly_is_refused(
    fullstory: Fullstory, change: dict[str, Any], status: int
) -> None:
    assert fullstory.refused("POST", "/segments/v1/exports", wanted() | change)[0] == status
    assert fullstory.ok("GET", "/operations/v1") == {"operations": []}


# -- signed addresses


def test_results_are_an_address_that_is_good_for_a_while(fullstory: Fullstory) -> None:
    operation = begun(fullstory, wanted())
    fullstory.clock.advance(60)
    export_id = fullstory.ok("GET", f"/operations/v1/{operation}")["results"]["searchExportId"]
    path = f"/search/v1/exports/{export_id}/results"
    first = fullstory.ok("GET", path)
    assert set(first) == {"location", "expires"}
    assert first["expires"] == iso(int(NOW + 60 + 15 * 60))
    assert fetched(fullstory, first["location"]).status == 200
    fullstory.clock.advance(15 * 60 + 1)
    assert fetched(fullstory, first["location"]).status == 403
    assert fetched(fullstory, fullstory.ok("GET", path)["location"]).status == 200
    fullstory.clock.advance(DAY)
    assert fullstory.refused("GET", path)[0] == 404
    assert fetched(fullstory, first["location"]).status == 404


def test_an_address_without_its_own_signature_opens_nothing(fullstory: Fullstory) -> None:
    address = location(fullstory, wanted())
    other = location(fullstory, wanted("kX2pQ9"))
    path, _, query = address.partition("?")
    assert fetched(fullstory, path).status == 403
    assert fetched(fullstory, f"{path}?{other.partition('?')[2]}").status == 403
    assert fetched(fullstory, address.replace("Expires=1", "Expires=9")).status == 403
    assert fetched(fullstory, f"{path.replace('.ndjson', '.csv')}?{query}").status == 403
    assert fetched(fullstory, f"{address}&Signature=\u00e4").status == 403
    assert fetched(fullstory, address).status == 200


def test_the_storage_lets_in_nobody_who_shows_credentials_besides(fullstory: Fullstory) -> None:
    address = location(fullstory, wanted())
    for name in ("Authorization", "Cookie"):
        assert fetched(fullstory, address, (name, "x")).status == 400


def test_an_export_that_is_not_made_yet_has_no_results(fullstory: Fullstory) -> None:
    begun(fullstory, wanted())
    with fullstory.store.connection() as db:
        [(export_id,)] = db.execute("SELECT export_id FROM exports").fetchall()
    assert fullstory.refused("GET", f"/search/v1/exports/{export_id}/results")[0] == 404


def test_the_storage_of_this_process_gives_the_same(fullstory: Fullstory) -> None:
    address = location(fullstory, wanted())
    storage = Storage(fullstory.store)
    assert b"".join(storage.pieces(address)) == fetched(fullstory, address).body
    with pytest.raises(GatewayError) as caught:
        list(storage.pieces(address.partition("?")[0]))
    assert caught.value.status == 403


# -- content


def test_individuals_are_the_people_of_the_segment_with_their_properties(
    fullstory: Fullstory,
) -> None:
    everyone = rows(fullstory)
    ada = next(row for row in everyone if row["UserAppKey"] == "ada")
    person = fullstory.ok("GET", "/v2/users", uid="ada")["results"][0]
    assert ada["IndividualId"] == person["id"]
    assert ada["UserEmail"] == "ada@example.com"
    assert ada["NumSessions"] == 5
    assert ada["user_plan_str"] == person["properties"]["plan"]
    assert len({row["IndividualId"] for row in everyone}) == len(everyone) > 40


def test_each_segment_has_the_people_whom_its_name_promises(fullstory: Fullstory) -> None:
    everyone = {row["IndividualId"] for row in rows(fullstory)}
    paying = rows(fullstory, "kX2pQ9")
    assert {row["user_plan_str"] for row in paying} == {"team", "business"}
    raging = rows(fullstory, "7fTz01")
    clicks = rows(fullstory, "7fTz01", type="TYPE_EVENT")
    of_rage = {row["IndividualId"] for row in clicks if row["EventType"] == "rage-click"}
    assert of_rage == {row["IndividualId"] for row in raging} != set()
    mobile = rows(fullstory, "Zq8vLp", type="TYPE_EVENT")
    assert {row.get("PageDevice") for row in mobile} >= {"Phone"}
    for segment in ("kX2pQ9", "7fTz01", "mm4RrW", "Zq8vLp"):
        assert {row["IndividualId"] for row in rows(fullstory, segment)} < everyone


def test_who_never_did_anything_and_who_is_being_deleted_is_in_no_segment(
    fullstory: Fullstory,
) -> None:
    quiet = fullstory.user(uid="quiet")
    busy = fullstory.user(uid="busy")
    fullstory.ok("POST", "/v2/events", {"name": "Came", "user": {"uid": "busy"}})
    gone = fullstory.ok("GET", "/v2/users", uid="ada")["results"][0]["id"]
    fullstory.ok("DELETE", f"/v2/users/{gone}")
    found = {row["IndividualId"] for row in rows(fullstory)}
    assert busy in found
    assert not {quiet, gone} & found


def test_events_are_those_of_the_sessions_and_of_servers(fullstory: Fullstory) -> None:
    session = fullstory.newest_session("ada")
    listed = fullstory.ok("GET", f"/v2/sessions/{session}/events")["events"]
    device, _, session_id = session.partition("%3A")
    mine = [
        row
        for row in rows(fullstory, type="TYPE_EVENT")
        if (row.get("UserId"), row.get("SessionId")) == (device, session_id)
    ]
    assert sorted(row["EventStart"] for row in mine) == sorted(
        event["event_time"] for event in listed
    )
    declined = next(row for row in mine if row.get("EventCustomName") == "Payment Declined")
    assert declined["evt_amount_real"] == 49.5
    assert declined["UserEmail"] == "ada@example.com"


def test_an_event_outside_of_sessions_is_exported_too(fullstory: Fullstory) -> None:
    moment = "2026-02-20T10:00:00Z"
    body = {"name": "Refund", "user": {"uid": "new"}, "timestamp": moment, "properties": {"n": 1}}
    fullstory.ok("POST", "/v2/events", body)
    [row] = [r for r in rows(fullstory, type="TYPE_EVENT") if r.get("UserAppKey") == "new"]
    assert row["EventStart"] == "2026-02-20T10:00:00.000Z"
    assert (row["EventCustomName"], row["evt_n_real"]) == ("Refund", 1)
    assert "SessionId" not in row


def test_a_time_range_cuts_events_and_people(fullstory: Fullstory) -> None:
    since, until = iso(NOW - 3 * DAY), iso(NOW - DAY)
    cut: Any = {"timeRange": {"start": since, "end": until}}
    times = [row["EventStart"] for row in rows(fullstory, type="TYPE_EVENT", **cut)]
    assert times and since <= min(times) <= max(times) <= until
    people = rows(fullstory, **cut)
    assert 0 < len(people) < len(rows(fullstory))
    assert all(since <= row["FirstSeen"] <= row["LastSeen"] <= until for row in people)


def test_the_built_in_segment_is_of_the_last_30_days_unless_overridden(
    fullstory: Fullstory,
) -> None:
    body = {"name": "Long ago", "user": {"uid": "old"}, "timestamp": "2024-01-01T00:00:00Z"}
    fullstory.ok("POST", "/v2/events", body)
    recent = rows(fullstory, segmentTimeRange=None)
    assert "old" not in {row.get("UserAppKey") for row in recent}
    assert "old" in {row.get("UserAppKey") for row in rows(fullstory)}


def test_the_three_formats_hold_the_same(fullstory: Fullstory) -> None:
    lines = rows(fullstory)
    assert json.loads(exported(fullstory, format="FORMAT_JSON")) == lines
    table = list(csv.DictReader(io.StringIO(exported(fullstory, format="FORMAT_CSV").decode())))
    assert [row["IndividualId"] for row in table] == [row["IndividualId"] for row in lines]
    ada = next(row for row in table if row["UserAppKey"] == "ada")
    assert ada["user_newsletter_bool"] in ("true", "false")
    assert json.loads(ada["user_features_strs"])
    names = ["UserEmail", "IndividualId"]
    some = exported(fullstory, format="FORMAT_CSV", fields=names).decode()
    assert some.splitlines()[0] == "UserEmail,IndividualId"
    assert set(rows(fullstory, fields=names)[0]) == set(names)


def test_an_export_of_nobody_is_an_empty_one(fullstory: Fullstory) -> None:
    never: Any = {"timeRange": {"start": "1980-01-01T00:00:00Z", "end": "1980-01-02T00:00:00Z"}}
    assert exported(fullstory, **never) == b""
    assert json.loads(exported(fullstory, format="FORMAT_JSON", **never)) == []
    assert exported(fullstory, format="FORMAT_CSV", **never).count(b"\n") == 1
