"""The facts of a deploy: what was told, what the build system and git know, and from where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import NamedTuple

from ..errors import Usage
from . import ci_marks, github_event
from .ci_systems import SYSTEMS, System, values
from .ci_systems import Fact as Fact
from .deploy_values import cleaned
from .git import GitFacts as GitFacts
from .times import parse_time

# The names of all facts, which are the fields of templates.
NAMES = (
    "service", "version", "commit", "short_commit", "tag", "branch", "pull_request", "environment",
    "actor", "title", "run_url", "run_id", "attempt", "job", "matrix", "status", "repository",
    "system",
)  # fmt: skip
STATUSES = ("started", "succeeded", "failed", "rolled-back")
SHORT_COMMIT = 7
PREFIX = "FSCTL_DEPLOY_"  # for systems that have no row: FSCTL_DEPLOY_COMMIT, FSCTL_DEPLOY_ACTOR...
# What may stand behind PREFIX: ENV is as the option has it; SHORT_COMMIT follows from the commit.
OWN = {*map(str.upper, NAMES), "ENV", "STARTED", "FINISHED"} - {"SHORT_COMMIT"}
NO_SETTINGS: Mapping[str, Fact] = MappingProxyType({})

_OPTIONS = {"service": "--service", "version": "--version", "environment": "--env",
            "status": "--status"}  # fmt: skip
# Facts of one commit. Beside another source's commit they would tell of something not deployed.
_OF_COMMIT = frozenset({"tag", "branch", "pull_request", "title"})
_WHEREABOUTS = {"tag", "branch", "pull_request"}

Facts = dict[str, Fact]


class Deploy(NamedTuple):
    """What is known of a deploy.

    ``system`` names the row of the table that matched. ``facts`` holds those of :data:`NAMES` that
    are known; ``status`` always is. ``started`` and ``finished`` are aware, None where nothing says
    so. ``remarks`` are sentences on what was told and not taken.
    """

    system: str | None
    under_ci: bool
    facts: Mapping[str, Fact]
    started: datetime | None = None
    finished: datetime | None = None
    remarks: tuple[str, ...] = ()


def gather(
    environ: Mapping[str, str],
    options: Mapping[str, str | None],
    *,
    git: Callable[[], GitFacts] | None,
    now: datetime,
    read_file: Callable[[str], bytes] = github_event.read_plain,
    settings: Mapping[str, Fact] = NO_SETTINGS,
    zone: tzinfo | None = None,
) -> Deploy:
    """The deploy that this run is.

    ``options`` are ``service``, ``version``, ``environment``, ``status``, ``started``,
    ``finished`` as typed, and ``git`` (the directory, where one was named); ``settings`` holds
    ``service`` and ``environment`` of the profile or project file. An option goes before
    ``FSCTL_DEPLOY_*``, then the build system, the settings, and git, which is asked only for what
    is still missing; a checkout that was named goes before the build system. ``zone`` is that of
    times without an offset. Raises :class:`Usage` for an option or an ``FSCTL_DEPLOY_*`` variable
    that cannot be.
    """
    name = ci_marks.system_name(environ)
    system = SYSTEMS[name] if name else None
    own = {each: fact for each in NAMES if (fact := _own(each, environ)) is not None}
    remarks = [f"{fact.origin} {why}." for each, fact in own.items() if (why := _wrong(each, fact))]
    remarks += _unknown(environ)

    layers = [_given(options), own]
    if options.get("git") and git is not None:
        layers.append(_of_git(git, remarks))
        git = None
    starts: list[Fact] = []
    if system is not None:
        event = _of_event(system, environ, read_file)
        starts = list(values(system.started, environ))
        layers += [event, _of_system(system, environ)]
    facts = _merged(map(_cleaned, [*layers, dict(settings)]))
    if git is not None and ("commit" not in facts or not facts.keys() & _WHEREABOUTS):
        facts = _merged([facts, _cleaned(_of_git(git, remarks))])
    _derive(facts, system, environ)
    started, finished = _times(environ, options, starts, now, zone)
    ordered = {each: facts[each] for each in NAMES if each in facts}
    return Deploy(name, ci_marks.is_ci(environ), ordered, started, finished, tuple(remarks))


# -- where facts come from, the first of them before the later ones


def _given(options: Mapping[str, str | None]) -> Facts:
    facts = {
        name: Fact(value, option)
        for name, option in _OPTIONS.items()
        if (value := (options.get(name) or "").strip())
    }
    _check_status(facts)
    return facts


def _own(name: str, environ: Mapping[str, str]) -> Fact | None:
    if name == "short_commit":  # follows from the commit
        return None
    sources = (
        f"{PREFIX}{name.upper()} {PREFIX}ENV" if name == "environment" else PREFIX + name.upper()
    )
    fact = next(values(sources, environ), None)
    if fact is not None and name == "status":
        _check_status({name: fact})
    return fact


def _check_status(facts: Facts) -> None:
    status = facts.get("status")
    if status is not None and status.value not in STATUSES:
        raise Usage(
            f"{status.origin} {status.value[:40]!a} is no status.",
            hint=f"Use one of {', '.join(STATUSES)}.",
        )


def _wrong(name: str, fact: Fact) -> str | None:
    """Why a value that somebody set on purpose is not taken."""
    if cleaned(name, fact.value):
        return None
    if name == "run_url":
        return "is left out: it is not an http or https address, or has a secret in it"
    return f"is left out: it holds no {name.replace('_', ' ')}"


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    """A remark on each variable that looks like ours and that nobody reads."""
    for variable, value in environ.items():
        name = variable.removeprefix(PREFIX)
        if name in (variable, *OWN) or not value.strip():
            continue
        from difflib import get_close_matches

        like = get_close_matches(name[:100].upper(), sorted(OWN), n=1, cutoff=0.7)
        guess = f"; did you mean {PREFIX}{like[0]}?" if like else ": no fact is called that."
        yield f"{variable[:100]} is left out{guess}"


def _of_event(
    system: System, environ: Mapping[str, str], read_file: Callable[[str], bytes]
) -> Facts:
    if system.name != "GitHub Actions":
        return {}
    found = github_event.facts(environ, read_file)
    return {name: Fact(value, github_event.PATH) for name, value in found.items()}


def _of_system(system: System, environ: Mapping[str, str]) -> Facts:
    """The row's variables; of several for one fact, the first that holds something useful."""
    facts = {"system": Fact(system.name, ci_marks.mark_found(environ) or "")}
    for name, sources in system.facts.items():
        for fact in values(sources, environ):
            if value := cleaned(name, fact.value):
                facts[name] = fact._replace(value=value)
                break
    for fact in values(system.ref, environ):
        if (told := _ref(fact.value)) is not None:
            facts.setdefault(told[0], fact._replace(value=told[1]))
    for variable, value, status in system.statuses:
        is_set = environ.get(variable, "").strip()
        if is_set == value or (value == "!0" and is_set not in ("", "0")):
            facts.setdefault("status", Fact(status, variable))
    branch, tag = facts.get("branch"), facts.get("tag")
    if branch is not None and tag is not None and branch.value == tag.value:
        del facts["branch"]  # several systems name the tag in both
    return facts


