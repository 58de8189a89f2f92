"""What must hold for every function that uses a layer of ours, and for every layer that is shared, checked when the app
is synthesised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from layer_constructs.layers.checks.finding import RULES, Finding
from layer_constructs.layers.checks.surely import Surely
from layer_constructs.layers.identity import identity
from layer_constructs.layers.origin import Origin, origin_of_caller
from layer_constructs.layers.synth_checks import add_check, open_stage

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct, IConstruct

    from layer_constructs.building.cache import CachedLayer
    from layer_constructs.layers.surroundings import Surroundings
    from layer_constructs.layers.templates import Template


class _Watch:
    """The layers of ours in one app."""

    def __init__(self, outdir: Path) -> None:
        self.outdir = outdir
        self.ours: dict[str, Surely] = {}
        self.origins: list[tuple[lambda_.LayerVersion, Origin | None]] = []

    @property
    def rules(self) -> Sequence[str]:
        return RULES

    def findings(self, templates: list[Template], root: IConstruct) -> list[Finding]:
        # Not before there are templates to look at: most of what an import of this library costs is paid in every test.
        from layer_constructs.layers.checks.kept_permissions import lost_permissions
        from layer_constructs.layers.checks.rules import findings_of
        from layer_constructs.layers.checks.subject import Subjects
        from layer_constructs.layers.construct_names import ConstructNames

        names = ConstructNames(root, self.origins)
        subjects = Subjects(
            templates={template.name: template for template in templates},
            ours=self.ours,
            outdir=self.outdir,
            names=names,
        )
        return [*findings_of(subjects), *lost_permissions(templates, names)]


# By the app's identity.
_WATCHES: dict[str, _Watch] = {}


# By the scope in which a layer is: each question above it goes over jsii.
_KNOWN: WeakKeyDictionary[Construct, _Watch] = WeakKeyDictionary()


def watch(
    layer: lambda_.LayerVersion,
    scope: Construct,
    *,
    around: Surroundings,
    asset_hash: str,
    built: CachedLayer | None,
    packages: Mapping[str, str],
) -> None:
    """Check the functions that use this layer. To be called at the end of the constructor of each layer of ours.

    :param asset_hash: by which the layer is known again in a template.
    :param built: None for a stack that is not being bundled: its content is unknown then.
    :param packages: versions by normalised name.
    """
    known = _KNOWN.get(scope)
    if known is None:
        known = _KNOWN[scope] = _installed(around)
    known.ours[asset_hash] = (
        Surely(size=built.facts.unzipped_size, packages=packages) if built is not None else Surely()
    )
    known.origins.append((layer, origin_of_caller()))


def _installed(around: Surroundings) -> _Watch:
    """The app's watch, installed there and in the stage."""
    name = identity(around.root)
    known = _WATCHES.get(name)
    if known is None:
        known = _WATCHES[name] = _Watch(around.outdir)
        add_check(around.root, known)
    open_stage(around.root, around.stage)
    return known
