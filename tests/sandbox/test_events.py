from __future__ import annotations

from typing import Any

import pytest

from fsctl.sandbox.sessions import PAGES_MAX
from tests.support.fullstory import Fullstory, seeded


@pytest.fixture
def fullstory() -> Fullstory:
    return seeded(people=20)


def _total(fullstory: Fullstory, **query: str) -> int:
    return int(fullstory.ok("GET", "/v2/users", **query)["total_records"])


def _server_events(fullstory: Fullstory, session: str) -> list[dict[str, Any]]:
    events = fullstory.ok("GET", f"/v2/sessions/{session}/events")["events"]
    return [event for event in events if event["source_type"] == "server"]


def _stored(fullstory: Fullstory, name: str) -> list[tuple[str | None, int | None]]:
    """The uid and the session of the events of that name."""
    with fullstory.store.connection() as db:
        rows = db.execute(
            "SELECT uid, session_seq FROM events JOIN users ON users.seq = user_seq"
            " WHERE name = ? ORDER BY events.seq",
            (name,),
        ).fetchall()
    return [(row["uid"], row["session_seq"]) for row in rows]


def _send(fullstory: Fullstory, **event: Any) -> None:
    assert fullstory.ok("POST", "/v2/events", {"name": "Refund", **event}) == {}


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}])
def test_an_event_needs_a_name(fullstory: Fullstory, body: dict[str, Any]) -> None:
    error = fullstory.refused("POST", "/v2/events", body)
    assert error == (400, "invalid_argument", "events must have a non-empty name")


def test_an_event_for_a_session_stands_in_its_stream(fullstory: Fullstory) -> None:
    session = fullstory.newest_session("ada")
    before = len(_server_events(fullstory, session))
    _send(
        fullstory,
        session={"id": session.replace("%3A", ":")},
        timestamp="2026-02-28T23:10:00Z",
        properties={"amount": 4.5},
        context={"browser": {"url": "https://shop.example.com"}},
    )
    found = [
        event
        for event in _server_events(fullstory, session)
        if event["event_properties"]["event_name"] == "Refund"
    ]
    assert len(_server_events(fullstory, session)) == before + 1
    assert found[0]["event_time"] == "2026-02-28T23:10:00.000Z"
    assert found[0]["event_properties"]["properties"] == {"amount": 4.5}
    assert found[0]["source_properties"] == {"url": "https://shop.example.com"}


def test_an_event_for_a_user_alone_has_no_session(fullstory: Fullstory) -> None:
    _send(fullstory, user={"uid": "ada"})
    user_id = fullstory.ok("GET", "/v2/users", uid="ada")["results"][0]["id"]
    _send(fullstory, user={"id": user_id})
    assert _stored(fullstory, "Refund") == [("ada", None), ("ada", None)]


def test_an_unknown_uid_makes_an_identified_user(fullstory: Fullstory) -> None:
    _send(fullstory, user={"uid": "newcomer"})
    assert _total(fullstory, uid="newcomer") == 1


def test_an_event_of_nobody_makes_an_anonymous_user(fullstory: Fullstory) -> None:
    before = _total(fullstory, is_identified="false")
    _send(fullstory)
    _send(fullstory, user={}, session={})
    assert _total(fullstory, is_identified="false") == before + 2


def test_use_most_recent_takes_a_session_that_is_still_open(fullstory: Fullstory) -> None:
    _send(fullstory, user={"uid": "grace"}, session={"use_most_recent": True})
    session = fullstory.newest_session("grace")
    names = [
        event["event_properties"]["event_name"] for event in _server_events(fullstory, session)
    ]
    assert "Refund" in names


@pytest.mark.parametrize(("minutes", "stitched"), [(29, True), (31, False)])
def test_use_most_recent_looks_back_30_minutes(minutes: int, stitched: bool) -> None:
    fullstory = seeded(people=20)
    # ada's newest session ended 43 minutes before the midnight the seed counts from
    fullstory.clock.advance(-(9 * 60 + 43 - minutes) * 60.0)
    _send(fullstory, user={"uid": "ada"}, session={"use_most_recent": True})
    ((uid, session),) = _stored(fullstory, "Refund")
    assert uid == "ada"
    assert (session is not None) is stitched


def test_a_full_session_takes_no_more_events(fullstory: Fullstory) -> None:
    session = fullstory.newest_session("nils").replace("%3A", ":")
    error = fullstory.refused("POST", "/v2/events", {"name": "x", "session": {"id": session}})
    assert error[:2] == (400, "session_page_limit_exceeded")


