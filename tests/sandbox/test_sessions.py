from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.support.fullstory import Fullstory, seeded


@pytest.fixture(scope="module")
def fullstory() -> Fullstory:
    return seeded(people=60)


def _stream(fullstory: Fullstory, session: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = fullstory.ok("GET", f"/v2/sessions/{session}/events")["events"]
    return events


def test_sessions_are_listed_newest_first_with_epoch_seconds_as_text(fullstory: Fullstory) -> None:
    sessions = fullstory.ok("GET", "/sessions/v2", uid="ada")["sessions"]
    times = [int(session["createdTime"]) for session in sessions]
    assert len(times) == 5
    assert times == sorted(times, reverse=True)
    assert all(isinstance(session["createdTime"], str) for session in sessions)


def test_a_listed_session_has_the_older_form_of_replay_address(fullstory: Fullstory) -> None:
    (session,) = fullstory.ok("GET", "/sessions/v2", uid="ada", limit="1")["sessions"]
    assert set(session) == {"userId", "sessionId", "createdTime", "fsUrl"}
    assert session["fsUrl"] == (
        "https://www.fullstory.com/ui/SANDBOX-na1/discover/session/"
        f"{session['userId']}:{session['sessionId']}"
    )
    assert session["userId"].isdigit()
    assert session["sessionId"].isdigit()


def test_the_user_id_of_a_session_is_its_device(fullstory: Fullstory) -> None:
    sessions = fullstory.ok("GET", "/sessions/v2", uid="ada")["sessions"]
    ada = fullstory.ok("GET", "/v2/users", uid="ada")["results"][0]
    assert len({session["userId"] for session in sessions}) == 1
    assert sessions[0]["userId"] != ada["id"]


def test_uid_and_email_are_a_union(fullstory: Fullstory) -> None:
    def count(**query: str) -> int:
        return len(fullstory.ok("GET", "/sessions/v2", limit="100", **query)["sessions"])

    assert count(email="ADA@example.com") == count(uid="ada") == 5
    assert count(uid="ada", email="grace@example.com") == count(uid="grace") + 5
    assert count(uid="ada", email="ada@example.com") == 5
    assert count(uid="nobody") == 0


def test_a_list_of_sessions_needs_a_person(fullstory: Fullstory) -> None:
    assert fullstory.refused("GET", "/sessions/v2")[:2] == (400, "required_field")


def test_a_list_of_sessions_ends_at_20_unless_told_otherwise() -> None:
    fullstory = seeded()
    with fullstory.store.transaction() as db:
        db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)"
            " INSERT INTO sessions (user_seq, device_id, session_id, started, ended, scenario,"
            " seed, agent) SELECT user_seq, '1', i, started, ended, scenario, seed, agent"
            " FROM n, sessions WHERE uid = 'kiosk-17'"
        )
    assert len(fullstory.ok("GET", "/sessions/v2", uid="nils")["sessions"]) == 20
    assert len(fullstory.ok("GET", "/sessions/v2", uid="nils", limit="100")["sessions"]) == 32


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5", "९"])
def test_a_limit_has_to_be_a_positive_number(fullstory: Fullstory, limit: str) -> None:
    assert fullstory.refused("GET", "/sessions/v2", uid="ada", limit=limit)[0] == 400


def test_the_newer_list_answers_the_same_and_knows_session_uids(fullstory: Fullstory) -> None:
    older = fullstory.ok("GET", "/sessions/v2", uid="nils")
    assert fullstory.ok("GET", "/v2/sessions", uid="nils") == older
    by_own_id = fullstory.ok("GET", "/v2/sessions", session_uid="kiosk-17")["sessions"]
    assert by_own_id == older["sessions"][1:]
    both = fullstory.refused("GET", "/v2/sessions", session_uid="kiosk-17", uid="nils")
    assert both[0] == 400


def test_a_session_id_is_decoded_once(fullstory: Fullstory) -> None:
    session = fullstory.newest_session("ada")
    events = _stream(fullstory, session)
    assert _stream(fullstory, session.replace("%3A", ":")) == events
    twice = session.replace("%3A", "%253A")
    assert fullstory.refused("GET", f"/v2/sessions/{twice}/events")[0] == 400


