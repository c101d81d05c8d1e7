from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

from fsctl.membrane.gateway import Response
from tests.support.fullstory import Fullstory

_THREADS = 16
_CHILD = """
import json, sys
from pathlib import Path
from fsctl.membrane.gateway import Request
from fsctl.sandbox.api import FullstoryApi
from fsctl.sandbox.store import Store

api = FullstoryApi(Store(Path(sys.argv[1])))
sys.stdin.readline()
for number in range(40):
    body = json.dumps({"uid": "ada", "properties": {f"p{sys.argv[2]}_{number}": 1}}).encode()
    assert api.handle(Request("POST", "/v2/users", body=body)).status == 200
    key = (("Idempotency-Key", str(number)),)
    answer = api.handle(Request("POST", "/v2/users", headers=key, body=b"{}"))
    print(json.loads(answer.body)["id"])
"""


def _at_once(fullstory: Fullstory, body: Any, **more: Any) -> list[Response]:
    """The answers to one create, sent by many threads at the same moment."""
    barrier = Barrier(_THREADS)

    def send(_: int) -> Response:
        barrier.wait()
        return fullstory.send("POST", "/v2/users", body, **more)

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(send, range(_THREADS)))


def test_creates_of_one_uid_at_once_make_one_person(tmp_path: Path) -> None:
    fullstory = Fullstory(tmp_path / "sandbox.db")
    answers = _at_once(fullstory, {"uid": "ada"})
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert fullstory.ok("GET", "/v2/users")["total_records"] == "1"
    fullstory.store.close()


def test_creates_under_one_key_at_once_make_one_person() -> None:
    fullstory = Fullstory()
    answers = _at_once(fullstory, {"display_name": "Ada"}, key="k")
    assert len(set(answers)) == 1
    assert fullstory.ok("GET", "/v2/users")["total_records"] == "1"


def test_reads_and_writes_at_once_never_see_half_a_write() -> None:
    fullstory = Fullstory()
    fullstory.user(uid="ada", display_name="0", email="0")

    def write(number: int) -> None:
        fullstory.user(uid="ada", display_name=str(number), email=str(number))

    def read(_: int) -> bool:
        (ada,) = fullstory.ok("GET", "/v2/users", uid="ada")["results"]
        return bool(ada["display_name"] == ada["email"])

    with ThreadPoolExecutor(_THREADS) as pool:
        writes = [pool.submit(write, number) for number in range(100)]
        assert all(pool.map(read, range(100)))
        for done in writes:
            done.result()


def test_two_processes_share_one_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.communicate(timeout=60)[0].split() for child in children]
    assert answers[0] == answers[1]
    fullstory = Fullstory(path)
    (ada,) = fullstory.ok("GET", "/v2/users", uid="ada")["results"]
    assert len(ada["properties"]) == 80
    assert fullstory.ok("GET", "/v2/users")["total_records"] == "41"
    fullstory.store.close()
