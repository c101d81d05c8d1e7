"""What of that which commands send an action catalogue can carry."""

from __future__ import annotations

from typing import Any

import pytest

from fsctl.fullstory.coverage import Coverage, coverage
from fsctl.membrane.gateway import Action
from fsctl.sandbox.actions import ACTIONS, Style

TEXT = {"type": "string"}


def catalogue(style: Style, **changed: Any) -> list[Action]:
    """The sandbox's actions; ``changed`` are other input schemas, by key with underscores."""
    return [
        Action(
            id=each.id,
            name=each.name,
            key=None if style.keyless else each.key,
            input_schema=changed.get(each.key.replace("-", "_"), each.input_schema(style)),
        )
        for each in ACTIONS
        if each.key not in style.missing
    ]


def of(key: str, actions: list[Action]) -> Coverage:
    return next(each for each in coverage(actions) if each.action == key)


@pytest.mark.parametrize(
    "words", ["", "camel", "flattened", "camel,flattened", "keyless", "camel,flattened,keyless"]
)
def test_every_input_has_its_place_in_every_style_of_catalogue(words: str) -> None:
    covered = coverage(catalogue(Style.parse(words)))
    assert sorted(each.action for each in covered) == sorted(each.key for each in ACTIONS)
    assert [each for each in covered if not each.usable or each.unfitted] == []


def test_an_action_that_is_not_there_carries_nothing() -> None:
    found = of("get-user", catalogue(Style.parse("missing:get-user")))
    assert found == Coverage("get-user", found=False)
    assert not found.usable
    assert not any(each.usable for each in coverage([]))


def test_an_action_that_tells_no_schema_carries_nothing() -> None:
    actions = [each._replace(input_schema=None) for each in catalogue(Style())]
    assert of("get-user", actions) == Coverage("get-user", found=True)
    assert not of("get-user", actions).usable


def test_inputs_without_a_place_are_named_and_the_others_still_go() -> None:
    schema = {"type": "object", "properties": {"text": TEXT, "start_time": TEXT}}
    found = of("create-annotation", catalogue(Style(), create_annotation=schema))
    assert (found.usable, found.unfitted) == (True, ("end_time", "source"))


def test_an_object_of_which_nothing_has_a_place_is_named_as_a_whole() -> None:
    device = {"type": "object", "properties": {"model": TEXT, "manufacturer": TEXT}}
    schema = {
        "type": "object",
        "properties": {
            **dict.fromkeys(("name", "timestamp"), TEXT),
            "user": {"type": "object", "properties": {"id": TEXT}},
            "properties": {"type": "object"},
            "schema": {"type": "object"},
            "context": {"type": "object", "properties": {"device": device}},
        },
    }
    found = of("create-event", catalogue(Style(), create_event=schema))
    screens = [f"context.device.{each}_{way}" for each in ("screen", "viewport") for way in SIZE]
    expected = ["session", "context.browser", "context.mobile", *screens, "context.location"]
    assert list(found.unfitted) == expected


SIZE = ("width", "height")


def test_a_required_input_that_fsctl_never_sends_makes_an_action_unusable() -> None:
    schema = {
        "type": "object",
        "properties": {"id": TEXT, "region": TEXT},
        "required": ["id", "region"],
    }
    found = of("delete-user", catalogue(Style(), delete_user=schema))
    assert (found.unknown, found.usable) == (("region",), False)
