"""Whole numbers as options take them, refused in a sentence."""

from __future__ import annotations

from typing import Any

import click


class Number(click.IntRange):
    """A whole number from ``least`` on, up to ``most`` where there is one."""

    def __init__(self, least: int = 0, most: int | None = None) -> None:
        super().__init__(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            option = param.opts[-1] if param is not None else "It"
            range_ = f"from {self.min:,} to {self.max:,}" if self.max else f"from {self.min} on"
            raise click.UsageError(
                f"{option} takes a whole number {range_}, not {str(value)[:40]!a}.", ctx
            ) from None
