"""Times and lengths of time as people type them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.fullstory.times import parse_duration, parse_time, to_api

NOW = datetime(2024, 6, 29, 14, 23, 23, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def parsed(text: str, zone: tzinfo | None = UTC) -> str:
    moment = parse_time(text, now=NOW, zone=zone)
    assert moment.tzinfo is UTC
    return to_api(moment)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-06-29T14:23:23Z", "2024-06-29T14:23:23Z"),
        ("2024-06-29t14:23:23z", "2024-06-29T14:23:23Z"),
        ("2024-06-29 14:23:23Z", "2024-06-29T14:23:23Z"),
        ("2024-06-29T14:23Z", "2024-06-29T14:23:00Z"),
        ("2024-06-29T16:23:23+02:00", "2024-06-29T14:23:23Z"),
        ("2024-06-29T16:23:23+0200", "2024-06-29T14:23:23Z"),
        ("2024-06-29T08:53:23-05:30", "2024-06-29T14:23:23Z"),
        ("2024-06-29T14:23:23.5Z", "2024-06-29T14:23:23.500Z"),
        ("2024-06-29T14:23:23.123456Z", "2024-06-29T14:23:23.123Z"),
        ("2024-06-29", "2024-06-29T00:00:00Z"),
        ("  2024-06-29  ", "2024-06-29T00:00:00Z"),
        ("now", "2024-06-29T14:23:23Z"),
        ("NOW", "2024-06-29T14:23:23Z"),
        ("-15m", "2024-06-29T14:08:23Z"),
        ("+15m", "2024-06-29T14:38:23Z"),
        ("- 15m", "2024-06-29T14:08:23Z"),
        ("-1h30m", "2024-06-29T12:53:23Z"),
        ("-1.5h", "2024-06-29T12:53:23Z"),
        ("2h ago", "2024-06-29T12:23:23Z"),
        ("2 hours ago", "2024-06-29T12:23:23Z"),
        ("1 day 2 hours ago", "2024-06-28T12:23:23Z"),
        ("3 Weeks Ago", "2024-06-08T14:23:23Z"),
        ("1719671003", "2024-06-29T14:23:23Z"),
        ("1719671003.25", "2024-06-29T14:23:23.250Z"),
        ("1719671003250", "2024-06-29T14:23:23.250Z"),
        ("999999999", "2001-09-09T01:46:39Z"),
    ],
)
def test_every_documented_form_is_a_moment(text: str, moment: str) -> None:
    assert parsed(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "5", "-", "+", "--5m", "-5", "-m", "ago", " ago", "5m", "5 ago", "soon",
        "9999-12-31T23:59:59Z", "9999-12-31", "1969-12-31T23:59:59Z", "2201-01-01", "0001-01-01",
        "2024-13-01", "2024-02-30", "2024-06-29T25:00", "25:00", "14:23",
        "2024-06-29T14:23:23+25:00", "2024-06-29/14:23", "2024-06-29\U0001f68014:23",
        "yesterday",
        "2024-06-29T14:23:60Z", "2024-06-29T", "2024-06-29Z", "2024-6-29", "29.06.2024", "2024",
        "1000000000w ago", "-999999999999d", "-1e9s", "5 fortnights ago", "99999999999",
        "123456789012345",
        "17196710O3", "\u0661\u0667\u0661\u0669\u0666\u0667\u0661\u0660\u0660\u0663",
        "\uff12\uff10\uff12\uff14-06-29", "-\u0665m", "2024-06-29T14:23:23Z; rm", "now\x00",
        "half \udcff", "-1m 1m 1m 1m 1m 1m", "1e9", "nan", "inf", "-inf",
    ],
)  # fmt: skip
def test_everything_else_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(Usage) as ended:
        parse_time(text, now=NOW, zone=UTC, what="--start")
    assert ended.value.message == f"--start {text!a} is not a time."
    assert ended.value.message.isprintable()
    assert "ISO 8601" in (ended.value.hint or "")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-15T10:30", "2024-01-15T09:30:00Z"),
        ("2024-07-15T10:30", "2024-07-15T08:30:00Z"),
        # 02:30 does not exist on the night the clock goes forward: it is moved on to 03:30.
        ("2024-03-31T02:30", "2024-03-31T01:30:00Z"),
        ("2024-03-31T03:30", "2024-03-31T01:30:00Z"),
        # It comes twice on the night the clock goes back: the first is meant.
        ("2024-10-27T02:30", "2024-10-27T00:30:00Z"),
        ("2024-07-15T10:30Z", "2024-07-15T10:30:00Z"),
    ],
)
def test_a_time_without_an_offset_is_of_the_zone_at_that_time(text: str, moment: str) -> None:
    assert parsed(text, BERLIN) == moment


def test_without_a_zone_it_is_the_systems_own_with_its_own_changes() -> None:
    code = (
        "from datetime import *; from fsctl.fullstory.times import *;"
        "now = datetime(2024, 6, 29, tzinfo=UTC);"
        "print(*(to_api(parse_time(t, now=now, zone=None)) for t in"
        " ('2024-01-15T10:30', '2024-07-15T10:30', '2024-07-15T10:30Z')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TZ": "CET-1CEST,M3.5.0,M10.5.0/3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [
        "2024-01-15T09:30:00Z",
        "2024-07-15T08:30:00Z",
        "2024-07-15T10:30:00Z",
    ]


OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))


@given(
    moment=st.datetimes(datetime(1970, 1, 2), datetime(2200, 12, 30), timezones=OFFSETS),
)
def test_what_is_sent_reads_back_as_it_was_to_the_millisecond(moment: datetime) -> None:
    text = to_api(moment)
    assert text.endswith("Z")
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert parse_time(text, now=NOW, zone=BERLIN) == whole
    assert to_api(parse_time(text, now=NOW, zone=None)) == text


@given(text=st.text(max_size=40) | st.text(st.sampled_from("0123456789-:TZ. +mhdago"), max_size=30))
def test_any_text_is_a_moment_or_a_usage_error(text: str) -> None:
    try:
        moment = parse_time(text, now=NOW, zone=BERLIN)
    except Usage:
        return
    assert 1970 <= moment.year <= 2200
    assert parse_time(to_api(moment), now=NOW, zone=UTC) - moment < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("90 s", 90), ("5m", 300), ("5 min", 300), ("1h30m", 5400), ("1h 30m", 5400),
        ("2 days", 172800), ("1d", 86400), ("1w", 604800), ("0.5s", 0.5), ("1.5h", 5400),
        ("10 Minutes", 600), ("1d2h3m4s", 93784), (" 5m ", 300), ("3660d", 3660 * 86400),
    ],
)  # fmt: skip
def test_a_length_of_time(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "5", "s", "-5m", "+5m", "0s", "0m0s", "0.0000001s", "3661d", "999999999999w",
        "1e9s", "5 parsecs", "5mm", "1.2.3s", "1,5h", "\u0665m", "5m ago", "now", "nan", "inf",
        "5m;",        "1s1s1s1s1s1s", "PT5M",
    ],
)  # fmt: skip
def test_no_length_of_time(text: str) -> None:
    with pytest.raises(Usage) as ended:
        parse_duration(text, what="--duration")
    assert ended.value.message == f"--duration {text!a} is not a length of time."


def test_bare_seconds_only_where_they_are_meant() -> None:
    assert parse_duration("70", bare_seconds=True) == 70
    assert parse_duration("0.5", bare_seconds=True) == 0.5
    for text in ("0", "-5", "1e3", "9999999999", "\u0665"):
        with pytest.raises(Usage):
            parse_duration(text, bare_seconds=True)


@given(text=st.text(st.sampled_from("0123456789. smhdw"), max_size=5000))
def test_any_length_is_judged_at_once(text: str) -> None:
    try:
        assert 0 < parse_duration(text) <= 3660 * 86400
    except Usage:
        return
