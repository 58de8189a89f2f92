"""PythonDepsLayerSet: a requirements file as layer versions for several runtimes and architectures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Never, TypeVar

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from layer_constructs.building.bundling import Bundling
from layer_constructs.building.cache import Cache
from layer_constructs.building.naming import naming
from layer_constructs.building.planning import make_plan
from layer_constructs.building.plans import make_plans
from layer_constructs.building.side_by_side import side_by_side
from layer_constructs.building.target import Target
from layer_constructs.errors import ArgumentError
from layer_constructs.layers import arguments
from layer_constructs.layers.function_target import target_of_function
from layer_constructs.layers.layer_content import LayerContent, MadeContent, contents_of, in_order, make_content
from layer_constructs.layers.layer_of_set import OF_ALL, LayerOfSet, ReadyLayer, id_of, name_of, refuse_name, staged
from layer_constructs.layers.python_deps import PythonDepsLayer
from layer_constructs.layers.staging import AssetFormat
from layer_constructs.layers.surroundings import Surroundings, remember, surroundings_of
from layer_constructs.layers.verdicts import Verdict
from layer_constructs.layers.wishes import Wishes, wishes_of
from layer_constructs.sharing.share import Share, shares_of

# What people who come from `PythonDepsLayer` write, and what it is here.
_INSTEAD: Mapping[str, str] = {
    "runtime": "runtimes=[lambda_.Runtime.PYTHON_3_13]",
    "compatible_runtimes": "runtimes=[lambda_.Runtime.PYTHON_3_13]",
    "architecture": "architectures=[lambda_.Architecture.ARM_64]",
    "compatible_architectures": "architectures=[lambda_.Architecture.ARM_64]",
}

_Value = TypeVar("_Value")


class PythonDepsLayerSet(Construct):
    """The dependencies of a requirements file for several runtimes and architectures: every function gets what fits.

    Targets that get the same files share one layer version, which declares them all; packages without compiled code
    are often one version for everything. The set locks all its runtimes at once, and what isn't in the cache is built
    side by side, as many at a time as the machine has cores and gigabytes of memory.

    Each version is named by the first of its targets, the oldest runtime on x86_64 before arm64: the construct
    ``Python312X86``, ``Python313Arm64``. However the runtimes are listed, a set that grows by a newer runtime or by
    arm64 keeps the logical ids it has. A runtime that is older than all that share a version gives this version
    another one, as does the removal of the oldest; the version before is kept, unless ``removal_policy`` says
    otherwise.

    A file that pins and hashes everything itself is its own lock: which of the hashed files each target gets is found
    out when it is built, so there is a version for each target.

    All arguments but these are those of `PythonDepsLayer`, and hold for every version:

    :param scope: the parent construct.
    :param id: the construct's id.
    :param runtimes: what it is built for, in any order; by default the one that `PythonDepsLayer` takes.
    :param architectures: by default x86_64 only.
    :param on_demand: make a version only when a function, or `layer`, first asks for it, one after the other. What a
        version declares is the same as without.
    :param same_versions: one version of each package for all runtimes and architectures. The lock is made so, by
        staying with what the most demanding target can have; a package of which there is no such version is an error.
    :param layer_version_name: the layers' name, to which each adds the first of its targets, since the versions of
        one name must not mix architectures: ``core`` gives ``core-python312-x86_64``.
    :param bytecode: as for `PythonDepsLayer`; a release can only be named for a single runtime, True is for any.
    :raises LayerError: a leaf of it, before anything is added to the tree.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name
        *,
        requirements: str | Path = "",  # required, as for `PythonDepsLayer`
        runtimes: Sequence[lambda_.Runtime] | None = None,
        architectures: Sequence[lambda_.Architecture] | None = None,
        on_demand: bool = False,
        same_versions: bool = False,
        lock: str | Path | None = None,
        extras: Sequence[str] = (),
        groups: Sequence[str] = (),
        locked: bool | None = None,
        build_local_projects: bool = False,
        bundling: Bundling | None = None,
        exclude: Sequence[str] = (),
        slim: bool = False,
        strip: bool = False,
        provided_by_runtime: bool | Mapping[str, str] = False,
        bytecode: bool | str = False,
        allow: Mapping[str, str] | None = None,
        licenses: Sequence[str] | None = None,
        license_exceptions: Mapping[str, str] | None = None,
        asset_format: AssetFormat | None = None,
        layer_version_name: str | None = None,
        description: str | None = None,
        license: str | None = None,  # noqa: A002 - the CDK's own name
        removal_policy: cdk.RemovalPolicy | None = None,
        share_with: Sequence[Share] = (),
        **unknown: Never,
    ) -> None:
        _refuse_unknown(unknown)
        around = surroundings_of(scope)
        targets = _targets_of(around, runtimes, architectures)
        wishes = wishes_of(
            around,
            targets,
            requirements=requirements,
            lock=lock,
            extras=extras,
            groups=groups,
            locked=locked,
            build_local_projects=build_local_projects,
            bundling=bundling,
            exclude=exclude,
            slim=slim,
            strip=strip,
            provided_by_runtime=provided_by_runtime,
            bytecode=bytecode,
            allow=allow,
            licenses=licenses,
            license_exceptions=license_exceptions,
            asset_format=asset_format,
            layer_version_name=layer_version_name,
            description=description,
            license=license,
            removal_policy=removal_policy,
            share_with=share_with,
        )
        for target in targets:
            refuse_name(name_of(wishes.publication.layer_version_name, target))
        cache = Cache.default()
        plans = make_plans(wishes.dependencies, targets, on_demand=on_demand, same_versions=same_versions, cache=cache)
        contents = contents_of(plans)
        made = [] if on_demand else _made(contents, around, wishes, cache, label=id)
        ready = [staged(each, around, wishes.publication) for each in made]
        super().__init__(scope, id)
        remember(scope, around)
        self._around, self._wishes = around, wishes
        self._targets = tuple(targets)
        self._plans, self._contents = plans, contents
        self._layers: dict[Target, PythonDepsLayer] = {}
        self._attached: set[tuple[str, Target]] = set()
        _said_of_all(made).annotate(self)
        for each in ready:
            self._add(each)

    @property
    def targets(self) -> tuple[Target, ...]:
        """What was declared: the oldest runtime first, and of one runtime x86_64 first."""
        return self._targets

    @property
    def layers(self) -> tuple[PythonDepsLayer, ...]:
        """The versions that are made by now, in the order of their first targets."""
        return tuple(self._layers[target] for target in in_order(self._layers))

    def layer(self, runtime: lambda_.Runtime, architecture: lambda_.Architecture) -> PythonDepsLayer:
        """The version for a target.

        :raises ArgumentError: if the set doesn't declare it; the error names those that it does.
        :raises LayerError: with ``on_demand``, if it can't be made.
        """
        asked: tuple[object, object] = (runtime, architecture)
        if not (isinstance(asked[0], lambda_.Runtime) and isinstance(asked[1], lambda_.Architecture)):
            raise ArgumentError(
                f"there is no layer for {runtime!r} and {architecture!r}",
                fix="write .layer(lambda_.Runtime.PYTHON_3_13, lambda_.Architecture.ARM_64)",
            )
        return self._layer_for(runtime.name, architecture.name)

    def layer_for(self, function: lambda_.IFunction) -> PythonDepsLayer:
        """The version that fits a function's runtime and architecture, for its ``layers`` or another use.

        :raises ArgumentError: if the set doesn't declare them, or it isn't known what they are: an imported function
            doesn't tell its runtime, and a token is not decided yet.
        :raises LayerError: with ``on_demand``, if it can't be made.
        """
        return self._layer_for(*target_of_function(function, otherwise=".layer(runtime, architecture)"))

    def attach_to(self, function: lambda_.Function | lambda_.SingletonFunction) -> None:
        """Add the version that fits to a function's layers; a second time changes nothing.

        It comes after those that the function has: where two layers have the same file, Lambda takes the later one's.

        :raises ArgumentError: as `layer_for`.
        :raises LayerError: as `layer_for`.
        """
        layer = self._layer_for(*target_of_function(function, otherwise="layers=[...] where it is made"))
        key = (function.node.path, layer.target)
        if key not in self._attached:
            function.add_layers(layer)
            self._attached.add(key)

    def share_with(self, *shares: Share) -> None:
        """Let others use every version of the set, those made later too; see `PythonDepsLayer.share_with`.

        :raises ArgumentError: for one that the set, or a version of it, is shared with already; then nothing is added.
        """
        new = shares_of(shares, besides=self._wishes.publication.shares)
        for layer in self.layers:
            shares_of(new, besides=layer.shares)
        for layer in self.layers:
            layer.share_with(*new)
        publication = self._wishes.publication
        self._wishes = self._wishes._replace(publication=publication._replace(shares=(*publication.shares, *new)))

    def _layer_for(self, runtime: str, architecture: str) -> PythonDepsLayer:
        target = next((t for t in self._targets if (t.runtime, t.architecture) == (runtime, architecture)), None)
        if target is None:
            raise ArgumentError(
                f"{self.node.path} has no layer for {runtime}/{architecture}",
                details=[f"declared: {', '.join(map(str, self._targets))}"],
                fix="add it to runtimes or architectures",
            )
        content = self._content_for(target)
        if content.target not in self._layers:
            (made,) = _made([content], self._around, self._wishes, Cache.default(), label=self.node.id)
            self._add(staged(made, self._around, self._wishes.publication))
        return self._layers[content.target]

    def _content_for(self, target: Target) -> LayerContent:
        if target not in self._plans:  # only on demand: something must be built first, or it says now why it can't be
            with naming(target):
                planned = make_plan(self._wishes.dependencies, target, cache=Cache.default())
            self._plans = {**self._plans, target: planned}
            self._contents = contents_of(self._plans)
        return next(content for content in self._contents if target in content.plans)

    def _add(self, ready: ReadyLayer) -> None:
        publication = self._wishes.publication
        name = name_of(publication.layer_version_name, ready.target)
        self._layers[ready.target] = LayerOfSet(
            self,
            id_of(ready.target),
            around=self._around,
            publication=publication._replace(layer_version_name=name),
            ready=ready,
        )


