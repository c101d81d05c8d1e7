"""``annotations deploy``: one line in a job of any build system, and what it puts on the chart."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.ci_environments import COMMIT, GITHUB, GITLAB, RECORDED
from tests.support.ci_log import commands_in, outputs_in
from tests.support.command import Ended, Fsctl
from tests.support.everywhere import Somewhere, somewhere

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
END = "2026-03-02T09:30:00Z"
JOB_BEGAN = "2026-03-02T09:15:04Z"
DEPLOY = ("annotations", "deploy")
MADE = "SELECT text, start_time, end_time, source FROM annotations ORDER BY rowid DESC LIMIT 1"

# What each of the recorded jobs puts on the chart: text, start, source.
ANNOTATIONS: Mapping[str, tuple[str, str, str]] = {
    "GitHub Actions": (
        "checkout (8d3e8c1) deployed from main by grace "
        "https://github.com/acme/checkout/actions/runs/9034017301",
        END,
        "GitHub Actions: deploy",
    ),
    "GitLab CI": (
        "checkout (8d3e8c1) deployed to production from main by ada "
        "https://gitlab.com/acme/shop/checkout/-/jobs/6871350412",
        JOB_BEGAN,
        "GitLab CI: deploy: [eu]",
    ),
    "CircleCI": (
        "checkout (8d3e8c1) deployed from feature/baskets (#42) by ada "
        "https://circleci.com/gh/acme/checkout/1187",
        END,
        "CircleCI: deploy",
    ),
    "Buildkite": (
        "checkout v1.4.2 (8d3e8c1) deployed by Grace Hopper "
        "https://buildkite.com/acme/checkout/builds/59034",
        END,
        "Buildkite: deploy",
    ),
    "Azure Pipelines": (
        "checkout (8d3e8c1) deployed to shop-production from release/spring by Ada Lovelace "
        "https://dev.azure.com/acme/Web%20Shop/_build/results?buildId=870",
        END,
        "Azure Pipelines: production.deploy",
    ),
    "Bitbucket Pipelines": (
        "checkout (8d3e8c1) deployed to production from main "
        "https://bitbucket.org/acme/checkout/pipelines/results/5",
        END,
        "Bitbucket Pipelines",
    ),
    "Travis CI": (
        "checkout (8d3e8c1) deployed from main "
        "https://app.travis-ci.com/acme/checkout/jobs/613900541",
        END,
        "Travis CI: deploy",
    ),
    "TeamCity": (
        "Checkout (8d3e8c1) deployed https://ci.example.com/build/20417",
        END,
        "TeamCity: Checkout.Deploy",
    ),
    "Woodpecker": (
        "checkout (8d3e8c1) deployed to production from main by ada "
        "https://ci.example.com/repos/7/pipeline/8",
        JOB_BEGAN,
        "Woodpecker: release.mark",
    ),
    "Drone": (
        "checkout (8d3e8c1) deployed to production from main by ada "
        "https://drone.example.com/acme/checkout/15",
        JOB_BEGAN,
        "Drone: default.mark",
    ),
    "AWS CodeBuild": (
        "checkout (8d3e8c1) deployed from feature/baskets (#42) "
        "https://console.aws.amazon.com/codebuild/home?region=eu-west-1#/builds/"
        "checkout:b1e6661e-e4f2-4156-9ab9-82a19e0f4a7c/view/new",
        "2026-03-02T09:15:04.123Z",
        "AWS CodeBuild",
    ),
    "Google Cloud Build": (
        "checkout (8d3e8c1) deployed from main "
        "https://console.cloud.google.com/cloud-build/builds;region=europe-west3/"
        "046ddd31-3670-4771-9336-8919e7098b11?project=acme-shop",
        END,
        "Google Cloud Build: deploy-checkout",
    ),
    "Jenkins": (
        "checkout (8d3e8c1) deployed from feature/baskets (#24) by ada "
        "https://jenkins.example.com/job/acme/job/checkout/job/PR-24/153/",
        END,
        "Jenkins: acme/checkout/PR-24",
    ),
}


@pytest.fixture(autouse=True)
def outside_of_any_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or git would be asked about this project's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Somewhere]:
    with somewhere("sandbox", tmp_path_factory.mktemp("deploy")) as place:
        yield place


def deploy(place: Somewhere, *options: str, env: Mapping[str, str], **facts: Any) -> Ended:
    facts = {"under_ci": True, "now": lambda: NOW, **facts}
    return place(*DEPLOY, *options, env=env, **facts)


def made(place: Somewhere) -> tuple[Any, ...]:
    """The newest annotation on the charts."""
    return place.rows(MADE)[0]


# -- from the environment to the chart


@pytest.mark.parametrize("system", RECORDED)
def test_a_job_needs_no_option(system: str, here: Somewhere) -> None:
    done = deploy(here, env=RECORDED[system])
    text, start, source = ANNOTATIONS[system]
    assert done.code == 0, done.show
    assert made(here) == (text, start, END, source)
    assert done.err == "fsctl: sandbox: nothing leaves this machine.\n"
    assert json.loads(done.out) == {
        "text": text,
        "start_time": start,
        "end_time": END,
        "source": source,
        "annotated": "true",
        "reason": None,
    }


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--status", "started"), "checkout (8d3e8c1) started deploying to production"),
        (("--status", "failed"), "checkout (8d3e8c1) failed to deploy to production"),
        (("--status", "rolled-back"), "checkout (8d3e8c1) rolled back in production"),
        (("--env", "eu", "--version", "2", "--service", "till"), "till 2 (8d3e8c1) deployed to eu"),
        (("--text", "{service} is {status}: {title}"), "checkout is succeeded: Count baskets once"),
        (("--text", "{tag}"), "checkout (8d3e8c1) deployed to production"),
        (("--version", "", "--env", "", "--text", "", "--started", ""), "checkout (8d3e8c1)"),
    ],
)  # fmt: skip
def test_options_word_it(options: tuple[str, ...], text: str, here: Somewhere) -> None:
    done = deploy(here, *options, env=GITLAB)
    assert done.code == 0, done.show
    assert made(here)[0].startswith(text)


@pytest.mark.parametrize(
    ("options", "start", "end"),
    [
        ((), JOB_BEGAN, END),
        (("--started", "-2m"), "2026-03-02T09:28:00Z", END),
        (("--started", "-2m", "--finished", "-1m"), "2026-03-02T09:28:00Z", "2026-03-02T09:29:00Z"),
        (("--finished", "-1m"), JOB_BEGAN, "2026-03-02T09:29:00Z"),
        (("--started", "now"), END, END),
        (("--started", "now", "--finished", "now"), END, END),
        (("--status", "started"), JOB_BEGAN, JOB_BEGAN),
        (("--status", "started", "--finished", "-1m"), JOB_BEGAN, "2026-03-02T09:29:00Z"),
    ],
)  # fmt: skip
def test_it_spans_the_deploy(
    options: tuple[str, ...], start: str, end: str, here: Somewhere
) -> None:
    done = deploy(here, *options, env=GITLAB)
    assert done.code == 0, done.show
    assert made(here)[1:3] == (start, end)


def test_the_source_is_what_is_named(here: Somewhere) -> None:
    deploy(here, "--source", "a pipeline that has a name of more than forty", env=GITLAB)
    assert made(here)[3] == "a pipeline that has a name of more…"


def test_variables_speak_for_systems_that_nobody_knows(here: Somewhere) -> None:
    env = {
        "FSCTL_DEPLOY_SERVICE": "tills",
        "FSCTL_DEPLOY_COMMIT": COMMIT,
        "FSCTL_DEPLOY_RUN_URL": "https://ci.example.com/7",
        "FSCTL_DEPLOY_STARTED": "2026-03-02T09:00:00Z",
    }
    done = deploy(here, env=env)
    assert done.code == 0, done.show
    text = "tills (8d3e8c1) deployed https://ci.example.com/7"
    assert made(here) == (text, "2026-03-02T09:00:00Z", END, "fsctl")


def test_a_profile_and_a_project_file_give_what_is_always_the_same(
    tmp_path: Path, fsctl: Fsctl
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / ".fsctl.toml").write_text(
        'service = "tills"\nenvironment = "eu"\nsource = "Bot"\n'
        'text = "{service} {short_commit} to {environment}"\n'
    )
    done = fsctl("--sandbox", *DEPLOY, env=GITHUB, cwd=checkout)
    assert done.code == 0, done.show
    sent = json.loads(done.out)
    assert (sent["text"], sent["source"]) == ("tills 8d3e8c1 to eu", "Bot")


def test_without_a_build_system_git_knows(tmp_path: Path, fsctl: Fsctl) -> None:
    checkout = repository(tmp_path / "checkout")
    done = fsctl("--sandbox", *DEPLOY, cwd=checkout)
    assert done.code == 0, done.show
    commit = git(checkout, "rev-parse", "HEAD")[:7]
    assert json.loads(done.out)["text"] == f"checkout v3 ({commit}) deployed from main"
    elsewhere = fsctl("--sandbox", *DEPLOY, "--git", str(checkout), "--version", "v4")
    assert json.loads(elsewhere.out)["text"] == f"checkout v4 ({commit}) deployed from main"


def repository(path: Path) -> Path:
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    git(path, "commit", "-q", "--allow-empty", "-m", "Count baskets once")
    git(path, "tag", "v3")
    return path


def git(path: Path, *arguments: str) -> str:
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    env = {"PATH": os.environ["PATH"], "HOME": str(path), **dict.fromkeys(names, "ada@x.de")}
    done = subprocess.run(
        ["git", *arguments], cwd=path, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


# -- nothing is sent


def test_a_dry_run_shows_what_would_be_sent(here: Somewhere, tmp_path: Path) -> None:
    before = here.rows("SELECT count(*) FROM annotations")
    output = tmp_path / "output"
    output.touch()
    done = deploy(here, "--dry-run", env={**GITHUB, "GITHUB_OUTPUT": str(output)})
    assert done.code == 0, done.show
    plan = json.loads(done.out)
    assert plan["dry_run"] is True
    assert plan["input"]["text"] == ANNOTATIONS["GitHub Actions"][0]
    assert here.rows("SELECT count(*) FROM annotations") == before
    assert outputs_in(output.read_text()) == {"annotated": "skipped", "reason": "dry run"}


def test_show_fields_tells_where_each_is_from_and_what_is_made_of_them(here: Somewhere) -> None:
    before = here.rows("SELECT count(*) FROM annotations")
    done = deploy(here, "--show-fields", "--version", "v9", env=GITHUB)
    assert done.code == 0, done.show
    told = map(json.loads, done.out.splitlines())
    rows = {row["field"]: (row["value"], row["origin"]) for row in told}
    assert rows["version"] == ("v9", "--version")
    assert rows["commit"] == (COMMIT, "GITHUB_SHA")
    assert rows["short_commit"] == (COMMIT[:7], "GITHUB_SHA")
    assert rows["actor"] == ("grace", "GITHUB_TRIGGERING_ACTOR")
    text, origin = rows["annotation text"]
    assert text.startswith("checkout v9 (8d3e8c1) deployed from main")
    assert origin == rows["annotation source"][1] == "the fields above"
    assert rows["annotation start_time"] == (END, "the job's start, or now")
    assert here.rows("SELECT count(*) FROM annotations") == before


@pytest.mark.parametrize(
    ("options", "env", "field", "origin"),
    [
        (("--text", "{service}"), {}, "text", "--text"),
        (("--source", "me"), {}, "source", "--source"),
        (("--started", "-1m"), {}, "start_time", "--started"),
        ((), {"FSCTL_DEPLOY_STARTED": "-1m"}, "start_time", "FSCTL_DEPLOY_STARTED"),
        (("--finished", "now"), {}, "end_time", "--finished"),
        ((), {}, "end_time", "now"),
    ],
)
def test_show_fields_tells_of_the_annotation_too(
    options: tuple[str, ...], env: Mapping[str, str], field: str, origin: str, here: Somewhere
) -> None:
    done = deploy(here, "--show-fields", *options, env={**GITLAB, **env})
    assert done.code == 0, done.show
    rows = {row["field"]: row["origin"] for row in map(json.loads, done.out.splitlines())}
    assert rows[f"annotation {field}"] == origin


def test_the_fields_are_told_on_a_terminal_too(here: Somewhere) -> None:
    done = here(*DEPLOY, "--show-fields", env=GITLAB, stdout_is_terminal=True, width=100)
    assert done.code == 0, done.show
    assert "FIELD" in done.out and "FROM" in done.out
    assert any(line.split() == ["environment", "production", "CI_ENVIRONMENT_NAME"]
               for line in done.out.splitlines()), done.show  # fmt: skip


def test_nothing_known_at_all_is_refused(here: Somewhere, tmp_path: Path) -> None:
    done = here(*DEPLOY, "--git", str(tmp_path))
    assert done.code == 2, done.show
    assert "Nothing is known of the deploy" in done.err
    assert "--service" in done.err


# -- its own wrong option is 2, under a build system too: it fails at the first try


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--no-such-option",), "No such option"),
        (("surplus",), "unexpected extra argument"),
        (("--fail-on", "sometimes"), "'sometimes' is not one of"),
        (("--budget", "soon"), "--budget 'soon' is not a length of time"),
        (("--budget", "0"), "is not a length of time"),
        (("--status", "fine"), "--status 'fine' is no status"),
        (("--started", "yesterday"), "--started 'yesterday' is not a time"),
        (("--finished", "later"), "--finished 'later' is not a time"),
        (("--started", "now", "--finished", "-1m"), "--finished is before --started"),
        (("--text", "{sha}"), "unknown field {sha}"),
        (("--text", "{service!r}"), "brace"),
        (("--git", "/no/such/place"), "--git '/no/such/place' is no directory"),
        (("--once", "v1.4.2"), "--once takes a key behind = alone: 'v1.4.2' is another word"),
        (("--jq", ".["), "jq"),
        (("-o", "xml"), "xml"),
        (("--timeout", "soon"), "--timeout"),
        (("--retries", "many"), "--retries"),
        (("--fields", "a,,b"), "--fields"),
        (("--once-dir", "markers"), "--once is not given"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("env", [{}, GITHUB], ids=["by hand", "under CI"])
def test_a_wrong_option_is_2(
    options: tuple[str, ...], words: str, env: Mapping[str, str], here: Somewhere
) -> None:
    before = here.rows("SELECT count(*) FROM annotations")
    for more in ((), ("--fail-on", "never")):
        done = here(*DEPLOY, *more, *options, env=env, under_ci=bool(env))
        assert done.code == 2, done.show
        assert words in done.err, done.show
    assert here.rows("SELECT count(*) FROM annotations") == before


@pytest.mark.parametrize("text", ["{tag}", "e" + "\u0301" * 300], ids=["unknown", "too long"])
def test_a_text_of_which_nothing_is_left_is_told_of(text: str, here: Somewhere) -> None:
    done = here(*DEPLOY, "--text", text, env=GITHUB, under_ci=True)
    assert done.code == 0 and json.loads(done.out)["text"].startswith("checkout"), done.show
    assert done.err.count("Nothing is left of the text that was asked for") == 1, done.show
    shown = here(*DEPLOY, "--show-fields", "--text", text, "-o", "jsonl", env=GITHUB, under_ci=True)
    assert shown.err.count("Nothing is left of the text that was asked for") == 1, shown.show
    (origin,) = (
        row["origin"]
        for row in map(json.loads, shown.out.splitlines())
        if row["field"] == "annotation text"
    )
    assert origin == "the fields above", shown.show
    fitting = here(*DEPLOY, "--text", "{tag} is out", env=GITHUB, under_ci=True)
    assert "Nothing is left" not in fitting.err, fitting.show


# -- hostile text stays text

HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            ("::error::", "::", "##[", "##vso[task.complete]", "##teamcity[", "\n", "\r", "\x1b[2J",
             "\u202e", "\u200d", "%0A", "`", "<<EOF", "=", "--- ", "+++ ", " ", "\udcff", "{tag}")
        ),
        st.characters(),
    ),
    max_size=30,
).map("".join)  # fmt: skip
NAMES = ("GITHUB_HEAD_REF", "GITHUB_TRIGGERING_ACTOR", "GITHUB_REPOSITORY", "GITHUB_RUN_ID",
         "FSCTL_DEPLOY_TITLE", "FSCTL_DEPLOY_VERSION", "FSCTL_DEPLOY_ENVIRONMENT",
         "FSCTL_DEPLOY_SERVICE", "FSCTL_DEPLOY_RUN_URL")  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=st.tuples(*[HOSTILE] * len(NAMES)), show=st.booleans())
def test_nothing_that_a_stranger_chose_is_a_command(
    values: tuple[str, ...], show: bool, here: Somewhere, tmp_path: Path
) -> None:
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        Path(path).write_text("")
    told = {n: v.replace("\0", "") for n, v in zip(NAMES, values, strict=True)}
    env = {**GITHUB, **told, **files}
    options = ("--show-fields",) if show else ("--text", "{title} {branch} {actor} {version}")
    done = deploy(here, *options, env=env)
    assert done.code == 0, done.show
    assert set(commands_in(done.out + done.err)) <= {"warning"}, done.show
    assert "\x1b" not in done.out + done.err
    text, _, _, source = made(here)
    assert 0 < len(text.encode()) <= 200 and len(source.encode()) <= 40
    if not show:
        assert outputs_in(Path(files["GITHUB_OUTPUT"]).read_text())["annotated"] == "true"
