"""Making a lock anew: what is missing or stale is resolved, what is fresh stays."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from layer_constructs.building import projects
from layer_constructs.building.cache import Cache
from layer_constructs.building.indexes import origins
from layer_constructs.building.locking import lock_text
from layer_constructs.building.locking.builds import with_builds, with_known_builds
from layer_constructs.building.locking.licences import with_licences
from layer_constructs.building.locking.lock import Lock
from layer_constructs.building.locking.lock_request import LockRequest
from layer_constructs.building.locking.moment import moment
from layer_constructs.building.locking.pins import LockedFile, Pins, Upgrade
from layer_constructs.building.locking.question import Question
from layer_constructs.building.locking.resolve import resolve
from layer_constructs.building.locking.sources import Builder, Sources
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import (
    ArgumentError,
    OriginChangedError,
    ResolutionError,
    Where,
)


def relock(
    request: LockRequest,
    runtimes: Iterable[str],
    *,
    needed: Iterable[ArchitectureName] = (),
    lock: Lock | None,
    upgrade: Upgrade | None = None,
    exclude_newer: str | None = None,
    rebuild: bool = False,
    builder: Builder | None = None,
    cache: Cache,
    report: Report = to_stderr,
    run: Run = run,
) -> bool:
    """Resolve what is missing or stale and put the lock in its place.

    A runtime that is locked and still fresh is left as it is, unless an upgrade or another date is asked for.

    :param needed: architectures without which the lock is worth nothing; what has no wheel is built for these.
    :param lock: the lock that is there.
    :param rebuild: build anew what was built, and take what comes of it.
    :param builder: builds wheels of source distributions; without, a package that has no wheel is an error.
    :param exclude_newer: a date that stays in force for later locks; None keeps the one in force.
    :returns: whether the file changed.
    """
    wanted = list(dict.fromkeys(runtimes))
    _refuse_other_release(request, wanted)
    made_from = request.made_from()
    if lock:
        request.refuse_foreign(lock)
    date = moment(exclude_newer) if exclude_newer else (lock.exclude_newer if lock else None)
    before = {runtime: lock.pins(runtime) for runtime in lock.runtimes} if lock else {}
    _refuse_unknown(upgrade, request, before)
    stale = lock is None or bool(made_from.changes_since(lock.made_from)) or date != lock.exclude_newer
    asked = [*wanted, *before] if stale else [r for r in wanted if upgrade or r not in before]
    needed = list(needed)
    pins = dict(before)
    if asked:
        _resolve(request, asked, wanted, pins, needed=needed, upgrade=upgrade, date=date, builder=builder, cache=cache,
                 report=report, run=run)  # fmt: skip
    if builder:
        for runtime in wanted:
            pins[runtime] = with_builds(
                pins[runtime],
                runtime,
                needed,
                builder=builder,
                bundling=request.bundling,
                rebuild=rebuild,
            )
    if request.bytecode:
        for runtime in wanted:
            pins[runtime] = _with_bytecode(pins[runtime], runtime, request.bytecode, upgrade=upgrade, run=run)
    if lock and not stale and pins == before:
        return False
    command = request.command(base=request.path.absolute().parent)
    text = lock_text.render(request.path, made_from=made_from, pins=pins, exclude_newer=date, command=command)
    wrote = lock_text.write(request.path, text)
    if wrote:
        count = len({wheel.name for answer in pins.values() for wheels in answer.wheels.values() for wheel in wheels})
        packages = f"{count} {'package' if count == 1 else 'packages'}"
        report(f"locked {packages} of {request.file.path.name} in {request.path.name} for {', '.join(pins)}")
    return wrote


def _resolve(
    request: LockRequest,
    asked: Iterable[str],
    wanted: Collection[str],
    pins: dict[str, Pins],
    *,
    needed: Sequence[ArchitectureName],
    upgrade: Upgrade | None,
    date: str | None,
    builder: Builder | None,
    cache: Cache,
    report: Report,
    run: Run,
) -> None:
    """Put the answers for ``asked`` runtimes into ``pins``, in which those before stand."""
    before = dict(pins)
    question, built = question_of(request, exclude_newer=date, cache=cache, run=run)
    built_before = (f for answer in before.values() for files in answer.wheels.values() for f in files)
    sources = (
        Sources(
            builder=builder,
            target=Target(next(iter(wanted)), next(iter(needed), ARCHITECTURES[0])),
            cache=cache,
            known=[file for file in built_before if isinstance(file, LockedWheel) and file.built],
        )
        if builder
        else None
    )
    for runtime in dict.fromkeys(asked):
        try:
            answer = resolve(
                question,
                runtime,
                needed=needed if runtime in wanted else (),
                before=before.get(runtime),
                upgrade=upgrade if runtime in wanted else None,
                sources=sources,
                run=run,
            )
        except ResolutionError as error:
            if runtime in wanted:
                raise
            del pins[runtime]  # nobody asked for it now; whoever does is told the same
            report(f"{request.path.name}: {runtime} is left out: {error.problem}")
            continue
        answer = _with_projects(_with_origins(answer, question, lock_path=request.path, before=before), built)
        answer = with_known_builds(answer, before.get(runtime))
        pins[runtime] = with_licences(answer, before.values(), indexes=request.indexes)
        for difference in answer.differences():
            report(f"{request.path.name}: {runtime} has no common version of {difference}")
        for architecture, reason in answer.unavailable.items():
            report(f"{request.path.name}: {Target(runtime, architecture)} is left out: {reason}")


def _with_bytecode(pins: Pins, runtime: str, wanted: bool | str, *, upgrade: Upgrade | None, run: Run) -> Pins:
    """With the Python that compiles the modules; one that is locked stays, as a pin does."""
    if isinstance(wanted, str):
        return replace(pins, bytecode=wanted)
    if pins.bytecode and not (upgrade and upgrade.everything):
        return pins
    from layer_constructs.building.interpreter import find

    return replace(pins, bytecode=find(Target(runtime).python, run=run).version)


def _refuse_other_release(request: LockRequest, runtimes: Iterable[str]) -> None:
    """A lock that named it would be none."""
    for python in (Target(runtime).python for runtime in runtimes):
        named = request.bytecode
        if isinstance(named, str) and not re.fullmatch(rf"{re.escape(python)}\.\d{{1,3}}", named):
            raise ArgumentError(
                f"the bytecode is to be made by {named!r}, which is no release of Python {python}",
                details=[f"allowed: a release of {python}, such as {python}.1, or 'any'"],
                fix="name the runtime that it is for with --runtime",
            )


def _refuse_unknown(upgrade: Upgrade | None, request: LockRequest, before: Mapping[str, Pins]) -> None:
    names = {wheel.name for pins in before.values() for wheels in pins.wheels.values() for wheel in wheels}
    names |= {line.name for line in request.file.requirements if line.name}
    unknown = [name for name in (upgrade.packages if upgrade else ()) if canonicalize_name(name) not in names]
    if unknown and before:
        raise ArgumentError(
            f"{unknown[0]} can't be upgraded: it is not locked",
            where=Where(request.path),
            details=[f"locked: {', '.join(sorted(names))}"],
        )


def question_of(
    request: LockRequest, *, exclude_newer: str | None, cache: Cache, run: Run
) -> tuple[Question, dict[str, LockedWheel]]:
    """The resolver's question, with local projects built and named indexes without credentials."""
    lines: list[RequirementLine] = []
    built: dict[str, LockedWheel] = {}
    for line in sorted(request.file.requirements, key=lambda line: str(line.requirement or line.path)):
        if line.path is not None and not line.path.name.endswith(".whl"):
            wheel = projects.build_wheel(line.path, cache=cache, indexes=request.indexes, run=run)
            built[wheel.name] = wheel
            lines.append(replace(line, name=wheel.name, requirement=_named(wheel, line), path=wheel.path))
            continue
        named = request.indexes.named(line.index, where=line.where).url if line.index else None
        lines.append(replace(line, index=named))
    return (
        Question(
            requirements=tuple(lines),
            constraints=request.file.constraints,
            indexes=request.indexes,
            prereleases=request.file.prereleases,
            exclude_newer=exclude_newer,
        ),
        built,
    )


