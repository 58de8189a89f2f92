"""One requirements file + several targets -> what goes into the layer of each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from layer_constructs.building.naming import naming
from layer_constructs.building.planning import Planned, fresh, remembered
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.errors import LayerError, ResolutionError, Where

if TYPE_CHECKING:
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.fresh_plan import FreshPlan
    from layer_constructs.building.process import Run
    from layer_constructs.building.target import Target
    from layer_constructs.building.wanted import Dependencies


def make_plans(
    dependencies: Dependencies,
    targets: Sequence[Target],
    *,
    on_demand: bool = False,
    same_versions: bool = False,
    cache: Cache,
    environ: Mapping[str, str] | None = None,
    report: Report = to_stderr,
    run: Run | None = None,
) -> dict[Target, Planned]:
    """The plans of ``targets``, whose lock is seen to once for all of them.

    :param on_demand: leave out a target that has no plan, or none yet: whoever wants it asks `make_plan`.
    :param same_versions: one version of each package for all of them.
    :raises LayerError: a leaf that names the file and line, and the target.
    :raises ResolutionError: if the versions are to be the same and can't be.
    """
    environ = os.environ if environ is None else environ
    look = partial(fresh, cache=cache, environ=environ, report=report, run=run)

    def make() -> dict[Target, FreshPlan]:
        _ensure(
            dependencies,
            targets,
            on_demand=on_demand,
            same_versions=same_versions,
            cache=cache,
            environ=environ,
            report=report,
            run=run,
        )
        # What has to be built for a target waits until somebody wants that.
        asked = dependencies._replace(locked=True) if on_demand else dependencies
        plans: dict[Target, FreshPlan] = {}
        for target in targets:
            try:
                with naming(target):
                    plans[target] = look(asked, target)
            except LayerError:
                if not on_demand:
                    raise
        return plans

    plans = remembered(
        dependencies,
        targets,
        on_demand,
        same_versions,
        make=make,
        again=partial(look, dependencies),
        cache=cache,
        environ=environ,
    )
    if same_versions:
        _refuse_differences(plans, Where(dependencies.requirements))
    return plans


def _ensure(
    dependencies: Dependencies,
    targets: Sequence[Target],
    *,
    on_demand: bool,
    same_versions: bool,
    cache: Cache,
    environ: Mapping[str, str],
    report: Report,
    run: Run | None,
) -> None:
    """See to the lock, if there is to be one."""
    from layer_constructs.building.dependencies import lock_request, to_lock
    from layer_constructs.building.locking.policy import Policy
    from layer_constructs.building.locking.together import Together
    from layer_constructs.building.process import run as run_here

    run = run or run_here
    file = to_lock(dependencies, cache=cache, report=report, run=run)
    if file:
        together = Together(
            request=lock_request(dependencies, file, environ=environ),
            runtimes=tuple(dict.fromkeys(target.runtime for target in targets)),
            architectures=() if on_demand else tuple(dict.fromkeys(target.architecture for target in targets)),
            same_versions=same_versions,
        )
        policy = Policy.of(dependencies.locked, environ=environ)
        together.ensure(policy=policy, cache=cache, report=report, run=run)


def _refuse_differences(plans: Mapping[Target, Planned], where: Where) -> None:
    found: dict[str, dict[str, list[Target]]] = {}
    for target, planned in plans.items():
        for name, version in planned.plan.packages.items():
            found.setdefault(name, {}).setdefault(version, []).append(target)
    different = {name: versions for name, versions in sorted(found.items()) if len(versions) > 1}
    if different:
        from layer_constructs.building.locking.together import in_words

        raise ResolutionError(
            f"not every target has the same version of {', '.join(different)}",
            where=where,
            details=[f"{name}: {in_words(versions)}" for name, versions in different.items()],
            fix="lock one version for all of them, or let the versions differ: same_versions=False",
        )
