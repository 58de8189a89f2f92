"""What uv found for a package -> the one file that fits best and that the user's own hashes allow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from layer_constructs.building.locking import fit, selection
from layer_constructs.building.locking.entries import sdist_of
from layer_constructs.building.locking.pins import LockedFile
from layer_constructs.building.locking.question import Question
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import filename_of
from layer_constructs.errors import HashMismatchError, RequirementsError, ResolutionError, WheelUnavailableError

if TYPE_CHECKING:
    from packaging.pylock import Package


def allowed_file(package: Package, target: Target, question: Question, output: Path) -> LockedFile:
    """The best wheel of a package among those that the user's own hashes allow.

    :param output: uv's answer, to which relative paths refer.
    :raises HashMismatchError: if none is allowed.
    :raises WheelUnavailableError: if none fits the target.
    :raises RequirementsError: if the user's hashes are of a kind that no index publishes.
    :raises ResolutionError: if the index publishes none.
    """
    lines = [line for line in question.requirements if line.name == package.name]
    allowed = {h.removeprefix("sha256:") for line in lines for h in line.hashes if h.startswith("sha256:")}
    if any(line.hashes for line in lines) and not allowed:
        raise RequirementsError(
            f"the hashes of {package.name} are none that an index publishes",
            where=lines[0].where,
            fix="give its sha256, or take the hashes out: the lock has them anyway",
        )
    if package.sdist and not package.wheels:
        sdist = sdist_of(package, output)
        if allowed and sdist.sha256 not in allowed:
            raise _not_allowed(package, target, lines[0], found=sdist.sha256, kind="source distribution")
        return sdist
    if allowed and package.wheels:
        package = replace(package, wheels=[w for w in package.wheels if w.hashes.get("sha256") in allowed])
        if not package.wheels:
            raise _not_allowed(package, target, lines[0], found=None)
    for wheel in package.wheels or ():
        if "sha256" not in wheel.hashes:
            raise ResolutionError(
                f"the index gives no sha256 for {wheel.filename}",
                where=lines[0].where if lines else None,
                fix="use an index that publishes hashes (PEP 503), or pin the wheel with --hash",
            )
    names = [w.filename for w in package.wheels or ()] or _archive_name(package)
    if fit.best([("", name) for name in names], target) is None:  # uv takes a wheel that is named as it is
        raise WheelUnavailableError(
            package=f"{package.name} ({', '.join(names)})",
            target=str(target),
            where=lines[0].where if lines else None,
            offered=fit.offered(names),
        )
    picked = selection.pick(package, target, path=output)
    if allowed and picked.sha256 not in allowed:  # a URL or a local file: there was nothing to choose from
        raise _not_allowed(package, target, lines[0], found=picked.sha256)
    local = next((line.path for line in lines if line.path), None)
    return replace(picked, path=local, url=None) if local else picked


def _archive_name(package: Package) -> list[str]:
    archive = package.archive
    return [filename_of(archive.url or archive.path or "")] if archive else []


def _not_allowed(
    package: Package, target: Target, line: RequirementLine, *, found: str | None, kind: str = "wheel"
) -> HashMismatchError:
    if found:
        return HashMismatchError(
            f"the {kind} of {package.name} is not the one whose hash the file gives",
            where=line.where,
            details=[f"allowed:    {', '.join(line.hashes)}", f"its sha256: {found}"],
            fix=f"find out why the {kind} changed; if it is the one you mean, write its hash",
        )
    return HashMismatchError(
        f"no wheel of {package.name}=={package.version} for {target} has a hash that the file allows",
        where=line.where,
        fix="hash the file again for every platform, or take the hashes out and let the lock pin them",
    )
