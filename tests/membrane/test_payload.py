"""JSON within bounds."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from fsctl.membrane import payload
from fsctl.membrane.payload import LARGE, MAX_DEPTH, BadPayload, decode, encode
from tests.support.json_values import DOCUMENTS


@given(DOCUMENTS)
def test_what_is_written_is_read_again(document: Any) -> None:
    assert decode(encode(document)) == document


def test_large_integers_stay_exact() -> None:
    assert decode(b'{"id": 18446744073709551615}') == {"id": 18446744073709551615}
    assert encode({"id": 2**80}) == b'{"id":1208925819614629174706176}'


@given(DOCUMENTS)
def test_a_large_document_is_read_and_written_as_a_small_one(document: Any) -> None:
    written, escaped = encode(document), json.dumps(document).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payload, "LARGE", 0)
        large = decode(written), decode(escaped)
    assert repr(large) == repr((decode(written), decode(escaped)))
    assert repr(decode(encode(document, large=True))) == repr(document)


@pytest.mark.parametrize(
    "text",
    [b'\xef\xbb\xbf{"a":1}', '{"a":1}'.encode("utf-16"), b'"\\ud83d"', b"1e400", b"-0", b"1.0"],
    ids=["byte order mark", "UTF-16", "half a character", "huge", "minus zero", "a float"],
)
def test_what_a_small_document_may_hold_a_large_one_may(
    text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = decode(text)
    monkeypatch.setattr(payload, "LARGE", 0)
    assert repr(decode(text)) == repr(small)


def test_a_large_document_is_read_and_written_without_a_copy_as_text() -> None:
    rows = [{"name": "\N{PARTY POPPER}"}, {"name": "x" * 2 * LARGE}]
    written = encode(rows)

    assert _peak(lambda: decode(written)) < 1.5 * len(written)
    assert _peak(lambda: encode(rows, large=True)) < 2.5 * len(written)


def _peak(work: Callable[[], Any]) -> int:
    """Bytes that ``work`` held at most."""
    work()  # what it imports is no part of it
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("large", [False, True])
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
def test_what_is_no_json_is_refused_without_quoting_it(
    text: bytes, words: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(payload, "LARGE", 0)
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
