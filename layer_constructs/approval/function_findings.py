"""What a catalog says against a function of an app."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from layer_constructs.approval.app_judge import AppJudge
from layer_constructs.approval.approvals import Approvals
from layer_constructs.approval.finding import ApprovalFinding
from layer_constructs.approval.judgement import Approved, Refused, Unknown
from layer_constructs.layers.of_function import FunctionLayer, LambdaFunction


@dataclass(kw_only=True)
class FunctionFindings:
    """:param strict: refuse what isn't known, too."""

    judge: AppJudge
    strict: bool

    def of(self, function: LambdaFunction) -> Iterator[ApprovalFinding]:
        if function.layers is None:
            yield self._unknown(function, "all", "which layers it has is known only at deployment")
            return
        for layer in function.layers:
            match self.judge.answer(function.resource, layer):
                case Refused() as refused:
                    yield self._refused(function, layer, refused)
                case Unknown() as unknown:
                    label = self.judge.label(layer)
                    yield self._unknown(
                        function, label, f"whether its layer {label} is approved is not known: {unknown.reason}"
                    )
        for label, part in self._required.items():
            yield from self._lacking(function, function.layers, label, part)

    def _refused(self, function: LambdaFunction, layer: FunctionLayer, refused: Refused) -> ApprovalFinding:
        label = self.judge.label(layer)
        lines = [f"its layer {label} is not approved: {refused.reason}"]
        if refused.nearest:
            lines.append(f"the nearest approved version is {refused.nearest}")
        return ApprovalFinding(
            rule="unapproved-layer",
            path=self.judge.path(function),
            layer=label,
            text="\n".join(lines),
            fix=f"use {refused.nearest}" if refused.nearest else "take it off, or have it approved in the catalog",
        )

    def _unknown(self, function: LambdaFunction, label: str, text: str) -> ApprovalFinding:
        return ApprovalFinding(
            rule="unknown-layer",
            path=self.judge.path(function),
            layer=label,
            text=text,
            fix="pin the layer by its ARN, or have IAM decide: LayerCatalog.deny_statements()",
            refuses=self.strict,
        )

    def _lacking(
        self, function: LambdaFunction, layers: tuple[FunctionLayer, ...], label: str, part: Approvals
    ) -> Iterator[ApprovalFinding]:
        answers = [self.judge.answer(function.resource, layer, part=part) for layer in layers]
        if any(isinstance(answer, Approved) for answer in answers):
            return
        known = not any(isinstance(answer, Unknown) for answer in answers)
        yield ApprovalFinding(
            rule="required-layer",
            path=self.judge.path(function),
            layer=label,
            text="\n".join(
                [
                    f"it has no layer of {label!r}, which every function must have" if known
                    else f"whether it has a layer of {label!r}, which every function must have, is not known",
                    *(entry.what() for entry in part.entries),
                ]
            ),
            fix="add one of them to its layers",
            refuses=known or self.strict,
        )  # fmt: skip

    @cached_property
    def _required(self) -> dict[str, Approvals]:
        """By label, the part of the catalog that will do."""
        catalog = self.judge.catalog
        labels = sorted({entry.required_as for entry in catalog.entries if entry.required_as})
        return {
            label: Approvals(tuple(entry for entry in catalog.entries if entry.required_as == label), catalog.revoked)
            for label in labels
        }
