"""Commands and groups of fsctl: the global options at every level, and lazily loaded groups.

Global options may stand before or after a command's name; the innermost one wins. They are kept
on the :class:`App` as they are parsed, so a command's own function never sees them.

What ``--help`` shows is laid out here: options under the titles that :func:`heading` gives them,
then examples, and one line for the global options.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..settings.choices import FORMATS, TRANSPORTS, VIAS
from .app import App

if TYPE_CHECKING:
    from ..terminal.mask import Kind, Masker

Command_ = TypeVar("Command_", bound=Callable[..., Any])


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is None or ctx.resilient_parsing:
        return
    source = ctx.get_parameter_source(param.name or "")
    if source is click.core.ParameterSource.COMMANDLINE and isinstance(ctx.obj, App):
        ctx.obj.remember_flag(param.name or "", value)


def _flag(*names: str, **attributes: Any) -> click.Option:
    return _value(*names, is_flag=True, default=None, **attributes)


def _value(*names: str, **attributes: Any) -> click.Option:
    return click.Option(names, expose_value=False, callback=_remember, **attributes)


@cache
def global_options() -> tuple[click.Option, ...]:
    """The options that every command takes (DESIGN §2): the same ones at every level."""
    return (
        _value("--profile", metavar="NAME", help="Use the settings of this profile."),
        _value("--connection", metavar="ID", help="Use this Membrane connection (id, key, name)."),
        _value(
            "--transport",
            type=click.Choice(TRANSPORTS),
            help="How to reach Membrane.",
        ),
        _flag("--sandbox", help="Work on the built-in sandbox: no account, no network."),
        _value(
            "--via",
            type=click.Choice(VIAS),
            help="Use Membrane's actions, its proxy, or whichever fits.",
        ),
        _value(
            "--api-host",
            metavar="HOST",
            multiple=True,
            help="Let credentials go to this host of Membrane's API too.",
        ),
        _value("-o", "--output", type=click.Choice(FORMATS), help="Write data in this format."),
        _flag("--json", "json_output", help="Write data as JSON; the same as -o json."),
        _value("--fields", metavar="A,B.C", help="Write only these fields."),
        _value("--jq", metavar="EXPR", help="Filter the data with a jq expression."),
        _flag("--mask", help="Show tokens in place of people's data; a receipt keeps it."),
        _flag("--raw-csv", help="Leave cells that a spreadsheet would run as formulas unguarded."),
        _flag("--no-input", help="Never ask anything."),
        _flag("--yes", help="Answer yes to what a command would ask."),
        _flag(
            "--dry-run",
            help="Show as data what would be sent, and send no write: .via says whether it is an "
            "action's .input or a request's .body.",
        ),
        _value(
            "--timeout",
            metavar="TIME",
            help="Wait this long for an answer (default 70s), and three times that in all.",
        ),
        _value("--retries", metavar="N", help="Repeat what is safe to repeat (default 3)."),
        _flag("-q", "--quiet", help="Say only what has to be known on stderr."),
        _flag("-v", "--verbose", help="Tell what is being done on stderr."),
        _flag("--debug", help="Tell everything, tracebacks too, without secrets."),
        _value(
            "--color", type=click.Choice(("auto", "always", "never")), help="Colour the output."
        ),
    )


def heading(title: str) -> Callable[[Command_], Command_]:
    """A decorator: the options below it, down to the next heading, stand under ``title``.

    ``title`` says what they are for: "Which people", "Output files", "Waiting".
    """

    def mark(command: Command_) -> Command_:
        for param in getattr(command, "__click_params__", ()):
            if isinstance(param, click.Option) and title_of(param) is None:
                param.heading = title  # type: ignore[attr-defined]
        return command

    return mark


def title_of(option: click.Option) -> str | None:
    """What the option stands under in ``--help``; None: under "Options"."""
    return getattr(option, "heading", None)


FOLDED = "Global options (-h, --profile, -o, --jq, ...): see `fsctl help environment`."


def show_text(text: str) -> None:
    """Print what is about fsctl itself, its help or version. Raises as ``write_text`` does."""
    try:
        click.echo(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        from ..terminal.streams import Unwritten

        raise Unwritten(error.errno, error.strerror) from error


def _show_help(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        show_text(ctx.get_help())
        ctx.exit()


class _Globals:
    """Adds the global options to a command, but for names the command has of its own."""

    def __init__(self, *args: Any, examples: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self._global_options: list[click.Option] | None = None

    def own_params(self, ctx: click.Context) -> list[click.Parameter]:
        return super().get_params(ctx)  # type: ignore[misc,no-any-return]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = self.own_params(ctx)
        taken = {name for param in own for name in param.opts}
        if self._global_options is None:
            self._global_options = [
                option for option in global_options() if not taken.intersection(option.opts)
            ]
        return [*own, *self._global_options]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option: click.Option | None = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.callback = _show_help
        return option

    def get_help(self, ctx: click.Context) -> str:
        if ctx.terminal_width is None:  # click would import shutil to find out
            from ..terminal.window_width import window_width

            window = window_width(os.environ, sys.stdout, sys.stderr, sys.stdin)
            ctx.terminal_width = max(min(window, ctx.max_content_width or 80) - 2, 50)
        return super().get_help(ctx)  # type: ignore[misc,no-any-return]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        for title, options in self.titled_options(ctx).items():
            records = [record for option in options if (record := option.get_help_record(ctx))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"  $ {example}\n")
        formatter.write_paragraph()
        formatter.write_text(FOLDED)

    def titled_options(self, ctx: click.Context) -> dict[str, list[click.Option]]:
        """The command's own options under their titles, but for ``--help``, which all have."""
        titled: dict[str, list[click.Option]] = {}
        for param in self.own_params(ctx):
            if isinstance(param, click.Option) and "--help" not in param.opts:
                titled.setdefault(title_of(param) or "Options", []).append(param)
        return titled