def test_a_session_can_be_filled(fullstory: Fullstory) -> None:
    session = {"uid": "kiosk-17"}
    for _ in range(PAGES_MAX):
        _send(fullstory, session=session)
    error = fullstory.refused("POST", "/v2/events", {"name": "x", "session": session})
    assert error[:2] == (400, "session_page_limit_exceeded")


def test_use_most_recent_passes_full_sessions_over(fullstory: Fullstory) -> None:
    for _ in range(PAGES_MAX + 1):
        _send(fullstory, user={"uid": "grace"}, session={"use_most_recent": True})
    sessions = [session for _, session in _stored(fullstory, "Refund")]
    assert None not in sessions[:PAGES_MAX]
    assert sessions[PAGES_MAX] is None


@pytest.mark.parametrize(
    ("user", "session"),
    [
        ({"id": "1", "uid": "ada"}, {}),
        ({"uid": "ada"}, {"id": "1:2"}),
        ({"uid": "ada"}, {"uid": "kiosk-17"}),
        ({}, {"id": "1:2", "uid": "kiosk-17"}),
        ({}, {"use_most_recent": True}),
        ({"id": "1", "uid": "ada"}, {"use_most_recent": True}),
        ({}, {"id": "1:2", "use_most_recent": True}),
        ({"uid": "ada"}, {"use_most_recent": "yes"}),
        ({"uid": "x" * 257}, {}),
        ({"uid": 7}, {}),
        ("ada", {}),
        ({}, "1:2"),
    ],
)
def test_more_than_one_way_of_identifying_is_refused(
    fullstory: Fullstory, user: Any, session: Any
) -> None:
    body = {"name": "x", "user": user, "session": session}
    assert fullstory.refused("POST", "/v2/events", body)[:2] == (400, "invalid_argument")


@pytest.mark.parametrize(
    ("identity", "status"),
    [
        ({"session": {"id": "1:2"}}, 404),
        ({"session": {"id": "12"}}, 400),
        ({"session": {"uid": "nowhere"}}, 404),
        ({"user": {"id": "404"}}, 404),
    ],
)
def test_an_unknown_session_or_user_id_is_refused(
    fullstory: Fullstory, identity: dict[str, Any], status: int
) -> None:
    assert fullstory.refused("POST", "/v2/events", {"name": "x", **identity})[0] == status


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "x" * 251},
        {"name": 7},
        {"timestamp": "yesterday"},
        {"timestamp": 1_772_355_600},
        {"properties": {"1st": 1}},
        {"properties": {"items": [{"sku": 1}]}},
        {"context": "browser"},
        {"context": {"browser": {"url": 7}}},
        {"context": {"device": {"screen_width": 2**31}}},
        {"context": {"device": {"screen_width": True}}},
        {"context": {"location": {"latitude": "north"}}},
        {"schema": {"properties": {"a": "text"}}},
    ],
)
def test_an_event_that_breaks_a_rule_is_refused(
    fullstory: Fullstory, wrong: dict[str, Any]
) -> None:
    error = fullstory.refused("POST", "/v2/events", {"name": "x", **wrong})
    assert error[:2] == (400, "invalid_argument")


def test_event_properties_may_hold_hyphens_and_more_than_500(fullstory: Fullstory) -> None:
    _send(fullstory, properties={f"p-{number}": number for number in range(600)})


def test_an_event_without_a_timestamp_happens_now(fullstory: Fullstory) -> None:
    _send(fullstory, user={"uid": "grace"}, session={"use_most_recent": True})
    events = _server_events(fullstory, fullstory.newest_session("grace"))
    assert events[-1]["event_time"] == "2026-03-01T09:00:00.000Z"


def test_the_sessions_and_events_of_a_deleted_user_go_with_the_user(fullstory: Fullstory) -> None:
    session = fullstory.newest_session("grace")
    _send(fullstory, user={"uid": "grace"}, session={"use_most_recent": True})
    fullstory.ok("DELETE", "/v2/users", uid="grace")
    fullstory.ok("GET", f"/v2/sessions/{session}/events")
    fullstory.clock.advance(6)
    assert fullstory.refused("GET", f"/v2/sessions/{session}/events")[0] == 404
    assert fullstory.ok("GET", "/sessions/v2", uid="grace") == {"sessions": []}
    assert _stored(fullstory, "Refund") == []
