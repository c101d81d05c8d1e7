"""What git tells of a checkout, and that a hostile checkout starts nothing by it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fsctl.fullstory import git
from fsctl.fullstory.git import GitFacts, repository_name

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("git") is None, reason="needs git and a POSIX shell"
)

ENVIRON = {"PATH": os.environ.get("PATH", os.defpath)}


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is none of the checkouts below."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def run(directory: Path, *arguments: str) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *arguments],
        cwd=directory,
        env={**ENVIRON, "HOME": "/nowhere", "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit on ``main``."""
    directory = tmp_path / "shop" / "checkout"
    run(directory, "init", "-q", "-b", "main")
    run(directory, "commit", "-q", "--allow-empty", "-m", "Count baskets once\n\nNot twice.")
    return directory


def read(directory: Path, **environ: str) -> GitFacts:
    return git.read(directory, ENVIRON | environ)


def head(directory: Path) -> str:
    return run(directory, "rev-parse", "HEAD")


def test_a_checkout_tells_its_commit_branch_title_and_name(checkout: Path) -> None:
    assert read(checkout) == GitFacts(
        commit=head(checkout), branch="main", title="Count baskets once", folder="checkout"
    )


def test_a_directory_within_the_checkout_is_part_of_it(checkout: Path) -> None:
    (checkout / "src" / "deep").mkdir(parents=True)
    assert read(checkout / "src" / "deep").folder == "checkout"


def test_a_branch_keeps_its_slashes(checkout: Path) -> None:
    run(checkout, "switch", "-q", "-c", "feature/baskets/2")
    assert read(checkout).branch == "feature/baskets/2"


def test_a_detached_head_has_no_branch(checkout: Path) -> None:
    run(checkout, "switch", "-q", "--detach")
    facts = read(checkout)
    assert (facts.commit, facts.branch) == (head(checkout), None)


def test_the_tag_is_the_highest_version_on_the_commit(checkout: Path) -> None:
    run(checkout, "tag", "v1.9.0")
    run(checkout, "tag", "-a", "-m", "The tenth", "v1.10.0")
    run(checkout, "tag", "zzz-stable")
    assert read(checkout).tag == "v1.10.0"
    run(checkout, "commit", "-q", "--allow-empty", "-m", "Later")
    assert read(checkout).tag is None


def test_a_shallow_clone_tells_as_much(checkout: Path, tmp_path: Path) -> None:
    run(checkout, "commit", "-q", "--allow-empty", "-m", "Later")
    shallow = tmp_path / "shallow"
    run(tmp_path, "clone", "-q", "--depth=1", f"file://{checkout}", str(shallow))
    facts = read(shallow)
    assert (facts.commit, facts.branch, facts.title) == (head(checkout), "main", "Later")
    assert facts.repository is not None
    assert facts.repository.endswith("shop/checkout")


def test_a_worktree_tells_of_itself(checkout: Path, tmp_path: Path) -> None:
    worktree = tmp_path / "worktree"
    run(checkout, "worktree", "add", "-q", "-b", "other", str(worktree))
    facts = read(worktree)
    assert (facts.branch, facts.folder) == ("other", "worktree")


def test_a_bare_repository_tells_its_commit(checkout: Path, tmp_path: Path) -> None:
    run(tmp_path, "clone", "-q", "--bare", str(checkout), "bare.git")
    facts = read(tmp_path / "bare.git")
    assert (facts.commit, facts.branch) == (head(checkout), "main")


def test_the_repository_is_named_by_the_remote_without_its_secrets(checkout: Path) -> None:
    run(checkout, "remote", "add", "origin", "https://bot:hunter22@github.com/acme/checkout.git")
    assert read(checkout).repository == "acme/checkout"


def test_nothing_is_known_without_a_repository(tmp_path: Path) -> None:
    assert read(tmp_path) == GitFacts()


