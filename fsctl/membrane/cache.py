"""The Cache protocol: a place that may forget. Nothing secret and no person's data goes in."""

from __future__ import annotations

from typing import Any, Protocol


class Cache(Protocol):
    """JSON values by key. Trouble with the place itself is nobody's error: it only forgets."""

    def get(self, key: str, *, max_age: float | None = None) -> Any | None:
        """The value, unless it is missing, unreadable, or older than ``max_age`` seconds."""
        ...

    def set(self, key: str, value: Any) -> None: ...

    def drop(self, key: str) -> None: ...

    def forget(self, *, keep: str) -> None:
        """Drop everything but the keys that begin with ``keep``."""
        ...


class MemoryCache:
    """A cache for one process: what is left when there is no directory to write to."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, key: str, *, max_age: float | None = None) -> Any | None:
        return self._values.get(key)

    def set(self, key: str, value: Any) -> None:
        self._values[key] = value

    def drop(self, key: str) -> None:
        self._values.pop(key, None)

    def forget(self, *, keep: str) -> None:
        self._values = {key: at for key, at in self._values.items() if key.startswith(keep)}