def _named(wheel: LockedWheel, line: RequirementLine) -> Requirement:
    extras = f"[{','.join(line.extras)}]" if line.extras else ""
    marker = f" ; {line.marker}" if line.marker else ""
    return Requirement(f"{wheel.name}{extras}=={wheel.version}{marker}")


def _with_projects(pins: Pins, built: Mapping[str, LockedWheel]) -> Pins:
    wheels = {a: tuple(built.get(w.name, w) for w in locked) for a, locked in pins.wheels.items()}
    return replace(pins, wheels=wheels)


def _with_origins(pins: Pins, question: Question, *, lock_path: Path, before: Mapping[str, Pins]) -> Pins:
    """Record which index each package comes from; refuse a name that two offer, and an origin that moved."""
    named = {line.name: line.index for line in question.requirements if line.name and line.index}
    direct = {line.name for line in question.requirements if line.requirement and (line.path or line.requirement.url)}
    names = {wheel.name for wheels in pins.wheels.values() for wheel in wheels} - direct
    where = {line.name: line.where for line in question.requirements if line.name}
    found = origins.find(sorted(names), question.indexes, named=named, where=where)
    old = {w.name: _origin(w) for answer in before.values() for wheels in answer.wheels.values() for w in wheels}
    for name, index in found.items():
        was = old.get(name)
        is_folder = index.startswith("file:") and was is not None and "://" not in was
        if was is not None and was != index and name not in named and not is_folder:
            raise OriginChangedError(package=name, before=was, after=index, lock=lock_path)

    def known(file: LockedFile) -> LockedFile:
        # A folder's place is in the file's path, relative to the lock; its URL would differ on every machine.
        return replace(file, index=None if file.path else found.get(file.name))

    return replace(pins, wheels={a: tuple(map(known, locked)) for a, locked in pins.wheels.items()})


def _origin(wheel: LockedFile) -> str | None:
    return wheel.index or (str(wheel.path.parent) if wheel.path else None)
