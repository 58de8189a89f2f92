"""A layer whose replaced versions are kept, but not the permissions to use them, whoever made it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_lambda as lambda_

from layer_constructs.layers.checks.kept_permissions import lost_permissions
from layer_constructs.layers.templates import Resource, Template
from layer_constructs.sharing.share import Share
from tests.layers.checks.functions import refusal

if TYPE_CHECKING:
    from constructs import Construct

    from tests.layers.checks.conftest import MakeLayer

LOST = "its replaced versions are kept, but the permissions to use them are deleted"
ACCEPTED = "layer-constructs::permission-not-kept"
ACCOUNT = "111122223333"


def plain(scope: Construct, name: str = "Plain", policy: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN) -> Any:
    """The CDK's own layer."""
    bucket = cdk.aws_s3.Bucket.from_bucket_name(scope, f"{name}Bucket", "layers")
    code = lambda_.Code.from_bucket(bucket, f"{name}.zip")
    return lambda_.LayerVersion(scope, name, code=code, removal_policy=policy)


def keep(layer: Any, name: str) -> None:
    layer.node.find_child(name).cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN


def _synth_root(stack: cdk.Stack) -> object:
    return stack.node.root.synth()  # type: ignore[attr-defined]


def _synth_stage(stack: cdk.Stack) -> object:
    stage = cdk.Stage.of(stack)
    assert stage
    return stage.synth()


ENTRY_POINTS = [
    pytest.param(False, _synth_root, id="app.synth"),
    pytest.param(False, assertions.Template.from_stack, id="Template.from_stack in an app"),
    pytest.param(True, _synth_root, id="app.synth with a stage"),
    pytest.param(True, assertions.Template.from_stack, id="Template.from_stack in a stage"),
    pytest.param(True, _synth_stage, id="stage.synth"),
]


@pytest.mark.parametrize("case", ["lost", "kept", "accepted"])
@pytest.mark.parametrize(("in_stage", "synth"), ENTRY_POINTS)
def test_wherever_an_app_is_synthesised(
    app: cdk.App, make_layer: MakeLayer, in_stage: bool, synth: Callable[[cdk.Stack], object], case: str
) -> None:
    stack = cdk.Stack(cdk.Stage(app, "Stage") if in_stage else app, "Stack")
    make_layer(stack, "Deps")
    layer = plain(stack)
    layer.add_permission("Consumer", account_id=ACCOUNT)
    if case == "kept":
        keep(layer, "Consumer")
    if case == "accepted":
        cdk.Validations.of(layer).acknowledge(cdk.Acknowledgment(id=ACCEPTED, reason="nobody pins a version"))
    if case != "lost":
        synth(stack)
        return
    with pytest.raises(RuntimeError, match=LOST) as caught:
        synth(stack)
    said = str(caught.value)
    assert f"{layer.node.path}: its replaced versions" in said
    assert f"account {ACCOUNT} (PlainConsumer" in said
    assert "update_replace_policy = cdk.CfnDeletionPolicy.RETAIN" in said


def test_our_own_layers_pass_however_they_are_shared(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer) -> None:
    layer = make_layer(stack, "Deps", share_with=[Share.account(ACCOUNT)])
    layer.share_with(Share.organization("o-a1b2c3d4e5"))
    layer.add_permission("Consumer", account_id="444455556666")
    make_layer(stack, "Gone", removal_policy=cdk.RemovalPolicy.DESTROY, share_with=[Share.account(ACCOUNT)])
    app.synth()


def test_a_permission_of_ours_that_is_made_disposable_afterwards_is_found(
    app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer
) -> None:
    layer = make_layer(stack, "Deps", share_with=[Share.account(ACCOUNT)])
    cdk.RemovalPolicies.of(layer.node.find_child("Share111122223333")).destroy()
    assert LOST in refusal(app)


def test_one_report_names_all_that_lose_it(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer) -> None:
    make_layer(stack, "Deps")
    layer = plain(stack)
    layer.add_permission("Account", account_id=ACCOUNT)
    layer.add_permission("Organization", account_id="*", organization_id="o-a1b2c3d4e5")
    layer.add_permission("Everybody", account_id="*")
    layer.add_permission("Later", account_id=cdk.Aws.ACCOUNT_ID)
    layer.add_permission("Kept", account_id="444455556666")
    keep(layer, "Kept")
    said = refusal(app)
    assert said.count(LOST) == 1
    for whom in (f"account {ACCOUNT} (", "organisation o-a1b2c3d4e5 (", "everybody (", "an account ("):
        assert whom in said
    assert "444455556666" not in said


def test_a_layer_that_is_not_kept_loses_nothing(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer) -> None:
    make_layer(stack, "Deps")
    plain(stack, policy=cdk.RemovalPolicy.DESTROY).add_permission("Consumer", account_id=ACCOUNT)
    layer = plain(stack, "Unsaid")
    layer.node.default_child.cfn_options.update_replace_policy = None
    layer.add_permission("Consumer", account_id=ACCOUNT)
    app.synth()


def permission_in(scope: Construct, arn: str) -> None:
    lambda_.CfnLayerVersionPermission(
        scope, "Permission", action="lambda:GetLayerVersion", layer_version_arn=arn, principal=ACCOUNT
    )


@pytest.mark.parametrize("nested", ["layer", "permission"])
def test_across_nested_stacks(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer, nested: str) -> None:
    make_layer(stack, "Deps")
    below = cdk.NestedStack(stack, "Nested")
    layer = plain(below if nested == "layer" else stack)
    permission_in(stack if nested == "layer" else below, layer.layer_version_arn)
    assert f"{layer.node.path}: {LOST}" in refusal(app)


def test_across_stacks(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer) -> None:
    make_layer(stack, "Deps")
    layer = plain(stack)
    permission_in(cdk.Stack(app, "Other"), layer.layer_version_arn)
    assert f"Stack/Plain: {LOST}" in refusal(app)


def test_a_layer_of_another_app_is_not_ours_to_judge(app: cdk.App, stack: cdk.Stack, make_layer: MakeLayer) -> None:
    make_layer(stack, "Deps")
    permission_in(stack, "arn:aws:lambda:eu-west-1:111122223333:layer:theirs:1")
    app.synth()


class _Names:
    def path(self, resource: Resource) -> str:
        return resource.logical_id

    def origin(self, resource: Resource) -> str | None:
        return None


@pytest.mark.parametrize(
    ("of_layer", "of_permission", "lost"),
    [
        ("Retain", None, True),
        ("Retain", "Delete", True),
        ("Retain", "Retain", False),
        ("Delete", "Delete", False),
        (None, None, False),
        ("Retain", {"Fn::FindInMap": ["Kept", "Policy", "Name"]}, False),  # AWS::LanguageExtensions
        ({"Ref": "Policy"}, None, False),
    ],
)
def test_what_only_the_deployment_decides_is_not_wrong(of_layer: object, of_permission: object, lost: bool) -> None:
    def resource(kind: str, policy: object, **properties: object) -> dict[str, Any]:
        said = {} if policy is None else {"UpdateReplacePolicy": policy}
        return {"Type": f"AWS::Lambda::{kind}", "Properties": properties, **said}

    template = Template(
        name="Stack.template.json",
        assembly=str(Path()),
        resources={
            "Layer": resource("LayerVersion", of_layer),
            "Grant": resource("LayerVersionPermission", of_permission, LayerVersionArn={"Ref": "Layer"}),
        },
    )
    found = list(lost_permissions([template], _Names()))
    assert [finding.path for finding in found] == ["Layer"] * lost
