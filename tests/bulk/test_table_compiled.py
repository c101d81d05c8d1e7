"""The quick way from cells to a record makes what the plain way makes, or leaves the row to it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.bulk.checking import Problem
from fsctl.bulk.mapping import Choices, layout
from fsctl.bulk.table_records import Records
from fsctl.errors import Usage
from fsctl.fullstory.batch_jobs import Kind

USER_TITLES = (
    *("id", "uid", "email", "name", "plan", "seats:int", "rate:real", "on:bool", "since:date"),
    *("tags:json", "ids:ints", "a.b", "a.c:int", "a.d.e:bool", "class", "x1:str"),
)
EVENT_TITLES = (
    *("name", "timestamp", "user.id", "user.uid", "session.id", "session.use_most_recent"),
    *("context.browser.url", "context.device.screen_width", "plan", "n:int", "a.b:date"),
)
CELLS = st.sampled_from(
    [
        *(
            "",
            "",
            "x",
            "0",
            "5",
            " 5 ",
            "-5",
            "+5",
            "007",
            "1.5",
            ".5",
            "5.",
            "1e3",
            "1e999",
            "1_0",
        ),
        *("\u0665", "\u00b2", "9" * 25, "9" * 400, "true", "No", "FALSE", "2024-01-31"),
        *("2024-01-31T10:00:00Z", "[1,2]", "null", "{", "'=1", 'say "hi"', "Zo\u00eb\n"),
    ]
)


def whole(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(["users", "events"]), st.data())
def test_the_quick_way_makes_the_record_that_the_plain_way_makes(
    kind: Kind, data: st.DataObject
) -> None:
    known = USER_TITLES if kind == "users" else EVENT_TITLES
    titles = data.draw(st.lists(st.sampled_from(known), unique=True, min_size=1))
    try:
        plan = layout(kind, titles, Choices(), "x.csv")
    except Usage:  # events of nobody
        return
    records = Records(kind, plan, empty_as_null=False)
    assert records.build.__name__ == "<lambda>"
    for _ in range(3):
        cells = data.draw(st.lists(CELLS, min_size=len(titles), max_size=len(titles)))
        problems: list[Problem] = []
        record = records.record(cells, problems)
        try:
            built = records.build(cells)
        except ValueError:
            assert problems
        else:
            assert not problems
            assert whole(built) == whole(record)


@pytest.mark.parametrize("titles", [["uid", "properties", "plan"], ["uid", "a:json", "a.b:int"]])
def test_columns_within_columns_are_left_to_the_plain_way(titles: list[str]) -> None:
    records = Records("users", layout("users", titles, Choices(), "x"), empty_as_null=False)
    first = records.build(["u1", '{"x":1}', "5"])
    assert first["properties"]["x" if titles[1] == "properties" else "a"]
    with pytest.raises(ValueError):
        records.build(["u1", "{", "5"])


def test_names_are_only_names() -> None:
    choices = Choices.parse(mapped=["__import__('os').abort()=lambda"])
    plan = layout("users", ["uid", "__import__('os').abort()"], choices, "x")
    built = Records("users", plan, empty_as_null=False).build(["u1", "5"])
    assert whole(built) == {"uid": "u1", "properties": {"lambda": "5"}}
