"""What a fact of a deploy may hold: values as build systems and people write them, made plain.

They come from strangers' branches, titles and names. What is done here makes them one short line
of valid text; what may not be shown or sent, those decide who show and send.
"""

from __future__ import annotations

import re

from .git import repository_name

_MOST = 1000  # characters; more than any annotation has room for
_MOST_URL = 2000
_LINE_END = re.compile(r"[\r\n]")

_COMMIT = re.compile(r"[0-9A-Fa-f]{7,64}|[0-9]{1,6}")  # a hash, or the number of a revision
_NUMBER = re.compile(r"(?:https?://\S{1,1000}/|pr[-/ ]?|[#!])?([0-9]{1,20})/?", re.IGNORECASE)
_ADDRESS = re.compile(
    r"https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?(?:[/?#].*)?",
    re.IGNORECASE,
)
_NOBODY = ("@", "GitHub-Hookshot/", "Bitbucket-Webhooks/")  # "@cron", and what webhooks call
_UNNAMED = "__default"  # how Azure names a stage or a job that has no name


def cleaned(name: str, value: str) -> str | None:
    """The value of the fact ``name``, or None where ``value`` holds none."""
    if not value.isascii():  # halves of characters come from JSON, bytes that are none from outside
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    value = value.strip()
    if name == "run_url":
        return _address(value)
    if name == "title":
        value = _LINE_END.split(value, maxsplit=1)[0]
    value = " ".join(value[:_MOST].split())
    match name:
        case "commit":
            return value if _COMMIT.fullmatch(value) else None
        case "branch":
            value = value.removeprefix("refs/heads/").removeprefix("origin/")
        case "tag":
            value = value.removeprefix("refs/tags/")
        case "pull_request":
            number = _NUMBER.fullmatch(value)
            return number[1] if number else None
        case "actor" if value.startswith(_NOBODY):
            return None
        case "repository" if "://" in value or "@" in value:
            return repository_name(value)
        case "matrix" if value == _UNNAMED:
            return None
        case "job":
            value = value.removeprefix(f"{_UNNAMED}.")
    return value or None


def _address(value: str) -> str | None:
    """An http or https address without a secret in it; blanks and the like are encoded."""
    if len(value) > _MOST_URL:
        return None
    if not value.isascii() or not value.isprintable() or " " in value:
        from urllib.parse import quote

        value = quote(value, safe="!#$%&'()*+,/:;=?@[]~")
    if not _ADDRESS.fullmatch(value):
        return None
    if "?" in value or "#" in value:
        from ..membrane.redact import redact

        if redact(value) != value:
            return None
    return value
