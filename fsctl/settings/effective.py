"""Every setting that holds, with its origin: what ``profiles show --origin`` tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from . import env
from .keys import KEYS
from .resolve import Setting, Settings


class Effective(NamedTuple):
    """One setting; the secret part of a value has not been taken out."""

    key: str
    value: Any
    origin: str


def effective(
    settings: Settings,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    defaults: Mapping[str, Any],
) -> Iterator[Effective]:
    """The profile in use, and every key that has a value, as it was given; nothing is checked."""
    name, _ = settings.profile()
    if name is not None:
        named = settings.named_profile(name)
        yield Effective("profile", name, named.origin if named else "active")
    for key in (*KEYS, "text", "fields"):
        found = _found(key, settings, flags, environ)
        if found is not None:
            yield Effective(key, *found)
        elif key in defaults:
            yield Effective(key, defaults[key], "default")


def _found(
    key: str, settings: Settings, flags: Mapping[str, Any], environ: Mapping[str, str]
) -> Setting[Any] | None:
    if key == "allowed_hosts":
        return _hosts(settings.raw(key), flags.get("api_host", ()))
    return settings.raw(key, variable(key, environ))


def variable(key: str, environ: Mapping[str, str]) -> str | None:
    """The variable that goes before what files say of ``key``; of several, the one that is set."""
    if key == "api_url":
        return next((name for name in env.API_URLS if environ.get(name)), None)
    return KEYS[key].variable if key in KEYS else None


def _hosts(in_profile: Setting[Any] | None, given: Any) -> Setting[Any] | None:
    """The flag adds to what the profile allows."""
    if not given:
        return in_profile
    if in_profile is None:
        return Setting([*given], "--api-host")
    return Setting([*given, *in_profile.value], f"--api-host, and {in_profile.origin}")
