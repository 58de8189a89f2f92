"""What a user names -> one side of a comparison."""

from __future__ import annotations

from layer_constructs.building.cache import Cache
from layer_constructs.building.dependencies import Dependencies
from layer_constructs.building.process import Run, run
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.inspection.comparison import Side, SidePackage
from layer_constructs.inspection.inspection import Inspection, Wanted
from layer_constructs.inspection.subject import inspect_layer, is_layer, plan_layer


def side_of(
    dependencies: Dependencies,
    *,
    wanted: Wanted,
    cache: Cache,
    building: bool = False,
    report: Report = to_stderr,
    run: Run = run,
) -> Side:
    """A layer by what is in it, a lock or requirements file by its pins, and by its layer where that is in the cache.

    :param building: build the layer where it isn't.
    :raises LayerError: what planning and building raise.
    """
    path = dependencies.requirements
    if is_layer(path):
        return _of_layer(inspect_layer(path, wanted=wanted, audited=False))
    layer = plan_layer(dependencies, wanted=wanted, cache=cache, report=report, run=run)
    plan = layer.planned.plan
    found = layer.built(cache=cache, label=path.name, report=report, run=run) if building else cache.find(plan.digest)
    if found is None:
        packages = {name: SidePackage(version=version) for name, version in plan.packages.items()}
        return Side(label=str(path), target=str(plan.target), packages=packages, notes=layer.notes)
    known = Wanted(runtime=plan.target.runtime, architecture=plan.target.architecture)
    return _of_layer(inspect_layer(found.archive, wanted=known, label=str(path), audited=False), notes=layer.notes)


def _of_layer(inspection: Inspection, *, notes: tuple[str, ...] = ()) -> Side:
    return Side(
        label=inspection.label,
        target=str(inspection.target),
        packages={
            package.name: SidePackage(version=package.version, size=package.size, license=package.license)
            for package in inspection.packages
        },
        size=inspection.size,
        contents_known=True,
        notes=(*notes, *inspection.notes),
    )
