"""Which verbs the installed ``membrane`` has: read from its help, never tried out.

The layout of the help is not documented and differs between versions, so it is read tolerantly;
but a word counts only where a list of commands would put it, not in running text
(contracts/membrane §1.2, §8 U3 and U7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import NeedsPerson
from .ansi import strip_ansi
from .cache import Cache
from .child import ChildNotStarted, ChildTimedOut, ChildTooLarge, run_child
from .gateway import NO_DEADLINE, Deadline, Fate, GatewayError, Origin, Trouble

HELP_TIMEOUT = 10.0  # seconds
WRAPPER_TIMEOUT = 60.0  # seconds: npx may download first
WRAPPER_FRESH = 3600.0  # seconds: what npx runs can change without the path telling
CACHE_PREFIX = "membrane-verbs|"  # of what stays true whoever is logged in
_MAX_HELP = 1024 * 1024  # bytes

TOP_LEVEL = frozenset(
    [
        "act",
        "action",
        "action-run-log",
        "connect",
        "connection",
        "connection-request",
        "login",
        "logout",
        "request",
        "search",
        "status",
        "token",
    ]
)
SUB_VERBS: Mapping[str, frozenset[str]] = {
    "connection": frozenset(["list", "get", "ensure", "create", "patch", "delete", "archive"]),
    "action": frozenset(["list", "get", "run", "create", "update", "replace", "delete"]),
    "action-run-log": frozenset(["get"]),
}
_GROUPS = ("connection", "action")


@dataclass(frozen=True, slots=True)
class Verbs:
    """What the help shows: "act", "connection ensure", and flags as "connect --name"."""

    shown: frozenset[str]

    def has(self, *words: str) -> bool:
        """Whether the help shows that verb, or that flag of a verb."""
        return " ".join(words) in self.shown

    def details(self, group: str) -> bool:
        """Whether the help tells which verbs ``group`` has."""
        return any(f"{group} {verb}" in self.shown for verb in SUB_VERBS[group])


def read_verbs(
    command: Sequence[str],
    *,
    cache: Cache,
    cwd: Path,
    env: Mapping[str, str],
    deadline: Deadline = NO_DEADLINE,
) -> Verbs:
    """The verbs of ``command``, from the cache or from its ``--help``, asked until ``deadline``.

    Cached by the program's path, size and modification time. Raises :class:`NeedsPerson` where the
    program is missing or is another tool of the same name, and :class:`GatewayError` (not sent)
    where its help does not come.
    """
    key = cache_key(command)
    known = _remembered(cache, key, command)
    if known is not None:
        return Verbs(known)
    shown = set(parse_help(_help(command, [], cwd, env, deadline)))
    if not {"connection", "action"} <= shown:
        raise NeedsPerson(
            f"{command[0]} is not Membrane's command line: its help has no connection and action"
            " commands.",
            hint="Install it (npm install -g @membranehq/cli), or name the right program in"
            " FSCTL_MEMBRANE_COMMAND; or set MEMBRANE_TOKEN.",
            code="membrane_missing",
        )
    for group in _GROUPS:
        shown |= set(parse_help(_help(command, [group], cwd, env, deadline), group))
    cache.set(key, {"shown": sorted(shown)})
    return Verbs(frozenset(shown))


def read_flags(
    command: Sequence[str], verb: str, *, cache: Cache, cwd: Path, env: Mapping[str, str]
) -> frozenset[str]:
    """The flags that the help of ``verb`` shows, remembered and failing as :func:`read_verbs`."""
    key = f"{cache_key(command)}|{verb} --help"
    known = _remembered(cache, key, command)
    if known is not None:
        return known
    text = _help(command, verb.split(), cwd, env, NO_DEADLINE)
    flags = frozenset(_FLAG.findall(strip_ansi(text)))
    cache.set(key, {"shown": sorted(flags)})
    return flags


def _remembered(cache: Cache, key: str, command: Sequence[str]) -> frozenset[str] | None:
    entry = cache.get(key, max_age=WRAPPER_FRESH if len(command) > 1 else None)
    if isinstance(entry, dict) and isinstance(entry.get("shown"), list):
        return frozenset(str(word) for word in entry["shown"])
    return None


def cache_key(command: Sequence[str]) -> str:
    """What the verbs of ``command`` are remembered by: its program's path, size and time."""
    try:
        told = Path(command[0]).stat()
    except OSError:
        raise _missing(command[0]) from None
    return CACHE_PREFIX + "|".join([str(told.st_size), str(told.st_mtime_ns), *command])


def _missing(program: str) -> NeedsPerson:
    return NeedsPerson(
        f"{program} cannot be started.",
        hint="Install Membrane's command line (npm install -g @membranehq/cli; it needs Node.js),"
        " or set MEMBRANE_TOKEN.",
        code="membrane_missing",
    )


