"""Users: create (an upsert by uid), list, get, update, delete (contracts/fullstory-api §2.1).

Choices where nothing is documented: ``uid`` and ``email`` filters match whole values (e-mail in any
case), ``display_name`` any part of the name in any case; ``properties`` are merged; a user that is
being deleted is still read, but no longer written: a create with its uid makes a new person.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..fullstory.limits import DISPLAY_NAME_MAX, EMAIL_MAX, UID_MAX
from ..membrane.gateway import Response
from . import inference
from .answers import (
    Call,
    answer,
    dump,
    invalid,
    missing,
    page_token,
    read_page_token,
    required,
    text_field,
)
from .links import people_url, person_url

_LIMITS = {"uid": UID_MAX, "display_name": DISPLAY_NAME_MAX, "email": EMAIL_MAX}


@dataclass(frozen=True, slots=True)
class UserInput:
    """A create, update or import request, checked. None means: not given."""

    uid: str | None
    display_name: str | None
    email: str | None
    properties: dict[str, Any]
    types: dict[str, str]


def read_user(body: Mapping[str, Any]) -> UserInput:
    """Check a user request. Raises Problem (400). Unknown fields are ignored."""
    fields = {name: text_field(body, name, most) for name, most in _LIMITS.items()}
    properties, types = inference.read_properties("user", body)
    return UserInput(fields["uid"], fields["display_name"], fields["email"], properties, types)


def upsert(db: sqlite3.Connection, user: UserInput, now: float) -> sqlite3.Row:
    """Update the user with that uid, or create one; without a uid always create."""
    row = by_uid(db, user.uid) if user.uid is not None else None
    return change(db, row, user) if row is not None else _insert(db, user, now)


def find_or_create(db: sqlite3.Connection, uid: str | None, now: float) -> sqlite3.Row:
    """The user with that uid, made where there is none; without a uid a new anonymous one."""
    row = by_uid(db, uid) if uid is not None else None
    return row or _insert(db, UserInput(uid, None, None, {}, {}), now)


def change(db: sqlite3.Connection, row: sqlite3.Row, user: UserInput) -> sqlite3.Row:
    """Lay a request over a stored user. Raises Problem where it would change the uid."""
    if user.uid is not None and user.uid != row["uid"]:
        if row["uid"] is not None:
            raise invalid("uid cannot be changed once it is set")
        if by_uid(db, user.uid) is not None:
            raise invalid("uid is already in use by another user")
    properties = inference.merged(json.loads(row["properties"]), user.properties)
    kept = dict.fromkeys(inference.paths(properties))
    inference.check_count(len(kept))
    types = {**json.loads(row["types"]), **user.types}
    inference.remember_types(db, "user", user.types)
    name = row["display_name"] if user.display_name is None else user.display_name
    email = row["email"] if user.email is None else user.email
    db.execute(
        "UPDATE users SET uid = ?, display_name = ?, email = ?, name_key = ?, email_key = ?,"
        " properties = ?, types = ? WHERE seq = ?",
        (
            row["uid"] or user.uid,
            name,
            email,
            _key(name),
            _key(email),
            dump(properties),
            dump({path: types[path] for path in kept if path in types}),
            row["seq"],
        ),
    )
    return _by_seq(db, row["seq"])


def by_id(db: sqlite3.Connection, user_id: str) -> sqlite3.Row | None:
    """The user with that Fullstory id, one being deleted included."""
    return _one(db.execute("SELECT * FROM users WHERE id = ?", (user_id,)))


def by_uid(db: sqlite3.Connection, uid: str) -> sqlite3.Row | None:
    """The user with that uid, unless being deleted."""
    return _one(db.execute("SELECT * FROM users WHERE uid = ? AND gone_at IS NULL", (uid,)))


def writable(db: sqlite3.Connection, user_id: str) -> sqlite3.Row:
    """The user with that Fullstory id. Raises Problem (404) if unknown or being deleted."""
    row = by_id(db, user_id)
    if row is None or row["gone_at"] is not None:
        raise missing()
    return row


def schema_fields(db: sqlite3.Connection, kind: str, types: dict[str, str]) -> dict[str, Any]:
    """What ``include_schema=true`` adds to a user or an event."""
    fields: dict[str, Any] = {"schema": {"properties": types}}
    clashing = inference.conflicts(db, kind, types)
    if clashing:
        fields["type_conflicts"] = {"properties": clashing}
    return fields


def create(call: Call) -> Response:
    """POST /v2/users"""
    user = read_user(call.body())
    return answer({"id": upsert(call.db, user, call.now)["id"]})


def update(call: Call) -> Response:
    """POST /v2/users/{id}"""
    user = read_user(call.body())
    row = change(call.db, writable(call.db, call.path[0]), user)
    return answer({"id": row["id"]})


def get(call: Call) -> Response:
    """GET /v2/users/{id}"""
    include_schema = bool(call.flag("include_schema"))
    row = by_id(call.db, call.path[0])
    if row is None:
        raise missing()
    return answer(_as_data(call.db, row, include_schema))


def list_users(call: Call) -> Response:
    """GET /v2/users"""
    include_schema = bool(call.flag("include_schema"))
    where, values = _filters(call)
    scope = hashlib.sha256(dump([where, values]).encode()).hexdigest()[:16]
    after = read_page_token(call.text("page_token"), scope)
    (total,) = call.db.execute(f"SELECT count(*) FROM users WHERE {where}", values).fetchone()
    size = call.options.page_size
    rows = call.db.execute(
        f"SELECT * FROM users WHERE {where} AND seq > ? ORDER BY seq LIMIT ?",
        (*values, after, size + 1),
    ).fetchall()
    page: dict[str, Any] = {
        "results": [_as_data(call.db, row, include_schema) for row in rows[:size]],
        "total_records": str(total),
        "app_url": people_url(scope),
    }
    if len(rows) > size:
        page["next_page_token"] = page_token(scope, rows[size - 1]["seq"])
    return answer(page)


def delete_by_id(call: Call) -> Response:
    """DELETE /v2/users/{id}"""
    return _delete(call, by_id(call.db, call.path[0]))


def delete_by_uid(call: Call) -> Response:
    """DELETE /v2/users?uid="""
    uid = call.text("uid")
    if uid is None:
        raise required("uid")
    row = _one(
        call.db.execute(
            "SELECT * FROM users WHERE uid = ? ORDER BY gone_at IS NOT NULL, gone_at DESC", (uid,)
        )
    )
    return _delete(call, row)


def _delete(call: Call, row: sqlite3.Row | None) -> Response:
    """Start a deletion; asking again while it runs changes nothing."""
    if row is None:
        raise missing()
    if row["gone_at"] is None:
        gone_at = call.now + call.options.delete_seconds
        call.db.execute("UPDATE users SET gone_at = ? WHERE seq = ?", (gone_at, row["seq"]))
    return answer({})


def _insert(db: sqlite3.Connection, user: UserInput, now: float) -> sqlite3.Row:
    inference.remember_types(db, "user", user.types)
    cursor = db.execute(
        "INSERT INTO users (id, uid, display_name, email, name_key, email_key, properties, types,"
        " created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new_id(),
            user.uid,
            user.display_name,
            user.email,
            _key(user.display_name),
            _key(user.email),
            dump(inference.merged({}, user.properties)),
            dump(user.types),
            now,
        ),
    )
    return _by_seq(db, cursor.lastrowid)


def new_id() -> str:
    """A new Fullstory id: digits of an unsigned 64-bit number, as long as they get."""
    return str(secrets.randbelow(9 * 10**18) + 10**18)


def _by_seq(db: sqlite3.Connection, seq: int | None) -> sqlite3.Row:
    row: sqlite3.Row = db.execute("SELECT * FROM users WHERE seq = ?", (seq,)).fetchone()
    return row


def _filters(call: Call) -> tuple[str, list[str]]:
    where, values = ["1"], []
    uid, email, name = call.text("uid"), call.text("email"), call.text("display_name")
    if uid is not None:
        where.append("uid = ?")
        values.append(uid)
    if email is not None:
        where.append("email_key = ?")
        values.append(email.casefold())
    if name is not None:
        where.append("instr(name_key, ?) > 0")
        values.append(name.casefold())
    identified = call.flag("is_identified")
    if identified is not None:
        where.append("uid IS NOT NULL" if identified else "uid IS NULL")
    return " AND ".join(where), values


def _as_data(db: sqlite3.Connection, row: sqlite3.Row, include_schema: bool) -> dict[str, Any]:
    data: dict[str, Any] = {"id": row["id"]}
    for name in _LIMITS:
        if row[name] is not None:
            data[name] = row[name]
    data["is_being_deleted"] = row["gone_at"] is not None
    data["properties"] = json.loads(row["properties"])
    data["app_url"] = person_url(row["id"])
    if include_schema:
        data.update(schema_fields(db, "user", json.loads(row["types"])))
    return data


def _key(text: str | None) -> str | None:
    return None if text is None else text.casefold()


def _one(cursor: sqlite3.Cursor) -> sqlite3.Row | None:
    row: sqlite3.Row | None = cursor.fetchone()
    return row
