"""What must hold for every function that uses a layer of ours, and for every layer that is shared, checked when the app
is synthesised.

Two doors of the CDK lead here. A validation plugin sees the written templates of a whole app; the CDK reports and takes
acceptances. A stage that is synthesised alone (``stage.synth()``, or ``Template.from_stack`` of a stack in it) runs no
plugin, and ``cdk synth`` says nothing of stacks in a stage that it wasn't asked for. But a stage's tree is always
validated; there the same findings are errors of the tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_
from constructs import IValidation

from layer_constructs.layers.checks.finding import PLUGIN, RULES, Finding
from layer_constructs.layers.checks.surely import Surely
from layer_constructs.layers.identity import identity
from layer_constructs.layers.origin import Origin, origin_of_caller

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

    from layer_constructs.building.cache import CachedLayer
    from layer_constructs.layers.templates import Template


@dataclass(frozen=True, kw_only=True)
class _Watch:
    """The layers of ours in one app."""

    outdir: Path
    ours: dict[str, Surely] = field(default_factory=dict)
    origins: list[tuple[lambda_.LayerVersion, Origin | None]] = field(default_factory=list)
    stages: set[str] = field(default_factory=set)


# By the app's identity.
_WATCHES: dict[str, _Watch] = {}


# By the scope in which a layer is: each question above it goes over jsii.
_KNOWN: WeakKeyDictionary[Construct, _Watch] = WeakKeyDictionary()


def watch(
    layer: lambda_.LayerVersion,
    scope: Construct,
    *,
    outdir: Path,
    asset_hash: str,
    built: CachedLayer | None,
    packages: Mapping[str, str],
) -> None:
    """Check the functions that use this layer. To be called at the end of the constructor of each layer of ours.

    :param outdir: where the app's assets go.
    :param asset_hash: by which the layer is known again in a template.
    :param built: None for a stack that is not being bundled: its content is unknown then.
    :param packages: versions by normalised name.
    """
    known = _KNOWN.get(scope)
    if known is None:
        known = _installed(scope, outdir)
        if known is None:
            return
        _KNOWN[scope] = known
    known.ours[asset_hash] = (
        Surely(size=built.facts.unzipped_size, packages=packages) if built is not None else Surely()
    )
    known.origins.append((layer, origin_of_caller()))


def _installed(scope: Construct, outdir: Path) -> _Watch | None:
    """The watch of the scope's app, installed there and in its stage."""
    root = scope.node.root
    stage = cdk.Stage.of(scope)
    if stage is None:
        return None
    name = identity(root)
    known = _WATCHES.get(name)
    if known is None:
        known = _WATCHES[name] = _Watch(outdir=outdir)
        cdk.Validations.of(root).add_plugins(_Plugin(known, root))
    if identity(stage) not in {name, *known.stages}:
        known.stages.add(identity(stage))
        stage.node.add_validation(_StageCheck(known, stage))
    return known


@jsii.implements(cdk.IPolicyValidationPlugin)
class _Plugin:
    """Reports on the functions of a whole app."""

    def __init__(self, watched: _Watch, root: IConstruct) -> None:
        self._watched = watched
        self._root = root

    @property
    def name(self) -> str:
        return PLUGIN

    @property
    def rule_ids(self) -> list[str]:
        return list(RULES)

    @property
    def version(self) -> str | None:
        return None

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        from layer_constructs.layers.templates import read_templates

        templates = read_templates(Path(path) for path in context.template_paths)
        found = _findings(self._watched, templates, self._root)
        return cdk.PolicyValidationPluginReport(
            success=not found,
            violations=[
                cdk.PolicyViolation(
                    rule_name=finding.name,
                    description=_told(finding).replace("\n", "\n    "),
                    fix=finding.fix,
                    severity=finding.severity,
                    violating_resources=[
                        cdk.PolicyViolatingResource(construct_path=finding.path, locations=[finding.location])
                    ],
                )
                for finding in found
            ],
        )


@jsii.implements(IValidation)
class _StageCheck:
    """Refuses a stage, alone or with its app."""

    def __init__(self, watched: _Watch, stage: cdk.Stage) -> None:
        self._watched = watched
        self._stage = stage

    def validate(self) -> list[str]:
        from layer_constructs.layers.stage_templates import templates_of

        root = self._stage.node.root
        found = _findings(self._watched, templates_of(self._stage), self._stage)
        return [
            f"{_told(finding)}\nfix: {_advice(finding)}".replace("\n", "\n    ")
            for finding in found
            if not (finding.acceptable and _is_accepted(finding, root))
        ]


def _findings(watched: _Watch, templates: list[Template], root: IConstruct) -> list[Finding]:
    # Not before there are templates to look at: most of what an import of this library costs is paid in every test.
    from layer_constructs.layers.checks.kept_permissions import lost_permissions
    from layer_constructs.layers.checks.rules import findings_of
    from layer_constructs.layers.checks.subject import Subjects
    from layer_constructs.layers.construct_names import ConstructNames

    names = ConstructNames(root, watched.origins)
    subjects = Subjects(
        templates={template.name: template for template in templates},
        ours=watched.ours,
        outdir=watched.outdir,
        names=names,
    )
    return [*findings_of(subjects), *lost_permissions(templates, names)]


def _told(finding: Finding) -> str:
    return f"{finding.path}: {finding.text}"


def _advice(finding: Finding) -> str:
    """With what the CDK's own report adds."""
    if not finding.acceptable:
        return finding.fix
    return (
        f"{finding.fix}; or, where it does no harm, say why: "
        f"cdk.Validations.of({finding.about}).acknowledge(cdk.Acknowledgment(id={finding.id!r}, reason='...'))"
    )


def _is_accepted(finding: Finding, root: IConstruct) -> bool:
    """As the CDK does it: accepted at the function or at anything above it."""
    construct: Any = root
    scopes = [root]
    for part in finding.path.split("/"):
        construct = construct.node.try_find_child(part)
        if construct is None:
            break
        scopes.append(construct)
    # Where the CDK keeps what was accepted. Asked here: an import must not start Node.
    accepted = cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
    return any(
        entry.type == accepted and finding.id in (entry.data or {}) for scope in scopes for entry in scope.node.metadata
    )
