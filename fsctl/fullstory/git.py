"""What git says of a checkout, where no build system says it (DESIGN §2, Hostile working trees).

The checkout may be a stranger's, its ``.git/config`` too. So git is asked by plumbing that starts
no other program: no hook, no fsmonitor, no fetch of what a partial clone lacks, no prompt. Its
environment is made anew and holds no credential; it has two seconds in all. Whose checkouts git
itself reads, it decides by ``safe.directory`` of the user and the system, as ever.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

PATIENCE = 2.0  # seconds for all that is asked
_MOST = 1 << 20  # bytes of one answer
_MOST_TAGS = 100

# `protocol.allow` and GIT_ALLOW_PROTOCOL say the same: git before 2.44 does not know
# GIT_NO_LAZY_FETCH, and would fetch with a command that the checkout names.
_SAFELY = (
    "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
    "-c", "protocol.allow=never",
)  # fmt: skip
_SETTINGS = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C",
}
# All that git gets of our environment: where it finds the user's own configuration, and libraries.
# GIT_DIR and its like stay behind: what is asked is the directory that was named.
_KEPT = re.compile(
    r"HOME|XDG_CONFIG_HOME|SUDO_UID|TMPDIR|LD_LIBRARY_PATH|SYSTEMROOT|USERPROFILE|TEMP"
    r"|GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_[0-9]{1,4}|VALUE_[0-9]{1,4})"
    r"|GIT_CEILING_DIRECTORIES|GIT_DISCOVERY_ACROSS_FILESYSTEM",
    re.IGNORECASE,
)
_SCP = re.compile(r"[^/:\s]{2,}:(.*)", re.DOTALL)  # git@host:owner/name.git, but no C:\name


class GitFacts(NamedTuple):
    """What is checked out; None where git does not know.

    ``repository`` is ``owner/name`` of the remote, ``folder`` the working tree's own name.
    ``trouble`` is a sentence for a person where git refused or did not answer.
    """

    commit: str | None = None
    branch: str | None = None
    tag: str | None = None
    title: str | None = None
    repository: str | None = None
    folder: str | None = None
    trouble: str | None = None


class _Silent(Exception):
    """Git gave no answer that counts; the message is for a person, or empty."""


def read(
    directory: Path,
    environ: Mapping[str, str],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> GitFacts:
    """The facts of the repository that ``directory`` lies in; none where there is none.

    Never raises: a checkout that cannot be read is a checkout of which nothing is known.
    """
    try:
        ask = _Asking(directory, environ, clock)
        commit, ref = _head(ask)
    except _Silent as silence:
        return GitFacts(trouble=str(silence) or None)
    facts = GitFacts(commit, ref.removeprefix("refs/heads/") if ref != "HEAD" else None)
    try:
        facts = facts._replace(tag=_tag(ask), title=_title(ask, commit))
        repository = repository_name(ask("config", "--get", "remote.origin.url", may_fail=True))
        facts = facts._replace(repository=repository)
        if repository is None:
            top = ask("rev-parse", "--show-toplevel", may_fail=True)
            facts = facts._replace(folder=Path(top).name or None)
    except _Silent as silence:  # what was learnt holds
        return facts._replace(trouble=str(silence) or None)
    return facts


def repository_name(address: str) -> str | None:
    """``owner/name`` of a remote's address, without its host or anything secret in it."""
    address = address.strip()
    if "://" in address:
        path = address.partition("://")[2].partition("/")[2]
        path = re.split(r"[?#]", path, maxsplit=1)[0]
    elif match := _SCP.fullmatch(address):
        path = match[1]
    else:
        path = address.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return path.strip("/").removesuffix(".git").strip("/") or None


def _head(ask: _Asking) -> tuple[str, str]:
    """The commit, and ``refs/heads/...`` of the branch, or ``HEAD`` where it is detached."""
    lines = ask("rev-parse", "HEAD^{commit}", "--symbolic-full-name", "HEAD").split("\n")
    if len(lines) != 2 or not re.fullmatch(r"[0-9a-f]{40,64}", lines[0]):
        raise _Silent
    return lines[0], lines[1]


def _tag(ask: _Asking) -> str | None:
    """The commit's tag, the highest version first; one with a digit is rather a version."""
    answer = ask(
        "for-each-ref", "--points-at=HEAD", "--sort=-version:refname", f"--count={_MOST_TAGS}",
        "--format=%(refname:strip=2)", "refs/tags", may_fail=True,
    )  # fmt: skip
    tags = answer.split("\n") if answer else []
    return next((tag for tag in tags if re.search(r"[0-9]", tag)), tags[0] if tags else None)


def _title(ask: _Asking, commit: str) -> str | None:
    """The first line of the commit's message."""
    message = ask("cat-file", "commit", commit, may_fail=True).partition("\n\n")[2]
    return message.lstrip("\n").partition("\n")[0].strip() or None


class _Asking:
    """Asks git one thing at a time, within one span of time."""

    def __init__(
        self, directory: Path, environ: Mapping[str, str], clock: Callable[[], float]
    ) -> None:
        from ..membrane.binary import Checkout, find_program, safe_environment

        try:
            self._directory = directory.resolve(strict=True)
            here = Path.cwd()  # may be another stranger's checkout
            outside = safe_environment(environ, here)
            git = find_program("git", outside, self._directory)
            path = safe_environment(outside, self._directory)["PATH"]
        except (OSError, RuntimeError):  # no such directory, or links in a ring
            raise _Silent(f"{str(directory)!a} cannot be read, so git told nothing.") from None
        if git is None or git in Checkout(environ, here):
            raise _Silent
        kept = {name: value for name, value in environ.items() if _KEPT.fullmatch(name)}
        self._env = {**kept, **_SETTINGS, "PATH": path}
        self._git = str(git)
        self._clock = clock
        self._ends = clock() + PATIENCE

    def __call__(self, *arguments: str, may_fail: bool = False) -> str:
        """What git answers, without its last line feed. Raises :class:`_Silent`."""
        from ..membrane.child import ChildError, ChildTimedOut, run_child

        try:
            done = run_child(
                [self._git, *_SAFELY, *arguments],
                cwd=self._directory,
                env=self._env,
                timeout=max(0.0, self._ends - self._clock()),
                max_output=_MOST,
            )
        except ChildTimedOut:
            raise _Silent(f"Git did not answer within {PATIENCE:g} seconds.") from None
        except ChildError:
            raise _Silent from None
        if done.code == 0:
            return done.stdout.decode("utf-8", "replace").removesuffix("\n")
        if b"dubious ownership" in done.stderr or b"unsafe repository" in done.stderr:
            raise _Silent(
                f"Git does not read {str(self._directory)!a}, which is another user's; `git config"
                " --global --add safe.directory DIR` lets it."
            )
        if may_fail:
            return ""
        raise _Silent
