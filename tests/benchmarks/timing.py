"""Time whole commands against each other: interleaved runs, medians and ratios.

The machines this runs on are noisy, so commands take turns within one run and only ratios of
medians mean anything. No test asserts on them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence


def interleaved(
    commands: Mapping[str, Sequence[str]],
    *,
    runs: int,
    env: Mapping[str, str] | None = None,
    before: Mapping[str, Callable[[], object]] | None = None,
) -> dict[str, list[float]]:
    """Seconds of wall time of every run, by name; one uncounted round goes first.

    What stands in ``before`` under a command's name is done before each of its runs, untimed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    prepare = before or {}
    # Installed packages are compiled by pip; a checkout is by its first run, if that may write.
    env = {**(os.environ if env is None else env)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    for turn in range(runs + 1):
        for name, command in commands.items():
            if name in prepare:
                prepare[name]()
            started = time.perf_counter()
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, env=env, check=False
            )
            took = time.perf_counter() - started
            if done.returncode != 0:
                raise SystemExit(f"{name} failed: {done.stderr.decode(errors='replace')}")
            if turn:
                seconds[name].append(took)
    return seconds


def report(seconds: Mapping[str, Sequence[float]], *bases: str) -> None:
    """Print the median of each in ms, its spread, and its ratio to each of ``bases``."""
    wholes = {base: statistics.median(seconds[base]) for base in bases}
    widest = max(map(len, seconds))
    for name, runs in seconds.items():
        median = statistics.median(runs)
        ratios = "".join(f"  {median / whole:6.2f} x {base}" for base, whole in wholes.items())
        print(
            f"{name:{widest}} {median * 1000:8.1f} ms  "
            f"({min(runs) * 1000:.1f} to {max(runs) * 1000:.1f}){ratios}"
        )
