"""Options about columns: what was asked for is done, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from fsctl.bulk.mapping import Choices, Layout, layout
from fsctl.errors import Usage
from fsctl.fullstory.batch_jobs import Kind


def plan(titles: str, kind: Kind = "users", **options: Any) -> Layout:
    return layout(kind, titles.split(","), Choices.parse(**options), "'x.csv'")


def paths(found: Layout) -> dict[str, str]:
    return {column.name: column.told for column in found.columns}


def test_fields_are_known_in_any_case_and_properties_as_they_are() -> None:
    assert paths(plan("UID, Email ,Name,Plan")) == {
        "UID": "uid",
        "Email": "email",
        "Name": "display_name",
        "Plan": "properties.Plan",
    }


def test_the_same_name_means_another_thing_of_an_event() -> None:
    found = plan("name,email,USER.UID,context.location.latitude", "events")
    assert paths(found) == {
        "name": "name",
        "email": "properties.email",
        "USER.UID": "user.uid",
        "context.location.latitude": "context.location.latitude (real)",
    }


def test_a_property_may_be_named_as_a_field_is() -> None:
    assert paths(plan("uid,properties.email")) == {
        "uid": "uid",
        "properties.email": "properties.email",
    }


def test_what_lists_of_people_tell_beside_is_left_out_unless_it_is_asked_for() -> None:
    titles = "uid,app_url,is_being_deleted:bool,type_conflicts"
    assert paths(plan(titles)) == {"uid": "uid"}
    assert paths(plan(titles, ignored=["app_url"])) == {"uid": "uid"}
    assert paths(plan(titles, mapped=["app_url=link"], typed=["type_conflicts=json"])) == {
        "uid": "uid",
        "app_url": "properties.link",
        "type_conflicts": "properties.type_conflicts (json)",
    }
    assert paths(plan("uid,properties.app_url"))["properties.app_url"] == "properties.app_url"


def test_of_an_event_such_names_are_properties() -> None:
    assert paths(plan("name,user.uid,app_url", "events"))["app_url"] == "properties.app_url"


def test_columns_are_mapped_ignored_and_typed_by_name() -> None:
    found = plan(
        "Mail,first name,seats:int,n:x,zip",
        mapped=["Mail=email", "first name=first_name", "n:x=n"],
        ignored=["zip"],
        typed=["seats=real", "first_name=text"],
    )
    assert paths(found) == {
        "Mail": "email",
        "first name": "properties.first_name",
        "seats": "properties.seats (real)",
        "n:x": "properties.n",
    }


def test_a_column_name_may_hold_an_equals_sign() -> None:
    assert paths(plan("a=b", mapped=["a=b=plan"])) == {"a=b": "properties.plan"}


@pytest.mark.parametrize("option", ["mapped", "ignored", "typed"])
def test_an_option_about_a_column_that_is_not_there_is_refused(option: str) -> None:
    value = {"mapped": "plan=x", "ignored": "plan", "typed": "plan=int"}[option]
    options: dict[str, Any] = {option: [value]}
    with pytest.raises(Usage, match="no column 'plan'") as caught:
        plan("uid,plans", **options)
    assert caught.value.hint == "Its columns are: 'uid', 'plans'."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mapped": ["a"]}, "--map 'a' is not of the form column=field"),
        ({"mapped": ["=a"]}, "--map '=a'"),
        ({"typed": ["a="]}, "--type 'a=' is not of the form column=type"),
        ({"typed": ["a=number"]}, "--type a=number is none that is known"),
    ],
)
def test_an_option_of_another_form_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Usage, match=message):
        Choices.parse(**options)


def test_two_columns_may_not_be_mapped_to_one_field() -> None:
    with pytest.raises(Usage, match=r"'a' and 'b' of .* are both email"):
        plan("a,b", mapped=["a=email", "b=email"])
    assert paths(plan("a,email", mapped=["a=email"], ignored=["email"])) == {"a": "email"}


@pytest.mark.parametrize(
    ("titles", "message", "hint"),
    [
        ("name,uid", "says whose its events are", "--map uid=user.uid"),
        ("event,user.uid", "names its events", "--map name=NAME"),
    ],
)
def test_events_of_nobody_and_without_a_name_are_refused(
    titles: str, message: str, hint: str
) -> None:
    with pytest.raises(Usage, match=message) as caught:
        plan(titles, "events")
    assert caught.value.hint is not None
    assert message and hint.split("=")[0] in caught.value.hint


def test_choices_are_told_the_same_in_any_order() -> None:
    one = Choices.parse(["a=b", "c=d"], ["x", "y"], ["n=int", "m=date"], empty_as_null=True)
    other = Choices.parse(["c=d", "a=b"], ["y", "x"], ["m=date", "n=int"], empty_as_null=True)
    assert one.as_facts() == other.as_facts()
    assert one.as_facts() == {
        "--map": "a=b, c=d",
        "--ignore": "x, y",
        "--type": "m=date, n=int",
        "--empty-as-null": "given",
    }
    assert Choices().as_facts() == {}
