"""README's command reference: made from the command tree, and current."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from fsctl.cli.options import global_options
from fsctl.cli.reference import BEGIN, END, WIDTH, reference, rewritten
from tests.support.tree import commands

README = Path(__file__).parents[2] / "README.md"


def test_the_reference_in_readme_is_current() -> None:
    page = README.read_text(encoding="utf-8")
    assert page == rewritten(page), (
        "README's reference is behind the commands: run `python -m fsctl.cli.reference README.md`"
    )


def test_every_command_and_every_option_of_its_own_is_in_the_reference() -> None:
    text = reference()
    everywhere = {name for option in global_options() for name in option.opts} | {"--help"}
    for path, command in commands():
        if isinstance(command, click.Group):
            continue
        _, found, block = text.partition(f"\n{path} ")
        assert found, path
        block = block.partition("\n\n")[0]
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden:
                own = set(param.opts) - everywhere
                assert all(name in block for name in own), f"{path} {param.opts}"
    for option in global_options():
        assert option.opts[-1] in text.rpartition("Global options")[2]


def test_the_reference_is_the_same_in_every_window(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = reference()
    monkeypatch.setenv("COLUMNS", "40")
    assert reference() == wide
    assert max(map(len, wide.splitlines())) <= max(WIDTH, 120)


def test_a_purpose_is_never_taken_for_html(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsctl.cli.users import group

    monkeypatch.setattr(group, "help", "Find <b>people</b> & more.\n\nAt length.")
    title = "<summary><code>fsctl users</code>: "
    assert f"{title}Find &lt;b&gt;people&lt;/b&gt; &amp; more.</summary>\n" in reference()


def test_only_what_stands_between_the_marks_is_rewritten(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Größe\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    command = [sys.executable, "-m", "fsctl.cli.reference", str(page)]
    for _ in range(2):
        subprocess.run(command, check=True)
        text = page.read_text(encoding="utf-8")
        assert text == f"# Größe\n{BEGIN}\n\n{reference()}\n{END}\nafter\n"


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_page_without_both_marks_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="the page has no"):
        rewritten(page)