def test_nothing_is_known_before_the_first_commit(tmp_path: Path) -> None:
    run(tmp_path / "new", "init", "-q")
    assert read(tmp_path / "new") == GitFacts()


def test_nothing_is_known_without_git(checkout: Path) -> None:
    assert git.read(checkout, {"PATH": "/nowhere"}) == GitFacts()


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    facts = read(tmp_path / "missing")
    assert facts.commit is None
    assert facts.trouble is not None and "missing' cannot be read" in facts.trouble


def test_a_repository_that_is_broken_is_none(checkout: Path) -> None:
    (checkout / ".git" / "HEAD").write_bytes(b"\xff\xfe\x00")
    assert read(checkout).commit is None


def test_a_message_that_is_not_utf_8_is_readable_all_the_same(checkout: Path) -> None:
    (checkout / "message").write_bytes(b"Caf\xe9\n")
    encoded = ("-c", "i18n.commitEncoding=ISO-8859-1")
    run(checkout, *encoded, "commit", "-q", "--allow-empty", "-F", "message")
    assert read(checkout).title == "Caf�"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("git@github.com:acme/checkout.git", "acme/checkout"),
        ("https://user:secret@gitlab.com/acme/shop/checkout.git?x=secret", "acme/shop/checkout"),
        ("ssh://git@example.com:2222/acme/checkout", "acme/checkout"),
        ("/srv/git/checkout.git/", "checkout"),
        ("../checkout", "checkout"),
        (r"C:\git\checkout", "checkout"),
        ("https://example.com", None),
        ("", None),
    ],
)
def test_a_remotes_address_gives_the_name(address: str, name: str | None) -> None:
    assert repository_name(address) == name


