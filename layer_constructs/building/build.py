"""BuildPlan -> finished layer: the one place that strings install, normalise, archive and cache together."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from layer_constructs.building import archive, projects, tree
from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.indexes.index import Indexes
from layer_constructs.building.install import install
from layer_constructs.building.layer_facts import LayerFacts, Package
from layer_constructs.building.locking import resolve
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, megabytes, to_stderr
from layer_constructs.building.reading.requirement_line import RequirementLine
from layer_constructs.building.target import Target
from layer_constructs.building.wheel import LockedWheel
from layer_constructs.errors import BuildError

# Where Lambda's Python looks in a layer: `/opt/python`.
SITE = "python"


def build(
    plan: BuildPlan,
    *,
    cache: Cache,
    indexes: Indexes,
    label: str,
    requirements: Sequence[RequirementLine] = (),
    report: Report = to_stderr,
    run: Run = run,
) -> CachedLayer:
    """The finished layer of ``plan``: from the cache if it is there, and built into it otherwise.

    A cache hit starts no process and touches no network.

    :param label: what the user calls the layer, for the two lines that are said while it works.
    :param requirements: where the plan's pins stand, if it has pins.
    """

    def make(work: Path) -> LayerFacts:
        started = time.monotonic()
        count = len(plan.packages)
        report(f"{label}: building {count} {'package' if count == 1 else 'packages'} for {plan.target}")
        wheels = plan.wheels or resolve.resolve_pins(
            plan.pins, plan.target, requirements=requirements, indexes=indexes, run=run
        )
        wheels = tuple(projects.with_file(wheel, cache=cache, indexes=indexes, run=run) for wheel in wheels)
        root = work / "root"
        install(wheels, plan.target, into=root / SITE, work=work, indexes=indexes, run=run)
        finished = tree.normalise(root, site=SITE)
        if finished.contested:
            finished = _settle(finished, wheels, plan.target, root=root, work=work, indexes=indexes, run=run)
        written = archive.write_zip(root, finished, work / "layer.zip")
        shutil.rmtree(root)
        missing = {wheel.name for wheel in wheels} - finished.sizes.keys()
        if missing:
            raise BuildError(f"uv installed nothing for {', '.join(sorted(missing))}")
        report(
            f"{label}: {count} {'package' if count == 1 else 'packages'}, "
            f"{megabytes(finished.unzipped_size)} of 250 MB, {time.monotonic() - started:.1f} s"
        )
        return LayerFacts(
            digest=plan.digest,
            sha256=written.sha256,
            size=written.size,
            unzipped_size=finished.unzipped_size,
            packages={w.name: Package(version=w.version, size=finished.sizes[w.name]) for w in wheels},
        )

    return cache.obtain(plan.digest, make)


def _settle(
    contested: tree.Tree,
    wheels: Sequence[LockedWheel],
    target: Target,
    *,
    root: Path,
    work: Path,
    indexes: Indexes,
    run: Run,
) -> tree.Tree:
    """Where several wheels bring one path, the last by name wins: uv installs side by side, so chance would decide."""
    rivals = {name for names in contested.contested.values() for name in names}
    for wheel in sorted((wheel for wheel in wheels if wheel.name in rivals), key=lambda wheel: wheel.name):
        install([wheel], target, into=root / SITE, work=work, indexes=indexes, again=True, run=run)
    return tree.normalise(root, site=SITE)
