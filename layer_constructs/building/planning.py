"""A requirements file of any kind + a target -> what goes into the layer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache as once
from functools import partial
from typing import TYPE_CHECKING

from layer_constructs.building import memo
from layer_constructs.building.bundling import Bundling
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.reading.seen import Seen, watched

if TYPE_CHECKING:
    from layer_constructs.building.cache import Cache
    from layer_constructs.building.fresh_plan import FreshPlan
    from layer_constructs.building.indexes.index import Indexes
    from layer_constructs.building.plan import BuildPlan
    from layer_constructs.building.process import Run
    from layer_constructs.building.reading.requirement_line import RequirementLine
    from layer_constructs.building.sdist import BuildImage
    from layer_constructs.building.target import Target
    from layer_constructs.building.wanted import Dependencies


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A plan, and what its build needs besides that must not be in its digest: how to reach the indexes.

    :param fresh: plans it anew; only its build needs what that knows, and most layers are in the cache.
    """

    plan: BuildPlan
    bundling: Bundling = field(default_factory=Bundling)
    notes: tuple[str, ...] = ()
    runtime_versions: Mapping[str, str] = field(default_factory=dict)
    fresh: Callable[[], FreshPlan] = field(repr=False, compare=False)

    @property
    def indexes(self) -> Indexes:
        """:raises LayerError: if it can't be planned any more."""
        return self.fresh().indexes

    @property
    def requirements(self) -> tuple[RequirementLine, ...]:
        """:raises LayerError: if it can't be planned any more."""
        return self.fresh().requirements

    @property
    def image(self) -> BuildImage | None:
        """:raises LayerError: if it can't be planned any more."""
        return self.fresh().image


# Makes the plans that are asked for.
Make = Callable[[], Mapping["Target", "FreshPlan"]]


def make_plan(
    dependencies: Dependencies,
    target: Target,
    *,
    cache: Cache,
    environ: Mapping[str, str] | None = None,
    report: Report = to_stderr,
    run: Run | None = None,
) -> Planned:
    """Read the file, see to its lock and select what ``target`` gets.

    Touches the network only where a lock is missing or stale and may be made. What was planned before, and would be
    planned in the same way now, is not planned again.

    :raises LayerError: a leaf that names the file and line.
    """
    environ = os.environ if environ is None else environ
    plan = partial(fresh, dependencies, target, cache=cache, environ=environ, report=report, run=run)
    return remembered(
        dependencies,
        [target],
        make=lambda: {target: plan()},
        again=lambda _: plan(),
        cache=cache,
        environ=environ,
    )[target]


def remembered(
    dependencies: Dependencies,
    targets: Sequence[Target],
    *words: object,
    make: Make,
    again: Callable[[Target], FreshPlan],
    cache: Cache,
    environ: Mapping[str, str],
) -> dict[Target, Planned]:
    """The plans of ``targets``: as they were made before, where they would be made so now.

    :param words: what else is asked.
    :param again: plans one target.
    """
    key = memo.key_of(dependencies, targets, *words, environ=environ)
    known = memo.recall(key, dependencies, targets, environ=environ, cache=cache) if key else None
    if known is not None:
        return {t: _planned(plan, notes, dependencies, once(partial(again, t))) for t, (plan, notes) in known.items()}
    seen = Seen()
    with watched(seen):
        made = make()
    if key and made.keys() == set(targets):
        plans = {target: (each.plan, each.notes) for target, each in made.items()}
        variables = next(iter(made.values())).variables  # of the file, which is one
        memo.keep(key, plans, seen=seen, variables=variables, cache=cache)
    return {t: _planned(each.plan, each.notes, dependencies, partial(made.__getitem__, t)) for t, each in made.items()}


def _planned(
    plan: BuildPlan, notes: tuple[str, ...], dependencies: Dependencies, fresh: Callable[[], FreshPlan]
) -> Planned:
    return Planned(
        plan=plan,
        notes=notes,
        bundling=dependencies.bundling,
        runtime_versions=dependencies.runtime_versions,
        fresh=fresh,
    )


def fresh(
    dependencies: Dependencies,
    target: Target,
    *,
    cache: Cache,
    environ: Mapping[str, str],
    report: Report,
    run: Run | None,
) -> FreshPlan:
    """Plan without looking at what was planned before.

    :raises LayerError: as `make_plan`.
    """
    from layer_constructs.building.fresh_plan import fresh_plan  # heavy; what was planned before can do without it
    from layer_constructs.building.process import run as run_here

    return fresh_plan(dependencies, target, cache=cache, environ=environ, report=report, run=run or run_here)
