"""What ``fsctl init`` finds before it asks, and what a road still lacks. Nothing is sent here."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import FsctlError, NeedsPerson
from .app import App
from .init_plan import Answers, Found, Road, at_home

if TYPE_CHECKING:
    from ..settings.profiles import Profiles
    from ..settings.project import Project

INSTALL = "npm install -g @membranehq/cli"


class Preview(App):
    """The App of a later command, as if the profile ``name`` were stored with these keys."""

    def __init__(self, app: App, name: str, keys: Mapping[str, Any]) -> None:
        super().__init__(app.world)
        kept = {n: flag for n, flag in app.flags.items() if n not in ("connection", "transport")}
        # As flags they go before what the environment and this directory's project file may say.
        chosen = {key: keys[key] for key in ("connection", "transport") if key in keys}
        self.flags = {**kept, **chosen, "profile": name}
        self._profiles = {name: dict(keys)}
        self.messages = app.messages
        self._of = app

    @property
    def project_file(self) -> Project:
        return self._of.project_file  # read once, and remarked on once

    def _load_profiles(self) -> Profiles:
        from ..settings.profiles import FILE_NAME, Profiles

        return Profiles(self.directory("config") / FILE_NAME, profiles=self._profiles)


def find(app: App, preview: App | None = None) -> Found:
    """What is there; ``preview`` knows which ``membrane`` its profile names.

    Raises :class:`Usage` for a broken file of profiles.
    """
    from ..settings.profiles import UNNAMED, load

    profiles = load(app.directory("config"))
    unnamed = UNNAMED if UNNAMED in profiles.profiles else None
    return Found(
        token=_token_variable(app),
        membrane=None if preview is None else _membrane(preview),
        active=profiles.active or unnamed,
        profiles=profiles.profiles,
    )


def lacking(
    road: Road, answers: Answers, keys: Mapping[str, Any], found: Found
) -> NeedsPerson | None:
    """What has to be there first for that road, with the command that brings it; or None."""
    if road == "token" and not (found.token or answers.token_command or "token_command" in keys):
        return NeedsPerson(
            "There is no token in the environment.",
            hint="Membrane's console makes one, and a logged-in `membrane token` prints one. Type "
            "`read -rs MEMBRANE_TOKEN`, paste it, then `export MEMBRANE_TOKEN` and "
            "`fsctl init --road token`.",
            code="no_token",
        )
    if road != "login":
        return None
    if found.membrane is None:
        return NeedsPerson(
            "The membrane command line is not installed, or not on PATH outside this directory.",
            hint=f"Run `{INSTALL}` (it needs Node.js), then `fsctl login`.",
            code="no_membrane",
        )
    if found.token is not None and "cli" not in (answers.transport, keys.get("transport")):
        return NeedsPerson(
            f"{found.token} is set, and a token in the environment goes before the login.",
            hint=f"Run `unset {found.token}`, then `fsctl init --road login`.",
            code="token_first",
        )
    return None


def _token_variable(app: App) -> str | None:
    """The variable that gives a token; one that is set to nonsense is found when it is used."""
    from ..membrane.tokens import ENV_WORKSPACE_SECRET, find_token_source

    try:
        source = find_token_source(
            app.world.environ, None, None, app.directory("state"), app.unix_time
        )
    except NeedsPerson:  # a workspace secret without its keys
        return ENV_WORKSPACE_SECRET
    return None if source is None else source.origin


def _membrane(preview: App) -> str | None:
    from .roads import membrane_command

    with contextlib.suppress(FsctlError):  # a setting that names none: told when it is chosen
        command = membrane_command(preview)
        return None if command is None else at_home(" ".join(command), preview.world.environ)
    return None
