"""What fsctl says beside the data: notes, warnings and errors, on stderr.

Everything is redacted and sanitised here, whoever wrote it. Nothing here ever raises: a message
that cannot be said must not hide the outcome it speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import FsctlError
from .encode import compact
from .sanitise import ci_safe, clean
from .streams import silence, write_text
from .world import World

if TYPE_CHECKING:
    from .mask import Masker

LONGEST = 4000  # characters of one message: a service may answer with a whole page

_INDENT = "  "
_COLORS = {"error:": "\x1b[31m", "warning:": "\x1b[33m"}
_PLAIN = "\x1b[0m"


class Messages:
    """The voice on stderr. ``quiet`` leaves warnings and errors; ``debug`` implies ``verbose``.

    With a ``masker``, people's data in what is said become tokens.
    """

    def __init__(
        self,
        world: World,
        quiet: bool = False,
        verbose_asked: bool = False,
        debug_asked: bool = False,
    ) -> None:
        self.world = world
        self.quiet = quiet
        self.verbose_asked = verbose_asked
        self.debug_asked = debug_asked
        self.masker: Masker | None = None
        self.hushed = False  # notes and warnings are left to a report that tells them itself
        # Makes a warning's line where the plain one would be overlooked; gets text fit to show.
        self.loudly: Callable[[str], str] | None = None
        # Called before anything is written: a picture that stands there is taken away.
        self.before: Callable[[], None] | None = None
        self._broken = False
        self._warned: set[str] = set()

    def note(self, text: str) -> None:
        """Something good to know, such as which session was chosen."""
        if not self.quiet and not self.hushed:
            self._say("fsctl: ", text)

    def announce(self, text: str) -> None:
        """Something that must be known even where ``--quiet`` was asked for."""
        self._say("fsctl: ", text)

    def address(self, url: str) -> None:
        """An address that a person has to open, whole: what lets them in may stand in it.

        Where a build service keeps what is said, it is redacted like everything else.
        """
        self._write("fsctl:   " + (self._safe(url) if self.world.under_ci else clean(url)) + "\n")

    def warn(self, text: str) -> None:
        """Something that may be wrong, though the command goes on."""
        if self.hushed:
            return
        if self.loudly is not None:
            self._write(self.loudly(self.safe(text)) + "\n")
        else:
            self._say("fsctl: warning: ", text)

    def warn_once(self, text: str) -> None:
        """A warning that would else be repeated for every row it is true of."""
        if text not in self._warned:
            self._warned.add(text)
            self.warn(text)

    def verbose(self, text: str) -> None:
        """What is being done, for ``-v``."""
        if self.verbose_asked or self.debug_asked:
            self._say("fsctl: ", text)

    def debug(self, text: str) -> None:
        """Details for ``--debug``, a traceback among them: the lines are kept."""
        if self.debug_asked:
            self._write(self._safe(text, multiline=True, whole=True) + "\n")

    def error(self, error: FsctlError, *, json_asked: bool = False) -> None:
        """How the command failed; with ``json_asked`` the last line is the error as JSON."""
        told = self._safe(error.message) + self._safe(_details(error))
        lines = self._fitted("fsctl: error: ", told)
        if error.hint:
            # A hint may list choices, a line each; indented, none can pass for a message.
            hint = self._safe(error.hint, multiline=True)
            lines += "".join(self._fitted(_INDENT, line) for line in hint.split("\n"))
        if json_asked:
            data = self._hidden(error.as_data())
            lines += compact(data, ci=self.world.under_ci) + "\n"
        self._write(lines)

    def break_line(self) -> None:
        """Begin a new line, whatever stands on this one."""
        self._write("\n")

    def safe(self, text: str) -> str:
        """``text`` on one line, redacted, and harmless to a terminal and to a build's log."""
        return self._safe(text)

    def _say(self, head: str, text: str) -> None:
        self._write(self._fitted(head, self._safe(text)))

    def _fitted(self, head: str, text: str) -> str:
        """``text`` behind ``head``, on lines that fit the window where a person looks on."""
        lines = [text]
        if self.world.stderr_is_terminal and not self.world.under_ci:
            from .width import broken, width

            room = self.world.width
            if len(head) + width(text) > room:
                lines = list(broken(text, room - len(_INDENT), first=room - len(head)))
        # Indented, no line that a stranger's text begins can pass for a message.
        return self._painted(head) + f"\n{_INDENT}".join(lines) + "\n"

    def _safe(self, text: str, *, multiline: bool = False, whole: bool = False) -> str:
        text = self._hidden(text)
        if len(text) > LONGEST and not whole:
            text = text[:LONGEST] + "…"
        text = clean(text, multiline=multiline)
        return ci_safe(text) if self.world.under_ci else text

    def _hidden(self, value: Any) -> Any:
        """Without secrets and, where that was asked for, without people's data."""
        if isinstance(value, str):
            text = _redact(value)
            return text if self.masker is None else self.masker.sentence(text)
        if isinstance(value, Mapping):
            return {key: self._hidden(item) for key, item in value.items()}
        return value

    def _painted(self, head: str) -> str:
        for word, color in _COLORS.items() if self.world.stderr_color else ():
            head = head.replace(word, f"{color}{word}{_PLAIN}")
        return head

    def _write(self, text: str) -> None:
        if self._broken:
            return
        if self.before is not None:
            self.before()
        try:
            write_text(self.world.stderr, text)
        except (OSError, ValueError):
            self._broken = True
            silence(self.world.stderr)


def _details(error: FsctlError) -> str:
    parts = []
    if error.code != error.default_code:
        parts.append(error.code)
    if error.status is not None:
        parts.append(f"HTTP {error.status}")
    if error.action_run_id:
        parts.append(f"action run {error.action_run_id}")
    return f" ({', '.join(parts)})" if parts else ""


def _redact(text: str) -> str:
    from ..membrane.redact import redact

    return redact(text)
