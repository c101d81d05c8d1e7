"""A large import through ``fsctl sandbox serve`` with faults, killed twenty times and resumed.

    python -m tests.benchmarks.torture [users|events] [ROWS] [LONGEST] [BATCH]

Kills come after up to LONGEST seconds; BATCH is the most rows of a batch (Fullstory's 50,000 unless
given). At the end the sandbox's own records are held against the input, row by row.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fsctl.fullstory.batch_jobs import Kind
from tests.support.command import BINARY, clean_environment
from tests.support.online import token_environment
from tests.support.torture import FAULTS, Torment, audit, killed_and_resumed, write

KILLS = 20
SEED = 7


def main() -> None:
    kind: Kind = "events" if sys.argv[1:2] == ["events"] else "users"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    longest = float(sys.argv[3]) if len(sys.argv) > 3 else 4.0
    few = int(sys.argv[4]) if len(sys.argv) > 4 else None
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        path = write(home / "rows.jsonl", kind, count)
        with _served(home, kind) as url:
            torment = Torment(kind, path, home, token_environment(url), few, ["--timeout=30"])
            began = time.monotonic()
            chance = random.Random(SEED)

            def until(process: subprocess.Popen[str]) -> None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(chance.uniform(0.2, longest))

            killed, last = killed_and_resumed(torment, until, KILLS)
            took = time.monotonic() - began
        log = (home / "sandbox.log").read_text().splitlines()
        print(f"{killed} kills; the last run ended with {last.code}: {last.out.strip()}")
        audit(torment, count, home / "data" / "sandbox.sqlite3")
        print(f"{count:,} {kind}, {len(log):,} requests, {took:.0f} s: every row is accounted for")


@contextmanager
def _served(home: Path, kind: Kind) -> Iterator[str]:
    faults = [f"--fault={fault}:{rate}@/v2/{kind}" for fault, rate in FAULTS.items()]
    command = [str(BINARY), "sandbox", "serve", "--log", "--fault-seed", str(SEED), *faults]
    with (
        (home / "sandbox.log").open("w") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=clean_environment(home)
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
