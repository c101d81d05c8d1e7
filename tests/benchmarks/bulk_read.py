"""Rows a second and memory of reading and checking inputs of imports, beside a bare loop.

    python -m tests.benchmarks.bulk_read [ROWS]

Users as JSON lines, as a JSON array, as CSV and as TSV, in one interleaved run, each in a process
of its own. "bare" reads JSON lines, checks each with msgspec and the same types, and joins them to
bodies of 8 MB; "stretches" does what an import does until a batch is sent. Memory is the largest
resident set at ROWS and at a hundredth of it, less that of a process which only imports.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.memory import spend

ROWS = 1_000_000
RUNS = 3
MB = 1_000_000

_BARE = """
import sys
import msgspec
from fsctl.bulk.checking_types import UserRow
decode = msgspec.json.Decoder(UserRow).decode
bodies, size = [], 0
with open(sys.argv[1], "rb") as stream:
    for line in stream:
        decode(line)
        bodies.append(line)
        size += len(line)
        if size > 8_000_000 or len(bodies) == 50_000:
            b",".join(bodies)
            bodies, size = [], 0
    b",".join(bodies)
"""
_OURS = """
import sys
from fsctl.bulk.batches import Bounds, stretches
from fsctl.bulk.rows import open_rows
from fsctl.bulk.source import open_source
from fsctl.terminal.world import World
rows = open_rows(open_source(World(), sys.argv[1]), "users")
{work}
"""
_EMPTY = "import fsctl.bulk.rows, fsctl.bulk.batches, fsctl.terminal.world"
PROGRAMS = {
    "bare loop, JSONL": (_BARE, "jsonl"),
    "blocks, JSONL": (_OURS.format(work="for block in rows.blocks(): pass"), "jsonl"),
    "stretches, JSONL": (
        _OURS.format(work="for one in stretches(rows.blocks(), Bounds()): one.body"),
        "jsonl",
    ),
    "blocks, nested JSONL": (_OURS.format(work="for block in rows.blocks(): pass"), "nested.jsonl"),
    "blocks, JSON": (_OURS.format(work="for block in rows.blocks(): pass"), "json"),
    "blocks, CSV": (_OURS.format(work="for block in rows.blocks(): pass"), "csv"),
    "stretches, CSV": (
        _OURS.format(work="for one in stretches(rows.blocks(), Bounds()): one.body"),
        "csv",
    ),
    "blocks, typed CSV": (_OURS.format(work="for block in rows.blocks(): pass"), "typed.csv"),
    "blocks, TSV": (_OURS.format(work="for block in rows.blocks(): pass"), "tsv"),
}


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    env = {**os.environ}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as directory:
        few, many = Path(directory, "few"), Path(directory, "many")
        write(few, rows // 100)
        write(many, rows)
        out = Path(directory, "out")
        empty = [sys.executable, "-c", _EMPTY]
        spend(empty, env, out)
        base = [spend(empty, env, out) for _ in range(RUNS)]
        started = statistics.median(one.seconds for one in base)
        seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
        peaks: dict[str, tuple[int, int]] = {}
        for _ in range(RUNS):
            for name, (program, suffix) in PROGRAMS.items():
                peak = []
                for folder in (few, many):
                    command = [sys.executable, "-c", program, str(folder / f"people.{suffix}")]
                    spent = spend(command, env, out)
                    if spent.status:
                        raise SystemExit(f"{name} failed with {spent.status}")
                    peak.append(spent.peak - base[0].peak)
                peaks[name] = (peak[0], peak[1])
                seconds[name].append(spent.seconds - started)
        report(rows, seconds, peaks)


def report(rows: int, seconds: dict[str, list[float]], peaks: dict[str, tuple[int, int]]) -> None:
    bare = statistics.median(seconds["bare loop, JSONL"])
    for name, runs in seconds.items():
        took = statistics.median(runs)
        few, many = peaks[name]
        print(
            f"{name:22} {rows / took:10,.0f} rows/s  {bare / took:5.2f} x bare  "
            f"memory {few / MB:6.1f} MB at {rows // 100:,}, {many / MB:6.1f} MB at {rows:,}"
        )


def write(folder: Path, rows: int) -> None:
    folder.mkdir()
    people = [person(number) for number in range(rows)]
    lines = [json.dumps(one, separators=(",", ":")) for one in people]
    (folder / "people.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "people.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    nested = (line[:-2] + ',"address":{"city":"Berlin","zip":"10115"}}}\n' for line in lines)
    (folder / "people.nested.jsonl").write_text("".join(nested))
    held = list(people[0]["properties"])
    names = ["uid", "display_name", "email", *held]
    typed = [*names[:3], *(f"{name}:{TYPES[name]}" for name in held)]
    for suffix, titles, mark in (
        ("csv", names, ","),
        ("typed.csv", typed, ","),
        ("tsv", names, "\t"),
    ):
        with (folder / f"people.{suffix}").open("w") as stream:
            stream.write(mark.join(titles) + "\n")
            for one in people:
                stream.write(
                    f"{mark.join([one['uid'], one['display_name'], one['email']])}{mark}"
                    f"{mark.join(str(value) for value in one['properties'].values())}\n"
                )


TYPES = {
    "plan": "str",
    "seats": "int",
    "active": "bool",
    "score": "real",
    "city": "str",
    "signed_up": "date",
}


def person(number: int) -> dict[str, Any]:
    return {
        "uid": f"user-{number:07}",
        "display_name": f"Person Number {number}",
        "email": f"person{number}@example.com",
        "properties": {
            "plan": "enterprise",
            "seats": number % 100,
            "active": number % 3 == 0,
            "score": round(number / 7, 2),
            "city": "Berlin",
            "signed_up": "2024-01-01T00:00:00Z",
        },
    }


if __name__ == "__main__":
    main()
