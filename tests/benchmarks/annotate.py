"""One annotation over loopback, beside a minimal urllib3 script that posts the same body.

    python -m tests.benchmarks.annotate [RUNS]

Both talk to one ``fsctl sandbox serve`` in a process of its own. fsctl is warm: it knows the
connection and the action from an earlier run, and makes one request.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.timing import interleaved, report

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
    fsctl = str(Path(sys.executable).with_name("fsctl"))
    with tempfile.TemporaryDirectory() as home:
        env = {name: value for name, value in os.environ.items() if not name.startswith("FSCTL_")}
        env |= {
            f"FSCTL_{kind}_DIR": f"{home}/{kind.lower()}"
            for kind in ("CONFIG", "CACHE", "STATE", "DATA")
        }
        server = subprocess.Popen(
            [fsctl, "sandbox", "serve"], stdout=subprocess.PIPE, env=env, text=True
        )
        assert server.stdout is not None
        env |= {"MEMBRANE_API_URL": server.stdout.readline().strip(), "MEMBRANE_TOKEN": "x"}
        command = [fsctl, "annotations", "create", "v1.4.2 deployed", "--source", "benchmark"]
        try:
            planned = subprocess.run(
                [*command, "--dry-run", "--jq", "[.action_id, .connection] | @tsv"],
                env=env, capture_output=True, text=True, check=True,
            )  # fmt: skip
            action, connection = planned.stdout.split()
            env["BODY"] = (
                f'{{"id":"{action}","connectionId":"{connection}",'
                '"input":{"text":"v1.4.2 deployed","source":"benchmark"},"meta":{"run":"1"}}'
            )
            seconds = interleaved(
                {
                    "minimal urllib3 script": [sys.executable, "-c", MINIMAL],
                    "fsctl annotations create": command,
                    "python -c pass": [sys.executable, "-c", "pass"],
                },
                runs=runs,
                env=env,
            )
        finally:
            server.terminate()
            server.wait()
    report(seconds, "minimal urllib3 script")


if __name__ == "__main__":
    main()
