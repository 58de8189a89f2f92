"""What a catalog says of a layer that stands in a template of an app."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import aws_cdk as cdk

from layer_constructs.approval.approvals import Approvals
from layer_constructs.approval.judgement import Judgement, Unknown
from layer_constructs.approval.template_values import ANYTHING, arn_of, partition_in, words
from layer_constructs.layer_arn import LayerArn
from layer_constructs.layers.construct_names import ConstructNames
from layer_constructs.layers.of_function import FunctionLayer, LambdaFunction

if TYPE_CHECKING:
    from constructs import IConstruct

    from layer_constructs.layers.templates import Resource


@dataclass(kw_only=True)
class AppJudge:
    """Asks a catalog about the layers of the functions of an app or a stage; what was asked once is remembered.

    :param tables: by template, its ``Mappings``.
    """

    catalog: Approvals
    today: date
    root: IConstruct
    tables: Mapping[str, Mapping[str, Mapping[str, Any]]]
    _answers: dict[object, Judgement] = field(default_factory=dict)

    def path(self, function: LambdaFunction) -> str:
        """The construct's."""
        return self._names.path(function.resource)

    def label(self, layer: FunctionLayer) -> str:
        """How it is called in ids and texts."""
        if layer.declared:
            return self._names.path(layer.declared)
        return layer.arn or words(layer.value)

    def answer(self, function: Resource, layer: FunctionLayer, *, part: Approvals | None = None) -> Judgement:
        """:param part: only this part of the catalog; kept by whoever asks, since it is known by its identity."""
        catalog = part or self.catalog
        own_account, region = self._environment(function)
        which = layer.declared.key if layer.declared else repr(layer.arn or layer.value)
        where = function.template if layer.arn is None else ""  # a `Ref` means something else in each
        asked = (id(catalog), which, where, own_account, region)
        if asked not in self._answers:
            self._answers[asked] = self._judged(catalog, function, layer)
        return self._answers[asked]

    def _judged(self, catalog: Approvals, function: Resource, layer: FunctionLayer) -> Judgement:
        own_account, region = self._environment(function)
        declared = layer.declared
        if declared is None:
            texts = [layer.arn] if layer.arn else list(self._looked_up(layer.value, function.template, region))
            known = [arn_of(each, account=own_account, region=region) for each in texts]
            answers = [catalog.judge(text, own_account=own_account, on=self.today) for text in known if text]
            if not answers or None in known:
                return Unknown(layer=self.label(layer), reason="its ARN is known only at deployment")
            if len({type(answer) for answer in answers}) > 1:
                return Unknown(layer=self.label(layer), reason="it is approved in some regions, and not in others")
            return answers[0]
        for entry in catalog.entries:
            if entry.kind == "layer" and self._keys.get(id(entry.layer)) == declared.key:
                return catalog.judge(entry.layer, own_account=own_account, on=self.today)
        # That another layer of the app is approved, even one by the same name, says nothing about this one.
        others = Approvals(tuple(entry for entry in catalog.entries if entry.kind != "layer"), catalog.revoked)
        account, region = self._environment(declared)
        name = declared.properties.get("LayerName", declared.logical_id)
        arn = LayerArn(
            partition=partition_in(region),
            region=region,
            account=account,
            name=name if isinstance(name, str) else ANYTHING,
            version=ANYTHING,
        )
        return others.judge(arn, own_account=own_account, on=self.today)

    def _looked_up(self, value: object, template: str, region: str) -> Iterator[object]:
        """What a value may be; the CDK has AWS's layers in a table by region where it doesn't know the region."""
        match value:
            case {"Fn::FindInMap": [str(name), {"Ref": "AWS::Region"}, str(key)]}:
                table = self.tables[template].get(name, {})
                rows = [table.get(region)] if region in table else table.values()
                yield from (row.get(key) if isinstance(row, Mapping) else None for row in rows)
            case _:
                yield value

    def _environment(self, resource: Resource) -> tuple[str, str]:
        """Account and region of the stack that a resource is in; tokens where the deployment decides."""
        return self._environments.get(resource.template, ("${AWS::AccountId}", "${AWS::Region}"))

    @cached_property
    def _names(self) -> ConstructNames:
        return ConstructNames(self.root, ())

    @cached_property
    def _environments(self) -> dict[str, tuple[str, str]]:
        """By the name of the template."""
        stacks = [each for each in self.root.node.find_all() if isinstance(each, cdk.Stack)]
        return {stack.template_file: (stack.account, stack.region) for stack in stacks}

    @cached_property
    def _keys(self) -> dict[int, tuple[str, str]]:
        """Where the layers of the app stand that the catalog approves."""
        found = {}
        for entry in self.catalog.entries:
            layer = cast("Any", entry.layer)
            resource = layer.node.default_child if layer is not None else None
            if isinstance(resource, cdk.CfnResource):
                stack = resource.stack
                found[id(layer)] = (stack.template_file, stack.resolve(resource.logical_id))
        return found
