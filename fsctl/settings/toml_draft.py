"""A change of ``config.toml`` in the making: the text as its owner wrote it, and what it means.

tomlkit keeps comments, order and spelling. Every change is made twice, in the text and in plain
data, and both have to mean the same in the end.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, cast

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError
from tomlkit.items import Table, Whitespace

from ..errors import Refused, Usage
from .profiles import parsed


class Draft:
    """``raw`` is what ``path`` holds now, which has been read and checked."""

    def __init__(self, path: Path, raw: bytes) -> None:
        self._path = path
        self._raw = raw
        self._meant: dict[str, Any] = copy.deepcopy(parsed(path, raw))
        try:
            self._document = tomlkit.parse(raw.decode("utf-8-sig"))
        except ParseError as error:
            raise Usage(
                f"{str(path)!a} cannot be read: {error}.",
                hint=f"Mend line {error.line}.",
            ) from None
        except (TOMLKitError, RecursionError):
            raise self._inexact() from None

    def put(self, profile: str, values: Mapping[str, Any]) -> None:
        """Set keys of a profile, which is made where it is not there."""
        self._meant.setdefault("profiles", {}).setdefault(profile, {}).update(values)
        there = self._profiles()
        if profile not in there:
            there[profile] = self._new_table(there)
        table = there[profile]
        rest = _take_rest(table)
        for key, value in values.items():
            table[key] = value
        _give_rest(table, rest)

    def remove(self, profile: str, keys: Iterable[str]) -> None:
        for key in keys:
            del self._meant["profiles"][profile][key]
            del self._profiles()[profile][key]

    def drop(self, profile: str) -> None:
        """Remove a profile, but not the lines behind it, which speak of the next one."""
        del self._meant["profiles"][profile]
        there = self._profiles()
        rest = "".join(item.as_string() for _, item in _take_rest(there[profile]))
        body = there.value.body if isinstance(there, Table) else []
        at = next((n for n, (key, _) in enumerate(body) if key and key.key == profile), None)
        del there[profile]
        if at is not None and rest.strip():
            body[at] = (None, Whitespace(rest))

    def activate(self, profile: str | None) -> None:
        """Name the profile in use, or none."""
        if profile is None:
            self._meant.pop("active", None)
            if self._document.pop("active", None) is not None:
                text = tomlkit.dumps(self._document)
                self._document = tomlkit.parse(text.lstrip("\n"))
            return
        self._meant["active"] = profile
        if "active" in self._document:
            self._document["active"] = profile
        else:
            head = f"active = {tomlkit.item(profile).as_string()}\n\n"
            self._document = tomlkit.parse(head + tomlkit.dumps(self._document))

    def text(self) -> str:
        """The new file. Raises :class:`Refused` where it would not mean what was asked for."""
        text = tomlkit.dumps(self._document)
        if b"\r\n" in self._raw:
            text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        try:
            means = tomllib.loads(text)
        except (ValueError, RecursionError):
            raise self._inexact() from None
        if _without_empty(means) != _without_empty(self._meant):
            raise self._inexact()
        return text

    def _profiles(self) -> MutableMapping[str, Any]:
        if "profiles" not in self._document:
            self._document["profiles"] = tomlkit.table(is_super_table=True)
        return cast(MutableMapping[str, Any], self._document["profiles"])

    def _new_table(self, there: MutableMapping[str, Any]) -> Any:
        if not isinstance(there, Table):
            return tomlkit.inline_table()
        table = tomlkit.table()
        if not self._ends_in_empty_line():
            table.trivia.indent = "\n"
        return table

    def _ends_in_empty_line(self) -> bool:
        text = tomlkit.dumps(self._document)
        return not text.strip() or text.endswith("\n\n")

    def _inexact(self) -> Refused:
        return Refused(
            f"{str(self._path)!a} is written in a way that cannot be changed without harm.",
            hint="Change it by hand; it was left as it is.",
        )


def _take_rest(table: Any) -> list[tuple[None, Any]]:
    """Cut off empty lines and comments behind the last key: they speak of what comes next."""
    rest: list[tuple[None, Any]] = []
    if isinstance(table, Table):
        body = table.value.body
        while body and body[-1][0] is None:
            rest.insert(0, body.pop())  # type: ignore[arg-type]
    return rest


def _give_rest(table: Any, rest: Iterable[tuple[None, Any]]) -> None:
    if isinstance(table, Table):
        table.value.body.extend(rest)


def _without_empty(document: Mapping[str, Any]) -> dict[str, Any]:
    """A file without profiles, and one with an empty table of them, mean the same."""
    return {key: value for key, value in document.items() if value != {}}
