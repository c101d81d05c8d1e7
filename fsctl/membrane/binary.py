"""Which program is run as ``membrane``, and what it sees: nothing from a stranger's checkout.

CI checks out strangers' code and then calls fsctl inside it (DESIGN §2, Hostile working trees). A
``membrane``, ``npx`` or ``node`` that lies in the working directory or in the checkout around it is
never run, by whatever road PATH leads there.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from ..errors import NeedsPerson, Usage

_SHIMS = (".cmd", ".bat")  # run by a shell on Windows, which would read arguments as commands
_FORCES_COLOUR = ("FORCE_COLOR", "CLICOLOR_FORCE")


def find_membrane(environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The absolute path of the ``membrane`` binary on PATH, or None.

    PATH entries that are empty, relative, or inside the checkout around ``cwd`` are passed over.
    """
    return find_program("membrane", environ, cwd)


def find_program(name: str, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The absolute path of the program ``name`` (no slashes) on PATH, outside of the checkout."""
    checkout = Checkout(environ, cwd)
    names = [name] if os.name != "nt" else [f"{name}.exe"]
    for entry in _safe_entries(environ, checkout):
        for candidate in (entry / each for each in names):
            if candidate.is_file() and os.access(candidate, os.X_OK) and candidate not in checkout:
                return candidate
    return None


def resolve_command(
    configured: str | None, environ: Mapping[str, str], cwd: Path
) -> tuple[str, ...] | None:
    """The argv prefix that runs ``membrane``, or None where it is not installed.

    ``configured`` is the user's own command line (``FSCTL_MEMBRANE_COMMAND``, or the profile's
    ``membrane_command``), for example ``npx --yes @membranehq/cli``. Raises :class:`Usage` where it
    cannot be read, is relative, or leads into the checkout, and :class:`NeedsPerson` where its
    program is not installed.
    """
    if not configured or not configured.strip():
        found = find_membrane(environ, cwd)
        return None if found is None else (str(found),)
    try:
        name, *rest = shlex.split(configured, posix=os.name != "nt")
    except ValueError:
        raise Usage(
            "The membrane command in the settings cannot be read: a quote is not closed.",
            hint="Write it as in a shell, for example: npx --yes @membranehq/cli",
        ) from None
    return (str(_program(name, environ, cwd)), *rest)


def _program(name: str, environ: Mapping[str, str], cwd: Path) -> Path:
    if name.lower().endswith(_SHIMS):
        raise Usage(
            f"The membrane command {name!a} is a shell shim, which is not run.",
            hint="Name the program itself (node and the script), or set MEMBRANE_TOKEN.",
        )
    if Path(name).name == name:
        found = find_program(name, environ, cwd)
    else:
        found = Path(os.path.expanduser(name))  # noqa: PTH111 - a home of nobody's stays as it is
        if not found.is_absolute() or found in Checkout(environ, cwd):
            raise Usage(
                f"The membrane command {name!a} is refused: it is relative, or lies in the working"
                " directory's checkout.",
                hint="Install it elsewhere and write its absolute path.",
            )
    if found is None or not found.is_file():
        raise NeedsPerson(
            f"The membrane command {name!a} is not installed outside of the working directory.",
            hint="Install it, or correct FSCTL_MEMBRANE_COMMAND or membrane_command.",
            code="membrane_missing",
        )
    return found


def child_environment(environ: Mapping[str, str], cwd: Path) -> dict[str, str]:
    """What ``membrane`` is run with: ``environ``, told to print plainly and to ask nothing."""
    return plain(safe_environment(environ, cwd))


def safe_environment(environ: Mapping[str, str], cwd: Path) -> dict[str, str]:
    """``environ`` for a ``membrane`` that talks to a person.

    PATH loses the entries that lead into the checkout, because ``membrane`` itself starts ``node``
    by name. ``MEMBRANE_*`` variables stay: they are its own.
    """
    path = os.pathsep.join(str(entry) for entry in _safe_entries(environ, Checkout(environ, cwd)))
    return {**environ, "PATH": path or os.defpath}


def plain(env: Mapping[str, str]) -> dict[str, str]:
    """``env`` for a child whose output a program reads."""
    kept = {name: value for name, value in env.items() if name not in _FORCES_COLOUR}
    return {**kept, "NO_COLOR": "1", "CI": "1"}


class Checkout:
    """The directories around ``cwd`` that may hold a stranger's files.

    The working directory and the repository it lies in; but not the home directory or one above it
    (where a person's own programs are), except for its ``node_modules``.
    """

    def __init__(self, environ: Mapping[str, str], cwd: Path) -> None:
        here = cwd.resolve()
        around = (here, *here.parents)
        repository = next((each for each in around if (each / ".git").exists()), here)
        own = (*_home_and_above(environ), Path(here.anchor))
        self._roots = tuple(root for root in (here, repository) if root not in own)
        self._here = here

    def __contains__(self, path: Path) -> bool:
        spellings = (Path(os.path.normpath(path)), path.resolve())
        return any(self._holds(spelling) for spelling in spellings)

    def _holds(self, path: Path) -> bool:
        if any(path.is_relative_to(root) for root in self._roots):
            return True
        inside = path.is_relative_to(self._here)
        return inside and "node_modules" in path.relative_to(self._here).parts[:-1]


def _home_and_above(environ: Mapping[str, str]) -> tuple[Path, ...]:
    try:
        home = Path(environ.get("HOME") or Path.home()).resolve()
    except RuntimeError:  # there is none
        return ()
    return (home, *home.parents)


def _safe_entries(environ: Mapping[str, str], checkout: Checkout) -> list[Path]:
    entries = [Path(entry) for entry in environ.get("PATH", os.defpath).split(os.pathsep) if entry]
    return [entry for entry in entries if entry.is_absolute() and entry not in checkout]
