"""What is exported is read by an import as the same person: every format, any value."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fsctl.bulk.export_pages import Form, lines, tabulated
from fsctl.bulk.export_record import Choice, inferred, record_of
from fsctl.bulk.rows import read_rows
from fsctl.bulk.source import open_source
from fsctl.fullstory.limits import PROPERTY_TYPES
from fsctl.fullstory.properties import fits, leaves
from fsctl.terminal.world import World

FORMS: Sequence[Form] = ("jsonl", "csv", "tsv")

HOSTILE = (
    "=cmd|'/c calc'!A1", "=1+1", "+49 30 1234567", "+49(0)30", "-5", "-", "@SUM(A1)", "'", "''",
    "'=1", "''=1", "'quoted'", '"', '""', 'say "hi"', "a,b", "a;b", "a\tb", "a\nb", "a\r\nb", "\r",
    "\n", "\t=1", " ", "  padded  ", "\\", "\\N", "\\n", "007", "01234", "1e5", "1.10", "1,5",
    "true", "null", "NaN", "2024-06-29", "{}", "[]", '{"a":1}', "", "\0", "\x1b[31m", "\u202e",
    "\u2028", "\x85", "\ufeff", "\ufeff=1", "Zoë", "\U0001f98a", "\uff1d1", "sep=;", "::error::",
)  # fmt: skip
NAMES = (
    "plan", "a", "b", "A", "email", "name", "id", "uid", "properties", "schema", "app_url",
    "Display_Name", "x1", "_line",
)  # fmt: skip
TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
DATES = st.sampled_from(("2024-06-29", "2024-06-29T14:23:23Z", "2024-06-29 14:23:23.5+02:00"))
NUMBERS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from((0, -1, 12, 2**53, 2**53 + 1))
    | st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS = TEXTS | DATES | NUMBERS | st.booleans() | st.none()
ARRAYS = st.lists(TEXTS, max_size=3) | st.lists(NUMBERS, max_size=3) | st.lists(SCALARS, max_size=3)
NAMED = st.sampled_from(NAMES[:-1])
PROPERTIES = st.dictionaries(
    NAMED,
    st.recursive(SCALARS | ARRAYS, lambda below: st.dictionaries(NAMED, below, max_size=3)),
    max_size=6,
)
FIELDS = TEXTS.filter(str.strip) | st.none() | st.just("")


@st.composite
def people(draw: st.DrawFn) -> dict[str, Any]:
    """A person as Fullstory's list tells of one, with the types of what they have."""
    properties = draw(PROPERTIES)
    types = {}
    for path, value in leaves(properties):
        possible = [name for name in PROPERTY_TYPES if value is not None and fits(value, name)]
        told = draw(st.sampled_from([None, *possible]))
        types[path] = told or inferred(value) or "strs"
    return {
        "id": str(draw(st.integers(1, 2**64 - 1))),
        "uid": draw(FIELDS),
        "display_name": draw(FIELDS),
        "email": draw(FIELDS),
        "is_being_deleted": False,
        "properties": properties,
        "schema": {"properties": types},
        "type_conflicts": None,
        "app_url": "https://app.fullstory.com/ui/ORG/1",
    }


def written(records: list[dict[str, Any]], form: Form, *, raw: bool = False) -> bytes:
    jsonl = lines(records).encode()
    if form == "jsonl":
        return jsonl
    return "".join(tabulated(io.BytesIO(jsonl), form, Choice(), raw=raw)).encode()


def imported(data: bytes, form: Form) -> list[dict[str, Any]]:
    """The records that an import makes of a file; none may be bad."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / f"people.{form}"
        path.write_bytes(data)
        with open_source(World(), str(path)) as source:
            rows = list(read_rows(source, "users"))
    assert [row.problems for row in rows] == [()] * len(rows), data
    return [msgspec.json.decode(row.body) for row in rows]


def same(record: Mapping[str, Any]) -> dict[str, Any]:
    """What makes the person: the fields, and every value with its type; a null says nothing."""
    properties = record.get("properties") or {}
    types = (record.get("schema") or {}).get("properties", {})
    held = {
        path: (value, types.get(path) or inferred(value))
        for path, value in leaves(properties)
        if value is not None
    }
    fields = {name: record.get(name) for name in ("id", "uid", "display_name", "email")}
    return {**fields, "properties": held}


@pytest.mark.parametrize("raw", [False, True], ids=["guarded", "raw"])
@pytest.mark.parametrize("form", FORMS)
@given(found=st.lists(people(), min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
@example(found=[{"id": "1", "properties": {f"p{n}": text for n, text in enumerate(HOSTILE)}}])
@example(found=[{"id": str(n), "display_name": text} for n, text in enumerate(HOSTILE)])
@example(
    found=[
        {"id": "1", "properties": {"a": {"b": 1}}},
        {"id": "2", "properties": {"a": "text"}},
        {"id": "3", "properties": {"a": {}}},
    ]
)
def test_whatever_is_exported_is_imported_as_the_same_people(
    form: Form, raw: bool, found: list[dict[str, Any]]
) -> None:
    records = [record_of(person, Choice()) for person in found]
    assert list(map(same, imported(written(records, form, raw=raw), form))) == list(
        map(same, records)
    )
