"""Put one deploy on Fullstory's charts, and never break the deploy over it.

What goes wrong here is fsctl's own trouble. Under a build system it is warned of where people
look, and no failure unless ``--fail-on`` says so. ``annotations deploy`` and ``annotations run``
both come through :func:`deliver`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import ExitCode, FsctlError, OutcomeUnknown
from .app import App
from .deploy_options import Asked, fail_on, without_settings
from .deploy_plan import NOT_MEASURED
from .deploy_plan import Moments as Moments
from .deploy_plan import gather_deploy as gather_deploy
from .deploy_sending import Delivery as Delivery
from .deploy_sending import Sending, is_refused

if TYPE_CHECKING:
    from ..fullstory.deploys import Deploy

# What a person has to mend, beside what the service refuses as such.
_MISCONFIGURED = (ExitCode.USAGE, ExitCode.NOT_FOUND, ExitCode.NEEDS_PERSON)
_WRONG_SERVICE = ("redirect", "no_route")  # whoever answers there is not Membrane's API


def deliver(
    app: App,
    asked: Asked,
    deploy: Callable[[], Deploy] | None = None,
    moments: Moments = NOT_MEASURED,
) -> Delivery:
    """Annotate the deploy, and tell what became of it; raises nothing but interrupts.

    ``deploy`` gives its facts (default: :func:`gather_deploy`). All of it takes no longer than
    the budget.
    """
    report = _Report(app, asked)
    work = Sending(app, asked, moments)
    try:
        call = work.plan(deploy or (lambda: gather_deploy(app, asked)))
        report.check_output()
        delivery = work.send(call)
    except FsctlError as error:
        delivery = report.trouble(error, work)
    except Exception as error:
        delivery = report.trouble(_unexpected(app, error), work)
    report.end(delivery, work.left())
    return delivery


def counts(app: App, asked: Asked, error: FsctlError) -> bool:
    """Whether ``--fail-on`` makes this trouble a failure."""
    kind = fail_on(app, asked)
    if kind != "misconfigured":
        return kind == "any"
    wrong = error.exit_code in _MISCONFIGURED or error.code in _WRONG_SERVICE
    return wrong or is_refused(error)


class _Report:
    """Tells where people look."""

    def __init__(self, app: App, asked: Asked) -> None:
        from ..terminal import ci

        self._app = app
        self._asked = asked
        self._form = ci.warning_form(app.world.environ)
        self._warned: list[str] = []
        app.messages.loudly = self._loudly if self._form is not None else None

    def _loudly(self, text: str) -> str:
        assert self._form is not None
        self._warned.append(text)
        return self._form(text)

    def check_output(self) -> None:
        """An output that cannot be must not keep the annotation from being sent."""
        try:
            self._app.check_output()
        except FsctlError as error:
            if self._counts(error):
                raise
            self._warn(error, "It is left out.")

    def trouble(self, error: FsctlError, work: Sending) -> Delivery:
        """What is left of a delivery that failed."""
        fails, kept = self._counts(error), work.keep(error)
        unknown = isinstance(error, OutcomeUnknown)
        if not fails:
            self._warn(error, kept, "" if unknown else "The deploy was not annotated: ")
        else:
            self._show_error(error)
            if kept:
                self._app.messages.announce(kept)
        return Delivery(
            "unknown" if unknown else "false",
            self._app.messages.safe(error.message),
            error if fails else None,
            work.planned,
        )

    def _warn(self, error: FsctlError, more: str, head: str = "") -> None:
        app = self._app
        if app.flags.get("debug"):
            import traceback

            app.messages.debug("".join(traceback.format_exception(error)))
        app.messages.warn(f"{head}{_with_hint(error)} {more}".rstrip())
        _mend_output(app)

    def _show_error(self, error: FsctlError) -> None:
        """Show a failure where the build system shows errors; how the command ends says it too."""
        from ..terminal import ci

        form = ci.loud_form(self._app.world.environ, "error")
        if form is None:
            return
        messages = self._app.messages
        loudly, messages.loudly = messages.loudly, form
        messages.warn(_with_hint(error))
        messages.loudly = loudly

    def _counts(self, error: FsctlError) -> bool:
        return counts(self._app, self._asked, error)

    def end(self, delivery: Delivery, seconds: float) -> None:
        """Write it where the build system shows it, in no more than so many seconds."""
        from ..terminal import ci

        environ = self._app.world.environ
        ci.write_outputs(environ, {"annotated": delivery.annotated, "reason": delivery.reason})
        told = list(self._warned)
        if delivery.error is not None:
            told.append(self._app.messages.safe(_with_hint(delivery.error)))
        if told:
            ci.write_summary(environ, told)
            ci.annotate_build(environ, told, seconds)


def _with_hint(error: FsctlError) -> str:
    return " ".join(f"{error.message} {error.hint or ''}".split())


def _mend_output(app: App) -> None:
    """Have the result printed where it is the settings that are broken."""
    try:
        app.check_output()
    except FsctlError:
        app.renderer = without_settings(app).renderer


def _unexpected(app: App, error: Exception) -> FsctlError:
    from .main import unexpected

    return unexpected(app, error)
