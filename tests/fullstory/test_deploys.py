"""The facts of a deploy: which source counts, and what is never set beside each other."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.fullstory import deploys, github_event
from fsctl.fullstory.ci_systems import SYSTEMS
from fsctl.fullstory.deploys import NAMES, Deploy, Fact, GitFacts
from tests.support.ci_environments import COMMIT, GITHUB, GITLAB, OTHER_COMMIT, RECORDED, TEAMCITY

NOW = datetime(2026, 3, 2, 9, 20, tzinfo=UTC)
GIT = GitFacts(
    commit=COMMIT,
    branch="trunk",
    tag="v0.9",
    title="From git",
    repository="acme/from-git",
    folder="folder",
)


def gather(
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, str | None] | None = None,
    git: Callable[[], GitFacts] | None = None,
    **more: Any,
) -> Deploy:
    return deploys.gather(environ or {}, options or {}, git=git, now=NOW, **more)


def found(deploy: Deploy) -> dict[str, str]:
    return {name: fact.value for name, fact in deploy.facts.items()}


def origins(deploy: Deploy) -> dict[str, str]:
    return {name: fact.origin for name, fact in deploy.facts.items()}


def never() -> GitFacts:
    raise AssertionError("git was asked")


# -- which source counts


def test_an_option_goes_before_a_variable_of_ours_and_that_before_the_build_system() -> None:
    environ = GITLAB | {"FSCTL_DEPLOY_ENVIRONMENT": "canary", "FSCTL_DEPLOY_ACTOR": "hal"}
    deploy = gather(environ, {"environment": "staging", "service": None})
    assert (found(deploy)["environment"], origins(deploy)["environment"]) == ("staging", "--env")
    assert origins(deploy)["actor"] == "FSCTL_DEPLOY_ACTOR"
    assert origins(deploy)["job"] == "CI_JOB_NAME"


def test_an_option_left_empty_is_none() -> None:
    assert found(gather(GITLAB, {"environment": "  "}))["environment"] == "production"


def test_the_build_system_goes_before_the_settings_and_those_before_git() -> None:
    settings = {
        "environment": Fact("from-profile", "environment in the profile work"),
        "service": Fact("basket", "service in '.fsctl.toml'"),
    }
    deploy = gather(GITLAB, settings=settings)
    assert found(deploy)["environment"] == "production"
    assert deploy.facts["service"] == settings["service"]
    deploy = gather(git=lambda: GIT, settings=settings)
    assert deploy.facts["environment"] == settings["environment"]
    assert found(deploy)["service"] == "basket"


def test_variables_of_ours_tell_all_where_the_system_has_no_row() -> None:
    told = {
        name: "42" if name == "pull_request" else f"the {name}"
        for name in NAMES
        if name not in ("short_commit", "commit", "status", "run_url")
    }
    told |= {"commit": COMMIT, "status": "rolled-back", "run_url": "https://ci.example.com/1"}
    environ = {f"FSCTL_DEPLOY_{name.upper()}": value for name, value in told.items()}
    deploy = gather(environ, git=never)
    assert found(deploy) == told | {"short_commit": COMMIT[:7]}
    assert origins(deploy)["matrix"] == "FSCTL_DEPLOY_MATRIX"
    assert (deploy.system, deploy.under_ci) == (None, False)
    assert deploy.remarks == ()


def test_under_an_unknown_build_system_git_is_asked() -> None:
    deploy = gather({"CI": "true"}, git=lambda: GIT)
    assert (deploy.system, deploy.under_ci) == (None, True)
    assert "system" not in deploy.facts
    assert deploy.facts["branch"] == Fact("trunk", "git")


def test_without_anything_git_tells_what_it_knows() -> None:
    assert found(gather(git=lambda: GIT)) == {
        "service": "from-git",
        "version": "v0.9",
        "commit": COMMIT,
        "short_commit": COMMIT[:7],
        "tag": "v0.9",
        "branch": "trunk",
        "title": "From git",
        "status": "succeeded",
        "repository": "acme/from-git",
    }


def test_without_git_either_only_the_default_status_is_known() -> None:
    assert gather().facts == {"status": Fact("succeeded", "default")}
    assert gather(git=GitFacts).facts == {"status": Fact("succeeded", "default")}


@pytest.mark.parametrize("name", sorted(set(RECORDED) - {"TeamCity"}))
def test_git_is_not_asked_where_the_build_system_says_enough(name: str) -> None:
    assert gather(RECORDED[name], git=never).facts["commit"].value == COMMIT


def test_git_fills_in_the_branch_that_a_system_does_not_tell() -> None:
    deploy = gather(TEAMCITY, git=lambda: GIT)
    assert deploy.facts["branch"] == Fact("trunk", "git")
    assert found(deploy)["run_id"] == "311"


def test_a_checkout_that_was_named_goes_before_the_build_system() -> None:
    deploy = gather(GITLAB, {"git": "../deployed"}, git=lambda: GIT._replace(commit=OTHER_COMMIT))
    facts = found(deploy)
    assert (facts["commit"], facts["branch"], facts["title"]) == (OTHER_COMMIT, "trunk", "From git")
    assert facts["service"] == "from-git"
    assert facts["job"] == "deploy: [eu]"


# -- what goes with a commit


def test_what_the_system_says_of_another_commit_is_left_out() -> None:
    """A repository that only deploys builds of others names its own branch and title."""
    facts = found(gather(GITLAB | {"FSCTL_DEPLOY_COMMIT": OTHER_COMMIT}, git=lambda: GIT))
    assert facts["commit"] == OTHER_COMMIT
    assert not facts.keys() & {"branch", "title", "tag", "pull_request", "version"}
    assert facts["run_url"].endswith("/jobs/6871350412")


def test_a_short_form_of_the_same_commit_is_the_same_commit() -> None:
    facts = found(gather(GITLAB | {"FSCTL_DEPLOY_COMMIT": COMMIT[:9].upper()}))
    assert (facts["commit"], facts["short_commit"]) == (COMMIT[:9].upper(), COMMIT[:7].upper())
    assert facts["branch"] == "main"


def test_a_branch_of_ours_stands_beside_the_systems_commit() -> None:
    facts = found(gather(GITLAB | {"FSCTL_DEPLOY_BRANCH": "refs/heads/release"}))
    assert (facts["branch"], facts["commit"]) == ("release", COMMIT)


def test_a_version_that_was_told_stays_beside_the_tag() -> None:
    facts = found(gather(git=lambda: GIT, options={"version": "2026.3"}))
    assert (facts["version"], facts["tag"]) == ("2026.3", "v0.9")


# -- the service's name


@pytest.mark.parametrize(
    ("environ", "git", "service"),
    [
        (GITLAB, None, Fact("checkout", "CI_PROJECT_PATH")),
        (TEAMCITY, None, Fact("Checkout", "TEAMCITY_PROJECT_NAME")),
        (
            {"CODEBUILD_BUILD_ID": "shop:b1e6661e-e4f2"},
            None,
            Fact("shop", "CODEBUILD_BUILD_ID"),
        ),
        (
            TEAMCITY | {"FSCTL_DEPLOY_REPOSITORY": "/"},
            None,
            Fact("Checkout", "TEAMCITY_PROJECT_NAME"),
        ),
        (
            {"FSCTL_DEPLOY_REPOSITORY": "acme/checkout/"},
            None,
            Fact("checkout", "FSCTL_DEPLOY_REPOSITORY"),
        ),
        ({}, GIT, Fact("from-git", "git")),
        ({}, GIT._replace(repository=None), Fact("folder", "git")),
    ],
)
def test_a_service_without_a_name_is_named_after_its_repository(
    environ: dict[str, str], git: GitFacts | None, service: Fact
) -> None:
    assert gather(environ, git=None if git is None else lambda: git).facts["service"] == service


# -- times


def test_times_are_read_as_they_are_told() -> None:
    deploy = gather(options={"started": "-15m", "finished": "2026-03-02T09:19:00Z"})
    assert deploy.started == NOW - timedelta(minutes=15)
    assert deploy.finished == NOW - timedelta(minutes=1)


def test_times_of_ours_go_before_the_systems_and_take_the_zone_that_holds() -> None:
    zone = timezone(timedelta(hours=2))
    deploy = gather(GITLAB | {"FSCTL_DEPLOY_STARTED": "2026-03-02T11:10:00"}, zone=zone)
    assert deploy.started == datetime(2026, 3, 2, 9, 10, tzinfo=UTC)


def test_the_systems_start_is_left_out_where_the_deploy_ended_before_it() -> None:
    deploy = gather(GITLAB, {"finished": "2026-03-02T09:00:00Z"})
    assert (deploy.started, deploy.finished) == (None, datetime(2026, 3, 2, 9, tzinfo=UTC))


@pytest.mark.parametrize(
    ("environ", "options", "named"),
    [
        ({}, {"started": "soonish"}, "--started"),
        ({}, {"finished": "soonish"}, "--finished"),
        ({"FSCTL_DEPLOY_STARTED": "soonish"}, {}, "FSCTL_DEPLOY_STARTED"),
        ({}, {"status": "done"}, "--status"),
        ({"FSCTL_DEPLOY_STATUS": "done"}, {}, "FSCTL_DEPLOY_STATUS"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(
    environ: dict[str, str], options: dict[str, str | None], named: str
) -> None:
    with pytest.raises(Usage) as refusal:
        gather(environ, options)
    assert named in refusal.value.message


# -- addresses


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ("https://ci.example.com/run/1", "https://ci.example.com/run/1"),
        ("http://[2001:db8::1]:8080/job", "http://[2001:db8::1]:8080/job"),
        ("https://ci.example.com/Web Shop/é", "https://ci.example.com/Web%20Shop/%C3%A9"),
        ("https://ci.example.com/a?buildId=1", "https://ci.example.com/a?buildId=1"),
        ("https://ci.example.com/a\u202eb", "https://ci.example.com/a%E2%80%AEb"),
        ("https://bot:hunter22@ci.example.com/1", None),
        ("https://ci.example.com/1?token=hunter22", None),
        ("https://ci.example.com/1#access_token=hunter22", None),
        ("https://ci.example.com\\@evil.example/", None),
        ("ftp://ci.example.com/1", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("//ci.example.com/1", None),
        ("https://ci.example.com/" + "x" * 3000, None),
    ],
)
def test_only_a_plain_address_without_a_secret_is_a_way_back(told: str, taken: str | None) -> None:
    deploy = gather({"FSCTL_DEPLOY_RUN_URL": told})
    assert found(deploy).get("run_url") == taken
    assert bool(deploy.remarks) == (taken is None)
    assert "hunter22" not in str(deploy)


@pytest.mark.parametrize(
    ("variable", "value", "remark"),
    [
        ("RUN_URL", "ftp://x", "FSCTL_DEPLOY_RUN_URL is left out: it is not an http or https"),
        ("COMMIT", "the latest", "FSCTL_DEPLOY_COMMIT is left out: it holds no commit."),
        (
            "PULL_REQUEST",
            "mine",
            "FSCTL_DEPLOY_PULL_REQUEST is left out: it holds no pull request.",
        ),
    ],
)
def test_a_variable_of_ours_that_is_not_taken_is_told(
    variable: str, value: str, remark: str
) -> None:
    (told,) = gather({f"FSCTL_DEPLOY_{variable}": value}).remarks
    assert told.startswith(remark)


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("ENVIROMENT", "is left out; did you mean FSCTL_DEPLOY_ENVIRONMENT?"),
        ("SERVCE", "is left out; did you mean FSCTL_DEPLOY_SERVICE?"),
        ("start", "is left out; did you mean FSCTL_DEPLOY_STARTED?"),
        ("SHA", "is left out: no fact is called that."),
        ("SHORT_COMMIT", "is left out"),
    ],
)
def test_a_variable_of_ours_that_nobody_reads_is_told(name: str, remark: str) -> None:
    deploy = gather(GITHUB | {f"FSCTL_DEPLOY_{name}": "x"})
    (told,) = deploy.remarks
    assert told.startswith(f"FSCTL_DEPLOY_{name} {remark}")


def test_the_variables_of_ours_that_are_read_or_empty_are_not_remarked() -> None:
    times = dict.fromkeys(("STARTED", "FINISHED"), "2026-03-02T09:00:00Z")
    facts = dict.fromkeys(("SERVICE", "BRANCH", "MATRIX", "ENV"), "x")
    environ = {f"FSCTL_DEPLOY_{name}": value for name, value in (times | facts).items()}
    assert gather(environ | {"FSCTL_DEPLOY_ENVIROMENT": " "}).remarks == ()


def test_the_environment_may_be_told_as_the_option_is_called() -> None:
    environ = {"FSCTL_DEPLOY_ENV": "production"}
    assert gather(environ).facts["environment"] == Fact("production", "FSCTL_DEPLOY_ENV")
    whole = gather(environ | {"FSCTL_DEPLOY_ENVIRONMENT": "staging"})
    assert whole.facts["environment"].value == "staging"


def test_why_git_did_not_tell_is_told() -> None:
    deploy = gather(git=lambda: GitFacts(trouble="Git does not read it."))
    assert deploy.remarks == ("Git does not read it.",)


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("42", "42"), ("#42", "42"), ("!42", "42"), ("PR-42", "42"), ("pr/42", "42"),
        ("https://github.com/acme/checkout/pull/42", "42"),
        ("https://gitlab.com/acme/checkout/-/merge_requests/42/", "42"),
        ("false", None), ("null", None), ("4 2", None), ("٤٢", None),
    ],
)  # fmt: skip
def test_a_pull_request_is_a_number_however_it_is_told(told: str, number: str | None) -> None:
    assert found(gather({"FSCTL_DEPLOY_PULL_REQUEST": told})).get("pull_request") == number


# -- the events of GitHub


def event(name: str, payload: Any, **environ: str) -> dict[str, str]:
    """The facts where ``payload`` is in the event's file."""
    deploy = gather(
        GITHUB | {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": "/event.json"} | environ,
        read_file=lambda path: json.dumps(payload).encode() if path == "/event.json" else b"",
    )
    return found(deploy)


MERGE = {
    "GITHUB_SHA": OTHER_COMMIT,
    "GITHUB_REF": "refs/pull/42/merge",
    "GITHUB_HEAD_REF": "feature/baskets",
    "GITHUB_BASE_REF": "main",
}
REQUEST = {
    "number": 42,
    "title": "Count baskets once",
    "merged": False,
    "merge_commit_sha": "0" * 40,
    "head": {"ref": "feature/baskets", "sha": COMMIT},
    "base": {"ref": "main", "sha": "1" * 40},
}


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
def test_a_pull_request_of_github_is_its_own_commit_and_not_the_merge(name: str) -> None:
    facts = event(name, {"action": "synchronize", "pull_request": REQUEST}, **MERGE)
    assert (facts["commit"], facts["branch"]) == (COMMIT, "feature/baskets")
    assert (facts["pull_request"], facts["title"]) == ("42", "Count baskets once")


def test_a_merged_pull_request_is_what_the_base_branch_became() -> None:
    merged = REQUEST | {"merged": True, "merge_commit_sha": COMMIT}
    facts = event("pull_request", {"action": "closed", "pull_request": merged}, **MERGE)
    assert (facts["commit"], facts["branch"], facts["pull_request"]) == (COMMIT, "main", "42")


def test_a_pull_request_without_its_event_is_told_by_the_variables() -> None:
    facts = found(gather(GITHUB | MERGE | {"GITHUB_EVENT_NAME": "pull_request"}))
    assert (facts["commit"], facts["branch"]) == (OTHER_COMMIT, "feature/baskets")
    assert facts["pull_request"] == "42"


def test_a_deployment_names_its_environment() -> None:
    payload = {"deployment": {"sha": COMMIT, "ref": "main", "environment": "production"}}
    facts = event("deployment", payload)
    assert (facts["environment"], facts["commit"], facts["branch"]) == (
        "production", COMMIT, "main",
    )  # fmt: skip


def test_the_status_of_a_deployment_names_the_environment_it_went_to() -> None:
    payload = {
        "deployment": {"sha": COMMIT, "environment": "staging"},
        "deployment_status": {"state": "success", "environment": "production"},
    }
    assert event("deployment_status", payload)["environment"] == "production"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("success", "succeeded"), ("failure", "failed"), ("error", "failed"),
        ("pending", "started"), ("queued", "started"), ("in_progress", "started"),
        ("waiting", "started"), ("something new", "succeeded"), (None, "succeeded"),
    ],
)  # fmt: skip
def test_a_deployment_is_told_as_its_state_says(state: str | None, status: str) -> None:
    payload = {"deployment": {"sha": COMMIT}, "deployment_status": {"state": state}}
    assert event("deployment_status", payload)["status"] == status
    told = event("deployment_status", payload, FSCTL_DEPLOY_STATUS="rolled-back")
    assert told["status"] == "rolled-back"


