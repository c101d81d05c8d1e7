"""TAB in real shells: commands, options, choices and files, without Python (issue 7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shells import LOADS, SHELLS, ShellWindow

# What is typed after `fsctl `, and what is handed over; zsh joins a long option and its value.
LINES = [
    ("annota\tcr\tx", "annotations create x"),
    ("annotations create x --dur\t5m", "annotations create x --duration 5m"),
    ("users get --incl\t", "users get --include-schema"),
    ("users get ada bob --incl\t", "users get ada bob --include-schema"),
    ("--sand\tconnections li\t", "--sandbox connections list"),
    ("users --sand\tli\t", "users --sandbox list"),
    ("-o js\t", "-o json"),
    ("-qo js\t", "-qo json"),
    ("users list --output=mark\t", "users list --output=markdown"),
    ("users update x --by=ui\t", "users update x --by=uid"),
    ("users update x --by ui\t", "users update x --by uid"),
    ("profiles set token_c\tx", "profiles set token_command x"),
    ("raw request -X PAT\t/x", "raw request -X PATCH /x"),
    ("sessions timeline x --to=so\t", "sessions timeline x --to=some.file"),
    ("sessions timeline x --to so\t", "sessions timeline x --to some.file"),
    ("annotations deploy --git the\t", "annotations deploy --git the directory/"),
    ("annotations flush the\t", "annotations flush the directory/"),
    ("users create --properties @so\t", "users create --properties @some.file"),
    ("completion zs\t", "completion zsh"),
    ("annotations run --serv\tx -- nohu\tls", "annotations run --service x -- nohup ls"),
    ("annotations run -- cat so\t", "annotations run -- cat some.file"),
    ("annotations run nohu\tls", "annotations run nohup ls"),
    ("users get -- --incl\t", "users get -- --incl"),
    ("nonesuch li\t", "nonesuch li"),
    ("nonesuch \t", "nonesuch"),
    ("users nonesuch \t", "users nonesuch"),
    ("users get --timeout so\t", "users get --timeout so"),
    ("users get so\t", "users get so"),
    ("users get --nonesuch=so\t", "users get --nonesuch=so"),
    ("users get 2>/dev/null --incl\t", "users get --include-schema"),
    ("users >/dev/null li\t --out\tjs\t", "users list --output json"),
    ("completion </dev/null >/dev/null zs\t", "completion zsh"),
    ("users get '2>x' --incl\t", "users get 2>x --include-schema"),
    ("users list -ojsonl\t", "users list -ojsonl"),
    ("users list -qom\t", "users list -qomarkdown"),
    ("raw request -XDE\t /x", "raw request -XDELETE /x"),
    ("users create --properties @~/wo\tso\t", "users create --properties @~/work/some.file"),
]


@pytest.fixture(scope="module", params=SHELLS)
def window(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ShellWindow]:
    home: Path = tmp_path_factory.mktemp("home")
    (home / "work" / "the directory").mkdir(parents=True)
    (home / "work" / "some.file").touch()
    (home / "work" / "--once-but-a-file").touch()
    shell = ShellWindow(request.param, home)
    yield shell
    shell.close()


@pytest.mark.parametrize(("typed", "sent"), LINES, ids=[typed for typed, _ in LINES])
def test_tab_types_the_rest(typed: str, sent: str, window: ShellWindow) -> None:
    words = " ".join(window.sent(f"fsctl {typed}"))
    if window.shell == "zsh":
        sent = sent.replace("--duration 5m", "--duration=5m").replace("--service x", "--service=x")
        sent = sent.replace("--output j", "--output=j")
        words = words.replace("directory", "directory/") if words.endswith("directory") else words
    assert words == sent


@pytest.mark.parametrize(
    "line", ["users list > so\t", "help >so\t", "users get 2>/dev/null >> so\t"]
)
def test_a_redirection_goes_to_a_file(line: str, window: ShellWindow) -> None:
    window.sent(f"fsctl {line}")
    assert "so" not in window.work


def test_no_python_was_started_for_any_of_it(window: ShellWindow) -> None:
    window.sent("fsctl use\tli\t--out\tjs\t")
    assert window.asked == []


@pytest.mark.parametrize(
    ("typed", "last"),
    [
        ("users list --output=mark\t", "--output=markdown"),
        ('users list --output="mark\t', "--output=markdown"),
        ("users delete --rejects=so\t", "--rejects=some.file"),
        ('users delete --rejects="so\t', "--rejects=some.file"),
        ("annotations deploy --git=the\t", "--git=the directory/"),
        ("users create --properties @so\t", "@some.file"),
    ],
)
def test_bash_may_be_told_to_cut_no_words_at_equals_signs(
    typed: str, last: str, tmp_path: Path
) -> None:
    """npm's completion does so for all commands."""
    if "bash" not in SHELLS:
        pytest.skip("bash is not installed")
    (tmp_path / "work" / "the directory").mkdir(parents=True)
    (tmp_path / "work" / "some.file").touch()
    load = f"COMP_WORDBREAKS=${{COMP_WORDBREAKS//[=@]/}}; {LOADS['bash']}"
    window = ShellWindow("bash", tmp_path, load)
    try:
        assert window.sent(f"fsctl {typed}")[-1] == last
    finally:
        window.close()


@pytest.mark.parametrize("shell", SHELLS)
def test_an_alias_completes_as_help_says(shell: str, tmp_path: Path) -> None:
    told = "; complete -F _fsctl f" if shell == "bash" else ""
    window = ShellWindow(shell, tmp_path, f"{LOADS[shell]}; alias f=fsctl{told}")
    try:
        assert window.sent("f users --sand\tli\t") == ["users", "--sandbox", "list"]
    finally:
        window.close()


def listed(shell: str, home: Path, line: str, *wanted: str) -> str:
    """What TAB shows of that line."""
    window = ShellWindow(shell, home)
    try:
        return window.offered(line, *wanted)
    finally:
        window.close()


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_are_offered(shell: str, tmp_path: Path) -> None:
    screen = listed(shell, tmp_path, "fsctl ", "connections", "annotations", "completion")
    assert ("Mark moments on Fullstory's charts" in screen) == (shell != "bash")


@pytest.mark.parametrize("shell", SHELLS)
def test_an_option_that_was_used_is_not_offered_again(shell: str, tmp_path: Path) -> None:
    line = "fsctl init --no-use --road=login --r"
    screen = listed(shell, tmp_path, line, "--retries", "--raw-csv")
    assert "--road " not in screen.replace(line, "")
    assert "--use" not in screen.replace(line, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_one_that_may_be_repeated_is(shell: str, tmp_path: Path) -> None:
    line = "fsctl events create x --property a=b --pro"
    assert "--property" in listed(shell, tmp_path, line, "--properties").replace(line, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_options_say_what_they_do(shell: str, tmp_path: Path) -> None:
    if shell != "bash":
        listed(shell, tmp_path, "fsctl users list --i", "Only people who are identified")
