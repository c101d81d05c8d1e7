from __future__ import annotations

from typing import Any

import pytest

from fsctl.sandbox.show import summary
from tests.support.fullstory import Fullstory

NOW = "2026-03-01T09:00:00.000Z"


@pytest.fixture
def fullstory() -> Fullstory:
    return Fullstory()


def test_the_four_fields_come_back_and_no_id(fullstory: Fullstory) -> None:
    annotation = {
        "text": "Code Release",
        "start_time": "2024-06-29T14:23:23Z",
        "end_time": "2024-06-29T16:25:02+02:00",
        "source": "Deploy Pipeline",
    }
    assert fullstory.ok("POST", "/v2/annotations", annotation) == annotation


def test_an_annotation_is_a_point_in_time_now_unless_told_otherwise(fullstory: Fullstory) -> None:
    assert fullstory.ok("POST", "/v2/annotations", {"text": "Release"}) == {
        "text": "Release",
        "start_time": NOW,
        "end_time": NOW,
        "source": "",
    }


def test_the_end_defaults_to_the_start(fullstory: Fullstory) -> None:
    body = {"text": "Release", "start_time": "2024-06-29T14:23:23Z"}
    assert fullstory.ok("POST", "/v2/annotations", body)["end_time"] == "2024-06-29T14:23:23Z"


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": None}, {"source": "CI"}])
def test_the_text_is_required(fullstory: Fullstory, body: dict[str, Any]) -> None:
    error = fullstory.refused("POST", "/v2/annotations", body)
    assert error == (400, "invalid_argument", "text is required")


@pytest.mark.parametrize(("field", "most"), [("text", 200), ("source", 40)])
def test_lengths_are_counted_in_code_points(fullstory: Fullstory, field: str, most: int) -> None:
    fullstory.ok("POST", "/v2/annotations", {"text": "x", field: "🚀" * most})
    error = fullstory.refused("POST", "/v2/annotations", {"text": "x", field: "y" * (most + 1)})
    assert error[:2] == (400, "invalid_argument")


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_time": "2024-06-29T14:23:23Z", "end_time": "2024-06-29T14:23:23Z"},
        {"start_time": "2024-06-29T14:23:23Z", "end_time": "2024-06-29T15:23:23+02:00"},
        {"end_time": "2020-01-01T00:00:00Z"},
        {"start_time": "now"},
        {"end_time": "2024-06-29"},
        {"start_time": 1_719_670_003},
        {"text": ["x"]},
        {"source": 7},
    ],
)
def test_an_annotation_that_breaks_a_rule_is_refused_and_not_kept(
    fullstory: Fullstory, wrong: dict[str, Any]
) -> None:
    error = fullstory.refused("POST", "/v2/annotations", {"text": "Release", **wrong})
    assert error[:2] == (400, "invalid_argument")
    assert summary(fullstory.store)["annotations"] == []


def test_annotations_cannot_be_read_through_the_api(fullstory: Fullstory) -> None:
    fullstory.ok("POST", "/v2/annotations", {"text": "Release"})
    assert fullstory.refused("GET", "/v2/annotations")[:2] == (404, "resource_not_found")


def test_an_idempotency_key_does_not_keep_an_annotation_from_being_drawn_twice(
    fullstory: Fullstory,
) -> None:
    for _ in range(2):
        fullstory.ok("POST", "/v2/annotations", {"text": "Release"}, key="same")
    assert [kept["text"] for kept in summary(fullstory.store)["annotations"]] == ["Release"] * 2


def test_annotations_are_kept_for_the_sandbox_to_show_newest_first(fullstory: Fullstory) -> None:
    fullstory.ok("POST", "/v2/annotations", {"text": "one", "source": "CI"})
    fullstory.clock.advance(60)
    fullstory.ok("POST", "/v2/annotations", {"text": "two"})
    first = summary(fullstory.store)["annotations"][0]
    assert first == {
        "text": "two",
        "start_time": "2026-03-01T09:01:00.000Z",
        "end_time": "2026-03-01T09:01:00.000Z",
        "source": "",
        "created": "2026-03-01T09:01:00.000Z",
    }
