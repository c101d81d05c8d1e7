"""Checking rows: the quick way passes no row that the rules refuse, and no rule is missed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.bulk.checking import Checker
from fsctl.fullstory.batch_jobs import Kind
from fsctl.fullstory.events import check_event
from fsctl.fullstory.properties import check_user, is_date


def body(record: Any) -> bytes:
    return json.dumps(record).encode()


def problems(kind: Kind, record: Mapping[str, Any]) -> list[str]:
    return [problem.message for problem in Checker(kind).check(body(record))[1]]


USERS: list[dict[str, Any]] = [
    {},
    {"id": "5", "uid": "u", "display_name": "Ada", "email": "a@b.c", "properties": None},
    {"uid": None, "properties": {"a": None, "b": [1, "x", None], "c": 2**53, "d": -1.5}},
    {"properties": {"a": {"b": {"c": {"d": {"e": 1}}}}}},
    {"properties": {"n": 2**62}, "schema": {"properties": {"n": "int"}}},
    {
        "properties": {"n": 5, "d": "2024-01-01"},
        "schema": {"properties": {"n": "int", "d": "date"}},
    },
    {"properties": {"text": "x" * 8192}, "schema": {}},
    {"properties": {f"p{n}": n for n in range(500)}},
]
EVENTS: list[dict[str, Any]] = [
    {"name": "x"},
    {
        "name": "x",
        "user": {"uid": "u"},
        "timestamp": "2024-06-29T14:23:23Z",
        "properties": {"a-b": 1},
    },
    {"name": "x", "session": {"id": "1:2"}, "timestamp": "2024-06-29 14:23:23.123+02:00"},
    {"name": "x", "session": {"use_most_recent": True}, "user": {"id": "5"}},
    {"name": "x", "session": {"use_most_recent": False}, "user": {"id": "5"}},
    {"name": "x", "user": {"uid": "u"}, "context": {"browser": {"url": "https://x.example/a"}}},
    {"name": "x", "context": {"location": {"latitude": 1}, "device": {"screen_width": 5}}},
    {"name": "x", "properties": {f"p{n}": n for n in range(600)}},
]


@pytest.mark.parametrize("record", USERS, ids=str)
def test_users_within_the_limits_pass(record: dict[str, Any]) -> None:
    assert Checker("users").check(body(record)) == (body(record), ())


@pytest.mark.parametrize("record", EVENTS, ids=str)
def test_events_within_the_limits_pass(record: dict[str, Any]) -> None:
    assert Checker("events").check(body(record)) == (body(record), ())


def test_ordinary_rows_pass_the_quick_way() -> None:
    assert Checker("users").passes([body(record) for record in (*USERS[:3], USERS[5])])
    assert Checker("events").passes([body(record) for record in EVENTS[:7]])
    nested = [body({"uid": "a", "properties": {"x": {"y": 1}}}), body({"uid": "b"})]
    checker = Checker("users")
    assert checker.passes(nested)
    assert checker.passes(nested[1:])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"uid": ""}, "uid is empty"),
        ({"uid": " \u3000\t"}, "uid is empty"),
        ({"uid": 5}, "uid is a number, not a text"),
        ({"uid": "x" * 257}, "uid has 257 characters"),
        ({"email": "x" * 129}, "email has 129 characters"),
        ({"display_name": "x" * 257}, "display_name has 257 characters"),
        ({"name": "Ada"}, "name is no field of a user"),
        ({"id": 5}, "id is not a text"),
        ({"properties": []}, "properties is an array, not an object"),
        ({"properties": {"1a": 1}}, "properties.1a does not start with a letter"),
        ({"properties": {"a-b": 1}}, "properties.a-b does not start with a letter"),
        ({"properties": {"x" * 513: 1}}, "a name of 513 characters"),
        ({"properties": {"x" * 256: {"y" * 256: 1}}}, "a name of 513 characters"),
        ({"properties": {"a": {"b": {"c d": 1}}}}, "properties.a.b.c d does not"),
        ({"properties": {"a": "x" * 8193}}, "has 8,193 bytes"),
        ({"properties": {"a": "ë" * 4097}}, "has 8,194 bytes"),
        ({"properties": {"a": ["x" * 100] * 90}}, "bytes"),
        ({"properties": {"a": [{"b": 1}]}}, "array of objects"),
        ({"properties": {"a": [[1]]}}, "array of arrays"),
        ({"properties": {"a": 2**53 + 1}}, "more digits"),
        ({"properties": {"a": 2**70}}, "64 bits"),
        ({"properties": {f"p{n}": 1 for n in range(501)}}, "holds 501 values"),
        ({"properties": {f"p{n}": {"a": 1, "b": 2} for n in range(251)}}, "holds 502 values"),
        ({"properties": {"a": "x"}, "schema": {"properties": {"a": "int"}}}, "declared int"),
        ({"properties": {"a": 1}, "schema": {"properties": {"a": "text"}}}, "is none of str"),
        ({"schema": {"a": "int"}}, "schema is not of the form"),
    ],
)
def test_users_beyond_a_limit_are_told_with_the_key(record: dict[str, Any], message: str) -> None:
    assert message in problems("users", record)[0]
    assert not Checker("users").passes([body({"uid": "a"}), body(record)])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "name is missing"),
        ({"name": ""}, "name is empty"),
        ({"name": "  "}, "name is empty"),
        ({"name": "x" * 251}, "name has 251 characters"),
        ({"name": "x", "timestamp": "yesterday"}, "timestamp is no time"),
        ({"name": "x", "timestamp": 1719671003}, "timestamp is no time"),
        ({"name": "x", "uid": "u"}, "uid is no field of an event"),
        ({"name": "x", "user": {"id": "5", "uid": "u"}}, "stands beside"),
        ({"name": "x", "user": {"id": "5"}, "session": {"id": "1:2"}}, "stands beside"),
        ({"name": "x", "session": {"id": "1:2", "uid": "s"}}, "stands beside"),
        ({"name": "x", "session": {"use_most_recent": True}}, "needs a user"),
        (
            {"name": "x", "user": {"id": "5"}, "session": {"use_most_recent": True, "id": "1"}},
            "stands beside",
        ),
        ({"name": "x", "user": "u"}, "user is not an object"),
        ({"name": "x", "context": {"web": {}}}, "context.web is none of"),
        ({"name": "x", "context": {"browser": {"url": "x y"}}}, "no address"),
        ({"name": "x", "context": {"device": {"screen_width": 2**31}}}, "32 bits"),
        ({"name": "x", "properties": {"a b": 1}}, "properties.a b does not"),
    ],
)
def test_events_beyond_a_limit_are_told_with_the_key(record: dict[str, Any], message: str) -> None:
    assert any(message in told for told in problems("events", record))
    assert not Checker("events").passes([body({"name": "a"}), body(record)])


def test_an_event_of_more_than_512_kb_is_told() -> None:
    record = {"name": "x", "properties": {f"p{n}": "x" * 8000 for n in range(70)}}
    [problem] = Checker("events").check(body(record))[1]
    assert (problem.code, problem.key) == ("too_large", None)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ('{"properties":{"n":NaN}}', "properties.n is no number that JSON has"),
        ('{"properties":{"a":{"n":-Infinity}}}', "properties.a.n is no number that JSON has"),
        ('{"properties":{"n":[1,1e999]}}', "properties.n holds a value that is no number that"),
        ('{"uid":"a\\ud800"}', "uid is not valid UTF-8"),
        ('{"properties":{"a":"\\udc00x"}}', "properties.a is not valid UTF-8"),
        ('{"properties":{"\\udc00x":1}}', "properties.\\udc00x does not start with a letter"),
        ('{"properties":{"n":' + "9" * 5000 + "}}", "It is not JSON: integer value out of range"),
        ('{"uid":"a\tb"}', "It is not JSON: invalid character (byte 9)"),
        ('{"uid":NaN} x', "It is not JSON: invalid character (byte 7)"),
    ],
)
def test_what_json_does_not_have_is_told_by_its_key(raw: str, message: str) -> None:
    found = Checker("users").check(raw.encode())[1]
    assert found[0].message.startswith(message)


def test_a_name_that_was_bad_stays_bad_and_harms_no_good_one() -> None:
    checker = Checker("users")
    bad, good = body({"properties": {"a b": 1, "c": 2}}), body({"properties": {"c": 1}})
    for _ in range(3):
        assert checker.check(bad)[1]
        assert not checker.check(good)[1]


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=70))
def test_many_are_checked_as_each_of_them_is(good: list[bool]) -> None:
    raws = [body({"uid": f"u{n}" if one else ""}) for n, one in enumerate(good)]
    checker = Checker("users")
    assert list(checker.check_all(raws)) == [checker.check(raw) for raw in raws]


def test_names_without_end_are_not_all_remembered() -> None:
    checker = Checker("users")
    for first in range(0, 40_000, 400):
        record = {"properties": {f"n{first + n}": 1 for n in range(400)}}
        assert checker.check(body(record))[1] == ()
    assert len(checker._names) <= 10_400


KEYS = st.sampled_from(["a", "b", "a-b", "1", "x" * 170, "", "é"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63, 10**30])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", " ", "x", "2024-01-01", "\u2028", "x" * 8193]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
TEXTS = st.none() | st.sampled_from(["", " ", "u", "x" * 128, "x" * 129, "x" * 257, 5, [], {}])
SCHEMAS = st.none() | st.builds(
    lambda types: {"properties": types},
    st.none() | st.dictionaries(KEYS, st.sampled_from(["int", "str", "dates", "x"]), max_size=2),
)
USER = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("id", "uid", "email", "display_name", "other"), TEXTS),
        "properties": VALUES | st.dictionaries(KEYS, VALUES, max_size=4),
        "schema": SCHEMAS | VALUES,
    },
)
PART = st.none() | st.fixed_dictionaries(
    {}, optional={"id": TEXTS, "uid": TEXTS, "use_most_recent": st.none() | st.booleans()}
)
EVENT = st.fixed_dictionaries(
    {"name": TEXTS},
    optional={
        "timestamp": st.sampled_from([None, "2024-01-01T00:00:00Z", "2024-01-01", "x", 5]),
        "user": PART,
        "session": PART,
        "properties": st.none() | st.dictionaries(KEYS, VALUES, max_size=4),
        "schema": SCHEMAS,
        "context": st.none()
        | st.dictionaries(
            st.sampled_from(["browser", "device", "web"]),
            st.none()
            | st.dictionaries(
                st.sampled_from(["url", "model", "screen_width"]),
                st.sampled_from([None, "", "https://x", "x", 5, 2**40]),
                max_size=2,
            ),
            max_size=2,
        ),
    },
)


@settings(deadline=None)
@given(USER)
def test_the_quick_way_agrees_with_the_rules_for_users(record: dict[str, Any]) -> None:
    # One that has learned names before, and one that reads objects first.
    checker = Checker("users")
    checker.passes([body({"properties": {"a": {"b": 1}}})])
    expected = [str(problem) for problem in check_user(record)]
    for one in (checker, Checker("users")):
        assert [problem.message for problem in one.check(body(record))[1]] == expected


@settings(deadline=None)
@given(EVENT)
def test_the_quick_way_agrees_with_the_rules_for_events(record: dict[str, Any]) -> None:
    expected = [str(problem) for problem in check_event(record)]
    time = record.get("timestamp")
    told = [problem.message for problem in Checker("events").check(body(record))[1]]
    assert [message for message in told if "timestamp" not in message] == expected
    assert any("timestamp" in message for message in told) == (
        time is not None and not is_date(time)
    )
