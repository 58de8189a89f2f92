"""What uv says when it fails -> the error a user can act on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from layer_constructs.building import selection
from layer_constructs.building.index_failures import describe_uv_failure
from layer_constructs.building.process import Run
from layer_constructs.building.requirements import RequirementLine
from layer_constructs.building.target import Target
from layer_constructs.errors import (
    BuildError,
    HashMismatchError,
    LayerError,
    ResolutionError,
    WheelUnavailableError,
    Where,
)

if TYPE_CHECKING:
    from layer_constructs.building.indexes import Indexes
    from layer_constructs.building.resolve import Question

# uv 0.13: the hint after a dead end for want of a wheel, and the causes that name the package.
_NO_WHEEL = (
    re.compile(r"Wheels are required for `(?P<name>[^`]+)` because building from source is disabled"),
    re.compile(r"Wheels are available for `(?P<name>[^`]+)` \(v(?P<version>[^)]+)\)"),
    re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:==(?P<version>[^\s,]+))? has no (?:usable )?wheels"),
    re.compile(r"all versions of (?P<name>[A-Za-z0-9._-]+) have no usable wheels"),
)
_NO_VERSION = re.compile(r"there (?:is|are) (?:only |no versions? of )(?P<what>[^,\n]+?)(?: and|,|\.|$)", re.MULTILINE)
_NOT_FOUND = re.compile(r"Because (?P<what>\S+) was not found in the package registry")


def resolution_failure(stderr: str, *, question: Question, target: Target, run: Run) -> LayerError:
    """The error for a failed ``uv pip compile``."""
    unreachable = describe_uv_failure(stderr, question.indexes)
    if unreachable:
        return unreachable
    for pattern in _NO_WHEEL:
        found = pattern.search(stderr)
        if found:
            return _no_wheel(found.group("name"), found.groupdict().get("version"), question, target, run)
    missing = _NOT_FOUND.search(stderr)
    if missing:
        return ResolutionError(
            f"{missing['what']} is not on {_listed(index.url for index in question.indexes.indexes)}",
            where=_where(missing["what"], question.requirements),
            fix="check the spelling, or name the index that has it with --extra-index-url",
        )
    absent = _NO_VERSION.search(stderr)
    if absent and "no version" in absent.group(0):
        fix = "choose a version that was released"
        if question.exclude_newer:
            fix += f"; only those uploaded before {question.exclude_newer} count"
        return ResolutionError(
            f"there is no version {absent['what']}", where=_where(absent["what"], question.requirements), fix=fix
        )
    return ResolutionError(
        f"no set of versions satisfies the requirements on {target}",
        where=_first_where(stderr, question.requirements),
        details=_lines(stderr),
        fix="loosen one of the requirements named above",
    )


def installation_failure(stderr: str, *, indexes: Indexes) -> LayerError:
    """The error for a failed ``uv pip install``."""
    unreachable = describe_uv_failure(stderr, indexes)
    if unreachable:
        return unreachable
    if "Hash mismatch" in stderr:
        return HashMismatchError(
            "a downloaded wheel is not the one that was locked",
            details=_lines(stderr),
            fix="find out why the file changed before you lock it again",
        )
    if "No space left" in stderr:
        return BuildError("no space is left on the disk", details=_lines(stderr), fix="free some, then try again")
    return BuildError("the wheels could not be installed", details=_lines(stderr))


def _no_wheel(
    name: str, version: str | None, question: Question, target: Target, run: Run
) -> WheelUnavailableError:
    line = next((line for line in question.requirements if line.name == name), None)
    if version is None and line is not None and line.requirement is not None:
        pinned = [spec.version for spec in line.requirement.specifier if spec.operator == "=="]
        version = pinned[0] if pinned else None
    package = f"{name}=={version}" if version else name
    return WheelUnavailableError(
        package=package,
        target=str(target),
        where=line.where if line else None,
        offered=_targets_with_a_wheel(package, question, target, run),
        reason="nothing of a dependency is run on this machine, so source distributions are not built",
    )


def _targets_with_a_wheel(package: str, question: Question, target: Target, run: Run) -> list[str]:
    """Asks the index about every other target: only when an error has to be explained."""
    from layer_constructs.building.resolve import resolve_target

    requirement = Requirement(package)
    where = Where(Path("requirements"))
    line = RequirementLine(name=requirement.name, requirement=requirement, where=where)
    alone = replace(question, requirements=(line,), constraints=())

    def offers(other: Target) -> bool:
        try:
            resolve_target(alone, other, explain=False, run=run)
        except LayerError:
            return False
        return True

    others = [other for other in selection.all_targets() if other != target]
    with ThreadPoolExecutor(4) as pool:
        return [str(other) for other, there in zip(others, pool.map(offers, others), strict=True) if there]


def _where(what: str, lines: Iterable[RequirementLine]) -> Where | None:
    name = re.split(r"[^A-Za-z0-9._-]", what.strip(), maxsplit=1)[0]
    return next((line.where for line in lines if line.name == name), None)


def _first_where(stderr: str, lines: Iterable[RequirementLine]) -> Where | None:
    words = set(re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*", stderr))
    return next((line.where for line in lines if line.name in words), None)


def _listed(items: Iterable[str]) -> str:
    return ", ".join(items) or "any index"


def _lines(stderr: str, most: int = 30) -> list[str]:
    lines = [line.rstrip() for line in stderr.splitlines() if line.strip()]
    return lines[-most:]