def test_a_release_names_its_tag_and_title() -> None:
    payload = {"release": {"tag_name": "v1.4.2", "name": "Baskets", "draft": False}}
    facts = event("release", payload, GITHUB_REF="refs/tags/v1.4.2")
    assert (facts["tag"], facts["version"], facts["title"]) == ("v1.4.2", "v1.4.2", "Baskets")
    assert "branch" not in facts


def test_after_another_workflow_it_is_what_that_one_ran_on() -> None:
    run = {
        "head_sha": COMMIT,
        "head_branch": "release/spring",
        "display_title": "Count baskets once",
        "pull_requests": [{"number": 42}],
    }
    facts = event("workflow_run", {"workflow_run": run}, GITHUB_SHA=OTHER_COMMIT)
    assert (facts["commit"], facts["branch"]) == (COMMIT, "release/spring")
    assert (facts["pull_request"], facts["title"]) == ("42", "Count baskets once")
    assert facts["run_id"] == GITHUB["GITHUB_RUN_ID"]


@pytest.mark.parametrize(
    ("run", "status"),
    [
        ({"status": "completed", "conclusion": "success"}, "succeeded"),
        ({"status": "completed", "conclusion": "failure"}, "failed"),
        ({"status": "completed", "conclusion": "cancelled"}, "failed"),
        ({"status": "completed", "conclusion": "timed_out"}, "failed"),
        ({"status": "in_progress", "conclusion": None}, "started"),
        ({"status": "requested", "conclusion": None}, "started"),
        ({}, "succeeded"),
    ],
)
def test_another_workflow_is_told_as_it_ended(run: dict[str, Any], status: str) -> None:
    assert event("workflow_run", {"workflow_run": run})["status"] == status


