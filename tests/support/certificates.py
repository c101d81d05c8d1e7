"""A certificate authority of the tests' own, made with the ``openssl`` program."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Authority:
    """``ca`` is its certificate as a PEM file; ``server`` a context that it vouches for."""

    ca: Path
    server: ssl.SSLContext


def make_authority(directory: Path, host: str) -> Authority:
    """An authority and a server certificate for ``host``. Skips the test without ``openssl``."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the openssl program to make certificates")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "extensions").write_text(f"subjectAltName=DNS:{host}\n")
    new_key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    for command in (
        f"req -x509 {new_key} -keyout ca.key -out ca.pem -days 2 -subj /CN=Test-CA",
        f"req {new_key} -keyout leaf.key -out leaf.csr -subj /CN={host}",
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2"
        " -extfile extensions",
    ):
        subprocess.run([program, *command.split()], cwd=directory, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "leaf.pem", directory / "leaf.key")
    return Authority(directory / "ca.pem", context)
