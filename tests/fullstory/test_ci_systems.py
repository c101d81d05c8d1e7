"""Every build system of the table: the environment of a job, and what is known of its deploy."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fsctl.fullstory import deploys
from fsctl.fullstory.ci_marks import MARKS, is_ci, mark_found, system_name
from fsctl.fullstory.ci_systems import SYSTEMS
from fsctl.fullstory.deploys import Deploy
from tests.support.ci_environments import (
    AZURE,
    BITBUCKET,
    BUILDKITE,
    CIRCLECI,
    CLOUD_BUILD,
    CODEBUILD,
    COMMIT,
    DRONE,
    GITHUB,
    GITLAB,
    JENKINS,
    OTHER_COMMIT,
    RECORDED,
    TEAMCITY,
    TRAVIS,
    WOODPECKER,
)

NOW = datetime(2026, 3, 2, 9, 20, tzinfo=UTC)
BEGAN = datetime(2026, 3, 2, 9, 15, 4, tzinfo=UTC)


def gathered(environ: dict[str, str]) -> Deploy:
    return deploys.gather(environ, {}, git=None, now=NOW)


def known(environ: dict[str, str]) -> dict[str, str]:
    """What is known, without what the commit gives and what is the same everywhere."""
    facts = {name: fact.value for name, fact in gathered(environ).facts.items()}
    assert facts.get("short_commit", "") == facts.get("commit", "")[:7]
    return {name: value for name, value in facts.items() if name != "short_commit"}


SAME = {"commit": COMMIT, "service": "checkout", "repository": "acme/checkout"}
GOOD = {"status": "succeeded"}


@pytest.mark.parametrize(
    ("environ", "facts"),
    [
        (
            GITHUB,
            SAME | GOOD | {
                "system": "GitHub Actions",
                "branch": "main",
                "actor": "grace",
                "run_url": "https://github.com/acme/checkout/actions/runs/9034017301",
                "run_id": "9034017301",
                "attempt": "2",
                "job": "deploy",
            },
        ),
        (
            GITLAB,
            SAME | GOOD | {
                "system": "GitLab CI",
                "repository": "acme/shop/checkout",
                "branch": "main",
                "title": "Count baskets once",
                "environment": "production",
                "actor": "ada",
                "run_url": "https://gitlab.com/acme/shop/checkout/-/jobs/6871350412",
                "run_id": "6871350412",
                "job": "deploy: [eu]",
                "matrix": "1",
            },
        ),
        (
            CIRCLECI,
            SAME | GOOD | {
                "system": "CircleCI",
                "branch": "feature/baskets",
                "pull_request": "42",
                "actor": "ada",
                "run_url": "https://circleci.com/gh/acme/checkout/1187",
                "run_id": "1187",
                "job": "deploy",
                "matrix": "0",
            },
        ),
        (
            BUILDKITE,
            SAME | GOOD | {
                "system": "Buildkite",
                "tag": "v1.4.2",
                "version": "v1.4.2",
                "title": "Count baskets once",
                "actor": "Grace Hopper",
                "run_url": "https://buildkite.com/acme/checkout/builds/59034",
                "run_id": "b81ed283-58b7-4925-aa4a-d3da0eafcf2b",
                "attempt": "0",
                "job": "deploy",
                "matrix": "d593f546-8c9a-45f8-8701-a2b92fbea9a7",
            },
        ),
        (
            AZURE,
            SAME | GOOD | {
                "system": "Azure Pipelines",
                "repository": "checkout",
                "branch": "release/spring",
                "title": "Count baskets once",
                "environment": "shop-production",
                "actor": "Ada Lovelace",
                "run_url": "https://dev.azure.com/acme/Web%20Shop/_build/results?buildId=870",
                "run_id": "870",
                "attempt": "2.1",
                "job": "production.deploy",
                "matrix": "eu",
            },
        ),
        (
            BITBUCKET,
            SAME | GOOD | {
                "system": "Bitbucket Pipelines",
                "branch": "main",
                "environment": "production",
                "run_url": "https://bitbucket.org/acme/checkout/pipelines/results/5",
                "run_id": "5",
                "attempt": "1",
                "matrix": "{0cb4b2e2-4c1a-4ccc-9c4d-35c2b7b3cf2f}",
            },
        ),
        (
            TRAVIS,
            SAME | GOOD | {
                "system": "Travis CI",
                "branch": "main",
                "title": "Count baskets once",
                "run_url": "https://app.travis-ci.com/acme/checkout/jobs/613900541",
                "run_id": "270158304",
                "job": "deploy",
                "matrix": "118.2",
            },
        ),
        (
            TEAMCITY,
            GOOD | {
                "system": "TeamCity",
                "commit": COMMIT,
                "service": "Checkout",
                "run_url": "https://ci.example.com/build/20417",
                "run_id": "311",
                "job": "Checkout.Deploy",
            },
        ),
        (
            WOODPECKER,
            SAME | GOOD | {
                "system": "Woodpecker",
                "branch": "main",
                "title": "Count baskets once",
                "environment": "production",
                "actor": "ada",
                "run_url": "https://ci.example.com/repos/7/pipeline/8",
                "run_id": "8",
                "job": "release.mark",
            },
        ),
        (
            DRONE,
            SAME | GOOD | {
                "system": "Drone",
                "branch": "main",
                "title": "Count baskets once",
                "environment": "production",
                "actor": "ada",
                "run_url": "https://drone.example.com/acme/checkout/15",
                "run_id": "15",
                "job": "default.mark",
                "matrix": "1",
            },
        ),
        (
            CODEBUILD,
            SAME | GOOD | {
                "system": "AWS CodeBuild",
                "branch": "feature/baskets",
                "pull_request": "42",
                "run_url": "https://console.aws.amazon.com/codebuild/home?region=eu-west-1#/builds"
                "/checkout:b1e6661e-e4f2-4156-9ab9-82a19e0f4a7c/view/new",
                "run_id": "checkout:b1e6661e-e4f2-4156-9ab9-82a19e0f4a7c",
            },
        ),
        (
            CLOUD_BUILD,
            SAME | GOOD | {
                "system": "Google Cloud Build",
                "branch": "main",
                "run_url": "https://console.cloud.google.com/cloud-build/builds;region=europe-west3"
                "/046ddd31-3670-4771-9336-8919e7098b11?project=acme-shop",
                "run_id": "046ddd31-3670-4771-9336-8919e7098b11",
                "job": "deploy-checkout",
            },
        ),
        (
            JENKINS,
            SAME | GOOD | {
                "system": "Jenkins",
                "branch": "feature/baskets",
                "pull_request": "24",
                "title": "Count baskets once",
                "actor": "ada",
                "run_url": "https://jenkins.example.com/job/acme/job/checkout/job/PR-24/153/",
                "run_id": "153",
                "job": "acme/checkout/PR-24",
            },
        ),
    ],
    ids=list(RECORDED),
)  # fmt: skip
def test_the_job_of_every_system_tells_of_its_deploy(
    environ: dict[str, str], facts: dict[str, str]
) -> None:
    assert known(environ) == facts
    assert gathered(environ).system == facts["system"]
    assert gathered(environ).under_ci


def test_every_row_has_a_recorded_job_a_page_and_its_marks() -> None:
    assert list(SYSTEMS) == list(MARKS)
    assert set(SYSTEMS) == set(RECORDED)
    for row in SYSTEMS.values():
        assert row.page.startswith("https://")
        assert set(row.facts) <= set(deploys.NAMES)


@pytest.mark.parametrize("name", RECORDED)
def test_only_the_row_of_a_job_matches_it(name: str) -> None:
    environ = dict(RECORDED[name])
    assert system_name(environ) == name
    without = {key: value for key, value in environ.items() if not key.startswith("CI")}
    mark = mark_found(without) or mark_found(environ)
    assert mark in environ


@pytest.mark.parametrize(
    ("environ", "began"),
    [
        (GITLAB, BEGAN),
        (WOODPECKER, BEGAN),
        (DRONE, BEGAN),
        (CODEBUILD, BEGAN.replace(microsecond=123000)),
        *[
            (RECORDED[name], None)
            for name in RECORDED
            if name not in ("GitLab CI", "Woodpecker", "Drone", "AWS CodeBuild")
        ],
    ],
)
def test_the_start_is_the_jobs_own_where_the_system_says_so(
    environ: dict[str, str], began: datetime | None
) -> None:
    assert gathered(environ).started == began


@pytest.mark.parametrize(
    "told", ["", "0", "yesterday", "2026-03-02T09:20:01Z", "99999999999999999999"]
)
def test_a_start_that_cannot_be_is_left_out(told: str) -> None:
    assert gathered(GITLAB | {"CI_JOB_STARTED_AT": told}).started is None


@pytest.mark.parametrize(
    ("environ", "changes", "status"),
    [
        (GITLAB, {"CI_JOB_STATUS": "failed"}, "failed"),
        (GITLAB, {"CI_JOB_STATUS": "canceled"}, "failed"),
        (AZURE, {"AGENT_JOBSTATUS": "Failed"}, "failed"),
        (AZURE, {"AGENT_JOBSTATUS": "Canceled"}, "failed"),
        (AZURE, {"AGENT_JOBSTATUS": "SucceededWithIssues"}, "succeeded"),
        (BITBUCKET, {"BITBUCKET_EXIT_CODE": "1"}, "failed"),
        (BITBUCKET, {"BITBUCKET_EXIT_CODE": "127"}, "failed"),
        (BITBUCKET, {"BITBUCKET_EXIT_CODE": ""}, "succeeded"),
        (TRAVIS, {"TRAVIS_TEST_RESULT": "1"}, "failed"),
        (CODEBUILD, {"CODEBUILD_BUILD_SUCCEEDING": "0"}, "failed"),
        (DRONE, {"DRONE_BUILD_STATUS": "failure"}, "failed"),
        (DRONE, {"DRONE_BUILD_EVENT": "rollback"}, "rolled-back"),
        (
            DRONE,
            {"DRONE_BUILD_EVENT": "rollback", "DRONE_STAGE_STATUS": "failure"},
            "failed",
        ),
    ],
)
def test_a_job_that_failed_before_is_not_told_as_a_success(
    environ: dict[str, str], changes: dict[str, str], status: str
) -> None:
    assert known(environ | changes)["status"] == status


PULL_REQUEST = {"pull_request": "42", "branch": "feature/baskets"}


@pytest.mark.parametrize(
    ("environ", "facts"),
    [
        (
            GITLAB | {
                "CI_COMMIT_BRANCH": "",
                "CI_COMMIT_SHA": OTHER_COMMIT,
                "CI_MERGE_REQUEST_IID": "42",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature/baskets",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": COMMIT,
                "CI_MERGE_REQUEST_TITLE": "Baskets",
            },
            PULL_REQUEST | {"title": "Baskets", "commit": COMMIT},
        ),
        (
            CIRCLECI | {"CIRCLE_PR_NUMBER": "42", "CIRCLE_PULL_REQUEST": ""},
            PULL_REQUEST,
        ),
        (
            BUILDKITE | {
                "BUILDKITE_TAG": "",
                "BUILDKITE_BRANCH": "feature/baskets",
                "BUILDKITE_PULL_REQUEST": "42",
            },
            PULL_REQUEST,
        ),
        (
            AZURE | {
                "BUILD_REASON": "PullRequest",
                "BUILD_SOURCEBRANCH": "refs/pull/42/merge",
                "BUILD_SOURCEVERSION": OTHER_COMMIT,
                "SYSTEM_PULLREQUEST_PULLREQUESTID": "42",
                "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/feature/baskets",
                "SYSTEM_PULLREQUEST_SOURCECOMMITID": COMMIT,
            },
            PULL_REQUEST | {"commit": COMMIT},
        ),
        (AZURE | {"BUILD_SOURCEBRANCH": "refs/pull/42/merge"}, {"pull_request": "42"}),
        (
            BITBUCKET | {"BITBUCKET_BRANCH": "feature/baskets", "BITBUCKET_PR_ID": "42"},
            PULL_REQUEST,
        ),
        (
            TRAVIS | {
                "TRAVIS_COMMIT": OTHER_COMMIT,
                "TRAVIS_PULL_REQUEST": "42",
                "TRAVIS_PULL_REQUEST_BRANCH": "feature/baskets",
                "TRAVIS_PULL_REQUEST_SHA": COMMIT,
            },
            PULL_REQUEST | {"commit": COMMIT},
        ),
        (
            WOODPECKER | {
                "CI_COMMIT_PULL_REQUEST": "42",
                "CI_COMMIT_SOURCE_BRANCH": "feature/baskets",
            },
            PULL_REQUEST,
        ),
        (
            DRONE | {"DRONE_PULL_REQUEST": "42", "DRONE_SOURCE_BRANCH": "feature/baskets"},
            PULL_REQUEST,
        ),
        (
            CLOUD_BUILD | {"_HEAD_BRANCH": "feature/baskets", "_PR_NUMBER": "42"},
            PULL_REQUEST,
        ),
    ],
)  # fmt: skip
def test_a_pull_request_is_told_by_its_number_branch_and_own_commit(
    environ: dict[str, str], facts: dict[str, str]
) -> None:
    assert facts.items() <= known(environ).items()


@pytest.mark.parametrize(
    "environ",
    [
        GITHUB | {"GITHUB_REF": "refs/tags/v1.4.2"},
        GITLAB | {"CI_COMMIT_TAG": "v1.4.2", "CI_COMMIT_BRANCH": ""},
        CIRCLECI | {"CIRCLE_TAG": "v1.4.2", "CIRCLE_BRANCH": ""},
        BUILDKITE,
        AZURE | {"BUILD_SOURCEBRANCH": "refs/tags/v1.4.2"},
        BITBUCKET | {"BITBUCKET_TAG": "v1.4.2", "BITBUCKET_BRANCH": ""},
        TRAVIS | {"TRAVIS_TAG": "v1.4.2", "TRAVIS_BRANCH": "v1.4.2"},
        WOODPECKER
        | {"CI_COMMIT_TAG": "v1.4.2", "CI_COMMIT_BRANCH": "", "CI_COMMIT_REF": "refs/tags/v1.4.2"},
        DRONE
        | {"DRONE_TAG": "v1.4.2", "DRONE_COMMIT_REF": "refs/tags/v1.4.2"}
        | {"DRONE_SOURCE_BRANCH": "", "DRONE_COMMIT_BRANCH": ""},
        CODEBUILD
        | {"CODEBUILD_WEBHOOK_TRIGGER": "tag/v1.4.2"}
        | {"CODEBUILD_WEBHOOK_HEAD_REF": "refs/tags/v1.4.2", "CODEBUILD_SOURCE_VERSION": COMMIT},
        CLOUD_BUILD | {"TAG_NAME": "v1.4.2", "BRANCH_NAME": ""},
        JENKINS
        | {"TAG_NAME": "v1.4.2", "BRANCH_NAME": "v1.4.2"}
        | {"CHANGE_ID": "", "CHANGE_BRANCH": ""},
    ],
)
def test_a_tag_is_told_as_the_version_and_not_as_a_branch(environ: dict[str, str]) -> None:
    facts = known(environ)
    assert (facts["tag"], facts["version"]) == ("v1.4.2", "v1.4.2")
    assert "branch" not in facts


def test_a_classic_release_of_azure_is_told_by_its_own_variables() -> None:
    release = {
        "RELEASE_ATTEMPTNUMBER": "3",
        "RELEASE_DEPLOYMENT_REQUESTEDFOR": "Grace Hopper",
        "RELEASE_ENVIRONMENTNAME": "Production",
        "RELEASE_RELEASEID": "118",
        "RELEASE_RELEASEWEBURL": "https://dev.azure.com/acme/shop/_release?releaseId=118",
        "ENVIRONMENT_NAME": "",
    }
    facts = known(AZURE | release)
    assert facts["environment"] == "Production"
    assert facts["actor"] == "Grace Hopper"
    assert facts["run_url"] == "https://dev.azure.com/acme/shop/_release?releaseId=118"
    assert (facts["run_id"], facts["attempt"]) == ("118", "3")


def test_a_stage_of_azure_without_a_name_lends_the_job_none() -> None:
    unnamed = {"SYSTEM_STAGENAME": "__default", "SYSTEM_JOBNAME": "__default"}
    facts = known(AZURE | unnamed)
    assert facts["job"] == "deploy"
    assert "matrix" not in facts


def test_a_freestyle_job_of_jenkins_names_the_branch_without_its_remote() -> None:
    freestyle = {"BRANCH_NAME": "", "CHANGE_BRANCH": "", "CHANGE_ID": ""}
    facts = known(JENKINS | freestyle | {"GIT_BRANCH": "origin/main"})
    assert facts["branch"] == "main"
    assert "pull_request" not in facts


def test_a_build_that_a_clock_or_a_webhook_set_off_names_nobody() -> None:
    assert "actor" not in known(CODEBUILD)
    assert known(DRONE | {"DRONE_BUILD_TRIGGER": "@cron"})["actor"] == "grace"


def test_the_word_head_is_no_commit() -> None:
    assert "commit" not in known(BUILDKITE | {"BUILDKITE_COMMIT": "HEAD"})


def test_no_secret_of_a_clone_address_gets_into_the_facts() -> None:
    assert "hunter22" not in str(gathered(JENKINS))
    assert known(JENKINS)["repository"] == "acme/checkout"


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        (CODEBUILD | GITHUB, "GitHub Actions"),
        (CODEBUILD | GITLAB, "GitLab CI"),
        (BUILDKITE | {"JENKINS_URL": "https://jenkins.example.com/"}, "Buildkite"),
    ],
)
def test_of_several_systems_the_one_that_runs_the_job_counts(
    environ: dict[str, str], name: str
) -> None:
    assert system_name(environ) == name


# -- being under a build system


@pytest.mark.parametrize(
    "environ",
    [{"CI": "true"}, {"CI": "1"}, {"CI": "woodpecker"}, {"APPVEYOR": "True"}]
    + [{"bamboo_buildKey": "SHOP-DEP"}, {"JENKINS_HOME": "/var/jenkins", "BUILD_TAG": "jenkins-x"}]
    + [{mark.partition("=")[0]: mark.partition("=")[2] or "x"}
       for marks in MARKS.values() for mark in marks if "+" not in mark],
)  # fmt: skip
def test_a_build_system_is_known_by_its_variables(environ: dict[str, str]) -> None:
    assert is_ci(environ)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"CI": ""},
        {"CI": "false"},
        {"CI": "False"},
        {"CI": "0"},
        {"GITHUB_ACTIONS": "false"},
        {"JENKINS_HOME": "/var/jenkins"},  # of the server itself
        {"BUILDER_OUTPUT": "/somewhere"},
        {"CI_SYSTEM_NAME": "other"},
    ],
)
def test_nothing_else_is_a_build_system(environ: dict[str, str]) -> None:
    assert not is_ci(environ)
    assert system_name(environ) is None


@pytest.mark.parametrize("name", ["Jenkins", "Azure Pipelines", "AWS CodeBuild"])
def test_systems_that_set_no_ci_are_known_all_the_same(name: str) -> None:
    environ = {key: value for key, value in RECORDED[name].items() if key != "CI"}
    assert is_ci(environ)
