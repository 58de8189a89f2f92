"""Local projects: built as wheels by their own build backend, on the user's explicit word, and hashed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from layer_constructs.building import uv
from layer_constructs.building.cache import Cache
from layer_constructs.building.process import Run, run
from layer_constructs.building.wheel import LocalProject, LockedWheel
from layer_constructs.errors import BuildError, HashMismatchError

# What tools leave in a project's folder; none of it is source.
_NOT_SOURCE = frozenset(
    {
        "__pycache__", ".git", ".hg", ".svn", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".ruff_cache",
        ".pytest_cache", ".hypothesis", ".idea", ".vscode", "node_modules", "build", "dist", "cdk.out", ".DS_Store",
    }
)  # fmt: skip

# Read by every PEP 517 backend for the times in a wheel (https://reproducible-builds.org/specs/source-date-epoch/):
# 1980-01-01, the first date that a zip can hold.
_ENVIRONMENT = {"SOURCE_DATE_EPOCH": "315532800"}


def source_sha256(folder: Path) -> str:
    """A digest of a project's files: names, contents and which are executable; the same on every host."""
    digest = hashlib.sha256()
    for path in sorted(_sources(folder), key=lambda p: p.relative_to(folder).as_posix()):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def build_wheel(folder: Path, *, cache: Cache, run: Run = run) -> LockedWheel:
    """Build the project in ``folder`` as a wheel and keep it in the cache by its hash.

    :raises BuildError: with the last lines of what its build backend said.
    """
    source = source_sha256(folder)
    with cache.lock(source), cache.scratch(source) as work:
        built = _build(folder, work, run)
        with built.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        path = cache.file("wheels", sha256, built.name, lambda _: built)
    name, version = path.name.split("-")[:2]
    return LockedWheel(
        name=name.lower().replace("_", "-").replace(".", "-"),
        version=version,
        filename=path.name,
        sha256=sha256,
        path=path,
        project=LocalProject(path=folder, source_sha256=source),
    )


def with_file(wheel: LockedWheel, *, cache: Cache, run: Run = run) -> LockedWheel:
    """``wheel`` with a path if it is built from a local project: from the cache, or built again and compared."""
    project = wheel.project
    if project is None:
        return wheel
    if not project.path.is_dir():
        raise BuildError(f"the local project {project.path} is not there", fix="lock again without it")

    def make(work: Path) -> Path:
        built = _build(project.path, work, run)
        with built.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        if actual != wheel.sha256:
            raise HashMismatchError(
                f"the wheel built from {project.path} is not the one that was locked",
                details=[f"locked sha256: {wheel.sha256}", f"its sha256:    {actual}"],
                fix="pin the build backend in its [build-system] table, then lock again",
            )
        return built

    return replace(wheel, path=cache.file("wheels", wheel.sha256, wheel.filename, make))


def _build(folder: Path, work: Path, run: Run) -> Path:
    # Built from a copy: a backend writes egg-info and build folders, and a user's checkout is not ours to change.
    copy = work / "source"
    for path in _sources(folder):
        to = copy / path.relative_to(folder)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(path.read_bytes())
        to.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
    out = work / "out"
    done = uv.call(
        ["build", "--wheel", "--no-config", "--quiet", "--out-dir", str(out), str(copy)],
        run=run,
        environment=_ENVIRONMENT,
        secrets=(),
        cwd=work,
    )
    wheels = sorted(out.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise BuildError(
            f"the local project {folder} can't be built as a wheel", details=done.stderr.splitlines()[-20:]
        )
    return wheels[0]


def _sources(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_SOURCE and not name.endswith(".egg-info")]
        for name in files:
            if name not in _NOT_SOURCE and not name.endswith((".pyc", ".pyo")):
                yield Path(parent, name)
