"""Profiles: named settings in ``config.toml`` of the config directory.

    active = "work"

    [profiles.work]
    connection = "6570c0ffee0123456789abcd"
    transport = "http"

Nothing secret stands there: a token comes from the environment or from ``token_command``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import Usage, meant

FILE_NAME = "config.toml"
UNNAMED = "default"  # the profile used where none is named and none is active


class Profiles(NamedTuple):
    """What ``config.toml`` says; ``active`` names the profile used when none is asked for."""

    path: Path
    active: str | None = None
    profiles: Mapping[str, Mapping[str, Any]] = MappingProxyType({})

    def missing(self, name: str, origin: str = "") -> Usage:
        """The refusal of a profile that does not exist; ``origin`` is where a setting named it."""
        known = ", ".join(self.profiles) or "none"
        return Usage(
            f"The profile {name!a}{f' ({origin})' if origin else ''} does not exist.",
            hint=f"{meant(name, self.profiles)}Profiles in {str(self.path)!a}: {known}.",
        )


def load(directory: Path) -> Profiles:
    """Read the profiles; a missing file is none. Raises :class:`Usage` with line and column."""
    path = directory / FILE_NAME
    raw = read(path)
    return Profiles(path) if raw is None else checked(path, parsed(path, raw))


def read(path: Path) -> bytes | None:
    """The file's bytes; None where there is no file. Raises :class:`Usage`.

    One that everyone may write is not read: token_command and membrane_command are run.
    """
    try:
        with path.open("rb") as stream:
            open_to_all = os.fstat(stream.fileno()).st_mode & stat.S_IWOTH
            raw = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Usage(
            f"{str(path)!a} cannot be read: {error.strerror}.", hint="Check its permissions."
        ) from None
    if open_to_all and os.name != "nt":
        import shlex

        raise Usage(
            f"{str(path)!a} can be written by everyone, who would then decide what is run.",
            hint=f"Look at what it says, and run `chmod 600 {shlex.quote(str(path))}`.",
        )
    return raw


def parsed(path: Path, raw: bytes) -> dict[str, Any]:
    """``raw`` as TOML. Raises :class:`Usage` that names ``path``, line and column."""
    import tomllib

    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Usage(f"{str(path)!a} is not UTF-8.", hint="Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        # The message of tomllib ends in "(at line 3, column 7)".
        raise Usage(f"{str(path)!a} is not TOML: {error}.", hint="Mend that line.") from None
    except (ValueError, RecursionError):  # a number or a nesting beyond what Python reads
        raise Usage(f"{str(path)!a} cannot be read as TOML.", hint="Make it simpler.") from None


def checked(path: Path, document: Mapping[str, Any]) -> Profiles:
    """The profiles in a parsed file. Raises :class:`Usage` for what may not stand there."""
    where = f"in {str(path)!a}"
    _check_keys(document, where, ("active", "profiles"))
    active = document.get("active")
    if active is not None and not isinstance(active, str):
        raise Usage(f"active {where} is not a text.", hint='Write active = "NAME".')
    profiles = document.get("profiles", {})
    if not isinstance(profiles, Mapping) or not all(
        isinstance(profile, Mapping) for profile in profiles.values()
    ):
        raise Usage(f"profiles {where} is not a table of tables.", hint="Write [profiles.NAME].")
    for name, profile in profiles.items():
        for key, value in profile.items():
            check_key(key, value, f"{where}, profile {name!a}")
    return Profiles(path, active, profiles)


def check_key(key: str, value: Any, where: str) -> None:
    """Raise :class:`Usage` for an unknown key, a secret one, or a value of the wrong type."""
    from .keys import KEYS, check_type

    _check_keys((key,), where, KEYS)
    check_type(key, KEYS[key].kind, value, where)


def _check_keys(keys: Iterable[str], where: str, known: Iterable[str]) -> None:
    for key in keys:
        if key not in known:
            from .keys import unknown_key

            raise unknown_key(key, where, known)
