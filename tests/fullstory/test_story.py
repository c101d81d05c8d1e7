"""From rows of events to a story: in order, page by page, and nothing lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from fsctl.fullstory import story_data
from fsctl.fullstory.steps import is_from_server, sort_of, tell
from fsctl.fullstory.story import ANOTHER_TAB, Bin, Who, chapters
from fsctl.fullstory.story import tell as tell_story
from tests.support.session_events import AGENT, EVENTS, on, row

CHECKOUT = [
    row("navigate", 0, "/", navigate_reason="navigate"),
    row("click", 4.5, "/", **on("a.cart", "Cart")),
    row("navigate", 5, "/cart", "2", navigate_reason="reload"),
    row("rage-click", 65, "/cart", "2", **on("button.pay", "Pay"), click_count=7),
    row("console-error", 66, "/cart", "2", message="boom", level="error"),
    row("custom", 90, "/cart", "2", event_name="Gave Up", properties={"plan": {"name": "pro"}}),
]


def test_the_summary_says_who_when_how_long_on_what_and_what_went_wrong() -> None:
    story = tell_story(CHECKOUT, who=Who("Ada", "ada@example.com"), replay="https://x.example/")

    assert (story.session, story.replay) == ("17117:5916567459329906423", "https://x.example/")
    assert story.began == datetime(2024, 4, 3, 17, 6, tzinfo=UTC)
    assert story.ended == datetime(2024, 4, 3, 17, 7, 30, tzinfo=UTC)
    assert story.length == 90
    assert (story.device, story.system, story.browser) == ("Desktop", "OS X", "Chrome 123.0.0.0")
    assert [(page.url, page.reason, page.at) for page in story.pages] == [
        ("https://shop.example/", "navigate", 0),
        ("https://shop.example/cart", "reload", 5),
    ]
    assert story.signals == {"console-error": 1, "rage-click": 1}
    assert story.kinds["navigate"] == 2


def test_a_step_has_its_time_since_the_start_and_what_it_was_about() -> None:
    steps = tell_story(CHECKOUT).steps

    assert [(step.at, step.kind, step.text, step.place) for step in steps] == [
        (0, "navigate", "navigate", ""),
        (4.5, "click", "Cart", "a.cart"),
        (5, "navigate", "reload", ""),
        (65, "rage-click", "Pay", "button.pay"),
        (66, "console-error", "boom", ""),
        (90, "custom", "Gave Up", ""),
    ]
    assert steps[3].more == (("click_count", "7"),)
    assert steps[5].more == (("plan.name", "pro"),)


def test_a_chapter_is_what_happened_on_one_page() -> None:
    told = [
        (chapter.begins and chapter.begins.begins and chapter.begins.begins.url,
         [step.kind for step in chapter.steps])
        for chapter in chapters(tell_story(CHECKOUT))
    ]  # fmt: skip
    assert told == [
        ("https://shop.example/", ["click"]),
        ("https://shop.example/cart", ["rage-click", "console-error", "custom"]),
    ]


def test_asked_for_some_steps_chapters_keep_the_pages_they_are_on() -> None:
    found = list(chapters(tell_story(CHECKOUT), lambda step: step.is_signal))
    assert [len(chapter.steps) for chapter in found] == [2]
    assert found[0].begins is not None and found[0].begins.text == "reload"

    only_pages = list(chapters(tell_story(CHECKOUT), lambda step: step.sort == "page"))
    assert [(bool(chapter.begins), chapter.steps) for chapter in only_pages] == [(True, [])] * 2


def test_events_come_in_order_of_time_and_one_without_a_time_stays_behind_its_neighbour() -> None:
    late, early = row("click", 9, **on("a", "late")), row("click", 1, **on("a", "early"))
    timeless = {**row("click", 0, **on("a", "timeless")), "event_time": None}

    story = tell_story([late, timeless, early])

    assert [(step.text, step.at) for step in story.steps] == [
        ("early", 0),
        ("late", 8),
        ("timeless", None),
    ]
    assert [step.number for step in story.steps] == [1, 2, 3]


def test_a_page_begins_where_the_address_changes_without_a_navigate() -> None:
    story = tell_story([row("click", 0, "/a"), row("click", 1, "/a"), row("click", 2, "/b")])
    assert [page.url[-2:] for page in story.pages] == ["/a", "/b"]


def test_coming_back_to_another_tab_is_told_and_is_no_new_page() -> None:
    story = tell_story(
        [row("click", 0, "/a", "1"), row("click", 1, "/b", "2"), row("click", 2, "/a", "1")]
    )
    assert [page.reason for page in story.pages] == ["", "", ANOTHER_TAB]
    assert story.visited == 2


def test_the_same_address_in_another_tab_is_another_page() -> None:
    story = tell_story([row("click", 0, "/a", "1"), row("click", 1, "/a", "2")])
    assert story.visited == 2


def test_what_a_server_sent_is_on_no_page() -> None:
    sent = {
        **row("custom", 2, event_name="Refund"),
        "source_type": "server",
        "source_properties": {"url": "https://evil.example/"},
        "view_id": None,
    }
    story = tell_story([row("navigate", 0, "/a"), sent, row("click", 3, "/a")])
    assert len(story.pages) == 1
    assert story.steps[1].text == "Refund"


def marked(second: float) -> Any:
    """The mark of a support engineer on a session."""
    return row("custom", second, event_name="Support Ticket") | {"source_type": "server"}


def test_what_a_server_sends_a_day_later_makes_no_session_longer() -> None:
    bare, story = tell_story(CHECKOUT), tell_story([marked(-60), *CHECKOUT, marked(86_400)])

    assert (story.began, story.ended, story.length) == (bare.began, bare.ended, bare.length)
    assert story.density(6) == bare.density(6)
    assert [story.steps[at].at for at in (0, 1, -1)] == [-60, 0, 86_400]
    data = story_data.as_data(story)
    assert data["duration_seconds"] == 90
    assert data["end_time"] == "2024-04-03T17:07:30.000Z"
    assert data["events"] == 8
    assert [part["steps"] for part in data["density"]] == [part.steps for part in bare.density(60)]


def test_a_session_of_server_events_alone_lasts_as_long_as_these() -> None:
    story = tell_story([marked(0), marked(30)])
    assert (story.length, [part.steps for part in story.density(2)]) == (30, [1, 1])


def test_density_counts_steps_and_signals_in_equal_parts_of_the_time() -> None:
    assert tell_story(CHECKOUT).density(3) == [Bin(3, 0, 0), Bin(0, 0, 0), Bin(3, 1, 1)]
    assert tell_story([]).density(2) == [Bin(0, 0, 0)] * 2
    assert tell_story([row("click"), row("click")]).density(2) == [Bin(2, 0, 0), Bin(0, 0, 0)]


@pytest.mark.parametrize(
    ("kind", "properties", "text", "place", "more"),
    [
        ("change", on("input#card", masked=True), "(masked)", "input#card", {}),
        ("change", on("input#name", "Name"), "Name", "input#name", {}),
        ("click", {"target": {"selector": "a", "text": "Go", "id": "x"}}, "Go", "a",
         {"target.id": "x"}),
        ("network-error",
         {"request_method": "POST", "request_url": "https://shop.example/api/pay?a=1",
          "response_status": 502}, "502 POST /api/pay?a=1", "", {}),
        ("network-error", {"request_url": "https://cdn.example/x.js"}, "https://cdn.example/x.js",
         "", {}),
        ("custom", {"event_name": "Paid", "properties": {"sum": 2.5, "tags": ["a", 1], "no": None}},
         "Paid", "", {"sum": "2.5", "tags": '["a", 1]'}),
        ("custom", {"name": "Paid", "event_name": ""}, "Paid", "", {}),
        ("scroll-of-tomorrow", {"depth": {"percent": 40}}, "", "", {"depth.percent": "40"}),
        ("element-seen", {}, "", "", {}),
    ],
)  # fmt: skip
def test_each_type_is_told_by_what_matters_in_it(
    kind: str, properties: Any, text: str, place: str, more: dict[str, str]
) -> None:
    told = tell(row(kind, 0, "/cart", **properties))
    assert (told.text, told.place, dict(told.more)) == (text, place, more)


@pytest.mark.parametrize(
    ("kind", "sort"),
    [
        ("console-error", "error"),
        ("network-error", "error"),
        ("Network_Error", "error"),
        ("app-crash", "error"),
        ("uncaught-exception", "error"),
        ("error-click", "frustration"),
        ("rage-click", "frustration"),
        ("dead_click", "frustration"),
        ("mouse-thrash", "frustration"),
        ("input-change", "input"),
        ("navigate", "page"),
        ("custom", "custom"),
        ("element-seen", "other"),
        ("", "other"),
    ],
)
def test_types_are_sorted_by_what_they_mean(kind: str, sort: str) -> None:
    assert sort_of(kind) == sort


@pytest.mark.parametrize(
    ("time", "second"),
    [
        ("2024-04-03T17:06:12.290Z", 12.29),
        ("2024-04-03T19:06:12+02:00", 12),
        ("2024-04-03T17:06:12", 12),
        ("1712163972", 12),
        (1712163972, 12),
        (1712163972000, 12),
        ("1712163972000", 12),
    ],
)
def test_a_time_may_be_iso_or_an_epoch(time: Any, second: float) -> None:
    story = tell_story([row("navigate"), {**row("click"), "event_time": time}])
    assert story.steps[1].at == pytest.approx(second, abs=1e-3)


@pytest.mark.parametrize(
    "time", [None, "", "soon", True, [], {"a": 1}, 1e400, "9" * 400, "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_is_none_and_is_not_lost(time: Any) -> None:
    step = tell_story([{**row("click"), "event_time": time}]).steps[0]
    assert step.at is None
    assert time in (None, "", []) or "event_time" in dict(step.more)


def test_rows_that_are_hardly_events_are_steps_all_the_same() -> None:
    odd = [{}, {"event_type": 7, "why": "?"}, {"event_properties": ["x"], "source_properties": 1}]

    story = tell_story(odd)

    assert [(step.kind, dict(step.more)) for step in story.steps] == [
        ("unknown", {}),
        ("unknown", {"why": "?", "event_type": "7"}),
        ("unknown", {"event_properties": '["x"]'}),
    ]
    assert (story.began, story.length, story.session, story.device) == (None, 0, "", "")


def test_as_data_the_story_is_one_object_with_the_apis_own_properties() -> None:
    data = story_data.as_data(tell_story(CHECKOUT, who=Who("Ada", "ada@example.com", "ada", "1")))

    assert data["user"] == {
        "id": "1", "uid": "ada", "display_name": "Ada", "email": "ada@example.com",
    }  # fmt: skip
    assert data["start_time"] == "2024-04-03T17:06:00.000Z"
    assert data["end_time"] == "2024-04-03T17:07:30.000Z"
    assert data["signals"] == {"console-error": 1, "rage-click": 1}
    assert sum(part["steps"] for part in data["density"]) == len(CHECKOUT)
    assert data["steps"][3] == {
        "at": 65.0,
        "time": "2024-04-03T17:07:05.000Z",
        "type": "rage-click",
        "text": "Pay",
        "selector": "button.pay",
        "page": 2,
        "url": "https://shop.example/cart",
        "properties": {**on("button.pay", "Pay"), "click_count": 7},
    }


def test_data_of_some_steps_keep_the_summary_of_all() -> None:
    data = story_data.as_data(tell_story(CHECKOUT), lambda step: step.kind == "custom")
    assert [step["text"] for step in data["steps"]] == ["Gave Up"]
    assert (data["events"], data["pages"], data["browser"]) == (6, 2, "Chrome 123.0.0.0")


def test_data_keep_fields_of_a_row_that_nobody_knows() -> None:
    rows = list(story_data.as_rows(tell_story([{**row("click"), "heat": 3}])))
    assert rows[0]["other"] == {"heat": 3}


def test_the_machine_is_told_by_the_first_event_that_knows_it() -> None:
    bare = {**row("click"), "source_properties": None}
    app = {**row("click", 1), "source_properties": {"user_agent": {"browser": "Fernhill"}}}
    assert tell_story([bare, app]).browser == "Fernhill"
    assert AGENT["device"] == tell_story([bare, row("click")]).device


@settings(deadline=None)
@given(EVENTS)
def test_any_list_of_objects_gives_a_story_that_loses_none(events: list[Any]) -> None:
    story = tell_story(events)

    assert len(story.steps) == len(events) == sum(story.kinds.values())
    assert {id(step.event) for step in story.steps} == {id(event) for event in events}
    assert len(list(story_data.as_rows(story))) == len(events)
    in_chapters = [step for chapter in chapters(story) for step in chapter.steps]
    pages = [step for step in story.steps if step.sort == "page"]
    assert sorted(in_chapters + pages, key=lambda step: step.number) == list(story.steps)
    within = [step for step in story.steps if step.at is not None and 0 <= step.at <= story.length]
    assert sum(part.steps for part in story.density(7)) == len(within)
    own = (step for step in story.steps if not is_from_server(step.event))
    assert all(step.at is None or 0 <= step.at <= story.length for step in own)
