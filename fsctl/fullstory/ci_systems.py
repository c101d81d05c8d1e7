"""The systems that run deploys: one table, one system a row.

By which variables each is known stands in ``ci_marks``, which loads faster than this table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Fact(NamedTuple):
    """One thing known of a deploy; ``origin`` is the variable, option, "git" or file it is from."""

    value: str
    origin: str


class System(NamedTuple):
    """A row: which of a system's variables hold what.

    ``facts`` names the variables of each fact, the best first, apart by blanks; one with braces is
    put together from several, all of which have to be set. ``project`` is what a service may be
    named after where there is no repository, ``ref`` a variable that holds a whole ref, such as
    ``refs/heads/main``, and ``started`` one with the moment at which the job began (never the whole
    pipeline, which may have waited for a person). ``statuses`` says which value of which variable
    means which status; ``!0`` is any but 0. ``page`` is the public page that the names are from.
    """

    name: str
    page: str
    facts: Mapping[str, str]
    project: str = ""
    ref: str = ""
    started: str = ""
    statuses: tuple[tuple[str, str, str], ...] = ()


_ROWS = (
    # Says nothing of a job's start, its matrix or its environment. The event says more: see
    # github_event.
    System(
        name="GitHub Actions",
        page="https://docs.github.com/en/actions/reference/workflows-and-actions/variables",
        facts={
            "commit": "GITHUB_SHA",
            "branch": "GITHUB_HEAD_REF",
            "actor": "GITHUB_TRIGGERING_ACTOR GITHUB_ACTOR",
            "run_url": "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
            "run_id": "GITHUB_RUN_ID",
            "attempt": "GITHUB_RUN_ATTEMPT",
            "job": "GITHUB_JOB",
            "repository": "GITHUB_REPOSITORY",
        },
        ref="GITHUB_REF",
    ),
    # A job that is retried is a new one, with an id and an address of its own. The commit of a
    # merged result is nowhere to be found afterwards; that of the source branch is.
    System(
        name="GitLab CI",
        page="https://docs.gitlab.com/ci/variables/predefined_variables/",
        facts={
            "commit": "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA CI_COMMIT_SHA",
            "branch": "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"
            " CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME CI_COMMIT_BRANCH",
            "tag": "CI_COMMIT_TAG",
            "pull_request": "CI_MERGE_REQUEST_IID CI_EXTERNAL_PULL_REQUEST_IID",
            "title": "CI_MERGE_REQUEST_TITLE CI_COMMIT_TITLE",
            "environment": "CI_ENVIRONMENT_NAME",
            "actor": "GITLAB_USER_LOGIN GITLAB_USER_NAME",
            "run_url": "CI_JOB_URL CI_PIPELINE_URL",
            "run_id": "CI_JOB_ID CI_PIPELINE_ID",
            "job": "CI_JOB_NAME",
            "matrix": "CI_NODE_INDEX",
            "repository": "CI_PROJECT_PATH",
        },
        started="CI_JOB_STARTED_AT",
        statuses=(("CI_JOB_STATUS", "failed", "failed"), ("CI_JOB_STATUS", "canceled", "failed")),
    ),
    # Says nothing of a start. The number of a build is the job's, and a rerun has another.
    System(
        name="CircleCI",
        page="https://circleci.com/docs/reference/variables/",
        facts={
            "commit": "CIRCLE_SHA1",
            "branch": "CIRCLE_BRANCH",
            "tag": "CIRCLE_TAG",
            "pull_request": "CIRCLE_PR_NUMBER CIRCLE_PULL_REQUEST",
            "actor": "CIRCLE_USERNAME",
            "run_url": "CIRCLE_BUILD_URL",
            "run_id": "CIRCLE_BUILD_NUM",
            "job": "CIRCLE_JOB",
            "matrix": "CIRCLE_NODE_INDEX",
            "repository": "{CIRCLE_PROJECT_USERNAME}/{CIRCLE_PROJECT_REPONAME}"
            " CIRCLE_REPOSITORY_URL",
        },
        project="CIRCLE_PROJECT_REPONAME",
    ),
    # Says nothing of a start. The commit may be the word HEAD; a job of a matrix has its own id.
    System(
        name="Buildkite",
        page="https://buildkite.com/docs/pipelines/configure/environment-variables",
        facts={
            "commit": "BUILDKITE_COMMIT",
            "branch": "BUILDKITE_BRANCH",
            "tag": "BUILDKITE_TAG",
            "pull_request": "BUILDKITE_PULL_REQUEST",
            "title": "BUILDKITE_MESSAGE",
            "environment": "BUILDKITE_GITHUB_DEPLOYMENT_ENVIRONMENT",
            "actor": "BUILDKITE_UNBLOCKER BUILDKITE_BUILD_CREATOR BUILDKITE_BUILD_AUTHOR",
            "run_url": "BUILDKITE_BUILD_URL",
            "run_id": "BUILDKITE_BUILD_ID",
            "attempt": "BUILDKITE_RETRY_COUNT",
            "job": "BUILDKITE_STEP_KEY BUILDKITE_LABEL",
            "matrix": "BUILDKITE_JOB_ID",
            "repository": "BUILDKITE_REPO",
        },
        project="BUILDKITE_PIPELINE_SLUG",
    ),
    # Sets no CI. Its SYSTEM_PIPELINESTARTTIME is the whole run's, approvals and all. RELEASE_* are
    # those of classic releases: https://learn.microsoft.com/azure/devops/pipelines/release/variables
    System(
        name="Azure Pipelines",
        page="https://learn.microsoft.com/azure/devops/pipelines/build/variables",
        facts={
            "commit": "SYSTEM_PULLREQUEST_SOURCECOMMITID BUILD_SOURCEVERSION",
            "branch": "SYSTEM_PULLREQUEST_SOURCEBRANCH",
            "pull_request": "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER SYSTEM_PULLREQUEST_PULLREQUESTID",
            "title": "BUILD_SOURCEVERSIONMESSAGE",
            "environment": "ENVIRONMENT_NAME RELEASE_ENVIRONMENTNAME",
            "actor": "RELEASE_DEPLOYMENT_REQUESTEDFOR BUILD_REQUESTEDFOR",
            "run_url": "RELEASE_RELEASEWEBURL {SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}"
            "/_build/results?buildId={BUILD_BUILDID}",
            "run_id": "RELEASE_RELEASEID BUILD_BUILDID",
            "attempt": "RELEASE_ATTEMPTNUMBER {SYSTEM_STAGEATTEMPT}.{SYSTEM_JOBATTEMPT}"
            " SYSTEM_JOBATTEMPT",
            "job": "{SYSTEM_STAGENAME}.{SYSTEM_PHASENAME} SYSTEM_PHASENAME AGENT_JOBNAME",
            "matrix": "SYSTEM_JOBNAME",
            "repository": "BUILD_REPOSITORY_NAME",
        },
        project="RELEASE_DEFINITIONNAME BUILD_DEFINITIONNAME",
        ref="BUILD_SOURCEBRANCH",
        statuses=(
            ("AGENT_JOBSTATUS", "Failed", "failed"),
            ("AGENT_JOBSTATUS", "Canceled", "failed"),
        ),
    ),
    # Says nothing of a start, and names who started it only by a UUID.
    System(
        name="Bitbucket Pipelines",
        page="https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/",
        facts={
            "commit": "BITBUCKET_COMMIT",
            "branch": "BITBUCKET_BRANCH",
            "tag": "BITBUCKET_TAG",
            "pull_request": "BITBUCKET_PR_ID",
            "environment": "BITBUCKET_DEPLOYMENT_ENVIRONMENT",
            "run_url": "https://bitbucket.org/{BITBUCKET_REPO_FULL_NAME}/pipelines/results"
            "/{BITBUCKET_BUILD_NUMBER}",
            "run_id": "BITBUCKET_BUILD_NUMBER",
            "attempt": "BITBUCKET_STEP_RUN_NUMBER",
            "matrix": "BITBUCKET_STEP_UUID BITBUCKET_PARALLEL_STEP",
            "repository": "BITBUCKET_REPO_FULL_NAME",
        },
        project="BITBUCKET_REPO_SLUG",
        # The page says 0 or 1; Atlassian's staff say that it is the script's own code.
        statuses=(("BITBUCKET_EXIT_CODE", "!0", "failed"),),
    ),
    # Says nothing of a start, nor of who. The branch of a tag is the tag.
    System(
        name="Travis CI",
        page="https://docs.travis-ci.com/user/environment-variables/",
        facts={
            "commit": "TRAVIS_PULL_REQUEST_SHA TRAVIS_COMMIT",
            "branch": "TRAVIS_PULL_REQUEST_BRANCH TRAVIS_BRANCH",
            "tag": "TRAVIS_TAG",
            "pull_request": "TRAVIS_PULL_REQUEST",
            "title": "TRAVIS_COMMIT_MESSAGE",
            "run_url": "TRAVIS_JOB_WEB_URL TRAVIS_BUILD_WEB_URL",
            "run_id": "TRAVIS_BUILD_ID",
            "job": "TRAVIS_JOB_NAME TRAVIS_BUILD_STAGE_NAME TRAVIS_JOB_NUMBER",
            "matrix": "TRAVIS_JOB_NUMBER",
            "repository": "TRAVIS_REPO_SLUG",
        },
        statuses=(("TRAVIS_TEST_RESULT", "1", "failed"),),
    ),
    # Hands the branch, who and the start to no environment: only to settings that name them.
    System(
        name="TeamCity",
        page="https://www.jetbrains.com/help/teamcity/predefined-build-parameters.html",
        facts={
            "commit": "BUILD_VCS_NUMBER",
            "run_url": "BUILD_URL",
            "run_id": "BUILD_NUMBER",
            "job": "{TEAMCITY_PROJECT_NAME}.{TEAMCITY_BUILDCONF_NAME} TEAMCITY_BUILDCONF_NAME",
        },
        project="TEAMCITY_PROJECT_NAME",
    ),
    # The start is the step's: that of the pipeline is before all its workflows.
    System(
        name="Woodpecker",
        page="https://woodpecker-ci.org/docs/usage/environment",
        facts={
            "commit": "CI_COMMIT_SHA",
            "branch": "CI_COMMIT_SOURCE_BRANCH CI_COMMIT_BRANCH",
            "tag": "CI_COMMIT_TAG",
            "pull_request": "CI_COMMIT_PULL_REQUEST",
            "title": "CI_COMMIT_MESSAGE",
            "environment": "CI_PIPELINE_DEPLOY_TARGET",
            "actor": "CI_PIPELINE_AUTHOR CI_COMMIT_AUTHOR",
            "run_url": "CI_PIPELINE_URL CI_STEP_URL",
            "run_id": "CI_PIPELINE_NUMBER",
            "job": "{CI_WORKFLOW_NAME}.{CI_STEP_NAME} CI_STEP_NAME",
            "repository": "CI_REPO",
        },
        ref="CI_COMMIT_REF",
        started="CI_STEP_STARTED",
    ),
    System(
        name="Drone",
        page="https://docs.drone.io/pipeline/environment/reference/",
        facts={
            "commit": "DRONE_COMMIT_SHA DRONE_COMMIT",
            "branch": "DRONE_SOURCE_BRANCH DRONE_COMMIT_BRANCH",
            "tag": "DRONE_TAG",
            "pull_request": "DRONE_PULL_REQUEST",
            "title": "DRONE_PULL_REQUEST_TITLE DRONE_COMMIT_MESSAGE",
            "environment": "DRONE_DEPLOY_TO",
            "actor": "DRONE_BUILD_TRIGGER DRONE_COMMIT_AUTHOR",
            "run_url": "DRONE_BUILD_LINK",
            "run_id": "DRONE_BUILD_NUMBER",
            "job": "{DRONE_STAGE_NAME}.{DRONE_STEP_NAME} DRONE_STAGE_NAME",
            "matrix": "DRONE_STAGE_NUMBER",
            "repository": "DRONE_REPO",
        },
        ref="DRONE_COMMIT_REF",
        started="DRONE_STAGE_STARTED",
        statuses=(
            ("DRONE_STAGE_STATUS", "failure", "failed"),
            ("DRONE_BUILD_STATUS", "failure", "failed"),
            ("DRONE_BUILD_EVENT", "rollback", "rolled-back"),
        ),
    ),
    # Sets no CI. The start is in milliseconds.
    System(
        name="AWS CodeBuild",
        page="https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html",
        facts={
            "commit": "CODEBUILD_RESOLVED_SOURCE_VERSION CODEBUILD_SOURCE_VERSION",
            "actor": "CODEBUILD_INITIATOR",
            "run_url": "CODEBUILD_PUBLIC_BUILD_URL https://console.aws.amazon.com/codebuild/home"
            "?region={AWS_REGION}#/builds/{CODEBUILD_BUILD_ID}/view/new",
            "run_id": "CODEBUILD_BUILD_ID",
            "repository": "CODEBUILD_SOURCE_REPO_URL",
        },
        project="CODEBUILD_BUILD_ID",
        ref="CODEBUILD_WEBHOOK_TRIGGER CODEBUILD_WEBHOOK_HEAD_REF CODEBUILD_SOURCE_VERSION",
        started="CODEBUILD_START_TIME",
        statuses=(("CODEBUILD_BUILD_SUCCEEDING", "0", "failed"),),
    ),
    # Sets no CI, and these only where `automapSubstitutions: true` or `env:` asks for them.
    System(
        name="Google Cloud Build",
        page="https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values",
        facts={
            "commit": "COMMIT_SHA REVISION_ID SHORT_SHA",
            "branch": "_HEAD_BRANCH BRANCH_NAME",
            "tag": "TAG_NAME",
            "pull_request": "_PR_NUMBER",
            "run_url": "https://console.cloud.google.com/cloud-build/builds;region={LOCATION}"
            "/{BUILD_ID}?project={PROJECT_ID}",
            "run_id": "BUILD_ID",
            "job": "TRIGGER_NAME",
            "repository": "REPO_FULL_NAME REPO_NAME",
        },
        project="TRIGGER_NAME",
    ),
    # Sets no CI, and its own address only where one is configured. GIT_* are a plugin's
    # (https://plugins.jenkins.io/git/), as are CHANGE_*, TAG_NAME and BRANCH_NAME
    # (https://plugins.jenkins.io/branch-api/) and BUILD_USER*
    # (https://plugins.jenkins.io/build-user-vars-plugin/).
    System(
        name="Jenkins",
        page="https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables",
        facts={
            "commit": "GIT_COMMIT",
            "branch": "CHANGE_BRANCH BRANCH_NAME GIT_BRANCH",
            "tag": "TAG_NAME",
            "pull_request": "CHANGE_ID",
            "title": "CHANGE_TITLE",
            "actor": "BUILD_USER_ID BUILD_USER CHANGE_AUTHOR",
            "run_url": "BUILD_URL",
            "run_id": "BUILD_NUMBER",
            "job": "JOB_NAME",
            "repository": "GIT_URL GIT_URL_1",
        },
    ),
)

SYSTEMS: Mapping[str, System] = {row.name: row for row in _ROWS}


def values(sources: str, environ: Mapping[str, str]) -> Iterator[Fact]:
    """What ``sources``, as the table writes them, hold: the best first, nothing that is empty."""
    for source in sources.split():
        if "{" not in source:
            if value := environ.get(source, "").strip():
                yield Fact(value, source)
            continue
        parts = source.replace("}", "{").split("{")  # text, name, text, name, ..., text
        names = parts[1::2]
        if all(environ.get(name, "").strip() for name in names):
            parts[1::2] = [environ[name].strip() for name in names]
            yield Fact("".join(parts), ", ".join(names))
