"""The words of a deploy's annotation: composed or by a template, and fitted to the limits.

Text of up to 200 and source of up to 40 (contracts/fullstory-api §2.4), counted in bytes of UTF-8,
which are never fewer than code points. What matters least is given up first; the commit is never
cut, and an address is there whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ..errors import Usage
from .cutting import Part, cut, fit, plain
from .limits import ANNOTATION_SOURCE_MAX, ANNOTATION_TEXT_MAX

SHORT_COMMIT = 7

# What a template may name, the most important first: the order in which there is room for them.
FIELDS = (
    "commit", "short_commit", "service", "version", "status", "environment", "tag", "run_url",
    "pull_request", "branch", "actor", "title", "run_id", "attempt", "job", "matrix", "repository",
    "system",
)  # fmt: skip

_WORDS = {  # what a status says, and what goes before the environment
    "started": ("started deploying", "to"),
    "succeeded": ("deployed", "to"),
    "failed": ("failed to deploy", "to"),
    "rolled-back": ("rolled back", "in"),
}
_WHOLE = frozenset({"commit", "short_commit", "run_url"})  # never cut
_FAIR = {"service": 48, "title": 80, "environment": 32, "actor": 32}  # sizes while room is scarce
_FAIR_ELSE = 40

_LONGEST = 2000  # characters of a template or a fact: ten times what is taken; fitting stays quick

_ADDRESS = re.compile(r"https?://[^\s/?#@]+(?:[/?#]\S*)?", re.IGNORECASE)
_FIELD = re.compile(r"\{([a-z_]+)\}")
_BRACE = re.compile(r"[{}]")


def compose(facts: Mapping[str, str], status: str) -> str:
    """A sentence on a deploy, such as ``checkout v1.4.2 (ab12cd3) deployed to production``.

    ``facts`` are some of :data:`FIELDS` by name, hostile as they may be; ``status`` is one of the
    four. Always a valid text of an annotation. Raises :class:`Usage` for another status.
    """
    if status not in _WORDS:
        raise Usage(f"{status!a} is no status.", hint=f"Use one of {', '.join(_WORDS)}.")
    known = _plain(facts)
    commit = known["short_commit"] or known["commit"][:SHORT_COMMIT]
    service = known["service"] or known["repository"].rstrip("/").rpartition("/")[2]
    version = known["version"] or known["tag"]
    if len(version) >= SHORT_COMMIT and (known["commit"] or commit).startswith(version):
        version = ""  # which is the commit: said once is enough
    branch = "" if known["branch"] == version else known["branch"]
    request = known["pull_request"].rstrip("/").rpartition("/")[2]  # some systems give its address
    if request.isdecimal():
        request = ("!" if known["system"].startswith("GitLab") else "#") + request
    verb, preposition = _WORDS[status]
    # Like FIELDS, the most important first.
    parts = [
        Part(commit, cuttable=False),
        Part(verb, cuttable=False),
        _part("service", service),
        _part("version", version),
        _part("environment", known["environment"]),
        _part("run_url", known["run_url"]),
        _part("pull_request", request),
        _part("branch", branch),
        _part("actor", known["actor"]),
    ]

    def sentence(chosen: Sequence[str]) -> str:
        commit, verb, service, version, environment, address, request, branch, actor = chosen
        subject = " ".join(filter(None, (service, version)))
        words = [
            subject,
            f"({commit})" if commit and subject else commit,
            verb if subject or commit else verb.capitalize(),
            environment and f"{preposition} {environment}",
            (branch or request) and f"from {branch or request}",
            f"({request})" if branch and request else "",
            actor and f"by {actor}",
            address,
        ]
        return " ".join(filter(None, words))

    return fit(parts, range(len(parts)), sentence, ANNOTATION_TEXT_MAX)


def fill(template: str, facts: Mapping[str, str]) -> str:
    """``template`` with each ``{field}`` replaced, fitted like :func:`compose`'s text.

    A field without a value takes the blanks, brackets and separators around it along; the result
    is empty where nothing is left. Raises :class:`Usage` for what is no field of :data:`FIELDS`.
    """
    check(template)
    known = _plain(facts)
    known["short_commit"] = known["short_commit"] or known["commit"][:SHORT_COMMIT]
    # Literal text and names of fields in turns, literal text first and last.
    pieces = _FIELD.split(template)
    pieces[::2] = map(_plain_literal, pieces[::2])
    parts = [
        _part(piece, known[piece]) if place % 2 else Part(piece)
        for place, piece in enumerate(pieces)
    ]

    def importance(place: int) -> int:
        if not place % 2:
            return len(_COMMITS)
        rank = FIELDS.index(pieces[place])
        return rank if rank < len(_COMMITS) else rank + 1

    order = sorted(range(len(parts)), key=importance)
    return fit(parts, order, _tidied(pieces), ANNOTATION_TEXT_MAX)


def check(template: str) -> None:
    """Raises :class:`Usage` for a brace that is no field's, and for far too long a template."""
    if len(template) > _LONGEST:
        raise Usage(
            f"The text has {len(template):,} characters.",
            hint=f"Write up to {ANNOTATION_TEXT_MAX} with what stands for its fields.",
        )
    unknown = [name for name in _FIELD.findall(template) if name not in FIELDS]
    if unknown:
        raise Usage(f"The text has the unknown field {{{unknown[0]}}}.", hint=_hint())
    rest = _FIELD.sub("", template)
    if brace := _BRACE.search(rest):
        around = rest[max(0, brace.start() - 10) : brace.start() + 20]
        raise Usage(f"The text has a brace that is not of a field, in {around!a}.", hint=_hint())


