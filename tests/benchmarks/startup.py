"""How long fsctl takes to start and to post one annotation, beside what others take.

    python -m tests.benchmarks.startup [RUNS]

All of it takes turns in one run. Over loopback everyone posts the same body to one ``fsctl sandbox
serve`` in a process of its own: warm, fsctl knows the connection and the action from an earlier run
and makes one request; cold, its cache is empty and it makes three. curl, HTTPie (``http``) and gh
are found on the PATH; those that are not there are named and left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.timing import interleaved, report

FSCTL = str(Path(sys.executable).with_name("fsctl"))
TEXT = "v1.4.2 deployed"
ANNOTATE = ("annotations", "create", TEXT, "--source", "benchmark")
CONTENT = ("Authorization: Bearer x", "Content-Type: application/json")
MINIMAL = """
import json, os, urllib3
pool = urllib3.PoolManager(retries=False)
answer = pool.request("POST", os.environ["MEMBRANE_API_URL"] + "/act", body=os.environ["BODY"],
    headers={"Authorization": "Bearer x", "Content-Type": "application/json"}, timeout=70)
assert answer.status == 200, answer.data
print(json.loads(answer.data)["output"]["text"])
"""


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory() as home, serving(home) as env:
        cold = f"{home}/cold"
        warm, url = [FSCTL, *ANNOTATE], f"{env['MEMBRANE_API_URL']}/act"
        headers = [word for header in CONTENT for word in ("-H", header)]
        known = {
            "curl": ["-sS", "--fail", *headers, "-d", env["BODY"], url],
            "http": ["--ignore-stdin", "--check-status", "--raw", env["BODY"], url, *colons()],
            "gh": ["--version"],
        }
        others = {
            f"{name} {'--version' if name == 'gh' else 'posting it'}": [found, *arguments]
            for name, arguments in known.items()
            if (found := shutil.which(name))
        }
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "import click": [sys.executable, "-c", "import click"],
            "fsctl --version": [FSCTL, "--version"],
            "fsctl --help": [FSCTL, "--help"],
            "fsctl users --help": [FSCTL, "users", "--help"],
            "fsctl --sandbox annotations create": [FSCTL, "--sandbox", *ANNOTATE],
            "minimal urllib3 script": [sys.executable, "-c", MINIMAL],
            "fsctl annotations create, warm": warm,
            "fsctl annotations create, cold": ["env", f"FSCTL_CACHE_DIR={cold}", *warm],
            **others,
        }
        seconds = interleaved(
            commands,
            runs=runs,
            env=env,
            before={"fsctl annotations create, cold": lambda: shutil.rmtree(cold, True)},
        )
    report(seconds, "import click", "minimal urllib3 script")
    if missing := [name for name in known if shutil.which(name) is None]:
        print(f"not on the PATH, and so left out: {', '.join(missing)}")


def colons() -> list[str]:
    """The headers as HTTPie takes them."""
    return [header.replace(": ", ":", 1) for header in CONTENT]


@contextmanager
def serving(home: str) -> Iterator[dict[str, str]]:
    """An environment for a running server: its address, and a ``BODY`` to post to it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("FSCTL_")}
    for kind in ("CONFIG", "CACHE", "STATE", "DATA"):
        env[f"FSCTL_{kind}_DIR"] = f"{home}/{kind.lower()}"
    server = subprocess.Popen(
        [FSCTL, "sandbox", "serve"], stdout=subprocess.PIPE, env=env, text=True
    )
    try:
        assert server.stdout is not None
        env |= {"MEMBRANE_API_URL": server.stdout.readline().strip(), "MEMBRANE_TOKEN": "x"}
        yield {**env, "BODY": body(env)}
    finally:
        server.terminate()
        server.wait()


def body(env: Mapping[str, str]) -> str:
    """What fsctl itself posts."""
    planned = subprocess.run(
        [FSCTL, *ANNOTATE, "--dry-run", "--jq", "[.action_id, .connection] | @tsv"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    action, connection = planned.stdout.split()
    return (
        f'{{"id":"{action}","connectionId":"{connection}",'
        f'"input":{{"text":"{TEXT}","source":"benchmark"}},"meta":{{"run":"1"}}}}'
    )


if __name__ == "__main__":
    main()
