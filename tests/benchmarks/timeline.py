"""Time and memory of `sessions events` and `sessions timeline` on very long sessions.

    python -m tests.benchmarks.timeline

One session of about 30 MB comes over loopback from ``fsctl sandbox serve``, as large as Membrane
carries them; one of 200,000 small events from the sandbox in the command's own process, whose
memory is then counted too. Memory is the largest resident set, less that of the same command on a
session of 30 events, beside the size of the body.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.long_session import SESSION, fill
from tests.support.memory import spend

FSCTL = str(Path(sys.executable).with_name("fsctl"))
COMMANDS = {
    "events -o jsonl": ("events", SESSION, "-o", "jsonl"),
    "events -o json": ("events", SESSION, "-o", "json"),
    "timeline -o table": ("timeline", SESSION, "-o", "table"),
    "timeline --html": ("timeline", SESSION, "--html"),
    "timeline -o jsonl": ("timeline", SESSION, "-o", "jsonl"),
    "timeline -o json": ("timeline", SESSION, "-o", "json"),
}
MB = 1_000_000


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        print("30 MB over loopback: 42,000 events as large as a browser's")
        served(home / "small", home / "large", events=42_000, rich=True)
        print("30 MB over loopback: 113,000 small events")
        served(home / "short", home / "long", events=113_000, rich=False)
        print("200,000 events in the command's own process")
        inside(home / "few", home / "many", events=200_000)
        print("the same through the proxy, where the sandbox keeps no log of it")
        inside(home / "few", home / "many", events=0, via="proxy")


def served(small: Path, large: Path, *, events: int, rich: bool) -> None:
    fill(small / "data" / "sandbox.sqlite3", events=10, rich=rich)
    fill(large / "data" / "sandbox.sqlite3", events=events, rich=rich)
    with Served(small) as near, Served(large) as far:
        measure(environment(small, near), environment(large, far), large)


def inside(small: Path, large: Path, *, events: int, via: str = "auto") -> None:
    if events:
        fill(small / "data" / "sandbox.sqlite3", events=10)
        fill(large / "data" / "sandbox.sqlite3", events=events)
    road = {"FSCTL_VIA": via}
    measure(environment(small) | road, environment(large) | road, large)


def measure(small: Mapping[str, str], large: Mapping[str, str], directory: Path) -> None:
    body = directory / "body"
    path = f"/v2/sessions/{SESSION.replace(':', '%3A')}/events"
    spend([FSCTL, "raw", "request", path], large, body)
    size = body.stat().st_size
    print(f"  the body has {size / MB:.1f} MB")
    for name, arguments in COMMANDS.items():
        command = [FSCTL, "sessions", *arguments]
        out = directory / "out"
        base = spend(command, small, out)
        spent = spend(command, large, out)
        if spent.status or base.status:
            raise SystemExit(f"{name} failed with {spent.status}")
        grown = spent.peak - base.peak
        memory = f"{grown / MB:7.1f} MB = {grown / size:4.1f} x body"
        wrote = f"writes {out.stat().st_size / MB:6.1f} MB"
        print(f"  {name:20} {spent.seconds:6.2f} s   {memory}   {wrote}")


def environment(home: Path, url: str | None = None) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FSCTL_")}
    env |= {
        f"FSCTL_{kind}_DIR": str(home / kind.lower())
        for kind in ("CONFIG", "CACHE", "STATE", "DATA")
    }
    if url is None:
        return env | {"FSCTL_TRANSPORT": "sandbox"}
    return env | {"MEMBRANE_API_URL": url, "MEMBRANE_TOKEN": "x"}


class Served:
    """``fsctl sandbox serve`` with the state below ``home``; gives its address."""

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [FSCTL, "sandbox", "serve"], stdout=subprocess.PIPE, env=environment(home), text=True
        )

    def __enter__(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


if __name__ == "__main__":
    main()