@pytest.mark.parametrize(
    ("session", "status"), [("1:2", 404), ("12", 400), ("a:b", 400), ("1:2:3", 400), ("1%3A2", 404)]
)
def test_an_unknown_session_is_told_from_a_wrong_id(
    fullstory: Fullstory, session: str, status: int
) -> None:
    assert fullstory.refused("GET", f"/v2/sessions/{session}/events")[0] == status


def test_adas_newest_session_tells_of_trouble_at_the_checkout(fullstory: Fullstory) -> None:
    events = _stream(fullstory, fullstory.newest_session("ada"))
    kinds = [event["event_type"] for event in events]
    for kind in ("navigate", "click", "change", "highlight", "mouse-thrash", "custom"):
        assert kind in kinds
    trouble = ["network-error", "console-error", "error-click", "dead-click", "rage-click"]
    assert [kind for kind in kinds if kind in trouble] == trouble
    rage = events[kinds.index("rage-click")]
    assert rage["source_properties"]["url"]["path"] == "/checkout"
    assert rage["source_properties"]["url"]["query"]["plan"] == {"values": ["business"]}
    assert rage["event_properties"]["target"]["text"] == "Pay €49.50"
    server = next(event for event in events if event["source_type"] == "server")
    assert server["event_properties"]["event_name"] == "Payment Declined"


def test_every_stream_has_the_documented_shape_and_order(fullstory: Fullstory) -> None:
    with fullstory.store.connection() as db:
        ids = [
            (f"{row['device_id']}:{row['session_id']}", row["started"], row["ended"])
            for row in db.execute("SELECT * FROM sessions").fetchall()
        ]
    assert len(ids) > 50
    for session, _, _ in ids:
        events = _stream(fullstory, session)
        times = [event["event_time"] for event in events]
        assert times == sorted(times)
        assert events[0]["event_type"] == "navigate"
        for event in events:
            assert f"{event['device_id']}:{event['session_id']}" == session
            assert event["source_type"] in {"web", "ios", "android", "server"}
            if event["source_type"] != "server":
                assert set(event["source_properties"]) == {"user_agent", "url", "initial_referrer"}
                assert set(event["source_properties"]["url"]) == {
                    "full_url",
                    "host",
                    "path",
                    "query",
                }
                assert event["view_id"].isdigit()


def test_masked_fields_never_give_their_text_away(fullstory: Fullstory) -> None:
    for event in _stream(fullstory, fullstory.newest_session("ada")):
        target = event["event_properties"].get("target", {})
        assert not (target.get("masked") and target.get("text"))


def test_a_navigation_starts_a_new_view(fullstory: Fullstory) -> None:
    events = _stream(fullstory, fullstory.newest_session("ada"))
    for before, after in itertools.pairwise(
        event for event in events if event["source_type"] != "server"
    ):
        changed = before["view_id"] != after["view_id"]
        assert changed is (after["event_type"] == "navigate")


def test_reading_a_stream_twice_gives_the_same_stream(fullstory: Fullstory) -> None:
    session = fullstory.newest_session("ada")
    assert _stream(fullstory, session) == _stream(fullstory, session)


def test_the_future_is_not_told() -> None:
    fullstory = seeded()
    fullstory.clock.advance(-9.75 * 3600)  # 23:15 of the day before: ada is at the checkout
    events = _stream(fullstory, fullstory.newest_session("ada"))
    assert events
    assert events[-1]["event_time"] <= "2026-02-28T23:15:00.000Z"
    assert "back_forward" not in str(events)


def test_a_hostile_stream_is_given_as_it_was_captured(fullstory: Fullstory) -> None:
    text = str(_stream(fullstory, fullstory.newest_session("mallory")))
    for poison in ("\\x1b[2J", "::error", "##vso", "\\u202e", "=HYPERLINK"):
        assert poison in text


