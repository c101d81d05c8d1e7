"""Send one planned annotation: within the budget, once where that is asked for, or keep it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from ..errors import FsctlError, OutcomeUnknown, Refused, Unavailable
from .app import App
from .deploy_options import Asked
from .deploy_plan import Moments, plan_call, remark_on_text
from .within import Limit, TooLate

if TYPE_CHECKING:
    from ..fullstory.deploys import Deploy
    from ..fullstory.types import Answer, Call

T = TypeVar("T")
Annotated = Literal["true", "false", "unknown", "skipped"]


def is_refused(error: FsctlError) -> bool:
    """Whether the service said no to the annotation as such: it would say so again."""
    return type(error) is Refused and error.status is not None and 400 <= error.status < 500


class Delivery(NamedTuple):
    """What became of an annotation.

    ``reason`` says why it was not sent, or is not known to be, and is fit to show; ``error`` is
    the trouble as far as ``--fail-on`` makes it a failure; all else has been told. ``annotation``
    is what the service echoed, what would have been sent, or the plan of a dry run.
    """

    annotated: Annotated
    reason: str = ""
    error: FsctlError | None = None
    annotation: Mapping[str, Any] = {}


class Sending:
    """One annotation on its way."""

    def __init__(self, app: App, asked: Asked, moments: Moments) -> None:
        self._app = app
        self._asked = asked
        self._moments = moments
        self._limit = Limit(asked.budget, app.world.monotonic)
        self._call: Call | None = None
        self._same: str | None = None
        # Not even at a terminal: a pipeline's line is tried out there, and time is short.
        app.choose_connection = lambda _connections: None

    def plan(self, gather: Callable[[], Deploy]) -> Call:
        """What to send. Raises :class:`FsctlError`, and what defects raise."""
        from .marking import same

        deploy = gather()
        for told in deploy.remarks:
            self._app.messages.warn(told)
        self._call = plan_call(self._app, self._asked, deploy, self._moments)
        if (remark := remark_on_text(self._app, self._asked, deploy, self._moments)) is not None:
            self._app.messages.warn(remark)
        self._same = same(self._asked, deploy, self._moments)
        return self._call

    def send(self, call: Call) -> Delivery:
        """Send it, or show it for a dry run; raises as :meth:`plan`."""
        app = self._app
        if app.dry_run:
            return Delivery("skipped", "dry run", None, self._within(lambda: self._show(call)))
        return self._send(call) if self._same is None else self._send_once(call, self._same)

    def left(self) -> float:
        """Seconds of the budget that are left."""
        return self._limit.left()

    @property
    def planned(self) -> Mapping[str, Any]:
        """What is to be sent; nothing before that is known."""
        return {} if self._call is None else self._call.values

    def keep(self, error: FsctlError) -> str:
        """Put into the outbox what was certainly not sent; a sentence on it, or nothing."""
        directory = self._asked.outbox
        if directory is None or self._call is None:
            return ""
        if is_refused(error) or isinstance(error, OutcomeUnknown):
            return ""
        from shlex import quote

        from .outboxing import keep

        once, once_dir = self._same, self._asked.once_dir
        try:
            kept = keep(self._app, self._call, directory, once, once_dir)
        except FsctlError as problem:
            return f"It is not in the outbox either: {problem}"
        head = "It is kept" if kept.new else "It is in the outbox already"
        command = f"fsctl annotations flush {quote(str(directory))}"
        if chosen := self._app.flags.get("connection"):
            command += f" --connection {quote(str(chosen))}"
        elif not kept.whose:
            command += " --connection ID"
            head += ", but which connection it is for is not known here"
        return f"{head}: `{command}` sends it later."

    def _show(self, call: Call) -> Mapping[str, Any]:
        from .expiry import tell_before_use

        with suppress(FsctlError):  # without a token there is a plan, too
            tell_before_use(self._app)
        return self._app.plan(call)

    def _send(self, call: Call) -> Delivery:
        from ..fullstory.annotations import created

        def work() -> Answer:
            return self._app.caller.call(call, deadline=self._limit.deadline())

        try:
            answer = self._within(work)
        except FsctlError:
            if self._app.wrote:  # answered at the very moment in which it was given up
                return Delivery("true", "", None, created(call, None))
            raise
        except Exception as defect:
            if "caller" not in self._app.__dict__:  # it did not come to sending anything
                raise
            raise OutcomeUnknown(
                f"The annotation may have been sent: {type(defect).__name__}: {defect}.",
                hint=call.operation.check,
                code="unexpected",
            ) from defect
        return Delivery("true", "", None, created(call, answer.body))

    def _send_once(self, call: Call, same: str) -> Delivery:
        from .marking import marked

        app = self._app
        whose = self._within(self._find)
        with marked(app, same, whose, self._asked.once_dir, self._limit.left()) as marker:
            if marker.state == "sent":
                app.messages.announce(f"{marker.suppresses} Nothing was sent.")
                reason = app.messages.safe(marker.suppresses or "")
                return Delivery("skipped", reason, None, call.values)
            if marker.suppresses is not None:  # perhaps no chart shows it, and nobody sends it
                raise OutcomeUnknown(
                    f"Nothing was sent now. {marker.suppresses}",
                    hint=call.operation.check,
                    code="once",
                )
            marker.mark_sending()
            try:
                delivery = self._send(call)
            except OutcomeUnknown:
                raise
            except FsctlError:
                self._note(marker.clear)
                raise
            self._note(marker.mark_sent)
            return delivery

    def _note(self, write: Callable[[], None]) -> None:
        """Write down what became of it. That this fails changes nothing of it."""
        try:
            write()
        except FsctlError as error:
            self._app.messages.warn(f"{error.message} --once will take it for sent.")

    def _find(self) -> tuple[str, str]:
        """The account and the connection's id."""
        from .expiry import tell_before_use

        caller = self._app.caller
        patience = self._limit.deadline().remaining()
        caller.policy = caller.policy._replace(patience=patience)
        connection = caller.ask_connection(lambda connection, _: connection, "connection")
        tell_before_use(self._app)
        return self._app.gateway.account, connection

    def _within(self, work: Callable[[], T]) -> T:
        """``work``, for no longer than the budget; its outcome is unknown only where it may be."""
        try:
            return self._limit.run(work)
        except TooLate:
            seconds = f"{self._asked.budget:g} s"
        caller = self._app.__dict__.get("caller")
        if caller is not None and (writing := caller.in_flight) is not None:
            raise OutcomeUnknown(
                f"The {writing.noun} was sent, but no answer came within the budget of {seconds}.",
                hint=writing.check,
                code="budget",
            )
        raise Unavailable(
            f"The budget of {seconds} was over before anything was sent.",
            hint="Give it a longer --budget, or see with --debug where the time goes.",
            code="budget",
        )
