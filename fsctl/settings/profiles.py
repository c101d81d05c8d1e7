"""Profiles: named settings in ``config.toml`` of the config directory.

    active = "work"

    [profiles.work]
    connection = "6570c0ffee0123456789abcd"
    transport = "http"

Nothing secret stands there: a token comes from the environment or from ``token_command``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import Usage

FILE_NAME = "config.toml"

TEXT_KEYS = (
    "transport", "connection", "via", "api_url", "membrane_command", "tenant", "output",
    "time_zone", "org", "region", "service", "environment", "source", "proxy_base", "api_version",
)  # fmt: skip
NUMBER_KEYS = ("timeout", "connect_timeout", "retries")
# A command may be one string, split as a shell would, or a list; hosts are a list.
LIST_KEYS = ("allowed_hosts",)
COMMAND_KEYS = ("token_command",)
KEYS = (*TEXT_KEYS, *NUMBER_KEYS, *LIST_KEYS, *COMMAND_KEYS)


class Profiles(NamedTuple):
    """What ``config.toml`` says; ``active`` names the profile used when none is asked for."""

    path: Path
    active: str | None = None
    profiles: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


def load(directory: Path) -> Profiles:
    """Read the profiles; a missing file is none. Raises :class:`Usage` with line and column."""
    path = directory / FILE_NAME
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Profiles(path)
    except OSError as error:
        raise Usage(
            f"{str(path)!a} cannot be read: {error.strerror}.", hint="Check its permissions."
        ) from None
    return _checked(path, _parsed(path, raw))


def _parsed(path: Path, raw: bytes) -> dict[str, Any]:
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


def _checked(path: Path, document: Mapping[str, Any]) -> Profiles:
    where = f"in {str(path)!a}"
    for key in document:
        if key not in ("active", "profiles"):
            raise _wrong_key(key, where, ("active", "profiles"))
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
    if key not in KEYS:
        raise _wrong_key(key, where, KEYS)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    good = (
        (key in TEXT_KEYS and isinstance(value, str))
        or (key in NUMBER_KEYS and (is_number or isinstance(value, str)))
        or (key in LIST_KEYS and is_texts)
        or (key in COMMAND_KEYS and (isinstance(value, str) or is_texts))
    )
    if not good:
        raise Usage(
            f"The key {key!a} {where} has a value of the wrong type.",
            hint='Texts stand in quotes, lists in ["..."].',
        )


def _wrong_key(key: str, where: str, known: Sequence[str]) -> Usage:
    from ..membrane.redact import is_secret_key

    if is_secret_key(key):
        return Usage(
            f"The key {key!a} {where} would keep a secret on disk.",
            hint="Use token_command, or MEMBRANE_TOKEN in the environment.",
        )
    return Usage(f"The key {key!a} {where} is unknown.", hint=f"Keys: {', '.join(known)}.")
