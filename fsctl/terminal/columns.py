"""What a command says of its data: columns.

Apart from all that draws them, because every command's module names its columns, and `--help` has
to load that module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Row = Mapping[str, Any]
Kind = Literal["text", "id", "url", "time", "number", "bool", "json", "pairs"]


class Column(NamedTuple):
    """One column of a list, or one line of a single thing.

    ``key`` is a dotted path into the row. ``header`` is what a table calls it, by default the key
    in capitals. Where the window is too narrow, columns of the lowest ``importance`` go first, and
    then texts, JSON and pairs (``plan=paid seats=5``) are shortened; other kinds and what is
    ``never_cut`` are not. What goes ``beneath`` is never given up: where the window has no room for
    it in the row, it stands on a line of its own below. ``link`` is the path of the address that
    the cell leads to on terminals with hyperlinks (a URL leads to itself).
    """

    key: str
    header: str = ""
    importance: int = 5
    kind: Kind = "text"
    never_cut: bool = False
    link: str = ""
    beneath: bool = False

    @property
    def title(self) -> str:
        return self.header or self.key.replace("_", " ").upper()

    @property
    def label(self) -> str:
        """What a listing of one thing calls it: the key, as ``--fields`` takes it."""
        return self.key if self.header in ("", self.key) else self.header.lower()

    @property
    def whole(self) -> bool:
        """Whether its cells are never shortened."""
        # A shortened number would be another number, and a shortened time says little.
        return self.never_cut or self.kind not in ("text", "json", "pairs")

    @property
    def right(self) -> bool:
        return self.kind == "number"

    def asked_for(self, path: str, place: int) -> Column:
        """As ``--fields`` names it: what stands first matters most, and no URL is given up."""
        beneath = self.beneath or self.kind == "url"
        return self._replace(header=path, importance=-place, beneath=beneath)
