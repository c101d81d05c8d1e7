"""Properties as people type them: a text unless a type is said, nested by a dot."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.fullstory.assignments import Given, collect
from fsctl.fullstory.properties import check_properties

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
BERLIN = timezone(timedelta(hours=1))


def read(*assignments: str, document: Any = None, schema: tuple[str, ...] = ()) -> Given:
    body = None if document is None else json.dumps(document).encode()
    return collect(assignments, body, schema, now=NOW, zone=BERLIN)


def one(assignment: str) -> tuple[Any, str | None]:
    """The value of the only property, and the type that is declared for it."""
    found = read(assignment)
    (value,) = found.properties.values()
    return value, next(iter(found.types.values()), None)


def refused(*assignments: str, **more: Any) -> str:
    with pytest.raises(Usage) as caught:
        read(*assignments, **more)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("assignment", "value", "declared"),
    [
        ("plan=paid", "paid", None),
        ("zip=01234", "01234", None),
        ("vip=true", "true", None),
        ("empty=", "", None),
        ("formula=a=b:c", "a=b:c", None),
        ("space= x ", " x ", None),
        ("seats:int=5", 5, "int"),
        ("seats:int=-9223372036854775808", -(2**63), "int"),
        ("seats:int= 05 ", 5, "int"),
        ("price:real=49.5", 49.5, None),
        ("price:real=-1e-3", -0.001, None),
        ("price:real=5", 5.0, None),
        ("vip:bool=true", True, None),
        ("vip:bool=No", False, None),
        ("tags:json=[1,\"a\"]", [1, "a"], None),
        ("x:json=null", None, None),
        ("x:json=12345678901234567890", 12345678901234567890, None),
        ("tags:strs=[\"a\"]", ["a"], None),
        ("ids:ints=[1,2]", [1, 2], "ints"),
        ("name:str=5", "5", None),
    ],
)  # fmt: skip
def test_the_type_that_was_said_is_the_type(
    assignment: str, value: Any, declared: str | None
) -> None:
    found, name = one(assignment)
    assert (found, type(found), name) == (value, type(value), declared)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("2024-06-29", "2024-06-29"),
        ("2024-06-29T10:00:00Z", "2024-06-29T10:00:00Z"),
        ("2024-06-29T10:00:00+05:30", "2024-06-29T10:00:00+05:30"),
        ("2024-06-29T10:00:00", "2024-06-29T09:00:00Z"),
        ("2024-06-29 10:00", "2024-06-29T09:00:00Z"),
        ("now", "2026-03-01T09:00:00Z"),
        ("-1d", "2026-02-28T09:00:00Z"),
        ("1719670000", "2024-06-29T14:06:40Z"),
    ],
)
def test_a_date_with_a_zone_or_none_stays_and_any_other_becomes_utc(text: str, sent: str) -> None:
    assert one(f"at:date={text}") == (sent, "date")
    assert check_properties("user", {"at": sent}, {"properties": {"at": "date"}}) == []


def test_a_dot_nests_and_types_are_declared_by_the_whole_path() -> None:
    found = read("company.plan=paid", "company.address.floor:int=3", "solo=1")
    assert found.properties == {
        "company": {"plan": "paid", "address": {"floor": 3}},
        "solo": "1",
    }
    assert found.as_fields()["schema"] == {"properties": {"company.address.floor": "int"}}


def test_an_assignment_replaces_what_the_document_has() -> None:
    document = {"plan": "free", "company": {"seats": 1, "city": "Bonn"}}
    found = read("plan=paid", "company.seats:int=2", document=document)
    assert found.properties == {"plan": "paid", "company": {"seats": 2, "city": "Bonn"}}


def test_types_can_be_declared_for_what_a_document_brings() -> None:
    found = read(document={"a": {"b": 5}}, schema=("a.b=int",))
    assert found == Given({"a": {"b": 5}}, {"a.b": "int"})
    assert read("n:int=5", schema=("n=int",)).types == {"n": "int"}


def test_nothing_given_sends_nothing() -> None:
    assert read().as_fields() == {}
    assert read("a=b").as_fields() == {"properties": {"a": "b"}}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("plan", "-p 'plan' is not of the form KEY=VALUE."),
        ("=x", "-p '=x' is not of the form KEY=VALUE."),
        (":int=5", "-p ':int=5' is not of the form KEY=VALUE."),
        ("a:integer=5", "-p 'a:integer' has a type that does not exist: 'integer'."),
        ("a:b:c=5", "-p 'a:b:c' has a type that does not exist: 'c'."),
        ("a:int=5.0", "-p a:int='5.0' is not an integer."),
        ("a:int=", "-p a:int='' is not an integer."),
        ("a:int=\u0665", "-p a:int='\\u0665' is not an integer."),
        ("a:int=1_000", "-p a:int='1_000' is not an integer."),
        ("a:real=nan", "-p a:real='nan' is not a number."),
        ("a:real=1e999", "-p a:real='1e999' is not a number."),
        ("a:bool=maybe", "-p a:bool='maybe' is not true or false."),
        ("a:json={", "-p a:json cannot be read: it is not JSON"),
        ("a:json=NaN", "-p a:json cannot be read: NaN is not a JSON number."),
        ("a:strs=a,b", "-p a:strs cannot be read: it is not JSON"),
        ("a:ints=5", "-p a:ints='5' is not a JSON array."),
        ("a:date=soon", "-p a:date: 'soon' is not a time."),
        ("a:date=2024-02-31", "-p a:date: '2024-02-31' is not a time."),
    ],
)
def test_what_is_not_of_its_type_is_refused(assignment: str, message: str) -> None:
    assert refused(assignment).startswith(message)


def test_what_contradicts_itself_is_refused() -> None:
    assert refused("a=1", "a:int=1") == "The property 'a' is given twice."
    assert "cannot be in 'a'" in refused("a=1", "a.b=1")
    assert "is an object elsewhere" in refused("a.b=1", "a=1")
    assert "given as int and declared str" in refused("a:int=1", schema=("a=str",))
    assert "declares a type for 'seat', which is not given" in refused(
        "seats=1", schema=("seat=int",)
    )
    assert "declares a type for 'a', which is not given" in refused("a.b=1", schema=("a=int",))
    assert "--schema 'a=number' is not of the form" in refused("a=1", schema=("a=number",))
    assert "--schema 'a' is not of the form" in refused("a=1", schema=("a",))


@pytest.mark.parametrize("body", [b"[]", b"5", b"{", b"\xff", b'{"a": NaN}'])
def test_a_document_is_a_json_object(body: bytes) -> None:
    with pytest.raises(Usage, match="--properties"):
        collect((), body, (), now=NOW, zone=None)


@settings(deadline=None)
@given(st.text(), st.text())
def test_whatever_is_typed_is_read_or_refused(key: str, text: str) -> None:
    for kind in ("", ":int", ":real", ":bool", ":date", ":json", ":strs"):
        try:
            read(f"{key}{kind}={text}")
        except Usage as error:
            assert error.message.isascii()


@settings(deadline=None)
@given(st.text(min_size=1).filter(lambda text: not set(text) & set(":=.")), st.text())
def test_a_text_arrives_as_it_was_typed(key: str, text: str) -> None:
    assert read(f"{key}={text}").properties == {key: text}
