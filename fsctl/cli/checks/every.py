"""All checks, in the order in which they are made and shown."""

from __future__ import annotations

from . import account, configured, fullstory, machine, network, road
from .run import Check

MACHINE, SETTINGS, MEMBRANE, FULLSTORY = "This machine", "Settings", "Membrane", "Fullstory"
_CHILDREN = 60.0  # seconds: npx may download, and an empty sandbox is filled

CHECKS = (
    Check(MACHINE, "fsctl", machine.fsctl),
    Check(MACHINE, "python", machine.python),
    Check(MACHINE, "home", machine.home),
    Check(MACHINE, "config", machine.directory("config")),
    Check(MACHINE, "cache", machine.directory("cache")),
    Check(MACHINE, "state", machine.directory("state")),
    Check(MACHINE, "data", machine.directory("data")),
    Check(SETTINGS, "project", configured.project),
    Check(SETTINGS, "profile", configured.profile, needs=("project",)),
    Check(SETTINGS, "values", configured.values, needs=("project", "profile")),
    Check(MEMBRANE, "membrane", road.membrane, needs=("project", "profile"), seconds=_CHILDREN),
    Check(MEMBRANE, "gateway", road.gateway, needs=("membrane",), seconds=_CHILDREN),
    Check(MEMBRANE, "tls", network.tls, needs=("project", "profile")),
    Check(MEMBRANE, "proxy", network.proxy, needs=("project", "profile")),
    Check(MEMBRANE, "api", network.api, needs=("tls", "proxy"), online=True),
    Check(MEMBRANE, "clock", network.clock, needs=("api",), online=True),
    Check(MEMBRANE, "token", account.token, needs=("gateway",), seconds=_CHILDREN),
    Check(
        MEMBRANE,
        "login",
        account.login,
        needs=("gateway", "api", "token"),
        online=True,
        seconds=_CHILDREN,
    ),
    Check(FULLSTORY, "connection", account.connection, needs=("login",), online=True),
    Check(FULLSTORY, "actions", fullstory.actions, needs=("connection",), online=True),
    Check(FULLSTORY, "inputs", fullstory.inputs, needs=("actions",), online=True),
    Check(FULLSTORY, "requests", fullstory.requests, needs=("connection",), online=True),
    Check(FULLSTORY, "key", fullstory.key, needs=("connection",), online=True),
)
