"""A PEP 751 lock and a target -> the exact wheels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.markers import UndefinedEnvironmentName
from packaging.pylock import Package, Pylock, PylockSelectError, PylockValidationError
from packaging.utils import canonicalize_name

from layer_constructs.building.locking import fit
from layer_constructs.building.locking.entries import AGAIN, locked_file, unavailable
from layer_constructs.building.locking.pins import LockedFile
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import ArgumentError, LockInvalidError, Where


def parse(document: Mapping[str, Any], path: Path) -> Pylock:
    """Validate a PEP 751 document.

    :raises LockInvalidError: with the path inside the document.
    """
    try:
        return Pylock.from_dict(document)
    except PylockValidationError as error:
        raise LockInvalidError(f"not a valid PEP 751 lock: {error}", where=Where(path), fix=AGAIN) from error


def select(
    lock: Pylock,
    target: Target,
    *,
    path: Path,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    project: Callable[[Path], LockedWheel] | None = None,
    sdists: bool = False,
) -> tuple[LockedFile, ...]:
    """The wheels that ``lock`` gives ``target``, sorted by name.

    :param path: the lock's file, to which its relative paths refer.
    :param project: the wheel of a local project's folder, where the lock doesn't pin it and the user lets it be built.
    :param sdists: give a source distribution where there is no wheel, also no built one.
    :raises LockInvalidError: if the lock contradicts itself.
    :raises WheelUnavailableError: if a package has no wheel for the target.
    """
    _refuse_unknown("extra", extras, lock.extras, path)
    _refuse_unknown("dependency group", groups, lock.dependency_groups, path)
    try:
        chosen = lock.select(
            environment=target.environment(), tags=fit.tags_of(target), extras=extras, dependency_groups=groups or None
        )
        locked = (locked_file(p, s, target, path, project, sdists=sdists) for p, s in chosen)
        return tuple(sorted(locked, key=lambda file: file.name))
    except PylockSelectError as error:
        for package in lock.packages:
            if package.wheels and f"'{package.name}'" in str(error) and "No wheel found" in str(error):
                raise unavailable(package, target, path) from error
        raise LockInvalidError(f"can't be installed on {target}: {error}", where=Where(path)) from error
    except (ValueError, UndefinedEnvironmentName, PylockValidationError) as error:  # of a wheel's name or a marker
        raise LockInvalidError(str(error), where=Where(path), fix=AGAIN) from error


def _refuse_unknown(kind: str, asked: Iterable[str], there: Iterable[str] | None, path: Path) -> None:
    known = {str(canonicalize_name(name)) for name in there or ()}
    unknown = [name for name in asked if canonicalize_name(name) not in known]
    if unknown:
        raise ArgumentError(
            f"there is no {kind} {unknown[0]}",
            where=Where(path),
            details=[f"{kind}s: {', '.join(sorted(known)) or 'none'}"],
        )


def pick(package: Package, target: Target, *, path: Path) -> LockedWheel:
    """The wheel of one package that fits ``target`` best.

    :raises WheelUnavailableError: if none fits.
    """
    if not package.wheels:
        source = package.archive or package.sdist or package.directory or package.vcs
        assert source is not None  # noqa: S101 - PEP 751: one of them is there, and the lock was validated
        return _wheel(locked_file(package, source, target, path))
    at = fit.best([(str(number), wheel.filename) for number, wheel in enumerate(package.wheels)], target)
    if at is None:
        raise unavailable(package, target, path)
    return _wheel(locked_file(package, package.wheels[int(at)], target, path))


def _wheel(file: LockedFile) -> LockedWheel:
    assert isinstance(file, LockedWheel)  # noqa: S101 - source distributions were not asked for
    return file
