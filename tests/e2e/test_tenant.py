"""The profile's ``tenant``: whose account a command works on, wherever there is a word for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.support.fake_membrane import FakeMembrane
from tests.support.online import Online, inside, membrane_environment, online
from tests.support.program import Program

LIST = ("users", "list", "--limit", "1")
SECRET = "a-secret-of-the-workspace-acme-0123456789"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


@pytest.fixture(autouse=True)
def profile(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text('[profiles.default]\ntenant = "ours"\n')


VARIABLE = pytest.mark.parametrize(
    ("more", "tenant"),
    [({}, "ours"), ({"MEMBRANE_TENANT_KEY": "theirs"}, "theirs")],
    ids=["profile", "variable"],
)


@VARIABLE
def test_tokens_are_signed_for_it(
    more: Mapping[str, str], tenant: str, server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    del road.fsctl.env["MEMBRANE_TOKEN"]
    keys = {"MEMBRANE_WORKSPACE_KEY": "acme", "MEMBRANE_WORKSPACE_SECRET": SECRET, **more}
    done = road(*LIST, env=keys)
    assert done.code == 0, done.show
    token = dict(road.sent[0].headers)["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert (claims["workspaceKey"], claims["tenantKey"]) == ("acme", tenant)


@VARIABLE
def test_the_binary_is_asked_for_a_token_of_it(
    more: Mapping[str, str], tenant: str, server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane()
    env = membrane_environment(fake, tmp_path, server.server.url)
    done = Program(tmp_path, {**env, **more})(*LIST)
    assert done.code == 0, done.show
    assert fake.asked == [["token", f"--tenantKey={tenant}"]]


@VARIABLE
@pytest.mark.parametrize("form", ["older", "newest"])
def test_every_call_of_the_binary_names_it(
    form: Any, more: Mapping[str, str], tenant: str, server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(form=form, without=["token"])
    env = membrane_environment(fake, tmp_path, server.server.url)
    done = Program(tmp_path, {**env, **more})(*LIST)
    assert done.code == 0, done.show
    assert fake.asked
    assert all(f"--tenantKey={tenant}" in argv for argv in fake.asked)
