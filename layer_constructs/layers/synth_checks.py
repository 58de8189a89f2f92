"""The doors through which a check sees an app, however it is synthesised.

Two doors of the CDK lead here. A validation plugin sees the written templates of a whole app; the CDK reports and takes
acceptances. A stage that is synthesised alone (``stage.synth()``, or ``Template.from_stack`` of a stack in it) runs no
plugin, and ``cdk synth`` says nothing of stacks in a stage that it wasn't asked for. But a stage's tree is always
validated; there the same findings are errors of the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import aws_cdk as cdk
import jsii
from constructs import IValidation

from layer_constructs.layers.checks.finding import PLUGIN
from layer_constructs.layers.identity import identity

if TYPE_CHECKING:
    from constructs import IConstruct

    from layer_constructs.layers.templates import Template


class Reported(Protocol):
    """Something that doesn't hold.

    :param path: of the construct that it is about.
    :param name: the rule's, with what of it can be accepted alone.
    :param id: by which it is accepted.
    :param about: what to call the construct in the advice.
    :param location: what to look at in the resource.
    :param severity: the CDK's; a ``warning`` refuses nothing, and what is ``fatal`` can't be accepted.
    """

    @property
    def path(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def id(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def fix(self) -> str: ...

    @property
    def about(self) -> str: ...

    @property
    def location(self) -> str: ...

    @property
    def severity(self) -> str: ...


class Check(Protocol):
    """What must hold in an app."""

    @property
    def rules(self) -> Sequence[str]:
        """The names of what it can find."""

    def findings(self, templates: list[Template], root: IConstruct, /) -> Iterable[Reported]:
        """What doesn't hold in these templates, which are all of an app or of one stage, ``root``."""


class _Doors:
    """Those of one app."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.stages: set[str] = set()
        # By id and path, the warnings that stand at their constructs.
        self.said: set[tuple[str, str]] = set()
        # For stages that are made later, if it is open.
        self.later: IValidation | None = None

    def findings(self, templates: list[Template], root: IConstruct) -> list[Reported]:
        found = [finding for check in self.checks for finding in check.findings(templates, root)]
        # What two checks say alike is said once.
        return list({(each.id, each.path, each.text, each.severity): each for each in found}.values())


# By the app's identity.
_DOORS: dict[str, _Doors] = {}


def add_check(root: IConstruct, check: Check) -> None:
    """Let it see the app's stacks; for those in stages, the stages' doors are opened, too."""
    doors = _DOORS.get(identity(root))
    if doors is None:
        doors = _DOORS[identity(root)] = _Doors()
        cdk.Validations.of(root).add_plugins(_Plugin(doors, root))
    doors.checks.append(check)


def open_stage(root: IConstruct, stage: cdk.Stage) -> None:
    """Let the app's checks see a stage that is synthesised alone. The app itself is none."""
    doors = _DOORS[identity(root)]
    if identity(stage) not in {identity(root), *doors.stages}:
        doors.stages.add(identity(stage))
        stage.node.add_validation(_StageCheck(doors, stage))


def open_stages(root: IConstruct, scope: IConstruct) -> None:
    """The same for the stage around a construct, and all stages in it; for an app, for those that come later, too."""
    around = cdk.Stage.of(scope)
    for stage in [*([around] if around else []), *_stages(scope)]:
        open_stage(root, stage)
    doors = _DOORS[identity(root)]
    if identity(scope) == identity(root) and doors.later is None:
        doors.later = _LaterStages(doors, root)
        root.node.add_validation(doors.later)


@jsii.implements(cdk.IPolicyValidationPlugin)
class _Plugin:
    """Reports on a whole app."""

    def __init__(self, doors: _Doors, root: IConstruct) -> None:
        self._doors = doors
        self._root = root

    @property
    def name(self) -> str:
        return PLUGIN

    @property
    def rule_ids(self) -> list[str]:
        return list(dict.fromkeys(rule for check in self._doors.checks for rule in check.rules))

    @property
    def version(self) -> str | None:
        return None

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        from layer_constructs.layers.templates import read_templates

        templates = read_templates(Path(path) for path in context.template_paths)
        found = [
            finding
            for finding in self._doors.findings(templates, self._root)
            if (finding.id, finding.path) not in self._doors.said
        ]
        return cdk.PolicyValidationPluginReport(
            success=all(finding.severity == "warning" for finding in found),
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

    def __init__(self, doors: _Doors, stage: cdk.Stage) -> None:
        self._doors = doors
        self._stage = stage

    def validate(self) -> list[str]:
        from layer_constructs.layers.stage_templates import templates_of

        found = self._doors.findings(templates_of(self._stage), self._stage)
        for finding in found:
            if finding.severity == "warning":  # a stage alone has no report in which it could stand
                construct = _on_path(self._stage.node.root, finding.path)[-1]
                cdk.Annotations.of(construct).add_warning_v2(finding.id, f"{finding.text}\nfix: {finding.fix}")
                self._doors.said.add((finding.id, finding.path))
        return _refusals(found, self._stage.node.root)


@jsii.implements(IValidation)
class _LaterStages:
    """Refuses an app for a stage that was made when its door could not be opened any more."""

    def __init__(self, doors: _Doors, root: IConstruct) -> None:
        self._doors = doors
        self._root = root

    def validate(self) -> list[str]:
        from layer_constructs.layers.stage_templates import templates_of

        return [
            refusal
            for stage in _stages(self._root)
            if identity(stage) not in self._doors.stages
            for refusal in _refusals(self._doors.findings(templates_of(stage), stage), self._root)
        ]


def _refusals(found: Iterable[Reported], root: IConstruct) -> list[str]:
    return [
        f"{_told(finding)}\nfix: {_advice(finding)}".replace("\n", "\n    ")
        for finding in found
        if finding.severity == "fatal" or (finding.severity != "warning" and not _is_accepted(finding, root))
    ]


def _told(finding: Reported) -> str:
    return f"{finding.path}: {finding.text}"


def _advice(finding: Reported) -> str:
    """With what the CDK's own report adds."""
    if finding.severity == "fatal":
        return finding.fix
    return (
        f"{finding.fix}; or, where it does no harm, say why: "
        f"cdk.Validations.of({finding.about}).acknowledge(cdk.Acknowledgment(id={finding.id!r}, reason='...'))"
    )


def _is_accepted(finding: Reported, root: IConstruct) -> bool:
    """As the CDK does it: accepted at the construct or at anything above it."""
    # Where the CDK keeps what was accepted. Asked here: an import must not start Node.
    accepted = cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
    return any(
        entry.type == accepted and finding.id in (entry.data or {})
        for construct in _on_path(root, finding.path)
        for entry in construct.node.metadata
    )


def _on_path(root: IConstruct, path: str) -> list[IConstruct]:
    """The constructs on it, as far as there are any."""
    found: list[Any] = [root]
    for part in path.split("/"):
        construct = found[-1].node.try_find_child(part)
        if construct is None:
            break
        found.append(construct)
    return found


def _stages(root: IConstruct) -> list[cdk.Stage]:
    """But for the app itself."""
    return [each for each in root.node.find_all() if isinstance(each, cdk.Stage) and not isinstance(each, cdk.App)]
