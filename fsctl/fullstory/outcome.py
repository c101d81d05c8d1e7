"""From a failed attempt to the way a command ends (DESIGN §2, Exit codes)."""

from __future__ import annotations

import math

from ..errors import (
    FsctlError,
    NeedsPerson,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
    Usage,
)
from ..membrane import failures, shapes
from ..membrane.gateway import (
    ActionResult,
    Fate,
    GatewayError,
    Origin,
    Response,
    RunLog,
    Trouble,
)
from ..membrane.payload import BadPayload, decode

_CLASSES: dict[Trouble, type[FsctlError]] = {
    Trouble.UNSUPPORTED: Usage,
    Trouble.INVALID: Refused,
    Trouble.NOT_FOUND: NotFound,
    Trouble.NO_ROUTE: Refused,
    Trouble.UNAUTHENTICATED: NeedsPerson,
    Trouble.CONNECTION: NeedsPerson,
    Trouble.FORBIDDEN: NeedsPerson,
    Trouble.RATE_LIMITED: Unavailable,
    Trouble.TOO_LARGE: Refused,
    Trouble.UNAVAILABLE: Unavailable,
    Trouble.UNREADABLE: Unavailable,
    Trouble.FAILED: Refused,
}


class FullstoryFailed(GatewayError):
    """Fullstory's own failure through the proxy, with the whole response for who wants it."""

    def __init__(self, response: Response, now: float) -> None:
        status = response.status or 0
        try:
            body = decode(response.body)
        except BadPayload:
            body = None
        wait = failures.parse_retry_after(response.header("Retry-After"), now)
        told = (
            failures.from_fullstory(status, body, retry_after=wait)
            if isinstance(body, dict)
            else failures.from_status(
                status, response.body, retry_after=wait, origin=Origin.FULLSTORY
            )
        )
        super().__init__(
            told.message,
            trouble=told.trouble,
            fate=told.fate,
            origin=Origin.FULLSTORY,
            hint=told.hint,
            code=told.code,
            status=status,
            retry_after=wait,
        )
        self.response = response


def as_error(
    failure: GatewayError, noun: str, *, writes: bool, check: str | None = None
) -> FsctlError:
    """The error that ends the command.

    ``noun`` is what was asked for ("annotation"), ``writes`` whether the failed attempt could
    change something, ``check`` how a person finds out whether it did.
    """
    error: type[FsctlError] = _CLASSES[failure.trouble]
    message, hint = failure.message, failure.hint
    if writes and failure.fate is Fate.UNKNOWN:
        error = OutcomeUnknown
        message = f"The {noun} was sent, but whether it took effect is unknown: {message}"
        hint = check or hint
    else:
        if failure.trouble is Trouble.RATE_LIMITED and failure.retry_after:
            seconds = math.ceil(failure.retry_after)
            hint = f"Try again in {seconds} second{'s' if seconds != 1 else ''}."
        if error is Unavailable and writes:
            what = "sent" if failure.fate is Fate.NOT_SENT else "changed"
            hint = f"{hint or 'Try again later.'} Nothing was {what}."
    return error(
        message,
        hint=hint or _hint(error),
        code=failure.code,
        status=failure.status,
        action_run_id=failure.action_run_id,
    )


def _hint(error: type[FsctlError]) -> str:
    if error is Unavailable:
        return "The same command is safe to run again."
    if error is NotFound:
        return "Check the spelling, and that it is the right connection."
    return "See what was sent with --dry-run, or what happened with --debug."


def settled(log: RunLog) -> ActionResult | GatewayError | None:
    """How a run without an answer ended, by its log; None where that leaves it unknown."""
    if log.status == "success":
        result, status = shapes.action_result({"output": log.output, "actionRunId": log.id})
        if status is None or status < 400:
            return result
        return failures.from_fullstory(status, result.output, action_run_id=log.id)
    return _failed_run(log) if log.status == "error" else None


def _failed_run(log: RunLog) -> GatewayError:
    see = f"See `fsctl actions log {log.id} --details`."
    if not failures.is_membrane_error(log.error):
        return GatewayError(
            "The run failed.",
            trouble=Trouble.FAILED,
            fate=Fate.REFUSED,
            origin=Origin.LOCAL,
            code="run_failed",
            hint=see,
            action_run_id=log.id,
        )
    told = failures.from_membrane(log.error, None)
    told.origin = Origin.LOCAL  # read in a log: neither the connection nor the action is gone
    told.hint = told.hint or see
    told.action_run_id = log.id
    return told


class Gone(Exception):
    """Membrane knows the connection or the action no more: perhaps the cache was old."""

    def __init__(self, failure: GatewayError, connection_id: str) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.connection_id = connection_id


def is_gone(failure: GatewayError) -> bool:
    return failure.origin is Origin.MEMBRANE and failure.trouble is Trouble.NOT_FOUND


def connection_missing(gone: Gone) -> NeedsPerson:
    failure = gone.failure
    return NeedsPerson(
        f"Membrane does not find the connection {gone.connection_id!a}, or the action on it: "
        f"{failure.message}",
        hint="Check --connection, FSCTL_CONNECTION and the profile, and that the token is of the "
        "tenant that owns the connection.",
        code=failure.code,
        status=failure.status,
        action_run_id=failure.action_run_id,
    )


def unreadable(message: str, action_run_id: str | None = None) -> GatewayError:
    """An answer that came, and that cannot be what it should be."""
    return GatewayError(
        message,
        trouble=Trouble.UNREADABLE,
        fate=Fate.UNKNOWN,
        origin=Origin.LOCAL,
        code="unreadable",
        action_run_id=action_run_id,
    )


def empty(noun: str, action_run_id: str | None = None) -> GatewayError:
    """An answer without a value where there should be one."""
    return unreadable(f"The answer for the {noun} was empty.", action_run_id)
