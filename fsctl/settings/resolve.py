"""Settings and where each came from: flag > variable > profile > default (DESIGN §2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ..errors import Usage
from . import env

if TYPE_CHECKING:
    from .profiles import Profiles

T = TypeVar("T")


class Setting(NamedTuple, Generic[T]):
    """A value, and its origin in words: ``--timeout``, ``FSCTL_TIMEOUT``, ``profile work``."""

    value: T
    origin: str


class Settings:
    """Looks settings up by name. ``flags`` holds only what was really given.

    Raises :class:`Usage` for a value that cannot be, naming its origin.
    """

    def __init__(
        self,
        flags: Mapping[str, Any],
        environ: Mapping[str, str],
        profiles: Callable[[], Profiles],
    ) -> None:
        self._flags = flags
        self._environ = environ
        self._load_profiles = profiles
        self._chosen: tuple[str | None, Mapping[str, Any]] | None = None

    def profile(self) -> tuple[str | None, Mapping[str, Any]]:
        """The name and the keys of the profile in use; no name where there is none."""
        if self._chosen is None:
            self._chosen = self._choose_profile()
        return self._chosen

    def _choose_profile(self) -> tuple[str | None, Mapping[str, Any]]:
        profiles = self._load_profiles()
        asked = self._flags.get("profile")
        name = asked if asked is not None else self._environ.get(env.PROFILE) or profiles.active
        if name is None:
            return None, profiles.profiles.get("default", {})
        if name not in profiles.profiles:
            origin = (
                "--profile"
                if asked is not None
                else env.PROFILE
                if self._environ.get(env.PROFILE)
                else "active"
            )
            raise profiles.missing(name, origin)
        return name, profiles.profiles[name]

    def raw(self, key: str, variable: str | None = None) -> Setting[Any] | None:
        """The value of ``key`` as it was given, from the first place that has one."""
        if self._flags.get(key) is not None:
            return Setting(self._flags[key], f"--{key.replace('_', '-')}")
        if variable is not None and self._environ.get(variable):
            return Setting(self._environ[variable], variable)
        name, profile = self.profile()
        if key in profile:
            return Setting(profile[key], f"{key} in the profile {name or 'default'}")
        return None

    def text(self, key: str, variable: str | None = None) -> Setting[str] | None:
        found = self.raw(key, variable)
        return None if found is None else Setting(str(found.value), found.origin)

    def choice(
        self, key: str, variable: str, choices: tuple[str, ...], default: str
    ) -> Setting[str]:
        found = self.text(key, variable) or Setting(default, "default")
        if found.value not in choices:
            raise Usage(
                f"{found.origin} holds {found.value!a}.", hint=f"Use one of {', '.join(choices)}."
            )
        return found

    def seconds(self, key: str, variable: str, default: float) -> Setting[float]:
        from ..fullstory.times import parse_duration

        found = self.text(key, variable)
        if found is None:
            return Setting(default, "default")
        value = parse_duration(found.value, what=f"{found.origin}:", bare_seconds=True)
        return Setting(value, found.origin)

    def count(self, key: str, variable: str, default: int, most: int) -> Setting[int]:
        found = self.text(key, variable)
        if found is None:
            return Setting(default, "default")
        digits = found.value.isascii() and found.value.isdigit() and len(found.value) < 10
        if not digits or int(found.value) > most:
            raise Usage(
                f"{found.origin} holds {found.value!a}.", hint=f"Use a number from 0 to {most}."
            )
        return Setting(int(found.value), found.origin)
