"""What a user says of a layer's dependencies: a file of any kind -> requirements, or another tool's lock."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from layer_constructs.building.cache import Cache
from layer_constructs.building.indexes.index import read_indexes
from layer_constructs.building.indexes.url import public_url
from layer_constructs.building.locking import selection
from layer_constructs.building.locking.lock_request import LockRequest, lock_path
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.reading.requirements import (
    RequirementsFile,
    index_option,
    parse_requirements,
    read_requirements,
    read_text,
)
from layer_constructs.building.reading.seen import not_all
from layer_constructs.building.wanted import Dependencies as Dependencies  # noqa: PLC0414 - for all who read them
from layer_constructs.errors import ArgumentError, LockInvalidError, RequirementsError, Where

if TYPE_CHECKING:
    from packaging.pylock import Pylock

# The locks that `locking.tool_locks` reads, by name: it is imported only for them.
TOOL_LOCKS = frozenset({"uv.lock", "Pipfile.lock", "poetry.lock"})


def to_lock(
    dependencies: Dependencies, *, cache: Cache, report: Report = to_stderr, run: Run = run
) -> RequirementsFile | None:
    """The requirements that a lock is made of; None if the file is its own and the user names no place for another.

    :raises LayerError: if they can't be read.
    """
    if dependencies.lock is None and own_lock(dependencies.requirements):
        return None
    file = requirements_of(dependencies, cache=cache, report=report, run=run)
    return None if dependencies.lock is None and file.is_pinned else file


def requirements_of(dependencies: Dependencies, *, cache: Cache, report: Report, run: Run) -> RequirementsFile:
    """What the file asks for, of whatever kind it is."""
    path = dependencies.requirements
    if is_pylock(path):
        from layer_constructs.building.locking.as_requirements import as_requirements  # seldom needed

        return as_requirements(parse_pylock(read_text(path), path), path)
    if path.name in TOOL_LOCKS:
        return exported(dependencies, cache=cache, report=report, run=run).requirements()
    return read(dependencies)


def read(dependencies: Dependencies) -> RequirementsFile:
    path = dependencies.requirements
    if path.name == "pyproject.toml":
        from layer_constructs.building.reading.project import read_project

        return read_project(path, extras=dependencies.extras, groups=dependencies.groups)
    if dependencies.extras or dependencies.groups:
        raise ArgumentError(
            f"extras and groups are parts of a pyproject.toml or of a lock, and {path.name} is neither",
            where=Where(path),
            fix="write the extras on the line of the package, such as requests[socks]",
        )
    if path.suffix in {".toml", ".json", ".lock", ".cfg", ".yaml", ".yml"}:
        raise RequirementsError(
            f"{path.name} is not a kind of requirements file that is known here",
            where=Where(path),
            details=["allowed: requirements files, pylock.*.toml, uv.lock, Pipfile.lock, poetry.lock, pyproject.toml"],
        )
    return read_requirements(path)


def lock_request(dependencies: Dependencies, file: RequirementsFile, *, environ: Mapping[str, str]) -> LockRequest:
    """What the lock of ``file`` is made from and where it lies."""
    extras, groups = tuple(sorted(dependencies.extras)), tuple(sorted(dependencies.groups))
    return LockRequest(
        file=file,
        path=dependencies.lock or lock_path(dependencies.requirements, extras, groups),
        indexes=read_indexes(file, environ),
        extras=extras,
        groups=groups,
        build_local_projects=dependencies.build_local_projects,
        bundling=dependencies.bundling,
        bytecode=dependencies.contents.bytecode or dependencies.bytecode,
    )


def own_lock(path: Path) -> bool:
    """Whether a file is a lock by its kind, so that none is made beside it."""
    return is_pylock(path) or path.name in TOOL_LOCKS


def is_pylock(path: Path) -> bool:
    """Whether a file's name is one that PEP 751 gives to a lock."""
    return path.name == "pylock.toml" or (path.name.startswith("pylock.") and path.suffix == ".toml")


def parse_pylock(text: str, path: Path) -> Pylock:
    """:raises LockInvalidError: with what is wrong and where."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LockInvalidError(f"not valid TOML: {error}", where=Where(path)) from error
    return selection.parse(document, path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """What another tool says of its lock.

    :param pylock: None from a tool that gives requirements.
    :param file: the requirements, or only what is known of indexes.
    """

    pylock: Pylock | None
    file: RequirementsFile

    def requirements(self) -> RequirementsFile:
        if self.pylock is None:
            return self.file
        from layer_constructs.building.locking.as_requirements import as_requirements  # the same

        file = as_requirements(self.pylock, self.file.path)
        known = {public_url(option.value) for option in self.file.extra_index_urls}  # with the credentials
        others = [option for option in file.extra_index_urls if public_url(option.value) not in known]
        return replace(file, extra_index_urls=(*self.file.extra_index_urls, *others))


def exported(dependencies: Dependencies, *, cache: Cache, report: Report, run: Run) -> Exported:
    """The lock of another tool, as that tool gives it; asked once for each content."""
    from layer_constructs.building.locking import tool_locks

    not_all()  # what the tool looks at is its own affair
    path, extras, groups = dependencies.requirements, dependencies.extras, dependencies.groups
    key = tool_locks.fingerprint(path, extras=extras, groups=groups)

    def make() -> dict[str, str]:
        export = tool_locks.export(path, extras=extras, groups=groups, run=run)
        for note in export.notes:
            report(f"{path.name}: {note}")
        return {"format": export.format, "text": export.text}

    export = cache.value("exports", key, make)
    secret = tuple(index_option(url, where=Where(path)) for url in tool_locks.urls_with_credentials(path))
    if export["format"] == "pylock":
        file = RequirementsFile(path=path, requirements=(), extra_index_urls=secret)
        return Exported(pylock=parse_pylock(export["text"], path), file=file)
    file = parse_requirements(export["text"], path)
    return Exported(pylock=None, file=replace(file, extra_index_urls=(*file.extra_index_urls, *secret)))
