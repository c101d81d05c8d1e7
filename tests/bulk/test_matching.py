"""Failed rows and their lines: found wherever that can be told, never guessed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fsctl.bulk.matching import Matcher, Matches
from fsctl.fullstory.batch_jobs import Kind

Request = dict[str, Any]


def match(kind: Kind, sent: list[Request], failed: list[Request]) -> Matches:
    matcher = Matcher(kind)
    for request in failed:
        matcher.failed(request)
    for row, request in enumerate(sent):
        matcher.sent(row, request)
    return matcher.matches()


def text_of(request: Request) -> str:
    return json.dumps(request, sort_keys=True)


USERS = st.lists(
    st.fixed_dictionaries(
        {"display_name": st.sampled_from("ab")},
        optional={"uid": st.sampled_from("xyz"), "id": st.sampled_from("12")},
    ),
    max_size=12,
)


@given(USERS, st.data())
def test_a_match_is_the_row_that_was_sent_and_doubt_is_told(
    sent: list[Request], data: st.DataObject
) -> None:
    flags = data.draw(st.lists(st.booleans(), min_size=len(sent), max_size=len(sent)))
    failed = data.draw(
        st.permutations([row for row, flag in zip(sent, flags, strict=True) if flag])
    )
    found = match("users", sent, failed)
    numbers = [*found.rows.values(), *found.ambiguous]
    assert sorted(numbers) == list(range(len(failed)))
    for row, number in found.rows.items():
        assert sent[row] == failed[number]
        assert flags[row] or failed.count(sent[row]) == sent.count(sent[row])
    # What is ambiguous has a twin that did not fail; what has none is found.
    all_sent, all_failed = Counter(map(text_of, sent)), Counter(map(text_of, failed))
    for number in range(len(failed)):
        text = text_of(failed[number])
        assert (number in found.ambiguous) == (all_sent[text] != all_failed[text])


def test_a_row_is_found_by_its_uid_though_fullstory_changed_it() -> None:
    sent = [{"uid": "a", "email": "A@X.COM"}, {"uid": "b"}]
    returned = {"uid": "a", "email": "a@x.com", "properties": {"new": 1}}
    assert match("users", sent, [returned]).rows == {0: 0}


def test_an_id_counts_before_a_uid_and_may_come_as_a_number() -> None:
    sent = [{"id": "7", "uid": "a"}, {"uid": "a"}]
    assert match("users", sent, [{"id": 7, "uid": "a", "email": "x"}]).rows == {0: 0}


def test_two_rows_of_one_uid_are_told_apart_by_their_content() -> None:
    sent = [{"uid": "a", "email": "1"}, {"uid": "a", "email": "2"}]
    assert match("users", sent, [{"uid": "a", "email": "2"}]).rows == {1: 0}


def test_of_two_rows_of_one_uid_none_is_guessed() -> None:
    sent = [{"uid": "a", "email": "1"}, {"uid": "a", "email": "2"}]
    assert match("users", sent, [{"uid": "a", "email": "3"}]) == Matches({}, (0,))


def test_content_is_the_same_whatever_its_order_its_nulls_and_its_zeros() -> None:
    sent: list[Request] = [{"name": "E", "properties": {"a": 1, "b": [1.0, True]}}, {"name": "F"}]
    returned = {
        "properties": {"b": [1, True], "a": 1.0, "c": None},
        "name": "E",
        "context": {},
    }
    assert match("events", sent, [returned]).rows == {0: 0}


def test_true_is_not_one() -> None:
    sent = [{"name": "E", "properties": {"a": True}, "timestamp": "1"}]
    other = {"name": "E", "properties": {"a": 1}, "timestamp": "2"}
    assert match("events", sent, [other]) == Matches({}, (0,))


def test_an_event_is_found_by_its_moment_where_that_is_unique() -> None:
    sent = [
        {"user": {"uid": "a"}, "name": "E", "timestamp": "1", "properties": {"x": 1}},
        {"user": {"uid": "a"}, "name": "E", "timestamp": "2"},
    ]
    returned = {"user": {"uid": "a"}, "name": "E", "timestamp": "1", "properties": {"x": "1"}}
    assert match("events", sent, [returned]).rows == {0: 0}


def test_a_row_that_came_back_empty_is_ambiguous() -> None:
    assert match("users", [{"uid": "a"}], [{}]) == Matches({}, (0,))
