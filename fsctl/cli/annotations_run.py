"""``fsctl annotations run``: run a deploy's command, and mark it on the charts as it really was.

It takes over the whole process, its signals and its streams, until the process ends.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from ..errors import FsctlError, Usage
from .app import App
from .deploy_options import Asked, DeployCommand, run_options
from .results import One

if TYPE_CHECKING:
    from ..fullstory.deploys import Deploy
    from .deploying import Delivery, Moments
    from .running import CannotStart, Ended, Signals

Gathered = Callable[[], "Deploy"]

_STARTED, _FINISHED = "FSCTL_DEPLOY_STARTED", "FSCTL_DEPLOY_FINISHED"


@click.command(
    cls=DeployCommand,
    context_settings={"allow_interspersed_args": False},  # what follows COMMAND is its own
    examples=(
        "fsctl --sandbox annotations run --service checkout -- true",
        "fsctl --sandbox annotations run --env production --dry-run -- ./deploy.sh --all",
        "fsctl --sandbox annotations run --service web --status rolled-back --dry-run -- ./undo.sh",
    ),
)
@run_options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def run(app: App, asked: Asked, command: tuple[str, ...]) -> int | One:
    """Run COMMAND, and annotate when it ran and how it ended.

    COMMAND keeps its stdin, stdout and stderr, and the exit code is COMMAND's: 128+N where signal N
    killed it, 127 or 126 where it cannot be started (then nothing is annotated). Signals are passed
    on to it. fsctl says what it has to say on stderr, after COMMAND has ended, and spends no longer
    than --budget on it, or 5 s after a signal.

    COMMAND has the whole environment but MEMBRANE_* variables, which are secrets of fsctl's own.

    Where --fail-on makes trouble a failure, what can be seen at once is one before COMMAND starts.
    """
    _check(asked)
    app.remember_flag("no_input", True)  # stdin is COMMAND's
    gathered = _gather(app, asked)
    if app.dry_run:
        return _planned(app, asked, gathered)

    from .running import CannotStart, Signals, run_command, without_secrets

    signals = Signals()
    try:
        ended = run_command(
            command, without_secrets(app.world.environ), now=app.world.now, signals=signals
        )
    except CannotStart as failure:
        return _not_started(app, command[0], failure)
    delivery = _annotate(app, asked, gathered, ended, signals)
    if delivery is not None and delivery.error is not None:
        if ended.code == 0:
            raise delivery.error
        app.messages.error(delivery.error, json_asked=app.json_asked)
    return ended.code


def _check(asked: Asked) -> None:
    """Refuse what only `deploy` can be told. Raises :class:`Usage`."""
    if asked.facts.get("finished") is not None:
        raise Usage(
            "--finished is not for `annotations run`, which sees when COMMAND ends.",
            hint="Leave it out, or use `fsctl annotations deploy`.",
        )
    if asked.facts.get("status") not in (None, "succeeded", "rolled-back"):
        raise Usage(
            "--status tells `annotations run` what it is when COMMAND succeeds: "
            "succeeded or rolled-back.",
            hint="Leave it out, or use `fsctl annotations deploy`.",
        )


def _gather(app: App, asked: Asked) -> Gathered:
    """The facts as they are before COMMAND, which may check out something else.

    What is wrong with them is no reason not to deploy; but where --fail-on makes a failure of it,
    it is one before COMMAND, not after it. Only what costs no time is looked at.
    """
    from .deploying import counts, gather_deploy

    try:
        deploy = gather_deploy(app, asked)
    except FsctlError as error:
        if counts(app, asked, error):
            raise
        return partial(_fail, error)
    except Exception as error:
        return partial(_fail, error)
    try:
        _foresee(app, asked, deploy)
    except FsctlError as error:
        if counts(app, asked, error):
            raise
    return lambda: _remarked(app, deploy)


def _remarked(app: App, deploy: Deploy) -> Deploy:
    if not app.world.environ.get(_FINISHED, "").strip():
        return deploy
    remark = f"{_FINISHED} is left out: `annotations run` sees when COMMAND ends."
    return deploy._replace(remarks=(*deploy.remarks, remark))


def _foresee(app: App, asked: Asked, deploy: Deploy) -> None:
    """Raise what would go wrong afterwards: no text, no place to write to, no way to Membrane."""
    from ..settings.files import cannot_write, make_private_directory
    from .deploy_plan import plan_call
    from .deploying import Moments
    from .roads import membrane_command, needs_membrane

    plan_call(app, asked, deploy, Moments(app.world.now(), None, "failed"))
    for place in filter(None, (asked.once_dir, asked.outbox)):
        try:
            make_private_directory(place)
        except OSError as error:
            problem = cannot_write(place, error)
            if place is asked.once_dir:  # as it would be called afterwards
                raise Usage(problem.message, hint=problem.hint) from None
            raise problem from None
    if not needs_membrane(app) or membrane_command(app) is None:
        _ = app.road  # without asking a membrane anything: that takes its time


def _fail(error: Exception) -> Deploy:
    raise error


def _planned(app: App, asked: Asked, gathered: Gathered) -> One:
    """What would be sent if COMMAND succeeded at once."""
    from .deploying import deliver
    from .running import Ended

    at_once = Ended(0, app.world.now(), app.world.now())
    delivery = deliver(app, asked, gathered, _moments(app, asked, gathered, at_once))
    if delivery.error is not None:
        raise delivery.error
    return One(delivery.annotation, optional=True)


def _success(gathered: Gathered) -> str:
    try:
        status = gathered().facts.get("status")
    except Exception:  # it is told by who needs it
        return "succeeded"
    return "rolled-back" if status is not None and status.value == "rolled-back" else "succeeded"


def _annotate(
    app: App, asked: Asked, gathered: Gathered, ended: Ended, signals: Signals
) -> Delivery | None:
    """Send it, without letting anything change how the command ends; None where we were stopped."""
    from .deploying import deliver
    from .running import GRACE

    budget = min(asked.budget, GRACE) if signals.stops else asked.budget
    moments = _moments(app, asked, gathered, ended)
    try:
        with signals.hurrying():
            delivery = deliver(app, asked._replace(budget=budget), gathered, moments)
    except KeyboardInterrupt:
        _stopped(app, asked, gathered, moments)
        return None
    if delivery.annotated == "true":
        app.messages.note(f"Annotated: {delivery.annotation['text']}")
    return delivery


def _moments(app: App, asked: Asked, gathered: Gathered, ended: Ended) -> Moments:
    from .deploying import Moments

    # A deploy may have begun before COMMAND, and somebody says so; the job's beginning is not it.
    told = asked.facts.get("started") or app.world.environ.get(_STARTED, "").strip()
    status = "failed" if ended.code else _success(gathered)
    return Moments(None if told else ended.started, ended.finished, status)


def _stopped(app: App, asked: Asked, gathered: Gathered, moments: Moments) -> None:
    """Whoever ends us has no time: say what is known, and keep what was certainly not sent."""
    from ..terminal import ci

    environ = app.world.environ
    if app.wrote:
        ci.write_outputs(environ, {"annotated": "true", "reason": ""})
        return
    annotated = "false"
    caller = app.__dict__.get("caller")
    if caller is not None and (writing := caller.in_flight) is not None:
        annotated = "unknown"
        told = f"fsctl was told to end while the {writing.noun} was being sent: it may have arrived"
        text = f"{told}. {writing.check}"
    else:
        kept = _keep(app, asked, gathered, moments)
        text = f"The deploy was not annotated: fsctl was told to end. {kept}".rstrip()
    app.messages.warn(text)
    reason = app.messages.safe(text)
    ci.write_outputs(environ, {"annotated": annotated, "reason": reason})
    ci.write_summary(environ, [reason])


def _keep(app: App, asked: Asked, gathered: Gathered, moments: Moments) -> str:
    """Put it into the outbox, where there is one; a sentence on that."""
    from .deploy_sending import Sending

    if asked.outbox is None:
        return ""
    work = Sending(app, asked._replace(budget=1.0), moments)
    try:
        work.plan(gathered)
    except Exception as error:
        return f"It is not in the outbox either: {error}"
    return work.keep(FsctlError("told to end"))


def _not_started(app: App, name: str, failure: CannotStart) -> int:
    from ..terminal import ci

    error = FsctlError(
        f"{name!a} cannot be started: {failure}.", hint="Nothing was run or annotated."
    )
    app.messages.error(error, json_asked=app.json_asked)
    reason = app.messages.safe(error.message)
    ci.write_outputs(app.world.environ, {"annotated": "skipped", "reason": reason})
    return failure.code