# -- hostile checkouts


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that tells when it has run."""
    program = tmp_path / "trap"
    program.write_text(f'#!/bin/sh\n: > "{tmp_path}/sprung"\nexit 1\n')
    program.chmod(0o755)
    return program


def sprung(trap: Path) -> bool:
    return (trap.parent / "sprung").exists()


def _fsmonitor(checkout: Path, trap: Path) -> None:
    (checkout / "file").write_text("x")
    run(checkout, "add", "file")
    run(checkout, "commit", "-q", "-m", "With a file")
    run(checkout, "config", "core.fsmonitor", str(trap))


def _hooks(checkout: Path, trap: Path) -> None:
    hooks = checkout / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"):
        shutil.copy(trap, hooks / name)
    run(checkout, "config", "core.hooksPath", str(hooks))


def _programs(checkout: Path, trap: Path) -> None:
    for key in (
        "core.pager", "pager.rev-parse", "pager.for-each-ref", "pager.cat-file", "pager.config",
        "core.sshCommand", "core.askPass", "core.editor", "gpg.program", "gpg.ssh.program",
        "core.alternateRefsCommand", "diff.external", "credential.helper", "core.gitProxy",
        "interactive.diffFilter", "filter.x.smudge", "filter.x.clean", "core.worktreeConfig",
    ):  # fmt: skip
        run(checkout, "config", key, str(trap))
    for command in ("rev-parse", "for-each-ref", "cat-file", "config"):
        run(checkout, "config", f"alias.{command}", f"!{trap}")
    run(checkout, "config", "log.showSignature", "true")


def _partial(checkout: Path, trap: Path) -> None:
    """The commit is missing, and who asks for it is told to fetch it with a program."""
    commit = head(checkout)
    run(checkout, "config", "core.repositoryFormatVersion", "1")
    run(checkout, "config", "extensions.partialClone", "evil")
    run(checkout, "config", "remote.evil.promisor", "true")
    run(checkout, "config", "remote.evil.url", f"ext::{trap} %S")
    run(checkout, "config", "protocol.ext.allow", "always")
    (checkout / ".git" / "objects" / commit[:2] / commit[2:]).unlink()


def _partial_upload_pack(checkout: Path, trap: Path) -> None:
    _partial(checkout, trap)
    run(checkout, "config", "remote.evil.url", str(checkout))
    run(checkout, "config", "remote.evil.uploadpack", str(trap))
    run(checkout, "config", "protocol.file.allow", "always")


HOSTILE = [_fsmonitor, _hooks, _programs, _partial, _partial_upload_pack]


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda each: each.__name__.strip("_"))
def test_a_hostile_checkout_starts_no_program(
    checkout: Path, trap: Path, hostile: Callable[[Path, Path], None]
) -> None:
    hostile(checkout, trap)
    facts = read(checkout)
    assert not sprung(trap)
    if hostile not in (_partial, _partial_upload_pack):
        assert (facts.branch, facts.folder) == ("main", "checkout")


@pytest.mark.parametrize("hostile", [_partial, _partial_upload_pack])
def test_a_git_that_knows_no_way_to_fetch_nothing_may_fetch_by_no_protocol(
    checkout: Path, trap: Path, hostile: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    """Git before 2.44 does not know GIT_NO_LAZY_FETCH."""
    hostile(checkout, trap)
    (tmp_path / "old").mkdir()
    old = tmp_path / "old" / "git"
    old.write_text(f'#!/bin/sh\nunset GIT_NO_LAZY_FETCH\nexec {shutil.which("git")} "$@"\n')
    old.chmod(0o755)
    read(checkout, PATH=f"{tmp_path}/old:{ENVIRON['PATH']}")
    assert not sprung(trap)


@pytest.mark.parametrize("hostile", [_partial, _partial_upload_pack])
def test_the_traps_of_partial_clones_do_spring_without_care(
    checkout: Path, trap: Path, hostile: Callable[[Path, Path], None]
) -> None:
    hostile(checkout, trap)
    subprocess.run(
        ["git", "rev-parse", "HEAD^{commit}"], cwd=checkout, env=ENVIRON, capture_output=True
    )
    assert sprung(trap)


@pytest.mark.parametrize("named", [True, False], ids=["the checkout named", "where fsctl runs"])
def test_a_git_that_lies_in_a_checkout_is_never_run(
    checkout: Path, trap: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: bool
) -> None:
    """CI may have put the checkout's own ``bin`` on PATH; ``--git`` may name another one."""
    (checkout / "bin").mkdir()
    shutil.copy(trap, checkout / "bin" / "git")
    other = tmp_path / "other"
    run(other, "init", "-q", "-b", "main")
    run(other, "commit", "-q", "--allow-empty", "-m", "Other")
    if not named:
        monkeypatch.chdir(checkout)
    facts = read(checkout if named else other, PATH=f"{checkout}/bin:bin:{ENVIRON['PATH']}")
    assert facts.branch == "main"
    assert not sprung(trap)


