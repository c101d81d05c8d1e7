"""The command that goes on with long work where it stopped, as it is told to people: for a shell.

It has to work on the same account, by the same road, and say what it says in the same way, so the
global options in effect go along, wherever they stood.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import App

# What a new command says for itself, or what would keep it from doing its work.
_LEFT_OUT = frozenset(("yes", "dry_run", "no_input"))
_RECEIPT = "--receipt"
_ACCOUNT = ("profile", "transport", "api_host")  # whose account, and by which road


def command(app: App, *words: str) -> str:
    """``fsctl WORDS`` under the global options of this run."""
    return shlex.join(["fsctl", *options(app.flags), *words])


def on_the_account(app: App, *words: str) -> str:
    """``fsctl WORDS``, another command for the account that this one is for."""
    told = {name: app.flags[name] for name in _ACCOUNT if app.flags.get(name) is not None}
    return shlex.join(["fsctl", *options(told), *words])


def same_command(app: App, *, added: Sequence[str] = (), dropped: Sequence[str] = ()) -> str:
    """What was typed, with a new receipt: one that is there already is never added to.

    ``added`` and ``dropped`` are options without values which it has beside that, or not any more.
    """
    words = [word for word in app.arguments if word not in dropped]
    words += [word for word in added if word not in words]
    for at, word in enumerate(words):
        if word == _RECEIPT and at + 1 < len(words):
            words[at + 1] = _next_to(words[at + 1])
        elif word.startswith(f"{_RECEIPT}="):
            words[at] = f"{_RECEIPT}={_next_to(word.partition('=')[2])}"
    return shlex.join(["fsctl", *words])


def options(flags: Mapping[str, Any]) -> list[str]:
    return [word for name, value in flags.items() for word in _option(name, value)]


def _option(name: str, value: Any) -> Iterator[str]:
    option = f"--{name.replace('_', '-')}"
    if name in _LEFT_OUT:
        return
    if value is True:
        yield option
    elif (name, value) == ("transport", "sandbox"):
        yield "--sandbox"
    else:
        for one in value if isinstance(value, list) else [value]:
            yield from (option, str(one))


def _next_to(receipt: str) -> str:
    """A name like that of ``receipt`` which nothing has yet: ``r.jsonl`` as ``r.2.jsonl``."""
    path = Path(receipt)
    number = 2
    while True:
        fresh = path.with_name(f"{path.stem}.{number}{path.suffix}")
        if not fresh.expanduser().exists():
            return str(fresh)
        number += 1
