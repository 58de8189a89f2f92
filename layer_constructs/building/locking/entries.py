"""One package's entry in a PEP 751 lock -> the file it names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageSdist, PackageVcs, PackageWheel
from packaging.utils import canonicalize_name, parse_wheel_filename

from layer_constructs.building.locking import fit
from layer_constructs.building.locking.pins import LockedFile
from layer_constructs.building.sdist import Built, LockedSdist
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LocalProject, LockedWheel, filename_of
from layer_constructs.errors import LockInvalidError, UnsupportedRequirementError, WheelUnavailableError, Where

# The table of this library in a lock, at the top and at a package.
TOOL = "layer-constructs"

# How an entry pins what built a wheel: it is given to an installer as it is.
_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+")

# The way out of a lock that can't be used: locking again would start from what is broken.
AGAIN = "take it back from version control, or delete it and lock again"


def locked_file(
    package: Package,
    source: PackageVcs | PackageDirectory | PackageArchive | PackageWheel | PackageSdist,
    target: Target,
    path: Path,
    project: Callable[[Path], LockedWheel] | None = None,
    *,
    sdists: bool = False,
) -> LockedFile:
    """The file that an entry of a lock names for ``target``.

    :param path: the lock.
    :param project: the wheel of a local project's folder, where the lock doesn't pin it and the user lets it be built.
    :param sdists: give a source distribution where nothing was built of it.
    :raises UnsupportedRequirementError: for a source that can't be pinned.
    :raises WheelUnavailableError: if it is no wheel, or none for the target.
    :raises LockInvalidError: if the entry contradicts itself.
    """
    if isinstance(source, PackageVcs):
        raise UnsupportedRequirementError(
            f"{package.name} comes from version control, which can't be pinned by hash",
            where=Where(path),
            fix="release it to an index, or build a wheel of it and name the wheel",
        )
    if isinstance(source, PackageDirectory):
        if project is not None and TOOL not in (package.tool or {}):
            return project(_join(path, source.path))
        return _from_project(package, source, path)
    if isinstance(source, PackageSdist):
        if not sdists:
            raise unavailable(package, target, path)
        sdist = sdist_of(package, path)
        return _built(package, sdist, target, path) or sdist
    location = source.url or source.path or ""
    filename = source.filename if isinstance(source, PackageWheel) else filename_of(location)
    if not filename.endswith(".whl"):
        raise WheelUnavailableError(
            package=f"{package.name} ({filename})", target=str(target), where=Where(path), reason="it is not a wheel"
        )
    if isinstance(source, PackageArchive) and fit.best([("", filename)], target) is None:
        raise WheelUnavailableError(
            package=f"{package.name} ({filename})",
            target=str(target),
            where=Where(path),
            offered=fit.offered([filename]),
        )
    name, version = parse_wheel_filename(filename)[:2]
    if canonicalize_name(name) != package.name or (package.version and version != package.version):
        raise LockInvalidError(
            f"{package.name} {package.version} names the file {filename}, which is another package or version",
            where=Where(path),
            fix=AGAIN,
        )
    return LockedWheel(
        name=package.name,
        version=str(version),
        filename=filename,
        sha256=_sha256(source.hashes.get("sha256"), filename, path),
        url=None if _is_file(source) else source.url,
        path=_local(source, path),
        index=package.index,
        license=_license(package),
    )


def sdist_of(package: Package, path: Path) -> LockedSdist:
    """The source distribution of a package.

    :raises LockInvalidError: if it has no hash.
    """
    source = package.sdist
    assert source is not None  # noqa: S101 - the caller looked
    return LockedSdist(
        name=package.name,
        version=str(package.version),
        filename=source.filename,
        sha256=_sha256(source.hashes.get("sha256"), source.filename, path),
        url=None if _is_file(source) else source.url,
        path=_local(source, path),
        index=package.index,
    )


def _built(package: Package, sdist: LockedSdist, target: Target, path: Path) -> LockedWheel | None:
    """The wheel that was built of it for the target's architecture, if one was."""
    facts = (package.tool or {}).get(TOOL)
    try:
        entry = facts.get("built", {}).get(target.architecture) if isinstance(facts, Mapping) else None
        if entry is None:
            return None
        filename, sha256, backend = str(entry["wheel"]), entry["sha256"], entry["backend"]
        name, version = parse_wheel_filename(filename)[:2]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise LockInvalidError(
            f"the entry of {package.name}, which is built, was edited: {error}", where=Where(path), fix=AGAIN
        ) from error
    if not isinstance(backend, list) or not all(isinstance(pin, str) and _PIN.fullmatch(pin) for pin in backend):
        raise LockInvalidError(
            f"{package.name} names the build backend {backend!r}, and not a list of pins", where=Where(path), fix=AGAIN
        )
    is_its = (name, str(version)) == (sdist.name, sdist.version) and filename == filename_of(filename)
    if not is_its or "\\" in filename or fit.best([("", filename)], target) is None:
        raise LockInvalidError(f"{package.name} names the wheel {filename}", where=Where(path), fix=AGAIN)
    return LockedWheel(
        name=sdist.name,
        version=sdist.version,
        filename=filename,
        sha256=_sha256(sha256, filename, path),
        index=sdist.index,
        built=Built(sdist=sdist, backend=tuple(backend)),
        license=_license(package),
    )


