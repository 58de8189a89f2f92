"""What goes into a layer, planned from the files themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from layer_constructs.building.cache import Cache
from layer_constructs.building.containers.image_name import image_name
from layer_constructs.building.dependencies import (
    TOOL_LOCKS,
    Dependencies,
    exported,
    is_pylock,
    lock_request,
    parse_pylock,
    requirements_of,
)
from layer_constructs.building.indexes.index import Indexes, login_variables, read_indexes
from layer_constructs.building.locking import selection
from layer_constructs.building.locking.freshness import ensure
from layer_constructs.building.locking.lock_request import applies
from layer_constructs.building.locking.policy import Policy
from layer_constructs.building.plan import BuildPlan, Pin, digest_of
from layer_constructs.building.process import Run
from layer_constructs.building.progress import Report
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.reading.requirements import (
    RequirementsFile,
    read_text,
)
from layer_constructs.building.reading.seen import not_all
from layer_constructs.building.sdist import BuildImage, LockedSdist
from layer_constructs.building.target import ARCHITECTURES, ArchitectureName, Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import (
    ArgumentError,
    LayerError,
    LockInvalidError,
    RequirementsError,
    UnsupportedRequirementError,
    WheelUnavailableError,
    Where,
)

if TYPE_CHECKING:
    from packaging.pylock import Pylock


@dataclass(frozen=True, kw_only=True, slots=True)
class FreshPlan:
    """A plan and what was found out on the way.

    :param variables: that the file's indexes need for their credentials; None if one is needed for more than that.
    """

    plan: BuildPlan
    indexes: Indexes
    requirements: tuple[RequirementLine, ...] = ()
    image: BuildImage | None = None
    notes: tuple[str, ...] = ()
    variables: tuple[str, ...] | None = ()


def fresh_plan(
    dependencies: Dependencies, target: Target, *, cache: Cache, environ: Mapping[str, str], report: Report, run: Run
) -> FreshPlan:
    """As `make_plan`, which also knows what was planned before."""
    path = dependencies.requirements
    if dependencies.lock is None and is_pylock(path):
        indexes = read_indexes(RequirementsFile(path=path, requirements=()), environ)
        return _from_pylock(parse_pylock(read_text(path), path), dependencies, target, indexes, cache=cache, run=run)
    if dependencies.lock is None and path.name in TOOL_LOCKS:
        return _from_tool_lock(dependencies, target, cache=cache, environ=environ, report=report, run=run)
    file = requirements_of(dependencies, cache=cache, report=report, run=run)
    if dependencies.lock is None and file.is_pinned:
        return _finished(_from_pins(file, target, environ), dependencies)
    request = lock_request(dependencies, file, environ=environ)
    policy = Policy.of(dependencies.locked, environ=environ)
    lock = ensure(request, target, policy=policy, cache=cache, report=report, run=run)
    left_out = lock.runtimes[target.runtime]

    def select(one: Target) -> tuple[LockedWheel, ...]:
        files = lock.select(one)
        for locked in files:
            if isinstance(locked, LockedSdist):
                raise _unbuilt(locked, one, path)
        return tuple(locked for locked in files if isinstance(locked, LockedWheel))

    there = [a for a in ARCHITECTURES if a not in left_out]
    plan = _same_content(select, target, there, alike=not lock.tells_architectures_apart)
    request.refuse_edited(lock, plan.wheels, target)
    if not plan.wheels:
        raise RequirementsError(f"nothing in it is for {target}", where=Where(path))
    planned = FreshPlan(
        plan=plan,
        indexes=request.indexes,
        requirements=file.requirements,
        image=lock.images.get(target),
        variables=login_variables(file),
    )
    return _finished(planned, dependencies, bytecode=lock.bytecode.get(target.runtime))


def _finished(planned: FreshPlan, dependencies: Dependencies, *, bytecode: str | None = None) -> FreshPlan:
    """With what the user says of the contents and of a container.

    A layer that is made in a container is never one that was made without.

    :param bytecode: the Python that the lock names.
    """
    plan, bundling, contents = planned.plan, dependencies.bundling, dependencies.contents
    notes: tuple[str, ...] = ()
    exact = contents.bytecode or (bytecode if dependencies.bytecode else None)
    if dependencies.bytecode and exact is None:
        raise ArgumentError(
            f"{dependencies.requirements.name} has no place for the Python that makes the bytecode",
            where=Where(dependencies.requirements),
            fix=f"name it: bytecode='{plan.target.python}.1'",
        )
    if contents.provided_by_runtime:
        from layer_constructs.building.provision import left_to_runtime

        provided = left_to_runtime(
            plan.packages, plan.target, planned.requirements, versions=dependencies.runtime_versions
        )
        wheels = tuple(wheel for wheel in plan.wheels if wheel.name not in provided.left_out)
        plan, notes = plan._replace(wheels=wheels, left_out=provided.left_out), provided.notes
        if not plan.packages:
            raise RequirementsError(
                f"{plan.target.runtime} has everything in it, so there is no layer to make",
                where=Where(dependencies.requirements),
            )
    plan = plan._replace(contents=replace(contents, bytecode=exact))
    if bundling.mode == "docker":
        image = planned.image
        named = image.exact if image else image_name(bundling.options, plan.target)
        made_in = f"{named} {bundling.options.fingerprint}"
        plan = plan._replace(made_in=made_in, architectures=(plan.target.architecture,))
    return replace(planned, plan=plan, notes=notes)


def _unbuilt(sdist: LockedSdist, target: Target, path: Path) -> WheelUnavailableError:
    return WheelUnavailableError(
        package=sdist.label,
        target=str(target),
        where=Where(path),
        reason="there is only a source distribution, and bundling=Bundling.local() never starts a container",
        fix="let a container build it with bundling=Bundling.auto(), or pin a version that has a wheel",
    )


def _from_pylock(
    pylock: Pylock,
    dependencies: Dependencies,
    target: Target,
    indexes: Indexes,
    *,
    cache: Cache,
    run: Run,
) -> FreshPlan:
    path = dependencies.requirements

    def project(folder: Path) -> LockedWheel:
        from layer_constructs.building.projects import wheel_of

        not_all()
        return wheel_of(folder, cache=cache, indexes=indexes, run=run)

    def select(one: Target) -> tuple[LockedWheel, ...]:
        files = selection.select(
            pylock,
            one,
            path=path,
            extras=dependencies.extras,
            groups=dependencies.groups,
            project=project if dependencies.build_local_projects else None,
        )
        return tuple(file for file in files if isinstance(file, LockedWheel))  # others were not asked for

    plan = _same_content(select, target, ARCHITECTURES)
    if not plan.wheels:
        raise RequirementsError(f"nothing in it is for {target}", where=Where(path))
    return _finished(FreshPlan(plan=plan, indexes=indexes), dependencies)


def _from_tool_lock(
    dependencies: Dependencies,
    target: Target,
    *,
    cache: Cache,
    environ: Mapping[str, str],
    report: Report,
    run: Run,
) -> FreshPlan:
    its, path = exported(dependencies, cache=cache, report=report, run=run), dependencies.requirements
    file = its.file
    if its.pylock:
        plain = dependencies._replace(extras=(), groups=())  # they were the export's business
        return _from_pylock(its.pylock, plain, target, read_indexes(file, environ), cache=cache, run=run)
    file = replace(file, requirements=tuple(line for line in file.requirements if applies(line, target)))
    for line in file.requirements:
        if line.requirement is None:
            raise UnsupportedRequirementError(
                f"{line.name or line.path} is a local project, whose wheel this lock doesn't pin",
                where=Where(path),
                fix="name pyproject.toml as requirements, with build_local_projects=True, or a wheel of it in the lock",
            )
        if not line.is_pinned:
            raise LockInvalidError(
                f"{line.name} is not pinned with a hash", where=Where(path), fix="lock it again with the tool's hashes"
            )
    return _finished(_from_pins(file, target, environ), dependencies)


def _from_pins(file: RequirementsFile, target: Target, environ: Mapping[str, str]) -> FreshPlan:
    """A file that is its own lock: which of the hashed files fits is found out when it is built."""
    active = [line for line in file.requirements if line.requirement and applies(line, target)]
    if not active:
        raise RequirementsError(f"nothing in it is for {target}", where=Where(file.path))
    pins = tuple(
        Pin(name=line.name or "", version=next(iter(line.requirement.specifier)).version, hashes=line.hashes)
        for line in active
        if line.requirement
    )
    return FreshPlan(
        plan=BuildPlan(target=target, architectures=(target.architecture,), pins=pins),
        indexes=read_indexes(file, environ),
        requirements=file.requirements,
        variables=login_variables(file),
    )


def _same_content(
    select: Callable[[Target], tuple[LockedWheel, ...]],
    target: Target,
    architectures: Sequence[ArchitectureName],
    *,
    alike: bool = False,
) -> BuildPlan:
    """The plan for ``target``, declaring every architecture that gets exactly the same files.

    :param alike: whether it is known that pure wheels are selected for every architecture alike; selecting once more
        costs as much as the first time.
    """
    wheels = select(target)
    same: list[ArchitectureName] = [target.architecture]
    if all(wheel.is_pure for wheel in wheels):
        for other in architectures:
            if alike:
                same.append(other)
            if alike or other == target.architecture:
                continue
            try:
                if digest_of(select(Target(target.runtime, other))) == digest_of(wheels):
                    same.append(other)
            except LayerError:
                continue  # it has no answer of its own, which is that target's error
    return BuildPlan(target=target, architectures=tuple(a for a in ARCHITECTURES if a in same), wheels=wheels)
