"""BuildPlan -> finished layer: the one place that strings install, normalise, archive and cache together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from layer_constructs.building import projects
from layer_constructs.building.builders import builder_of, with_cached_file
from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.installers import ContainerInstaller, LocalInstaller
from layer_constructs.building.layer_facts import LayerFacts, Package
from layer_constructs.building.locking import resolve_target
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.planning import Planned
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, megabytes, to_stderr
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.sdist import BuildImage
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.building.workbench import Workbench


def build(
    plan: BuildPlan,
    *,
    cache: Cache,
    indexes: Indexes,
    label: str,
    requirements: Sequence[RequirementLine] = (),
    bundling: Bundling | None = None,
    image: BuildImage | None = None,
    runtime_versions: Mapping[str, str] | None = None,
    report: Report = to_stderr,
    run: Run = run,
) -> CachedLayer:
    """The finished layer of ``plan``: from the cache if it is there, and built into it otherwise.

    A cache hit starts no process and touches no network.

    :param label: what the user calls the layer, for the two lines that are said while it works.
    :param requirements: where the plan's pins stand, if it has pins.
    :param bundling: where it is made.
    :param runtime_versions: what the user knows of the packages that the runtime ships.
    :param image: in what the lock says that its wheels were built.
    """

    bundling = bundling or Bundling()

    def make(work: Path) -> LayerFacts:
        started = time.monotonic()
        what = _what(plan)
        report(f"{label}: building {what} for {plan.target}")
        wheels = plan.wheels
        if plan.pins:
            wheels += tuple(
                resolve_target.resolve_pins(plan.pins, plan.target, requirements=requirements, indexes=indexes, run=run)
            )
        wheels = tuple(wheel for wheel in wheels if wheel.name not in plan.left_out)
        wheels = tuple(projects.with_file(wheel, cache=cache, indexes=indexes, run=run) for wheel in wheels)
        wheels = _with_built_files(
            wheels, plan.target, bundling, image=image, cache=cache, indexes=indexes, report=report, run=run
        )
        installer = (
            ContainerInstaller(options=bundling.options, pinned=image, target=plan.target, cache=cache,
                               indexes=indexes, report=report, run=run)
            if bundling.mode == "docker"
            else LocalInstaller(target=plan.target, work=work, indexes=indexes, run=run)
        )  # fmt: skip
        bench = Workbench(
            plan=plan,
            wheels=wheels,
            installer=installer,
            work=work,
            runtime_versions=runtime_versions or {},
            report=report,
            run=run,
        )
        packed = bench.pack()
        finished, written = packed.tree, packed.archive
        report(f"{label}: {what}, {megabytes(finished.unzipped_size)} of 250 MB, {time.monotonic() - started:.1f} s")
        return LayerFacts(
            digest=plan.digest,
            sha256=written.sha256,
            size=written.size,
            unzipped_size=finished.unzipped_size,
            packages={w.name: Package(version=w.version, size=finished.sizes.get(w.name, 0)) for w in wheels},
        )

    return cache.obtain(plan.digest, make)


def build_planned(
    planned: Planned, *, cache: Cache, label: str, report: Report = to_stderr, run: Run = run
) -> CachedLayer:
    """The finished layer of a plan, with everything that planning found out for its build."""
    return build(
        planned.plan,
        cache=cache,
        indexes=planned.indexes,
        label=label,
        requirements=planned.requirements,
        bundling=planned.bundling,
        image=planned.image,
        runtime_versions=planned.runtime_versions,
        report=report,
        run=run,
    )


def _what(plan: BuildPlan) -> str:
    """Such as ``3 packages and 1 own file``."""
    counted = [(len(plan.packages), "package"), (len(plan.own.files) if plan.own else 0, "own file")]
    return " and ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counted if count)


def _with_built_files(
    wheels: Sequence[LockedWheel],
    target: Target,
    bundling: Bundling,
    *,
    image: BuildImage | None,
    cache: Cache,
    indexes: Indexes,
    report: Report,
    run: Run,
) -> tuple[LockedWheel, ...]:
    """The wheels that were built of source distributions as files: from the cache, or built again and compared."""
    if not any(wheel.built for wheel in wheels):
        return tuple(wheels)
    pinned = {target: image} if image else {}
    builder = builder_of(bundling, cache=cache, indexes=indexes, pinned=pinned, report=report, run=run)
    return tuple(
        (builder.with_file(wheel, target) if builder else with_cached_file(wheel, target, cache=cache))
        if wheel.built
        else wheel
        for wheel in wheels
    )
