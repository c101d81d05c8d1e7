"""What ``fsctl init`` asks, stores and proposes, given what was found and answered.

Nothing here asks, reads or writes anything: the conversation is ``init_talk``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

from ..errors import Usage
from ..settings import env

if TYPE_CHECKING:
    from ..membrane.token_facts import TokenFacts

Road = Literal["token", "login", "sandbox"]
ROADS: Final[tuple[Road, ...]] = get_args(Road)

# What a profile says for each road. The login is `auto`: a membrane that can print a token is then
# asked for one, which keeps people's data out of its arguments.
TRANSPORT_OF: Mapping[Road, str] = MappingProxyType(
    {"token": "http", "login": "auto", "sandbox": "sandbox"}
)
ROAD_OF: Mapping[str, Road] = MappingProxyType(
    {"http": "token", "cli": "login", "sandbox": "sandbox"}
)

_OVERRULE = ((env.PROFILE, "profile"), (env.TRANSPORT, "transport"), (env.CONNECTION, "connection"))
_KEEPING_CONNECTION = "--connection ID or --create-connection"


class Found(NamedTuple):
    """What there is before anything is asked.

    ``token`` is the variable a token comes from, ``membrane`` the path of the binary, ``active``
    the profile in use.
    """

    token: str | None = None
    membrane: str | None = None
    active: str | None = None
    profiles: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


@dataclass(slots=True)
class Answers:
    """What is answered so far, by flags or by a person; None is not answered.

    ``create`` is the name of a connection to create (empty: Membrane's own). ``transport`` stands
    where ``--transport`` was given. ``kept`` are further keys for the profile; ``words`` the
    options that are no answers, as they are typed again to go on.
    """

    profile: str | None = None
    road: Road | None = None
    transport: str | None = None
    token_command: str | None = None
    connection: str | None = None
    create: str | None = None
    use: bool | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    words: Sequence[str] = ()

    @property
    def names_connection(self) -> bool:
        return self.connection is not None or self.create is not None


def consistent(answers: Answers) -> Answers:
    """``answers`` with the road that ``--transport`` or another flag means.

    Raises :class:`Usage` for flags that contradict each other.
    """
    if answers.connection is not None and answers.create is not None:
        raise Usage(
            "--connection and --create-connection exclude each other.", hint="Give one of them."
        )
    meant = ROAD_OF.get(answers.transport or "")
    if answers.road is None:
        answers.road = meant or ("token" if answers.token_command is not None else None)
    fitting = {"token": ("http", "auto"), "login": ("http", "cli", "auto"), "sandbox": ("sandbox",)}
    if answers.road and answers.transport and answers.transport not in fitting[answers.road]:
        given = "--sandbox" if answers.transport == "sandbox" else "--transport"
        raise Usage(
            f"--road {answers.road} and {given} contradict each other.", hint="Give one of them."
        )
    if answers.token_command is not None and answers.road != "token":
        raise Usage(
            f"--token-command is for --road token, not for {answers.road}.",
            hint="Leave one of the two out.",
        )
    if answers.road == "sandbox" and answers.names_connection:
        raise Usage(
            "The sandbox has one connection, which needs no choosing.",
            hint="Leave --connection and --create-connection out.",
        )
    return answers


def current_road(keys: Mapping[str, Any], found: Found) -> Road | None:
    """The road that a profile takes already; None where it does not say."""
    transport = keys.get("transport")
    if transport == "auto":
        return "token" if found.token or "token_command" in keys else "login"
    if transport == "http" and not found.token and "token_command" not in keys and found.membrane:
        return "login"  # http with the token that membrane prints
    return ROAD_OF.get(str(transport))


def kept_connection(keys: Mapping[str, Any], road: Road | None) -> str | None:
    """The connection that a profile names, where it is one of that road: the sandbox has its own.

    ``road`` is None where nothing asks for another one than the profile's.
    """
    connection = keys.get("connection")
    same = road is None or (road == "sandbox") == (keys.get("transport") == "sandbox")
    return str(connection) if connection is not None and same else None


def likely_road(keys: Mapping[str, Any], found: Found) -> Road:
    """The road to point at first: the profile's own, else the first that is there already."""
    there: Road = "token" if found.token else "login" if found.membrane else "sandbox"
    return current_road(keys, found) or there


def missing(answers: Answers, found: Found) -> list[str]:
    """The flags that stand for what would be asked, where nobody can be asked.

    What an existing profile says already counts as answered.
    """
    keys = found.profiles.get(answers.profile or "", {})
    road = answers.road or current_road(keys, found)
    flags = [] if road else [f"--road {'|'.join(ROADS)}"]
    if road != "sandbox" and not answers.names_connection and not kept_connection(keys, road):
        flags.append(_KEEPING_CONNECTION if road else f"{_KEEPING_CONNECTION} (but for sandbox)")
    if answers.profile is None:
        flags.append("--profile-name NAME")
    elif answers.use is None and asks_for_use(answers.profile, found):
        flags.append("--use or --no-use")
    return flags


def refuse_missing(flags: Sequence[str], why: str) -> Usage:
    """The error for :func:`missing` flags; ``why`` nobody is asked."""
    use = " --no-use" if any("--no-use" in flag for flag in flags) else ""
    return Usage(
        f"fsctl init asks for what is not given, but {why}. Missing: {', '.join(flags)}.",
        hint=f"For example: `fsctl init --road token --connection ID --profile-name work{use}`, or "
        f"`fsctl init --road sandbox --profile-name play{use}`.",
    )


def asks_for_use(name: str, found: Found) -> bool:
    """Whether it is a question which profile is in use from now on: another one is."""
    return found.active is not None and found.active != name


def suggested_name(road: Road, found: Found) -> str:
    """A name that no profile has yet."""
    names = (road if road == "sandbox" else "work", *(f"work-{number}" for number in range(2, 999)))
    return next((name for name in names if name not in found.profiles), "")


def changes(
    answers: Answers, road: Road, connection: str | None, keys: Mapping[str, Any], found: Found
) -> dict[str, Any]:
    """The keys of the profile to write, ``keys`` being what it says now; None takes a key away.

    Nothing stands here that is so already.
    """
    wanted: dict[str, Any] = dict(answers.kept)
    if "allowed_hosts" in wanted:  # like the flag, which adds to them
        there = keys.get("allowed_hosts", ())
        wanted["allowed_hosts"] = list(dict.fromkeys([*there, *wanted["allowed_hosts"]]))
    if answers.transport is not None:
        wanted["transport"] = answers.transport
    elif road != current_road(keys, found):
        wanted["transport"] = TRANSPORT_OF[road]
    if connection is not None:
        wanted["connection"] = connection
    elif kept_connection(keys, road) is None:
        wanted["connection"] = None
    if answers.token_command is not None:
        wanted["token_command"] = answers.token_command
    elif road == "login":
        wanted["token_command"] = None  # it would go before the login
    return {key: value for key, value in wanted.items() if keys.get(key) != value}


def overruling(
    environ: Mapping[str, str], name: str, keys: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """The variables, and their values, that go before what the profile ``name`` says.

    The sandbox asks no variable for its connection.
    """
    said = {"profile": name, **keys}
    sandbox = keys.get("transport") == "sandbox"
    return [
        (variable, environ[variable])
        for variable, key in _OVERRULE
        if environ.get(variable) and environ[variable] != said.get(key)
        if not (sandbox and key == "connection")
    ]


def next_commands(road: Road, name: str, in_use: bool) -> list[str]:
    """What to type next: commands that work now, harmless on a real account."""
    fsctl = "fsctl" if in_use else f"fsctl --profile {shlex.quote(name)}"
    if road == "sandbox":
        return [
            f"{fsctl} users get ada@example.com",
            f"{fsctl} sessions timeline ada@example.com",
            f'{fsctl} annotations create "v1.4.2 deployed"',
        ]
    return [f"{fsctl} users list --limit 3", f"{fsctl} actions list", f"{fsctl} doctor"]


def resuming(answers: Answers) -> str:
    """The command that goes on with these answers."""
    words = ["fsctl", "init"]
    for flag, value in (
        ("--road", answers.road),
        ("--token-command", answers.token_command),
        ("--connection", answers.connection),
        ("--create-connection", answers.create),
        ("--profile-name", answers.profile),
    ):
        words += [f"{flag}={value}"] if value == "" else [flag, value] if value else []
    if answers.transport is not None and answers.transport != answers.road:
        words += ["--transport", answers.transport]
    if answers.use is not None:
        words.append("--use" if answers.use else "--no-use")
    return shlex.join([*words, *answers.words])


def mending(answers: Answers, name: str) -> str:
    """The command that goes on with these answers, and mends the connection of that name first."""
    return resuming(replace(answers, connection=None, create=name))


# -- in words


def roads_in_words(keys: Mapping[str, Any], found: Found) -> list[tuple[Road, str, str]]:
    """Each road with what it is called and what of it is there already."""
    command = keys.get("token_command")
    token = f"{found.token} is set" if found.token else "none is set yet"
    if command and not found.token:
        token = "the profile's token_command prints it"
    login = f"with {found.membrane}" if found.membrane else "not installed yet"
    return [
        ("token", "A token in the environment", token),
        ("login", "The membrane login", login),
        ("sandbox", "Just try the sandbox", "no account, no network"),
    ]


def in_words(keys: Mapping[str, Any], *, in_use: bool) -> str:
    """A profile in a line: whether it is in use, its road and connection."""
    parts = ("in use" if in_use else "", keys.get("transport", ""), keys.get("connection", ""))
    return ", ".join(str(part) for part in parts if part)


def at_home(path: str, environ: Mapping[str, str]) -> str:
    """``path`` as people write it: what lies in the home directory begins with ``~``."""
    home = environ.get("HOME", "").rstrip("/")
    return f"~{path[len(home) :]}" if home and path.startswith(f"{home}/") else path


def reached_in_words(connections: int, seconds: float) -> str:
    count = "is 1 connection" if connections == 1 else f"are {connections} connections"
    return f"Membrane answered in {seconds:.1f} s; there {count}."


def token_in_words(facts: TokenFacts, now: float) -> str:
    """Where a token comes from and stays, whose it is and when it ends, as far as it tells."""
    from ..membrane.token_facts import in_words as length

    parts = [
        f"workspace {facts.workspace}" if facts.workspace else "",
        f"tenant {facts.tenant}" if facts.tenant else "",
        f"ends in {length(facts.expires - now)}" if facts.expires and not facts.renews else "",
    ]
    told = ", ".join(part for part in parts if part)
    whose = f" ({told})" if told else ""
    match facts.origin:
        case "membrane token":
            return f"The membrane login works{whose}; it stays with membrane."
        case "token_command":
            return f"The command's token works{whose}; it is stored nowhere."
        case origin:
            return f"{origin} works{whose}; it stays in the environment."
