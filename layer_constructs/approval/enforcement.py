"""A catalog that holds while the app is synthesised, for every function in it, whoever made it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import aws_cdk as cdk

from layer_constructs.approval.approved_layer import ApprovedLayer
from layer_constructs.approval.catalog import LayerCatalog
from layer_constructs.approval.finding import RULES, ApprovalFinding
from layer_constructs.approval.judgement import Approved, Judgement, Refused, Unknown
from layer_constructs.errors import ArgumentError
from layer_constructs.layer_arn import LayerArn, is_token, partition_of
from layer_constructs.layers.construct_names import ConstructNames
from layer_constructs.layers.of_function import FunctionLayer, LambdaFunction, functions_of
from layer_constructs.layers.synth_checks import add_check, open_stages
from layer_constructs.sharing.lifecycle import today_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import IConstruct

    from layer_constructs.layers.templates import Resource, Template

# A parameter of CloudFormation in a text; `${!...}` stands for itself.
_VARIABLE = re.compile(r"\$\{(AWS::[A-Za-z]+)\}")

# What a part of an ARN looks like that nothing is known of.
_ANYTHING = "${Unknown}"


def enforce(catalog: LayerCatalog, scope: IConstruct, *, strict: bool = False) -> None:
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

    catalog: LayerCatalog
    strict: bool
    today: date
    below: str

    @property
    def rules(self) -> Sequence[str]:
        return RULES

    def findings(self, templates: list[Template], root: IConstruct) -> list[ApprovalFinding]:
        judge = _Judge(
            catalog=self.catalog,
            today=self.today,
            strict=self.strict,
            root=root,
            tables={template.name: template.mappings for template in templates},
        )
        return [
            finding
            for function in functions_of(templates)
            if not self.below or f"{judge.path(function)}/".startswith(f"{self.below}/")
            for finding in judge.findings(function)
        ]


@dataclass(kw_only=True)
class _Judge:
    """What a catalog says of the functions of an app or a stage; what was asked once is remembered.

    :param tables: by template, its ``Mappings``.
    """

    catalog: LayerCatalog
    today: date
    strict: bool
    root: IConstruct
    tables: Mapping[str, Mapping[str, Mapping[str, Any]]]
    _answers: dict[object, Judgement] = field(default_factory=dict)

    def path(self, function: LambdaFunction) -> str:
        """The construct's."""
        return self._names.path(function.resource)

    def findings(self, function: LambdaFunction) -> Iterator[ApprovalFinding]:
        if function.layers is None:
            yield self._unknown(function, "all", "which layers it has is known only at deployment")
            return
        for layer in function.layers:
            match self._answer(self.catalog, function.resource, layer):
                case Refused() as refused:
                    yield self._refused(function, layer, refused)
                case Unknown() as unknown:
                    yield self._unknown(
                        function, self._label(layer), f"whether its layer {self._label(layer)} is approved is not "
                        f"known: {unknown.reason}"
                    )  # fmt: skip
        for label, catalog in self._required.items():
            yield from self._lacking(function, function.layers, label, catalog)

    def _refused(self, function: LambdaFunction, layer: FunctionLayer, refused: Refused) -> ApprovalFinding:
        label = self._label(layer)
        lines = [f"its layer {label} is not approved: {refused.reason}"]
        if refused.nearest:
            lines.append(f"the nearest approved version is {refused.nearest}")
        return ApprovalFinding(
            rule="unapproved-layer",
            path=self.path(function),
            layer=label,
            text="\n".join(lines),
            fix=f"use {refused.nearest}" if refused.nearest else "take it off, or have it approved in the catalog",
        )

    def _unknown(self, function: LambdaFunction, label: str, text: str) -> ApprovalFinding:
        return ApprovalFinding(
            rule="unknown-layer",
            path=self.path(function),
            layer=label,
            text=text,
            fix="pin the layer by its ARN, or have IAM decide: LayerCatalog.deny_statements()",
            refuses=self.strict,
        )

    def _lacking(
        self, function: LambdaFunction, layers: tuple[FunctionLayer, ...], label: str, catalog: LayerCatalog
    ) -> Iterator[ApprovalFinding]:
        answers = [self._answer(catalog, function.resource, layer) for layer in layers]
        if any(isinstance(answer, Approved) for answer in answers):
            return
        known = not any(isinstance(answer, Unknown) for answer in answers)
        yield ApprovalFinding(
            rule="required-layer",
            path=self.path(function),
            layer=label,
            text="\n".join(
                [
                    f"it has no layer of {label!r}, which every function must have" if known
                    else f"whether it has a layer of {label!r}, which every function must have, is not known",
                    *(entry.what() for entry in catalog.entries),
                ]
            ),
            fix="add one of them to its layers",
            refuses=known or self.strict,
        )  # fmt: skip

    @cached_property
    def _required(self) -> dict[str, LayerCatalog]:
        """By label, the catalog of what will do."""
        labels = sorted({entry.required_as for entry in self.catalog.entries if entry.required_as})
        return {
            label: _only(self.catalog, [entry for entry in self.catalog.entries if entry.required_as == label])
            for label in labels
        }

    def _answer(self, catalog: LayerCatalog, function: Resource, layer: FunctionLayer) -> Judgement:
        own_account, region = self._environment(function)
        which = layer.declared.key if layer.declared else repr(layer.arn or layer.value)
        where = function.template if layer.arn is None else ""  # a `Ref` means something else in each
        asked = (id(catalog), which, where, own_account, region)
        if asked not in self._answers:
            self._answers[asked] = self._judged(catalog, function, layer)
        return self._answers[asked]

    def _judged(self, catalog: LayerCatalog, function: Resource, layer: FunctionLayer) -> Judgement:
        own_account, region = self._environment(function)
        declared = layer.declared
        if declared is None:
            texts = [layer.arn] if layer.arn else list(self._looked_up(layer.value, function.template, region))
            known = [_arn(each, account=own_account, region=region) for each in texts]
            answers = [catalog.judge(text, own_account=own_account, on=self.today) for text in known if text]
            if not answers or None in known:
                return Unknown(layer=self._label(layer), reason="its ARN is known only at deployment")
            if len({type(answer) for answer in answers}) > 1:
                return Unknown(layer=self._label(layer), reason="it is approved in some regions, and not in others")
            return answers[0]
        for entry in catalog.entries:
            if entry.kind == "layer" and self._keys.get(id(entry.layer)) == declared.key:
                return catalog.judge(entry.layer, own_account=own_account, on=self.today)
        # That another layer of the app is approved, even one by the same name, says nothing about this one.
        others = _only(catalog, [entry for entry in catalog.entries if entry.kind != "layer"])
        account, region = self._environment(declared)
        name = declared.properties.get("LayerName", declared.logical_id)
        arn = LayerArn(
            partition=_partition(region),
            region=region,
            account=account,
            name=name if isinstance(name, str) else _ANYTHING,
            version=_ANYTHING,
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

    def _label(self, layer: FunctionLayer) -> str:
        """How it is called in ids and texts."""
        if layer.declared:
            return self._names.path(layer.declared)
        return layer.arn or _words(layer.value)

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


def _only(catalog: LayerCatalog, entries: list[ApprovedLayer]) -> LayerCatalog:
    """Some of its approvals, and all that it revokes."""
    return LayerCatalog(*entries, revoked=catalog.revoked)


def _arn(value: object, *, account: str, region: str) -> str | None:
    """A value as far as it is known; None if it isn't known to be the ARN of a layer version."""
    text = _text(value, account=account, region=region)
    if text is None or not is_token(text):
        return text
    try:
        LayerArn.parse(text)
    except ArgumentError:
        return None  # one token may stand for several parts: for name and version
    return text


def _text(value: object, *, account: str, region: str) -> str | None:
    """What CloudFormation makes of a value, with ``${...}`` for what isn't known; None if nothing can be said."""
    known = {
        "AWS::AccountId": account,
        "AWS::Region": region,
        "AWS::Partition": _partition(region),
        "AWS::URLSuffix": _ANYTHING,
    }
    match value:
        case str() if "{{resolve:" not in value:
            return value
        case {"Ref": str(name)}:
            return known.get(name, _ANYTHING)
        case {"Fn::Sub": str(text)} if "{{resolve:" not in text:
            return _VARIABLE.sub(lambda match: known.get(match[1], _ANYTHING), text)
        case {"Fn::Join": [str(between), [*parts]]}:
            texts = [_text(part, account=account, region=region) for part in parts]
            return between.join(text for text in texts if text is not None) if None not in texts else None
    return None


def _partition(region: str) -> str:
    return "${AWS::Partition}" if is_token(region) else partition_of(region)


def _words(value: object) -> str:
    """A value of a template that stands in ids and texts."""
    match value:
        case {"Ref": str(name)}:
            return name
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"{name}.{attribute}"
        case Mapping() if len(value) == 1:
            ((function, given),) = value.items()
            return f"{function.removeprefix('Fn::')}-{_words(given)}"
    text = value if isinstance(value, str) else json.dumps(value)
    return re.sub(r"[^A-Za-z0-9_:./-]+", "-", text).strip("-")
