"""Where the way to another runtime starts: what is asked for, and what is pinned now."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from layer_constructs.building.cache import Cache
from layer_constructs.building.dependencies import Dependencies, lock_request, to_lock
from layer_constructs.building.locking.freshness import load
from layer_constructs.building.locking.pins import LockedFile
from layer_constructs.building.locking.question import Question
from layer_constructs.building.locking.relock import question_of
from layer_constructs.building.locking.resolve import resolve
from layer_constructs.building.locking.sources import Sources
from layer_constructs.building.planning import make_plan
from layer_constructs.building.process import Run
from layer_constructs.building.progress import Report
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.sdist import BuildImage, LockedSdist
from layer_constructs.building.target import ARCHITECTURES, DEFAULT_RUNTIME, RUNTIMES, ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import LayerError, ResolutionError, Where


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Where the way starts: what is asked for, and what is pinned now."""

    runtime: str
    question: Question
    pins: Mapping[ArchitectureName, tuple[LockedFile, ...]]
    notes: tuple[str, ...] = ()


def start_of(
    dependencies: Dependencies, *, to: str, start: str | None, cache: Cache, report: Report, run: Run
) -> Start:
    """What the lock pins where it is there and fresh, else what would be locked now; nothing is written.

    :param to: the runtime that it moves to.
    :param start: the runtime that it moves from; by default the lock's newest before ``to``.
    :raises LayerError: if an index doesn't answer, or there is no answer for the runtime it moves from.
    """
    file = to_lock(dependencies, cache=cache, report=report, run=run)
    if file is None:
        return _start_of_lock(dependencies, start or _usual(to), cache=cache, report=report, run=run)
    request = lock_request(dependencies, file, environ=os.environ)
    lock = load(request)
    question, _ = question_of(request, exclude_newer=lock.exclude_newer if lock else None, cache=cache, run=run)
    notes = []
    if lock and lock.exclude_newer:
        notes.append(f"only what was uploaded before {lock.exclude_newer} counts, as the lock says")
    if lock and not request.made_from().changes_since(lock.made_from):
        known = [runtime for runtime in RUNTIMES if runtime in lock.runtimes]
        runtime = start or _before(to, known)
        if runtime in lock.runtimes:
            return Start(runtime=runtime, question=question, pins=lock.pins(runtime).wheels, notes=tuple(notes))
        notes.append(f"{request.path.name} does not lock {runtime}: its versions are what would be locked now")
    else:
        runtime = start or _usual(to)
        reason = "is stale" if lock else "is not there"
        notes.append(f"{request.path.name} {reason}: the versions on {runtime} are what would be locked now")
    with tempfile.TemporaryDirectory(prefix="layer-constructs-") as folder:
        unbuilt = _Unbuilt(Path(folder))
        sources = Sources(builder=unbuilt, target=Target(runtime), cache=cache)
        pins = resolve(question, runtime, sources=sources, run=run).wheels
    built = sorted(file.name for file in next(iter(pins.values())) if is_built(file))
    if built:
        notes.append(f"what these need is not known without building them, and not looked at: {', '.join(built)}")
    return Start(runtime=runtime, question=question, pins=pins, notes=tuple(notes))


def is_built(file: LockedFile) -> bool:
    """Whether it is a source distribution, or was made of one."""
    return isinstance(file, LockedSdist) or file.built is not None


class _Unbuilt:
    """Says of source distributions that they need nothing, instead of building them: nobody's code is run to look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def image(self, target: Target, *, needed_by: str) -> BuildImage:
        raise NotImplementedError(f"nothing is built for {target}, {needed_by} neither")

    def wheel(self, sdist: LockedSdist, target: Target, *, again: bool = False) -> LockedWheel:
        del target, again
        path = self._folder / f"{sdist.name.replace('-', '_')}-{sdist.version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            text = f"Metadata-Version: 2.1\nName: {sdist.name}\nVersion: {sdist.version}\n"
            wheel.writestr(f"{path.name.partition('-py3')[0]}.dist-info/METADATA", text)
        return LockedWheel(name=sdist.name, version=sdist.version, filename=path.name, sha256="", path=path)


def _start_of_lock(dependencies: Dependencies, runtime: str, *, cache: Cache, report: Report, run: Run) -> Start:
    """A file that is its own lock: what it pins is all that is asked for."""
    path = dependencies.requirements
    pins: dict[ArchitectureName, tuple[LockedFile, ...]] = {}
    question: Question | None = None
    failure: LayerError | None = None
    for architecture in ARCHITECTURES:
        try:
            target = Target(runtime, architecture)
            planned = make_plan(dependencies._replace(locked=True), target, cache=cache, report=report, run=run)
        except ResolutionError as error:
            failure = error
            continue
        plan = planned.plan
        packages = plan.packages.items()
        lines = [
            RequirementLine(name=name, requirement=Requirement(f"{name}=={version}"), where=Where(path))
            for name, version in packages
        ]
        question = question or Question(requirements=tuple(lines), indexes=planned.indexes)
        pins[architecture] = plan.wheels or tuple(
            LockedWheel(name=name, version=version, filename="", sha256="") for name, version in packages
        )
    if question is None:
        assert failure is not None  # noqa: S101 - no architecture had an answer
        raise failure
    return Start(runtime=runtime, question=question, pins=pins)


def _usual(to: str) -> str:
    return DEFAULT_RUNTIME if to != DEFAULT_RUNTIME else RUNTIMES[RUNTIMES.index(to) - 1]


def _before(to: str, known: list[str]) -> str:
    """The newest runtime of a lock that is older than ``to``, or else the newest other one."""
    older = [runtime for runtime in known if RUNTIMES.index(runtime) < RUNTIMES.index(to)]
    others = [runtime for runtime in known if runtime != to]
    return (older or others or [_usual(to)])[-1]
