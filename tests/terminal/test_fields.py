"""--fields: paths into rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import ExitCode, Usage
from fsctl.terminal.fields import MISSING, Selection, parse_fields, pick

ROW: dict[str, Any] = {
    "id": "7",
    "properties": {"plan": "paid", "a.b": 1, "deep": {"x": None}},
    "properties.plan": "the literal key",
    "items": [{"name": "first"}, {"name": "second"}],
}


def test_fields_are_separated_by_commas_and_each_named_once() -> None:
    assert parse_fields(" id, properties.plan ,id") == ("id", "properties.plan")


@pytest.mark.parametrize("text", ["", " ", "a,,b", "a,", ","])
def test_an_empty_field_name_is_a_usage_error_with_an_example(text: str) -> None:
    with pytest.raises(Usage) as failure:
        parse_fields(text)
    assert failure.value.exit_code is ExitCode.USAGE
    assert "--fields id,email" in (failure.value.hint or "")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", "7"),
        ("properties.plan", "the literal key"),
        ("properties.a.b", 1),
        ("properties.deep.x", None),
        ("items.1.name", "second"),
        ("items.0", {"name": "first"}),
        ("items.2.name", MISSING),
        ("items.-1", MISSING),
        ("id.x", MISSING),
        ("id.0", MISSING),
        ("properties.nope", MISSING),
        ("properties.", MISSING),
        (".id", MISSING),
        ("nope", MISSING),
    ],
)
def test_a_path_picks_what_it_names_and_a_key_with_dots_wins(path: str, value: object) -> None:
    assert pick(ROW, path) is value or pick(ROW, path) == value


@given(st.dictionaries(st.text(), st.dictionaries(st.text(), st.integers())))
def test_every_pair_of_keys_is_reached(row: dict[str, dict[str, int]]) -> None:
    for key, inner in row.items():
        assert pick(row, key) == inner
        for name, value in inner.items():
            path = f"{key}.{name}"
            if sum(path.startswith(f"{other}.") for other in row) == 1 and path not in row:
                assert pick(row, path) == value


@given(st.text(st.sampled_from("ab.0")), st.recursive(
    st.none() | st.text(st.sampled_from("ab.0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.sampled_from("ab.0")), inner),
))  # fmt: skip
def test_no_path_and_no_row_breaks_it(path: str, row: object) -> None:
    pick(row, path)


def test_a_selection_keeps_the_order_asked_for_and_gives_null_for_what_a_row_lacks() -> None:
    selection = Selection(("properties.deep.x", "nope", "id"))
    assert list(selection.apply(ROW).items()) == [
        ("properties.deep.x", None),
        ("nope", None),
        ("id", "7"),
    ]


def test_a_field_that_no_row_has_is_told_with_the_fields_there_are() -> None:
    selection = Selection(("id", "nmae"))
    selection.apply({"id": "1"})
    selection.apply({"id": "2", "name": "Ada"})
    assert selection.complaint() == "nothing has the field nmae; there are: id, name"


def test_a_field_that_one_row_has_is_no_mistake() -> None:
    selection = Selection(("name",))
    selection.apply({"id": "1"})
    selection.apply({"id": "2", "name": None})
    assert selection.complaint() is None


def test_a_known_field_of_the_row_type_and_an_empty_list_are_no_mistake() -> None:
    known = Selection(("uid",), known=("id", "uid"))
    known.apply({"id": "1"})
    assert known.complaint() is None
    assert Selection(("nope",)).complaint() is None


def test_many_keys_are_not_all_listed() -> None:
    selection = Selection(("nope",))
    for at in range(100):
        selection.apply({f"key{at}-{i}": 1 for i in range(50)})
    assert len(selection.complaint() or "") < 400