def test_the_way_back_and_the_times_are_those_of_the_run_that_annotates() -> None:
    run = {
        "run_started_at": "2026-03-02T09:02:03Z",
        "html_url": "https://github.com/acme/checkout/actions/runs/7",
    }
    deploy = gather(
        GITHUB | {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": "/event.json"},
        read_file=lambda _: json.dumps({"workflow_run": run}).encode(),
    )
    assert deploy.facts["run_url"].value.endswith(GITHUB["GITHUB_RUN_ID"])
    assert deploy.started is None


def test_after_a_workflow_that_ran_on_no_branch_the_default_branch_is_not_told() -> None:
    run = {"head_sha": COMMIT, "head_branch": None}
    facts = event("workflow_run", {"workflow_run": run}, GITHUB_SHA=OTHER_COMMIT)
    assert facts["commit"] == COMMIT
    assert "branch" not in facts


def test_a_push_names_the_first_line_of_its_commit() -> None:
    payload = {"head_commit": {"id": COMMIT, "message": "Count baskets once\n\nNot twice."}}
    assert event("push", payload)["title"] == "Count baskets once"


def test_half_a_character_in_an_event_becomes_a_replacement() -> None:
    payload = {"head_commit": {"id": COMMIT, "message": "a\ud800b \U0001f600"}}
    assert event("push", payload)["title"] == "a\ufffdb \U0001f600"


def test_an_event_of_another_kind_is_not_read() -> None:
    def refuse(path: str) -> bytes:
        raise AssertionError(path)

    environ = GITHUB | {"GITHUB_EVENT_NAME": "schedule", "GITHUB_EVENT_PATH": "/event.json"}
    assert found(gather(environ, read_file=refuse))["branch"] == "main"


def test_the_events_facts_name_their_origin() -> None:
    environ = GITHUB | {"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": "/event.json"}
    payload = {"head_commit": {"id": COMMIT, "message": "x"}}
    deploy = gather(environ, read_file=lambda path: json.dumps(payload).encode())
    assert origins(deploy)["title"] == "GITHUB_EVENT_PATH"


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 200_000,
        b'{"head_commit": []}', b'{"head_commit": {"id": {}, "message": [1]}}',
        b'{"pull_request": 5, "workflow_run": "x"}', b'{"head_commit": {"message": true}}',
    ],
    ids=range(11),
)  # fmt: skip
@pytest.mark.parametrize("name", sorted(github_event._READERS))
def test_an_event_that_cannot_be_read_leaves_the_variables(raw: bytes, name: str) -> None:
    environ = GITHUB | {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": "/event.json"}
    deploy = gather(environ, read_file=lambda path: raw)
    assert deploy.facts["commit"] == Fact(COMMIT, "GITHUB_SHA")
    assert origins(deploy)["branch"] == "GITHUB_REF"


def read_at(path: Path) -> dict[str, str]:
    environ = GITHUB | {"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(path)}
    return found(gather(environ))


def test_the_events_file_is_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps({"head_commit": {"id": COMMIT, "message": "On disk"}}))
    assert read_at(file)["title"] == "On disk"


def test_a_missing_file_and_a_directory_are_no_event(tmp_path: Path) -> None:
    assert "title" not in read_at(tmp_path / "missing.json")
    assert "title" not in read_at(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_pipe_is_no_event_and_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "event.json"
    os.mkfifo(pipe)
    done: list[dict[str, str]] = []
    reader = threading.Thread(target=lambda: done.append(read_at(pipe)), daemon=True)
    held = os.open(pipe, os.O_RDWR)
    try:
        os.write(held, json.dumps({"head_commit": {"id": COMMIT, "message": "Piped"}}).encode())
        reader.start()
        reader.join(20)
    finally:
        os.close(held)
    assert done and "title" not in done[0]


def test_a_huge_file_is_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_event, "MAX_BYTES", 100)
    file = tmp_path / "event.json"
    file.write_text(json.dumps({"head_commit": {"id": COMMIT, "message": "x" * 100}}))
    assert "title" not in read_at(file)


# -- whatever strangers write

NASTY = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    [
        "\ud800",
        "\ud83d\ude00",
        "::warning::x",
        "##vso[task.complete]",
        "\x1b[2J",
        "a\nb\r\nc",
        "\udc80",
        "{service}",
        " ",
    ]
)


