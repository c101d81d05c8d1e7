"""What the commands of ``fsctl profiles`` share: reading, naming and telling profiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .app import App
from .results import One

if TYPE_CHECKING:
    from ..settings.profiles import Profiles


def load_profiles(app: App) -> Profiles:
    """The profiles of the config directory. Raises :class:`Usage` for a broken file."""
    from ..settings.profiles import load

    return load(app.directory("config"))


def in_use(app: App, there: Profiles) -> str | None:
    """The name of the profile in use: the one called default where none is named."""
    from ..settings.profiles import UNNAMED

    named = app.settings.named_profile(there.active)
    if named is None:
        return UNNAMED if UNNAMED in there.profiles else None
    if named.value not in there.profiles:
        raise there.missing(*named)
    return named.value


def target(app: App) -> str:
    """The profile that is to be changed."""
    from ..settings.profiles import UNNAMED

    return in_use(app, load_profiles(app)) or UNNAMED


def known_key(key: str) -> str:
    """The key as it is spelled in files. Raises :class:`Usage`."""
    from ..settings.keys import KEYS, unknown_key

    spelled = key.replace("-", "_")
    if spelled not in KEYS:
        raise unknown_key(key, "of a profile", KEYS)
    return spelled


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """A profile without what a person may have written into it against all advice."""
    from ..membrane.redact import redact_data

    values = redact_data(dict(values))
    return dict(values)


def pairs(values: Mapping[str, Any]) -> str:
    """Settings in words: ``key = value, key = value``."""

    def told(value: Any) -> str:
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    return ", ".join(f"{key} = {told(value)}" for key, value in values.items())


def plan(app: App, change: Mapping[str, Any], file: Path | None = None) -> One:
    """What would be written, for --dry-run; to the profiles' file unless ``file`` is another."""
    from ..settings.profiles import FILE_NAME

    file = file or app.directory("config") / FILE_NAME
    return One({"dry_run": True, "file": str(file), **change})
