"""Every value the user gave finds its place in an action's schema, or the action is not used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.fullstory.fitting import Fitted, fit

TEXT = {"type": "string"}
EVENT = {
    "name": "Order",
    "timestamp": "2024-01-15T10:30:00Z",
    "user": {"uid": "ada"},
    "session": {"id": "1:2", "use_most_recent": True},
    "properties": {"plan_name": "pro", "n": 1.5},
}


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def fits(values: Mapping[str, Any], given_schema: Mapping[str, Any], **more: Any) -> Any:
    """The arguments of a fit that has to be whole."""
    fitted = fit(values, given_schema, **more)
    assert fitted.fits, fitted
    return fitted.arguments


def unplaced(values: Mapping[str, Any], given_schema: Mapping[str, Any]) -> list[str]:
    fitted = fit(values, given_schema)
    assert not fitted.fits
    return fitted.unplaced


# -- names


@pytest.mark.parametrize(
    "name", ["start_time", "startTime", "StartTime", "start-time"], ids=lambda name: name
)
def test_a_name_is_found_in_every_spelling(name: str) -> None:
    assert fits({"start_time": "t"}, schema(**{name: TEXT})) == {name: "t"}


def test_the_exact_name_goes_before_other_spellings() -> None:
    both = schema(startTime=TEXT, start_time=TEXT)
    assert fits({"start_time": "t"}, both) == {"start_time": "t"}


@pytest.mark.parametrize("name", ["user_uid", "userUid", "user.uid", "UserUid", "user-uid"])
def test_a_nested_value_is_found_flattened(name: str) -> None:
    assert fits({"user": {"uid": "ada"}}, schema(**{name: TEXT})) == {name: "ada"}


def test_a_nested_value_is_found_nested_in_camel_case() -> None:
    nested = schema(session=schema(id=TEXT, useMostRecent={"type": "boolean"}))
    values = {"session": {"id": "1:2", "use_most_recent": True}}
    assert fits(values, nested) == {"session": {"id": "1:2", "useMostRecent": True}}


def test_a_deeper_value_is_found_half_flattened() -> None:
    half = schema(context_browser=schema(userAgent=TEXT))
    values = {"context": {"browser": {"user_agent": "x"}}}
    assert fits(values, half) == {"context_browser": {"userAgent": "x"}}


def test_members_may_be_placed_apart() -> None:
    apart = schema(sessionId=TEXT, session=schema(use_most_recent={"type": "boolean"}))
    values = {"session": {"id": "1", "use_most_recent": False}}
    assert fits(values, apart) == {"sessionId": "1", "session": {"use_most_recent": False}}


@pytest.mark.parametrize("wrapper", ["body", "data", "payload", "input", "request", "params"])
def test_a_wrapping_object_is_looked_into(wrapper: str) -> None:
    wrapped = schema(wrapper, **{wrapper: schema("text", text=TEXT)})
    assert fits({"text": "x"}, wrapped) == {wrapper: {"text": "x"}}


def test_path_and_body_may_be_wrapped_apart() -> None:
    wrapped = schema(pathParameters=schema("id", id=TEXT), body=schema(email=TEXT))
    assert fits({"id": "7", "email": "e"}, wrapped) == {
        "pathParameters": {"id": "7"},
        "body": {"email": "e"},
    }


def test_the_top_goes_before_a_wrapping_object() -> None:
    both = schema(text=TEXT, body=schema(text=TEXT))
    assert fits({"text": "x"}, both) == {"text": "x"}


@pytest.mark.parametrize("name", ["session_id", "sessionId", "id", "session"])
def test_an_alias_is_another_name(name: str) -> None:
    aliases = {"session_id": ("id", "sessionId", "session")}
    assert fits({"session_id": "1:2"}, schema(**{name: TEXT}), aliases=aliases) == {name: "1:2"}


def test_a_values_own_name_goes_before_its_aliases() -> None:
    both = schema(id=TEXT, session_id=TEXT)
    aliases = {"session_id": ("id",)}
    assert fits({"session_id": "1:2"}, both, aliases=aliases) == {"session_id": "1:2"}


def test_a_whole_event_in_snake_case_and_nested() -> None:
    event = schema(
        "name",
        name=TEXT,
        timestamp=TEXT,
        user=schema(id=TEXT, uid=TEXT),
        session=schema(id=TEXT, use_most_recent={"type": "boolean"}),
        properties={"type": "object"},
    )
    assert fits(EVENT, event) == EVENT


def test_a_whole_event_in_camel_case_and_flattened() -> None:
    event = schema(
        name=TEXT,
        timestamp=TEXT,
        userUid=TEXT,
        sessionId=TEXT,
        sessionUseMostRecent={"type": "boolean"},
        properties={"type": "object", "additionalProperties": True},
    )
    assert fits(EVENT, event) == {
        "name": "Order",
        "timestamp": "2024-01-15T10:30:00Z",
        "userUid": "ada",
        "sessionId": "1:2",
        "sessionUseMostRecent": True,
        "properties": {"plan_name": "pro", "n": 1.5},
    }


# -- what does not fit


def test_a_value_without_a_place_is_told_by_its_path() -> None:
    assert unplaced({"uid": "a", "user": {"uid": "b", "id": "c"}}, schema(user_id=TEXT)) == [
        "uid",
        "user.uid",
    ]


@pytest.mark.parametrize("empty", [{}, {"type": "object"}, {"properties": "odd"}, {"$ref": 7}])
def test_a_schema_that_names_nothing_places_nothing(empty: dict[str, Any]) -> None:
    assert unplaced({"uid": "a"}, empty) == ["uid"]


@pytest.mark.parametrize("empty", [{}, {"a": {}}])
def test_an_empty_object_is_a_value_that_needs_a_place(empty: dict[str, Any]) -> None:
    fitted = fit({"user": empty}, schema(user_uid=TEXT))
    assert not fitted.fits
    assert fits({"user": {}}, schema(user={"type": "object"})) == {"user": {}}


def test_required_inputs_nobody_gave_are_missing() -> None:
    fitted = fit({"a": "1"}, schema("z", "a", "b", a=TEXT))
    assert (fitted.unplaced, fitted.missing) == ([], ["b", "z"])


def test_required_inputs_are_missing_inside_objects_that_are_there() -> None:
    outer = schema("body", body=schema("text", "meta", text=TEXT, meta=schema("x", x=TEXT)))
    assert fit({"text": "t"}, outer).missing == ["body.meta"]
    assert fit({}, outer).missing == ["body"]
    assert fit({"text": "t", "meta": {}}, outer).missing == ["body.meta.x"]


def test_a_wrapper_may_not_be_taken_by_a_text() -> None:
    assert unplaced({"text": "x"}, schema(body=TEXT)) == ["text"]


def test_one_place_takes_one_value() -> None:
    fitted = fit({"user_id": "a", "user": {"id": "b"}}, schema(user_id=TEXT))
    assert fitted.arguments == {"user_id": "a"}
    assert fitted.unplaced == ["user.id"]


def test_members_that_would_share_a_place_are_not_merged() -> None:
    nested = schema(context=schema(userAgent=TEXT))
    fitted = fit({"context": {"user_agent": "a", "userAgent": "b"}}, nested)
    assert fitted.arguments == {"context": {"userAgent": "a"}}
    assert fitted.unplaced == ["context.userAgent"]


def test_closed_objects_take_nothing_they_do_not_name() -> None:
    closed = schema(user={"type": "object", "additionalProperties": False})
    assert unplaced({"user": {"x": 1}}, closed) == ["user.x"]
    named = schema(user=schema(uid=TEXT))
    assert unplaced({"user": {"uid": "a", "x": 1}}, named) == ["user.x"]


def test_objects_inside_arrays_are_judged_too() -> None:
    listed = schema(rows={"type": "array", "items": schema(uid=TEXT)})
    assert fits({"rows": [{"uid": "a"}]}, listed) == {"rows": [{"uid": "a"}]}
    assert unplaced({"rows": [{"uid": "a"}, {"x": 1}]}, listed) == ["rows"]
    assert fits({"rows": [{"x": 1}]}, schema(rows={"type": "array"})) == {"rows": [{"x": 1}]}


# -- types


@pytest.mark.parametrize(
    ("value", "types", "placed"),
    [
        (True, "boolean", True),
        (True, "string", "true"),
        (False, ["string", "null"], "false"),
        (7, "string", "7"),
        (7, "number", 7),
        (7.5, "number", 7.5),
        ("7", "integer", 7),
        ("-7", "number", -7),
        ("0", "integer", 0),
        ("7", ["string", "integer"], "7"),
        (None, "null", None),
        ("x", None, "x"),
        (["a"], "array", ["a"]),
    ],
)
def test_a_value_takes_the_type_that_is_wanted_where_nothing_is_lost(
    value: Any, types: Any, placed: Any
) -> None:
    wanted = {} if types is None else {"type": types}
    arguments = fits({"v": value}, schema(v=wanted))
    assert arguments == {"v": placed}
    assert type(arguments["v"]) is type(placed)


@pytest.mark.parametrize(
    ("value", "types"),
    [
        ("seven", "integer"),
        ("7.5", "number"),
        ("007", "integer"),
        ("-0", "integer"),
        ("+7", "integer"),
        ("7 ", "integer"),
        ("\u0667", "integer"),
        ("true", "boolean"),
        (7.5, "integer"),
        (7.5, "string"),
        (None, "string"),
        ("x", "object"),
        ("x", "array"),
        ({"a": 1}, "string"),
        (1, "boolean"),
        (True, "integer"),
    ],
)
def test_a_value_that_would_lose_something_is_not_placed(value: Any, types: str) -> None:
    assert unplaced({"v": value}, schema(v={"type": types}))


@pytest.mark.parametrize(
    "identifier", ["9007199254740992", "9007199254740993", "18446744073709551615"]
)
def test_a_big_id_is_never_made_a_number(identifier: str) -> None:
    number = schema(id={"type": ["integer", "number"]})
    assert unplaced({"id": identifier}, number) == ["id"]
    assert fits({"id": identifier}, schema(id={"type": ["integer", "string"]})) == {
        "id": identifier
    }
    assert fits({"id": "9007199254740991"}, number) == {"id": 9007199254740991}


@pytest.mark.parametrize("value", [2**53, -(2**53), 2**64])
def test_a_number_javascript_would_round_does_not_go_through_an_action(value: int) -> None:
    assert unplaced({"n": value}, schema(n={"type": "integer"})) == ["n"]
    free = schema(properties={"type": "object"})
    assert unplaced({"properties": {"deep": [{"n": value}]}}, free) == ["properties"]
    assert fits({"n": value}, schema(n=TEXT)) == {"n": str(value)}


def test_an_enumeration_takes_what_it_names() -> None:
    assert fits({"v": "a"}, schema(v={"enum": ["a", "b"]})) == {"v": "a"}
    assert unplaced({"v": "c"}, schema(v={"type": "string", "enum": ["a", "b"]})) == ["v"]


# -- the user's own names


@pytest.mark.parametrize(
    "properties",
    [
        {"plan_name": "pro"},
        {"plan_name": "a", "planName": "b"},
        {"nested": {"deep_er": [1, "2", True]}},
        {},
    ],
)
def test_properties_go_untouched_where_they_are_free(properties: dict[str, Any]) -> None:
    for free in ({}, {"type": "object"}, {"type": "object", "additionalProperties": {}}):
        arguments = fits({"properties": properties}, schema(properties=free))
        assert arguments == {"properties": properties}


@pytest.mark.parametrize(
    "inner",
    [
        schema(planName=TEXT),
        schema(plan=TEXT),
        {"type": "object", "additionalProperties": TEXT},
        {"type": "object", "additionalProperties": False},
        {"type": "object", "properties": {"planName": {}}, "additionalProperties": True},
    ],
    ids=["camel", "others", "texts", "closed", "camel and open"],
)
def test_properties_that_would_be_changed_are_not_placed(inner: dict[str, Any]) -> None:
    assert unplaced({"properties": {"plan_name": 5}}, schema(properties=inner)) == ["properties"]


def test_properties_are_never_taken_apart() -> None:
    flat = schema(properties_plan=TEXT, propertiesPlan=TEXT, schemaProperties={})
    values = {"properties": {"plan": "pro"}, "schema": {"properties": {"plan": "str"}}}
    assert unplaced(values, flat) == ["properties", "schema"]


# -- references, combinations, alternatives


def test_references_are_followed() -> None:
    document = {
        "$ref": "#/$defs/event",
        "$defs": {
            "event": schema("user", user={"$ref": "#/$defs/a~1b"}),
            "a/b": schema(uid=TEXT),
        },
    }
    assert fits({"user": {"uid": "ada"}}, document) == {"user": {"uid": "ada"}}
    assert fit({}, document).missing == ["user"]
    assert unplaced({"user": {"name": "Ada"}}, document) == ["user.name"]


def test_what_stands_beside_a_reference_counts() -> None:
    document = {
        **schema(text=TEXT),
        "$ref": "#/$defs/base",
        "$defs": {"base": schema("id", id=TEXT)},
    }
    assert fits({"text": "x", "id": "1"}, document) == {"text": "x", "id": "1"}
    assert fit({"text": "x"}, document).missing == ["id"]


def test_all_of_is_all_of_it() -> None:
    document = {
        "properties": {"a": TEXT},
        "required": ["a"],
        "allOf": [schema("b", b=TEXT), schema(c=TEXT), {"allOf": [schema(d=TEXT)]}],
    }
    values = {"a": "1", "b": "2", "c": "3", "d": "4"}
    assert fits(values, document) == values
    assert fit({"c": "3"}, document).missing == ["a", "b"]


@pytest.mark.parametrize("word", ["anyOf", "oneOf"])
def test_alternatives_that_only_require_leave_the_properties_in_place(word: str) -> None:
    document = {**schema(id=TEXT, uid=TEXT), word: [{"required": ["id"]}, {"required": ["uid"]}]}
    assert fits({"id": "7"}, document) == {"id": "7"}
    assert fits({"uid": "ada"}, document) == {"uid": "ada"}
    assert fit({}, document).missing in (["id"], ["uid"])


@pytest.mark.parametrize("word", ["anyOf", "oneOf"])
def test_the_alternative_that_fits_is_taken(word: str) -> None:
    document = {word: [schema("id", id=TEXT), schema("uid", uid=TEXT)]}
    assert fits({"uid": "ada"}, document) == {"uid": "ada"}
    fitted = fit({"uid": "ada", "id": "7"}, document)
    assert len(fitted.unplaced) == 1, "one alternative or the other, never a mixture"


def test_a_nested_alternative_is_chosen_by_what_fits() -> None:
    nested = schema(user={"anyOf": [schema("id", id={"type": "integer"}), schema("uid", uid=TEXT)]})
    assert fits({"user": {"uid": "ada"}}, nested) == {"user": {"uid": "ada"}}
    assert fits({"user": {"id": "7"}}, nested) == {"user": {"id": 7}}


def test_a_nullable_value_is_converted_to_its_other_type() -> None:
    nullable = schema(n={"anyOf": [{"type": "null"}, {"type": "integer"}]})
    assert fits({"n": "7"}, nullable) == {"n": 7}
    assert fits({"n": None}, nullable) == {"n": None}


def _chain() -> dict[str, Any]:
    definitions = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(5000)}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


def _bomb() -> dict[str, Any]:
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 10} for n in range(40)}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


@pytest.mark.parametrize(
    "hostile",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]},
        {"properties": {"user": {"$ref": "#"}}},
        {"$ref": "#/nowhere"},
        {"$ref": "https://evil.test/schema"},
        {"$ref": "#/$defs/x", "$defs": 7},
        {"properties": {"text": None, "user": [1]}, "required": {"a": 1}, "anyOf": "x"},
        {"properties": {"text": {"type": {"a": 1}}}, "allOf": [None, 7]},
        {"type": [["string"]], "properties": []},
        _chain(),
        _bomb(),
    ],
)
def test_a_hostile_schema_neither_hangs_nor_breaks(hostile: dict[str, Any]) -> None:
    # The last one holds 10 to the 40th parts: to read them all would never end.
    fit({"text": "x", "user": {"uid": {"a": {"b": {"c": 1}}}}}, hostile)


# -- for all schemas and values

NAMES = st.sampled_from(["text", "user_id", "session", "start_time", "use_most_recent", "body"])
LEAVES = st.sampled_from(["a", "7", "9007199254740993", 7, 2**60, 1.5, True, None])
VALUES = st.dictionaries(
    NAMES,
    st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6),
    max_size=4,
)
SPELLED = st.sampled_from(
    ["text", "user_id", "userId", "session", "sessionText", "start_time", "startTime", "body"]
)
KINDS = st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])
SCHEMAS = st.recursive(
    st.just({}) | st.builds(lambda kind: {"type": kind}, KINDS),
    lambda inner: st.one_of(
        st.builds(
            lambda properties, required, open_: {
                "type": "object",
                "properties": properties,
                "required": required,
                **({"additionalProperties": open_} if open_ is not None else {}),
            },
            st.dictionaries(SPELLED, inner, max_size=5),
            st.lists(SPELLED, max_size=1),
            st.sampled_from([None, True, False]),
        ),
        st.builds(lambda word, parts: {word: parts}, st.sampled_from(["anyOf", "allOf"]),
                  st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=12,
)  # fmt: skip


def _leaves(value: Any) -> Iterator[str]:
    """Every leaf as a text, whatever JSON type it took; an empty object is a leaf."""
    if isinstance(value, Mapping) and value:
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    else:
        yield str(value)


@given(values=VALUES, given_schema=SCHEMAS)
def test_a_fitted_result_holds_every_leaf_exactly_once_or_says_what_it_could_not_place(
    values: dict[str, Any], given_schema: dict[str, Any]
) -> None:
    fitted: Fitted = fit(values, given_schema)
    placed, meant = sorted(_leaves(fitted.arguments)), sorted(_leaves(values))
    if not values:
        assert fitted.arguments == {}
    elif not fitted.unplaced:
        assert placed == meant
    else:
        assert fitted.unplaced
        assert set(placed) <= set(meant) | {"{}"}
    if fitted.fits:
        _no_lossy_numbers(fitted.arguments)


def _no_lossy_numbers(value: Any) -> None:
    if isinstance(value, Mapping):
        for item in value.values():
            _no_lossy_numbers(item)
    elif isinstance(value, int):
        assert abs(value) < 2**53


@given(values=VALUES)
def test_fitting_never_changes_what_it_was_given(values: dict[str, Any]) -> None:
    before = repr(values)
    fit(values, schema(text={}, session={}, user_id={}, start_time={}, body=schema(text={})))
    assert repr(values) == before
