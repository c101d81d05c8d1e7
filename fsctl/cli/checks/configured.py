"""The settings: the profile, the project file, and every value of a fixed form."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ...errors import FsctlError, Usage
from ...membrane.gateway import Deadline
from ...settings import env
from ...settings.choices import FORMATS, TRANSPORTS, VIAS
from ...settings.keys import KEYS, check_value
from .findings import Findings
from .machine import exposed
from .outcome import Outcome, fail, ok, warn

_PREFIXES = ("FSCTL_", "MEMBRANE_")
_CHECKED = (
    "connection",
    "org",
    "region",
    "service",
    "environment",
    "source",
    "tenant",
    "api_version",
)
_OF_REAL_ACCOUNTS = ("connection", "org", "region", "tenant", "api_version")
_READ_ELSEWHERE = ("FSCTL_CA_BUNDLE",)  # where TLS is made


def project(findings: Findings, _deadline: Deadline) -> Outcome:
    """The project file of this directory, and what of it does not count."""
    found = findings.app.settings.project()
    if found.path is None:
        return ok("none in this directory or above")
    if found.remarks:
        mend = "Look at the file; what is ignored can be taken out."
        if found.waiting:  # the remarks say so, too, but may be cut
            folder = shlex.quote(str(Path(found.path).parent))
            mend = f"Look at the file; to let it, run `fsctl profiles trust {folder}`."
        return warn(" ".join(found.remarks), mend)
    trusted = ", trusted" if found.trusted else ""
    return ok(f"{found.path} sets {', '.join(found.values) or 'nothing'}{trusted}")


def profile(findings: Findings, _deadline: Deadline) -> Outcome:
    """The profile in use, why it is, and who may read and write it."""
    from ...settings import profiles

    app = findings.app
    path = app.directory("config") / profiles.FILE_NAME
    there = profiles.load(path.parent)
    name, keys = app.settings.profile()
    try:
        problem = exposed(path, path.stat(), steers=True)
    except OSError:
        return ok(f"none; there is no {path}")
    if problem is not None:
        return problem
    if name is None and not keys:
        return ok(f"none is in use; {path} has {len(there.profiles)}")
    named = app.settings.named_profile(there.active)
    why = "no other is named" if named is None else named.origin
    count = f"{len(keys)} setting{'' if len(keys) == 1 else 's'}"
    return ok(f"{name or profiles.UNNAMED} ({why}), with {count}, in {path}")


def values(findings: Findings, _deadline: Deadline) -> Outcome:
    """Every setting of a fixed form, and the names of the variables that are set."""
    problems = _problems(findings)
    if problems:
        messages = [error.message for _, error in problems]
        findings.told.update((each.removesuffix("."), "values") for each in messages)
        return fail(" ".join(messages).removesuffix("."), _mend(problems))
    environ = findings.app.world.environ
    names = sorted(name for name in environ if name.startswith(_PREFIXES) and environ[name])
    known = known_variables()
    strange = [name for name in names if name.startswith("FSCTL_") and name not in known]
    if strange:
        return warn(
            f"fsctl reads no variable {' or '.join(strange)}",
            f"Correct its name, or run `unset {' '.join(strange)}`.",
        )
    return ok(f"the environment sets {', '.join(names)}" if names else "no variable is set")


def known_variables() -> set[str]:
    """The names of all variables of fsctl's own."""
    from ...fullstory.deploys import OWN, PREFIX

    named = {value for name, value in vars(env).items() if name.isupper()}
    of_deploys = {f"{PREFIX}{name}" for name in OWN}
    return {name for name in named if isinstance(name, str)} | {*_READ_ELSEWHERE} | of_deploys


def _problems(findings: Findings) -> list[tuple[str, FsctlError]]:
    """What is wrong with each setting, and where that stands."""
    problems: list[tuple[str, FsctlError]] = []
    for key, look in _looks(findings).items():
        try:
            look()
        except Usage as error:
            found = findings.app.settings.raw(key, KEYS[key].variable)
            problems.append((found.origin if found else key, error))
    return problems


def _mend(problems: Sequence[tuple[str, FsctlError]]) -> str:
    """One hint as it is; several with what each is for."""
    if len(problems) == 1:
        return problems[0][1].hint or "Correct it."
    return " ".join(f"{origin}: {error.hint or 'Correct it.'}" for origin, error in problems)


def _looks(findings: Findings) -> dict[str, Callable[[], object]]:
    """For each setting how it is read, which fails where it is wrong."""
    from ..app import MOST_RETRIES

    app, settings = findings.app, findings.app.settings
    looks: dict[str, Callable[[], object]] = {
        "transport": lambda: settings.choice("transport", env.TRANSPORT, TRANSPORTS, "auto"),
        "via": lambda: settings.choice("via", env.VIA, VIAS, "auto"),
        "output": lambda: settings.choice("output", env.OUTPUT, FORMATS, "table"),
        "retries": lambda: settings.count("retries", env.RETRIES, 0, MOST_RETRIES),
        "timeout": lambda: settings.seconds("timeout", env.TIMEOUT, 1),
        "connect_timeout": lambda: settings.seconds("connect_timeout", env.CONNECT_TIMEOUT, 1),
        "time_zone": lambda: app.time_zone,
        "proxy_base": lambda: app.proxy_base,
    }
    return looks | {key: partial(_check, findings, key) for key in _CHECKED}


def _check(findings: Findings, key: str) -> None:
    """A setting that is checked where it is used, with the same words as when it is stored."""
    if findings.in_sandbox and key in _OF_REAL_ACCOUNTS:
        return
    found = findings.app.settings.raw(key, KEYS[key].variable)
    if found is not None:
        # A connection is refused in the words of those who use it.
        check_value(key, found.value, "" if key == "connection" else found.origin)
