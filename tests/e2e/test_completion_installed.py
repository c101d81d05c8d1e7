"""What `fsctl completion --install` leaves is what a shell that starts afterwards loads."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fsctl.settings.names import Name, encoded, keep
from tests.support.command import BINARY, Fsctl
from tests.support.shells import LOADS, SHELLS, ShellWindow


def said(shell: str, home: Path) -> str:
    """Install it for that shell; what is said has to be done, as a line of its start-up file."""
    places = {f"XDG_{kind}_HOME": "" for kind in ("CONFIG", "DATA", "CACHE")}
    done = Fsctl(home, places)("completion", shell, "--install", env={"LC_ALL": "C.UTF-8"})
    assert done.code == 0, done.show
    told = done.err.removeprefix("fsctl: ").strip()
    return told.partition(": ")[2]


@pytest.mark.parametrize("shell", SHELLS)
def test_doing_what_was_said_is_all_it_takes(shell: str, tmp_path: Path) -> None:
    load = said(shell, tmp_path)
    assert bool(load) == (shell != "fish")
    window = ShellWindow(shell, tmp_path, load.replace("compinit;", "compinit -u -D;") or "true")
    try:
        assert window.sent("fsctl annota\tcr\tx") == ["annotations", "create", "x"]
        assert window.sent("fsctl use\tge\t--incl\t") == ["users", "get", "--include-schema"]
        assert window.asked == []
    finally:
        window.close()


def test_zsh_takes_the_script_from_a_pipe_too(tmp_path: Path) -> None:
    if "zsh" not in SHELLS:
        pytest.skip("zsh is not installed")
    (tmp_path / "piped").write_text(Fsctl(tmp_path)("completion", "zsh").out)
    load = f"autoload -Uz compinit; compinit -u -D; source <(cat '{tmp_path}/piped')"
    window = ShellWindow("zsh", tmp_path, load)
    try:
        assert window.sent("fsctl annota\tcr\tx") == ["annotations", "create", "x"]
        assert window.sent("fsctl annota\tcr\tx") == ["annotations", "create", "x"]
    finally:
        window.close()


@pytest.mark.parametrize("shell", SHELLS)
def test_what_was_never_listed_is_asked_of_fsctl_once(shell: str, tmp_path: Path) -> None:
    window = ShellWindow(shell, tmp_path, fsctl=BINARY)
    try:
        window.type("fsctl --sandbox connections show \t")
        window.until("6920c5a1d3f4e5b6a7c8d901")
        kept = tmp_path / "cache" / "names" / "connections.sandbox"
        first = kept.stat()
        window.type("\x05\x15fsctl --sandbox connections use \t")
        window.until("6920c5a1d3f4e5b6a7c8d901")
        assert kept.stat().st_ino == first.st_ino
        window.type("\x05\x15fsctl help exi\t")
        window.until("t-codes")
    finally:
        window.close()


# What bash-completion 2 and 2.12 call it: it completes the words from that one on.
_OFFSET = """
{name}() {{
  COMPREPLY=("offset-$1-${{COMP_WORDS[$1]}}")
}}
"""


@pytest.mark.parametrize("name", ["_command_offset", "_comp_command_offset"])
def test_bash_completion_completes_the_command_that_is_run(name: str, tmp_path: Path) -> None:
    window = ShellWindow("bash", tmp_path, LOADS["bash"] + _OFFSET.format(name=name))
    try:
        sent = window.sent("fsctl annotations run --service=x -- cat so\t")
        assert sent[-1] == "offset-7-cat"
    finally:
        window.close()


@pytest.mark.parametrize(
    "before", ["enable -n compopt; unset EPOCHSECONDS", "set -o posix", "COMP_WORDBREAKS=' '"]
)
def test_an_older_or_stricter_bash_completes_too(before: str, tmp_path: Path) -> None:
    """The bash of macOS is 3.2: it has no compopt, no EPOCHSECONDS."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "some.file").touch()
    names = encoded([Name("a b")], until=time.time() + 999, of="")
    keep(tmp_path / "cache" / "names" / "connections.default", names)
    window = ShellWindow("bash", tmp_path, f"{before}; {LOADS['bash']}")
    try:
        assert window.sent("fsctl sessions timeline x --to so\t")[-1] == "some.file"
        assert window.sent("fsctl users list --no-i\t--out\t")[-2:] == ["--no-input", "--output"]
        assert window.sent("fsctl users list --output=ma\t")[-1] == "--output=markdown"
        assert window.sent("fsctl connections show a\t")[-1] == "a b"
        assert window.asked == []
    finally:
        window.close()
