"""``--jq EXPR`` on the optional package ``jq``, fenced in.

An expression often comes from a script or a project file, so it may read its row and nothing
else: not the environment, no files, no module paths.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from ..errors import FsctlError, Usage

Program = Callable[[Any], Iterator[Any]]

# Names are taken in the order of definition, so these shadow jq's own for the user's expression.
# `modulemeta` would open a file and quote it in its error; `halt` would end a program that is not
# ours to end; `input` has nothing to read.
_FENCE = (
    "def env: {}; def get_search_list: []; def get_jq_origin: null; def get_prog_origin: null; "
    'def modulemeta: error("modulemeta is not available here"); '
    'def input: error("input is not available here: each row is given by itself"); '
    "def inputs: input; def input_filename: null; def input_line_number: null; "
    "def debug: .; def debug(f): .; def stderr: .; "
    "def halt: empty; def halt_error: error; def halt_error(f): error; "
    "{} as $ENV | (\n"
)
# A backslash at the end of a jq comment carries it on to the next line: two line ends close any.
# `tojson` keeps the digits of numbers that do not fit a double, which the package would round.
_CLOSE = "\n\n) | tojson"

_PLACE = re.compile(r" at <top-level>, line (\d+), column (\d+):")


def compile_jq(expression: str) -> Program:
    """A function from a row to the results of ``expression`` on it, lazily.

    Raises Usage where the package is missing or the expression is wrong. Calling the result
    raises FsctlError where the expression fails on a row: by then the command has done its work.
    """
    try:
        import jq  # noqa: F401 - whether it is there
    except ImportError as error:
        raise Usage(
            "--jq needs the Python package jq, which is not installed.",
            hint="Install it beside fsctl: `pipx inject fsctl jq`, "
            "`uv tool install --with jq fsctl` or `python -m pip install jq`.",
            code="jq_missing",
        ) from error
    if not expression.strip():
        raise _wrong("it is empty")
    if "\0" in expression:
        raise _wrong("it holds a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in expression):
        raise _wrong("it is not valid UTF-8")
    program = _compiled(expression)

    def run(row: Any) -> Iterator[Any]:
        results = iter(program.input_text(_as_json(row)))
        try:
            while True:
                with _stoppable():
                    result = next(results, None)
                if result is None:
                    return
                yield json.loads(result)
        except ValueError as error:
            raise FsctlError(
                f"The jq expression failed on the data: {_one_line(str(error))}.",
                hint="The command itself was carried out; only showing its result failed.",
                code="jq",
            ) from error
        finally:
            # A failure's traceback would keep it in a cycle, whose collection jq does not survive.
            del results

    return run


@lru_cache(maxsize=4)  # what is checked when a run begins is what shows its result
def _compiled(expression: str) -> Any:
    import jq

    try:
        program = jq.compile(_FENCE + expression + _CLOSE)
    except ValueError as error:
        raise _wrong(_why(expression, str(error))) from error
    _check_alone(jq, expression)
    return program


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a hang-up end the process at once.

    jq computes in C, where Python's own handlers are never called: ``last(repeat(1))`` would go on
    for ever. Whatever the command had to do is done by now; only its result is being shown.
    """
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, signal.SIG_DFL)
        for name in ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
        if (number := getattr(signal, name, None)) is not None
        and signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_json(row: Any) -> str:
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    if text.isascii():
        return text
    # jq refuses lone surrogates; like everywhere in its world they become U+FFFD.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _check_alone(jq: Any, expression: str) -> None:
    """Refuse text that is valid only because of the fence around it, such as ``.)) | $ENV | ((.``.

    What is one expression by itself has its brackets in pairs and cannot close ours. Only text
    that compiled inside the fence comes here: an ``import`` did not, so no module is looked for.
    """
    try:
        jq.compile(expression)
    except ValueError as error:
        raise _wrong("it is not one expression by itself") from error


def _wrong(reason: str) -> Usage:
    return Usage(
        f"The --jq expression is wrong: {reason}.",
        hint="Quote the expression for the shell; see https://jqlang.org/manual/ for the language.",
        code="jq",
    )


def _why(expression: str, message: str) -> str:
    """jq's first complaint, with the place as the user counts it."""
    if re.search(r"\b(?:import|include|module)\b", expression):
        return "modules cannot be loaded here, or it does not parse"
    complaint = message.partition("\n")[0].removeprefix("jq: error: ")
    place = _PLACE.search(complaint)
    if place is None:
        return _one_line(complaint)
    line = int(place[1]) - 1
    if line > expression.count("\n") + 1:
        return "it ends too early"
    return f"{_one_line(complaint[: place.start()])} (line {line}, column {place[2]})"


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
