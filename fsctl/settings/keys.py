"""The keys of profiles and project files: what kind each is, and what may stand in it.

Loaded only where a file has keys, or where one is written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from ..errors import FsctlError, Usage, meant
from . import env
from .choices import FORMATS, TRANSPORTS, VIAS

Kind = Literal["text", "number", "texts", "command"]

MOST_RETRIES = 20
REGIONS = ("na1", "eu1", "na", "us", "eu")
LONGEST_VALUE = 4096  # characters


class Key(NamedTuple):
    """A command is one text, split as a shell would, or a list; a number may be a text, too.

    ``variable`` goes before what a file says.
    """

    kind: Kind = "text"
    variable: str | None = None


KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "transport": Key(variable=env.TRANSPORT),
        "connection": Key(variable=env.CONNECTION),
        "via": Key(variable=env.VIA),
        "api_url": Key(),  # its variables are env.API_URLS
        "allowed_hosts": Key("texts"),
        "token_command": Key("command"),
        "membrane_command": Key(variable=env.MEMBRANE_COMMAND),
        "tenant": Key(variable=env.TENANT),
        "output": Key(variable=env.OUTPUT),
        "time_zone": Key(variable=env.TIME_ZONE),
        "org": Key(),
        "region": Key(),
        "timeout": Key("number", env.TIMEOUT),
        "connect_timeout": Key("number", env.CONNECT_TIMEOUT),
        "retries": Key("number", env.RETRIES),
        "service": Key(),
        "environment": Key(),
        "source": Key(),
        "proxy_base": Key(variable=env.PROXY_BASE),
        "api_version": Key(variable=env.API_VERSION),
    }
)

# What only stands in a project file.
PROJECT_ONLY: Mapping[str, Key] = MappingProxyType(
    {"text": Key(), "fields": Key("texts"), "profile": Key(variable=env.PROFILE)}
)


def fits(kind: Kind, value: Any) -> bool:
    """Whether a value as TOML has it is of that kind."""
    is_text = isinstance(value, str)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    match kind:
        case "text":
            return is_text
        case "number":
            return is_number or is_text
        case "texts":
            return is_texts
        case _:
            return is_text or is_texts


def check_type(key: str, kind: Kind, value: Any, where: str) -> None:
    if not fits(kind, value):
        raise Usage(
            f"The key {key!a} {where} has a value of the wrong type.",
            hint='Texts stand in quotes, lists in ["..."].',
        )


def unknown_key(key: str, where: str, known: Iterable[str]) -> Usage:
    """The refusal of a key that is none, or that would keep a secret."""
    from ..membrane.redact import is_secret_key

    if is_secret_key(key):
        return Usage(
            f"The key {key!a} {where} would keep a secret on disk.",
            hint="Use token_command, or MEMBRANE_TOKEN in the environment.",
        )
    return Usage(
        f"The key {key!a} {where} is unknown.",
        hint=f"{meant(key.replace('-', '_'), known)}Keys: {', '.join(known)}.",
    )


def read_value(key: str, text: str) -> Any:
    """What ``text``, typed on a command line, means for that key: a number, a list, a text."""
    match KEYS[key].kind:
        case "number" if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
            return int(text)
        case "texts":
            return [word.strip() for word in text.split(",") if word.strip()]
        case _:
            return text


def check_value(key: str, value: Any, what: str = "") -> None:
    """Raise :class:`Usage` for a value that could not be used or that holds a token.

    ``what`` names it in the error where the key alone would not do.
    Whether credentials may go to an address is asked when they do.
    """
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str):
            _check_text(key, text)
    if key in _CHECKS:
        try:
            _CHECKS[key](what or key, value)
        except Usage:
            raise
        except FsctlError as error:  # of an address: what is only a refusal there is wrong here
            raise Usage(error.message, hint=error.hint) from None


def _check_text(key: str, text: str) -> None:
    from .secrets import holds_secret, holds_token

    in_words = key != "api_url" and holds_secret(text)  # an address has a check of its own
    if holds_token(text) or in_words:
        what = "a token" if holds_token(text) else "a secret"
        raise Usage(
            f"The value of {key} holds {what}, and no secret is kept on disk.",
            hint="Use token_command to name a command that prints it, or MEMBRANE_TOKEN.",
        )
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_VALUE:
        raise Usage(
            f"The value of {key} is empty, too long, or holds characters that cannot be seen.",
            hint=f"Give it a text, or remove it with `fsctl profiles unset {key}`.",
        )


def _one_of(choices: Iterable[str]) -> Callable[[str, Any], None]:
    def check(key: str, value: Any) -> None:
        if value not in choices:
            raise Usage(
                f"{key} cannot be {value!a}.",
                hint=f"{meant(str(value), choices)}Use one of {', '.join(choices)}.",
            )

    return check


def _check_seconds(key: str, value: Any) -> None:
    from ..fullstory.times import parse_duration

    parse_duration(str(value), what=f"{key}:", bare_seconds=True)


def _check_retries(key: str, value: Any) -> None:
    if not re.fullmatch(r"[0-9]{1,9}", str(value), re.ASCII) or int(value) > MOST_RETRIES:
        raise Usage(f"{key} cannot be {value!a}.", hint=f"Use a number from 0 to {MOST_RETRIES}.")


def _check_zone(key: str, value: Any) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError):
        raise Usage(
            f"{key} cannot be {value!a}, which is no time zone.",
            hint="Use a name such as Europe/Berlin or UTC.",
        ) from None


def _check_connection(key: str, value: Any) -> None:
    from ..membrane.paths import check_selector

    check_selector(value, f"The {key}")


def _check_org(key: str, value: Any) -> None:
    from ..fullstory.ids import is_org

    if not is_org(value):
        raise Usage(
            f"{key} cannot be {value!a}, which is no organisation's id.",
            hint="It stands behind /ui/ in every address of the app.",
        )


def _check_source(key: str, value: Any) -> None:
    from ..fullstory.limits import ANNOTATION_SOURCE_MAX

    if len(value.strip()) > ANNOTATION_SOURCE_MAX:
        raise Usage(
            f"{key} has {len(value)} characters; Fullstory takes {ANNOTATION_SOURCE_MAX}.",
            hint="Make it shorter.",
        )


def _check_url(key: str, value: Any) -> None:
    from ..membrane.hosts import check_encrypted, parse_api_url

    check_encrypted(parse_api_url(value, source=key), source=key)


def _check_base(key: str, value: Any) -> None:
    from ..fullstory.raw import check_proxy_base

    check_proxy_base(value, key)


def _check_command(key: str, value: Any) -> None:
    """Refuse a command line that cannot be read or run, and one that holds a secret itself."""
    from ..membrane.token_command import split_command
    from .secrets import assigned, secret_option

    words = split_command(value, key)
    program = Path(words[0])
    whole = Path(os.path.expanduser(program))  # noqa: PTH111 - a home of nobody's stays as it is
    if program.name != words[0] and not whole.is_absolute():
        raise Usage(
            f"{key} cannot be {words[0]!a}: which program that is depends on where a command runs.",
            hint="Write its absolute path, or its name where it is on PATH.",
        )
    if variable := assigned(words):
        raise Usage(
            f"The value of {key} gives {variable} a value, and no secret is kept on disk.",
            hint=f"Set {variable} in the environment of fsctl, and leave it out here.",
        )
    if option := secret_option(words):
        raise Usage(
            f"The value of {key} holds what seems a secret behind {option}, and no secret is kept "
            "on disk.",
            hint="Let the command read it from where it is kept: a variable, a file, a password "
            "manager.",
        )


_CHECKS: Mapping[str, Callable[[str, Any], None]] = {
    "transport": _one_of(TRANSPORTS),
    "via": _one_of(VIAS),
    "output": _one_of(FORMATS),
    "org": _check_org,
    "region": lambda key, value: _one_of(REGIONS)(key, value.lower()),
    "timeout": _check_seconds,
    "connect_timeout": _check_seconds,
    "retries": _check_retries,
    "time_zone": _check_zone,
    "connection": _check_connection,
    "api_url": _check_url,
    "proxy_base": _check_base,
    "source": _check_source,
    "token_command": _check_command,
    "membrane_command": _check_command,
}
