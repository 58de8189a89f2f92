"""Whatever way a layer comes to a function, and whoever made the function, it is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import aws_cdk as cdk
import jsii
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sam as sam

from layer_constructs.layers.of_function import LambdaFunction, functions_of
from layer_constructs.layers.templates import read_templates
from tests.layers.checks.functions import function, refusal

if TYPE_CHECKING:
    from constructs import IConstruct

    from tests.layers.checks.conftest import MakeLayer

ARN = "arn:aws:lambda:eu-west-1:111122223333:layer:other:7"

# What each of these functions is wrong about: the layer is for the other architecture.
WRONG: dict[str, Any] = {"architecture": lambda_.Architecture.ARM_64}


@pytest.fixture
def layer(stack: cdk.Stack, make_layer: MakeLayer) -> lambda_.LayerVersion:
    return make_layer(stack, "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")


def functions_in(app: cdk.App) -> dict[str, LambdaFunction]:
    """By what their logical id starts with."""
    app.synth()
    templates = read_templates(sorted(Path(app.outdir).rglob("*.template.json")))
    own = [template for template in templates if not template.name.endswith(".nested.template.json") or template.parent]
    return {each.resource.logical_id[:5]: each for each in functions_of(own)}


class Nested(cdk.NestedStack):
    pass


def _nested(stack: cdk.Stack) -> cdk.Stack:
    return Nested(stack, "Nested")


def _twice_nested(stack: cdk.Stack) -> cdk.Stack:
    return Nested(Nested(stack, "Outer"), "Inner")


def _other(stack: cdk.Stack) -> cdk.Stack:
    return cdk.Stack(cast("cdk.Stage", cdk.Stage.of(stack)), "Other")


def _nested_in_other(stack: cdk.Stack) -> cdk.Stack:
    return Nested(cdk.Stack(cast("cdk.Stage", cdk.Stage.of(stack)), "Other"), "Nested")


ELSEWHERE = [_nested, _twice_nested, _other, _nested_in_other]


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_a_function_in_another_stack_has_it(
    app: cdk.App, stack: cdk.Stack, layer: lambda_.LayerVersion, elsewhere: Callable[[cdk.Stack], cdk.Stack]
) -> None:
    where = elsewhere(stack)
    used = function(where, layers=[layer], **WRONG)
    said = refusal(app)
    assert f"{used.node.path}: it runs on arm64" in said
    assert "Stack/Deps (" in said


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_a_function_has_a_layer_that_another_stack_made(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer, elsewhere: Callable[[cdk.Stack], cdk.Stack]
) -> None:
    made = make_layer(elsewhere(stack), "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
    function(stack, layers=[made], **WRONG)
    assert f"Stack/Function: it runs on arm64, and {made.node.path} (" in refusal(app)


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_it_is_found_in_a_stage_that_is_synthesised_alone(
    app: cdk.App, make_layer: MakeLayer, elsewhere: Callable[[cdk.Stack], cdk.Stack]
) -> None:
    stage = cdk.Stage(app, "Stage")
    stack = cdk.Stack(stage, "Stack")
    made = make_layer(elsewhere(stack), "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
    function(stack, layers=[made], **WRONG)
    assert f"Stage/Stack/Function: it runs on arm64, and {made.node.path} (" in refusal(stage)


def test_a_reference_without_an_export_is_followed(app: cdk.App, stack: cdk.Stack, layer: lambda_.LayerVersion) -> None:
    cdk.CrossStackReferences.of(layer).produce(cdk.ReferenceStrength.WEAK)
    function(_other(stack), layers=[layer], **WRONG)
    assert "Other/Function: it runs on arm64" in refusal(app)


def test_two_stages_with_stacks_of_one_name_are_told_apart(app: cdk.App, make_layer: MakeLayer) -> None:
    for name, more in (("Test", {}), ("Live", WRONG)):
        stage = cdk.Stage(app, name)
        made = make_layer(cdk.Stack(stage, "Core", stack_name="core"), "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
        function(cdk.Stack(stage, "Mine", stack_name="mine"), layers=[made], **more)
    said = refusal(app)
    assert "Live/Mine/Function: it runs on arm64, and Live/Core/Deps" in said
    assert "Test" not in said


def test_layers_that_are_added_later_or_by_an_escape_hatch_count(
    app: cdk.App, stack: cdk.Stack, layer: lambda_.LayerVersion
) -> None:
    function(stack, "Later", **WRONG).add_layers(layer)
    function(stack, "Overridden", **WRONG).node.default_child.add_property_override(  # type: ignore[union-attr]
        "Layers", [layer.layer_version_arn]
    )
    said = refusal(app)
    assert "Stack/Later: it runs" in said
    assert "Stack/Overridden: it runs" in said


@jsii.implements(cdk.IAspect)
class AddsLayer:
    """As a company's own aspect would."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, lambda_.CfnFunction):
            node.layers = [self._arn]


