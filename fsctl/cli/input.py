"""What a command reads: stdin and ``@file``, within bounds."""

from __future__ import annotations

from ..errors import Usage
from ..terminal.world import World

MOST_BYTES = 64 * 1024 * 1024


def read_stdin(world: World, what: str, instead: str) -> bytes:
    """All of stdin; ``instead`` is the other way to give it.

    Raises :class:`Usage` where it is closed, a terminal, or too much."""
    if world.stdin is None:
        raise Usage(
            f"stdin is closed, so {what} cannot be read from it.", hint=f"Pipe it in, or {instead}."
        )
    if world.stdin_is_terminal:
        raise Usage(f"Nothing is piped in to read {what} from.", hint=f"Pipe it in, or {instead}.")
    data = world.stdin.read(MOST_BYTES + 1)
    return _bounded(data, "stdin")


def read_text(world: World, what: str) -> str:
    """Stdin as text, a byte order mark and the last line end removed."""
    try:
        text = read_stdin(world, what, "write it instead of -").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Usage(f"stdin is not UTF-8, so it cannot be {what}.", hint="Convert it.") from None
    return text.rstrip("\r\n")


def read_value(world: World, value: str, what: str) -> bytes:
    """The bytes that a ``DATA|@file|-`` option means."""
    if value == "-":
        return read_stdin(world, what, "use @FILE")
    if not value.startswith("@"):
        return value.encode("utf-8", "surrogateescape")
    from ..settings.paths import given_path

    path = given_path(value[1:])
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise Usage(
            f"{str(path)!a} cannot be read: {error.strerror}.", hint="Check the file's name."
        ) from None
    return _bounded(data, f"{str(path)!a}")


def _bounded(data: bytes, name: str) -> bytes:
    if len(data) > MOST_BYTES:
        raise Usage(f"{name} holds more than 64 MiB.", hint="Send less at a time.")
    return data
