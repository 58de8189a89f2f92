"""Following a layer's reference through templates, without an app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layer_constructs.layers.of_function import FunctionLayer, functions_of
from layer_constructs.layers.templates import Template, asset_hash, read_templates

LAYER = {"Type": "AWS::Lambda::LayerVersion", "Properties": {}}


def template(name: str, value: Any = None, *, assembly: str = "app", **more: Any) -> Template:
    resources: dict[str, dict[str, Any]] = {"Layer": LAYER, "Topic": {"Type": "AWS::SNS::Topic"}}
    if value is not None:
        resources["Function"] = {"Type": "AWS::Lambda::Function", "Properties": {"Layers": [value]}}
    return Template(name=name, assembly=assembly, resources=resources, **more)


def exporting(name: str, *, assembly: str = "app") -> Template:
    outputs = {"Out": {"Value": {"Ref": "Layer"}, "Export": {"Name": "shared"}}}
    return template(name, assembly=assembly, outputs=outputs)


def only_layer(*templates: Template) -> FunctionLayer:
    (function,) = functions_of(templates)
    assert function.layers is not None
    (layer,) = function.layers
    return layer


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:lambda:eu-west-1:111122223333:layer:core:7",
        "arn:aws-cn:lambda:cn-north-1:111122223333:layer:core:7",
        "arn:aws:lambda:::awslayer:AmazonLinux1803",
    ],
)
def test_an_arn_is_known_by_itself(arn: str) -> None:
    layer = only_layer(template("one", arn))
    assert (layer.arn, layer.declared, layer.is_known) == (arn, None, True)


@pytest.mark.parametrize(
    "value",
    [
        "{{resolve:ssm:/layers/core}}",
        {"Ref": "Nobody"},
        {"Ref": "Topic"},
        {"Fn::GetAtt": ["Topic", "Outputs.X"]},
        {"Fn::If": ["Condition", {"Ref": "Layer"}, {"Ref": "AWS::NoValue"}]},
        {"Fn::ImportValue": "nobodys"},
        {"Fn::GetStackOutput": {"OutputName": "Nobodys"}},
        {"Fn::Join": [":", ["arn", "aws"]]},
        7,
    ],
)
def test_what_leads_nowhere_is_unknown_and_keeps_its_value(value: Any) -> None:
    layer = only_layer(template("one", value))
    assert not layer.is_known
    assert layer.value == value


def test_an_import_finds_the_one_export_of_its_own_stage() -> None:
    layer = only_layer(
        template("one", {"Fn::ImportValue": "shared"}), exporting("two"), exporting("three", assembly="other")
    )
    assert layer.declared is not None
    assert layer.declared.key == ("two", "Layer")


def test_an_import_of_what_two_stacks_export_is_unknown() -> None:
    value = {"Fn::ImportValue": "shared"}
    assert not only_layer(template("one", value), exporting("two"), exporting("three")).is_known


def test_references_in_a_circle_end() -> None:
    outputs = {"Out": {"Value": {"Fn::ImportValue": "round"}, "Export": {"Name": "round"}}}
    assert not only_layer(template("one", {"Fn::ImportValue": "round"}, outputs=outputs)).is_known


@pytest.mark.parametrize("text", ["", "Resources: {}\n", "[]", '{"Resources": {"A": 1}, "Outputs": []}'])
def test_a_template_that_is_not_the_cdks_has_no_functions(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.template.json"
    path.write_text(text, encoding="utf-8")
    assert list(functions_of(read_templates([path, tmp_path / "absent.json"]))) == []


@pytest.mark.parametrize(
    "value", [{"S3Key": f"prefix/{'a' * 64}.zip"}, {"Ref": f"AssetParameters{'a' * 64}S3VersionKey9B8C"}]
)
def test_an_assets_hash_is_found_in_any_synthesizers_key(value: Any) -> None:
    assert asset_hash(json.loads(json.dumps(value))) == "a" * 64


def test_another_hash_is_not_taken_for_an_assets() -> None:
    assert asset_hash({"S3Key": "a" * 65}) is None
