"""Another tool's lock as requirements: each package at its version, with its hashes, to be locked here once more.

For what a container builds such a lock has no place, so a lock of this library says it; the versions stay the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from layer_constructs.building.indexes.index import PYPI
from layer_constructs.building.indexes.url import public_url
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.reading.requirements import IndexOption, RequirementsFile
from layer_constructs.errors import UnsupportedRequirementError, Where

if TYPE_CHECKING:
    from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock

# Of PEP 751: they are the installer's choice, which a requirement can't ask for.
_CHOICES = ("extras", "dependency_groups")


def as_requirements(lock: Pylock, path: Path) -> RequirementsFile:
    """What ``lock`` pins, for every target.

    :param path: the file it stands in.
    :raises UnsupportedRequirementError: for a package that no index has, or that only some installers take.
    """
    lines = tuple(_line(package, path) for package in lock.packages)
    named = dict.fromkeys(line.index for line in lines if line.index and public_url(line.index) != PYPI)
    indexes = tuple(IndexOption(value=url, where=Where(path), explicit=True) for url in named)
    return RequirementsFile(path=path, requirements=lines, extra_index_urls=indexes)


def _line(package: Package, path: Path) -> RequirementLine:
    files: list[PackageWheel | PackageSdist] = [*(package.wheels or ())]
    files += [package.sdist] if package.sdist else []
    marker = str(package.marker) if package.marker else ""
    if package.version is None or not files or any(file.path for file in files):
        raise _refused(f"{package.name} comes from no index", path)
    if any(choice in marker for choice in _CHOICES):
        raise _refused(f"whether {package.name} is installed depends on extras or groups", path)
    condition = f" ; {marker}" if marker else ""
    return RequirementLine(
        name=package.name,
        requirement=Requirement(f"{package.name}=={package.version}{condition}"),
        where=Where(path),
        hashes=tuple(sorted({f"sha256:{file.hashes['sha256'].lower()}" for file in files if "sha256" in file.hashes})),
        index=package.index,
    )


def _refused(problem: str, path: Path) -> UnsupportedRequirementError:
    return UnsupportedRequirementError(
        f"{problem}, so it can't be locked with what a container builds",
        where=Where(path),
        fix="name pyproject.toml or a requirements file, which is locked here from the start",
    )
