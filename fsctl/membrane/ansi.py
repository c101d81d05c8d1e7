"""Terminal control sequences in the output of child processes."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(
    r"\x1b\[[0-9:;<=>?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC and other strings
    r"|\x1b[ -/]*[0-~]"
)


def strip_ansi(text: str) -> str:
    """``text`` without ANSI escape sequences; a lone escape character stays."""
    return _SEQUENCE.sub("", text) if "\x1b" in text else text
