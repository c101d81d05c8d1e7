"""The process: parse, run, print, and turn every ending into an exit code.

``entry_point`` (the process) calls ``main`` (the boundary), which calls ``run`` (the work, which
raises). Nothing below the boundary exits.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..errors import ExitCode, FsctlError
from .app import App

if TYPE_CHECKING:
    from ..terminal.render import Renderer
    from ..terminal.world import World
    from .results import One, Result


OBJECTS_BETWEEN_COLLECTIONS = 50_000


class Terminated(BaseException):
    """SIGTERM arrived, or SIGHUP: ``code`` is what the process ends with."""

    def __init__(self, code: ExitCode) -> None:
        super().__init__(code)
        self.code = code


def entry_point() -> NoReturn:
    """The installed ``fsctl``."""
    import gc
    import signal

    # Starting up makes tens of thousands of objects, and they stay: looking for cycles among them,
    # after every 700 and at the end, would take a sixth of a short command.
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    for name, handler in (("SIGTERM", _terminate), ("SIGHUP", _hang_up)):
        number = getattr(signal, name, None)
        # `nohup` and `trap ""` have them ignored: by us, and by what we run.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
    status = main(sys.argv[1:])
    gc.freeze()
    # A broken stdout must not turn into a traceback while Python shuts down.
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            status = status or ExitCode.CLOSED_PIPE
            os._exit(status)
    sys.exit(status)


def _terminate(_number: int, _frame: Any) -> NoReturn:
    raise Terminated(ExitCode.TERMINATED)


def _hang_up(number: int, _frame: Any) -> NoReturn:
    import signal

    signal.signal(number, signal.SIG_IGN)  # the shell and the kernel may both send it
    raise Terminated(ExitCode.HUNG_UP)


def main(arguments: Sequence[str], world: World | None = None) -> int:
    """Run one command line; the process status. Nothing escapes."""
    app = App(world)
    app.arguments = arguments
    try:
        try:
            return run(app, arguments)
        finally:
            app.close()
    except click.ClickException as error:
        app.json_among(arguments)  # parsing ended before it came to all options
        from .mistyped import usage

        return _fail(app, usage(error))
    except FsctlError as error:
        return _fail(app, error)
    except (KeyboardInterrupt, click.Abort):
        return _stopped(app, "Interrupted", ExitCode.INTERRUPTED)
    except Terminated as ended:
        word = "Hung up" if ended.code is ExitCode.HUNG_UP else "Terminated"
        return _stopped(app, word, ended.code)
    except OSError as error:
        if error.errno == errno.EPIPE:
            return _closed_pipe(app)
        from ..terminal.streams import Unwritten

        known = isinstance(error, Unwritten)
        return _fail(app, _not_written(app, error)) if known else _unexpected(app, error)
    except Exception as error:
        return _unexpected(app, error)


def run(app: App, arguments: Sequence[str]) -> int:
    """Parse and do it; raises whatever goes wrong."""
    from .options import show_text
    from .root import fsctl

    # Not click's own main(): it turns an interrupt and a closed pipe into endings of its own.
    try:
        with fsctl.make_context("fsctl", list(arguments), obj=app) as ctx:
            result = fsctl.invoke(ctx)
    except click.exceptions.NoArgsIsHelpError as asked:
        show_text(asked.ctx.get_help() if asked.ctx else "")
        return ExitCode.DONE
    except click.exceptions.Exit as ended:  # --help, --version
        return ended.exit_code
    if result is None or isinstance(result, int):
        return int(result or ExitCode.DONE)
    return _print(app, result)


def _print(app: App, result: Result) -> int:
    from .results import One, Rows

    if isinstance(result, One) and result.optional:
        return _print_optional(app, result)
    error: FsctlError | None
    if app.world.stdout is None and _only_shows(app, result):
        raise FsctlError(
            "stdout is closed, so there is nowhere to write to.",
            hint="Send what is not wanted to /dev/null.",
            code="output",
        )
    try:
        _render(app, result)
        error = result.ending()
    except OSError as problem:
        # Who reads a list is free to stop; what became of one request has to be told.
        reads = isinstance(result, Rows) and not result.writes
        error = None if reads else result.ending()
        if error is None and problem.errno == errno.EPIPE:
            raise
        error = error or _not_written(app, problem)
    if error is not None:
        raise error
    return ExitCode.DONE


def _print_optional(app: App, result: One) -> int:
    try:
        _render(app, result)
    except FsctlError as error:
        app.messages.warn(error.message)
    except OSError as problem:
        lost = _not_written(app, problem)
        if problem.errno != errno.EPIPE:
            app.messages.warn(lost.message)
    return ExitCode.DONE


def _only_shows(app: App, result: Result) -> bool:
    """Whether what would be printed is all that there is to it."""
    from .results import Bytes, Rows

    match result:
        case Rows(writes=True) | Bytes(body=b"", head=""):
            return False
        case _:
            return not app.wrote


def _render(app: App, result: Result) -> None:
    from .results import Bytes, Document, Drawn, One, Rows

    renderer = app.renderer
    match result:
        case Rows():
            count = renderer.rows(result.rows, columns=result.columns, masked=result.masked)
            if count == 0 and app.renders_table:
                app.messages.note("There is nothing to list.")
        case One():
            renderer.one(result.thing, columns=result.columns, masked=result.masked)
        case Document():
            _head(renderer, result.head)
            renderer.data(result.value)
        case Bytes():
            _head(renderer, result.head)
            if result.body:
                renderer.raw(result.body)
        case Drawn():
            renderer.drawn(result.pieces)


def _head(renderer: Renderer, head: str) -> None:
    """Status and headers, and the empty line that ends them."""
    if head:
        renderer.text(head)
        renderer.text("")


def _not_written(app: App, problem: OSError) -> FsctlError:
    """The disk behind stdout is full, or the like."""
    from ..terminal.streams import silence

    silence(app.world.stdout)
    if app.resume:
        hint = f"Check the free space where the output goes, then go on with: {app.resume}"
    elif app.wrote:
        hint = "What was asked for is done; only its output is lost."
    else:
        hint = "Check the free space where the output goes, then run it again."
    return FsctlError(
        f"The output cannot be written: {problem.strerror or problem}.", hint=hint, code="output"
    )


def _fail(app: App, error: FsctlError) -> int:
    if app.flags.get("debug"):
        import traceback

        app.messages.debug("".join(traceback.format_exception(error)))
    app.messages.error(error, json_asked=app.json_asked)
    return error.exit_code


def _stopped(app: App, word: str, code: ExitCode) -> int:
    if app.world.stderr_is_terminal:
        app.messages.break_line()  # it shows the ^C on a line that may have begun
    in_flight = app.caller.in_flight if "caller" in app.__dict__ else None
    hint = f"This goes on where it stopped: {app.resume}" if app.resume else None
    if in_flight is not None:
        error = FsctlError(
            f"{word} while the {in_flight.noun} was being sent: it may have arrived.",
            hint=hint or in_flight.check,
            code="interrupted",
        )
    else:
        error = FsctlError(f"{word}.", hint=hint, code="interrupted")
    app.messages.error(error, json_asked=app.json_asked)
    return code


def _closed_pipe(app: App) -> int:
    """The reader of stdout has gone: the end of a read, and nothing to a write that is done."""
    from ..terminal.streams import silence

    silence(app.world.stdout)
    return ExitCode.DONE if app.wrote else ExitCode.CLOSED_PIPE


def _unexpected(app: App, error: Exception) -> int:
    return _fail(app, unexpected(app, error))


def unexpected(app: App, error: Exception) -> FsctlError:
    """What to say of a defect; with ``--debug`` its traceback has been told."""
    if app.flags.get("debug"):
        import traceback

        app.messages.debug("".join(traceback.format_exception(error)))
    app.flags.pop("debug", None)  # told already
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return FsctlError(
        f"Something unexpected went wrong: {what[:300]}.",
        hint="Run it again with --debug and report what it says.",
        code="unexpected",
    )
