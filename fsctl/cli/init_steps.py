"""The steps of ``fsctl init``, one after the other: each asks, or takes the flag.

Nothing is written before the last one. What is decided without asking is in ``init_plan``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import FsctlError, NeedsPerson, NotFound, Refused, Unavailable, Usage
from ..settings import env
from . import init_plan as plan
from .app import App
from .init_found import Preview, find, lacking
from .init_plan import Answers, Found, Road

if TYPE_CHECKING:
    from pathlib import Path

    from ..membrane.gateway import Connection
    from ..terminal.guide import Guide
    from .init_connection import Choosing

NEW = "\x00new"  # no profile has such a name
CHECK_UID = "fsctl-init-check"  # nobody's: the check reads nothing of anybody


class Stored(NamedTuple):
    """What the set-up came to.

    ``changes`` are the keys of the profile that are written, None for one that is taken away;
    ``keys`` is what it says afterwards.
    """

    profile: str
    road: Road
    connection: Connection | None
    changes: dict[str, Any]
    keys: dict[str, Any]
    path: Path
    in_use: bool
    checked: bool


class Setup:
    """One run of the guided path. ``asks``: somebody is there to be asked.

    ``checks``: one harmless question is put to Fullstory before anything is stored. ``wait`` is how
    many seconds a connection may take to get ready.
    """

    def __init__(
        self,
        app: App,
        guide: Guide,
        answers: Answers,
        found: Found,
        *,
        asks: bool,
        checks: bool,
        wait: float,
    ) -> None:
        self.app = app
        self.guide = guide
        self.answers = answers
        self.found = found
        self.asks = asks
        self.checks = checks
        self.wait = wait
        self.keys: dict[str, Any] = {}  # what the profile says already
        self.preview = Preview(app, answers.profile or "", {})

    def run(self) -> Stored:
        """Go through all of it. Raises as a command does; then nothing is stored."""
        try:
            self._profile()
            road, connections = self._road()
            connection = self._connection(road, connections)
            name = self._name(road)
            in_use = self._use(name)
            checked = self._check(road, connection)
            return self._store(name, road, connection, in_use, checked)
        finally:
            self.preview.close()

    def _remember(self) -> None:
        """An interrupt from here on says how to go on."""
        self.app.resume = plan.resuming(self.answers)

    # -- which profile

    def _profile(self) -> None:
        """Which profile is set up, where there are some already."""
        self._remember()
        name = self.answers.profile
        if name is None and self.asks and self.found.profiles:
            name = self._ask_profile()
        if name is not None and name in self.found.profiles:
            self.answers.profile = name
            self.keys = dict(self.found.profiles[name])
        self._remember()

    def _ask_profile(self) -> str | None:
        from ..terminal.prompts import Choice, select

        choices = [
            Choice(name, name, plan.in_words(keys, in_use=name == self.found.active))
            for name, keys in self.found.profiles.items()
        ]
        choices.append(Choice(NEW, "A new profile", "the others stay as they are"))
        picked = select(
            self.app.world, "Which profile to set up?", choices, default=self.found.active
        )
        return None if picked == NEW else picked

    # -- the road

    def _road(self) -> tuple[Road, list[Connection]]:
        """How to reach Membrane, tried out; and the connections there."""
        while True:
            self._look()
            road = self.answers.road or self._ask_road()
            try:
                problem = lacking(road, self.answers, self.keys, self.found)
                if problem is not None:
                    raise problem
                connections = self._reach(road)
            except (NeedsPerson, Unavailable) as error:
                if not self.asks:
                    raise
                self._mend(road, error)
                continue
            self.answers.road = road
            self._remember()
            return road, connections

    def _look(self) -> None:
        """What there is may change while it is asked: something gets installed."""
        wanted = plan.changes(self.answers, "sandbox", None, self.keys, self.found)
        self._see({**self.keys, **wanted, "transport": "auto"})
        self.found = find(self.app, self.preview)

    def _see(self, keys: dict[str, Any]) -> None:
        self.preview.close()
        self.preview = Preview(self.app, self.answers.profile or "", keys)

    def _ask_road(self) -> Road:
        current = plan.current_road(self.keys, self.found)
        if not self.asks:
            assert current is not None  # else it was missing
            return current
        from ..terminal.prompts import Choice, select

        choices = [
            Choice(road, title, detail)
            for road, title, detail in plan.roads_in_words(self.keys, self.found)
        ]
        likely = plan.likely_road(self.keys, self.found)
        picked = select(self.app.world, "How do you reach Membrane?", choices, default=likely)
        return next(road for road in plan.ROADS if road == picked)

    def _reach(self, road: Road) -> list[Connection]:
        """Ask Membrane for the connections, on the road as the profile will have it."""
        self._see(self._keys_to_be(road, None))
        world = self.preview.world
        began = world.monotonic()
        connections = self._connections()
        if road == "sandbox":
            self.guide.done("The sandbox is ready, with made-up people in it.")
        else:
            took = world.monotonic() - began
            self.guide.done(plan.reached_in_words(self._whose(), len(connections), took))
        return connections

    def _connections(self) -> list[Connection]:
        from .connecting import all_connections

        return all_connections(self.preview)

    def _whose(self) -> str:
        """Where the credentials come from and whose they are; nothing secret."""
        road = self.preview.road
        if road.tokens is None:
            return "The login of the membrane command line works"
        from ..membrane.token_facts import read_facts

        now = self.preview.unix_time()
        facts = read_facts(road.tokens.token(), road.tokens.origin, now)
        return plan.token_in_words(facts, now)

    def _keys_to_be(self, road: Road, connection: str | None) -> dict[str, Any]:
        """The profile's keys as they will be."""
        changes = plan.changes(self.answers, road, connection, self.keys, self.found)
        keys = {**self.keys, **changes}
        return {key: value for key, value in keys.items() if value is not None}

    # -- what is in the way

    def _mend(self, road: Road, error: FsctlError) -> None:
        """Say what is in the way and do what the person chooses. Raises ``error`` to stop."""
        from ..terminal.prompts import Choice, select

        self.guide.trouble(error.message, error.hint)
        choices = []
        if road == "login" and error.code not in ("no_membrane", "token_first"):
            choices.append(Choice("login", "Log in now", "runs `membrane login --tenant` here"))
        if road == "token":
            choices.append(
                Choice("command", "Name a command that prints a token", "a password manager's")
            )
        if error.code not in ("no_token", "token_first"):
            choices.append(Choice("again", "Try again", "once it is mended"))
        choices.append(Choice("road", "Reach Membrane in another way"))
        choices.append(Choice("stop", "Stop here", "nothing is stored"))
        picked = select(self.app.world, "What now?", choices)
        if picked == "stop":
            raise error
        if picked == "login":
            self._log_in()
        elif picked == "command":
            self._ask_token_command()
        elif picked == "road":
            self.answers.road = None
            self.answers.token_command = None
        if picked in ("login", "command", "again"):
            self.answers.road = road
        self._remember()

    def _log_in(self) -> None:
        from .auth import log_in

        try:
            log_in(self.preview)
        except (NeedsPerson, Unavailable) as error:
            self.guide.trouble(error.message, error.hint)

    def _ask_token_command(self) -> None:
        from ..terminal.prompts import ask_text

        current = self.answers.token_command or str(self.keys.get("token_command", ""))
        self.answers.token_command = ask_text(
            self.app.world, "The command:", default=current, check=_wrong_token_command
        )

    # -- the connection

    def _connection(self, road: Road, connections: Sequence[Connection]) -> Connection | None:
        """The connection to use, ready; None in the sandbox, and in a plan that creates one."""
        if road == "sandbox":
            return None
        while True:
            try:
                connection = self._choosing().take(self._usual_connection(), connections)
            except (NeedsPerson, NotFound, Unavailable, Refused) as error:
                if not self.asks:
                    raise
                self._ask_to_go_on(error)
                connections = self._connections()
                continue
            if connection is not None:
                self.answers.connection, self.answers.create = connection.id, None
                self.preview.flags["connection"] = connection.id
            self._remember()
            return connection

    def _usual_connection(self) -> str | None:
        """What the profile names now or, to be pointed at, what the environment does."""
        named: str | None = self.keys.get("connection")
        return named or (self.app.world.environ.get(env.CONNECTION) if self.asks else None)

    def _choosing(self) -> Choosing:
        from .init_connection import Choosing

        return Choosing(
            self.preview,
            self.guide,
            self.answers,
            asks=self.asks,
            wait=self.wait,
            remember=self._remember,
        )

    def _ask_to_go_on(self, error: FsctlError) -> None:
        """Whether to choose among the connections again. Raises ``error`` where not."""
        from ..terminal.prompts import Choice, select

        self.guide.trouble(error.message, error.hint)
        choices = [
            Choice("list", "Choose from the connections again"),
            Choice("stop", "Stop here", "nothing is stored"),
        ]
        if select(self.app.world, "What now?", choices) == "stop":
            raise error
        self.answers.connection = self.answers.create = None
        self._remember()

    # -- the name, and whether it is in use

    def _name(self, road: Road) -> str:
        if self.answers.profile is None:
            from ..terminal.prompts import ask_text

            self.answers.profile = ask_text(
                self.app.world,
                "A name for this profile:",
                default=plan.suggested_name(road, self.found),
                check=self._wrong_name,
            )
        self._remember()
        return self.answers.profile

    def _wrong_name(self, name: str) -> str | None:
        if name in self.found.profiles:
            return "There is a profile of that name already."
        return _wrong_profile_name(name)

    def _use(self, name: str) -> bool:
        """Whether the profile is in use from now on."""
        use = self.answers.use
        if use is None and plan.asks_for_use(name, self.found):
            use = bool(self.app.flags.get("yes")) or self._ask_use(name)
        if use is None:
            return True
        return use or name == self.found.active

    def _ask_use(self, name: str) -> bool:
        from ..terminal.prompts import confirm

        question = f"Use {name} from now on, in place of {self.found.active}?"
        return confirm(self.app.world, question, default=True)

    # -- the check

    def _check(self, road: Road, connection: Connection | None) -> bool:
        """Whether Fullstory answered; a person may go on where it did not."""
        if not self.checks or (connection is None and road != "sandbox"):
            return False
        from ..fullstory.operations import LIST_USERS
        from ..fullstory.types import Call

        world = self.preview.world
        began = world.monotonic()
        try:
            answer = self.preview.caller.call(Call(LIST_USERS, {"uid": CHECK_UID}))
        except FsctlError as error:
            self._not_answered(error)
            return False
        how = "an action" if answer.via == "action" else "the proxy"
        took = world.monotonic() - began
        self.guide.done(f"It works: Fullstory answered by {how}, in {took:.1f} s.")
        return True

    def _not_answered(self, error: FsctlError) -> None:
        """Ask whether to go on all the same. Raises ``error`` where not."""
        if not self.asks:
            error.hint = f"{error.hint or ''} Nothing was stored; --no-check stores it.".strip()
            raise error
        from ..terminal.prompts import confirm

        self.guide.trouble(f"Fullstory was asked one thing: {error.message}", error.hint)
        if not confirm(self.app.world, "Store the profile all the same?", default=False):
            raise error

    # -- the end

    def _store(
        self, name: str, road: Road, connection: Connection | None, in_use: bool, checked: bool
    ) -> Stored:
        """Write the profile, in one step; nothing with ``--dry-run``."""
        from ..settings.profile_files import store
        from ..settings.profiles import FILE_NAME

        directory = self.app.directory("config")
        chosen = connection.id if connection else None
        changes = plan.changes(self.answers, road, chosen, self.keys, self.found)
        if not self.app.dry_run:
            activate = in_use and self.found.active != name
            store(directory, name, changes, activate=activate, new=name not in self.found.profiles)
        self.app.resume = None
        keys = self._keys_to_be(road, chosen)
        return Stored(name, road, connection, changes, keys, directory / FILE_NAME, in_use, checked)


def _wrong_profile_name(name: str) -> str | None:
    from ..settings.profile_files import check_name

    try:
        check_name(name)
    except Usage as error:
        return f"{error.message} {error.hint or ''}"
    return None


def _wrong_token_command(text: str) -> str | None:
    from ..settings.keys import check_value

    if not text:
        return "Type a command, such as: pass show membrane"
    try:
        check_value("token_command", text)
    except Usage as error:
        return f"{error.message} {error.hint or ''}"
    return None


def check_values(answers: Answers) -> None:
    """Refuse, before anything is asked, what could not be stored in the end."""
    from ..settings.keys import check_value
    from ..settings.profile_files import check_name

    if answers.profile is not None:
        check_name(answers.profile)
    for key in ("token_command", "connection"):
        if (value := getattr(answers, key)) is not None:
            check_value(key, value)


def leave_profile_out(app: App) -> None:
    """Let the environment choose no profile for the settings of init itself.

    It need not exist yet, and what stands in it is about to change.
    """
    preview = Preview(app, "", {})
    app.settings = preview.settings
