"""Local projects: built as wheels by their own build backend, on the user's explicit word, and hashed."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from layer_constructs.building import uv
from layer_constructs.building.cache import Cache
from layer_constructs.building.process import Run, run
from layer_constructs.building.repack import repacked
from layer_constructs.building.wheel import LocalProject, LockedWheel
from layer_constructs.errors import BuildError, HashMismatchError, Where

if TYPE_CHECKING:
    from layer_constructs.building.indexes.index import Indexes

# What tools leave in a project's folder; none of it is source.
_NOT_SOURCE = frozenset(
    {
        "__pycache__", ".git", ".hg", ".svn", ".venv", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache",
        ".hypothesis", ".idea", ".vscode", "node_modules", ".DS_Store",
    }
)  # fmt: skip
# The same, but at the top only: further down it is as likely a package of that name.
_NOT_SOURCE_AT_THE_TOP = frozenset({"build", "dist", "venv", "cdk.out"})

# Read by every PEP 517 backend for the times in a wheel (https://reproducible-builds.org/specs/source-date-epoch/):
# 1980-01-01, the first date that a zip can hold.
_ENVIRONMENT = {"SOURCE_DATE_EPOCH": "315532800"}


def source_sha256(folder: Path) -> str:
    """A digest of a project's files: names, contents and which are executable; the same on every host.

    :raises BuildError: if one can't be read.
    """
    digest = hashlib.sha256()
    for path in _sources(folder):
        data, executable = _read(path)
        mark = "x" if executable else ""
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(data)}{mark}\0".encode(errors="surrogateescape"))
        digest.update(data)
    return digest.hexdigest()


def build_wheel(folder: Path, *, cache: Cache, indexes: Indexes | None = None, run: Run = run) -> LockedWheel:
    """Build the project in ``folder`` as a wheel and keep it in the cache by its hash.

    :param indexes: where its build backend comes from; by default PyPI.
    :raises BuildError: with the last lines of what its build backend said, or if the wheel is for this machine only.
    """
    source = source_sha256(folder)
    with cache.lock(source), cache.scratch(source) as work:
        built = _build(folder, work, indexes, run)
        sha256 = _sha256(built)
        path = cache.file("wheels", sha256, built.name, lambda _: built)
    name, version = parse_wheel_filename(path.name)[:2]
    return LockedWheel(
        name=name,
        version=str(version),
        filename=path.name,
        sha256=sha256,
        path=path,
        project=LocalProject(path=folder, source_sha256=source),
    )


def wheel_of(folder: Path, *, cache: Cache, indexes: Indexes | None = None, run: Run = run) -> LockedWheel:
    """The wheel of a project that no lock of ours pins; built only if this state of its files was not built here yet.

    Its hash depends on the build backend: a project that pins it in ``[build-system]`` is the same on every machine.
    """
    if not folder.is_dir():
        raise BuildError(f"the local project {folder} is not there", fix="lock again without it")
    source = source_sha256(folder)

    def make() -> dict[str, str]:
        built = build_wheel(folder, cache=cache, indexes=indexes, run=run)
        return {"filename": built.filename, "sha256": built.sha256}

    known = cache.value("projects", source, make)
    name, version = parse_wheel_filename(known["filename"])[:2]
    return LockedWheel(
        name=name,
        version=str(version),
        filename=known["filename"],
        sha256=known["sha256"],
        project=LocalProject(path=folder, source_sha256=source),
    )


def with_file(wheel: LockedWheel, *, cache: Cache, indexes: Indexes | None = None, run: Run = run) -> LockedWheel:
    """``wheel`` with a path if it is built from a local project: from the cache, or built again and compared.

    :raises HashMismatchError: if what is built now is not what was locked.
    """
    project = wheel.project
    if project is None:
        return wheel
    if not project.path.is_dir():
        raise BuildError(f"the local project {project.path} is not there", fix="lock again without it")

    def make(work: Path) -> Path:
        built = _build(project.path, work, indexes, run)
        actual = _sha256(built)
        if actual != wheel.sha256:
            raise HashMismatchError(
                f"the wheel built from {project.path} is not the one that was locked",
                details=[f"locked sha256: {wheel.sha256}", f"its sha256:    {actual}"],
                fix="pin the build backend in its [build-system] table, then lock again",
            )
        return built

    return replace(wheel, path=cache.file("wheels", wheel.sha256, wheel.filename, make))


def _build(folder: Path, work: Path, indexes: Indexes | None, run: Run) -> Path:
    # Built from a copy: a backend writes egg-info and build folders, and a user's checkout is not ours to change.
    copy = work / "source"
    for path in _sources(folder):
        data, executable = _read(path)
        to = copy / path.relative_to(folder)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(data)
        to.chmod(0o755 if executable else 0o644)
    out = work / "out"
    done = uv.call(
        ["build", "--wheel", "--python", sys.executable, "--no-config", "--out-dir", str(out), str(copy)],
        run=run,
        environment={**_ENVIRONMENT, **(indexes.uv_environment() if indexes else {})},
        secrets=indexes.secrets if indexes else (),
        cwd=work,
    )
    wheels = sorted(out.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise BuildError(
            f"the local project {folder} can't be built as a wheel", details=done.stderr.splitlines()[-20:]
        )
    platforms = sorted({tag.platform for tag in parse_wheel_filename(wheels[0].name)[-1]} - {"any"})
    if platforms:
        raise BuildError(
            f"the local project {folder} is compiled, for this machine only: {', '.join(platforms)}",
            fix="build a wheel of it for the target and name the wheel instead of the folder",
        )
    return repacked(wheels[0], into=work / "repacked")


def _sources(folder: Path) -> list[Path]:
    """The project's files in one order for all hosts; what is no file (a socket, a link into nowhere) is no source."""
    found = []
    for parent, folders, files in os.walk(folder):
        left_out = _NOT_SOURCE | _NOT_SOURCE_AT_THE_TOP if Path(parent) == folder else _NOT_SOURCE
        folders[:] = [name for name in folders if name not in left_out and not name.endswith(".egg-info")]
        found += [
            Path(parent, name) for name in files if name not in _NOT_SOURCE and not name.endswith((".pyc", ".pyo"))
        ]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.relative_to(folder).as_posix())


def _read(path: Path) -> tuple[bytes, bool]:
    """A file's content and whether it is executable."""
    try:
        return path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR)
    except OSError as error:
        raise BuildError(
            f"a local project has a file that can't be read: {error.strerror}", where=Where(path)
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
