"""``--mask``: people's data as short tokens, so that what is shown can be passed on.

A token is the same for the same value wherever it stands, on every run of this machine, and says
nothing to who does not have the machine's key (HMAC-SHA256; ``settings.machine_key``). In data it
is known by keys what to mask (``masked_data``), in any text by its shape: e-mails, IP addresses,
query strings, and what was learned. Fullstory's ids and the ids of sessions stay.

Every search here takes linear time: visitors choose the text.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from .columns import Row
from .masked_values import without_assigned_values, without_json_values, without_path_values

Kind = Literal["email", "name", "uid", "ip", "query", "value", "url", "text", "who"]

DIGITS = 10  # hexadecimal ones of a token: among 300,000 people two hardly ever share one
TOKEN = rf"(?:email|name|uid|ip|query|value)-[0-9a-f]{{{DIGITS}}}"
_MOST_PHRASES = 200
_CALLED: dict[str, Kind] = {"uid": "uid", "email": "email", "display_name": "name"}
_SHORTEST_PART = 3  # of a name: shorter ones are words of every text


class Masker:
    """Makes tokens under one key, of 32 random bytes.

    :meth:`learn` tells it values that are somebody's (what the command line named), which are
    then masked in every text.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._learned: dict[str, str] = {}  # spelling: token
        self._phrases: list[str] = []  # learned ones that are no single word

    def token(self, kind: str, value: str) -> str:
        """``email-3f9a2c1b07``. The digits are those of the value, whatever it is called."""
        if "@" in value:
            value = value.lower()  # an e-mail is the same in any case (DESIGN §2, WHO)
        digest = hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), "sha256")
        return f"{kind}-{digest.hex()[:DIGITS]}"

    def learn(self, kind: Kind, value: str) -> None:
        """From now on ``value`` is masked in every text, as a whole word or between quotes.

        A ``who`` of digits is taken for an id, which stays.
        """
        value = value.strip()
        if not value or (kind == "who" and _is_id(value)):
            return
        token = self.text(kind, value)
        for spelling in dict.fromkeys((value, ascii(value)[1:-1], *quoted_spellings(value))):
            self._learned[spelling] = token
            if not _word().fullmatch(spelling) and len(self._phrases) < _MOST_PHRASES:
                self._phrases.append(spelling)
                self._phrases.sort(key=len, reverse=True)

    def learn_person(self, person: Mapping[str, Any]) -> None:
        """Everything that a user of the API is called, each part of the name too."""
        for key, kind in _CALLED.items():
            if isinstance(value := person.get(key), str):
                self.learn(kind, value)
        for part in str(person.get("display_name") or "").split():
            if len(part) >= _SHORTEST_PART:
                self.learn("name", part)

    def text(self, kind: Kind, value: str) -> str:
        """A value of that kind, masked; an empty one stays.

        ``url`` keeps host and path; ``text`` is as of :meth:`said`; the others
        become one token. ``who`` is an e-mail or a uid, or an id, which stays.
        """
        if not value:
            return value
        match kind:
            case "text":
                return self.said(value)
            case "url":
                return self.url(value)
            case "who":
                return value if _is_id(value) else self.token(_sort(value), value)
            case _:
                return self.token(kind, value)

    def sentence(self, text: str) -> str:
        """Free text: what is recognised in it is masked."""
        text = self._without_phrases(text)
        if "://" in text:
            text = _address().sub(lambda found: found[1] + self._after_scheme(found[2]), text)
        if "?" in text:
            text = _query().sub(lambda found: f"?{self.token('query', found[1])}", text)
        return self._without_words(self._without_shapes(text))

    def said(self, text: str) -> str:
        """A text from a service or a page: as :meth:`sentence`, and without values under names.

        What fsctl itself says keeps these: its hints are commands with ``name=value`` in them.
        """
        text = without_json_values(text, self._value)
        return without_assigned_values(self.sentence(text), self._value)

    def _value(self, value: str) -> str:
        return self.token("value", value)

    def url(self, url: str) -> str:
        """An address, whole or a path, with tokens for its user, query and fragment."""
        scheme, found, rest = self._without_phrases(url).partition("://")
        bare = scheme + found + self._after_scheme(rest) if found else self._bare(scheme)
        return self._without_words(self._without_shapes(bare))

    def row(self, row: Row) -> dict[str, Any]:
        """One row or thing, masked."""
        masked: dict[str, Any] = self.data(row)
        return masked

    def data(self, document: Any) -> Any:
        """Any JSON document, masked."""
        from .masked_data import masked

        return masked(self, document)

    def _after_scheme(self, rest: str) -> str:
        end = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
        user, found, host = rest[:end].rpartition("@")
        # With an empty password, so that what it is remains to be seen.
        return (f"{self.token('uid', user)}:@{host}" if found else host) + self._bare(rest[end:])

    def _bare(self, path: str) -> str:
        """A path with a token for its query and fragment, and for values within it."""
        at = min((at for mark in "?#" if (at := path.find(mark)) >= 0), default=len(path))
        shown, hidden = without_path_values(path[: at + 1], self._value), path[at + 1 :]
        return f"{shown}{self.token('query', hidden)}" if hidden else shown

    def _without_shapes(self, text: str) -> str:
        """E-mails and IP addresses."""
        if "@" in text or ("%" in text and "40" in text):
            text = _email().sub(lambda found: self.token("email", _decoded(found[0])), text)
        if "@" in text:
            text = _odd_email().sub(lambda found: self.token("email", found[0]), text)
        if "." in text:
            text = _ipv4().sub(self._ipv4_match, text)
        return _ipv6().sub(self._ipv6_match, text) if ":" in text else text

    def _ipv4_match(self, match: re.Match[str]) -> str:
        found = match[0]
        # A browser's version is 126.0.0.0; no machine has such an address.
        if found.endswith(".0.0.0") or any(int(part) > 255 for part in found.split(".")):
            return found
        return self.token("ip", found)

    def _ipv6_match(self, match: re.Match[str]) -> str:
        found = match[0]
        bare = found.strip(":")
        address = found if "::" in found else bare
        if bare and ("::" in found or bare.count(":") >= 7):
            return found.replace(address, self.token("ip", address.lower()), 1)
        return found

    def _without_phrases(self, text: str) -> str:
        if not self._learned:
            return text
        text = _quoted().sub(self._quoted_match, text)
        for phrase in self._phrases:
            if phrase in text:
                token = self._learned[phrase]
                text = _alone(phrase).sub(lambda found, token=token: token, text)  # type: ignore[misc]
        return text

    def _quoted_match(self, match: re.Match[str]) -> str:
        mark, inner = match[0][0], match[0][1:]
        return mark + self._learned.get(inner, inner)

    def _without_words(self, text: str) -> str:
        return _word().sub(self._word_match, text) if self._learned else text

    def _word_match(self, match: re.Match[str]) -> str:
        for word in (match[0], match[0].rstrip(".!")):
            if word in self._learned:
                return self._learned[word] + match[0][len(word) :]
        return match[0]