def _help(
    command: Sequence[str], group: list[str], cwd: Path, env: Mapping[str, str], deadline: Deadline
) -> str:
    """The help text: whatever stream it comes on, whatever the exit status."""
    usual = WRAPPER_TIMEOUT if len(command) > 1 else HELP_TIMEOUT
    timeout = min(usual, deadline.remaining())
    argv = [*command, *group, "--help"]
    try:
        result = run_child(argv, cwd=cwd, env=env, timeout=timeout, max_output=_MAX_HELP)
    except ChildNotStarted:
        raise _missing(command[0]) from None
    except (ChildTimedOut, ChildTooLarge) as error:
        raise GatewayError(
            f"The help of membrane cannot be read: {error}.",
            trouble=Trouble.UNAVAILABLE,
            fate=Fate.NOT_SENT,
            origin=Origin.LOCAL,
            code="no_help",
            hint=f"Run `{' '.join([Path(command[0]).name, *argv[1:]])}` by hand, or set"
            " MEMBRANE_TOKEN.",
        ) from None
    return (result.stdout + b"\n" + result.stderr).decode("utf-8", "replace")


# -- reading help

_HEADING = re.compile(r"[A-Za-z][A-Za-z -]{0,40}", re.ASCII)
_PROGRAM = re.compile(
    r"(?:npx +(?:--?[a-z]+ +)?)?(?:membrane|@membranehq/cli(?:@[\w.-]+)?)(?:\.js)? +"
)
_WORD = re.compile(r"[a-z][a-z-]*")
_BRACES = re.compile(r"\{([a-z][a-z,|-]*)\}")
_FLAG = re.compile(r"(?<![\w-])--[A-Za-z][A-Za-z-]*")
_FRAME = "│┃|╎┆"
_BULLET = re.compile(r"[*•$>·-] +")


def parse_help(text: str, group: str | None = None) -> Iterator[str]:
    """The verbs (and their flags) that a help text lists; with ``group``, the verbs of that group.

    A line counts whose first words are a verb (after a bullet, a prompt or the program's name) if
    then comes nothing, a column gap, or something that is an argument; inside a section headed
    "... commands", also a verb at the section's indentation followed by anything.
    """
    section: int | None = None  # the indentation of a commands section; -1 before its first line
    for raw in strip_ansi(text).expandtabs(8).splitlines():
        line = raw.strip("\r").rstrip(_FRAME + " ").lstrip(_FRAME)
        body = line.lstrip(" ")
        if not body:
            continue
        indent = len(line) - len(body)
        head, colon, rest = body.partition(":")
        if _is_heading(head, colon, rest):
            section = -1
            yield from _listed(rest, group)
            continue
        if section == -1 and indent > 0:
            section = indent
        elif section is not None and indent < max(section, 1):
            section = None
        yield from _entry(body, group, listed=indent == section, indented=indent > 0)


def _is_heading(head: str, colon: str, rest: str) -> bool:
    if not _HEADING.fullmatch(head.strip()) or not head.lower().rstrip().endswith("commands"):
        return False
    alone = not rest.strip() and (colon != "" or len(head.split()) <= 3)
    return alone or len(_items(rest)) > 1


def _items(text: str) -> list[str]:
    """The words of "a, b, c"; none for any other text."""
    parts = [part.strip(" .") for part in text.split(",")]
    return parts if all(_WORD.fullmatch(part) for part in parts) else []


def _listed(text: str, group: str | None) -> Iterator[str]:
    known = TOP_LEVEL if group is None else SUB_VERBS[group]
    for item in _items(text):
        if item in known:
            yield item if group is None else f"{group} {item}"


def _entry(body: str, group: str | None, *, listed: bool, indented: bool) -> Iterator[str]:
    """What one line of help shows."""
    if body.lower().startswith("usage:"):
        body = body[len("usage:") :].lstrip()
        for names in _BRACES.findall(body):  # argparse: {login,search,...}
            yield from _listed(names.replace("|", ","), group)
    bullet = _BULLET.match(body)
    text = body[bullet.end() :] if bullet else body
    program = _PROGRAM.match(text)
    if program is None and not (indented or listed):
        return
    if listed and len(_items(text)) > 1:
        yield from _listed(text, group)
    verb = _verb(text[program.end() :] if program else text, group, listed and program is None)
    if verb is not None:
        yield verb
        if " " in verb:
            yield verb.split(" ")[0]
        yield from (f"{verb} {flag}" for flag in _FLAG.findall(text))


def _verb(text: str, group: str | None, listed: bool) -> str | None:
    """The verb that ``text`` starts with, if it stands there as one."""
    first, rest = _first_word(text)
    if group is not None and first in SUB_VERBS[group]:
        return f"{group} {first}" if listed or _ends_a_name(rest) else None
    if first in SUB_VERBS:
        second, beyond = _first_word(rest.lstrip(" "))
        one_space = rest.startswith(" ") and not rest.startswith("  ")
        if one_space and second in SUB_VERBS[first] and _ends_a_name(beyond):
            return f"{first} {second}"
    if first in TOP_LEVEL and (listed or _ends_a_name(rest)):
        return first
    return None


def _first_word(text: str) -> tuple[str, str]:
    match = _WORD.match(text)
    return (match[0], text[match.end() :]) if match else ("", text)


def _ends_a_name(rest: str) -> bool:
    """Whether what follows a word shows that the word is a command's name."""
    if not rest or rest.startswith("  ") or rest[0] in ",|:":
        return True
    return rest[0] == " " and rest.lstrip(" ")[:1] in set("<[({-\"'|#…—") | {""}
