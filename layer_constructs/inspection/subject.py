"""What a user names -> a folder to look at: a layer's folder or zip, or a requirements file that is built."""

from __future__ import annotations

import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from layer_constructs.building.build import build_planned
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.dependencies import Dependencies, is_pylock, to_lock
from layer_constructs.building.locking.entries import TOOL
from layer_constructs.building.locking.lock_request import lock_path
from layer_constructs.building.planning import Planned, make_plan
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.target import DEFAULT_ARCHITECTURE, DEFAULT_RUNTIME, RUNTIMES, Target
from layer_constructs.errors import ArgumentError, Where
from layer_constructs.inspection.inspection import Inspection, Wanted, inspect_folder
from layer_constructs.inspection.unpacking import Link, unpack


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedLayer:
    """A requirements file for one target, not built yet."""

    planned: Planned
    notes: tuple[str, ...] = ()

    @property
    def target(self) -> Target:
        return self.planned.plan.target

    def built(self, *, cache: Cache, label: str, report: Report = to_stderr, run: Run = run) -> CachedLayer:
        """From the cache, or built into it."""
        return build_planned(self.planned, cache=cache, label=label, report=report, run=run)


def is_layer(path: Path) -> bool:
    """Whether a path is a finished layer: a folder or a zip.

    :raises ArgumentError: if there is nothing.
    """
    if path.is_dir():
        return True
    if not path.exists():
        raise ArgumentError(
            "there is no such file or folder",
            where=Where(path),
            details=["allowed: a requirements file or lock, a layer's folder, a layer's zip"],
        )
    return path.suffix == ".zip" or zipfile.is_zipfile(path)


def inspect_layer(path: Path, *, wanted: Wanted, label: str | None = None, audited: bool = True) -> Inspection:
    """Look at a finished layer.

    :param path: its folder or zip.
    :raises ArgumentError: if it can't be read.
    """
    label = label or str(path)
    try:
        if path.is_dir():
            return inspect_folder(path, label=label, wanted=wanted, audited=audited)
        with _unpacked(path) as (root, outside):
            return inspect_folder(root, label=label, wanted=wanted, outside=outside, audited=audited)
    except OSError as error:
        raise ArgumentError(f"{error.filename or path} can't be read: {error.strerror}", where=Where(path)) from error


@contextmanager
def _unpacked(archive: Path) -> Iterator[tuple[Path, tuple[Link, ...]]]:
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
        root = Path(folder).resolve() / archive.stem
        root.mkdir()
        yield root, unpack(archive, root)


def plan_layer(
    dependencies: Dependencies, *, wanted: Wanted, cache: Cache, report: Report = to_stderr, run: Run = run
) -> PlannedLayer:
    """Plan a requirements file without changing anything beside it.

    A lock that is there counts, and must be fresh. Where there is none, the file is resolved as it would be now, and
    what comes of it is thrown away.

    :raises LayerError: what planning raises.
    """
    path = dependencies.requirements
    notes: list[str] = []
    if to_lock(dependencies, cache=cache, report=report, run=run) is None:
        locked = _runtimes_of(path)
        target = _target(locked, wanted)
        return PlannedLayer(planned=_planned(dependencies, target, cache, report, run), notes=_others(locked, target))
    lock = dependencies.lock or lock_path(path, sorted(dependencies.extras), sorted(dependencies.groups))
    if lock.exists():
        locked = _runtimes_of(lock)
        target = _target(locked, wanted)
        return PlannedLayer(planned=_planned(dependencies, target, cache, report, run), notes=_others(locked, target))
    notes.append(f"there is no lock {lock.name}: this is what would be locked now, and nothing was written")
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
        elsewhere = dependencies._replace(lock=Path(folder).resolve() / lock.name, locked=False)
        planned = make_plan(elsewhere, _target([], wanted), cache=cache, report=_say_nothing, run=run)
    return PlannedLayer(planned=planned, notes=tuple(notes))


def _say_nothing(line: str, /) -> None:
    """Of a lock that is thrown away."""


def _planned(dependencies: Dependencies, target: Target, cache: Cache, report: Report, run: Run) -> Planned:
    return make_plan(dependencies._replace(locked=True), target, cache=cache, report=report, run=run)


def _target(locked: list[str], wanted: Wanted) -> Target:
    """The target that the user names; of a lock that has not the default runtime, its newest."""
    runtime = wanted.runtime or (DEFAULT_RUNTIME if DEFAULT_RUNTIME in locked or not locked else locked[-1])
    return Target(runtime, wanted.architecture or DEFAULT_ARCHITECTURE)


def _others(locked: list[str], target: Target) -> tuple[str, ...]:
    others = [runtime for runtime in locked if runtime != target.runtime]
    return (f"the lock has {', '.join(others)} too: --runtime shows it",) if others else ()


def _runtimes_of(lock: Path) -> list[str]:
    """The runtimes that a lock of this library names, oldest first; what is wrong with a lock is said by planning."""
    if not is_pylock(lock):
        return []
    try:
        document = tomllib.loads(lock.read_text(encoding="utf-8"))
        named = document["tool"][TOOL]["runtimes"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [runtime for runtime in RUNTIMES if runtime in named] if isinstance(named, dict) else []


def inspect_requirements(
    dependencies: Dependencies, *, wanted: Wanted, cache: Cache, report: Report = to_stderr, run: Run = run
) -> Inspection:
    """Look at the layer that a requirements file gives, built where it isn't in the cache.

    :raises LayerError: what planning and building raise.
    """
    path = dependencies.requirements
    layer = plan_layer(dependencies, wanted=wanted, cache=cache, report=report, run=run)
    target = layer.target
    made = layer.built(cache=cache, label=path.name, report=report, run=run)
    known = Wanted(runtime=target.runtime, architecture=target.architecture)
    found = inspect_layer(made.archive, wanted=known, label=str(path))
    return replace(found, notes=(*layer.notes, *layer.planned.notes, *found.notes))
