"""What Fullstory would refuse is found before it is sent, and named by its key."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.fullstory.properties import check_properties, check_user, is_date, leaves, refusal
from fsctl.sandbox.answers import Problem as Refusal
from fsctl.sandbox.users import read_user


def told(row: Any) -> list[str]:
    return [str(problem) for problem in check_user(row)]


def wrong(value: Any, declared: str | None = None) -> list[str]:
    """What is wrong with one property of a user."""
    schema = None if declared is None else {"properties": {"x": declared}}
    return [str(problem) for problem in check_properties("user", {"x": value}, schema)]


# -- records


def test_a_user_with_everything_is_right() -> None:
    row = {
        "id": "7",
        "uid": "ada",
        "display_name": "Ada Lovelace \U0001f98a",
        "email": "ada@example.com",
        "properties": {
            "plan": "paid",
            "seats": 5,
            "total": 14.5,
            "vip": True,
            "signed_up": "2022-05-04T08:00:00Z",
            "features": ["api", "team"],
            "company": {"address": {"zip": "01234"}},
            "nothing": None,
        },
        "schema": {
            "properties": {
                "seats": "int",
                "signed_up": "date",
                "company.address.zip": "str",
                "nothing": "int",
            }
        },
    }
    assert told(row) == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"uid": ""}, "uid is empty"),
        ({"uid": " \t"}, "uid is empty"),
        ({"uid": "x" * 257}, "uid has 257 characters; Fullstory takes at most 256"),
        ({"uid": 7}, "uid is a number, not a text"),
        ({"uid": "\ud800"}, "uid is not valid UTF-8"),
        ({"display_name": "x" * 257}, "display_name has 257 characters; Fullstory takes at most"),
        ({"email": "x" * 129}, "email has 129 characters; Fullstory takes at most 128"),
        ({"displayName": "Ada"}, "displayName is no field of a user"),
        ({"id": 7}, "id is not a text"),
        ({"properties": []}, "properties is an array, not an object"),
        ({"schema": {"seats": "int"}}, "schema is not of the form"),
        ({"schema": []}, "schema is not of the form"),
        ({"schema": {"properties": {"seats": "integer"}}}, "schema.properties.seats is none of"),
    ],
)
def test_what_is_wrong_with_a_user_is_told_with_its_key(row: Any, problem: str) -> None:
    assert len(told(row)) == 1
    assert told(row)[0].startswith(problem)


@pytest.mark.parametrize("name", ["uid", "display_name", "email"])
def test_texts_may_be_as_long_as_published_and_null(name: str) -> None:
    most = {"uid": 256, "display_name": 256, "email": 128}[name]
    assert told({name: "\U0001f98a" * most}) == []
    assert len(told({name: "\U0001f98a" * (most + 1)})) == 1
    assert told({name: None}) == []


# -- properties


@pytest.mark.parametrize("name", ["a", "Plan", "a_1", "A" * 512])
def test_names_are_letters_digits_and_underscores_after_a_letter(name: str) -> None:
    assert check_properties("user", {name: 1}, None) == []


@pytest.mark.parametrize("name", ["", "1a", "_a", "a-b", "a.b", "a b", "é", "a\n", "\uff41"])
def test_other_names_are_refused(name: str) -> None:
    problems = check_properties("user", {name: 1}, None)
    assert [problem.key for problem in problems] == [f"properties.{name}"]


def test_names_of_event_properties_may_hold_hyphens() -> None:
    assert check_properties("event", {"a-b": 1}, None) == []
    assert len(check_properties("event", {"-a": 1}, None)) == 1


def test_the_path_of_a_nested_name_counts_in_all() -> None:
    fits = {"a" * 255: {"b" * 256: 1}}
    assert check_properties("user", fits, None) == []
    problems = check_properties("user", {"a" * 255: {"b" * 257: 1}}, None)
    assert "has a name of 513 characters; Fullstory takes 512" in str(problems[0])
    assert len(str(problems[0])) < 150


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("x" * 8193, "has 8,193 bytes; Fullstory takes at most 8,192"),
        ("é" * 4097, "has 8,194 bytes"),
        (["x" * 100] * 80, "has 8,242 bytes"),
        ("\udfff", "is not valid UTF-8"),
        ([{"a": 1}], "is an array of objects"),
        ([[1]], "is an array of arrays"),
        (["\ud800"], "holds a value that is not valid UTF-8"),
        (float("nan"), "is no number that JSON has"),
        ([float("inf")], "holds a value that is no number"),
        (2**64, "is an integer that 64 bits do not hold"),
        (2**53 + 1, "is a number with more digits than a real keeps"),
        (b"x", "is a bytes, which JSON does not have"),
        ({"y": {"z": [{}]}}, "is an array of objects"),
    ],
)
def test_values_that_fullstory_does_not_take_are_refused(value: Any, problem: str) -> None:
    (only,) = wrong(value)
    assert problem in only
    assert only.startswith("properties.x")


@pytest.mark.parametrize(
    "value", ["x" * 8192, "é" * 4096, [], ["a", None], {}, 0, -1.5, False, 2**53, 1e300]
)
def test_values_within_the_limits_are_right(value: Any) -> None:
    assert wrong(value) == []


def test_a_user_has_at_most_500_values_nested_ones_included() -> None:
    half = {f"p{number}": number for number in range(250)}
    assert check_properties("user", {**half, "inner": half}, None) == []
    problems = check_properties("user", {**half, "inner": half, "more": 1}, None)
    assert [str(p) for p in problems] == [
        "properties holds 501 values; Fullstory takes at most 500"
    ]
    assert check_properties("event", {**half, "inner": half, "more": 1}, None) == []


# -- declared types


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("str", "5"), ("int", 5), ("int", 5.0), ("int", -(2**63)), ("real", 5), ("real", 1.5),
        ("bool", False), ("date", "2024-02-29"), ("date", "2024-02-29T10:00:00+02:00"),
        ("strs", ["a"]), ("ints", [1, None]), ("reals", [1, 2.5]), ("bools", []),
        ("dates", ["2024-02-29"]), ("int", None), ("int", 2**60),
    ],
)  # fmt: skip
def test_a_value_of_its_declared_type_is_right(declared: str, value: Any) -> None:
    assert wrong(value, declared) == []


@pytest.mark.parametrize(
    ("declared", "value", "problem"),
    [
        ("int", "5", "is a text, and declared int"),
        ("int", 5.5, "is a number, and declared int"),
        ("int", True, "is true or false, and declared int"),
        ("str", 1234, "is a number, and declared str"),
        ("bool", "true", "is a text, and declared bool"),
        ("date", "yesterday", "is a text, and declared date"),
        ("date", 1719670000, "is a number, and declared date"),
        ("real", "1,5", "is a text, and declared real"),
        ("ints", 5, "is a number, and declared ints"),
        ("ints", [1, "2"], "is an array, and declared ints"),
        ("int", {"y": 1}, "is an object: declare the values in it by their dotted path"),
    ],
)
def test_a_value_of_another_type_than_declared_is_refused(
    declared: str, value: Any, problem: str
) -> None:
    assert wrong(value, declared) == [f"properties.x {problem}"]


def test_nested_values_are_declared_by_their_dotted_path() -> None:
    properties = {"company": {"seats": "five"}}
    schema = {"properties": {"company.seats": "int"}}
    problems = check_properties("user", properties, schema)
    assert [str(p) for p in problems] == ["properties.company.seats is a text, and declared int"]
    assert list(leaves({"a": 1, "b": {"c": {"d": 2}}})) == [("a", 1), ("b.c.d", 2)]


# -- agreement with the service's stand-in


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.just("x" * 9000)
)
names = st.sampled_from(["a", "b_2", "9", "a-b", "", "p" * 300])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(names, values, max_size=3), st.dictionaries(names, st.just("int")))
def test_what_passes_here_passes_the_service(
    properties: dict[str, Any], types: dict[str, str]
) -> None:
    row = {"uid": "ada", "properties": properties, "schema": {"properties": types}}
    if not check_user(row):
        read_user(row)  # raises what the service would answer


@settings(deadline=None)
@given(st.dictionaries(names, values, max_size=3))
def test_what_the_service_refuses_is_found_here(properties: dict[str, Any]) -> None:
    try:
        read_user({"properties": properties})
    except Refusal:
        assert check_user({"properties": properties})


# -- the error


def test_one_problem_is_one_sentence() -> None:
    error = refusal(check_user({"uid": ""}), "user")
    assert isinstance(error, Usage)
    assert error.message == "The user would be refused: uid is empty."


def test_several_problems_are_listed_up_to_a_screenful() -> None:
    row = {"properties": {f"{number}a": 1 for number in range(30)}}
    error = refusal(check_user(row), "user")
    assert error.message == "The user would be refused for 30 reasons; nothing was sent."
    assert error.hint is not None
    head, first, *_, last = error.hint.splitlines()
    assert head == "Correct these and run the command again:"
    assert first.startswith("properties.0a does not start with a letter")
    assert last == "And 10 more."


def test_a_hostile_key_is_told_in_ascii_and_cut() -> None:
    key = "\x1b[31m\u202e" + "x" * 500
    (problem,) = check_properties("user", {key: 1}, None)[:1]
    assert str(problem).isascii()
    assert str(problem).isprintable()
    assert len(str(problem)) < 200


@pytest.mark.parametrize("year", [1900, 2000, 2023, 2024])
def test_dates_are_days_that_there_are(year: int) -> None:
    for month, day in product(range(14), range(33)):
        try:
            date(year, month, day)
            there = True
        except ValueError:
            there = False
        assert is_date(f"{year}-{month:02}-{day:02}") == there


def test_times_are_those_of_a_clock() -> None:
    for time in ("T23:59", " 10:00:00.123456789+05:30", "t10:00:00z", "T10:00-0800"):
        assert is_date(f"2024-02-29{time}")
    for time in ("T24:00", "T10:60", "T10:00:61Z", "T10:00+2500", "T", "Z", "T10", "T10:00Z "):
        assert not is_date(f"2024-02-29{time}")
