"""JSON within bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from fsctl.membrane.payload import MAX_DEPTH, BadPayload, decode, encode
from tests.support.json_values import DOCUMENTS


@given(DOCUMENTS)
def test_what_is_written_is_read_again(document: Any) -> None:
    assert decode(encode(document)) == document


def test_large_integers_stay_exact() -> None:
    assert decode(b'{"id": 18446744073709551615}') == {"id": 18446744073709551615}
    assert encode({"id": 2**80}) == b'{"id":1208925819614629174706176}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not JSON"),
        (b"{", "line 1"),
        (b"\xff", "not UTF-8"),
        (b"NaN", "NaN is not a JSON number"),
        (b"[-Infinity]", "Infinity is not"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a":' * 100_000, "too deeply"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too deeply"),
        (b"1" * 5000, "integer"),
        (b"hunter22", "not JSON"),
    ],
)
def test_what_is_no_json_is_refused_without_quoting_it(text: bytes, words: str) -> None:
    with pytest.raises(BadPayload) as caught:
        decode(text)
    assert words in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_depth_is_bounded_exactly() -> None:
    assert decode(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\udfff": 1}])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(BadPayload):
        encode(value)


def test_text_is_written_as_it_is_and_compactly() -> None:
    assert encode({"a": "\u00fc\u2028", "b": [1, None]}) == '{"a":"ü\u2028","b":[1,null]}'.encode()
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(BadPayload):
        encode(nested)
    assert json.loads(encode({})) == {}