def fit_text(text: str) -> str:
    """Any text as one plain line that fits an annotation."""
    return cut(plain(text), ANNOTATION_TEXT_MAX)


def fit_source(name: str) -> str:
    """Any name as one plain line that fits an annotation's source."""
    return cut(plain(name), ANNOTATION_SOURCE_MAX)


_COMMITS = ("commit", "short_commit")
_EMPTY = "\0"  # stands where a field has no value; no value holds it
_SEPARATORS = r",;:|/\u00b7\u2013\u2014\-"  # beside punctuation a middle dot and two dashes
_ROUND_GAPS = rf"[ \0{_SEPARATORS}]*\0[ \0{_SEPARATORS}]*"
_EMPTY_BRACKETS = re.compile(rf"\({_ROUND_GAPS}\)|\[{_ROUND_GAPS}\]|<{_ROUND_GAPS}>")
_GAPS = re.compile(rf"([ {_SEPARATORS}]*)\0(?:[ \0{_SEPARATORS}]*\0)?([ {_SEPARATORS}]*)")


def _tidied(pieces: Sequence[str]) -> Callable[[Sequence[str]], str]:
    """What puts the parts of a template together, of which some may be empty or cut."""

    def render(chosen: Sequence[str]) -> str:
        text = ""
        for place, value in enumerate(chosen):
            if place % 2:
                text += value or _EMPTY
            else:  # literal text that was cut must not run into what follows
                text += value if value == pieces[place] else value + " "
        if _EMPTY in text:
            text = _without_gaps(text)
        return " ".join(text.split())

    return render


def _without_gaps(text: str) -> str:
    """Take the empty places out, and what stood there only for a value."""
    while (fewer := _EMPTY_BRACKETS.sub(_EMPTY, text)) != text:  # brackets in brackets
        text = fewer
    return _GAPS.sub(_joint, text).strip()


def _joint(gap: re.Match[str]) -> str:
    """What stays of the blanks and separators before and after an empty place."""
    before, after = gap.groups()
    left, right = gap.string[: gap.start()][-1:], gap.string[gap.end() :][:1]
    if not left or left in "([<" or not right or right in ")]>":
        return ""
    if right in ".!?" and not after:
        return ""
    return after if after.strip() and not before.strip() else before or after


def _plain(facts: Mapping[str, str]) -> dict[str, str]:
    known = {name: plain(facts.get(name, "")[:_LONGEST]) for name in FIELDS}
    if not _ADDRESS.fullmatch(known["run_url"]):
        known["run_url"] = ""
    return known


def _plain_literal(text: str) -> str:
    """Plain, with the blanks at its ends, which stand beside fields."""
    core = plain(text)
    if not core:
        return " " if " " in text or "\n" in text else ""
    return " " * text[0].isspace() + core + " " * text[-1].isspace()


def _part(field: str, value: str) -> Part:
    return Part(value, field not in _WHOLE, _FAIR.get(field, _FAIR_ELSE))


def _hint() -> str:
    return "Fields are " + ", ".join(f"{{{name}}}" for name in FIELDS) + "."
