"""Imports that are killed over and over while the service makes trouble, and what came of them."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from fsctl.fullstory.batch_jobs import Kind
from tests.support.command import BINARY, Ended, clean_environment

NOBODY = "404404404404"  # an id that no one has: a job fails its row
FAULTS = {
    "429": 0.05,
    "500": 0.05,
    "502-html": 0.03,
    "reset": 0.05,
    "reset-after": 0.06,
    "truncate": 0.04,
    "empty": 0.03,
    "hang": 0.02,
}
# The installed program, but for how many rows it puts into one batch.
_SMALL = """
import sys
from fsctl.fullstory import limits
limits.BATCH_MAX_REQUESTS = int(sys.argv.pop(1))
from fsctl.cli.main import entry_point
entry_point()
"""


class Row(NamedTuple):
    """A row of the input; what has to become of it: ``imported``, ``refused`` or ``bad``."""

    record: Mapping[str, Any]
    fate: str


def rows(kind: Kind, count: int) -> Iterator[Row]:
    """Rows of all sorts, each with its number ``n``; many of them are no upserts."""
    for n in range(count):
        properties = {"n": n, "note": "x" * (n % 50)}
        if kind == "events":
            yield _event(n, {"name": f"Event {n}", "properties": properties})
        else:
            yield _user(n, {"display_name": f"Person {n}", "properties": properties})


def _user(n: int, record: dict[str, Any]) -> Row:
    if n % 97 == 5:
        return Row(record | {"email": "e" * 200}, "bad")
    if n % 89 == 7:
        return Row(record | {"id": NOBODY}, "refused")
    return Row(record if n % 5 == 0 else record | {"uid": f"u{n}"}, "imported")


def _event(n: int, record: dict[str, Any]) -> Row:
    record["timestamp"] = "2026-03-01T09:00:00Z"
    if n % 97 == 5:
        return Row(record | {"timestamp": "yesterday"}, "bad")
    if n % 89 == 7:
        return Row(record | {"user": {"id": NOBODY}}, "refused")
    return Row(record | {"user": {"uid": f"u{n % 50}"}}, "imported")


def write(path: Path, kind: Kind, count: int) -> Path:
    with path.open("w") as stream:
        for row in rows(kind, count):
            stream.write(f"{json.dumps(row.record)}\n")
    return path


class Torment(NamedTuple):
    """What is run: ``few`` rows a batch (None: as many as ever), with that environment."""

    kind: Kind
    path: Path
    home: Path
    env: Mapping[str, str]
    few: int | None = None
    arguments: Sequence[str] = ()

    def start(self) -> subprocess.Popen[str]:
        program = (
            [str(BINARY)] if self.few is None else [sys.executable, "-c", _SMALL, str(self.few)]
        )
        return subprocess.Popen(
            [*program, self.kind, "import", str(self.path), "-o", "json", *self.arguments],
            env=clean_environment(self.home, self.env),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, until: Callable[[subprocess.Popen[str]], None]) -> Ended:
        """One run; ``until`` returns when it is to be killed, or has ended."""
        with self.start() as process:
            until(process)
            if process.poll() is None:
                process.kill()
            out, err = process.communicate(timeout=60)
            return Ended(process.returncode, out, err)


def killed_and_resumed(
    torment: Torment, until: Callable[[subprocess.Popen[str]], None], kills: int
) -> tuple[int, Ended]:
    """Kill so many runs, then let the next ones end; how many were killed, and the last run.

    A run may also give up because of the trouble, after which the same command goes on.
    """
    killed = 0
    while killed < kills:
        ended = torment.run(until)
        if ended.code == -signal.SIGKILL:
            killed += 1
        elif ended.code != 5:
            return killed, ended
    while (ended := torment.run(_to_its_end)).code == 5:
        pass
    return killed, ended


def _to_its_end(process: subprocess.Popen[str]) -> None:
    out, err = process.communicate(timeout=600)
    process.communicate = lambda *_more, **_other: (out, err)  # type: ignore[method-assign]


def audit(torment: Torment, count: int, sandbox: Path) -> None:
    """Every row took effect once, or stands in the rejects; nothing else is anywhere."""
    wanted = list(rows(torment.kind, count))
    told: Counter[tuple[int, bool]] = Counter()
    with _reading(sandbox) as db:
        for failed, body in db.execute("SELECT failed, body FROM job_rows"):
            held = json.loads(body)
            record = held["user" if torment.kind == "users" else "event"] if failed else held
            told[record["properties"]["n"], bool(failed)] += 1
        stored = Counter(
            json.loads(text)["n"]
            for (text,) in db.execute(
                f"SELECT properties FROM {torment.kind} WHERE properties LIKE '%\"n\":%'"
            )
        )
        people = dict(
            db.execute("SELECT display_name, uid FROM users WHERE properties LIKE '%\"n\":%'")
        )
    sent = {n: row.fate == "refused" for n, row in enumerate(wanted) if row.fate != "bad"}
    assert told == Counter(sent.items()), "each row is in one job, once"
    imported = [n for n, row in enumerate(wanted) if row.fate == "imported"]
    assert stored == Counter(imported), "each row took effect, once"
    if torment.kind == "users":
        assert people == {
            wanted[n].record["display_name"]: wanted[n].record.get("uid") for n in imported
        }
    rejects = torment.path.with_suffix(".rejects.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in rejects]
    expected = {n + 1: row for n, row in enumerate(wanted) if row.fate != "imported"}
    assert sorted(one["_line"] for one in found) == sorted(expected), "the rejects are the bad rows"
    for one in found:
        line = one.pop("_line")
        code, _ = one.pop("_error_code"), one.pop("_error_message")
        assert one == expected[line].record
        assert (code == "resource_not_found") == (expected[line].fate == "refused")
    assert not torment.path.with_suffix(".unknown.jsonl").exists()


@contextmanager
def _reading(sandbox: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(sandbox)) as db:
        yield db


def after_requests(
    wait_for: Callable[[int, subprocess.Popen[str]], None], seed: int, most: int
) -> Callable[[subprocess.Popen[str]], None]:
    """Lets a run live until from 1 to ``most`` more requests came, and some moments more."""
    chance = random.Random(seed)

    def until(process: subprocess.Popen[str]) -> None:
        wait_for(chance.randint(1, most), process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(chance.random() * 0.05)

    return until