def _license(package: Package) -> str | None:
    """As it was recorded when it was locked."""
    facts = (package.tool or {}).get(TOOL)
    said = facts.get("license") if isinstance(facts, Mapping) else None
    return said if isinstance(said, str) and said else None


def _from_project(package: Package, source: PackageDirectory, path: Path) -> LockedWheel:
    facts = (package.tool or {}).get(TOOL)
    if not isinstance(facts, Mapping) or source.editable:
        raise UnsupportedRequirementError(
            f"{package.name} is a local project ({source.path}), whose wheel this lock doesn't pin",
            where=Where(path),
            fix="allow it to be built with build_local_projects=True, or name a wheel of it",
        )
    try:
        filename, built, source_sha256 = (str(facts[key]) for key in ("wheel", "wheel-sha256", "source-sha256"))
        name, version = parse_wheel_filename(filename)[:2]
    except (KeyError, ValueError) as error:
        raise LockInvalidError(
            f"the entry of the local project {package.name} was edited: {error}", where=Where(path), fix=AGAIN
        ) from error
    if name != package.name:
        raise LockInvalidError(f"{package.name} names the wheel {filename}", where=Where(path), fix=AGAIN)
    return LockedWheel(
        name=package.name,
        version=str(version),
        filename=filename,
        sha256=_sha256(built, filename, path),
        project=LocalProject(path=_join(path, source.path), source_sha256=source_sha256),
        license=_license(package),
    )


def _sha256(value: object, filename: str, path: Path) -> str:
    if isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{64}", value):
        return value.lower()
    raise LockInvalidError(f"{filename} has no sha256", where=Where(path), fix="lock it again with sha256 hashes")


def _is_file(source: PackageArchive | PackageWheel | PackageSdist) -> bool:
    return bool(source.path) or (source.url or "").startswith("file:")


def _local(source: PackageArchive | PackageWheel | PackageSdist, lock: Path) -> Path | None:
    if source.path:
        return _join(lock, source.path)
    if _is_file(source):
        from urllib.request import url2pathname  # brings http and email along, which a cache hit can do without

        return Path(url2pathname(urlsplit(source.url or "").path))
    return None


def _join(lock: Path, relative: str) -> Path:
    return Path(os.path.normpath(lock.absolute().parent / relative.replace("\\", "/")))


def unavailable(package: Package, target: Target, path: Path) -> WheelUnavailableError:
    """What is to be said where none of a package's wheels fits."""
    names = [wheel.filename for wheel in package.wheels or ()]
    return WheelUnavailableError(
        package=f"{package.name}=={package.version}" if package.version else package.name,
        target=str(target),
        where=Where(path),
        offered=fit.offered(names),
        reason=None if names else "there is only a source distribution, and this lock has no place for what is built",
        fix=None
        if names
        else "name a lock that has one, with the same versions: lock='pylock.built.toml' (--lock for a command)",
    )
