"""Inputs of imports for tests: JSON lines, read without the rooms that read files."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fsctl.bulk.batches import Position
from fsctl.bulk.import_input import Input
from fsctl.bulk.import_record import Identity
from fsctl.bulk.import_rejects import Form, JsonForm
from fsctl.fullstory.batch_jobs import Kind
from fsctl.fullstory.call import Caller
from fsctl.fullstory.repeats import Clock
from fsctl.membrane.cache import MemoryCache
from fsctl.membrane.catalogue import Catalogue
from fsctl.membrane.gateway import (
    NO_DEADLINE,
    Capabilities,
    Deadline,
    Gateway,
    Request,
    Response,
)
from fsctl.membrane.http import HttpGateway
from fsctl.sandbox.clock import Clock as SandboxClock
from fsctl.sandbox.gateway import SandboxGateway


class Wrong(NamedTuple):
    code: str
    message: str


class Line(NamedTuple):
    """A row; one with a property ``bad`` does not pass the check."""

    line: int
    start: int
    body: bytes
    problems: Sequence[Wrong]
    raw: bytes
    lines: int = 1


class Lines:
    """The rows of a file of JSON lines, ``block`` at a time."""

    def __init__(self, path: Path, kind: Kind = "users", block: int = 3) -> None:
        self.path = path
        self.kind: Kind = kind
        self.name = path.name
        self.form: Form = JsonForm()
        self.block = block
        self.reads = 0

    def blocks(self, at: Position | None) -> Iterator[Sequence[Line]]:
        self.reads += 1
        offset, number = at or Position(0, 1)
        with self.path.open("rb") as stream:
            stream.seek(offset)
            block: list[Line] = []
            for text in stream:
                raw = text.rstrip(b"\n")
                bad = (Wrong("bad", "It is bad"),) if b'"bad"' in raw else ()
                block.append(Line(number, offset, raw, bad, raw))
                offset, number = offset + len(text), number + 1
                if len(block) == self.block:
                    yield block
                    block = []
            if block:
                yield block


def input_of(path: Path, kind: Kind = "users", **more: Any) -> Input:
    """An input with its outputs beside it."""
    data = path.read_bytes()
    identity = Identity(
        kind,
        str(path),
        "",
        len(data),
        path.stat().st_mtime_ns,
        hashlib.sha256(data).hexdigest(),
        more.pop("choices", {}),
    )
    out = {word: path.with_suffix(f".{word}.jsonl") for word in ("rejects", "unknown")}
    reader = Lines(path, kind, **more)
    return Input(reader, identity, out["rejects"], out["unknown"], size=len(data))


def write_lines(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Hours:
    """A time that only sleeping moves, for many threads at once."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds
        time.sleep(0)  # lets another thread go on

    @property
    def clock(self) -> Clock:
        return Clock(self.time, self.time, self.sleep, lambda: 0.5)


def bulk_caller(gateway: Gateway, hours: Hours, connection: str) -> Caller:
    """A caller as commands have it, whose time is ``hours``."""
    lock, count = threading.Lock(), iter(range(1_000_000))

    def new_id() -> str:
        with lock:
            return f"key-{hours.now:.0f}-{next(count)}"

    return Caller(
        gateway,
        Catalogue(gateway, MemoryCache()),
        connection=lambda _deadline: connection,
        clock=hours.clock,
        new_id=new_id,
    )


class Killed(BaseException):
    """The process is gone, all at once."""


class Watched(SandboxGateway):
    """A sandbox whose Fullstory requests are seen by ``before`` and ``after``, which may raise.

    ``before`` may also answer in Fullstory's place. ``posts`` are the batches that came through.
    """

    def __init__(self, hours: Hours) -> None:
        super().__init__(None, SandboxClock(source=hours.time), seed=False)
        self.hours = hours
        self.before: Callable[[Request], Response | None] = lambda _request: None
        self.after: Callable[[Request], None] = lambda _request: None
        self.posts: list[Request] = []
        self.asked = 0
        self.carries_headers = True

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override]
        return HttpGateway.capabilities._replace(headers=self.carries_headers)

    def request(
        self, connection_id: str, request: Request, *, deadline: Deadline = NO_DEADLINE
    ) -> Response:
        self.asked += 1
        answer = self.before(request)
        if answer is not None:
            return answer
        if request.method == "POST":
            self.posts.append(request)
        response = super().request(connection_id, request, deadline=deadline)
        self.after(request)
        return response

    def count(self, table: str) -> int:
        with self.store.connection() as db:
            return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def dies(self, number: int, *, answered: bool) -> None:
        """From the request of that number on nothing is sent, or answered, any more."""
        dead = False
        first = self.asked + number

        def before(_request: Request) -> None:
            nonlocal dead
            if dead or (self.asked >= first and not answered):
                dead = True
                raise Killed

        def after(_request: Request) -> None:
            nonlocal dead
            if dead or self.asked >= first:
                dead = True
                raise Killed

        self.before, self.after = before, after

    def lives(self) -> None:
        self.before, self.after = lambda _request: None, lambda _request: None
