"""Secrets in a setting that would be stored: those of a command line among them.

The name of a secret is none: ``gcloud … --secret=membrane-token`` and ``lpass show --password
membrane`` ask a keeper of secrets for one, and are what ``token_command`` is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..membrane.redact import is_secret_key, recognised

# Shapes that are nothing but tokens. A pair such as --secret=NAME in a command is not one.
_TOKEN = r"(?<![A-Za-z0-9])(?:eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{2,}|pat-[A-Za-z0-9._-]{12,})"

# Where a value comes from when the command runs: a variable, a file, a keeper's address.
_REFERENCE = re.compile(r"[$@/~<`-]|(?:env|file):|[a-z]{2,10}://", re.ASCII)
_OPTION = re.compile(r"--?([A-Za-z][A-Za-z0-9_-]*)(?:=(.*))?", re.ASCII | re.DOTALL)
_ASSIGNED = re.compile(r"(?<![A-Za-z0-9_])(MEMBRANE_[A-Z_]+)=[\"']?([^\s\"';]+)", re.ASCII)
_MIXED = re.compile(r"[A-Za-z0-9]{12,}", re.ASCII)


def holds_token(text: str) -> bool:
    """Whether something stands in ``text`` that can only be a token."""
    return re.search(_TOKEN, text) is not None


def holds_secret(text: str) -> bool:
    """Whether ``text`` holds what people's eyes are kept from, and not only the name of it."""
    return any(
        not _only_named(name, value)
        for kind, name, value in recognised(text)
        if kind != "userinfo" or ":" in value or len(value) >= 20
    )


def assigned(words: Sequence[str]) -> str | None:
    """The ``MEMBRANE_`` variable that a command line gives a value itself, or None."""
    found = _ASSIGNED.finditer(" ".join(words))
    return next((match[1] for match in found if not _REFERENCE.match(match[2])), None)


def secret_option(words: Sequence[str]) -> str | None:
    """The option of a command line behind which a secret stands itself, or None."""
    for option, value, shows in _options(words):
        name = option.lstrip("-")
        if name in ("u", "user"):  # curl's NAME:PASSWORD
            value = value.partition(":")[2]
        elif not is_secret_key(name):
            continue
        if value and not _only_named("secret" if shows else name, value):
            return option
    return None


def _options(words: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Each option with its value, or the word behind it, and whether it is one of a ``show``."""
    shows = False
    for word, following in zip(words, (*words[1:], ""), strict=True):
        shows = shows or word == "show"  # of lpass and gopass: names follow its options
        match = _OPTION.fullmatch(word)
        if match is not None:
            given = match[2]
            yield word.partition("=")[0], following if given is None else given, shows


def _only_named(name: str, value: str) -> bool:
    """Whether ``value`` is where a secret is to be found, and not the secret."""
    if _REFERENCE.match(value):
        return True
    if name.lower().strip("_-") != "secret":
        return False
    runs = _MIXED.findall(value)
    return not any(re.search("[0-9]", run) and re.search("[A-Za-z]", run) for run in runs)
