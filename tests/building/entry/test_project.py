"""What is known of the wheel of one's own project without installing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layer_constructs.building.entry.project import Project, look_into
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from tests.support.wheels import make_wheel

KEY = b"-----BEGIN PRIVATE KEY-----\n" + b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2 + b"\n"


def test_what_looks_like_a_secret_is_named_by_the_place_that_it_is_installed_to(tmp_path: Path) -> None:
    files = {
        "shared/__init__.py": b"",
        "shared/.env": b"A=1",
        "shared/keys.txt": KEY,
        "shared-1.0.data/scripts/deploy": b"#!/bin/sh\n" + KEY,
        "shared-1.0.data/purelib/.netrc": b"",
    }
    secrets, requires = look_into(make_wheel(tmp_path, "shared", "1.0", files=files, requires=["idna>=3", "six"]))
    assert secrets == {
        "shared/.env": "variables of an environment",
        "shared/keys.txt": "a private key",
        "bin/deploy": "a private key",
        ".netrc": "passwords of hosts",
    }
    assert requires == ["idna>=3", "six"]


@pytest.mark.parametrize(
    ("requires", "there", "missing"),
    [
        (["idna"], [], ["idna"]),
        (["Idna>=3"], ["idna"], []),
        (["boto3", "six"], [], []),  # of the runtime
        (["tomli; python_version < '3.11'"], [], []),
        (["pytest; extra == 'test'"], [], []),
        (["requests[socks]>=2 ; sys_platform == 'linux'"], [], ["requests"]),
        (["shared[more]", "idna"], ["shared", "idna"], []),
        (["pywin32; sys_platform == 'win32'"], [], []),
    ],
)
def test_what_it_needs_and_nothing_brings(requires: list[str], there: list[str], missing: list[str]) -> None:
    wheel = LockedWheel(name="shared", version="1.0", filename="shared-1.0-py3-none-any.whl", sha256="0" * 64)
    project = Project(path=Path("shared"), wheel=wheel, secrets={}, requires=tuple(requires))
    assert project.missing(Target("python3.13"), there) == missing
