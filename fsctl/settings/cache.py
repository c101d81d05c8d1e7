"""The cache directory: one small JSON file a value. Losing any of it loses nothing but time."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_NAMES = "[0-9a-f]" * 32 + ".json"


class FileCache:
    """A :class:`fsctl.membrane.cache.Cache` in a directory, private to the user.

    An unwritable, missing or damaged directory only makes it forget; ``note`` hears of it once.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Callable[[], float] = time.time,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._note: Callable[[str], None] | None = note
        self._remembered: dict[str, dict[str, Any]] = {}  # for a place that cannot be written

    def get(self, key: str, *, max_age: float | None = None) -> Any | None:
        try:
            entry = self._remembered.get(key) or self._read(key)
            age = self._clock() - entry["at"]
            if entry["key"] != key or (max_age is not None and not 0 <= age <= max_age):
                return None
            return entry["value"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _read(self, key: str) -> Any:
        with self._file(key).open("rb") as stream:
            return json.loads(stream.read())

    def set(self, key: str, value: Any) -> None:
        import secrets

        from .files import make_private_directory

        entry = {"key": key, "at": self._clock(), "value": value}
        self._remembered[key] = entry
        path = self._file(key)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            make_private_directory(self._directory)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(json.dumps(entry).encode())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            self._tell(error)

    def drop(self, key: str) -> None:
        self._remembered.pop(key, None)
        try:
            self._file(key).unlink(missing_ok=True)
        except OSError as error:
            self._tell(error)

    def forget(self, *, keep: str) -> None:
        told = self._remembered.items()
        self._remembered = {key: entry for key, entry in told if key.startswith(keep)}
        for file in self._directory.glob(_NAMES):
            try:
                if not _key_in(file).startswith(keep):
                    file.unlink(missing_ok=True)
            except OSError as error:
                self._tell(error)

    def _file(self, key: str) -> Path:
        name = hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:32]
        return self._directory / f"{name}.json"

    def _tell(self, error: Exception) -> None:
        if self._note is not None:
            self._note(f"The cache {str(self._directory)!a} cannot be written: {error}.")
            self._note = None


def _key_in(file: Path) -> str:
    """The key of a file; of one that is damaged, none. Raises OSError."""
    try:
        return str(json.loads(file.read_bytes())["key"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
