"""A story with --mask: nobody in it can be told any more, and what happened still can."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from fsctl.fullstory import story_data
from fsctl.fullstory.masked import masked
from fsctl.fullstory.story import Who, tell
from fsctl.terminal.mask import Masker
from fsctl.terminal.page import write
from fsctl.terminal.timeline import draw
from tests.support.screen import pipe, terminal
from tests.support.session_events import EVENTS, on, row

SECRET = "Zebediah"
ADA = Who(f"{SECRET} Quill", f"{SECRET}@example.com", f"uid-of-{SECRET}", "7400589116837456607")
EVERYWHERE = [
    {
        **row("navigate", 0, f"/u/{SECRET}@example.com?name={SECRET}#{SECRET}"),
        "customer": {"first": SECRET},
    },
    row("click", 1, "/", **on(f"a[title='{SECRET}@example.com']", f"Invoice of {SECRET}")),
    row("change", 2, "/", **on("input#name", SECRET), value=SECRET),
    row("copy", 3, "/", **on("h1", f"{SECRET} Quill, 203.0.113.7")),
    row(
        "network-error", 4, "/", request_method="POST", response_status=502,
        request_url=f"https://shop.example/api/pay?who={SECRET}",
    ),
    row("console-error", 5, "/", message=f"No account {SECRET}@example.com from 203.0.113.7"),
    row(
        "custom", 6, "/", event_name="Gave Up", method=SECRET,
        properties={"name": SECRET, "level": SECRET, "deep": {"list": [SECRET, 203]}},
    ),
    row("something-new", 7, "/", message=SECRET, status=SECRET, name=SECRET),
    {**row("click", 8), "event_properties": [SECRET]},
]  # fmt: skip


@pytest.fixture
def masker() -> Masker:
    return Masker(b"k" * 32)


def test_no_output_of_a_masked_story_holds_a_trace_of_the_person(masker: Masker) -> None:
    story = tell(EVERYWHERE, who=ADA, mask=masker.text)
    outputs = (
        "".join(draw(story, terminal(200))),
        "".join(draw(story, pipe())),
        "".join(write(story, pipe())),
        json.dumps(story_data.as_data(story)),
    )
    for output in outputs:
        assert SECRET.lower() not in output.lower()
        assert "203.0.113.7" not in output
    plain = "".join(draw(tell(EVERYWHERE, who=ADA), pipe()))
    assert plain.count(SECRET) > 10


def test_what_happened_can_still_be_read(masker: Masker) -> None:
    email = masker.token("email", f"{SECRET}@example.com")
    found = "".join(draw(tell(EVERYWHERE, who=ADA, mask=masker.text), pipe()))
    assert "502 POST /api/pay?query-" in found
    assert f"No account {email} from ip-" in found
    assert f"a[title='{email}']" in found
    assert "Gave Up" in found
    assert f"who       {masker.token('name', ADA.name)}, {email}" in found
    assert "id 7400589116837456607" in found


def test_the_persons_own_name_in_an_error_is_a_token_too(masker: Masker) -> None:
    masker.learn("name", ADA.name)
    story = tell([row("console-error", 0, message=f"{ADA.name} has no cart")], mask=masker.text)
    assert story.steps[0].text == f"{masker.token('name', ADA.name)} has no cart"


def test_two_mentions_of_one_value_have_one_token(masker: Masker) -> None:
    story = tell(
        [row("click", 0, **on("a", "Pay")), row("rage-click", 1, **on("a", "Pay"))],
        mask=masker.text,
    )
    first, second = (step.text for step in story.steps)
    assert first == second == masker.token("value", "Pay")


def test_numbers_and_truths_of_a_person_are_tokens_as_well(masker: Masker) -> None:
    event = row("custom", 0, properties={"salary": 91_000, "ill": True, "none": None})
    told = masked(event, masker.text)["event_properties"]["properties"]
    assert told == {
        "salary": masker.token("value", "91000"),
        "ill": masker.token("value", "true"),
        "none": None,
    }


@settings(deadline=None)
@given(EVENTS)
def test_any_events_can_be_masked_and_none_is_lost(events: list[Any]) -> None:
    plain, story = tell(events), tell(events, mask=Masker(b"k" * 32).text)
    assert [step.kind for step in story.steps] == [step.kind for step in plain.steps]
    json.dumps(story_data.as_data(story), default=str)
