"""Segments and exports as Fullstory is asked for them, and how odd answers are taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from fsctl.errors import FsctlError, OutcomeUnknown, Refused, Unavailable, Usage
from fsctl.fullstory import segments
from fsctl.fullstory.operations import CREATE_SEGMENT_EXPORT
from fsctl.fullstory.segments import Wanted, creation, segment_id
from fsctl.fullstory.types import Answer, Call, Repeat

_RANGE = {
    "type": "object",
    "required": ["start", "end"],
    "additionalProperties": False,
    "properties": {
        end: {"type": "string", "pattern": r"^$|^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
        for end in ("start", "end")
    },
}
# There is no official schema of this request; this one is the documented parameters' (§2.6).
REQUEST = {
    "type": "object",
    "required": ["segmentId", "type", "format", "timeRange"],
    "additionalProperties": False,
    "properties": {
        "segmentId": {"type": "string", "minLength": 1},
        "type": {"enum": ["TYPE_EVENT", "TYPE_INDIVIDUAL"]},
        "format": {"enum": ["FORMAT_JSON", "FORMAT_CSV", "FORMAT_NDJSON"]},
        "timeRange": _RANGE,
        "segmentTimeRange": _RANGE,
        "timezone": {"type": "string"},
        "fields": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "eventDetails": {"type": "object"},
    },
}


class Scripted:
    """A caller that gives prepared answers, and keeps what it was asked."""

    def __init__(self, *bodies: Any) -> None:
        self.bodies = list(bodies)
        self.asked: list[Call] = []

    def call(self, call: Call) -> Answer:
        self.asked.append(call._replace(values=dict(call.values)))
        return Answer(self.bodies.pop(0), "proxy", 200)


def listed(*bodies: Any, **more: Any) -> tuple[list[str], Scripted]:
    caller = Scripted(*bodies)
    pages = segments.list_segments(caller, **more)  # type: ignore[arg-type]
    return [str(row["id"]) for page in pages for row in page], caller


def page(ids: Sequence[str], token: Any = None) -> dict[str, Any]:
    told: dict[str, Any] = {"segments": [{"id": one} for one in ids]}
    return told | ({"nextPaginationToken": token} if token is not None else {})


@pytest.mark.parametrize("kind", ["individuals", "events"])
@pytest.mark.parametrize("form", ["json", "csv", "ndjson"])
def test_what_is_sent_is_as_documented(kind: Any, form: Any) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    for wanted in (
        Wanted("kX2pQ9", kind, form),
        Wanted("everyone", kind, form, moment, None, ["UserEmail"]),
        Wanted("everyone", kind, form, None, moment),
    ):
        call = creation(wanted)
        jsonschema.Draft202012Validator(REQUEST).validate(call.values)
        assert call.operation.repeatable(call.values) is Repeat.NEVER


def test_pages_are_followed_to_the_last_with_the_same_filter() -> None:
    ids, caller = listed(page("ab", "t1"), page("c", "t2"), page("", ""), creator="a@b.c")
    assert ids == ["a", "b", "c"]
    assert [call.values.get("paginationToken") for call in caller.asked] == [None, "t1", "t2"]
    assert all(call.values["creator"] == "a@b.c" for call in caller.asked)


def test_a_limit_ends_the_list_where_it_is_reached() -> None:
    ids, caller = listed(page("abc", "t1"), limit=2)
    assert ids == ["a", "b"]
    assert [call.values["limit"] for call in caller.asked] == [2]
    ids, _ = listed(page("a" * 100, "t1"), page("b" * 100, "t2"), limit=150)
    assert len(ids) == 150


def test_a_token_that_comes_again_ends_the_list_with_a_failure() -> None:
    with pytest.raises(Unavailable, match="repeated"):
        listed(page("a", "t"), page("b", "t"))


@pytest.mark.parametrize("odd", [None, [], "x", {"segments": {}}, {"segments": ["x"]}])
def test_an_odd_answer_is_no_empty_list(odd: Any) -> None:
    with pytest.raises(Unavailable):
        listed(odd)


def test_an_answer_without_segments_is_an_empty_list() -> None:
    assert listed({})[0] == []


@pytest.mark.parametrize("odd", [{}, {"operationId": ""}, {"operationId": 5}, [], None])
def test_an_export_without_an_operation_may_have_been_begun(odd: Any) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        segments.create_export(Scripted(odd), Wanted("x", "events", "csv"))  # type: ignore[arg-type]
    assert caught.value.hint == CREATE_SEGMENT_EXPORT.check


def standing(body: Any) -> segments.Operation:
    return segments.standing(Scripted(body), "42")  # type: ignore[arg-type]


def test_a_standing_is_read_in_both_spellings() -> None:
    done = standing(
        {
            "type": "SEARCH_EXPORT",
            "state": "COMPLETED",
            "estimatePctComplete": "100",
            "results": {"searchExportId": "e", "expires": "2026-01-01T00:00:00Z"},
        }
    )
    assert done == segments.Operation("42", "COMPLETED", 100, "", "e")
    half = standing({"state": "running", "estimate_pct_complete": 41.7, "results": None})
    assert (half.state, half.percent, half.export_id) == ("RUNNING", 41, None)
    odd: Any
    for odd in (-1, 101, "a lot", True, None, [], 10**400):
        assert standing({"state": "PENDING", "estimatePctComplete": odd}).percent is None


@pytest.mark.parametrize("odd", [{}, {"state": 1}, [], None, "PENDING"])
def test_an_operation_without_a_state_is_an_odd_answer(odd: Any) -> None:
    with pytest.raises(Unavailable):
        standing(odd)


@pytest.mark.parametrize("hostile", ["../../x", "a/b", "..", "%2e%2e", "a\nb"])
def test_an_id_that_would_climb_out_of_its_path_is_an_odd_answer(hostile: str) -> None:
    with pytest.raises(Unavailable) as caught:
        standing({"state": "COMPLETED", "results": {"searchExportId": hostile}})
    assert caught.value.code == "unreadable"
    with pytest.raises(OutcomeUnknown):
        segments.create_export(
            Scripted({"operationId": hostile}),  # type: ignore[arg-type]
            Wanted("s", "events", "csv"),
        )


def test_an_operation_of_another_kind_is_no_export() -> None:
    with pytest.raises(Refused, match="not an export"):
        standing({"type": "USER_DELETE", "state": "COMPLETED"})


@pytest.mark.parametrize("odd", [{}, {"location": ""}, {"location": 5}, [], None])
def test_a_result_without_an_address_is_an_odd_answer(odd: Any) -> None:
    with pytest.raises(FsctlError) as caught:
        segments.signed_address(Scripted(odd), "e")  # type: ignore[arg-type]
    assert isinstance(caught.value, Unavailable)


def test_a_segment_is_named_by_its_id_or_its_address() -> None:
    assert segment_id(" htIXCSMv9Q9M ") == "htIXCSMv9Q9M"
    address = "https://app.fullstory.com/ui/ORG/segments/htIXCSMv9Q9M/people:search:abc/0?x=1"
    assert segment_id(address) == "htIXCSMv9Q9M"
    for wrong in (
        "",
        "  ",
        "a/b",
        "https://app.fullstory.com/ui/ORG/home",
        "https://e.vil/ui/O/segments/x",
    ):
        with pytest.raises(Usage):
            segment_id(wrong)
