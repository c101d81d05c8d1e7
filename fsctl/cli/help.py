"""``fsctl help``: pages on what is no single command's. A page is a file: ``fsctl/help/TOPIC.md``.

Its first line is its title, ``# Mark deploys from CI``, which is what the list shows of it.
"""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import Usage
from ..terminal.columns import Column
from .app import App
from .options import Command, pass_app
from .results import Drawn, One, Rows

PAGES = Path(__file__).parents[1] / "help"
COLUMNS = (Column("topic", never_cut=True), Column("title"))


@click.command("help", cls=Command, examples=("fsctl help", "fsctl help ci"))
@click.argument("topic", required=False)
@pass_app
def help_(app: App, topic: str | None) -> Rows | One | Drawn:
    """Read the page on TOPIC; without one, see which there are.

    Through a pipe a page is Markdown as it is written. What a command does, its own --help says.
    """
    from .deploy_options import without_settings

    app.settings = without_settings(app).settings  # who asks for help may have broken ones
    known = topics()
    if topic is None:
        listed = [{"topic": name, "title": _title(_read(page))} for name, page in known.items()]
        return Rows(listed, COLUMNS, masked=True)
    if topic not in known:
        raise _unknown(topic)
    text = _read(known[topic])
    if app.asks_for_data:
        return One({"topic": topic, "title": _title(text), "text": text}, COLUMNS, masked=True)
    return Drawn([_drawn(app, text)])


def topics() -> dict[str, Path]:
    """The pages that there are, by name, in order."""
    return {page.stem: page for page in sorted(PAGES.glob("*.md"))}


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")


def _drawn(app: App, text: str) -> str:
    if not app.world.stdout_is_terminal:
        return text
    from ..terminal.manual import draw

    return draw(text, app.world)


def _unknown(topic: str) -> Usage:
    from difflib import get_close_matches

    from .root import MEMBERS

    if topic in MEMBERS:
        hint = f"What a command does, `fsctl {topic} --help` says."
    else:
        # Half of it right is enough: a topic may have no more than two letters.
        like = get_close_matches(topic[:100].casefold(), list(topics()), n=1, cutoff=0.5)
        hint = f"Did you mean {like[0]!a}? " if like else ""
        hint += "See `fsctl help` for the topics."
    return Usage(f"There is no page on {topic!a}.", hint=hint)