def quoted_spellings(value: str) -> tuple[str, ...]:
    """How addresses have a value that cannot stand in them as it is."""
    if value.isascii() and value.isalnum():
        return ()
    from urllib.parse import quote, quote_plus

    try:
        quoted = (quote(value, safe=""), quote(value), quote_plus(value))
    except UnicodeEncodeError:  # half a surrogate pair
        return ()
    lowered = (_encoded().sub(lambda found: found[0].lower(), text) for text in quoted)
    return tuple(dict.fromkeys((*quoted, *lowered)))


def _alone(phrase: str) -> re.Pattern[str]:
    before = r"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{2}))" if re.match(r"\w", phrase) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", phrase) else ""
    return re.compile(before + re.escape(phrase) + after)


def _is_id(text: str) -> bool:
    """Whether it is an id of Fullstory's, or of a session."""
    return text.isascii() and text.replace(":", "").isdigit()


def _sort(who: str) -> Kind:
    return "email" if _email().fullmatch(who) else "uid"


def _decoded(email: str) -> str:
    """An e-mail as it was before it became part of an address."""
    if "%" in email:
        from urllib.parse import unquote

        for _ in range(3):
            email = unquote(email)
    return email


# Compiled when a text first needs them.


@cache
def _encoded() -> re.Pattern[str]:
    return re.compile(r"%[0-9A-F]{2}")


@cache
def _address() -> re.Pattern[str]:
    return re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]{1,20}://)([^\s\"'<>`]+)")


@cache
def _query() -> re.Pattern[str]:
    """A query of an address without a scheme; a question mark alone asks something."""
    return re.compile(r"\?([^\s\"'<>`=?]*+=[^\s\"'<>`]*+)")


@cache
def _email() -> re.Pattern[str]:
    """Broad: anything around an at sign, as it is or as an address encodes it.

    A quote between letters belongs to it (O'Brien), one around it does not.
    """
    others = r"\s@<>\"'(),:;\\\[\]{}|/=&?#`"
    local = rf"(?:[^{others}%]|%(?!(?:25)*+40)|(?<=\w)'(?=\w))"
    return re.compile(rf"(?<![^{others}])(?<!\w'){local}++(?:@|%(?:25)*+40)\[?\w++(?:[.-]++\w++)*+")


@cache
def _odd_email() -> re.Pattern[str]:
    """With signs before the at sign that are legal there, and elsewhere end one."""
    return re.compile(r"[^\s@\"'<>(),:;]{1,64}@\w++(?:[.-]++\w++)*+")


@cache
def _ipv4() -> re.Pattern[str]:
    return re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)", re.ASCII)


@cache
def _ipv6() -> re.Pattern[str]:
    return re.compile(r"(?<![0-9A-Za-z:])[0-9A-Fa-f:]{2,}+(?![0-9A-Za-z])")


@cache
def _quoted() -> re.Pattern[str]:
    """What a quote begins; the one at its end may begin something, too."""
    return re.compile(r"'[^']{1,300}+(?=')|\"[^\"]{1,300}+(?=\")")


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"%[0-9A-Fa-f]{2}|[^\s\"'`(),;:/?&=<>\[\]{}|#%]+")
