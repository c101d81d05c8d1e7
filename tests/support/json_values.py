"""Any JSON document, for hypothesis; keys that the code looks for come up often."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_NAMES = """
    id name key state items cursor connections actions output data result status statusCode
    statusText headers type message code error errors element elementType integration user meta
    clientAction causedByError response body actionRunId logs fsctlRun connected archivedAt
    errorId inputSchema
"""
_KEYS = st.sampled_from(_NAMES.split())
_WORDS = st.sampled_from(
    ["bad_request", "internal", "connection", "action_run", "not_found", "READY", "x", "404", ""]
)
_SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.sampled_from([200, 400, 401, 404, 429, 500, 99, 600]),
    st.floats(allow_nan=False, allow_infinity=False),
    _WORDS,
    st.text(max_size=8),
)

DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(_KEYS, st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=12,
)
OBJECTS: st.SearchStrategy[Any] = st.dictionaries(_KEYS, DOCUMENTS, max_size=7)
