"""Time whole commands against each other: interleaved runs, medians and ratios.

The machines this runs on are noisy, so commands take turns within one run and only ratios of
medians mean anything. No test asserts on them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence


def interleaved(
    commands: Mapping[str, Sequence[str]], *, runs: int, env: Mapping[str, str] | None = None
) -> dict[str, list[float]]:
    """Seconds of wall time of every run, by name; one uncounted round goes first."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    # Installed packages are compiled by pip; a checkout is by its first run, if that may write.
    env = {**(os.environ if env is None else env)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    for turn in range(runs + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            done = subprocess.run(command, capture_output=True, env=env, check=False)
            took = time.perf_counter() - started
            if done.returncode != 0:
                raise SystemExit(f"{name} failed: {done.stderr.decode(errors='replace')}")
            if turn:
                seconds[name].append(took)
    return seconds


def report(seconds: Mapping[str, Sequence[float]], base: str) -> None:
    """Print the median of each in ms, its spread, and its ratio to ``base``."""
    whole = statistics.median(seconds[base])
    for name, runs in seconds.items():
        median = statistics.median(runs)
        print(
            f"{name:32} {median * 1000:8.1f} ms  ({min(runs) * 1000:.1f} to {max(runs) * 1000:.1f})"
            f"  {median / whole:6.2f} x {base}"
        )
