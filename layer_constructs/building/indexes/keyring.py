"""Passwords from the host's keyring, for a container that has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from layer_constructs.building.indexes.http import netrc_login
from layer_constructs.building.indexes.index import FindLinks, Index, Indexes
from layer_constructs.errors import ToolFailedError

# How uv's users ask for it (https://docs.astral.sh/uv/concepts/authentication/http/#keyring-providers).
VARIABLE = "UV_KEYRING_PROVIDER"
_BY_PROGRAM = "subprocess"

_Place = TypeVar("_Place", Index, FindLinks)


class Said(Protocol):
    """What is needed of `process.Completed`."""

    @property
    def returncode(self) -> int: ...

    @property
    def stdout(self) -> str: ...


class Start(Protocol):
    """What is needed of `process.Run`."""

    def __call__(self, argv: Sequence[str], *, env: Mapping[str, str]) -> Said: ...


def resolved(indexes: Indexes, environ: Mapping[str, str], run: Start) -> Indexes:
    """The indexes with the passwords that uv would ask the program ``keyring`` for.

    uv does so for an index with a user and no password, after the netrc file. What the keyring doesn't know, or can't
    say, stays without: the index may not want it.

    :param environ: the host's. All of it is the program's: how it finds the keyring is its own affair.
    """
    if environ.get(VARIABLE) != _BY_PROGRAM:
        return indexes

    @cache
    def ask(service: str, username: str) -> str | None:
        try:
            done = run(["keyring", "get", service, username], env=environ)
        except ToolFailedError:
            return None
        return done.stdout.rstrip() if done.returncode == 0 else None

    def with_password(place: _Place) -> _Place:
        if not place.username or place.password is not None:
            return place
        known = netrc_login(urlsplit(place.url).hostname or "", environ)
        if known and known[0] == place.username:
            return place
        answers = (ask(service, place.username) for service in _services(place.url))
        return replace(place, password=next((answer for answer in answers if answer is not None), None))

    return replace(
        indexes,
        indexes=tuple(with_password(index) for index in indexes.indexes),
        find_links=tuple(with_password(links) for links in indexes.find_links),
    )


def _services(url: str) -> Iterator[str]:
    """What uv 0.13 calls an index in the keyring: its URL, then its host, then its host with the scheme."""
    parts = urlsplit(url)
    if parts.hostname:
        yield from (url, parts.netloc, f"{parts.scheme}://{parts.netloc}")
