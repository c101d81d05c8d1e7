"""Where fsctl keeps things: the platform's places, each with a variable that moves it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ..errors import Usage
from . import env

Kind = Literal["config", "cache", "state", "data"]

_VARIABLES: dict[Kind, str] = {
    "config": env.CONFIG_DIR,
    "cache": env.CACHE_DIR,
    "state": env.STATE_DIR,
    "data": env.DATA_DIR,
}


def given_path(text: str) -> Path:
    """The path that a person wrote for a file or a directory, ``~`` and ``~name`` resolved.

    Raises :class:`Usage` for none at all, as a variable that is not set gives it, and for the home
    of somebody who has none here.
    """
    if not text:
        raise Usage("An empty text is no file's name.", hint="Name the file, or drop the option.")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise Usage(
            f"{text!a} cannot be found: the home directory that it begins with is not known.",
            hint="Write the whole path.",
        ) from None


def directory(kind: Kind, environ: Mapping[str, str]) -> Path:
    """The directory for that kind of thing; it need not exist.

    Without a home directory it is one that cannot be: nothing is read there and nothing kept.
    Raises :class:`Usage` for a relative path: whose files are used must not depend on where a
    command is run.
    """
    chosen = environ.get(_VARIABLES[kind])
    if chosen:
        try:
            path = Path(chosen).expanduser()
        except RuntimeError:  # the home directory of nobody
            path = Path(chosen)
        if not path.is_absolute():
            raise Usage(
                f"{_VARIABLES[kind]} holds the relative path {chosen!a}.",
                hint="Give an absolute path.",
            )
        return path
    import platformdirs

    places = {
        "config": platformdirs.user_config_path,
        "cache": platformdirs.user_cache_path,
        "state": platformdirs.user_state_path,
        "data": platformdirs.user_data_path,
    }
    try:
        path = places[kind]("fsctl", appauthor=False)
    except RuntimeError:  # how newer versions of platformdirs say that there is no home
        path = Path("~")
    if path.is_absolute():
        return path
    # Not below the working directory, where a stranger's checkout may hold a directory named ~.
    return Path(os.devnull).absolute() / "no-home-directory" / kind
