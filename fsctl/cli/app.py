"""The App: what a command may call, made when it is first asked for.

The only place that builds a gateway. Tests make one with a :class:`World` of their own, or replace
its attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..errors import FsctlError, NeedsPerson, NotFound, Refused, Unavailable, Usage, meant
from ..settings import env

if TYPE_CHECKING:
    from pathlib import Path

    from ..fullstory.call import Caller
    from ..fullstory.types import Call
    from ..membrane.cache import Cache
    from ..membrane.catalogue import Catalogue
    from ..membrane.gateway import Action, Connection, Deadline, Gateway
    from ..settings.paths import Kind
    from ..settings.profiles import Profiles
    from ..settings.project import Project
    from ..settings.resolve import Setting, Settings
    from ..terminal.mask import Masker
    from ..terminal.messages import Messages
    from ..terminal.render import Renderer
    from ..terminal.world import World
    from .roads import Road

READ_TIMEOUT = 70.0  # seconds: a little over Membrane's own 60 (contracts/membrane §8 U27)
RETRIES = 3
_FOR_JQ = (None, "json", "jsonl")  # formats that may stand beside --jq
MOST_RETRIES = 20
# Whose fields a project file may choose: people's, sessions' and events'. Of anything else, such as
# what a deletion would hit, a stranger's choice would leave nothing to see.
_RECORDS = (
    *("users find", "users get", "users list"),
    *("sessions events", "sessions latest", "sessions list"),
)
_OUTPUT = ("-o", "-o ", "--output=", "--output ")
PATIENCE = 3  # answers' worth of waiting for one operation, retries and pauses included


class App:
    """Lazy dependencies and the facts of the outside world, for one run of the program."""

    def __init__(self, world: World | None = None) -> None:
        self._world = world
        self.flags: dict[str, Any] = {}
        self.arguments: Sequence[str] = ()
        self.expiry_told = False  # that the token ends soon is said once a run
        self.resume: str | None = None  # the command that goes on with long work, once it began
        # Asked when several connections would do; None: there is nobody to ask.
        self.choose_connection: Callable[[Sequence[Connection]], Connection | None] = self._choose
        self._chosen: str | None = None  # the id of what was chosen, for the rest of this run
        self._waited_for_person = 0.0  # seconds

    def remember_flag(self, name: str, value: Any) -> None:
        """A global option was given; what stands further in replaces what stands further out."""
        if name == "sandbox":
            name, value = "transport", "sandbox"
        elif name == "json_output":
            name, value = "output", "json"
        elif name == "api_host":
            value = [*self.flags.get(name, ()), *value]
        self.flags[name] = value

    @cached_property
    def world(self) -> World:
        """Streams, terminal, environment, clock and chance; the process's own by default."""
        from ..terminal.world import World

        return (self._world or World.from_process()).with_color(self.flags.get("color", "auto"))

    # -- settings

    @cached_property
    def settings(self) -> Settings:
        from ..settings.resolve import Settings

        return Settings(
            self.flags, self.world.environ, self._load_profiles, lambda: self.project_file
        )

    @cached_property
    def project_file(self) -> Project:
        """What the project file of this directory says; its remarks are told once."""
        from ..settings import project

        path = project.find(self.world.environ)
        if path is None:
            return project.Project()
        from ..settings.project_file import read

        found = read(path, lambda: self.directory("state"))
        for remark in found.remarks:
            self.messages.warn(remark)
        return found

    def _load_profiles(self) -> Profiles:
        from ..settings.profiles import load

        return load(self.directory("config"))

    def directory(self, kind: Kind) -> Path:
        """Where things of that kind are kept."""
        from ..settings.paths import directory

        return directory(kind, self.world.environ)

    @cached_property
    def timeout(self) -> float:
        return self.settings.seconds("timeout", env.TIMEOUT, READ_TIMEOUT).value

    @cached_property
    def retries(self) -> int:
        return self.settings.count("retries", env.RETRIES, RETRIES, MOST_RETRIES).value

    @cached_property
    def time_zone(self) -> tzinfo | None:
        """The zone of times without an offset; None is the system's own, with its own changes."""
        named = self.settings.text("time_zone", env.TIME_ZONE)
        if named is None:
            return self.world.timezone
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(named.value)
        except (KeyError, OSError, ValueError):
            raise Usage(
                f"{named.origin} holds {named.value!a}, which is no time zone.",
                hint="Use a name such as Europe/Berlin or UTC.",
            ) from None

    def text_setting(self, key: str) -> str | None:
        """A setting of the profile that a command takes where its own option is not given."""
        found = self.settings.text(key)
        return found.value if found else None

    @property
    def dry_run(self) -> bool:
        return bool(self.flags.get("dry_run"))

    @property
    def wrote(self) -> bool:
        """Whether a write has been done: what happens afterwards must not hide that."""
        return "caller" in self.__dict__ and self.caller.wrote

    # -- the screen

    @cached_property
    def messages(self) -> Messages:
        from ..terminal.messages import Messages

        messages = Messages(
            self.world,
            quiet=bool(self.flags.get("quiet")),
            verbose_asked=bool(self.flags.get("verbose")),
            debug_asked=bool(self.flags.get("debug")),
        )
        if self.flags.get("mask"):
            from ..terminal.mask import Masker

            messages.masker = Masker(self._mask_key(messages.warn))
        return messages

    def _mask_key(self, warn: Callable[[str], None]) -> bytes:
        from ..settings.machine_key import key_for_this_run, machine_key

        try:
            directory = self.directory("state")
        except Usage as error:  # messages are made while an error is told, too
            return key_for_this_run(error.message, warn=warn)
        return machine_key(directory, warn=warn)

    @property
    def masker(self) -> Masker | None:
        """What makes tokens of people's data, where ``--mask`` asks for them."""
        return self.messages.masker if self.flags.get("mask") else None

    @cached_property
    def renderer(self) -> Renderer:
        """Made before anything is sent, so that a wrong ``--jq`` or ``--fields`` costs nothing."""
        from dataclasses import replace

        from ..terminal.fields import parse_fields
        from ..terminal.render import Output, Renderer, parse_format

        fields = self.fields
        output = self.settings.text("output", env.OUTPUT)
        if self.flags.get("jq") is not None and self.flags.get("output") not in _FOR_JQ:
            raise Usage(
                f"--jq writes JSON, which -o {self.flags['output']} is not.",
                hint="Leave one of the two out; jq itself can write @csv and @tsv.",
            )
        return Renderer(
            replace(self.world, timezone=self.time_zone),
            Output(
                format=None if output is None else parse_format(*output),
                fields=parse_fields(*fields) if fields is not None else (),
                jq=self.flags.get("jq"),
                raw_csv=bool(self.flags.get("raw_csv")),
            ),
            self.messages,
            self.masker,
        )

    @cached_property
    def fields(self) -> Setting[str] | None:
        """The fields to show: ``--fields``, else the project's where --jq does not pick its own.

        A project's are those of people, sessions and events, asked for while the command runs.
        """
        if self.flags.get("fields") is None:
            import click

            ctx = click.get_current_context(silent=True)
            command = "" if ctx is None else ctx.command_path
            if self.flags.get("jq") is not None or not command.endswith(_RECORDS):
                return None
        return self.settings.text("fields")

    def check_output(self) -> None:
        """Refuse a wrong output option now, before anything is sent."""
        _ = self.renderer

    def check_asked(self) -> None:
        """Refuse a wrong ``--jq`` or ``--fields``, whatever the command prints or does not."""
        if self.flags.get("jq") is not None:
            from ..terminal.jq import compile_jq

            compile_jq(self.flags["jq"])
        if self.flags.get("fields") is not None:
            from ..terminal.fields import parse_fields

            parse_fields(self.flags["fields"])

    @property
    def renders_table(self) -> bool:
        """Whether one thing would be shown as a table: no other format, no ``--jq``."""
        setting = self.settings.text("output", env.OUTPUT)
        chosen = setting.value if setting else "table" if self.world.stdout_is_terminal else "json"
        return chosen == "table" and self.flags.get("jq") is None

    @property
    def data_asked(self) -> bool:
        """Whether this command line picks from the output or names its format.

        What is a bare line for scripts otherwise, such as a URL, is data then.
        """
        return any(self.flags.get(name) is not None for name in ("jq", "fields", "output"))

    @property
    def asks_for_data(self) -> bool:
        """Whether the output is to be picked from or formatted, and so has to be data."""
        asked = [self.flags.get(name) for name in ("jq", "fields")]
        return self.settings.text("output", env.OUTPUT) is not None or asked != [None, None]

    @property
    def renders_as_is(self) -> bool:
        """Whether an answer goes out untouched: a pipe, and nothing asked of the output."""
        seen = self.world.stdout_is_terminal or self.world.under_ci
        return not seen and not self.asks_for_data and not self.flags.get("mask")

    @property
    def json_asked(self) -> bool:
        """Whether a failure is to be told as JSON too. Never raises: it is asked in failures."""
        try:
            asked = self.settings.text("output", env.OUTPUT)
        except FsctlError:  # the settings are what failed
            return self.flags.get("output") in ("json", "jsonl")
        return asked is not None and asked.value in ("json", "jsonl")

    def json_among(self, arguments: Sequence[str]) -> None:
        """Note wishes for JSON and tokens that parsing did not come to: it failed before."""
        formats = ("json", "jsonl")
        spellings = {f"{option}{form}" for option in _OUTPUT for form in formats} | {"--json"}
        words = {*arguments, *map(" ".join, pairwise(arguments))}
        if words & spellings:
            self.flags.setdefault("output", "json")
        if "--mask" in arguments:
            self.flags.setdefault("mask", True)

    # -- the road

    @cached_property
    def transport(self) -> Setting[str]:
        from ..settings.choices import TRANSPORTS

        return self.settings.choice("transport", env.TRANSPORT, TRANSPORTS, "auto")

    @cached_property
    def in_sandbox(self) -> bool:
        return self.transport.value == "sandbox"

    @cached_property
    def cache(self) -> Cache:
        if self.in_sandbox:
            from ..membrane.cache import MemoryCache

            return MemoryCache()
        from ..settings.cache import FileCache

        return FileCache(self.directory("cache"), clock=self.unix_time, note=self.messages.verbose)

    @cached_property
    def road(self) -> Road:
        """The way to Membrane, chosen; nothing is asked of the service for it."""
        from .roads import choose

        return choose(self)

    @cached_property
    def gateway(self) -> Gateway:
        from .roads import build

        return build(self)

    @cached_property
    def catalogue(self) -> Catalogue:
        from ..membrane.catalogue import Catalogue

        return Catalogue(self.gateway, self.cache)

    @cached_property
    def caller(self) -> Caller:
        from ..fullstory.call import Caller
        from ..fullstory.repeats import Clock, Policy
        from ..settings.choices import VIAS

        via = self.settings.choice("via", env.VIA, VIAS, "auto").value
        return Caller(
            gateway=self.gateway,
            catalogue=self.catalogue,
            connection=self._connection_id,
            clock=Clock(self.working_time, self.unix_time, self.world.sleep, self.world.random),
            new_id=_new_id,
            policy=Policy(
                via=via,  # type: ignore[arg-type]
                retries=self.retries,
                patience=self.timeout * PATIENCE,
                proxy_base=self.proxy_base,
            ),
            note=self.messages.verbose,
            warn=self.messages.warn_once,
        )

    @cached_property
    def proxy_base(self) -> str:
        """What stands before proxied paths, where a connector's base URL is not the API's."""
        setting = self.settings.text("proxy_base", env.PROXY_BASE)
        if setting is None:
            return ""
        from ..fullstory.raw import check_proxy_base

        return check_proxy_base(setting.value, setting.origin)

    def plan(self, call: Call) -> dict[str, Any]:
        """What a write would send, for ``--dry-run``.

        Without credentials, or with the service away, it is the canonical request, and said so.
        """
        from ..fullstory.routes import canonical_plan

        try:
            road = self.caller
        except NeedsPerson as error:
            self.messages.warn(f"{error.message} The plan is as Fullstory's own API has it.")
            return canonical_plan(call)
        try:
            return road.plan(call)
        except (Unavailable, Refused) as error:
            self.messages.warn(f"{error.message} The plan is as Fullstory's own API has it.")
            return canonical_plan(call)

    def action(self, key: str) -> Action:
        """The connection's action with that key, name or id. Raises :class:`NotFound`."""
        from ..membrane.paths import check_segment

        check_segment(key, "The action's key")
        known: list[str] = []

        def look(connection: str, deadline: Deadline) -> Action | None:
            found = self.catalogue.action(connection, key, deadline=deadline)
            if found is None:
                known.extend(self.catalogue.keys(connection))
            return found

        found = self.caller.ask_connection(look, "action")
        if found is None:
            raise NotFound(
                f"The connection has no action {key!a}.",
                hint=f"{meant(key, known)}See `fsctl actions list`.",
            )
        return found

    def _connection_id(self, deadline: Deadline) -> str:
        from ..membrane.catalogue import SeveralConnections
        from ..membrane.paths import check_selector

        if self._chosen is not None:
            return self._chosen
        setting = self.connection_setting
        wanted = setting.value if setting else None
        if wanted is not None:
            check_selector(wanted, "The connection")
        try:
            return self.catalogue.connection_id(wanted, deadline=deadline)
        except SeveralConnections as several:
            chosen = self.choose_connection(several.connections)
            if chosen is None:
                raise
            self._chosen = chosen.id
            return chosen.id

    @cached_property
    def connection_setting(self) -> Setting[str] | None:
        """The connection that was named, by id, key or name, and where."""
        if not self.in_sandbox:
            return self.settings.text("connection", env.CONNECTION)
        from ..settings.resolve import Setting

        # A variable, and a profile that is not the sandbox's, speak of the real account.
        if (named := self.flags.get("connection")) is not None:
            return Setting(named, "--connection")
        name, keys = self.settings.profile()
        if keys.get("transport") != "sandbox" or "connection" not in keys:
            return None
        return Setting(str(keys["connection"]), f"connection in the profile {name or 'default'}")

    def _choose(self, connections: Sequence[Connection]) -> Connection | None:
        from .connecting import choose

        return choose(self, connections)

    def working_time(self) -> float:
        """Monotonic seconds in which nobody was asked anything: deadlines count these."""
        return self.world.monotonic() - self._waited_for_person

    @contextmanager
    def person_at_work(self) -> Iterator[None]:
        """While it runs a person thinks: that takes the time it takes."""
        began = self.world.monotonic()
        try:
            yield
        finally:
            self._waited_for_person += self.world.monotonic() - began

    def unix_time(self) -> float:
        return self.world.now().timestamp()

    def close(self) -> None:
        """Give back what was opened."""
        if "gateway" in self.__dict__:
            self.gateway.close()


def _new_id() -> str:
    import uuid

    return str(uuid.uuid4())
