"""Time and memory of `sessions events` and `sessions timeline` on very long sessions.

    python -m tests.benchmarks.timeline [WORD]

One session of about 30 MB comes over loopback from ``fsctl sandbox serve``, as large as Membrane
carries them, through the action and through the proxy; one of 200,000 small events from the sandbox
in the command's own process, whose memory is then counted too. Memory is the largest resident set,
less that of the same command on a session of 30 events, beside the size of the body. With WORD only
the commands that have it in their name are run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.long_session import SESSION, fill
from tests.support.memory import spend

FSCTL = str(Path(sys.executable).with_name("fsctl"))
COMMANDS = {
    "events -o jsonl": ("events", SESSION, "-o", "jsonl"),
    "events -o json": ("events", SESSION, "-o", "json"),
    "events -o table": ("events", SESSION, "-o", "table"),
    "events -o csv": ("events", SESSION, "-o", "csv"),
    "events --limit 1": ("events", SESSION, "--limit", "1"),
    "events --type click": ("events", SESSION, "--type", "click"),
    "events --mask": ("events", SESSION, "--mask", "-o", "jsonl"),
    "timeline -o table": ("timeline", SESSION, "-o", "table"),
    "timeline --html": ("timeline", SESSION, "--html"),
    "timeline -o jsonl": ("timeline", SESSION, "-o", "jsonl"),
    "timeline -o json": ("timeline", SESSION, "-o", "json"),
    "timeline --type click": ("timeline", SESSION, "--type", "click", "-o", "json"),
    "timeline --mask": ("timeline", SESSION, "--mask", "-o", "json"),
}
ROADS = ("action", "proxy")
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


def served(small: Path, large: Path, *, events: int, rich: bool) -> None:
    fill(small / "data" / "sandbox.sqlite3", events=10, rich=rich)
    fill(large / "data" / "sandbox.sqlite3", events=events, rich=rich)
    with Served(small) as near, Served(large) as far:
        measure(environment(small, near), environment(large, far), large)


def inside(small: Path, large: Path, *, events: int) -> None:
    fill(small / "data" / "sandbox.sqlite3", events=10)
    fill(large / "data" / "sandbox.sqlite3", events=events)
    measure(environment(small), environment(large), large)


def measure(small: Mapping[str, str], large: Mapping[str, str], directory: Path) -> None:
    out = directory / "out"
    path = f"/v2/sessions/{SESSION.replace(':', '%3A')}/events"
    spend([FSCTL, "raw", "request", path], large, out)
    size = out.stat().st_size
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    for road in ROADS:
        print(f"  through the {road}; the body has {size / MB:.1f} MB")
        for name, arguments in COMMANDS.items():
            if word in name:
                command = [FSCTL, "sessions", *arguments, "--via", road]
                print(f"  {name:22} {told(command, small, large, out, size)}")


def told(
    command: Sequence[str], small: Mapping[str, str], large: Mapping[str, str], out: Path, size: int
) -> str:
    base = spend(command, small, out)
    spent = spend(command, large, out)
    if spent.status or base.status:
        raise SystemExit(f"{' '.join(command)} failed with {spent.status or base.status}")
    grown = spent.peak - base.peak
    memory = f"{grown / MB:7.1f} MB = {grown / size:4.1f} x body"
    return f"{spent.seconds:6.2f} s   {memory}   writes {out.stat().st_size / MB:6.1f} MB"


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
