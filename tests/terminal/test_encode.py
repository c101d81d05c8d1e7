"""JSON: the service's data, safe to look at."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.terminal.encode import compact, pretty
from fsctl.terminal.sanitise import clean

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None, exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.booleans())
def test_what_is_written_is_the_same_data_and_safe_on_a_terminal(value: object, ci: bool) -> None:
    for encoded in (compact(value, ci=ci), pretty(value, ci=ci)):
        assert json.loads(encoded) == value
        assert clean(encoded, multiline=True) == encoded
        assert not (ci and "#" in encoded)
    assert "\n" not in compact(value)


def test_a_pretty_document_is_indented_by_two_however_large() -> None:
    small = {"a": [1, {"b": "日本"}], "c": [], "d": {}}
    assert pretty(small) == json.dumps(small, ensure_ascii=False, indent=2)
    large = [{**small, "big": 12345678901234567890123, "tiny": 1e-7, "one": 1.0}] * 2000
    assert pretty(large) == json.dumps(large, ensure_ascii=False, indent=2)
    hostile = [{"x": "\ud800\u202e#"}] * 2000
    assert json.loads(pretty(hostile, ci=True)) == hostile


def test_integers_of_any_size_keep_their_digits() -> None:
    assert compact({"id": 18446744073709551616000}) == '{"id":18446744073709551616000}'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_cannot_write_is_null(number: float) -> None:
    assert compact({"a": [number, 1], "b": {"c": (number,)}}) == '{"a":[null,1],"b":{"c":[null]}}'


def test_people_s_text_is_readable_and_not_escaped() -> None:
    assert compact({"name": "Zoë 日本 👩‍💻"}) == '{"name":"Zoë 日本 👩‍💻"}'


def test_what_is_not_json_is_written_as_its_plain_form() -> None:
    value = MappingProxyType({"at": datetime(2024, 5, 1, tzinfo=UTC), "tags": {"a": range(2)}})
    assert compact(value) == '{"at":"2024-05-01T00:00:00+00:00","tags":{"a":[0,1]}}'
