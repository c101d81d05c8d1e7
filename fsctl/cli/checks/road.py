"""The road to Membrane: its command line, and which gateway is taken and why."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

from ...errors import FsctlError, NeedsPerson
from ...membrane.gateway import Deadline, GatewayError
from ...membrane.verbs import Verbs
from ..app import App
from ..resuming import on_the_account
from ..roads import environment_of_children, membrane_command, needs_membrane, run_directory
from .findings import Findings
from .outcome import Outcome, fail, failed, ok, warn

INSTALL = "`npm install -g @membranehq/cli@latest`"
_VERSION_SECONDS = 10.0
_VERSION = re.compile(r"(?<![\w.])[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}(?:-[\w.]{1,30})?(?![\w.])")
# What fsctl uses where it is there; the first three tell the forms of contracts/membrane §1.2.
_WORTH_TELLING = ("act", "connection ensure", "request", "action run", "connection get", "token")


def membrane(findings: Findings, deadline: Deadline) -> Outcome:
    """Is the binary Membrane's, which verbs has it, and how old a form is it?"""
    app = findings.app
    try:
        command = membrane_command(app)
        if command is None:
            return _not_found(app)
        verbs = _verbs(app, command, deadline)
    except (FsctlError, GatewayError) as error:
        problem = failed(error)
        return problem if needs_membrane(app) else problem._replace(state="warn", away=False)
    return _form(command, _version(app, command, deadline), verbs)


def _not_found(app: App) -> Outcome:
    found = shutil.which("membrane", path=app.world.environ.get("PATH"))
    if found is not None:
        return warn(
            f"{found} lies in this directory's checkout, and is never run",
            f"Install Membrane's own elsewhere: {INSTALL}.",
        )
    if app.transport.value == "cli":
        return fail(f"not installed, and asked for by {app.transport.origin}", f"Run {INSTALL}.")
    return ok("not installed")


def _verbs(app: App, command: Sequence[str], deadline: Deadline) -> Verbs:
    """The verbs as they are now; who asks after this check finds them in the cache."""
    from ...membrane.verbs import cache_key, read_verbs

    app.cache.drop(cache_key(command))
    return read_verbs(
        command,
        cache=app.cache,
        cwd=run_directory(app),
        env=environment_of_children(app),
        deadline=deadline,
    )


def _version(app: App, command: Sequence[str], deadline: Deadline) -> str:
    """What ``--version`` tells, where it does: no document of Membrane's mentions it (§1.1)."""
    from ...membrane.child import ChildError, run_child

    try:
        done = run_child(
            [*command, "--version"],
            cwd=run_directory(app),
            env=environment_of_children(app),
            timeout=min(_VERSION_SECONDS, deadline.remaining()),
            max_output=64 * 1024,
        )
    except ChildError:
        return ""
    match = _VERSION.search(done.stdout.decode("utf-8", "replace"))
    return f" {match[0]}" if match and done.code == 0 else ""


def _form(command: Sequence[str], version: str, verbs: Verbs) -> Outcome:
    have = [verb for verb in _WORTH_TELLING if verbs.has(verb)]
    lack = [verb for verb in _WORTH_TELLING if verb not in have]
    form = "newest" if "act" in have else "newer" if "connection ensure" in have else "older"
    told = f"{' '.join(command)}{version}, of the {form} form: {', '.join(have) or 'few verbs'}"
    if form != "older":
        return ok(told)
    return warn(f"{told}; without {', '.join(lack)}", f"Update it: {INSTALL}.")


def gateway(findings: Findings, _deadline: Deadline) -> Outcome:
    """Which gateway is taken, and why."""
    app = findings.app
    try:
        road = app.road
    except NeedsPerson as error:
        if error.code != "no_road":
            raise
        told = "none: there is no token, and no membrane command line"
        return fail(told, f"Run `{on_the_account(app, 'init')}`, or try everything with --sandbox.")
    _ = app.gateway
    if road.name == "cli":
        asked = app.transport.value == "cli"
        leave = f"Leave {app.transport.origin} out and set" if asked else "Set"
        return warn(
            f"cli: {road.why}; what is sent stands in the arguments of its process, where other "
            "users of this machine may see it",
            f"{leave} MEMBRANE_TOKEN, so that requests go over HTTP.",
        )
    inside = "; nothing leaves this machine" if road.name == "sandbox" else ""
    return ok(f"{road.name}: {road.why}{inside}")