_REFS = {
    "refs/heads/": "branch", "branch/": "branch", "refs/tags/": "tag", "tag/": "tag",
    "refs/pull/": "pull_request", "refs/pull-requests/": "pull_request",
    "refs/merge-requests/": "pull_request", "pr/": "pull_request",
}  # fmt: skip


def _ref(ref: str) -> tuple[str, str] | None:
    """Which fact a whole ref is, and its value."""
    for prefix, name in _REFS.items():
        if ref.startswith(prefix):
            rest = ref[len(prefix) :].partition("^{")[0]
            value = cleaned(name, rest.partition("/")[0] if name == "pull_request" else rest)
            return (name, value) if value else None
    return None


def _of_git(git: Callable[[], GitFacts], remarks: list[str]) -> Facts:
    known = git()._asdict()
    if trouble := known.pop("trouble"):
        remarks.append(trouble)
    return {name: Fact(value, "git") for name, value in known.items() if value}


# -- putting them together


def _cleaned(facts: Facts) -> Facts:
    return {
        name: fact._replace(value=value)
        for name, fact in facts.items()
        if (value := cleaned(name, fact.value))
    }


def _merged(layers: Iterable[Facts]) -> Facts:
    facts: Facts = {}
    for layer in layers:
        commit = facts.get("commit")
        other = layer.get("commit")
        foreign = commit is not None and other is not None and not _same(commit, other)
        for name, fact in layer.items():
            if not (foreign and name in _OF_COMMIT):
                facts.setdefault(name, fact)
    return facts


def _same(one: Fact, other: Fact) -> bool:
    a, b = one.value.lower(), other.value.lower()
    return a.startswith(b) or b.startswith(a)


def _derive(facts: Facts, system: System | None, environ: Mapping[str, str]) -> None:
    """What follows from other facts, with their origin."""
    folder = facts.pop("folder", None)
    if (commit := facts.get("commit")) is not None:
        facts["short_commit"] = commit._replace(value=commit.value[:SHORT_COMMIT])
    if "tag" in facts:
        facts.setdefault("version", facts["tag"])
    if "service" not in facts and (named := _named_after(facts, folder, system, environ)):
        facts["service"] = named
    facts.setdefault("status", Fact("succeeded", "default"))


def _named_after(
    facts: Facts, folder: Fact | None, system: System | None, environ: Mapping[str, str]
) -> Fact | None:
    """A name for what is deployed: the repository's, the build system's own, the checkout's."""
    candidates = [facts["repository"]] if "repository" in facts else []
    if system is not None:
        candidates += [
            fact._replace(value=fact.value.partition(":")[0])
            for fact in values(system.project, environ)
        ]
    for fact in candidates:
        if name := cleaned("service", fact.value.rstrip("/").rpartition("/")[2]):
            return fact._replace(value=name)
    return folder


def _times(
    environ: Mapping[str, str],
    options: Mapping[str, str | None],
    starts: Iterable[Fact],
    now: datetime,
    zone: tzinfo | None,
) -> tuple[datetime | None, datetime | None]:
    """When it began and ended: as told, and the beginning else as the build system says."""

    def told(name: str) -> datetime | None:
        for text, origin in (
            (options.get(name), f"--{name}"),
            (environ.get(f"{PREFIX}{name.upper()}"), f"{PREFIX}{name.upper()}"),
        ):
            if text and text.strip():
                return parse_time(text, now=now, zone=zone, what=origin)
        return None

    started, finished = told("started"), told("finished")
    if started is None:
        started = _first_time(starts, now)
        if started is not None and started > (finished or now):  # a clock that is wrong
            started = None
    return started, finished


def _first_time(facts: Iterable[Fact], now: datetime) -> datetime | None:
    for fact in facts:
        try:
            return parse_time(fact.value, now=now, zone=now.tzinfo)
        except Usage:
            continue
    return None
