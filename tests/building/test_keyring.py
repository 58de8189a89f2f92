"""Passwords from the host's keyring."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from layer_constructs.building import process, uv
from layer_constructs.building.indexes.index import FindLinks, Index, Indexes
from layer_constructs.building.indexes.keyring import resolved
from layer_constructs.building.process import Completed
from layer_constructs.errors import ToolFailedError
from tests.support.private_index import PrivateIndex
from tests.support.wheels import make_wheel

PASSWORD = "s3cret/pass word"
INDEX = Index(url="https://pypi.house.example:8443/simple", name="lc0", username="user")


class Keyring:
    """A ``keyring`` that knows some passwords."""

    def __init__(self, known: Mapping[tuple[str, str], str]) -> None:
        self.known = known
        self.asked: list[list[str]] = []
        self.environments: list[Mapping[str, str]] = []

    def __call__(self, argv: Sequence[str], *, env: Mapping[str, str], **_: object) -> Completed:
        self.asked.append(list(argv))
        self.environments.append(env)
        service, username = argv[2:]
        password = self.known.get((service, username))
        return Completed(1, "", "") if password is None else Completed(0, f"{password}\n", "")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment that asks for keyring."""
    return {"UV_KEYRING_PROVIDER": "subprocess", "NETRC": str(tmp_path / "netrc")}


def of(*indexes: Index) -> Indexes:
    return Indexes(indexes=indexes)


@pytest.mark.parametrize("service", [INDEX.url, "pypi.house.example:8443", "https://pypi.house.example:8443"])
def test_finds_a_password_by_url_or_host(service: str, environ: dict[str, str]) -> None:
    keyring = Keyring({(service, "user"): PASSWORD})

    assert resolved(of(INDEX), environ, keyring) == of(replace(INDEX, password=PASSWORD))
    assert all(PASSWORD not in word for argv in keyring.asked for word in argv)
    assert keyring.environments[0] == environ  # D-Bus and the backend's own variables are in it


def test_asks_in_the_order_in_which_uv_asks(environ: dict[str, str]) -> None:
    keyring = Keyring({})

    assert resolved(of(INDEX), environ, keyring) == of(INDEX)
    assert keyring.asked == [
        ["keyring", "get", "https://pypi.house.example:8443/simple", "user"],
        ["keyring", "get", "pypi.house.example:8443", "user"],
        ["keyring", "get", "https://pypi.house.example:8443", "user"],
    ]


def test_asks_once_for_the_indexes_of_one_host(environ: dict[str, str]) -> None:
    keyring = Keyring({})
    other = replace(INDEX, url="https://pypi.house.example:8443/other", name="lc1")

    resolved(of(INDEX, other), environ, keyring)

    assert [argv[2] for argv in keyring.asked].count("pypi.house.example:8443") == 1


def test_finds_the_password_of_a_page_of_links(environ: dict[str, str]) -> None:
    links = FindLinks(url="https://files.house.example/links", username="user")
    keyring = Keyring({("files.house.example", "user"): PASSWORD})

    found = resolved(Indexes(indexes=(), find_links=(links,)), environ, keyring)

    assert found.find_links == (replace(links, password=PASSWORD),)


@pytest.mark.parametrize(
    "index",
    [
        replace(INDEX, username=None),  # uv doesn't ask without a user
        replace(INDEX, password="known"),
        replace(INDEX, password=""),
        Index(url="file:///srv/simple", name="lc0", username="user"),
    ],
)
def test_asks_for_nothing_where_uv_would_not(index: Index, environ: dict[str, str]) -> None:
    keyring = Keyring({})

    assert resolved(of(index), environ, keyring) == of(index)
    assert keyring.asked == []


@pytest.mark.parametrize("value", [None, "", "disabled"])
def test_asks_for_nothing_unless_the_user_wants_a_keyring(value: str | None) -> None:
    keyring = Keyring({})

    assert resolved(of(INDEX), {} if value is None else {"UV_KEYRING_PROVIDER": value}, keyring) == of(INDEX)
    assert keyring.asked == []


def test_leaves_to_the_netrc_file_what_it_knows(environ: dict[str, str]) -> None:
    Path(environ["NETRC"]).write_text("machine pypi.house.example login user password other\n", encoding="utf-8")
    keyring = Keyring({(INDEX.url, "user"): PASSWORD, (INDEX.url, "someone"): PASSWORD})
    someone = replace(INDEX, username="someone")

    assert resolved(of(INDEX), environ, keyring) == of(INDEX)
    assert keyring.asked == []
    assert resolved(of(someone), environ, keyring) == of(replace(someone, password=PASSWORD))


def test_goes_on_without_a_keyring(environ: dict[str, str]) -> None:
    def missing(argv: Sequence[str], **_: object) -> Completed:
        raise ToolFailedError("keyring can't be started: no such file")

    assert resolved(of(INDEX), environ, missing) == of(INDEX)


def test_a_password_that_a_real_program_says_opens_an_index(tmp_path: Path, environ: dict[str, str]) -> None:
    with PrivateIndex([make_wheel(tmp_path, "tiny", "1.0")], username="user", password=PASSWORD) as index:
        program = tmp_path / "bin" / "keyring"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\n[ "$*" = "get {index.host} user" ] || {{ echo nothing known >&2; exit 1; }}\n'
            f"echo '{PASSWORD}'\n",
            encoding="utf-8",
        )
        program.chmod(0o755)
        environ["PATH"] = f"{program.parent}{os.pathsep}{os.environ['PATH']}"

        found = resolved(of(Index(url=index.url, name="lc0", username="user")), environ, process.run)
        done = uv.call(
            ["pip", "install", "tiny", "--target", str(tmp_path / "into"), "--no-config"],
            run=process.run,
            environment={**found.uv_environment(), "UV_CACHE_DIR": str(tmp_path / "uv")},
            secrets=found.secrets,
            cwd=tmp_path,
        )

    assert found.indexes[0].password == PASSWORD
    assert PASSWORD not in repr(found)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "into" / "tiny.py").is_file()
