"""The words that settings with a fixed choice take; loaded at start-up, so nothing but words."""

from __future__ import annotations

from typing import Final, Literal, get_args

Format = Literal["table", "json", "jsonl", "csv", "tsv", "markdown"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)
TRANSPORTS: Final = ("auto", "http", "cli", "sandbox")
VIAS: Final = ("auto", "action", "proxy")
