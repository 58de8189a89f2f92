"""A locked source distribution: what a wheel is built from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Stands in a lock where a container's image would: built on this machine.
HOST = "host"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedSdist:
    """A source distribution, by name and hash.

    :param name: the distribution's normalised name.
    :param filename: ``name-version.tar.gz`` or ``.zip``.
    :param sha256: hex digest of the file.
    :param url: where it is fetched from; without credentials.
    :param path: where it lies, if it is a local file.
    :param index: the index that offers it; None for a direct URL or local file.
    """

    name: str
    version: str
    filename: str
    sha256: str
    url: str | None = None
    path: Path | None = None
    index: str | None = None

    @property
    def label(self) -> str:
        """What the user calls it, such as ``psycopg2==2.9.11``."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """How a wheel was built.

    :param backend: the build backend and what it needs, as pins (``setuptools==80.9.0``).
    """

    sdist: LockedSdist
    backend: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildImage:
    """In what the wheels of a target are built, as a lock records it.

    :param reference: the image as the user named it; ``host`` for this machine.
    :param digest: by which a registry knows it, so that the same is run on every machine; None for a local image.
    :param id: of a local image: another one may be there on another machine.
    :param options: a hash of what else decides the result (`ContainerOptions.fingerprint`).
    """

    reference: str
    digest: str | None = None
    id: str | None = None
    options: str

    @property
    def exact(self) -> str:
        """What is to be run: by digest where there is one."""
        return f"{self.reference.partition('@')[0]}@{self.digest}" if self.digest else self.reference
