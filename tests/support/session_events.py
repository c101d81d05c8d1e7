"""Rows of a session's events, as Fullstory gives them and as it never should."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

START = datetime(2024, 4, 3, 17, 6)
AGENT = {
    "raw_user_agent": "Mozilla/5.0 (Macintosh)",
    "device": "Desktop",
    "operating_system": "OS X",
    "browser": "Chrome",
    "browser_version": "123.0.0.0",
}


def row(kind: str, second: float = 0, page: str = "", view: str = "1", **properties: Any) -> Any:
    """An event ``second`` seconds into the session, on ``page`` of shop.example."""
    moment = START + timedelta(seconds=second)
    url = {"full_url": f"https://shop.example{page}", "host": "shop.example", "path": page}
    return {
        "device_id": "17117",
        "session_id": "5916567459329906423",
        "view_id": view,
        "event_time": moment.isoformat(timespec="milliseconds") + "Z",
        "event_type": kind,
        "event_properties": properties,
        "source_type": "web",
        "source_properties": {"user_agent": AGENT, "url": url, "initial_referrer": None},
    }


def on(selector: str, text: str | None = None, *, masked: bool = False) -> Mapping[str, Any]:
    """A target, as clicks and changes have one."""
    return {"target": {"text": text, "masked": masked, "raw_selector": selector}}


_NAMES = """
    device_id session_id view_id event_time event_type event_properties source_type
    source_properties user_agent url full_url host path target text raw_selector masked message
    request_url request_method response_status event_name properties navigate_reason email
"""
_KINDS = """
    navigate click dead-click error-click rage-click change network-error console-error
    mouse-thrash custom copy element-seen Network_Error app-crash something-new
"""
_KEYS = st.sampled_from(_NAMES.split())
_TYPES = st.sampled_from(_KINDS.split())
_TIMES = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.sampled_from(
        ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1411492739", 1e400, -1e18, ""]
    ),
    st.integers(0, 4_000_000_000),
)
_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**65), 2**65),
        st.floats(allow_nan=False),
        st.text(max_size=12),
        st.sampled_from(["\x1b[2J", "</style><script>", "\u202e", "https://shop.example/?a=1"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(_KEYS, st.text(max_size=6)), inner, max_size=5),
    ),
    max_leaves=6,
)
_ROWS = st.fixed_dictionaries(
    {},
    optional={
        "event_type": st.one_of(_TYPES, _VALUES),
        "event_time": st.one_of(_TIMES, _VALUES),
        "event_properties": st.one_of(st.dictionaries(_KEYS, _VALUES, max_size=5), _VALUES),
        "source_properties": st.one_of(st.dictionaries(_KEYS, _VALUES, max_size=3), _VALUES),
        "source_type": st.sampled_from(["web", "server", "ios", None, 7]),
        "view_id": st.one_of(st.sampled_from(["1", "2", ""]), _VALUES),
        "device_id": _VALUES,
        "extra": _VALUES,
    },
)
# Any list of JSON objects, most of them nearly events.
EVENTS: st.SearchStrategy[list[Any]] = st.lists(
    st.one_of(_ROWS, st.dictionaries(st.one_of(_KEYS, st.text(max_size=6)), _VALUES, max_size=6)),
    max_size=8,
)
