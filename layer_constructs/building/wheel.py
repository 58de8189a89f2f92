"""One locked wheel: a file whose content is known before it is fetched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from layer_constructs.errors import BuildError, HashMismatchError, Where

if TYPE_CHECKING:
    from layer_constructs.building.sdist import Built


class LocalProject(NamedTuple):
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
    :param built: how it was built from a source distribution.
    :param license: an SPDX expression, where its metadata say one.
    """

    name: str
    version: str
    filename: str
    sha256: str
    url: str | None = None
    path: Path | None = None
    index: str | None = None
    project: LocalProject | None = None
    built: Built | None = None
    license: str | None = None

    def at(self, path: Path) -> LockedWheel:
        """The same wheel as a file on this machine."""
        return replace(self, path=path, url=None)

    @property
    def is_pure(self) -> bool:
        """Whether every Linux machine and CPython 3 gets the same files from it."""
        from packaging.utils import parse_wheel_filename  # a plan that was made before can do without it

        tags = parse_wheel_filename(self.filename)[-1]
        return any(tag.platform == "any" and tag.abi == "none" and tag.interpreter == "py3" for tag in tags)


def filename_of(location: str) -> str:
    """The last part of a URL or path, unquoted."""
    return unquote(urlsplit(location).path).rsplit("/", 1)[-1]


def check_local(wheel: LockedWheel) -> None:
    """Look at a local wheel before an installer does.

    An installer leaves out what would leave its folder and says nothing.

    :raises HashMismatchError: if it is not the one that was locked.
    :raises BuildError: if it can't be read, is no wheel, or has a member that would leave its folder.
    """
    import hashlib
    import stat
    import zipfile

    path = wheel.path
    if path is None:
        return
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
            if actual != wheel.sha256:
                raise HashMismatchError(
                    f"{path} is not the wheel that was locked",
                    details=[f"locked sha256: {wheel.sha256}", f"its sha256:    {actual}"],
                    fix="lock again if the new file is meant",
                )
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
    except OSError as error:
        raise BuildError(f"the local wheel {path} can't be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BuildError(f"not a wheel: {error}", where=Where(path)) from error
    for member in members:
        if leaves_its_folder(member.orig_filename):
            problem = f"{wheel.filename} has a file that leaves its folder: {member.orig_filename!r}"
        elif stat.S_ISLNK(member.external_attr >> 16):
            problem = f"{wheel.filename} has a symbolic link: {member.orig_filename!r}"
        else:
            continue
        raise BuildError(
            problem,
            where=Where(path),
            details=["allowed: files and folders with relative paths"],
            fix="use another version of the package, and mistrust where this one came from",
        )


def leaves_its_folder(name: str) -> bool:
    """Whether an archive member's name leads elsewhere on any host that may unpack it."""
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or parts[0][1:2] == ":" or "\0" in name
