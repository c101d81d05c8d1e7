"""An annotation is checked in full before it is sent: it can never be changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fsctl.errors import Usage
from fsctl.fullstory.annotations import create, created
from fsctl.fullstory.operations import CREATE_ANNOTATION
from fsctl.fullstory.types import Call

NOW = datetime(2024, 6, 29, 14, 23, 23, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def values(text: str = "v1", **more: Any) -> dict[str, Any]:
    call = create(text, now=NOW, **more)
    assert call.operation is CREATE_ANNOTATION
    return dict(call.values)


def test_alone_it_is_text_only_and_fullstorys_clock_gives_the_start() -> None:
    assert values() == {"text": "v1"}


def test_everything_that_is_given_goes() -> None:
    assert values(start=NOW, end=LATER, source="CI") == {
        "text": "v1",
        "start_time": "2024-06-29T14:23:23Z",
        "end_time": "2024-06-29T14:28:23Z",
        "source": "CI",
    }


def test_a_point_in_time_has_no_end() -> None:
    assert values(start=NOW) == {"text": "v1", "start_time": "2024-06-29T14:23:23Z"}


@pytest.mark.parametrize(
    ("start", "begins"), [(None, "2024-06-29T14:23:23Z"), (LATER, "2024-06-29T14:28:23Z")]
)
def test_a_duration_is_measured_from_the_start_or_from_now(
    start: datetime | None, begins: str
) -> None:
    made = values(start=start, duration=0.5)
    assert made["start_time"] == begins
    assert made["end_time"] == begins.replace("23Z", "23.500Z")


def test_an_end_alone_is_measured_from_now() -> None:
    assert values(end=LATER)["start_time"] == "2024-06-29T14:23:23Z"


@pytest.mark.parametrize(
    "more",
    [
        {"start": LATER, "end": NOW},
        {"start": NOW, "end": NOW},
        {"end": NOW - timedelta(seconds=1)},
        {"end": NOW},
        {"start": NOW, "end": NOW + timedelta(microseconds=999)},
        {"duration": 0.0004},
    ],
    ids=["before", "equal", "past", "now", "equal when rounded", "too short"],
)
def test_an_end_has_to_be_after_the_start_as_they_are_sent(more: dict[str, Any]) -> None:
    with pytest.raises(Usage, match="is not after the start"):
        values(**more)


def test_a_millisecond_is_after() -> None:
    made = values(start=NOW, end=NOW + timedelta(milliseconds=1))
    assert made["end_time"] == "2024-06-29T14:23:23.001Z"


def test_an_end_and_a_duration_exclude_each_other() -> None:
    with pytest.raises(Usage, match="Both an end and a duration"):
        values(end=LATER, duration=5.0)


@pytest.mark.parametrize("character", ["a", "é", "e\u0301", "界", "🚀", "👩\u200d🚀"])
@pytest.mark.parametrize(("field", "most"), [("text", 200), ("source", 40)])
def test_lengths_are_counted_in_code_points(field: str, most: int, character: str) -> None:
    fitting = (character * most)[:most]
    whole = {"text": "v1", field: fitting}
    assert values(**whole)[field] == fitting
    with pytest.raises(Usage) as ended:
        values(**{**whole, field: fitting + "x"})
    assert f"has {most + 1} characters; Fullstory takes at most {most}" in ended.value.message
    assert ended.value.hint == "Shorten it by 1."


@pytest.mark.parametrize("empty", ["", " ", "\n\t", "\u3000"])
@pytest.mark.parametrize("field", ["text", "source"])
def test_nothing_is_no_text(field: str, empty: str) -> None:
    with pytest.raises(Usage, match="is empty"):
        values(**{"text": "v1", field: empty})


@pytest.mark.parametrize("field", ["text", "source"])
def test_half_a_character_is_refused(field: str) -> None:
    with pytest.raises(Usage, match="not valid UTF-8") as ended:
        values(**{"text": "v1", field: "bad \udcff"})
    ended.value.message.encode()


def test_space_around_a_text_does_not_count() -> None:
    assert values(f"  {'a' * 200}\n")["text"] == "a" * 200


# -- the echo

SENT = Call(CREATE_ANNOTATION, {"text": "v1", "source": "CI"})


def test_the_echo_is_the_annotation() -> None:
    echo = {"text": "v1!", "start_time": "s", "end_time": "e", "source": "x", "extra": 1}
    assert created(SENT, echo) == echo


@pytest.mark.parametrize("body", [None, {}, [], "ok", {"text": None, "source": ""}])
def test_what_is_not_echoed_is_as_it_was_sent(body: Any) -> None:
    assert created(SENT, body) == {
        "text": "v1",
        "start_time": None,
        "end_time": None,
        "source": "CI",
    }


def test_a_point_in_time_ends_when_it_starts() -> None:
    assert created(SENT, {"start_time": "s"})["end_time"] == "s"
    assert created(SENT, {"start_time": "s", "end_time": None})["end_time"] == "s"


def test_an_echo_in_camel_case_is_told_in_fullstorys_own_names() -> None:
    assert created(SENT, {"startTime": "s", "endTime": "e"}) == {
        "text": "v1",
        "start_time": "s",
        "end_time": "e",
        "source": "CI",
    }
