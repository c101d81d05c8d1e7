"""A story with --mask: nobody in it can be told any more, and what happened still can."""

from __future__ import annotations

import json
import re
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
    row("custom", 9, "/", event_name="Buy", name=f"Paid by {SECRET}"),
    row("click", 10, "/", message=SECRET, level=SECRET, **on("a", "Pay")),
    row("network-error", 11, "/", request_method="GET", message=f"no {SECRET}"),
    row("console-error", 12, "/", message=f'failed: {{"who": "{SECRET}"}} token={SECRET}'),
    row("console-error", 13, f"/u;sid={SECRET}", message="x", level=[{"of": SECRET}]),
    row(f"weird {SECRET} Quill", 14, "/"),
    {**row("click", 15), "event_time": f"when {SECRET} came"},
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


def test_the_name_of_a_custom_event_stands_where_no_other_tells_it(masker: Masker) -> None:
    story = tell(
        [row("custom", 0, name="Gave Up"), row("custom", 1, event_name="Buy", name="Zoe")],
        mask=masker.text,
    )
    assert [step.text for step in story.steps] == ["Gave Up", "Buy"]
    assert story.steps[1].more == (("name", masker.token("value", "Zoe")),)


def test_the_persons_name_is_a_token_in_an_address_and_in_an_odd_type(masker: Masker) -> None:
    masker.learn_person({"display_name": "Ada Lovelace"})
    url = "/users/Ada%20Lovelace"
    events = [row("click", 0, url, **on("a", "x")), row("weird-Ada Lovelace", 1, url)]
    odd = [row("weird.Ada", 2), row("seen-by-them", 3)]
    output = json.dumps(story_data.as_data(tell([*events, *odd], mask=masker.text)))
    assert not re.search("Ada|Lovelace", output), output
    assert f"/users/{masker.token('name', 'Ada Lovelace')}" in output
    assert "seen-by-them" in output


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
    assert [step.sort for step in story.steps] == [step.sort for step in plain.steps]
    json.dumps(story_data.as_data(story), default=str)
