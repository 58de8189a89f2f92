"""What a layer leaves to its runtime, and whether that fits what is asked of it."""

from __future__ import annotations

import email.parser
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.runtime_packages import PROVIDED, Locked, Provision, RuntimePackagesError, provision
from layer_constructs.building.target import Target
from layer_constructs.building.tree import Tree


def left_to_runtime(
    names: Iterable[str], target: Target, requirements: Sequence[RequirementLine], *, versions: Mapping[str, str]
) -> Provision:
    """What of the locked packages the runtime ships.

    :param versions: what the user says that the runtime has.
    :raises RuntimePackagesError: if one of the user's own requirements asks for another version than it has.
    """
    packages = [Locked(name=name, version="") for name in sorted(set(names) & set(PROVIDED))]
    lines = [(str(line.requirement), str(line.where)) for line in requirements if line.requirement]
    return _checked(provision(packages, target, requirements=lines, versions=versions), target)


def refuse_conflicts(
    root: Path, tree: Tree, target: Target, *, left_out: Sequence[str], versions: Mapping[str, str]
) -> None:
    """Look at what the packages that stay ask for.

    :raises RuntimePackagesError: if one asks for another version than the runtime has.
    """
    packages = [Locked(name=name, version="") for name in left_out]
    for file in tree.files:
        if file.path.endswith(".dist-info/METADATA"):
            message = email.parser.BytesHeaderParser().parsebytes((root / file.path).read_bytes())
            packages.append(
                Locked(
                    name=tree.owners.get(file.path, str(message.get("Name"))),
                    version=str(message.get("Version")),
                    requires=[str(each) for each in message.get_all("Requires-Dist") or ()],
                )
            )
    _checked(provision(packages, target, versions=versions), target)


def _checked(provided: Provision, target: Target) -> Provision:
    if provided.conflicts:
        raise RuntimePackagesError(target=target, conflicts=provided.conflicts)
    return provided
