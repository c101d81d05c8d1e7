"""A person's sessions and nobody else's, as many as the window holds; and what one holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import NeedsPerson, NotFound, Refused, Unavailable, Usage
from fsctl.fullstory.ids import SessionId
from fsctl.fullstory.repeats import Policy
from fsctl.fullstory.session_lists import STEPS, moment_of
from fsctl.fullstory.sessions import (
    Listing,
    age_of,
    events,
    newest,
    newest_of,
    picked,
    resolve,
    sessions_of,
    summary,
    summary_call,
)
from fsctl.membrane.gateway import Origin, Response, Trouble
from tests.support.scripted_gateway import Bench, bench, failure, respond

ADA = {"id": "7", "uid": "ada", "email": "ada@example.com"}
BOB = {"id": "8", "uid": "bob", "email": "office@example.com"}
EVE = {"id": "9", "uid": "eve", "email": "office@example.com"}
NO_UID = {"id": "10", "uid": "", "email": "office@example.com"}
NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
APP = "https://app.fullstory.com/ui/O/session"
EPOCH = int(NOON.timestamp())


def session(number: int, hours_ago: float = 0, **more: Any) -> dict[str, Any]:
    """A row of the list: session ``number`` of device 1."""
    return {
        "userId": "1",
        "sessionId": str(number),
        "createdTime": str(int(EPOCH - hours_ago * 3600)),
        "fsUrl": f"https://www.fullstory.com/ui/O/discover/session/1:{number}",
        **more,
    }


def hourly(count: int) -> list[dict[str, Any]]:
    """The newest ``count`` sessions of someone who comes every hour."""
    return [session(number, number) for number in range(count)]


def answered(*bodies: Any) -> Bench:
    """A bench whose proxy answers these: rows of sessions, whole documents, or statuses."""

    def step(body: Any) -> Any:
        if isinstance(body, int):
            return respond(body, json.dumps({"message": "no", "code": "word"}).encode())
        if isinstance(body, list):
            body = {"sessions": body}
        return body if not isinstance(body, Mapping) else respond(200, json.dumps(body).encode())

    return bench(*map(step, bodies), policy=Policy("proxy", retries=0))


def people(*them: Mapping[str, Any]) -> dict[str, Any]:
    return {"results": list(them), "total_records": str(len(them))}


def asked(made: Bench) -> list[dict[str, str]]:
    return [dict(sent.request.query) for sent in made.gateway.sent]


def limits(made: Bench) -> list[int]:
    return [int(query["limit"]) for query in asked(made)]


def numbers(listing: Listing) -> list[int]:
    return [int(one.id.session) for one in listing.sessions]


# -- whose sessions they are


def test_a_person_is_asked_for_by_uid_and_never_by_email_too() -> None:
    made = answered([session(1)])
    [found] = sessions_of(made.caller, ADA).sessions
    assert asked(made) == [{"uid": "ada", "limit": "100"}]
    assert made.gateway.sent[0].request.path == "/sessions/v2"
    assert found.id == SessionId("1", "1")
    assert found.created == NOON
    assert found.url == "https://www.fullstory.com/ui/O/discover/session/1:1"
    assert found.raw == session(1)


def test_without_a_uid_the_email_is_asked_for_where_nobody_else_has_it() -> None:
    made = answered(people(NO_UID), [session(1)])
    assert numbers(sessions_of(made.caller, NO_UID)) == [1]
    assert asked(made) == [
        {"email": "office@example.com"}, {"email": "office@example.com", "limit": "100"}
    ]  # fmt: skip


def test_an_email_that_others_claim_is_never_asked_for_sessions() -> None:
    made = answered(people(NO_UID, BOB, EVE))
    with pytest.raises(Refused, match="the e-mail is that of 3 people") as refused:
        sessions_of(made.caller, NO_UID)
    assert refused.value.code == "ambiguous"
    assert made.sends == 1


def test_someone_anonymous_has_no_list_of_sessions() -> None:
    made = answered()
    with pytest.raises(Refused, match="neither a uid nor an e-mail") as refused:
        sessions_of(made.caller, {"id": "11"})
    assert (refused.value.code, made.sends) == ("anonymous", 0)


# -- how many are asked for


def test_they_come_newest_first_whatever_order_the_service_has() -> None:
    rows = [session(3, 5), session(1, 1), session(9, 100, createdTime=None), session(2, 2)]
    assert numbers(sessions_of(answered(rows).caller, ADA)) == [1, 2, 3, 9]


def test_more_and_more_are_asked_for_until_they_are_all() -> None:
    made = answered(hourly(100), hourly(1000), hourly(1234))
    listing = sessions_of(made.caller, ADA)
    assert limits(made) == list(STEPS)
    assert (numbers(listing), listing.complete) == (list(range(1234)), True)


def test_a_list_that_reaches_back_to_since_is_enough() -> None:
    made = answered(hourly(100))
    listing = sessions_of(made.caller, ADA, since=NOON - timedelta(hours=3))
    assert limits(made) == [100]
    assert (numbers(listing), listing.complete) == ([0, 1, 2, 3], True)


def test_a_window_far_back_is_reached_by_asking_for_more() -> None:
    made = answered(hourly(100), hourly(1000))
    since, until = NOON - timedelta(hours=450), NOON - timedelta(hours=448)
    listing = sessions_of(made.caller, ADA, since=since, until=until)
    assert limits(made) == [100, 1000]
    assert (numbers(listing), listing.complete) == ([448, 449, 450], True)


def test_with_a_limit_no_more_than_that_is_asked_for() -> None:
    made = answered(hourly(30))
    assert numbers(sessions_of(made.caller, ADA, limit=30)) == list(range(30))
    assert limits(made) == [30]


def test_a_limit_counts_sessions_in_the_window() -> None:
    made = answered(hourly(20), hourly(100))
    listing = sessions_of(made.caller, ADA, limit=2, until=NOON - timedelta(hours=50))
    assert limits(made) == [20, 100]
    assert (numbers(listing), listing.complete) == ([50, 51], True)


def test_the_newest_is_picked_from_a_list_because_no_order_is_promised() -> None:
    made = answered([session(2, 9), session(1, 3)])
    found = newest(made.caller, ADA)
    assert found is not None
    assert (found.id.session, limits(made)) == ("1", [20])
    assert newest(answered([]).caller, ADA) is None


@pytest.mark.parametrize("count", [20, 50, 100, 500])
def test_a_round_number_of_sessions_may_be_a_limit_of_the_service(count: int) -> None:
    made = answered(*([hourly(100)] if count >= 100 else []), hourly(count))
    listing = sessions_of(made.caller, ADA)
    assert (len(listing.sessions), listing.complete) == (count, False)


@pytest.mark.parametrize("count", [0, 1, 19, 21, 99])
def test_fewer_than_asked_for_are_all(count: int) -> None:
    listing = sessions_of(answered(hourly(count)).caller, ADA)
    assert (len(listing.sessions), listing.complete) == (count, True)


@pytest.mark.parametrize("count", [150, 350, 999])
def test_a_count_that_no_service_has_for_a_limit_is_all_there_is(count: int) -> None:
    made = answered(hourly(100), hourly(count))
    listing = sessions_of(made.caller, ADA)
    assert (len(listing.sessions), listing.complete) == (count, True)
    assert limits(made) == [100, 1000]


def test_a_service_that_refuses_to_give_more_is_told_of_and_what_it_gave_is_kept() -> None:
    made = answered(hourly(100), 400)
    listing = sessions_of(made.caller, ADA)
    assert limits(made) == [100, 1000]
    assert (len(listing.sessions), listing.complete) == (100, False)


def test_a_first_question_that_is_refused_is_a_failure() -> None:
    with pytest.raises(Refused):
        sessions_of(answered(400).caller, ADA)


def test_ten_thousand_are_the_most_that_is_asked_for() -> None:
    rows = hourly(10_000)
    made = answered(rows[:100], rows[:1000], rows)
    assert sessions_of(made.caller, ADA).complete is False
    made = answered(hourly(20_000))
    assert sessions_of(made.caller, ADA, limit=20_000).complete
    assert limits(made) == [20_000]


@pytest.mark.parametrize("name", ["pagination_token", "paginationToken"])
def test_pages_are_followed_should_there_be_any(name: str) -> None:
    rows = hourly(150)
    made = answered({"sessions": rows[:100], name: "t1"}, {"sessions": rows[100:]})
    listing = sessions_of(made.caller, ADA)
    assert asked(made)[1] == {"uid": "ada", "limit": "100", "pagination_token": "t1"}
    assert (numbers(listing), listing.complete) == (list(range(150)), True)


def test_pages_are_followed_no_further_than_the_window() -> None:
    made = answered({"sessions": hourly(60), "pagination_token": "t1"})
    listing = sessions_of(made.caller, ADA, since=NOON - timedelta(hours=5))
    assert (len(listing.sessions), listing.complete, made.sends) == (6, True, 1)


def test_a_repeated_page_token_ends_the_list_and_is_told_of() -> None:
    page = {"sessions": hourly(30), "pagination_token": "again"}
    made = answered(page, page)
    assert sessions_of(made.caller, ADA).complete is False
    assert made.sends == 2


@given(
    st.lists(st.integers(0, 200), max_size=40, unique=True),
    st.one_of(st.none(), st.integers(0, 200)),
    st.one_of(st.none(), st.integers(0, 200)),
    st.one_of(st.none(), st.integers(1, 40)),
)
def test_a_window_holds_what_began_in_it_newest_first(
    hours: list[int], since: int | None, until: int | None, limit: int | None
) -> None:
    """Against a service that has all of them and gives the newest ``limit``, in any order."""
    kept = sorted(hours)

    def gives(limit: int) -> list[dict[str, Any]]:
        return [session(hour, hour) for hour in reversed(kept[:limit])]

    first = max(limit or STEPS[0], 20)
    made = answered(*(gives(step) for step in (first, *STEPS) if step == first or step > first))
    listing = sessions_of(
        made.caller,
        ADA,
        limit=limit,
        since=None if since is None else NOON - timedelta(hours=since),
        until=None if until is None else NOON - timedelta(hours=until),
    )
    fitting = [h for h in kept if (since is None or h <= since) and (until is None or h >= until)]
    assert numbers(listing) == fitting[:limit]


# -- what the rows hold


@pytest.mark.parametrize(
    "told",
    [
        str(EPOCH), EPOCH, float(EPOCH), str(EPOCH * 1000), f"{EPOCH}.000", "2024-06-01T12:00:00Z",
        "2024-06-01T14:00:00+02:00", "2024-06-01T12:00:00.000000000Z", "2024-06-01T12:00:00",
    ],
)  # fmt: skip
def test_a_time_is_read_as_epoch_or_iso(told: Any) -> None:
    assert moment_of(told) == NOON


@pytest.mark.parametrize("told", [None, "", "soon", [], {}, True, "9" * 15, -1e300, "1e5"])
def test_what_is_no_time_is_none(told: Any) -> None:
    assert moment_of(told) is None


def test_rows_may_be_spelled_as_the_document_has_them() -> None:
    row = {"user_id": 1, "session_id": 2, "created_time": EPOCH, "fs_url": f"{APP}/a"}
    [found] = sessions_of(answered([row]).caller, ADA).sessions
    assert found == (SessionId("1", "2"), NOON, f"{APP}/a", row, "")


@pytest.mark.parametrize(
    "url",
    [None, "", 7, "javascript:alert(1)", f"{APP}/\n::error::", f"{APP}/ü", "https://x.test/a"],
)
def test_an_address_that_could_do_harm_is_none(url: Any) -> None:
    [found] = sessions_of(answered([session(1, fsUrl=url)]).caller, ADA).sessions
    assert found.url is None


@pytest.mark.parametrize(
    "body",
    [
        {"items": []}, {"sessions": None, "x": 1}, {"sessions": {}}, {"sessions": ["1:2"]},
        {"sessions": [{"userId": "1"}]}, {"sessions": [{"userId": "a", "sessionId": "b"}]},
        {"message": "hello"},
    ],
)  # fmt: skip
def test_an_odd_answer_is_never_an_empty_list(body: Any) -> None:
    with pytest.raises(Unavailable, match="The answer"):
        sessions_of(answered(body).caller, ADA)


@pytest.mark.parametrize(
    "odd",
    [
        "1:2",
        {"userId": "1"},
        {"userId": "a", "sessionId": "b"},
        {"userId": "9" * 30, "sessionId": "1"},
    ],
)
def test_a_row_that_names_no_session_is_left_out_and_said(odd: Any) -> None:
    said: list[str] = []
    made = answered([session(1), odd, session(2, 1)])
    made.caller.warn = said.append
    listing = sessions_of(made.caller, ADA)
    assert (numbers(listing), listing.complete) == ([1, 2], True)
    [told] = said
    assert "a row that names no session; it is left out" in told


def test_rows_that_are_left_out_count_for_whether_these_are_all() -> None:
    made = answered([*hourly(99), {}], [*hourly(99), {}])
    assert sessions_of(made.caller, ADA).complete is False
    assert limits(made) == [100, 1000]


def test_an_empty_object_is_an_empty_list() -> None:
    assert sessions_of(answered({}).caller, ADA) == ([], True)


# -- which session is meant


def unheard(_note: str) -> None:
    """What is said on the way goes nowhere."""


def test_a_reference_is_taken_at_its_word_and_nobody_is_asked() -> None:
    made, notes = answered(), list[str]()
    assert resolve(made.caller, "<1%3A2>", note=notes.append) == SessionId("1", "2")
    assert (made.sends, notes) == (0, [])


def test_a_person_means_the_newest_session_and_that_is_said() -> None:
    made, notes = answered(people(ADA), [session(1, 3), session(2, 1)]), list[str]()
    assert resolve(made.caller, "ada", note=notes.append) == SessionId("1", "2")
    assert notes == [f"The newest session of 'ada' is 1:2, begun {_age(made)} ago."]


def _age(made: Bench) -> str:
    return age_of(NOON - timedelta(hours=1), made.caller.clock.time())


def test_a_reading_makes_a_person_of_what_looks_like_a_session() -> None:
    made = answered(people({"id": "7", "uid": "1:2"}), [session(5)])
    assert resolve(made.caller, "1:2", reading="uid", note=unheard) == SessionId("1", "5")
    assert asked(made)[0] == {"uid": "1:2"}


def test_several_people_are_not_guessed_among() -> None:
    made = answered(people(BOB, EVE), people())
    with pytest.raises(Refused, match="means 2 people: 8, 9") as refused:
        newest_of(made.caller, "office@example.com", note=unheard)
    assert refused.value.code == "ambiguous"
    assert made.sends == 2


def test_a_uid_that_is_another_persons_id_means_both() -> None:
    made = answered(ADA, people({"id": "8", "uid": "7"}))
    with pytest.raises(Refused, match="'7' means 2 people: 7, 8"):
        resolve(made.caller, "7", note=unheard)


def test_half_a_session_id_that_means_nobody_is_refused_with_advice() -> None:
    made = answered(404, people())
    with pytest.raises(NotFound) as missing:
        resolve(made.caller, "3829143070270885557", note=unheard)
    assert missing.value.hint is not None
    assert "DEVICE_ID:SESSION_ID" in missing.value.hint


def test_a_person_without_a_session_is_told_apart_from_nobody() -> None:
    with pytest.raises(NotFound) as missing:
        resolve(answered(people(ADA), []).caller, "ada", note=unheard)
    assert missing.value.code == "no_sessions"
    with pytest.raises(NotFound) as missing:
        resolve(answered(people()).caller, "ada", note=unheard)
    assert missing.value.code == "user_not_found"


def test_a_broken_reference_is_no_person() -> None:
    made = answered()
    with pytest.raises(Usage):
        resolve(made.caller, "https://app.fullstory.com/ui/ORG/session/987", note=unheard)
    assert made.sends == 0


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(-5, "0 s"), (0, "0 s"), (89, "89 s"), (90, "1 min"), (5399, "89 min"), (5400, "1 h"),
     (172_799, "47 h"), (172_800, "2 d"), (40_000_000, "462 d")],
)  # fmt: skip
def test_an_age_is_told_in_one_unit(seconds: int, age: str) -> None:
    assert age_of(NOON, EPOCH + seconds) == age


# -- the events of one

ONE = SessionId("1", "2")
DENIED = failure(
    Trouble.FORBIDDEN, origin=Origin.MEMBRANE, status=403, code="bad_request.access_denied"
)


def event(kind: str, minute: int = 0, url: Any = "https://shop.example/cart?x=1") -> dict[str, Any]:
    return {
        "event_type": kind,
        "event_time": f"2024-06-01T12:{minute:02}:00.000Z",
        "source_properties": {"url": {"full_url": url}},
    }


def test_events_are_the_apis_own_rows_and_the_id_is_encoded_once() -> None:
    rows = [event("click"), {"something": "new"}]
    made = answered({"events": rows})
    assert events(made.caller, ONE) == rows
    assert made.gateway.sent[0].request.path == "/v2/sessions/1%3A2/events"


def test_a_session_without_events_is_empty_and_an_action_may_give_the_bare_list() -> None:
    assert events(answered({}).caller, ONE) == []
    assert events(answered({"events": []}).caller, ONE) == []
    bare = bench(respond(200, b'[{"event_type": "click"}]'), policy=Policy("proxy"))
    assert events(bare.caller, ONE) == [{"event_type": "click"}]


@pytest.mark.parametrize("body", [{"event": []}, {"events": {}}, {"events": ["click"]}])
def test_what_is_no_list_of_events_is_never_an_empty_one(body: Any) -> None:
    with pytest.raises(Unavailable):
        events(answered(body).caller, ONE)


def test_an_unknown_session_is_not_found_and_says_how_one_is_named() -> None:
    with pytest.raises(NotFound) as missing:
        events(answered(404).caller, ONE)
    assert missing.value.hint is not None
    assert "retention" in missing.value.hint
    assert "DEVICE_ID:SESSION_ID" in missing.value.hint


@pytest.mark.parametrize(
    "step",
    [
        failure(Trouble.TOO_LARGE, code="too_large"),
        respond(413, b"<html>"),
        respond(400, b'{"type":"bad_request","message":"Response size limit exceeded"}'),
        respond(500, b'{"message":"the response is too large","code":"server_error"}'),
    ],
    ids=["over 64 MiB", "413", "Membrane's words", "a 5xx"],
)
def test_a_session_over_the_limit_is_explained_and_its_end_can_be_had(step: Any) -> None:
    made = bench(step, policy=Policy("proxy", retries=0))
    with pytest.raises((Refused, Unavailable)) as ended:
        events(made.caller, ONE)
    assert ended.value.hint is not None
    assert "30 MB" in ended.value.hint
    assert "/v2/sessions/1%3A2/context -X POST" in ended.value.hint


def test_a_missing_right_names_role_and_plan_only_where_it_is_fullstorys() -> None:
    with pytest.raises(NeedsPerson) as refused:
        events(answered(403).caller, ONE)
    assert "Architect" in str(refused.value.hint)
    with pytest.raises(NeedsPerson) as refused:
        events(bench(DENIED, policy=Policy("proxy", retries=0)).caller, ONE)
    assert "Activation" not in str(refused.value.hint)


EVENTS = [
    event("navigate", 0, "https://shop.example/"),
    event("click", 1),
    event("rage-click", 2),
    event("Network_Error", 3),
    {"event_type": "custom", "event_time": "2024-06-01T12:04:00Z", "source_type": "server"},
    event("app-crash", 5, None),
]


def kinds(**how: Any) -> list[str]:
    return [row["event_type"] for row in picked(EVENTS, **how)]


def test_nothing_asked_picks_everything() -> None:
    assert list(picked(EVENTS)) == EVENTS


def test_types_and_errors_add_to_each_other() -> None:
    assert kinds(types=["click", "custom"]) == ["click", "custom"]
    assert kinds(errors=True) == ["rage-click", "Network_Error", "app-crash"]
    assert kinds(errors=True, types=["click"]) == [
        "click", "rage-click", "Network_Error", "app-crash"
    ]  # fmt: skip


def test_a_window_of_time_holds_both_its_ends() -> None:
    since, until = NOON + timedelta(minutes=2), NOON + timedelta(minutes=4)
    assert kinds(since=since, until=until) == ["rage-click", "Network_Error", "custom"]
    assert kinds(until=NOON) == ["navigate"]
    assert list(picked([{"event_type": "click"}], since=NOON)) == []


def test_a_page_is_picked_by_a_part_of_its_address_and_servers_have_none() -> None:
    assert kinds(url_contains="/cart") == ["click", "rage-click", "Network_Error"]
    assert kinds(url_contains="shop.example", errors=True) == ["rage-click", "Network_Error"]
    assert kinds(url_contains="") == kinds()
    odd: list[dict[str, Any]] = [
        {"source_properties": None},
        {"source_properties": {"url": "x"}},
        {},
    ]
    assert list(picked(odd, url_contains="x")) == []


# -- its summary


def told(response: Response, profile: str | None = None) -> tuple[Any, Bench]:
    made = bench(response, policy=Policy("proxy", retries=0))
    return summary(made.caller, summary_call(ONE, profile)), made


def test_a_summary_is_asked_for_with_its_profile() -> None:
    answer, made = told(respond(200, b'{"summary": "All well."}'), "p1")
    assert answer == {"summary": "All well."}
    request = made.gateway.sent[0].request
    assert (request.path, request.query) == (
        "/v2/sessions/1%3A2/summary",
        (("config_profile", "p1"),),
    )


@pytest.mark.parametrize(
    ("status", "profile", "hint"),
    [
        (403, None, "Enterprise and Advanced"),
        (400, None, "--summary-profile"),
        (404, "p1", "summary profile is unknown"),
    ],
)
def test_a_refused_summary_says_what_it_needs(status: int, profile: str | None, hint: str) -> None:
    with pytest.raises((NeedsPerson, Refused, NotFound)) as ended:
        told(respond(status, b'{"message": "no", "code": "word"}'), profile)
    assert hint in str(ended.value.hint)
    assert ended.value.status == status


def test_membranes_own_refusal_is_not_blamed_on_the_plan() -> None:
    made = bench(DENIED, policy=Policy("proxy", retries=0))
    with pytest.raises(NeedsPerson) as ended:
        summary(made.caller, summary_call(ONE))
    assert "Enterprise" not in str(ended.value.hint)


def test_what_is_no_summary_is_refused() -> None:
    with pytest.raises(Unavailable):
        told(respond(200, b"[]"))