def _refuse_unknown(given: Mapping[str, Never]) -> None:
    for name in given:
        if name in _INSTEAD:
            raise ArgumentError(f"PythonDepsLayerSet takes no argument {name!r}", fix=f"write {_INSTEAD[name]}")
    arguments.refuse_unknown(given, construct="PythonDepsLayerSet")


def _targets_of(
    around: Surroundings,
    runtimes: Sequence[lambda_.Runtime] | None,
    architectures: Sequence[lambda_.Architecture] | None,
) -> list[Target]:
    return in_order(
        arguments.target_of(around, runtime, architecture)
        for runtime in _several(runtimes, argument="runtimes")
        for architecture in _several(architectures, argument="architectures")
    )


def _several(values: Sequence[_Value] | None, *, argument: str) -> Sequence[_Value | None]:
    """None stands for what a single layer would take."""
    given: object = values
    if given is not None and (not isinstance(given, Sequence) or isinstance(given, str) or not given):
        raise ArgumentError(
            f"{argument} is {values!r}, and must be a list that isn't empty",
            fix="write runtimes=[lambda_.Runtime.PYTHON_3_13], architectures=[lambda_.Architecture.ARM_64]",
        )
    return [None] if values is None else values


def _made(
    contents: Sequence[LayerContent], around: Surroundings, wishes: Wishes, cache: Cache, *, label: str
) -> list[MadeContent]:
    """All of them, those that are in the cache first: what the app doesn't want fails before anything is built."""
    if not around.bundled:
        return [MadeContent(content=content) for content in contents]
    jobs = {
        name: partial(make_content, content, wishes.conditions, cache=cache, label=name)
        for name, content in ((f"{label}/{id_of(content.target)}", content) for content in contents)
    }
    there = {
        n: job() for (n, job), content in zip(jobs.items(), contents, strict=True) if cache.find(content.plan.digest)
    }
    there |= side_by_side({name: job for name, job in jobs.items() if name not in there}, label=label)
    return [there[name] for name in jobs]


def _said_of_all(made: Sequence[MadeContent]) -> Verdict:
    """What only all layers together can say, such as that an `allow` is for nothing; to be said once."""
    said = [verdict.warnings for each in made for verdict in each.verdicts]
    first = said[0] if said else ()
    return Verdict(warnings=tuple(w for w in first if w[0] in OF_ALL and all(w in others for others in said)))
