"""The command reference in README, made from the command tree.

    python -m fsctl.cli.reference README.md

rewrites what stands between the two marks in that file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

import click

from .options import Command, Group, global_options
from .root import fsctl

BEGIN, END = "<!-- reference -->", "<!-- /reference -->"
WIDTH = 100


def rewritten(page: str) -> str:
    """``page`` with the reference as it is now. Raises ValueError where a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} with {END} below it")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def reference() -> str:
    """Every command with its usage, its purpose and its options: a folded block for each group."""
    root = click.Context(fsctl, info_name="fsctl")
    groups: list[str] = []
    alone: list[str] = []
    for ctx in _below(root):
        if isinstance(ctx.command, click.Group):
            blocks = [_block(leaf) for leaf in _leaves(ctx)]
            groups.append(_folded(ctx.command_path, _purpose(ctx.command), blocks))
        else:
            alone.append(_block(ctx))
    everywhere = _definitions(root, global_options())
    return "\n".join(
        [
            _folded("fsctl", "The commands that stand by themselves.", alone),
            *groups,
            _folded("Global options", "Taken by every command.", [everywhere]),
        ]
    )


def _below(ctx: click.Context) -> Iterator[click.Context]:
    """A context for each command of the group that ``ctx`` is of, in the order of its help."""
    assert isinstance(ctx.command, click.Group)
    for name in ctx.command.list_commands(ctx):
        command = ctx.command.get_command(ctx, name)
        if command is not None and not command.hidden:
            yield click.Context(command, parent=ctx, info_name=name)


def _leaves(ctx: click.Context) -> Iterator[click.Context]:
    for child in _below(ctx):
        if isinstance(child.command, click.Group):
            yield from _leaves(child)
        else:
            yield child


def _folded(title: str, purpose: str, blocks: Iterable[str]) -> str:
    text = "\n".join(blocks)
    summary = f"<summary><code>{title}</code>: {escape(purpose)}</summary>"
    return f"<details>\n{summary}\n\n```text\n{text}```\n\n</details>\n"


def _block(ctx: click.Context) -> str:
    """The lines of one command: how it is called, what for, and its options."""
    command = ctx.command
    formatter = click.HelpFormatter(width=WIDTH)
    arguments = " ".join(command.collect_usage_pieces(ctx))
    formatter.write_usage(ctx.command_path, arguments, prefix="")
    with formatter.indentation():
        formatter.write_text(_purpose(command))
    assert isinstance(command, Command | Group)
    titled = command.titled_options(ctx)
    options = [option for options in titled.values() for option in options]
    return formatter.getvalue() + _definitions(ctx, options)


def _definitions(ctx: click.Context, options: Iterable[click.Option]) -> str:
    formatter = click.HelpFormatter(width=WIDTH)
    records = [record for option in options if (record := option.get_help_record(ctx))]
    if records:
        with formatter.indentation():
            formatter.write_dl(records)
    return formatter.getvalue()


def _purpose(command: click.Command) -> str:
    """The first sentence of its help."""
    return (command.help or "").partition("\n\n")[0].replace("\n", " ").strip()


def main() -> None:
    """Rewrite the reference in the files that are named."""
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
