"""How long TAB takes in real bash, zsh and fish, beside the completion that Click makes.

python -m tests.benchmarks.completion [RUNS]

Each round types a line and TAB into a shell on a pseudo-terminal and waits until what was to be
completed stands there: static words, a name of a fresh file, and the same word by Click's own
script for a program with the same tree (its ``_FSCTL_COMPLETE``), which starts Python each time.
The ways take turns; medians, and how many of the stock ones fit into one.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from click.shell_completion import get_completion_class

from fsctl.cli.root import fsctl
from fsctl.settings.names import FRESH_SECONDS, Name, encoded, keep
from tests.support.shells import COMPLETIONS, FILES, SHELLS, ShellWindow

CONNECTION = "6570c0ffee0123456789abcd"
# What is typed, and what TAB adds to it.
STATIC = ("fsctl annotations cr", "eate")
DYNAMIC = ("fsctl connections show 6570", "c0ffee0123456789abcd")

# Click's script asks the program named like this; `main` is what Click documents for it.
_STOCK = """#!{python}
import sys
sys.argv[0] = "fsctl"
from fsctl.cli.root import fsctl
fsctl.main(prog_name="fsctl")
"""


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as place:
        for shell in SHELLS:
            _compare(shell, Path(place) / shell, runs)


def _compare(shell: str, home: Path, runs: int) -> None:
    ours, stock = _ours(shell, home / "ours"), _stock(shell, home / "stock")
    ways = {
        "static words": (ours, STATIC),
        "names of a file": (ours, DYNAMIC),
        "Click's own, static": (stock, STATIC),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(runs + 3):
        for name, (window, (typed, added)) in ways.items():
            took = _keystroke(window, typed, added)
            if turn >= 3:
                seconds[name].append(took)
    assert ours.asked == [], "a TAB has started fsctl"
    ours.close()
    stock.close()
    slowest = statistics.median(seconds["Click's own, static"])
    for name, times in seconds.items():
        median = statistics.median(times)
        print(
            f"{shell:5} {name:22} {median * 1000:7.1f} ms  ({min(times) * 1000:.1f} to "
            f"{max(times) * 1000:.1f})  {slowest / median:6.1f} x as fast as Click's own"
        )


def _keystroke(window: ShellWindow, typed: str, added: str) -> float:
    """Seconds from TAB to the whole word on the screen; the line is thrown away afterwards."""
    window.type(typed)
    window.until(typed[-4:])
    time.sleep(0.05)
    window.drain()
    began = time.perf_counter()
    window.type("\t")
    window.until(added)
    took = time.perf_counter() - began
    window.clear_line()
    return took


def _ours(shell: str, home: Path) -> ShellWindow:
    home.mkdir(parents=True)
    names = [Name(CONNECTION, "Fullstory EU"), Name("7" + CONNECTION[1:], "Fullstory US")]
    text = encoded(names, until=time.time() + FRESH_SECONDS, of="")
    keep(home / "cache" / "names" / "connections.default", text)
    return ShellWindow(shell, home)


def _stock(shell: str, home: Path) -> ShellWindow:
    made = get_completion_class(shell)
    assert made is not None
    home.mkdir(parents=True)
    script = home / "functions" / FILES[shell]
    script.parent.mkdir()
    script.write_text(made(fsctl, {}, "fsctl", "_FSCTL_COMPLETE").source())
    program = home / "program"
    program.write_text(_STOCK.format(python=sys.executable))
    program.chmod(0o755)
    begin = "autoload -Uz compinit; compinit -u -D; " if shell == "zsh" else ""
    return ShellWindow(shell, home, f"{begin}source '{script}'", fsctl=program)


if __name__ == "__main__":
    assert COMPLETIONS.is_dir()
    main()
