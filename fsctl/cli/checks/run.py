"""Run checks one after the other: each bounded in time, and none able to break the report."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ...errors import FsctlError
from ...membrane.child import end_children
from ...membrane.gateway import Deadline, GatewayError
from ...terminal.checklist import Begun, Checked
from .findings import Findings
from .outcome import Outcome, away, fail, failed, skip

SECONDS = 20.0  # for one check, unless it or --timeout says otherwise
GRACE = 2.0  # seconds in which a check may notice by itself that its time is over
TICK = 0.1  # seconds between two looks at a running check


class Check(NamedTuple):
    """One line of the report.

    ``run`` looks, with until when; ``needs`` names checks before it without which looking is
    pointless; ``online`` ones are left out by ``--offline``.
    """

    group: str
    name: str
    run: Callable[[Findings, Deadline], Outcome]
    needs: tuple[str, ...] = ()
    online: bool = False
    seconds: float = SECONDS


class Ended(NamedTuple):
    """A check that ended, and whether its failure is the service's."""

    checked: Checked
    away: bool


def run(
    checks: Sequence[Check],
    findings: Findings,
    *,
    scrub: Callable[[str], str],
    turn: Callable[[str, float], None],
    over: Callable[[], None],
) -> Iterator[Begun | Ended]:
    """What each check found, when it is found.

    ``scrub`` takes out what is nobody else's; ``turn`` is called again and again while a check
    runs, with its name and the seconds since it began, and ``over`` when it has ended.
    """
    missing: dict[str, str] = {}  # checks that gave nothing to build on, and which one was first
    for check in checks:
        yield Begun(check.group, check.name)
        outcome = _unneeded(check, findings, missing)
        if outcome is None:
            try:
                outcome = _bounded(check, findings, turn)
            finally:
                over()
            outcome = _once(check, outcome, findings, missing)
        if outcome.state in ("fail", "skip"):
            missing.setdefault(check.name, check.name)
        told = (scrub(outcome.detail), scrub(outcome.mend))
        yield Ended(Checked(check.group, check.name, outcome.state, *told), outcome.away)


def _unneeded(check: Check, findings: Findings, missing: dict[str, str]) -> Outcome | None:
    if check.online and findings.offline and not findings.in_sandbox:
        return skip("--offline")
    for name in check.needs:
        if name in missing:
            missing[check.name] = missing[name]
            return skip(f"it needs {missing[name]}")
    return None


def _once(check: Check, outcome: Outcome, findings: Findings, missing: dict[str, str]) -> Outcome:
    """One cause here is one failure, that of the check which came upon it first."""
    if outcome.state not in ("fail", "warn") or outcome.away:
        return outcome
    first = findings.told.setdefault(outcome.detail, check.name)
    if first == check.name:
        return outcome
    missing[check.name] = first
    return skip(f"it needs {first}")


def _bounded(check: Check, findings: Findings, turn: Callable[[str, float], None]) -> Outcome:
    """The check in a thread of its own, for no longer than its time."""
    seconds = findings.seconds or check.seconds
    deadline = Deadline.after(seconds, findings.app.world.monotonic)
    ended: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    thread = threading.Thread(
        target=lambda: ended.put(_safely(check, findings, deadline)), daemon=True
    )
    began = time.monotonic()
    thread.start()
    try:
        while (waited := time.monotonic() - began) < seconds + GRACE:
            try:
                return ended.get(timeout=TICK)
            except queue.Empty:
                turn(check.name, waited)
    except BaseException:
        end_children(thread)
        raise
    end_children(thread)
    return _late(check, seconds)


def _late(check: Check, seconds: float) -> Outcome:
    told = f"did not end within {seconds:g} s, and was given up"
    mend = "Run it again with a longer `--timeout`, or with --debug to see where it waits."
    return away(told, mend) if check.online else fail(told, mend)


def _safely(check: Check, findings: Findings, deadline: Deadline) -> Outcome:
    try:
        return check.run(findings, deadline)
    except (FsctlError, GatewayError) as error:
        return failed(error)
    except Exception as error:
        return _broken(findings, error)


def _broken(findings: Findings, error: Exception) -> Outcome:
    if findings.app.flags.get("debug"):
        import traceback

        findings.app.messages.debug("".join(traceback.format_exception(error)))
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return fail(
        f"this check itself went wrong: {what[:300]}",
        "Run `fsctl doctor --debug` and report what it says.",
    )
