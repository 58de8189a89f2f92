"""One locked wheel: a file whose content is known before it is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.utils import parse_wheel_filename


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalProject:
    """The folder a wheel is built from, on the user's word, and the state of that folder when it was locked."""

    path: Path
    source_sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedWheel:
    """A wheel, by name and hash.

    :param name: the distribution's normalised name.
    :param filename: says what it runs on (PEP 427).
    :param sha256: hex digest of the file.
    :param url: where it is fetched from; without credentials.
    :param path: where it lies, if it is a local file.
    :param index: the index that offers it; None for a direct URL or local file.
    :param project: the local project it is built from.
    """

    name: str
    version: str
    filename: str
    sha256: str
    url: str | None = None
    path: Path | None = None
    index: str | None = None
    project: LocalProject | None = None

    @property
    def is_pure(self) -> bool:
        """Whether every Linux machine and CPython 3 gets the same files from it."""
        tags = parse_wheel_filename(self.filename)[-1]
        return any(tag.platform == "any" and tag.abi == "none" and tag.interpreter == "py3" for tag in tags)


def filename_of(location: str) -> str:
    """The last part of a URL or path, unquoted."""
    return unquote(urlsplit(location).path).rsplit("/", 1)[-1]
