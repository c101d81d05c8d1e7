"""An export on stdout: untouched through a pipe, harmless where a person or a build looks on."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from ..terminal.world import World

_PIECE = 1024 * 1024  # bytes, or characters of a line


def write(world: World, stream: BinaryIO) -> None:
    """Write all of ``stream`` to stdout.

    What visitors have written stands in it: a terminal gets no control characters, a build's log no
    commands. JSON stays the same data, in other tables these become escapes.
    """
    if world.stdout_is_terminal or world.under_ci:
        _write_shown(world, stream)
        return
    from ..terminal.streams import write_bytes

    while piece := stream.read(_PIECE):
        write_bytes(world.stdout, piece)


def _write_shown(world: World, stream: BinaryIO) -> None:
    import io

    from ..terminal.sanitise import ci_safe, ci_safe_json, clean, clean_json
    from ..terminal.streams import write_text

    is_json = stream.read(1) in (b"{", b"[")
    stream.seek(0)
    text = io.TextIOWrapper(stream, "utf-8", "backslashreplace", newline="\n")
    try:
        while line := text.readline(_PIECE):
            shown = clean_json(line) if is_json else clean(line, multiline=True)
            if world.under_ci:
                shown = ci_safe_json(shown) if is_json else ci_safe(shown)
            write_text(world.stdout, shown)
    finally:
        text.detach()
