"""The storage in which exports lie: files at signed addresses, for who has the address.

As a cloud's storage does, it lets in nobody who shows credentials besides, and an address is good
for a while only.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from ..membrane.gateway import (
    Fate,
    GatewayError,
    Origin,
    Request,
    Response,
    Trouble,
)
from . import exports, members
from .answers import Call, answer, dump, missing
from .clock import iso
from .store import Store

PREFIX = "/storage/"
ADDRESS = "https://storage.sandbox.invalid"  # where nothing is served but to this process
_GOOD_FOR = 15 * 60.0  # seconds
_PIECE = 64 * 1024  # bytes


def results(call: Call) -> Response:
    """GET /search/v1/exports/{id}/results: an address, signed anew."""
    export = exports.find(call.db, call.path[0], call.now)
    if export is None:
        raise missing()
    expires = min(int(call.now + _GOOD_FOR), int(export.expires))
    path = f"{PREFIX}{export.export_id}.{export.wanted['format']}.gz"
    signature = _signature(export, path, str(expires))
    query = urlencode({"Expires": expires, "Signature": signature})
    location = f"{call.options.storage}{path}?{query}"
    return answer({"location": location, "expires": iso(expires)})


def serve(store: Store, request: Request) -> Response:
    """The file at ``request``'s path, packed, for a good signature; else a 4xx."""
    if request.method != "GET":
        return _refusal(405, "MethodNotAllowed")
    if any(name.lower() in ("authorization", "cookie") for name, _ in request.headers):
        return _refusal(400, "InvalidArgument")
    now = store.clock.time()
    export_id = request.path.removeprefix(PREFIX).partition(".")[0]
    query = dict(request.query)
    with store.connection() as db:
        export = exports.find(db, export_id, now)
        if export is None:
            return _refusal(404, "NoSuchKey")
        expires, given = query.get("Expires", ""), query.get("Signature", "")
        wanted = _signature(export, request.path, expires)
        if not hmac.compare_digest(wanted.encode(), given.encode()):
            return _refusal(403, "SignatureDoesNotMatch")
        if now >= float(expires):
            return _refusal(403, "ExpiredToken")
        # A response has its body whole; what is packed into it is never there at once.
        body = b"".join(_packed(_file(db, export.wanted, export.finished)))
    return Response(200, (("Content-Type", "application/gzip"),), body)


class Storage:
    """The storage of a sandbox in this process."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pieces(self, location: str) -> Iterator[bytes]:
        """The packed file at a signed address. Raises :class:`GatewayError`."""
        parts = urlsplit(location)
        query = tuple(parse_qsl(parts.query))
        response = serve(self._store, Request("GET", parts.path, query))
        if response.status != 200:
            raise GatewayError(
                f"The storage answered with status {response.status}.",
                trouble=Trouble.FAILED,
                fate=Fate.REFUSED,
                origin=Origin.LOCAL,
                code="storage",
                status=response.status,
            )
        for at in range(0, len(response.body), _PIECE):
            yield response.body[at : at + _PIECE]


def _signature(export: exports.Export, path: str, expires: str) -> str:
    text = f"{path}\n{expires}".encode()
    return hmac.new(export.secret.encode(), text, hashlib.sha256).hexdigest()


def _refusal(status: int, code: str) -> Response:
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>".encode()
    return Response(status, (("Content-Type", "application/xml"),), body)


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _file(db: Any, wanted: Mapping[str, Any], now: float) -> Iterator[bytes]:
    rows = members.rows(db, wanted, now)
    match wanted["format"]:
        case "csv":
            return _csv(rows, wanted["fields"] or members.columns(db, wanted["type"]))
        case "ndjson":
            return (f"{dump(_told(row))}\n".encode() for row in rows)
    return _json(rows)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _json(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    before = "[\n"
    for row in rows:
        yield f"{before}{dump(_told(row))}".encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def _csv(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> Iterator[bytes]:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(names)
    for row in rows:
        table.writerow([_cell(row.get(name)) for name in names])
        if text.tell() > _PIECE:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else dump(value)
