"""The root of the command tree: its groups, each loaded when it is used."""

from __future__ import annotations

import click

from .. import __version__
from .options import LazyGroup, show_text

MEMBERS = {
    "init": (".init:init", "Set up fsctl, step by step: start here."),
    "login": (".auth:login", "Log in to Membrane; short for auth login."),
    "logout": (".auth:logout", "Log out of Membrane; short for auth logout."),
    "auth": (".auth:group", "Log in to Membrane, log out, and see how you stand with it."),
    "connections": (".connections:group", "See, make and mend the connections to Fullstory."),
    "users": (".users:group", "Find, change and erase the people Fullstory knows."),
    "events": (".events:group", "Tell Fullstory what happened outside the browser."),
    "annotations": (".annotations:group", "Mark moments on Fullstory's charts."),
    "sessions": (".sessions:group", "Find replays and see what happened in them."),
    "segments": (
        ".segments:group",
        "See Fullstory's segments, and export their people or events.",
    ),
    "actions": (".actions:group", "See what Membrane's actions do and did."),
    "raw": (".raw:group", "Send any request or run any action."),
    "profiles": (".profiles:group", "Keep settings under a name, one for each account."),
    "doctor": (".doctor:doctor", "Check the set-up, and say what mends it."),
    "completion": (".completion:completion", "Complete the words of fsctl with TAB."),
    "sandbox": (".sandbox:group", "Try everything without an account."),
    "help": (".help:help_", "Read a page on a topic, such as ci."),
}

SECTIONS = {
    "Begin": ("init", "doctor", "sandbox", "completion", "help"),
    "Work with Fullstory": ("users", "sessions", "segments", "events", "annotations", "raw"),
    "Keep the way to it": ("login", "logout", "auth", "connections", "actions", "profiles"),
}


def _show_version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        show_text(f"fsctl {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    members=MEMBERS,
    sections=SECTIONS,
    name="fsctl",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=(
        'fsctl --sandbox annotations create "v1.4.2 deployed" --source README',
        "fsctl --sandbox users get ada@example.com",
        "fsctl --sandbox raw request /v2/users --query uid=ada",
    ),
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def fsctl() -> None:
    """Administer Fullstory from the command line, through Membrane."""
