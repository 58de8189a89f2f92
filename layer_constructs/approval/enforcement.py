"""A catalog that holds while the app is synthesised, for every function in it, whoever made it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import aws_cdk as cdk

from layer_constructs.approval.app_judge import AppJudge
from layer_constructs.approval.approvals import Approvals
from layer_constructs.approval.finding import RULES, ApprovalFinding
from layer_constructs.approval.function_findings import FunctionFindings
from layer_constructs.errors import ArgumentError
from layer_constructs.layers.of_function import functions_of
from layer_constructs.layers.synth_checks import add_check, open_stages
from layer_constructs.sharing.lifecycle import today_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import IConstruct

    from layer_constructs.layers.templates import Template


def enforce(catalog: Approvals, scope: IConstruct, *, strict: bool = False) -> None:
    """Refuse to synthesise functions with layers that the catalog doesn't approve, or without those that it requires.

    It holds for every function in ``scope``, in nested stacks and in the stages of an app, too, whoever made it, and
    also in unit tests. Where only the deployment tells which layer a function has, that is a warning.

    Each finding has an id by which it is accepted for a function, or all below a construct:
    ``cdk.Validations.of(function).acknowledge(cdk.Acknowledgment(id="layer-constructs::unapproved-layer:LAYER",
    reason="..."))``, ``unknown-layer:LAYER`` or ``required-layer:LABEL``.

    An approval that ends is judged for today, UTC, or for the day in the context key ``layer-constructs:today``. No
    template depends on it.

    A stage that is made later is looked at when its app is synthesised, not when it is synthesised alone: call this
    when the stages are there, or in the stage's constructor.

    :param scope: the app; or a stage, a stack or another construct, for what is in it only.
    :param strict: refuse what isn't known, too.
    :raises ArgumentError: for a scope that is in no app.
    """
    root = scope.node.root
    if not isinstance(root, cdk.Stage):
        raise ArgumentError(f"{scope.node.path or 'the scope'} is in no app", fix="pass the app: catalog.enforce(app)")
    add_check(root, _Enforcement(catalog=catalog, strict=strict, today=today_of(scope), below=scope.node.path))
    open_stages(root, scope)


@dataclass(frozen=True, kw_only=True)
class _Enforcement:
    """The check of one catalog.

    :param below: the path of what it holds for; empty for the whole app.
    """

    catalog: Approvals
    strict: bool
    today: date
    below: str

    @property
    def rules(self) -> Sequence[str]:
        return RULES

    def findings(self, templates: list[Template], root: IConstruct) -> list[ApprovalFinding]:
        judge = AppJudge(
            catalog=self.catalog,
            today=self.today,
            root=root,
            tables={template.name: template.mappings for template in templates},
        )
        found = FunctionFindings(judge=judge, strict=self.strict)
        return [
            finding
            for function in functions_of(templates)
            if not self.below or f"{judge.path(function)}/".startswith(f"{self.below}/")
            for finding in found.of(function)
        ]