# Parameters whose values are somebody's: with --mask, messages do not repeat them.
_PERSONAL: dict[str, Kind] = {
    "who": "who",
    "query": "who",
    "user": "who",
    "session": "who",
    "uid": "uid",
    "email": "email",
    "display_name": "name",
}


class Command(_Globals, click.Command):
    """A command with the global options."""

    def invoke(self, ctx: click.Context) -> Any:
        if isinstance(ctx.obj, App):
            ctx.obj.check_asked()
            if (masker := ctx.obj.masker) is not None:
                _learn(masker, ctx.params)
        return super().invoke(ctx)


def _learn(masker: Masker, params: Mapping[str, Any]) -> None:
    for name, value in params.items():
        for text in value if isinstance(value, tuple) else (value,):
            if name in _PERSONAL and isinstance(text, str):
                masker.learn(_PERSONAL[name], text)


class Group(_Globals, click.Group):
    """A group with the global options, whose commands are :class:`Command`."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("no_args_is_help", True)
        super().__init__(*args, **kwargs)


class LazyGroup(Group):
    """A group whose members are imported when they are used; the short help stands beside.

    ``members``: ``"module:attribute"`` and short help by name. ``sections``: the names of members
    by the title they stand under in ``--help``; what is in none of them stands under "Commands".
    """

    def __init__(
        self,
        *args: Any,
        members: Mapping[str, tuple[str, str]],
        sections: Mapping[str, Sequence[str]] = MappingProxyType({}),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._members = members
        self._sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._members)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._members:
            return None
        module, _, attribute = self._members[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module, __package__), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        named = {name for names in self._sections.values() for name in names}
        rest = [name for name in self._members if name not in named]
        widest = max(map(len, self._members))
        for title, names in {**self._sections, "Commands": rest}.items():
            records = [
                (name.ljust(widest), self._members[name][1])
                for name in names
                if name in self._members
            ]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


pass_app: Callable[..., Any] = click.make_pass_decorator(App)
