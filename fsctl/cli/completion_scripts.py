"""The completion scripts: what stands in ``fsctl/cli/shells``, with the tables of the tree in it.

A table's words for an option, as bash and fish read them, are its names and what it takes:

    --help,-h           nothing
    --api-host+=any     any value, and it may be repeated
    --by=choice:id|uid  one of these
    --once~             a value only behind =, if at all
"""

from __future__ import annotations

from pathlib import Path

from .completion_tree import Node, Option, Value, common_options, tree

SHELLS = Path(__file__).parent / "shells"
FILES = {"bash": "fsctl.bash", "zsh": "_fsctl", "fish": "fsctl.fish"}
TABLES = "@TABLES@"


def script(shell: str) -> str:
    """The whole script for ``bash``, ``zsh`` or ``fish``."""
    frame = (SHELLS / FILES[shell]).read_text(encoding="utf-8")
    before, mark, after = frame.partition(f"{TABLES}\n")
    assert mark, f"{FILES[shell]} has no place for the tables"
    tables = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    return before + "".join(f"{line}\n" for line in tables()) + after


# -- bash


def _bash() -> list[str]:
    lines = [f"_fsctl_common={_quoted(_words(common_options()))}", ""]
    lines += ["_fsctl_table() { # the words of a command -> commands, options, arguments"]
    lines += ["  commands= options= arguments=", "  case $1 in"]
    for node in tree():
        lines.append(f"    {_quoted(node.path)})")
        for name, words in _fields(node):
            lines.append(f"      {name}={_quoted(words)}")
        lines.append("      ;;")
    return [*lines, "  esac", "}"]


def _fields(node: Node) -> list[tuple[str, str]]:
    fields = (
        ("commands", " ".join(name for name, _ in node.commands)),
        ("options", _words(node.options)),
        ("arguments", _arguments(node)),
    )
    return [(name, words) for name, words in fields if words]


def _words(options: tuple[Option, ...]) -> str:
    return " ".join(map(_word, options))


def _word(option: Option) -> str:
    takes = "~" if option.bare else f"={_taken(option.value)}" if option.value else ""
    return ",".join(option.names) + ("+" if option.repeated else "") + takes


def _taken(value: Value) -> str:
    return f"choice:{'|'.join(value.choices)}" if value.kind == "choice" else value.kind


def _arguments(node: Node) -> str:
    return " ".join(_taken(each.value) + ("+" if each.variadic else "") for each in node.arguments)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


# -- fish


def _fish() -> list[str]:
    lines = ["set -g __fsctl_common \\"]
    lines += _fish_list("    ", common_options())
    lines += ["", "function __fsctl_table --no-scope-shadowing"]
    lines += ["    set commands", "    set options", "    set arguments", "    switch $argv[1]"]
    for node in tree():
        lines.append(f"        case {_fish_quoted(node.path)}")
        if node.commands:
            lines.append("            set commands \\")
            told = [_fish_quoted(f"{name}\t{purpose}") for name, purpose in node.commands]
            lines += _continued("                ", told)
        if node.options:
            lines.append("            set options \\")
            lines += _fish_list("                ", node.options)
        if node.arguments:
            lines.append(f"            set arguments {_fish_quoted(_arguments(node))}")
    return [*lines, "    end", "end"]


def _fish_list(indent: str, options: tuple[Option, ...]) -> list[str]:
    return _continued(indent, [_fish_quoted(f"{_word(each)}\t{each.help}") for each in options])


def _continued(indent: str, items: list[str]) -> list[str]:
    return [f"{indent}{item} \\" for item in items[:-1]] + [f"{indent}{items[-1]}"]


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# -- zsh


def _zsh() -> list[str]:
    lines = ["typeset -ga _fsctl_common=("]
    lines += [f"  {spec}" for option in common_options() for spec in _specs(option)]
    lines += [")", "", "_fsctl_table() { # the words of a command -> members, specs, common"]
    lines += ["  members=() specs=() common=($_fsctl_common)", "  case $1 in"]
    for node in tree():
        lines.append(f"    {_quoted(node.path)})")
        if node.commands:
            told = [_quoted(f"{name}:{_colons(purpose)}") for name, purpose in node.commands]
            lines += ["      members=(", *(f"        {each}" for each in told), "      )"]
        specs = [spec for option in node.options for spec in _specs(option)]
        specs += _positions(node)
        for name in _taken_over(node):
            lines.append(f'      common=("${{(@)common:#{name}\\[*}}")')
        if specs:
            lines += ["      specs=(", *(f"        {spec}" for spec in specs), "      )"]
        lines.append("      ;;")
    return [*lines, "    *) common=() ;;", "  esac", "}"]


def _taken_over(node: Node) -> list[str]:
    """The names that mean something else here than everywhere."""
    common = {name for option in common_options() for name in option.names}
    return [name for option in node.options for name in option.names if name in common]


def _specs(option: Option) -> list[str]:
    """The specs of ``_arguments`` for each name of an option."""
    lone = len(option.names) == 1
    before = "*" if option.repeated else "" if lone else f"({' '.join(option.names)})"
    told = f"[{_escaped(option.help)}]"
    specs = []
    for name in option.names:
        takes = ""
        if option.value is not None and not option.bare:
            joined = "=" if name.startswith("--") else "+"
            takes = f"{joined}{told}:{_value(option.value)}"
        specs.append(_quoted(f"{before}{name}{takes or told}"))
    return specs


def _positions(node: Node) -> list[str]:
    return [
        _quoted(_position("*" if each.variadic else str(place), each.value))
        for place, each in enumerate(node.arguments, 1)
    ]


def _position(place: str, value: Value) -> str:
    if value.kind == "command":
        return "(-)*:::command: _fsctl_command"
    if value.kind == "any":  # a mere message would keep _arguments from offering options
        label = "".join(c for c in value.label if c.isalnum())
        return f'{place}:{label}: _guard "^-*" {label}'
    return f"{place}:{_value(value)}"


_ZSH_ACTIONS = {
    "any": " ",
    "file": "_files",
    "at-file": " _fsctl_at_file",
    "directory": "_files -/",
}


def _value(value: Value) -> str:
    if value.kind == "choice":
        action = f"({' '.join(value.choices)})"
    else:
        action = _ZSH_ACTIONS.get(value.kind, f" _fsctl_names {value.kind}")
    return f"{_escaped(value.label)}:{action}"


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "[]:\\" else c for c in text)


def _colons(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")