def test_a_summary_names_the_person_and_the_trouble(fullstory: Fullstory) -> None:
    session = fullstory.newest_session("ada")
    answer = fullstory.ok("GET", f"/v2/sessions/{session}/summary")
    assert "Ada Lovelace" in answer["summary"]
    assert "rage-click (1)" in answer["summary"]
    assert fullstory.ok("POST", f"/v2/sessions/{session}/summary", {}) == answer
    assert fullstory.ok("GET", f"/v2beta/sessions/{session}/summary") == answer


def test_a_summary_can_end_early(fullstory: Fullstory) -> None:
    session = fullstory.newest_session("ada")
    end = _stream(fullstory, session)[3]["event_time"]
    summary = fullstory.ok("GET", f"/v2/sessions/{session}/summary", end_timestamp=end)["summary"]
    assert "did 4 things" in summary
    assert "Signs of trouble: none" in summary


def _context(fullstory: Fullstory, body: dict[str, Any]) -> tuple[set[str], list[str]]:
    """The parts of the context, and the types of the events in it."""
    session = fullstory.newest_session("ada")
    data = fullstory.ok("POST", f"/v2/sessions/{session}/context", body)["context_data"]
    kinds = [event["event_type"] for page in data["pages"] for event in page["events"]]
    return set(data["context"]), kinds


def test_a_context_holds_everything_by_page(fullstory: Fullstory) -> None:
    session = fullstory.newest_session("ada")
    data = fullstory.ok("POST", f"/v2/sessions/{session}/context")["context_data"]
    assert set(data["context"]) == {"user", "org", "location", "device"}
    assert data["context"]["user"]["uid"] == "ada"
    assert data["context"]["device"]["browser"] == "Chrome"
    checkout = [page for page in data["pages"] if page["url"].count("/checkout")]
    assert checkout[0]["title"] == "Upgrade · Fernhill"
    assert sum(len(page["events"]) for page in data["pages"]) == len(_stream(fullstory, session))


def test_a_context_can_be_sliced_and_filtered(fullstory: Fullstory) -> None:
    events = _stream(fullstory, fullstory.newest_session("ada"))
    kinds = [event["event_type"] for event in events]
    first = {"slice": {"mode": "FIRST", "event_limit": 4}}
    last = {"slice": {"mode": "LAST", "event_limit": 4}}
    brief = {"slice": {"mode": "FIRST", "duration_limit_ms": 1}}
    window = {
        "slice": {
            "mode": "TIMESTAMP",
            "start_timestamp": events[5]["event_time"],
            "end_timestamp": events[8]["event_time"],
        }
    }
    assert _context(fullstory, first)[1] == kinds[:4]
    assert _context(fullstory, last)[1] == kinds[-4:]
    assert _context(fullstory, brief)[1] == kinds[:1]
    assert _context(fullstory, window)[1] == kinds[5:9]
    clicks = {"events": {"include_types": ["rage-click", "click"], "exclude_types": ["click"]}}
    assert _context(fullstory, clicks)[1] == ["rage-click"]
    parts = {"context": {"include": ["user", "org"], "exclude": ["user"]}}
    assert _context(fullstory, parts)[0] == {"org"}


@pytest.mark.parametrize(
    "body",
    [
        {"slice": {"mode": "MIDDLE"}},
        {"slice": {"event_limit": 0}},
        {"slice": {"event_limit": "4"}},
        {"slice": {"start_timestamp": "then"}},
        {"context": {"include": "user"}},
        {"events": {"include_types": [1]}},
        {"events": []},
    ],
)
def test_a_context_request_that_breaks_a_rule_is_refused(
    fullstory: Fullstory, body: dict[str, Any]
) -> None:
    session = fullstory.newest_session("ada")
    assert fullstory.refused("POST", f"/v2/sessions/{session}/context", body)[0] == 400


def test_digests_of_an_unknown_session_are_not_found(fullstory: Fullstory) -> None:
    assert fullstory.refused("GET", "/v2/sessions/1:2/summary")[0] == 404
    assert fullstory.refused("POST", "/v2/sessions/1:2/context", {})[0] == 404
