"""Put a completion script where its shell looks for it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Refused, Usage
from .results import One

if TYPE_CHECKING:
    from .app import App

MARK = b"# Made by `fsctl completion "  # in the head of every script
HEAD = 1024  # bytes in which it stands
LONGEST_RC = 1 << 20  # bytes of a .zshrc that are looked at

# Where packages and Homebrew put bash-completion, which loads what stands in the user's directory.
BASH_COMPLETION = (
    "/usr/share/bash-completion/bash_completion",
    "/usr/local/share/bash-completion/bash_completion",
    "/opt/homebrew/etc/profile.d/bash_completion.sh",
    "/usr/local/etc/profile.d/bash_completion.sh",
    "/opt/local/etc/bash_completion",
)


def installed(app: App, shell: str, text: str, *, force: bool) -> One:
    """Put it there, unless it is there already, and tell what is left to do.

    Raises :class:`Usage` for a file there that fsctl did not make, unless ``force``.
    """
    path = place(shell, app.world.environ)
    new = text.encode("utf-8")
    old = _there(path)
    if path.is_symlink() and old != new:
        raise Usage(
            f"{str(path)!a} is a symbolic link.",
            hint=f"Write the file that it is to name: `fsctl completion {shell} > FILE`.",
        )
    state = "installed" if old is None else "current" if old == new else "updated"
    if state == "updated" and old is not None and MARK not in old[:HEAD] and not force:
        raise Usage(
            f"{str(path)!a} exists already, and fsctl did not make it.",
            hint="Look at it, then move it away or add --force.",
        )
    if app.dry_run:
        return One({"dry_run": True, "shell": shell, "path": str(path), "state": state})
    if state != "current":
        _write(path, new)
    app.messages.note(_left_to_do(shell, path, app.world.environ))
    return One({"shell": shell, "path": str(path), "state": state})


def place(shell: str, environ: Mapping[str, str]) -> Path:
    """The file in which that shell looks. Raises :class:`Usage` where there is no home."""
    home = _home(environ)
    match shell:
        case "bash":
            data = _absolute(environ.get("XDG_DATA_HOME")) or home / ".local" / "share"
            own = _absolute(environ.get("BASH_COMPLETION_USER_DIR")) or data / "bash-completion"
            return own / "completions" / "fsctl"
        case "zsh":
            return (_absolute(environ.get("ZDOTDIR")) or home) / ".zfunc" / "_fsctl"
        case _:
            config = _absolute(environ.get("XDG_CONFIG_HOME")) or home / ".config"
            return config / "fish" / "completions" / "fsctl.fish"


def _home(environ: Mapping[str, str]) -> Path:
    home = _absolute(environ.get("HOME"))
    if home is None:
        raise Usage(
            "HOME names no directory to install into.",
            hint="Set HOME, or print the script and put it where the shell looks.",
        )
    return home


def _absolute(text: str | None) -> Path | None:
    return Path(text) if text and Path(text).is_absolute() else None


def _there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Usage(
            f"{str(path)!a} cannot be read: {error.strerror}.", hint="Look at what it is."
        ) from None


def _write(path: Path, content: bytes) -> None:
    from ..settings.files import cannot_write, make_private_directory, new_file

    try:
        make_private_directory(path.parent)
    except OSError as error:
        raise _no_directory(path, error) from None
    try:
        with new_file(path, force=True) as stream:
            stream.write(content)
    except OSError as error:
        raise cannot_write(path, error) from None


def _no_directory(path: Path, error: OSError) -> Refused:
    return Refused(
        f"{str(path.parent)!a} cannot be made: {error.strerror or error}.",
        hint="Make it, or print the script and put it where the shell looks.",
    )


def _left_to_do(shell: str, path: Path, environ: Mapping[str, str]) -> str:
    file = shlex.quote(str(path))
    if shell == "bash":
        if not any(Path(each).exists() for each in BASH_COMPLETION):
            return f"bash-completion is not installed, so add this line to ~/.bashrc: source {file}"
        return (
            "every bash that loads bash-completion from now on completes fsctl; "
            f"if yours does not, add this line to ~/.bashrc: source {file}"
        )
    if shell == "zsh" and str(path.parent.name) not in _zshrc(path.parent.parent):
        directory = shlex.quote(str(path.parent))
        return (
            f"add this to {shlex.quote(str(path.parent.parent / '.zshrc'))}, before anything that "
            f"runs compinit: fpath=({directory} $fpath); autoload -Uz compinit; compinit"
        )
    return f"every {shell} that starts from now on completes fsctl."


def _zshrc(directory: Path) -> str:
    """What of it is no comment."""
    try:
        with (directory / ".zshrc").open("rb") as stream:
            text = stream.read(LONGEST_RC).decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
