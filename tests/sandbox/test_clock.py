from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.sandbox.clock import Clock, iso, parse_time

_A_MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "shift"),
    [
        ("real", timedelta()),
        ("+25h", timedelta(hours=25)),
        ("-10m", timedelta(minutes=-10)),
        ("+2d", timedelta(days=2)),
        (" +30s ", timedelta(seconds=30)),
    ],
)
def test_a_shifted_clock_runs_that_far_from_the_real_one(text: str, shift: timedelta) -> None:
    assert abs(Clock.parse(text).now() - (datetime.now(UTC) + shift)) < _A_MINUTE


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("2026-03-01T09:00:00Z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00:00+02:00", datetime(2026, 3, 1, 7, tzinfo=UTC)),
        ("2026-03-01T09:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_clock_given_a_time_starts_there(text: str, start: datetime) -> None:
    assert abs(Clock.parse(text).now() - start) < _A_MINUTE


@pytest.mark.parametrize("text", ["", "soon", "25h", "+h", "+1w", "2026-13-01", "+999999999d"])
def test_a_text_that_is_no_clock_is_a_usage_error(text: str) -> None:
    with pytest.raises(Usage) as caught:
        Clock.parse(text)
    assert caught.value.hint


@given(st.text())
def test_no_text_makes_the_clock_parser_fail_otherwise(text: str) -> None:
    with contextlib.suppress(Usage):
        Clock.parse(text).now()


def test_advancing_moves_both_readings() -> None:
    clock = Clock(source=lambda: 1_000.0)
    clock.advance(2.5)
    assert clock.time() == 1_002.5
    assert clock.now() == datetime(1970, 1, 1, 0, 16, 42, 500_000, tzinfo=UTC)


def test_times_are_written_with_milliseconds_in_utc() -> None:
    assert iso(1_772_355_600.25) == "2026-03-01T09:00:00.250Z"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T09:00:00Z", 1_772_355_600.0),
        ("2026-03-01T10:00:00+01:00", 1_772_355_600.0),
        ("2026-03-01T09:00:00", 1_772_355_600.0),
        ("2026-03-01", None),
        ("1772355600", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("yesterday", None),
    ],
)
def test_a_time_of_a_request_is_iso_8601_with_a_date_and_a_time(
    text: str, moment: float | None
) -> None:
    assert parse_time(text) == moment


@given(st.text())
def test_no_text_makes_the_time_parser_fail(text: str) -> None:
    assert parse_time(text) is None or isinstance(parse_time(text), float)
