"""How much memory a command took at most, as the system counted it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

# A child's largest resident set begins with that of the process it was spawned from, which here
# may hold a server and its sessions: a small process in between has little to pass on.
_SPAWN = """
import json, os, sys, time
out, *command = sys.argv[1:]
started = time.perf_counter()
pid = os.posix_spawn(command[0], command, os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 1, out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
])
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - started
unit = 1 if sys.platform == "darwin" else 1024  # kilobytes on Linux, bytes on macOS
print(json.dumps([seconds, usage.ru_maxrss * unit, os.waitstatus_to_exitcode(status)]))
"""


class Spent(NamedTuple):
    """Wall time in seconds, the largest resident set in bytes, the exit status."""

    seconds: float
    peak: int
    status: int


def spend(command: Sequence[str], env: Mapping[str, str], out: Path) -> Spent:
    """Run ``command`` with stdout in the file ``out``."""
    spawn = [sys.executable, "-I", "-S", "-c", _SPAWN, str(out), *command]
    done = subprocess.run(spawn, env=dict(env), stdout=subprocess.PIPE, check=True)
    return Spent(*json.loads(done.stdout))
