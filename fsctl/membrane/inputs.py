"""What goes into the arguments of the ``membrane`` command line, and what cannot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import Usage
from . import payload
from .paths import check_segment

Pairs = Sequence[tuple[str, str]]

MAX_INPUT = 100 * 1024  # bytes of an input or a body; it becomes one argument of the child
MAX_ARGUMENT = 131_071  # bytes; Linux refuses a longer one
USE_TOKEN = (
    "Set MEMBRANE_TOKEN (`membrane token` prints one where it has that verb) or a workspace key and"
    " secret, so that it goes over HTTP."
)

# What minimist, which reads the arguments, turns into a number where it was not told better.
_NUMBER = re.compile(r"0x[0-9a-f]+|[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?", re.I)


def arguments(verb: str, positionals: Sequence[str], flags: Sequence[str]) -> list[str]:
    """The arguments of one call, in an order that every documented version takes (§1.2).

    Flags carry their values after ``=``, so that no value can pass for a flag and no switch can
    take the next word for its value. Positionals that would pass for a flag or be read as a number
    (an id of digits alone) stand behind ``--``, where they are taken as they are.
    """
    if misread(positionals):
        return [*verb.split(), *flags, "--json", "--", *positionals]
    return [*verb.split(), *positionals, *flags, "--json"]


def misread(positionals: Sequence[str]) -> bool:
    """Whether one of them would pass for a flag or a number unless it stands behind ``--``."""
    return any(word.startswith("-") or _NUMBER.fullmatch(word) for word in positionals)


def check_id(value: str, what: str) -> str:
    if value.startswith("-"):
        raise Usage(
            f"{what} {value[:80]!a} is refused: it starts with a dash.",
            hint="Ids and keys start with a letter or a digit.",
        )
    return check_segment(value, what)


def encoded(value: Any) -> str:
    """``value`` as one argument. Raises :class:`Usage` where it is too long to be one."""
    return _bounded(_written(value)).decode()


def _written(value: Any) -> bytes:
    try:
        return payload.encode(value)
    except payload.BadPayload as problem:
        raise Usage(
            f"The input cannot be sent: {problem}.", hint="Correct the value and try again."
        ) from None


def _bounded(text: bytes) -> bytes:
    if len(text) > MAX_INPUT:
        raise Usage(
            f"The input has {len(text):,} bytes, and this road (cli) carries at most"
            f" {MAX_INPUT:,}.",
            hint=USE_TOKEN,
            code="too_large",
        )
    return text


def once(what: str, names: Iterable[str]) -> None:
    """Refuse a name given twice: the JSON of the command line has no place for a second."""
    seen = set[str]()
    for name in names:
        if name in seen:
            raise Usage(
                f"The {what} {name!a} is given twice, and this road (cli) carries it once.",
                hint=USE_TOKEN,
            )
        seen.add(name)


def api_argument(method: str, path: str, query: Pairs, headers: Pairs, body: bytes | None) -> str:
    """The value of ``act --api`` (§2.7): the body is a JSON value there."""
    api: dict[str, Any] = {"method": method, "path": path}
    if query:
        api["query"] = dict(query)
    if headers:
        api["headers"] = dict(headers)
    if body:
        try:
            api["body"] = payload.decode(_bounded(body))
        except payload.BadPayload as problem:
            raise Usage(
                f"This road (cli) carries JSON bodies only: {problem}.", hint=USE_TOKEN
            ) from None
    return _written(api).decode()


def text_body(body: bytes | None) -> str:
    try:
        text = _bounded(body or b"").decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise Usage("This road (cli) carries text bodies only.", hint=USE_TOKEN)
    return text


def request_flags(method: str, query: Pairs, headers: Pairs, body: str) -> list[str]:
    """The flags of ``request``, in the form that both readings of its ``--json`` take (§1.4)."""
    if body and not any(name.lower() == "content-type" for name, _ in headers):
        headers = [*headers, ("Content-Type", "application/json")]
    flags = [f"--method={method}"]
    flags += [f"--query={name}={value}" for name, value in query]
    flags += [f"--header={name}: {value}" for name, value in headers]
    if body:
        flags.append(f"--data={body}")
        try:
            payload.decode(body)
        except payload.BadPayload:
            flags.append("--rawData")
    return flags


def check_sizes(argv: Sequence[str]) -> None:
    longest = max(len(word.encode("utf-8", "surrogatepass")) for word in argv)
    if longest > MAX_ARGUMENT:
        raise Usage(
            f"The input has {longest:,} bytes, and the membrane command line takes at most"
            f" {MAX_ARGUMENT:,}.",
            hint=USE_TOKEN,
            code="too_large",
        )
