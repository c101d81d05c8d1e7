"""What marking a deploy costs a job, and what ``annotations run`` does to the command it runs.

    python -m tests.benchmarks.deploy [RUNS]

First the wall time that ``annotations deploy`` adds to a job of GitHub Actions, beside a minimal
urllib3 script that posts the same body; both talk to one ``fsctl sandbox serve`` in a process of
its own, and fsctl is warm. Then one command, alone and below ``annotations run``, while Membrane
is well, down, slow, and later than the budget: its exit code, its bytes, the time it took itself,
when it began, when the reader of its output saw the end, and when fsctl was done.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.timing import interleaved, report
from tests.support.ci_environments import GITHUB
from tests.support.scripted_server import free_port

FSCTL = str(Path(sys.executable).with_name("fsctl"))
MINIMAL = """
import json, os, urllib3
pool = urllib3.PoolManager(retries=False)
answer = pool.request("POST", os.environ["MEMBRANE_API_URL"] + "/act", body=os.environ["BODY"],
    headers={"Authorization": "Bearer x", "Content-Type": "application/json"}, timeout=70)
assert answer.status == 200, answer.data
print(json.loads(answer.data)["output"]["text"])
"""
# 64 KiB of every byte, half a second of work, and a failure.
COMMAND = """
import os, sys, time
began = time.time()
sys.stdout.buffer.write(bytes(range(256)) * 256)
time.sleep(0.5)
sys.stderr.write(f"{began} {time.time()}\\n")
sys.exit(7)
"""
BYTES = bytes(range(256)) * 256
BUDGET = 2.0  # seconds
SLOW = 0.4  # seconds that a slow Membrane takes for an answer


class Seen(NamedTuple):
    """One run of the command. ``began``, ``output_ended``, ``done`` are seconds from its start."""

    code: int
    whole: bool
    own: float
    began: float
    output_ended: float
    done: float


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as home, _service(home) as (env, url):
        _cost(env, runs)
        with _relay(url, SLOW) as slow, _relay(url, BUDGET * 2) as late:
            services = {
                "well": url,
                "down": f"http://127.0.0.1:{free_port()}",
                f"slow ({SLOW} s an answer)": slow,
                f"later than the budget ({BUDGET:g} s)": late,
            }
            _untouched(env, services, max(3, runs // 3))


@contextmanager
def _service(home: str) -> Iterator[tuple[dict[str, str], str]]:
    """The environment of a GitHub job with an address of a service; that address."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FSCTL_", "MEMBRANE_", "GITHUB_"))
        and name != "PYTHONDONTWRITEBYTECODE"
    }
    env |= GITHUB | {
        f"FSCTL_{kind}_DIR": f"{home}/{kind.lower()}"
        for kind in ("CONFIG", "CACHE", "STATE", "DATA")
    }
    with subprocess.Popen(
        [FSCTL, "sandbox", "serve"], stdout=subprocess.PIPE, env=env, text=True
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        try:
            yield env | {"MEMBRANE_API_URL": url, "MEMBRANE_TOKEN": "x"}, url
        finally:
            server.terminate()


# -- the cost of a job's line


def _cost(env: Mapping[str, str], runs: int) -> None:
    command = [FSCTL, "annotations", "deploy", "--env", "production", "--fail-on", "any"]
    planned = subprocess.run(
        [*command, "--dry-run"], env=env, capture_output=True, text=True, check=True
    )
    plan = json.loads(planned.stdout)
    body = {
        "id": plan["action_id"],
        "connectionId": plan["connection"],
        "input": plan["input"],
        "meta": {"run": "1"},
    }
    create = [FSCTL, "annotations", "create", plan["input"]["text"], "--source", "benchmark"]
    seconds = interleaved(
        {
            "minimal urllib3 script": [sys.executable, "-c", MINIMAL],
            "fsctl annotations deploy": command,
            "fsctl annotations create": create,
            "fsctl --version": [FSCTL, "--version"],
            "python -c pass": [sys.executable, "-c", "pass"],
        },
        runs=runs,
        env={**env, "BODY": json.dumps(body)},
    )
    print(f"posted: {plan['input']['text']}")
    report(seconds, "minimal urllib3 script")


# -- what becomes of a command


def _untouched(env: Mapping[str, str], services: Mapping[str, str], runs: int) -> None:
    alone = [sys.executable, "-c", COMMAND]
    below = [FSCTL, "annotations", "run", "--budget", f"{BUDGET:g}", "--", *alone]
    commands: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {"alone": (alone, env)}
    for name, url in services.items():
        commands[f"below run, {name}"] = (below, {**env, "MEMBRANE_API_URL": url})
    seen: dict[str, list[Seen]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, (command, its_env) in commands.items():
            one = _run(command, its_env)
            if turn:
                seen[name].append(one)
    print(f"\n{'the command':44} exit  bytes  own ms  began at  output ended  fsctl done")
    for name, each in seen.items():
        code, whole = {one.code for one in each}, all(one.whole for one in each)
        assert code == {7} and whole, (name, code, whole)
        own, began, ended, done = (
            statistics.median(getattr(one, field) * 1000 for one in each)
            for field in ("own", "began", "output_ended", "done")
        )
        print(f"{name:44} {7:4}  whole {own:7.1f} {began:9.1f} {ended:13.1f} {done:11.1f}")


def _run(command: Sequence[str], env: Mapping[str, str]) -> Seen:
    with tempfile.TemporaryFile() as stderr:
        started = time.time()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=env)
        assert process.stdout is not None
        with process.stdout:
            out = process.stdout.read()
        output_ended = time.time()
        code = process.wait()
        done = time.time()
        stderr.seek(0)
        began, ended = map(float, stderr.readline().split())
    return Seen(
        code, out == BYTES, ended - began, began - started, output_ended - started, done - started
    )


@contextmanager
def _relay(url: str, delay: float) -> Iterator[str]:
    """The same service, each of whose answers comes that many seconds later."""
    host, _, port = url.removeprefix("http://").partition(":")
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket, pause: float) -> None:
        try:
            while data := source.recv(65536):
                time.sleep(pause)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:  # fsctl did not wait for it
            pass

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection((host, int(port)))
            for each in ((near, far, 0.0), (far, near, delay)):
                threading.Thread(target=pump, args=each, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


if __name__ == "__main__":
    main()
