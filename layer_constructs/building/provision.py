"""What a layer leaves to its runtime, and whether that fits what is asked of it."""

from __future__ import annotations

import email.parser
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.runtime_packages import PROVIDED, Locked, Provision, RuntimePackagesError, provision
from layer_constructs.building.target import Target
from layer_constructs.building.tree import Tree
from layer_constructs.errors import ArgumentError


def left_to_runtime(
    names: Iterable[str], target: Target, requirements: Sequence[RequirementLine], *, versions: Mapping[str, str]
) -> Provision:
    """What of the locked packages the runtime ships.

    :param versions: what the user says that the runtime has.
    :raises ArgumentError: for a name that no runtime ships, or a version that is none.
    :raises RuntimePackagesError: if one of the user's own requirements asks for another version than it has.
    """
    for name, version in versions.items():
        _refuse_nonsense(name, version)
    packages = [Locked(name=name, version="") for name in sorted(set(names) & set(PROVIDED))]
    lines = [(str(line.requirement), str(line.where)) for line in requirements if line.requirement]
    return _checked(provision(packages, target, requirements=lines, versions=versions), target)


def refuse_conflicts(
    root: Path, tree: Tree, target: Target, *, left_out: Sequence[str], versions: Mapping[str, str]
) -> None:
    """Look at what the packages that stay ask for.

    :raises RuntimePackagesError: if one asks for another version than the runtime has.
    """
    judge(requests(root, tree), target, left_out=left_out, versions=versions)


def judge(
    asked: Sequence[Locked], target: Target, *, left_out: Sequence[str], versions: Mapping[str, str]
) -> Provision:
    """Whether the runtime has what the packages that stay ask for.

    :param asked: as :func:`requests` gives them.
    :raises RuntimePackagesError: if one asks for another version than it has.
    """
    packages = [*(Locked(name=name, version="") for name in left_out), *asked]
    return _checked(provision(packages, target, versions=versions), target)


def requests(root: Path, tree: Tree) -> list[Locked]:
    """The packages in a layer that ask for one that a runtime ships, with what they ask of it."""
    packages = []
    for file in tree.files:
        if file.path.endswith(".dist-info/METADATA") and file.path.count("/") == 2:  # others are vendored
            message = email.parser.BytesHeaderParser().parsebytes((root / file.path).read_bytes())
            requires = [str(each) for each in message.get_all("Requires-Dist") or () if _of_runtime(str(each))]
            if requires:
                name = tree.owners.get(file.path, str(message.get("Name")))
                packages.append(Locked(name=name, version=str(message.get("Version")), requires=requires))
    return packages


def _refuse_nonsense(name: str, version: str) -> None:
    if name not in PROVIDED:
        raise ArgumentError(
            f"provided_by_runtime has {name!r}, which no runtime ships", details=[f"allowed: {', '.join(PROVIDED)}"]
        )
    try:
        Version(version)
    except InvalidVersion as error:
        raise ArgumentError(
            f"provided_by_runtime has {version!r} for {name}, which is no version",
            fix="name the one that the runtime has: a function that returns boto3.__version__ tells",
        ) from error


def _of_runtime(text: str) -> bool:
    try:
        return canonicalize_name(Requirement(text).name) in PROVIDED
    except InvalidRequirement:  # old metadata have such; an installer passes over them too
        return False


def _checked(provided: Provision, target: Target) -> Provision:
    if provided.conflicts:
        raise RuntimePackagesError(target=target, conflicts=provided.conflicts)
    return provided
