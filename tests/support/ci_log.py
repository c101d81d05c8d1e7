"""Read a log and the files of a step as build systems do, but more greedily than any of them."""

from __future__ import annotations

import re

# .NET compares by culture: it passes over these wherever they stand.
_IGNORED = "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e"
_IGNORED += "\u2060-\u206f\ufe00-\ufe0f\ufeff]"
_COMMANDS = re.compile(
    r"^\s*::\s*(?P<word>[\w-]*)(?: [^:]*)?::.*$"
    r"|^.*?##(?P<mark>vso\[|teamcity\[|\[).*$"
    r"|^(?P<group>--- |\+\+\+ |~~~ |\^\^\^ \+\+\+).*$"
    r"|(?P<section>section_(?:start|end):\d+:\w+\r)",
    re.IGNORECASE | re.MULTILINE,
)


def commands_in(log: str) -> list[str]:
    """The commands a build system might find: the first in each line."""
    found = []
    for line in re.split("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", log):
        match = _COMMANDS.search(re.sub(_IGNORED, "", line))
        if match is None:
            continue
        if match["mark"]:
            found.append({"[": "##["}.get(match["mark"], match["mark"].rstrip("[").lower()))
        else:
            found.append(match["word"] or ("group" if match["group"] else "section"))
    return found


def outputs_in(text: str) -> dict[str, str]:
    """What GitHub's runner reads in the file of a step's outputs; ValueError for what it refuses.

    The same grammar as https://github.com/actions/runner FileCommandManager: NAME=VALUE, or
    NAME<<DELIMITER, lines, DELIMITER; empty lines between them are nothing.
    """
    outputs: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
            outputs[name] = value
        elif heredoc > 0:
            name, _, delimiter = line.partition("<<")
            value_lines = []
            for inner in lines:
                if inner == delimiter:
                    break
                value_lines.append(inner)
            else:
                raise ValueError(f"no delimiter {delimiter}")
            outputs[name] = "\n".join(value_lines)
        else:
            raise ValueError(f"invalid format {line!r}")
    return outputs
