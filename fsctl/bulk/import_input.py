"""What an import reads, what identifies it, and where its outputs go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from .import_record import Identity
from .keeping import Reader


class Input(NamedTuple):
    """An input. What is not ``resumable`` (stdin without a spool) is gone when the run ends;
    ``size`` is the number of bytes that it has, unpacked, or None where nobody knows.
    """

    reader: Reader
    identity: Identity
    rejects: Path
    unknown: Path
    imports: Path | None = None
    resumable: bool = True
    size: int | None = None

    @property
    def outputs(self) -> list[Path]:
        return [self.rejects, self.unknown, *([self.imports] if self.imports else [])]


class Origin(Protocol):
    """Where an input comes from: see ``source.Origin``."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> Path | None: ...
    @property
    def size(self) -> int | None: ...
    @property
    def mtime_ns(self) -> int | None: ...
    @property
    def ends_hash(self) -> str | None: ...


def input_of(
    reader: Reader,
    origin: Origin,
    *,
    rejects: Path,
    unknown: Path,
    imports: Path | None = None,
    choices: Mapping[str, str] | None = None,
    size: int | None = None,
    new_id: Callable[[], str],
) -> Input:
    """The input of a reader. ``choices`` are the options that decide what its rows become, by
    their names; ``new_id`` names what comes from no file, and so is nobody's to go on with.
    """
    path = f"{origin.name} {new_id()}" if origin.path is None else str(origin.path)
    identity = Identity(
        reader.kind,
        path,
        "",
        origin.size,
        origin.mtime_ns,
        origin.ends_hash,
        dict(choices or {}),
    )
    return Input(reader, identity, rejects, unknown, imports, origin.path is not None, size)
