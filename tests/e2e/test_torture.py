"""A million people by lunch, whatever happens: kills, lost answers, limits, rows that fail."""

from __future__ import annotations

import json
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from fsctl.fullstory.batch_jobs import Kind
from fsctl.sandbox.answers import Options
from fsctl.sandbox.server import SandboxServer
from tests.support.online import token_environment
from tests.support.sandbox_server import running_sandbox
from tests.support.torture import Torment, after_requests, audit, killed_and_resumed, rows, write

FAULTS = (
    *("500:0.04", "502-html:0.02", "reset:0.04", "reset-after:0.06", "truncate:0.04", "empty:0.03"),
    *("429:x2", "hang:x2"),
)


@pytest.mark.parametrize(
    ("kind", "few", "count", "kills"), [("users", 40, 1_600, 20), ("events", 40, 600, 5)]
)
def test_killed_many_times_amid_faults_every_row_is_imported_once(
    tmp_path: Path, kind: Kind, few: int, count: int, kills: int
) -> None:
    path = write(tmp_path / "rows.jsonl", kind, count)
    with running_sandbox(
        tmp_path, faults=[f"{fault}@/v2/{kind}" for fault in FAULTS], fault_seed=7
    ) as server:
        server.fullstory.options = Options(page_size=1, delete_seconds=5, job_seconds=0.01)
        torment = Torment(kind, path, tmp_path, token_environment(server.url), few, ["--timeout=1"])
        until = after_requests(lambda n, process: _arrived(server, n, process), 7, 6)
        killed, last = killed_and_resumed(torment, until, kills)
        assert killed > kills / 2  # where the machine is slow, a run may end before its turn
        assert last.code == 6, last.show
        audit(torment, count, tmp_path / "sandbox.sqlite3")
        sent = sum(row.fate != "bad" for row in rows(kind, count))
        _check_bodies(server, -(-sent // few))
    told = json.loads(last.out)
    assert not (tmp_path / "state" / "imports").exists() or not any(
        (tmp_path / "state" / "imports").iterdir()
    )
    assert _summary(told)["read"] == count


def _summary(told: Any) -> Any:
    return told[0] if isinstance(told, list) else told


def _arrived(server: SandboxServer, more: int, process: subprocess.Popen[str]) -> None:
    wanted = len(server.requests) + more
    while len(server.requests) < wanted and process.poll() is None:
        time.sleep(0.002)


def _check_bodies(server: SandboxServer, batches: int) -> None:
    """What is repeated under a key are the same bytes, and no trouble makes batches smaller."""
    bodies = defaultdict(set)
    for received in server.requests:
        if received.method == "POST" and received.body is not None:
            key = next(value for name, value in received.headers if name == "Idempotency-Key")
            bodies[key].add(received.body)
    assert {len(held) for held in bodies.values()} == {1}
    assert len({body for held in bodies.values() for body in held}) == batches