def variables() -> list[str]:
    words: set[str] = set()
    for row in SYSTEMS.values():
        for sources in (*row.facts.values(), row.project, row.ref, row.started):
            words.update(re.findall(r"\b[A-Z_][A-Z_0-9]+\b", sources))
    return sorted(words | {f"FSCTL_DEPLOY_{name.upper()}" for name in NAMES if name != "status"})


@given(
    name=st.sampled_from(sorted(RECORDED)),
    changes=st.dictionaries(st.sampled_from(variables()), NASTY, max_size=8),
    git=st.builds(GitFacts, *[NASTY | st.none()] * 6),
)
def test_whatever_strangers_write_becomes_one_line_of_valid_text(
    name: str, changes: dict[str, str], git: GitFacts
) -> None:
    deploy = gather({**RECORDED[name], **changes}, git=lambda: git)
    assert set(deploy.facts) <= set(NAMES)
    for name, fact in deploy.facts.items():
        assert re.fullmatch("[a-z_]+", name)
        assert fact.value.encode()
        assert fact.value == fact.value.strip() != ""
        assert len(fact.value.splitlines()) == 1
        assert fact.origin
    if "run_url" in deploy.facts:
        assert re.fullmatch(r"https?://[!-~]+", deploy.facts["run_url"].value)
    if "commit" in deploy.facts:
        assert re.fullmatch("[0-9A-Fa-f]{1,64}", deploy.facts["commit"].value)


@pytest.mark.parametrize("value", ["/" * 200_000, "[" * 200_000, "9" * 200_000, "pr" * 100_000])
def test_long_values_take_no_longer_than_they_are(value: str) -> None:
    environ = {f"FSCTL_DEPLOY_{name.upper()}": value for name in NAMES if name != "status"}
    environ["FSCTL_DEPLOY_RUN_URL"] = f"https://{value}"
    for fact in gather(environ).facts.values():
        assert len(fact.value) <= 2000
