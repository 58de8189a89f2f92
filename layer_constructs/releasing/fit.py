"""Whether functions fit the released layers that they use.

A template has nothing but the ARN of such a layer, or a parameter for it: only the construct knows what it is made for.
The CDK compares runtimes itself, where the function tells its own, and never architectures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aws_cdk as cdk

from layer_constructs.layers.checks.finding import Finding, Rule
from layer_constructs.layers.identity import identity
from layer_constructs.layers.synth_checks import add_check, open_stage

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from constructs import IConstruct

    from layer_constructs.layers.templates import Template


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Released:
    """:param arn: as the construct has it, with tokens.
    :param runtimes: what it is made for.
    :param architectures: the same.
    """

    construct: cdk.Resource
    arn: str
    runtimes: Sequence[lambda_.Runtime]
    architectures: Sequence[lambda_.Architecture]

    @property
    def in_template(self) -> tuple[str, str]:
        """How a function in the same stack has it."""
        stack = cdk.Stack.of(self.construct)
        return stack.template_file, json.dumps(stack.resolve(self.arn))


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """Of the released layers in one app."""

    layers: list[_Released] = field(default_factory=list)

    @property
    def rules(self) -> Sequence[Rule]:
        return "wrong-runtime", "wrong-architecture"

    def findings(self, templates: list[Template], root: IConstruct) -> Iterator[Finding]:
        from layer_constructs.layers.checks.rules import misfits
        from layer_constructs.layers.construct_names import ConstructNames
        from layer_constructs.layers.of_function import functions_of

        names = ConstructNames(root, [])
        known = {released.in_template: released for released in self.layers}
        for function in functions_of(templates):
            for layer in function.layers or ():
                released = known.get((function.resource.template, json.dumps(layer.value)))
                if released is None:
                    continue
                for misfit in misfits(
                    function,
                    runtimes=[runtime.name for runtime in released.runtimes],
                    architectures=[architecture.name for architecture in released.architectures],
                ):
                    path = released.construct.node.path
                    yield misfit.finding(path=names.path(function.resource), label=path, described=path)


# By the app's identity.
_KNOWN: dict[str, _Fit] = {}


def watch(
    layer: cdk.Resource,
    *,
    arn: str,
    runtimes: Sequence[lambda_.Runtime],
    architectures: Sequence[lambda_.Architecture],
) -> None:
    """Check the functions that use this layer. To be called at the end of its constructor.

    :param arn: the version's.
    :param runtimes: what it is made for.
    :param architectures: the same.
    """
    root, stage = layer.node.root, cdk.Stage.of(layer)
    if stage is None:
        return
    fit = _KNOWN.get(identity(root))
    if fit is None:
        fit = _KNOWN[identity(root)] = _Fit()
        add_check(root, fit)
    open_stage(root, stage)
    fit.layers.append(_Released(construct=layer, arn=arn, runtimes=runtimes, architectures=architectures))
