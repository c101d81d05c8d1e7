"""``fsctl completion``: complete fsctl's words with TAB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import Usage
from .app import App
from .completion_tree import NAMED
from .options import Command, pass_app
from .results import One

if TYPE_CHECKING:
    from ..settings.names import Kind

SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=Command,
    examples=(
        "fsctl completion zsh --install",
        "fsctl completion fish --dry-run --install",
        "fsctl completion bash > fsctl.bash",
    ),
)
@click.argument("shell", required=False, type=click.Choice(SHELLS), metavar="[SHELL]")
@click.option("--install", is_flag=True, help="Put the script where SHELL looks for it.")
@click.option("--force", is_flag=True, help="Replace a file there that fsctl did not make.")
@click.option("--names", type=click.Choice(NAMED), hidden=True, help="Print names for a script.")
@pass_app
def completion(
    app: App, shell: str | None, install: bool, force: bool, names: Kind | None
) -> One | None:
    """Print the script that completes fsctl's words in SHELL, or install it.

    SHELL is bash, zsh or fish; without it, the one that $SHELL names.

    Commands, options and their values complete without starting fsctl. So do profiles,
    connections, actions and help topics, as fsctl last saw them; it is started where nothing was
    kept, or that is a day old. Then it waits for Membrane no longer than a second, and asks only
    with a token in the environment.

    For an alias f of fsctl, bash needs `complete -F _fsctl f` behind the line that sources the
    script; zsh and fish know.
    """
    from ..terminal.streams import write_text
    from .completion_scripts import script

    if names is not None:
        from .completion_names import refreshed

        write_text(app.world.stdout, refreshed(app, names))
        return None
    chosen = shell or _login_shell(app)
    if force and not install:
        raise Usage("--force goes with --install.", hint="Leave it out, or add --install.")
    if not install:
        if app.data_asked:
            raise Usage(
                "The script is text: there is nothing to pick from or format.",
                hint="Leave out -o, --jq and --fields, or add --install.",
            )
        write_text(app.world.stdout, script(chosen))
        return None
    from .completion_install import installed

    return installed(app, chosen, script(chosen), force=force)


def _login_shell(app: App) -> str:
    name = app.world.environ.get("SHELL", "").rpartition("/")[2]
    if name not in SHELLS:
        told = f"$SHELL names {name!a}" if name else "$SHELL is not set"
        raise Usage(
            f"Which shell it is cannot be told: {told}.",
            hint=f"Name it: `fsctl completion {'|'.join(SHELLS)}`.",
        )
    return name
