"""Names for completion, in flat files that a shell reads without starting Python.

    <cache>/names/connections.profile.work

        1764028800<TAB>work<TAB>acme@https://membrane.example.com
        6570c0ffee0123456789abcd<TAB>Fullstory EU (ready)

The first line says until when the names hold (Unix seconds), of what profile and token they are,
and what the environment said of the account; every other line is a value and what it stands for.
Losing a file loses nothing but time.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple

from . import env

Kind = Literal["profiles", "connections", "actions", "topics"]

DIRECTORY: Final = "names"
FRESH_SECONDS: Final = 86_400  # the scripts take no file that claims to hold for longer
OF_A_SCOPE: tuple[Kind, ...] = ("connections", "actions")  # each profile has its own
MOST: Final = 2_000  # more than anyone picks from, and quick to read in a shell
LONGEST: Final = 200  # characters of a value or a description

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")


class Name(NamedTuple):
    """A word that can be typed, and what people know it by."""

    value: str
    description: str = ""


def scope(flags: Mapping[str, object], environ: Mapping[str, str]) -> str | None:
    """Which account is asked for, as a shell can tell from the command line and the environment.

    None for a profile whose name is none for a file; its names are never kept. The scripts in
    ``fsctl/cli/shells`` do the same.
    """
    if (flags.get("transport") or environ.get(env.TRANSPORT)) == "sandbox":
        return "sandbox"
    profile = str(flags.get("profile") or environ.get(env.PROFILE) or "")
    if not profile:
        return "default"
    return f"profile.{profile}" if _FILE_NAME.fullmatch(profile) else None


def account_named(scope: str | None, environ: Mapping[str, str]) -> str:
    """What the environment says of the account, whatever the profile: TENANT@ADDRESS.

    The scripts do the same, and take no file that says something else.
    """
    if scope == "sandbox":
        return ""
    tenant = environ.get(env.TENANT, "")
    address = next((environ[name] for name in env.API_URLS if environ.get(name)), "")
    return (f"{tenant}@" if tenant else "") + address


def file_of(cache: Path, kind: Kind, scope: str | None) -> Path | None:
    """Where the names of that kind are kept; None: nowhere."""
    if kind not in OF_A_SCOPE:
        return cache / DIRECTORY / kind
    return None if scope is None else cache / DIRECTORY / f"{kind}.{scope}"


def encoded(names: Iterable[Name], *, until: float, of: str, named: str = "") -> str:
    """The text of a file. What is unprintable is no value, and blanks in a description."""
    lines = [f"{int(until)}\t{_visible(of)}\t{_visible(named)}"]
    seen: set[str] = set()
    for value, description in names:
        if value not in seen and _can_be_typed(value) and len(seen) < MOST:
            seen.add(value)
            lines.append(f"{value}\t{_visible(description)}")
    return "\n".join(lines) + "\n"


def _can_be_typed(value: str) -> bool:
    return value.isprintable() and value == value.strip() and 0 < len(value) <= LONGEST


def _visible(text: str) -> str:
    """One line without anything that steers a terminal, hides or turns text around."""
    shown = "".join(character if character.isprintable() else " " for character in text[:LONGEST])
    return " ".join(shown.split())


def keep(file: Path, text: str) -> None:
    """Put ``text`` there in one step, readable by its owner alone. Raises OSError."""
    from .files import make_private_directory

    make_private_directory(file.parent)
    temporary = file.with_name(f".{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode("utf-8", "backslashreplace"))
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def kept(file: Path, *, of: str, named: str = "") -> list[Name]:
    """What the file holds, however old; nothing where it is of something else, or damaged."""
    try:
        first, *lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    if first.split("\t")[1:] != [_visible(of), _visible(named)]:
        return []
    return [Name(value, told) for value, _, told in (line.partition("\t") for line in lines)]


def forget(cache: Path, kinds: Iterable[Kind] = OF_A_SCOPE) -> None:
    """Remove the files of these kinds, of all profiles. Trouble with it is nobody's error."""
    stems: set[str] = set(kinds)
    with suppress(OSError):
        for file in (cache / DIRECTORY).iterdir():
            if file.name.partition(".")[0] in stems:
                file.unlink(missing_ok=True)
