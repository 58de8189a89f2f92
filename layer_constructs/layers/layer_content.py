"""What is in one layer version: for which targets it is, and the layer once it is made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from layer_constructs.building.cache import Cache, CachedLayer
from layer_constructs.building.naming import naming
from layer_constructs.building.plan import BuildPlan
from layer_constructs.building.planning import Planned
from layer_constructs.building.progress import Report, to_stderr
from layer_constructs.building.target import ARCHITECTURES, RUNTIMES, ArchitectureName, Target
from layer_constructs.layers.verdicts import Conditions, Verdict, verdict_on

if TYPE_CHECKING:
    from layer_constructs.building.process import Run


class LayerContent(NamedTuple):
    """The content of one layer version.

    :param plans: the plan of each target that it was asked for; all have one digest.
    :param architectures: those that it is for, on every runtime among its targets.
    """

    plans: Mapping[Target, Planned]
    architectures: tuple[ArchitectureName, ...]

    @property
    def target(self) -> Target:
        """The first of its targets, by which it is built and named."""
        return next(iter(self.plans))

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(self.plans)

    @property
    def runtimes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(target.runtime for target in self.plans))

    @property
    def planned(self) -> Planned:
        return self.plans[self.target]

    @property
    def plan(self) -> BuildPlan:
        return self.planned.plan

    @property
    def notes(self) -> tuple[str, ...]:
        """What planning has to say."""
        return tuple(dict.fromkeys(note for planned in self.plans.values() for note in planned.notes))


class MadeContent(NamedTuple):
    """:param layer: None for a stack that is not being bundled.
    :param verdicts: one for each target.
    """

    content: LayerContent
    layer: CachedLayer | None = None
    verdicts: tuple[Verdict, ...] = (Verdict(),)

    @property
    def verdict(self) -> Verdict:
        """What is to be said of it for any of its targets."""
        return Verdict.of_all(self.verdicts).and_notes("provided-by-runtime", self.content.notes)

    def without(self, warnings: Collection[str]) -> MadeContent:
        """With nothing more to say of these kinds."""
        left = (tuple(each for each in verdict.warnings if each[0] not in warnings) for verdict in self.verdicts)
        verdicts = (verdict._replace(warnings=its) for verdict, its in zip(self.verdicts, left, strict=True))
        return self._replace(verdicts=tuple(verdicts))


def in_order(targets: Iterable[Target]) -> list[Target]:
    """The oldest runtime first, and of one runtime x86_64 first, however often and in what order they were named."""
    return sorted(set(targets), key=lambda t: (RUNTIMES.index(t.runtime), ARCHITECTURES.index(t.architecture)))


def contents_of(plans: Mapping[Target, Planned]) -> list[LayerContent]:
    """One content for all targets that get the same files.

    A layer version declares runtimes and architectures, not pairs of them. So runtimes share one only if it is for the
    same architectures on each: it never declares a target for which nobody planned it.
    """
    architectures: dict[tuple[str, str], set[ArchitectureName]] = {}
    for target, planned in plans.items():
        architectures.setdefault((planned.plan.digest, target.runtime), set()).update(planned.plan.architectures)
    groups: dict[tuple[str, tuple[ArchitectureName, ...]], dict[Target, Planned]] = {}
    for target in in_order(plans):
        digest = plans[target].plan.digest
        its = tuple(a for a in ARCHITECTURES if a in architectures[digest, target.runtime])
        groups.setdefault((digest, its), {})[target] = plans[target]
    return [LayerContent(plans=group, architectures=its) for (_, its), group in groups.items()]


def make_content(
    content: LayerContent,
    conditions: Conditions,
    *,
    cache: Cache,
    label: str,
    report: Report = to_stderr,
    run: Run | None = None,
) -> MadeContent:
    """The layer, from the cache or built into it, and what the app makes of it.

    :param label: what the user calls it.
    :raises LayerError: if it can't be built, or the app doesn't want it.
    """
    planned, plan = content.planned, content.plan
    with naming(*content.targets):
        layer = cache.find(plan.digest)
        if layer is None:
            from layer_constructs.building.build import build_planned  # a cache hit can do without these
            from layer_constructs.building.process import run as run_here

            layer = build_planned(planned, cache=cache, label=label, report=report, run=run or run_here)
        verdicts = [
            verdict_on(
                layer,
                target,
                conditions._replace(left_out=planned.plan.left_out),
                cache=cache,
                wheels=planned.plan.wheels,
            )
            for target, planned in content.plans.items()
        ]
    return MadeContent(content=content, layer=layer, verdicts=tuple(verdicts))
