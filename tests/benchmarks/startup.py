"""How long fsctl takes to start, beside ``import click``.

python -m tests.benchmarks.startup [RUNS]
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks.timing import interleaved, report


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    fsctl = str(Path(sys.executable).with_name("fsctl"))
    seconds = interleaved(
        {
            "import click": [sys.executable, "-c", "import click"],
            "python -c pass": [sys.executable, "-c", "pass"],
            "fsctl --version": [fsctl, "--version"],
            "fsctl --help": [fsctl, "--help"],
            "fsctl users --help": [fsctl, "users", "--help"],
        },
        runs=runs,
    )
    report(seconds, "import click")


if __name__ == "__main__":
    main()
