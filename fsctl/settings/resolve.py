"""Settings and where each came from (DESIGN §2): flag, variable, project file, profile, default.

The first of these that has a value wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ..errors import Usage, meant
from . import env
from .project import Project

if TYPE_CHECKING:
    from .profiles import Profiles

T = TypeVar("T")


class Setting(NamedTuple, Generic[T]):
    """A value, and its origin in words: ``--timeout``, ``FSCTL_TIMEOUT``, ``profile work``."""

    value: T
    origin: str


class Settings:
    """Looks settings up by name. ``flags`` holds only what was really given.

    ``profiles`` and ``project`` read files, when the first setting is asked of them. Raises
    :class:`Usage` for a value that cannot be, naming its origin.
    """

    def __init__(
        self,
        flags: Mapping[str, Any],
        environ: Mapping[str, str],
        profiles: Callable[[], Profiles],
        project: Callable[[], Project] = Project,
    ) -> None:
        self._flags = flags
        self._environ = environ
        self._load_profiles = profiles
        self._load_project = project
        self._chosen: tuple[str | None, Mapping[str, Any]] | None = None
        self._found: Project | None = None

    def project(self) -> Project:
        """What the project file of this directory sets."""
        if self._found is None:
            self._found = self._load_project()
        return self._found

    def profile(self) -> tuple[str | None, Mapping[str, Any]]:
        """The name and the keys of the profile in use; no name where there is none."""
        if self._chosen is None:
            self._chosen = self._choose_profile()
        return self._chosen

    def leave_profile_out(self) -> None:
        """Go on as if no profile were in use, for what works although the named one is missing."""
        self._chosen = (None, {})

    def _choose_profile(self) -> tuple[str | None, Mapping[str, Any]]:
        profiles = self._load_profiles()
        named = self.named_profile(profiles.active)
        if named is None:
            return None, profiles.profiles.get("default", {})
        if named.value not in profiles.profiles:
            raise profiles.missing(*named)
        return named.value, profiles.profiles[named.value]

    def named_profile(self, active: str | None) -> Setting[str] | None:
        """Which profile is asked for, and where; ``active`` is what config.toml says."""
        asked = self._asked("profile", env.PROFILE)
        if asked is not None or active is None:
            return asked
        return Setting(active, "active")

    def raw(self, key: str, variable: str | None = None) -> Setting[Any] | None:
        """The value of ``key`` as it was given, from the first place that has one."""
        asked = self._asked(key, variable)
        if asked is not None:
            return asked
        name, profile = self.profile()
        if key in profile:
            return Setting(profile[key], f"{key} in the profile {name or 'default'}")
        return None

    def _asked(self, key: str, variable: str | None) -> Setting[Any] | None:
        """What goes before the profile: the command line, the environment, the project."""
        if self._flags.get(key) is not None:
            return Setting(self._flags[key], f"--{key.replace('_', '-')}")
        if variable is not None and self._environ.get(variable):
            return Setting(self._environ[variable], variable)
        project = self.project()
        if key in project.values:
            return Setting(project.values[key], f"{key} in {project.path!a}")
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
                f"{found.origin} holds {found.value!a}.",
                hint=f"{meant(found.value, choices)}Use one of {', '.join(choices)}.",
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
