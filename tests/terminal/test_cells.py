"""Times and values as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.terminal.cells import human_text, local_time, machine_text, parse_time
from fsctl.terminal.columns import Column

BERLIN = timezone(timedelta(hours=2))
MOMENT = datetime(2024, 5, 1, 12, 3, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-01T12:03:22Z",
        "2024-05-01T12:03:22.000Z",
        "2024-05-01T14:03:22+02:00",
        "2024-05-01 12:03:22",
        "2024-05-01T12:03:22.000000000Z",
        "1714565002",
        1714565002,
        1714565002.0,
        1714565002000,
        "1714565002000",
    ],
)
def test_a_time_in_any_of_the_service_s_forms_is_shown_local_with_its_offset(value: Any) -> None:
    assert parse_time(value) == MOMENT
    assert local_time(value, BERLIN) == "2024-05-01 14:03:22 +02:00"


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "",
        "2024-05-01",
        "9" * 400,
        "-5",
        "٣",
        True,
        1e300,
        None,
        [1],
        "0001-01-01T00:00:00Z",
    ],
)
def test_what_is_no_moment_is_shown_as_it_came(value: Any) -> None:
    zone = timezone(timedelta(hours=-12))
    assert local_time(value, zone) == machine_text(value)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_a_shown_time_is_the_same_moment(moment: datetime) -> None:
    shown = local_time(moment.isoformat(), BERLIN)
    assert datetime.fromisoformat(shown.replace(" +", "+")) == moment.replace(microsecond=0)


def test_without_a_zone_the_system_s_own_is_taken() -> None:
    shown = local_time("2024-05-01T12:03:22Z")
    assert datetime.fromisoformat(shown[:19] + shown[20:]) == MOMENT


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (12345678901234567890, "12345678901234567890"),
        (0.5, "0.5"),
        ("", ""),
        ("x", "x"),
        ([], "[]"),
        ({"a": [1, None]}, '{"a":[1,null]}'),
    ],
)
def test_a_value_for_machines_is_its_text_or_compact_json(value: Any, text: str) -> None:
    assert machine_text(value) == text


def test_a_column_is_called_by_its_header_or_its_key() -> None:
    assert Column("display_name").title == "DISPLAY NAME"
    assert Column("display_name").label == "display_name"
    assert Column("fsUrl", header="REPLAY").title == "REPLAY"
    assert Column("fsUrl", header="REPLAY").label == "replay"
    assert Column("props.Plan", header="props.Plan").label == "props.Plan"


def test_an_object_can_be_told_in_pairs_with_dotted_paths() -> None:
    value = {
        "plan": "paid",
        "seats": 5,
        "vip": True,
        "gone": None,
        "company": {"city": "São Paulo", "none": {}, "address": {"zip": "01537"}},
        "tags": ["a b", "c"],
        "empty": "",
        "line": "a\nb=c",
    }
    assert human_text(value, "pairs", None) == (
        'plan=paid seats=5 vip=true gone=null company.city="São Paulo" company.none={} '
        'company.address.zip=01537 tags=["a b","c"] empty="" line="a\\nb=c"'
    )
    assert human_text("text", "pairs", None) == "text"
    assert human_text({"a": 1}, "json", None) == '{"a":1}'
