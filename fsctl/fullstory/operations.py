"""The operations table: the one place that knows how each thing is asked of Fullstory.

Sources: contracts/fullstory-api §2 (paths, fields), §3 (the eight Membrane actions), §1.3
(which accept an Idempotency-Key). Rows without ``action`` exist only through the proxy.
"""

from __future__ import annotations

from types import MappingProxyType

from .types import Operation, Repeat, Values


def _create_user_repeat(values: Values) -> Repeat:
    # With a uid it is an upsert; without, every call makes a new anonymous person (§2.1).
    return Repeat.SAFE if values.get("uid") else Repeat.NEVER


def _delete_user_repeat(values: Values) -> Repeat:
    # A uid can be taken again by someone new between two tries; an id cannot.
    return Repeat.SAFE if values.get("id") else Repeat.NEVER


LIST_USERS = Operation(
    name="list-users",
    action="list-users",
    method="GET",
    path="/v2/users",
    noun="list of users",
    query=("uid", "email", "display_name", "is_identified", "page_token", "include_schema"),
)
GET_USER = Operation(
    name="get-user",
    action="get-user",
    method="GET",
    path="/v2/users/{id}",
    noun="user",
    query=("include_schema",),
    aliases={"id": ("user_id", "userId")},
)
CREATE_USER = Operation(
    name="create-user",
    action="create-user",
    method="POST",
    path="/v2/users",
    noun="user",
    repeat=_create_user_repeat,
    check="Look with `fsctl users list` before sending it again.",
)
UPDATE_USER = Operation(
    name="update-user",
    action="update-user",
    method="POST",
    path="/v2/users/{id}",
    noun="user",
    aliases={"id": ("user_id", "userId")},
    check="The same command is safe to run again.",
)
DELETE_USER = Operation(
    name="delete-user",
    action="delete-user",
    method="DELETE",
    path="/v2/users/{id}",
    noun="user",
    repeat=_delete_user_repeat,
    empty_ok=True,
    aliases={"id": ("user_id", "userId")},
    check="Look with `fsctl users get --id ID`: it is gone, or marked as being deleted.",
)
DELETE_USER_BY_UID = Operation(
    name="delete-user-by-uid",
    action="delete-user",
    method="DELETE",
    path="/v2/users",
    noun="user",
    query=("uid",),
    repeat=Repeat.NEVER,
    empty_ok=True,
    check="Look with `fsctl users get --uid UID`: it is gone, or marked as being deleted.",
)
CREATE_EVENT = Operation(
    name="create-event",
    action="create-event",
    method="POST",
    path="/v2/events",
    noun="event",
    repeat=Repeat.KEY,
    empty_ok=True,
    check="Look for the event in the person's newest session before sending it again.",
)
CREATE_ANNOTATION = Operation(
    name="create-annotation",
    action="create-annotation",
    method="POST",
    path="/v2/annotations",
    noun="annotation",
    repeat=Repeat.NEVER,
    check="Look at a chart in Fullstory before sending it again: annotations cannot be listed.",
)
GET_SESSION_EVENTS = Operation(
    name="get-session-events",
    action="get-session-events",
    method="GET",
    path="/v2/sessions/{session_id}/events",
    noun="session",
    query=("enable_event_cache",),
    aliases={"session_id": ("id", "sessionId", "session")},
)
LIST_SESSIONS = Operation(
    name="list-sessions",
    method="GET",
    path="/sessions/v2",
    noun="list of sessions",
    query=("uid", "email", "limit", "pagination_token"),
)
SESSION_SUMMARY = Operation(
    name="session-summary",
    method="GET",
    path="/v2/sessions/{session_id}/summary",
    noun="summary",
    query=("config_profile", "end_timestamp"),
)
LIST_SEGMENTS = Operation(
    name="list-segments",
    method="GET",
    path="/segments/v1",
    noun="list of segments",
    query=("limit", "paginationToken", "creator"),
)
GET_SEGMENT = Operation(name="get-segment", method="GET", path="/segments/v1/{id}", noun="segment")
CREATE_SEGMENT_EXPORT = Operation(
    name="create-segment-export",
    method="POST",
    path="/segments/v1/exports",
    noun="segment export",
    repeat=Repeat.NEVER,  # version 1 of the API takes no Idempotency-Key (§1.3)
    check="Look with `fsctl raw request /operations/v1 --query type=SEARCH_EXPORT`: if an export "
    "of that moment is there, go on with `fsctl segments export --operation ID`.",
)
GET_OPERATION = Operation(
    name="get-operation", method="GET", path="/operations/v1/{id}", noun="operation"
)
GET_EXPORT_RESULTS = Operation(
    name="get-export-results",
    method="GET",
    path="/search/v1/exports/{id}/results",
    noun="result of the export",
)


def _batch(kind: str) -> tuple[Operation, Operation, Operation, Operation]:
    """The four rows of a batch import (§2.2, §2.3): create, status, imports, errors."""
    base = f"/v2/{kind}/batch"
    return (
        Operation(
            name=f"create-{kind}-batch",
            method="POST",
            path=base,
            noun="batch job",
            repeat=Repeat.KEY,
            check="Run the same import again: it resumes with the same idempotency key.",
        ),
        Operation(name=f"get-{kind}-batch", method="GET", path=f"{base}/{{job_id}}", noun="job"),
        Operation(
            name=f"get-{kind}-batch-imports",
            method="GET",
            path=f"{base}/{{job_id}}/imports",
            noun="job",
            query=("page_token", "include_schema"),
            empty_ok=True,  # 202 with no body while the job is processing (§1.1)
        ),
        Operation(
            name=f"get-{kind}-batch-errors",
            method="GET",
            path=f"{base}/{{job_id}}/errors",
            noun="job",
            query=("page_token",),
            empty_ok=True,
        ),
    )


TABLE = MappingProxyType(
    {
        operation.name: operation
        for operation in (
            LIST_USERS,
            GET_USER,
            CREATE_USER,
            UPDATE_USER,
            DELETE_USER,
            DELETE_USER_BY_UID,
            CREATE_EVENT,
            CREATE_ANNOTATION,
            GET_SESSION_EVENTS,
            LIST_SESSIONS,
            SESSION_SUMMARY,
            LIST_SEGMENTS,
            GET_SEGMENT,
            CREATE_SEGMENT_EXPORT,
            GET_OPERATION,
            GET_EXPORT_RESULTS,
            *_batch("users"),
            *_batch("events"),
        )
    }
)
READ_ACTIONS = frozenset(
    operation.action for operation in TABLE.values() if operation.action and not operation.writes
)
