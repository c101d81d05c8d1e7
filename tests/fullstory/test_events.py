"""An event has one owner, a name and a time, and nothing in it that Fullstory would refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.fullstory.assignments import Given
from fsctl.fullstory.events import Owner, check_event, check_one_owner, create
from fsctl.sandbox.answers import Problem as Refusal
from fsctl.sandbox.events import read_event

AT = datetime(2026, 3, 1, 10, 0, tzinfo=timezone(timedelta(hours=1)))


def event(owner: Owner, **more: Any) -> Any:
    return dict(create("Support Ticket", owner, at=AT, **more).values)


@pytest.mark.parametrize(
    ("owner", "sent"),
    [
        (Owner(user_id="7"), {"user": {"id": "7"}}),
        (
            Owner(user_id="7", most_recent_session=True),
            {"user": {"id": "7"}, "session": {"use_most_recent": True}},
        ),
        (Owner(session_id="1:2"), {"session": {"id": "1:2"}}),
        (Owner(anonymous=True), {}),
    ],
)
def test_the_owner_is_sent_in_the_one_way_that_names_it(owner: Owner, sent: Any) -> None:
    assert event(owner) == {
        "name": "Support Ticket", "timestamp": "2026-03-01T09:00:00Z", **sent
    }  # fmt: skip


def test_properties_types_and_context_go_along() -> None:
    context = {"browser": {"url": "https://app.example.com"}, "location": {"latitude": 1}}
    given = Given({"n": 5}, {"n": "int"})
    sent = event(Owner(user_id="7"), given=given, context=context)
    assert sent["properties"] == {"n": 5}
    assert sent["schema"] == {"properties": {"n": "int"}}
    assert sent["context"] == context


@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize("session", [False, True])
@pytest.mark.parametrize("anonymous", [False, True])
def test_exactly_one_owner_is_accepted(user: bool, session: bool, anonymous: bool) -> None:
    count = user + session + anonymous
    if count == 1:
        check_one_owner(user=user, session=session, anonymous=anonymous, most_recent=False)
        return
    with pytest.raises(Usage) as caught:
        check_one_owner(user=user, session=session, anonymous=anonymous, most_recent=False)
    assert caught.value.code == ("several_owners" if count else "no_owner")
    assert count or "--anonymous" in str(caught.value.hint)


def test_a_most_recent_session_is_a_users() -> None:
    check_one_owner(user=True, session=False, anonymous=False, most_recent=True)
    with pytest.raises(Usage):
        check_one_owner(user=False, session=True, anonymous=False, most_recent=True)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({}, "name is missing"),
        ({"name": " "}, "name is empty"),
        ({"name": "x" * 251}, "name has 251 characters; Fullstory takes at most 250"),
        ({"name": "x", "nam": 1}, "nam is no field of an event"),
        ({"name": "x", "user": "7"}, "user is not an object"),
        ({"name": "x", "user": {"id": "7", "uid": "a"}}, "user.uid stands beside user.id"),
        ({"name": "x", "user": {"id": "7"}, "session": {"id": "1:2"}}, "session.id stands beside"),
        ({"name": "x", "session": {"use_most_recent": True}}, "session.use_most_recent needs"),
        ({"name": "x", "properties": {"9": 1}}, "properties.9 does not start"),
        ({"name": "x", "context": []}, "context is not an object"),
        ({"name": "x", "context": {"web": {}}}, "context.web is none of browser, mobile"),
        ({"name": "x", "context": {"browser": {"uri": "x"}}}, "context.browser.uri is none of"),
        ({"name": "x", "context": {"browser": {"url": 1}}}, "context.browser.url is not a text"),
        (
            {"name": "x", "context": {"device": {"screen_width": 2**31}}},
            "context.device.screen_width is not an integer of 32 bits",
        ),
        (
            {"name": "x", "context": {"location": {"latitude": "1"}}},
            "context.location.latitude is not a number",
        ),
    ],
)
def test_what_is_wrong_with_an_event_is_told_with_its_key(row: Any, problem: str) -> None:
    told = [str(each) for each in check_event(row)]
    assert len(told) == 1
    assert told[0].startswith(problem)


def test_an_event_is_at_most_512_kib_in_all() -> None:
    given = Given({f"p{number}": "x" * 8000 for number in range(66)}, {})
    with pytest.raises(Usage, match="takes at most 524,288"):
        event(Owner(user_id="7"), given=given)


owners = st.fixed_dictionaries(
    {},
    optional={
        "user": st.dictionaries(st.sampled_from(["id", "uid"]), st.just("7")),
        "session": st.dictionaries(st.sampled_from(["id", "uid"]), st.just("7"))
        | st.just({"use_most_recent": True}),
        "context": st.dictionaries(
            st.sampled_from(["browser", "device"]),
            st.dictionaries(st.sampled_from(["url", "screen_width"]), st.just("x") | st.just(7)),
        ),
        "properties": st.dictionaries(st.sampled_from(["a", "-"]), st.just(1)),
    },
)


@settings(deadline=None)
@given(owners)
def test_what_the_service_refuses_is_found_here(row: dict[str, Any]) -> None:
    row = {"name": "x", **row}
    try:
        read_event(row)
    except Refusal:
        assert check_event(row)


@settings(deadline=None)
@given(owners)
def test_what_passes_here_passes_the_service(row: dict[str, Any]) -> None:
    row = {"name": "x", **row}
    if not check_event(row):
        read_event(row)


def test_the_time_is_told_in_utc() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    sent = create("x", Owner(anonymous=True), at=moment).values
    assert sent["timestamp"] == "2026-03-01T00:00:00Z"