def test_a_link_into_the_checkout_is_no_way_to_run_its_git(
    checkout: Path, trap: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(trap, checkout / "git")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(checkout / "git")
    monkeypatch.chdir(checkout)
    (tmp_path / "other").mkdir()
    for directory in (checkout, tmp_path / "other"):
        read(directory, PATH=f"{tmp_path}/bin")
    assert not sprung(trap)


@pytest.fixture
def spy(tmp_path: Path) -> Path:
    """A ``git`` that writes down its arguments and environment, then does what git does."""
    real = shutil.which("git")
    directory = tmp_path / "spy"
    directory.mkdir()
    program = directory / "git"
    program.write_text(
        f'#!/bin/sh\nenv >> "{tmp_path}/env"\necho "$@" >> "{tmp_path}/argv"\nexec {real} "$@"\n'
    )
    program.chmod(0o755)
    return directory


def test_git_gets_no_secret_and_none_of_the_variables_that_steer_it(
    checkout: Path, spy: Path, tmp_path: Path
) -> None:
    facts = read(
        checkout,
        PATH=f"{spy}:{ENVIRON['PATH']}",
        HOME="/nowhere",
        MEMBRANE_TOKEN="not-to-be-seen",
        AWS_SECRET_ACCESS_KEY="nor-this",
        GIT_DIR="/elsewhere",
        GIT_EXTERNAL_DIFF="/elsewhere/diff",
        GIT_SSH_COMMAND="/elsewhere/ssh",
        GIT_TRACE="1",
    )
    assert facts.branch == "main"
    seen = (tmp_path / "env").read_text()
    for secret in ("not-to-be-seen", "nor-this", "/elsewhere", "MEMBRANE_", "GIT_TRACE"):
        assert secret not in seen
    for setting in ("GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL="):
        assert setting in seen.splitlines()


def test_git_is_asked_by_plumbing_alone(checkout: Path, spy: Path, tmp_path: Path) -> None:
    run(checkout, "remote", "add", "origin", "git@github.com:acme/checkout.git")
    read(checkout, PATH=f"{spy}:{ENVIRON['PATH']}")
    asked = (tmp_path / "argv").read_text().splitlines()
    prefix = (
        "--no-pager -c core.fsmonitor=false -c core.hooksPath=/dev/null -c protocol.allow=never"
    )
    assert all(line.startswith(f"{prefix} ") for line in asked)
    commands = [line.removeprefix(prefix).split()[0] for line in asked]
    assert commands == ["rev-parse", "for-each-ref", "cat-file", "config"]


def test_a_git_that_does_not_answer_is_given_up(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "PATIENCE", 0.3)
    (tmp_path / "slow").mkdir()
    program = tmp_path / "slow" / "git"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    facts = read(checkout, PATH=f"{tmp_path}/slow:{ENVIRON['PATH']}")
    assert facts == GitFacts(trouble="Git did not answer within 0.3 seconds.")


def test_the_time_is_for_all_questions_together(checkout: Path, spy: Path, tmp_path: Path) -> None:
    moments = iter([0.0, 0.1, 5.0, 5.0, 5.0])
    facts = git.read(
        checkout, ENVIRON | {"PATH": f"{spy}:{ENVIRON['PATH']}"}, clock=lambda: next(moments)
    )
    assert (facts.commit, facts.branch, facts.title) == (head(checkout), "main", None)
    assert facts.trouble == "Git did not answer within 2 seconds."


# -- whose checkouts git reads


def _as_another_users(tmp_path: Path) -> str:
    """A ``git`` that takes every checkout for another user's, as git's own tests do."""
    real = shutil.which("git")
    (tmp_path / "assume").mkdir()
    program = tmp_path / "assume" / "git"
    program.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {real} "$@"\n')
    program.chmod(0o755)
    return f"{tmp_path}/assume:{ENVIRON['PATH']}"


def test_another_users_checkout_is_not_read_and_says_what_would_let_it(
    checkout: Path, tmp_path: Path
) -> None:
    facts = read(checkout, PATH=_as_another_users(tmp_path), HOME=str(tmp_path))
    assert facts.commit is None
    assert facts.trouble is not None
    assert "another user's" in facts.trouble and "safe.directory" in facts.trouble


def test_what_the_user_calls_safe_is_read(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text(f"[safe]\n\tdirectory = {checkout}\n")
    facts = read(checkout, PATH=_as_another_users(tmp_path), HOME=str(tmp_path))
    assert (facts.branch, facts.trouble) == ("main", None)


def test_what_a_pipeline_calls_safe_by_variables_is_read(checkout: Path, tmp_path: Path) -> None:
    facts = read(
        checkout,
        PATH=_as_another_users(tmp_path),
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0="safe.directory",
        GIT_CONFIG_VALUE_0="*",
    )
    assert facts.branch == "main"


def test_a_checkout_does_not_call_itself_safe(checkout: Path, tmp_path: Path) -> None:
    run(checkout, "config", "safe.directory", "*")
    assert read(checkout, PATH=_as_another_users(tmp_path), HOME="/nowhere").commit is None
