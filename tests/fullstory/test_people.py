"""Who a WHO means: exactly that person, everyone of that name, or nobody; never a guess."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from fsctl.errors import NeedsPerson, NotFound, Unavailable, Usage
from fsctl.fullstory.ids import can_be_email, can_be_fullstory_id
from fsctl.fullstory.people import Found, Reading, find, get, list_people, page_rows, readings_of
from fsctl.fullstory.repeats import Policy
from fsctl.membrane.gateway import Response
from tests.support.scripted_gateway import Bench, bench, not_found, respond

Answers = list[Any]


def answered(*bodies: Any, **script: Any) -> Bench:
    """A bench whose proxy answers these JSON bodies; a number is an error of that status."""
    return bench(
        *(
            respond(body, b'{"message": "no", "code": "user_not_found"}')
            if isinstance(body, int)
            else body
            if isinstance(body, Response)
            else respond(200, json.dumps(body).encode())
            for body in bodies
        ),
        policy=Policy("proxy", retries=0),
        **script,
    )


def page(*people: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"results": list(people), "total_records": str(len(people)), **more}


def asked(made: Bench) -> list[tuple[str, dict[str, str]]]:
    return [(s.request.path, dict(s.request.query)) for s in made.gateway.sent]


def ids(found: Found) -> list[str]:
    return [person["id"] for person in found.people]


ADA = {"id": "7", "uid": "ada", "email": "ada@example.com"}
BOB = {"id": "8", "uid": "bob", "email": "bob@example.com"}
GONE = 404


# -- readings


@pytest.mark.parametrize(
    ("who", "readings"),
    [
        ("7", ("id", "uid")),
        ("18446744073709551615", ("id", "uid")),
        ("007", ("id", "uid")),
        ("18446744073709551616", ("uid",)),
        ("\u0667", ("uid",)),
        ("-7", ("uid",)),
        ("7.0", ("uid",)),
        (" 7", ("uid",)),
        ("ada", ("uid",)),
        ("ada@example.com", ("email", "uid")),
        ("ada@", ("uid",)),
        ("@example.com", ("uid",)),
        ("ada @example.com", ("uid",)),
        ("a" * 120 + "@x.test", ("email", "uid")),
        ("a" * 130 + "@x.test", ("uid",)),
        ("a" * 256, ("uid",)),
    ],
)
def test_a_who_is_read_in_every_way_it_can_be(who: str, readings: tuple[Reading, ...]) -> None:
    assert readings_of(who) == readings


@pytest.mark.parametrize("reading", ["uid", "email"])
def test_an_explicit_reading_is_the_only_one(reading: Reading) -> None:
    assert readings_of("7", reading) == (reading,)
    assert readings_of("7", "id") == ("id",)


@pytest.mark.parametrize(
    ("who", "reading"),
    [
        ("", None),
        (" ", None),
        ("\u3000", "uid"),
        ("a" * 257, None),
        ("a" * 257, "uid"),
        ("a" * 122 + "@x.test", "email"),
        ("ada", "id"),
        ("1 2", "id"),
        ("18446744073709551616", "id"),
        ("\u0667", "id"),
        ("bad\udcff", None),
        ("bad\udcff", "email"),
    ],
)
def test_what_nobody_can_be_called_is_refused(who: str, reading: Reading | None) -> None:
    with pytest.raises(Usage) as ended:
        readings_of(who, reading)
    assert ended.value.message.isprintable()


def test_an_id_is_digits_of_64_bits_and_an_email_has_two_sides() -> None:
    assert can_be_fullstory_id("0")
    assert not can_be_fullstory_id("")
    assert not can_be_fullstory_id("1" * 5000)
    assert not can_be_fullstory_id("7\n")
    assert can_be_email("donotreply@fullstory")
    assert can_be_email("a@b@c")
    assert not can_be_email("a@b\n")


# -- finding


def test_a_uid_is_looked_up_by_fullstorys_filter() -> None:
    made = answered(page(ADA))
    found = find(made.caller, "ada")
    assert (ids(found), found.ambiguous, found.readings) == (["7"], False, ("uid",))
    assert asked(made) == [("/v2/users", {"uid": "ada"})]


def test_an_email_is_looked_up_as_email_and_as_uid() -> None:
    made = answered(page(ADA), page())
    assert ids(find(made.caller, "ada@example.com")) == ["7"]
    assert [query for _, query in asked(made)] == [
        {"email": "ada@example.com"},
        {"uid": "ada@example.com"},
    ]


def test_only_exact_matches_count() -> None:
    similar: list[dict[str, Any]] = [
        {"id": "1", "uid": "Ada"},
        {"id": "2", "uid": "ada "},
        {"id": "3", "uid": "ada2"},
        {"id": "4"},
        {"id": "5", "uid": None},
        {"id": "6", "uid": ["ada"]},
        ADA,
    ]
    assert ids(find(answered(page(*similar)).caller, "ada")) == ["7"]


@pytest.mark.parametrize(
    ("stored", "matches"),
    [
        ("ADA@Example.COM", True),
        ("ada@example.com", True),
        ("ada@example.com.evil.test", False),
        ("xada@example.com", False),
        ("ada@example.com ", False),
    ],
)
def test_an_email_counts_in_any_case(stored: str, matches: bool) -> None:
    made = answered(page({"id": "8"}, {"id": "7", "email": stored}), page())
    assert bool(find(made.caller, "Ada@example.com").people) is matches


@pytest.mark.parametrize(
    ("who", "stored", "matches"),
    [
        ("strasse@x.test", "stra\u00dfe@x.test", False),
        ("kim@x.test", "\u212aim@x.test", False),
        ("\u00c4da@x.test", "\u00e4da@x.test", True),
    ],
)
def test_two_addresses_are_not_one_for_looking_alike(who: str, stored: str, matches: bool) -> None:
    made = answered(page({"id": "7", "email": stored}))
    assert bool(find(made.caller, who, reading="email").people) is matches


def test_an_email_with_two_claimants_means_both() -> None:
    twin = {"id": "9", "email": "ADA@example.com"}
    found = find(answered(page(ADA, twin), page()).caller, "ada@example.com")
    assert (ids(found), found.ambiguous) == (["7", "9"], True)


def test_a_uid_that_looks_like_an_email_is_a_second_reading() -> None:
    impostor = {"id": "9", "uid": "ada@example.com", "email": "eve@evil.test"}
    found = find(answered(page(ADA), page(impostor)).caller, "ada@example.com")
    assert (ids(found), found.ambiguous) == (["7", "9"], True)


def test_a_uid_equal_to_anothers_id_means_both() -> None:
    impostor = {"id": "9", "uid": "7"}
    found = find(answered(ADA, page(impostor)).caller, "7")
    assert (ids(found), found.ambiguous) == (["7", "9"], True)


def test_the_same_person_by_two_readings_is_one() -> None:
    whole, listed = {"id": "7", "uid": "7", "properties": {}}, {"id": "7", "uid": "7"}
    found = find(answered(whole, page(listed)).caller, "7")
    assert found.people == (whole,)
    assert not found.ambiguous


def test_an_explicit_reading_asks_for_nothing_else() -> None:
    made = answered(ADA)
    assert ids(find(made.caller, "7", reading="id")) == ["7"]
    assert asked(made) == [("/v2/users/7", {})]
    made = answered(page({"id": "9", "uid": "7"}))
    assert ids(find(made.caller, "7", reading="uid")) == ["9"]
    assert asked(made) == [("/v2/users", {"uid": "7"})]


def test_an_id_with_leading_zeros_does_not_find_the_number() -> None:
    assert find(answered(ADA, page()).caller, "007").people == ()


def test_an_id_that_came_as_a_number_is_that_id() -> None:
    assert find(answered({"id": 7}, page()).caller, "7").people == ({"id": 7},)


def test_nobody_is_nobody() -> None:
    found = find(answered(GONE, page()).caller, "7")
    assert (found.people, found.ambiguous, found.readings) == ((), False, ("id", "uid"))


def test_all_pages_are_searched() -> None:
    made = answered(page(BOB, next_page_token="t"), page(ADA))
    assert ids(find(made.caller, "ada")) == ["7"]


def test_the_schema_is_asked_for_in_every_reading() -> None:
    made = answered(ADA, page())
    find(made.caller, "7", include_schema=True)
    assert [query.get("include_schema") for _, query in asked(made)] == ["true", "true"]


def test_a_missing_connection_is_not_a_missing_person() -> None:
    made = bench(not_found(), not_found(), policy=Policy("proxy", retries=0))
    with pytest.raises(NeedsPerson):
        find(made.caller, "7")


@pytest.mark.parametrize(
    "row", [{"uid": "ada"}, {"id": "", "uid": "ada"}, {"id": None, "uid": "ada"}]
)
def test_people_without_an_id_are_an_odd_answer_and_never_merged(row: dict[str, Any]) -> None:
    with pytest.raises(Unavailable, match="without an id"):
        find(answered(page(row, row)).caller, "ada")


# -- one person


def test_get_asks_by_id() -> None:
    made = answered(ADA)
    assert get(made.caller, "7", include_schema=True) == ADA
    assert asked(made) == [("/v2/users/7", {"include_schema": "true"})]


def test_get_tells_of_a_missing_person() -> None:
    with pytest.raises(NotFound) as ended:
        get(answered(GONE).caller, "7")
    assert ended.value.code == "user_not_found"


@pytest.mark.parametrize("body", [[], "ada", 7, None, {}, {"uid": "ada"}, {"results": [ADA]}])
def test_what_is_no_user_is_an_error(body: Any) -> None:
    with pytest.raises(Unavailable, match="is not a user"):
        get(answered(body).caller, "7")


# -- lists


def test_pages_are_fetched_as_they_are_asked_for_with_the_same_filters() -> None:
    made = answered(page(ADA, next_page_token="t1"), page(BOB, next_page_token="t2"), page())
    pages = list_people(made.caller, {"email": "x@y.test", "is_identified": True})
    assert made.sends == 0
    assert next(pages) == [ADA]
    assert made.sends == 1
    assert list(pages) == [[BOB], []]
    filters = {"email": "x@y.test", "is_identified": "true"}
    assert [query for _, query in asked(made)] == [
        filters,
        {**filters, "page_token": "t1"},
        {**filters, "page_token": "t2"},
    ]


def test_filters_are_left_as_they_were() -> None:
    filters = {"uid": "ada"}
    list(list_people(answered(page(ADA, next_page_token="t"), page()).caller, filters))
    assert filters == {"uid": "ada"}


@pytest.mark.parametrize("end", [{}, {"next_page_token": ""}, {"next_page_token": None}])
def test_the_end_is_an_absent_or_empty_token(end: dict[str, Any]) -> None:
    assert len(list(list_people(answered(page(ADA, **end)).caller, {}))) == 1


@pytest.mark.parametrize("token", [{"nextPageToken": "t"}, {"next_page_token": 7}])
def test_a_token_in_another_spelling_or_type_is_a_token(token: dict[str, Any]) -> None:
    made = answered(page(ADA, **token), page(BOB))
    assert list(list_people(made.caller, {})) == [[ADA], [BOB]]
    assert made.gateway.sent[1].request.query == (("page_token", str(*token.values())),)


@pytest.mark.parametrize("token", [["t"], {"t": 1}, True, 1.5])
def test_an_odd_token_is_an_error_and_not_the_end(token: Any) -> None:
    pages = list_people(answered(page(ADA, next_page_token=token)).caller, {})
    assert next(pages) == [ADA]
    with pytest.raises(Unavailable, match="page token"):
        next(pages)


@pytest.mark.parametrize("tokens", [["a", "a"], ["a", "b", "a"]])
def test_a_repeated_token_ends_the_list_as_unfinished(tokens: list[str]) -> None:
    made = answered(*(page(ADA, next_page_token=token) for token in tokens))
    pages = list_people(made.caller, {})
    assert [next(pages) for _ in tokens] == [[ADA]] * len(tokens)
    with pytest.raises(Unavailable, match="may be incomplete"):
        next(pages)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"total_records": "0"},
        {"results": None, "app_url": "x"},
        {"results": []},
        {"totalRecords": "0", "appUrl": "x"},
    ],
)
def test_an_empty_page_may_lack_its_results(body: Any) -> None:
    assert page_rows(body) == []


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        [ADA],
        "",
        0,
        ADA,
        {"data": {"results": [ADA]}},
        {"output": {}},
        {"results": {}},
        {"results": "none"},
        {"results": [None]},
        {"results": [ADA, "bob"]},
        {"results": False},
        {"total_records": "1", "people": [ADA]},
        {"config": {"method": "GET", "url": "https://x", "headers": {"Authorization": "x"}}},
        {"type": "internal", "message": "x"},
    ],
)
def test_an_odd_answer_is_an_error_and_never_an_empty_list(body: Any) -> None:
    with pytest.raises(Unavailable) as ended:
        page_rows(body)
    assert ended.value.message == "The answer is not a list of users."
    assert "Authorization" not in str(ended.value.as_data())