@pytest.mark.parametrize("in_stage", [False, True])
def test_a_layer_that_an_aspect_adds_counts(app: cdk.App, make_layer: MakeLayer, in_stage: bool) -> None:
    stage = cdk.Stage(app, "Stage") if in_stage else app
    stack = cdk.Stack(stage, "Stack")
    made = make_layer(stack, "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
    function(stack, **WRONG)
    cdk.Aspects.of(stage).add(AddsLayer(made.layer_version_arn))
    assert "Stack/Function: it runs on arm64" in refusal(stage)


@pytest.mark.parametrize("in_stage", [False, True])
def test_a_function_of_the_serverless_transform_counts(app: cdk.App, make_layer: MakeLayer, in_stage: bool) -> None:
    stage = cdk.Stage(app, "Stage") if in_stage else app
    stack = cdk.Stack(stage, "Stack")
    made = make_layer(stack, "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
    sam.CfnFunction(
        stack, "Function", runtime="python3.13", handler="index.handler", inline_code="handler = print",
        layers=[made.layer_version_arn], architectures=["arm64"],
    )  # fmt: skip
    assert f"{stack.node.path}/Function: it runs on arm64, and {made.node.path} (" in refusal(stage)


def test_aliases_and_versions_are_of_a_function_that_is_looked_at_once(
    app: cdk.App, stack: cdk.Stack, layer: lambda_.LayerVersion
) -> None:
    used = function(stack, layers=[layer], **WRONG)
    used.add_alias("live")
    assert refusal(app).count("it runs on arm64") == 1


def test_a_singleton_function(app: cdk.App, stack: cdk.Stack, layer: lambda_.LayerVersion) -> None:
    for number in range(2):
        lambda_.SingletonFunction(
            stack,
            f"Single{number}",
            uuid="0a7b1c5e-6a39-4b5a-8a0e-0d1f5f3b2c11",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline("x"),
            layers=[layer],
            **WRONG,
        )
    said = refusal(app)
    assert said.count("it runs on arm64") == 1
    assert "Stack/SingletonLambda0a7b1c5e6a394b5a8a0e0d1f5f3b2c11" in said


def test_a_python_function_of_the_alpha_module(tmp_path: Path, make_layer: MakeLayer) -> None:
    alpha = pytest.importorskip("aws_cdk.aws_lambda_python_alpha")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").touch()
    app = cdk.App(outdir=str(tmp_path / "cdk.out"), context={"aws:cdk:bundling-stacks": []})
    stack = cdk.Stack(app, "Stack")
    made = make_layer(stack, "Deps", tag="cp313-cp313-manylinux_2_17_x86_64")
    alpha.PythonFunction(
        stack, "Python", entry=str(tmp_path / "code"), runtime=lambda_.Runtime.PYTHON_3_13, layers=[made], **WRONG
    )
    assert "Stack/Python: it runs on arm64" in refusal(app)


def test_functions_that_other_constructs_make_pass(
    app: cdk.App, stack: cdk.Stack, layer: lambda_.LayerVersion, tmp_path: Path
) -> None:
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_s3_deployment as deployment
    from aws_cdk import custom_resources as custom

    custom.Provider(stack, "Provider", on_event_handler=function(stack, layers=[layer]))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").touch()
    deployment.BucketDeployment(
        stack,
        "Deployment",
        sources=[deployment.Source.asset(str(tmp_path / "site"))],
        destination_bucket=s3.Bucket(
            stack, "Bucket", auto_delete_objects=True, removal_policy=cdk.RemovalPolicy.DESTROY
        ),
    )
    app.synth()


def test_a_function_that_another_construct_made_is_refused_too(
    app: cdk.App, stack: cdk.Stack, layer: lambda_.LayerVersion
) -> None:
    from aws_cdk import custom_resources as custom

    provider = custom.Provider(stack, "Provider", on_event_handler=function(stack))
    framework = provider.node.find_child("framework-onEvent")
    assert isinstance(framework, lambda_.Function)
    framework.node.default_child.add_property_override("Layers", [layer.layer_version_arn])  # type: ignore[union-attr]
    assert "Stack/Provider/framework-onEvent: it runs on nodejs" in refusal(app)


def test_imported_functions_have_no_layers_that_anybody_knows(
    app: cdk.App, stack: cdk.Stack, layer: lambda_.LayerVersion
) -> None:
    arn = "arn:aws:lambda:eu-west-1:111122223333:function:theirs"
    lambda_.Function.from_function_arn(stack, "Theirs", arn)
    lambda_.Function.from_function_name(stack, "Named", "theirs")
    assert functions_in(app) == {}


def test_tells_declared_named_and_unknown_layers_apart(
    app: cdk.App, stack: cdk.Stack, layer: lambda_.LayerVersion
) -> None:
    named = lambda_.LayerVersion.from_layer_version_arn(stack, "Named", ARN)
    given = cdk.CfnParameter(stack, "Given", default=ARN).value_as_string
    unknown = lambda_.LayerVersion.from_layer_version_arn(stack, "Unknown", given)
    imported = lambda_.LayerVersion.from_layer_version_arn(stack, "Imported", cdk.Fn.import_value("nobodys"))
    mine, none = function(stack, "Mine0", layers=[named, layer, unknown, imported]), function(stack, "None0")
    assert mine.node.path != none.node.path
    found = functions_in(app)
    layers = found["Mine0"].layers
    assert layers is not None
    assert [each.arn for each in layers] == [ARN, None, None, None]
    assert [each.declared.logical_id[:4] if each.declared else None for each in layers] == [None, "Deps", None, None]
    assert [each.is_known for each in layers] == [True, True, False, False]
    assert layers[2].value == {"Ref": "Given"}
    assert found["None0"].layers == ()


def test_layers_that_are_one_token_are_not_an_empty_list(app: cdk.App, stack: cdk.Stack) -> None:
    used = function(stack, "Token")
    layers = cdk.CfnParameter(stack, "Given", type="CommaDelimitedList").value_as_list
    used.node.default_child.add_property_override("Layers", layers)  # type: ignore[union-attr]
    assert functions_in(app)["Token"].layers is None
